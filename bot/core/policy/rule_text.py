"""Write rules as text and as data, for messages, the panel, the log and exports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.core.errors import UserError
from bot.core.model import DisplayOptions
from bot.core.policy.audit import Entry
from bot.core.policy.quota import limit_words
from bot.core.policy.rules import (
    Access,
    Admission,
    Block,
    Budget,
    Limit,
    Moderators,
    Narrowing,
    Review,
    Rule,
    RunPrice,
    Spending,
    TextList,
    Trial,
    WordList,
)
from bot.core.policy.scope import Scope
from bot.core.policy.spending import spending_words
from bot.core.status_text import credit_words, duration
from bot.core.wording.model_names import ModelKind, ModelNames
from bot.core.wording.styles import Style
from bot.core.workflows.form import Field
from bot.i18n import _, ngettext
from comfy.json_text import read_json

_LARGEST = 1_000_000  # characters of an import
_MOST = 5_000  # rules in it


def describe(rule: Rule) -> str:
    """Describe a rule in one line."""
    scope, what = rule.scope, what_of(rule.scope)
    match rule.body:
        case Access(allow=allow):
            words = _("{what} is allowed {scope}") if allow else _("{what} is denied {scope}")
            return words.format(what=what, scope=scope)
        case Limit() | Budget():
            return limit_words(rule)
        case Narrowing() as to:
            words = _("“{name}” of {what} {scope}: {to}")
            return words.format(name=rule.name, what=what, scope=scope, to=narrowing_words(to))
        case WordList() as words_:
            words = _("{count} words and patterns {end} {scope} (“{name}”)")
            end = _("wait for a moderator") if words_.hold else _("are refused")
            count = len(words_.words) + len(words_.patterns)
            return words.format(count=count, end=end, scope=scope, name=rule.name)
        case TextList(texts=texts):
            words = ngettext("{count} text for __{name}__ {scope}", "{count} texts for __{name}__ {scope}", len(texts))
            return words.format(count=len(texts), name=rule.name, scope=scope)
        case Style() as style:
            words = _("the style “{name}” {scope}: {text}")
            return words.format(name=rule.name, scope=scope, text=style_words(style))
        case ModelNames() as names:
            return _("{kind} {scope}: {names}").format(
                kind=kind_words(rule.name), scope=scope, names=names_words(names)
            )
        case Review(on=on):
            words = _("moderators review the results of {what} {scope}")
            return (words if on else _("results of {what} are shown without a review {scope}")).format(
                what=what, scope=scope
            )
        case Block():
            return block_words(rule)
        case DisplayOptions() as display:
            return _("results {scope}: {display}").format(scope=scope, display=display_words(display))
        case Trial(open=is_open):
            words = (
                _("{what} is open {scope}")
                if is_open
                else _("{what} is on trial: only the person who added it may run it")
            )
            return words.format(what=what, scope=scope)
        case Admission():
            return _("{who} may use the bot in private").format(who=scope.who)
        case Spending():
            return spending_words(rule)
        case RunPrice(credits=amount):
            words = _("a run of {what} costs {credits} if its nodes do not say what they cost")
            return words.format(what=what, credits=credit_words(amount))
        case Moderators(roles=roles):
            return _("members with the roles {roles} are moderators").format(roles=", ".join(roles))


def what_of(scope: Scope) -> str:
    return f"“{scope.workflow}”" if scope.workflow else _("every workflow")


def block_words(rule: Rule) -> str:
    """Describe a block: the person, the place, the time and the reason."""
    body = rule.body if isinstance(rule.body, Block) else Block()
    until = _("permanently")
    if body.until is not None:
        until = _("until {time} UTC").format(time=datetime.fromtimestamp(body.until, UTC).strftime("%Y-%m-%d %H:%M"))
    words = _("{who} is blocked {where} {until}").format(who=rule.scope.who, where=rule.scope.where, until=until)
    return f"{words}: {body.reason}" if body.reason else words


def narrowing_words(to: Narrowing | None) -> str:
    """Describe what a field accepts."""
    return ", ".join(_narrowing(to)) if to is not None and any(_narrowing(to)) else _("as in the workflow")


def kind_words(kind: str) -> str:
    """Name a kind of models."""
    return {
        ModelKind.LORA: _("LoRAs"),
        ModelKind.EMBEDDING: _("embeddings"),
        ModelKind.MODEL: _("models"),
    }[ModelKind(kind)]


def names_words(names: ModelNames) -> str:
    """Describe which names are allowed."""
    parts = [_("only {names}").format(names=", ".join(names.allowed))] if names.allowed else []
    parts += [_("not {names}").format(names=", ".join(names.denied))] if names.denied else []
    return "; ".join(parts) or _("all")


def style_words(style: Style) -> str:
    """Describe what a style adds to a text."""
    words = style.around("…")
    return _("{words}; without {avoid}").format(words=words, avoid=style.avoid) if style.avoid else words


def display_words(display: DisplayOptions) -> str:
    return ", ".join(_display(display)) or _("as elsewhere")


def parsed(field: Field, to: Narrowing) -> Narrowing:
    """Return a rule about a field, with its values parsed by the field."""
    default = field.parse(to.default) if to.default is not None else None
    return replace(to, default=default, fixed=field.parse(to.fixed) if to.fixed is not None else None)


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return a line of the audit log as data."""
    return {
        "number": entry.number,
        "at": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds"),
        "person": entry.person.key,
        "name": entry.person.name,
        "place": entry.place.id,
        "place_name": entry.place.name,
        "act": entry.act,
        "words": entry.words,
        "changes": list(entry.changes),
        "undone": entry.undone,
    }


