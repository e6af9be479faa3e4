"""Terms: how much may be asked for, with which values and words, and how results are shown; what the forms for that
mean, and how they are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.errors import BadValue, UserError
from bot.core.model import DisplayOptions, Person, Place
from bot.core.platform import (
    Measure,
    ModelKind,
    ModelNames,
    ModerationService,
    Narrowing,
    Rule,
    RuleTarget,
    Style,
    TextList,
    WordList,
    Workflow,
    read_names,
)
from bot.i18n import _
from bot.platforms.web.admin.html import Html, el
from bot.platforms.web.admin.inputs import Inputs

_SWITCHES = {"on": True, "off": False}
_PLACES = {"discord": r"\d{1,20}", "telegram": r"-?\d{1,20}(/\d{1,20})?"}  # channels and topics, as platforms name them


class PolicyForms:
    """Decides what the forms say; each act answers with a sentence, and raises `UserError` with what to change."""

    def __init__(self, moderation: ModerationService) -> None:
        self._moderation = moderation

    async def limit(self, by: Person, here: Place, aim: RuleTarget, given: Mapping[str, str]) -> str:
        """Set a limit for each person, or for all people together."""
        most = given.get("most", "")
        if not most.isdecimal():
            raise BadValue("most", _("enter a whole number, 0 or more."))
        together = given.get("together") == "yes"
        return await self._moderation.limit(by, here, given.get("measure", ""), int(most[:9]), aim, together=together)

    async def spend(self, by: Person, here: Place, given: Mapping[str, str]) -> str:
        """Permit nodes that cost money, up to a ceiling. An empty one removes the permission."""
        most = given.get("most", "")
        if most and not most.isdecimal():
            raise BadValue("most", _("enter a whole number, 0 or more."))
        ceiling = int(most[:9]) if most else None
        return await self._moderation.spending(by, here, ceiling, everywhere=not here.community)

    async def price(self, by: Person, here: Place, given: Mapping[str, str]) -> str:
        """Set the price of a workflow; an empty one removes it."""
        return await self._moderation.price(by, here, given.get("workflow", ""), _number(given, "price"))

    async def narrow(self, by: Person, here: Place, aim: RuleTarget, given: Mapping[str, str]) -> str:
        """Narrow the values that a field of a workflow takes."""
        workflow, _space, name = given.get("field", "").partition(" ")
        choices = tuple(_listed(given.get("choices", ""))) or None
        low, high = _number(given, "minimum"), _number(given, "maximum")
        default, fixed = (given.get(each) or None for each in ("default", "fixed"))
        to = Narrowing(low, high, default, fixed, choices, given.get("hidden") == "yes")
        if to == Narrowing():
            raise BadValue("minimum", _("fill in at least one of these."))
        try:
            return await self._moderation.field(by, here, name, to, replace(aim, workflow=workflow))
        except BadValue as fault:
            raise BadValue("field", fault.reason) from fault

    async def words(self, by: Person, here: Place, aim: RuleTarget, given: Mapping[str, str]) -> str:
        """Set a list of blocked words. It replaces a list of the same name."""
        patterns = tuple(line.strip() for line in given.get("patterns", "").splitlines() if line.strip())
        to = WordList(tuple(_listed(given.get("words", ""))), patterns, given.get("hold") == "yes")
        if not to.words and not to.patterns:
            raise BadValue("words", _("enter a word or a pattern."))
        return await self._moderation.words(by, here, given.get("name", "") or _("words"), to, aim)

    async def texts(self, by: Person, here: Place, aim: RuleTarget, given: Mapping[str, str]) -> str:
        """Set a list of texts. It replaces a list of the same name."""
        if not given.get("texts", ""):
            raise BadValue("texts", _("enter a text."))
        return await self._moderation.list_(by, here, given.get("name", ""), given["texts"], aim)

    async def style(self, by: Person, here: Place, aim: RuleTarget, given: Mapping[str, str]) -> str:
        """Set a style. It replaces a style of the same name."""
        to = Style(*(given.get(each, "") for each in ("before", "after", "avoid")))
        if to == Style():
            raise BadValue("before", _("enter a text."))
        return await self._moderation.style(by, here, given.get("name", ""), to, aim)

    async def models(self, by: Person, here: Place, aim: RuleTarget, given: Mapping[str, str]) -> str:
        """Allow and deny models of a kind; two empty lists allow all."""
        to = ModelNames(read_names(given.get("allowed", "")), read_names(given.get("denied", "")))
        return await self._moderation.models(by, here, given.get("kind", ""), to, aim)

    async def show(self, by: Person, here: Place, aim: RuleTarget, given: Mapping[str, str]) -> str:
        """Set the review of results, and where and how they are shown; settings left open keep their value."""
        shown = ("previews", "spoilers", "private")
        previews, spoilers, private = (_SWITCHES.get(given.get(each, "")) for each in shown)
        to = DisplayOptions(_results(here, given), previews, spoilers, private=private)
        said, told = given.get("told", ""), []
        if (on := _SWITCHES.get(given.get("review", ""))) is not None:
            told.append(
                await self._moderation.review(by, here, on, self._moderation.review_channel(here, aim.workflow), aim)
            )
        if to != DisplayOptions() or said:
            told.append(await self._moderation.where(by, here, to, aim, said))
        if not told:
            raise BadValue("review", _("change at least one of these settings."))
        return " ".join(told)


def limits(inputs: Inputs, workflows: Sequence[Workflow]) -> list[Html]:
    """The inputs of a limit."""
    return [
        inputs.choice("measure", _("What"), [(str(each), words) for each, words in _measures().items()]),
        inputs.text("most", _("At most"), inputmode="numeric", required=True),
        _workflow(inputs, workflows),
        inputs.switch("together", _("Everyone together")),
    ]


def ceiling(inputs: Inputs) -> list[Html]:
    """The input of what may be spent."""
    return [inputs.text("most", _("Credits per day, for everyone together"), inputmode="numeric")]


def own_price(inputs: Inputs, workflows: Sequence[Workflow]) -> list[Html]:
    """The inputs of the operator's own price."""
    return [
        inputs.choice("workflow", _("Workflow"), [(each.name, each.title) for each in workflows]),
        inputs.text("price", _("Credits for a run"), inputmode="decimal"),
    ]


