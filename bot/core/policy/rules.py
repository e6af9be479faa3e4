"""Rules: the decisions of moderators, each with a scope; and an index that finds the rules for a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeAlias, TypeVar, get_args, get_type_hints

from bot.core.model import DisplayOptions
from bot.core.policy.scope import Key, RequestContext, Scope, Subject
from bot.core.wording.model_names import ModelKind, ModelNames
from bot.core.wording.styles import Style
from bot.i18n import _

_LONGEST, _LONGEST_VALUE = 500, 6000  # characters of a name, a reason or a word; and of a field's value


class Measure(StrEnum):
    """The things that a limit can count."""

    HOUR = "hour"  #: runs per 60 minutes
    DAY = "day"  #: runs per 24 hours
    SECONDS = "seconds"  #: server seconds per 24 hours
    WAITING = "waiting"  #: waiting runs
    RUNNING = "running"  #: running runs
    COOLDOWN = "cooldown"  #: seconds from one run to the next
    CREDITS = "credits"  #: credits for nodes that cost money, per 24 hours
    COUNT = "count"  #: runs with one request


@dataclass(frozen=True)
class Access:
    """Permission to run a workflow, or not."""

    allow: bool


@dataclass(frozen=True)
class Limit:
    """The maximum for each person. The rule's name is the measure."""

    most: int


@dataclass(frozen=True)
class Budget:
    """The maximum for all people together. The rule's name is the measure."""

    most: int


@dataclass(frozen=True)
class Narrowing:
    """A restriction of a field. People do not fill in a `fixed` or a `hidden` field.

    `minimum` and `maximum` of a text count its characters. The rule's name is the field's.
    """

    minimum: float | None = None
    maximum: float | None = None
    default: str | int | float | bool | None = None
    fixed: str | int | float | bool | None = None
    choices: tuple[str, ...] | None = None
    hidden: bool = False


@dataclass(frozen=True)
class WordList:
    """Blocked words and patterns. With `hold` a moderator decides; otherwise the request is refused."""

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    hold: bool = False


@dataclass(frozen=True)
class TextList:
    """Texts, of which people write one as `__name__`: the rule's name, between underscores."""

    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Review:
    """Moderators review results, or not. `channel` is where they are asked, if one is named."""

    on: bool = True
    channel: str = ""


@dataclass(frozen=True)
class Block:
    """A blocked person. `until` is in seconds since 1970; None means permanently."""

    reason: str = ""
    until: float | None = None


@dataclass(frozen=True)
class Moderators:
    """The roles that make a member a moderator, if the owner has named some."""

    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A workflow that was added in the chat: until it is `open` somewhere, only the person who added it, as
    "platform:id", and operators may run it there. A draft is for that person `alone`.
    """

    by: str = ""
    open: bool = False
    alone: bool | None = None


@dataclass(frozen=True)
class Admission:
    """A person who may use the bot in private, on a platform where that needs permission."""


@dataclass(frozen=True)
class Spending:
    """The operator's permission for nodes that cost money: at most so many credits per 24 hours, for all people
    together. Without one they are not permitted; with 0 they are forbidden.
    """

    most: int


@dataclass(frozen=True)
class RunPrice:
    """The operator's own price for a run of a workflow whose nodes do not declare one, in credits."""

    credits: float


Body: TypeAlias = (
    Access
    | Limit
    | Budget
    | Narrowing
    | WordList
    | TextList
    | Style
    | ModelNames
    | Review
    | Block
    | DisplayOptions
    | Moderators
    | Trial
    | Admission
    | Spending
    | RunPrice
)
Slot: TypeAlias = tuple[str, str, Key]
_Body = TypeVar(
    "_Body",
    Access,
    Limit,
    Budget,
    Narrowing,
    WordList,
    TextList,
    Style,
    ModelNames,
    Review,
    Block,
    DisplayOptions,
    Moderators,
    Trial,
    Admission,
    Spending,
    RunPrice,
)

#: The name under which each kind is stored and exported. Keep it when you rename the class.
_STORED = {DisplayOptions: "manner"}
_LATER = ("ping", "private", "alone")  # unknown to version 0.1, and left out where it says nothing
KINDS: Mapping[str, type[Body]] = {_STORED.get(each, each.__name__.lower()): each for each in get_args(Body)}
_NAMES: Mapping[type[Body], str] = {body: kind for kind, body in KINDS.items()}