def exported(community: str, rules: tuple[Rule, ...]) -> str:
    data = {"darkroom": 1, "community": community, "rules": [rule.to_json() for rule in rules]}
    return json.dumps(data, indent=1, ensure_ascii=False)


def imported(text: str, community: str) -> tuple[list[Rule], str]:
    """Read an export for a community. Returns the rules and the community that they come from. Raises `UserError` with
    all mistakes."""
    data = _data(text)
    rules, faults = [], []
    for number, each in enumerate(data["rules"], 1):
        try:
            rules.append(Rule.from_json(each, community))
        except ValueError as fault:
            faults.append(_("decision {number}: {fault}").format(number=number, fault=fault))
    if faults:
        shown = "; ".join(faults[:5])
        raise UserError(_("Nothing was imported: {faults}.").format(faults=shown))
    return rules, str(data.get("community", ""))


def without_channels(rule: Rule) -> Rule:
    """Return the rule without the channels that it sends something to."""
    match rule.body:
        case Review():
            return replace(rule, body=replace(rule.body, channel=""))
        case DisplayOptions(results=results) if results not in (None, "here", "thread"):
            return replace(rule, body=replace(rule.body, results=None))
        case _:
            return rule


def _data(text: str) -> Mapping[str, Any]:
    sentence = _("This file is not an export from Darkroom. Send the file from “export” without changes.")
    try:
        data = read_json(text) if len(text) <= _LARGEST else None
    except (ValueError, RecursionError):
        raise UserError(sentence) from None
    if not isinstance(data, dict) or data.get("darkroom") != 1:
        raise UserError(sentence)
    rules = data.get("rules")
    if not isinstance(rules, list) or len(rules) > _MOST:
        raise UserError(sentence)
    return data


def _narrowing(to: Narrowing) -> Iterator[str]:
    match to.minimum, to.maximum:
        case None, None:
            pass
        case low, None:
            yield _("{low:g} or more").format(low=low)
        case None, high:
            yield _("{high:g} or less").format(high=high)
        case low, high:
            yield _("{low:g} to {high:g}").format(low=low, high=high)
    if to.choices is not None:
        yield _("one of {choices}").format(choices=", ".join(to.choices))
    if to.default is not None:
        yield _("default {value}").format(value=to.default)
    if to.fixed is not None:
        yield _("always {value}").format(value=to.fixed)
    if to.hidden:
        yield _("hidden")


def _display(display: DisplayOptions) -> Iterator[str]:
    match display.results:
        case None:
            pass
        case "here":
            yield _("where they were requested")
        case "thread":
            yield _("in a thread")
        case channel:
            yield _("in the channel {channel}").format(channel=channel)
    if display.previews is not None:
        yield _("with previews") if display.previews else _("without previews")
    if display.spoilers is not None:
        yield _("as spoilers") if display.spoilers else _("not as spoilers")
    if display.private is not None:
        yield _("private runs are allowed") if display.private else _("private runs are not allowed")
    match display.ping:
        case None:
            pass
        case 0:
            yield _("people are told of each end")
        case after if after < 0:
            yield _("people are not told of the end")
        case after:
            words = _("people are told of the end after {time}")
            yield words.format(time=duration(60.0 * after))