def narrowings(inputs: Inputs, workflows: Sequence[Workflow]) -> list[Html]:
    """The inputs of a field's rule."""
    groups = [
        (each.title, [(f"{each.id} {field.name}", field.title) for field in each.form().fields if not field.is_media])
        for each in workflows
    ]
    return [
        inputs.grouped("field", _("Field"), [(title, fields) for title, fields in groups if fields]),
        inputs.text("minimum", _("Minimum"), inputmode="decimal"),
        inputs.text("maximum", _("Maximum"), inputmode="decimal"),
        inputs.text("choices", _("Choices"), placeholder=_("separated by commas")),
        inputs.text("default", _("Default")),
        inputs.text("fixed", _("Fixed value")),
        inputs.switch("hidden", _("Hide the field")),
    ]


def lists(inputs: Inputs, workflows: Sequence[Workflow]) -> list[Html]:
    """The inputs of a list of words."""
    return [
        inputs.text("name", _("Name of the list"), placeholder=_("words"), maxlength="60"),
        _workflow(inputs, workflows),
        inputs.area("words", _("Words"), rows="2", placeholder=_("separated by commas or lines")),
        inputs.area("patterns", _("Patterns"), rows="2", placeholder=_("one per line"), spellcheck="false"),
        inputs.switch("hold", _("Hold for a moderator instead of refusing")),
    ]


def texts(inputs: Inputs, workflows: Sequence[Workflow]) -> list[Html]:
    """The inputs of a list of texts."""
    return [
        inputs.text("name", _("Name of the list"), required=True, maxlength="40"),
        _workflow(inputs, workflows),
        inputs.area("texts", _("Texts"), rows="3", placeholder=_("one per line")),
    ]


def styles(inputs: Inputs, workflows: Sequence[Workflow]) -> list[Html]:
    """The inputs of a style."""
    return [
        inputs.text("name", _("Name of the style"), required=True, maxlength="40"),
        _workflow(inputs, workflows),
        inputs.text("before", _("Before what people write"), maxlength="500"),
        inputs.text("after", _("After it"), maxlength="500"),
        inputs.text("avoid", _("What to avoid"), maxlength="500"),
    ]


