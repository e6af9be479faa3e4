"""Orders: what moderators type behind `/moderate`, and what its words mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Message

from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.platform import ModelNames, Narrowing, RuleTarget, Style, WordList, read_names, split_options
from bot.i18n import _

NONE = ("none", "off", "no")
_TIMES = {"m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True)
class ModerateArguments:
    """A moderator's command: an act, the words after it, and its target. `about` is the message replied to, `said` the
    whole text after the act, and `place` where it was written.
    """

    by: Person
    here: Place
    act: str
    words: tuple[str, ...]
    aim: RuleTarget
    about: Message | None = None
    said: str = ""
    place: Place | None = None

    @property
    def first(self) -> str:
        return self.words[0].lower() if self.words else ""


def workflow_named(command: str) -> str:
    """A workflow's name, also where it was typed as its command."""
    return command.lstrip("/").replace("_", "-").lower()


def seconds_of(text: str) -> float | None:
    """“30m”, “12h” or “3d”; None for what is no time."""
    number, unit = text[:-1], text[-1:].lower()
    return int(number[:6]) * _TIMES[unit] if number.isdecimal() and unit in _TIMES else None


def narrowing_of(words: Sequence[str]) -> Narrowing | None:
    """Read `min=1 max=9 default=4 fixed=4 choices=a,b hidden=yes`; None for “open”. Raises `UserError`."""
    if words[0].lower() == "open":
        return None
    pairs = dict(word.partition("=")[::2] for word in words)
    if unknown := set(pairs) - {"min", "max", "default", "fixed", "choices", "hidden"}:
        raise UserError(_("“{name}” narrows nothing.").format(name=sorted(unknown)[0]) + "\n" + usage())
    try:
        low, high = (float(pairs[name]) if name in pairs else None for name in ("min", "max"))
    except ValueError:
        raise UserError(_("Bounds are numbers.")) from None
    choices = tuple(pairs["choices"].split(",")) if "choices" in pairs else None
    hidden = pairs.get("hidden", "no").lower() in ("yes", "on", "true")
    return Narrowing(low, high, pairs.get("default"), pairs.get("fixed"), choices, hidden)


def word_list_of(words: Sequence[str]) -> WordList | None:
    """Words with commas between; “hold” before them has a moderator decide; a pattern stands between slashes."""
    hold = bool(words) and words[0].lower() == "hold"
    listed = [word.strip() for word in " ".join(words[1:] if hold else words).split(",") if word.strip()]
    if not listed or listed[0].lower() in NONE:
        return None
    patterns = tuple(word[1:-1] for word in listed if len(word) > 2 and word[0] == word[-1] == "/")
    return WordList(tuple(word for word in listed if word[0] != "/"), patterns, hold)


def named_text_of(order: ModerateArguments) -> tuple[str, str, RuleTarget]:
    """Read `NAME [here] TEXT`: a name, the text as it was written, and the target. “none” is an empty text."""
    name, *rest = order.said.split(None, 1)
    text = rest[0].strip() if rest else ""
    here = text.split(None, 1)[:1] == ["here"]
    text = text[len("here") :].strip() if here else text
    place = order.place if here else None
    return name, "" if text.lower() in NONE else text, RuleTarget(place=place)


def model_names_of(words: Sequence[str]) -> ModelNames:
    """Read `only a, b* not c`; “all” for no decision. Raises `UserError`."""
    text = " ".join(words).strip()
    found = re.fullmatch(r"(?:only\s+(?P<allowed>.+?))?\s*(?:(?:^|\s)not\s+(?P<denied>.+))?", text, re.IGNORECASE)
    if text.lower() == "all":
        return ModelNames()
    if found is None or not any(found.groups()):
        raise UserError(usage())
    return ModelNames(read_names(found["allowed"] or ""), read_names(found["denied"] or ""))


def style_of(text: str) -> Style:
    """Read `text before | text after | what to avoid`. Raises `UserError`."""
    parts = [part.strip() for part in split_options(text)]
    if len(parts) > 3:
        raise UserError(usage())
    return Style(*parts)


def usage() -> str:
    """The syntax of the command."""
    lines = (
        "/moderate",
        "/moderate allow|deny|clear [WORKFLOW] [here] [admins]",
        "/moderate limit hour|day|seconds|waiting|running|cooldown|credits NUMBER|none"
        " [WORKFLOW] [together] [here] [admins]",
        "/moderate spending CREDITS|none, price WORKFLOW CREDITS|none: " + _("for the operator of this bot"),
        "/moderate field WORKFLOW FIELD [min=…] [max=…] [default=…] [fixed=…] [choices=a,b] [hidden=yes] | open",
        "/moderate words LIST [hold] word, word, /pattern/ | none",
        "/moderate list NAME [here] text | text, " + _("or one text a line") + " | none",
        "/moderate style NAME [here] " + _("text before | text after | what to avoid") + " | none",
        "/moderate models lora|embedding|model [only NAME, anime*] [not NAME, x*] | all [here] [admins]",
        "/moderate review on|off|clear [CHAT ID] [here]",
        "/moderate where topic|asked [here]",
        "/moderate previews|spoilers|private on|off [here]",
        "/moderate told always|never|MINUTES [here]: " + _("when people are told that a request of theirs has ended"),
        "/moderate block [30m|12h|3d] [REASON], unblock, why [WORKFLOW]: " + _("as a reply, or with an id first"),
        "/moderate admit, dismiss: " + _("who may ask in private as well; as a reply, or with an id or a @name"),
        "/moderate held, log [file], stats [DAYS], undo, export, import, workflow",
    )
    return "\n".join([_("This is how:"), *lines])