@dataclass(frozen=True)
class Rule:
    """A decision. `name` distinguishes rules of one kind and scope: the measure of a limit, a field, a word list."""

    scope: Scope
    body: Body
    name: str = ""

    @property
    def kind(self) -> str:
        return _NAMES[type(self.body)]

    @property
    def most(self) -> int:
        """The maximum of a limit, a budget or a permission to spend; 0 for other rules."""
        return self.body.most if isinstance(self.body, Limit | Budget | Spending) else 0

    @property
    def slot(self) -> Slot:
        """The subject of the rule. A later rule with the same slot replaces it."""
        return self.kind, self.name, self.scope.key

    @property
    def excess(self) -> str | None:
        """Return what is too long to be kept, in words."""
        most = _LONGEST_VALUE if isinstance(self.body, Narrowing) else _LONGEST
        scope, body = self.scope, astuple(self.body)
        within = [each for value in body for each in (value if isinstance(value, tuple) else (value,))]
        names = (self.name, scope.place, scope.place_name, scope.who.key, scope.who.name, scope.workflow)
        for texts, longest in ((names, _LONGEST), (within, most)):
            if long := [text for text in texts if isinstance(text, str) and len(text) > longest]:
                return _("“{text}…” has more than {most} characters").format(text=long[0][:20], most=longest)
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the rule as data, without the community."""
        scope = self.scope
        body = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self.body).items()
            if value is not None or key not in _LATER
        }
        data = {
            "kind": self.kind,
            "name": self.name,
            "place": scope.place,
            "place_name": scope.place_name,
            "who": scope.who.key,
            "who_name": scope.who.name,
            "workflow": scope.workflow,
        }
        return {key: value for key, value in data.items() if value} | {"body": body}

    @classmethod
    def from_json(cls, data: object, community: str) -> Rule:
        """Read a rule from data, for a community. Raises `ValueError` with what is wrong, in words."""
        if not isinstance(data, Mapping) or data.get("kind") not in KINDS:
            raise ValueError(_("its kind is not one of {kinds}").format(kinds=", ".join(KINDS)))
        texts = {key: data.get(key, "") for key in ("name", "place", "place_name", "who", "who_name", "workflow")}
        wrong = [key for key, text in texts.items() if not isinstance(text, str)]
        if wrong or not isinstance(data.get("body"), Mapping):
            raise ValueError(_("“{key}” is missing or has the wrong type").format(key=(*wrong, "body")[0]))
        try:
            who = Subject.read(texts["who"], texts["who_name"])
        except ValueError:
            raise ValueError(_("“{who}” does not name people").format(who=texts["who"])) from None
        scope = Scope(community, texts["place"], who, texts["workflow"], texts["place_name"])
        rule = cls(scope, _body(data["kind"], data["body"]), texts["name"])
        if isinstance(rule.body, ModelNames) and rule.name not in list(ModelKind):
            raise ValueError(_("there is no kind of models “{name}”").format(name=rule.name))
        if isinstance(rule.body, Limit | Budget) and rule.name not in list(Measure):
            raise ValueError(_("there is no limit “{name}”").format(name=rule.name))
        return rule


class Rules:
    """Rules, indexed by what they are about. Of two rules about the same, a denial wins, else the later one."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._by_slot: dict[Slot, Rule] = {}
        self._names: dict[str, set[str]] = {}
        for rule in sorted(rules, key=_is_denial):
            self._by_slot[rule.slot] = rule
            self._names.setdefault(rule.kind, set()).add(rule.name)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._by_slot.values())

    def __len__(self) -> int:
        return len(self._by_slot)

    def get(self, slot: Slot) -> Rule | None:
        return self._by_slot.get(slot)

    def names(self, body: type[Body]) -> list[str]:
        """Return the names of all rules of a kind."""
        return sorted(self._names.get(_NAMES[body], ()))

    def tiers(
        self, body: type[_Body], context: RequestContext, name: str = "", *, everywhere: bool = True
    ) -> Iterator[list[Rule]]:
        """Return the rules of a kind about a request, grouped by rank, narrowest first."""
        for key in context.scope_keys if everywhere else context.scope_keys[:-1]:
            yield from self.at(body, context, key, name)

    def at(
        self, body: type[_Body], context: RequestContext, key: tuple[str, str], name: str = ""
    ) -> Iterator[list[Rule]]:
        """Return the same for one place only."""
        kind, found = _NAMES[body], self._by_slot
        if name not in self._names.get(kind, ()):
            return
        for tier in context.tiers(key):
            if rules := [rule for key in tier if (rule := found.get((kind, name, key))) is not None]:
                yield rules

    def narrowest(self, body: type[_Body], context: RequestContext, name: str = "") -> Rule | None:
        """Return the narrowest rule of a kind about a request."""
        return next((tier[0] for tier in self.tiers(body, context, name)), None)

    def of(self, body: type[Body]) -> list[Rule]:
        """Return every rule of a kind."""
        return [rule for rule in self if isinstance(rule.body, body)]


def _is_denial(rule: Rule) -> bool:
    return rule.body == Access(allow=False)


def _body(kind: str, data: Mapping[str, Any]) -> Body:
    """Read a body from data. Each entry must have its declared type."""
    declared = _declared(kind)
    for key, value in data.items():
        if key not in declared or not _is_a(value, declared[key]):
            raise ValueError(_("“{key}” is unknown or has the wrong type").format(key=key))
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    try:
        return KINDS[kind](**given)
    except TypeError:
        raise ValueError(_("something is missing in “{kind}”").format(kind=kind)) from None


@cache
def _declared(kind: str) -> Mapping[str, Any]:
    """Return the types of the fields of a kind's body."""
    hints = get_type_hints(KINDS[kind])
    return {each.name: hints[each.name] for each in fields(KINDS[kind])}


def _is_a(value: object, hint: Any) -> bool:
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if isinstance(value, list):
        texts = all(isinstance(each, str) for each in value)
        return texts and any(getattr(option, "__origin__", None) is tuple for option in options)
    plain = tuple(option for option in options if isinstance(option, type) and not hasattr(option, "__origin__"))
    if isinstance(value, bool):
        return bool in plain
    whole = isinstance(value, int) and float in plain
    return whole or isinstance(value, plain)