def models(inputs: Inputs, workflows: Sequence[Workflow]) -> list[Html]:
    """The inputs of a decision about models."""
    kinds = {ModelKind.LORA: _("LoRAs"), ModelKind.EMBEDDING: _("Embeddings"), ModelKind.MODEL: _("Models")}
    return [
        inputs.choice("kind", _("What"), [(str(kind), words) for kind, words in kinds.items()]),
        _workflow(inputs, workflows),
        inputs.text("allowed", _("Allow only"), placeholder=_("names or patterns such as anime*")),
        inputs.text("denied", _("Deny"), placeholder=_("names or patterns")),
    ]


def display_forms(inputs: Inputs, workflows: Sequence[Workflow], here: Place) -> list[Html]:
    """The inputs for how results are shown."""
    shown = [
        _workflow(inputs, workflows),
        inputs.choice("review", _("Review before showing"), [_open(), ("on", _("yes")), ("off", _("no"))]),
        inputs.choice("previews", _("Live previews"), [_open(), ("on", _("shown")), ("off", _("not shown"))]),
        inputs.choice("spoilers", _("Hide as spoiler"), [_open(), ("on", _("yes")), ("off", _("no"))]),
    ]
    if here.platform in _PLACES:
        after = [(str(count), _("after {count} min").format(count=count)) for count in (1, 5, 15)]
        told = [_open(), ("always", _("always")), *after, ("never", _("never"))]
        shown.append(inputs.choice("told", _("People are told of an end"), told))
        private = [_open(), ("on", _("allowed")), ("off", _("not allowed"))]
        shown.append(inputs.choice("private", _("Private runs"), private))
        places = [_open(), ("here", _("where they are requested"))]
        places += [("thread", _("in a thread"))] if here.platform == "discord" else []
        shown.append(inputs.choice("results", _("Results go"), places))
        shown.append(inputs.text("channel", _("Or to a channel or topic"), placeholder=_("its id")))
    return shown


def contents(rule: Rule) -> Html | None:
    """The words and patterns of a list, or its texts, for people to read."""
    if isinstance(rule.body, TextList):
        return el("details", el("summary", _("Show the texts")), *(el("p", text) for text in rule.body.texts))
    if not isinstance(rule.body, WordList):
        return None
    told = ", ".join([*rule.body.words, *(f"/{pattern}/" for pattern in rule.body.patterns)])
    return el("details", el("summary", _("Show the words")), el("p", told))


def _measures() -> Mapping[Measure, str]:
    return {
        Measure.HOUR: _("Runs per hour"),
        Measure.DAY: _("Runs per day"),
        Measure.SECONDS: _("Server seconds per day"),
        Measure.WAITING: _("Waiting runs"),
        Measure.RUNNING: _("Running at a time"),
        Measure.COOLDOWN: _("Seconds between two runs"),
        Measure.CREDITS: _("Credits per day"),
        Measure.COUNT: _("Runs with one request"),
    }


def _workflow(inputs: Inputs, workflows: Sequence[Workflow]) -> Html:
    options = [("", _("All workflows")), *((each.id, each.title) for each in workflows)]
    return inputs.choice("workflow", _("Workflow"), options)


def _open() -> tuple[str, str]:
    return "", _("no change")


def _listed(text: str) -> list[str]:
    return [each.strip() for each in re.split(r"[,\n]", text) if each.strip()]


def _number(given: Mapping[str, str], name: str) -> float | None:
    text = given.get(name, "").replace(",", ".")
    try:
        return float(text) if text else None
    except ValueError:
        raise BadValue(name, _("enter a number.")) from None


def _results(here: Place, given: Mapping[str, str]) -> str | None:
    channel = given.get("channel", "")
    if channel and not re.fullmatch(_PLACES.get(here.platform, ""), channel):
        raise BadValue("channel", _("a channel or topic is named by its id, which is a number."))
    if (results := given.get("results", "")) not in ("", "here", "thread"):
        raise BadValue("results", _("choose one of the list."))
    return channel or results or None


def say(fault: UserError) -> str:
    """A fault as a sentence; which input it is about shows there."""
    return fault.reason[:1].upper() + fault.reason[1:] if isinstance(fault, BadValue) else str(fault)
