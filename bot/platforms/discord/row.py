"""The buttons under a run's message. Each carries the run's id, so that it works after a restart and a year on."""

from __future__ import annotations

from enum import StrEnum

import discord

from bot.words import _


class Verb(StrEnum):
    CANCEL = "cancel"
    AGAIN = "again"
    CHANGE = "change"
    USE = "use"
    ORIGINAL = "original"
    DELETE = "delete"
    SEE = "see"
    APPROVE = "approve"
    REFUSE = "refuse"


TEMPLATE = r"darkroom:(?P<verb>[a-z]+):(?P<run>[0-9a-f-]{36})"

WAITING = (Verb.CANCEL,)
HELD = (Verb.APPROVE, Verb.REFUSE)
ENDED = (Verb.AGAIN, Verb.CHANGE, Verb.DELETE)


def delivered(*, picture: bool, reduced: bool) -> tuple[Verb, ...]:
    """The buttons under a result."""
    more = ((Verb.USE,) if picture else ()) + ((Verb.ORIGINAL,) if reduced else ())
    return (Verb.AGAIN, Verb.CHANGE, *more, Verb.DELETE)


def row(run_id: str, verbs: tuple[Verb, ...]) -> discord.ui.View:
    """The buttons as a view that has ended already: the library keeps none of it, and `pressed` answers every click."""
    return still(*(button(verb, run_id) for verb in verbs))


def button(verb: Verb, run_id: str, label: str = "") -> discord.ui.Button[discord.ui.View]:
    style = discord.ButtonStyle.danger if verb in (Verb.DELETE, Verb.REFUSE) else discord.ButtonStyle.secondary
    return discord.ui.Button(style=style, label=(label or _label(verb))[:80], custom_id=f"darkroom:{verb}:{run_id}")


def still(*items: discord.ui.Item[discord.ui.View]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def _label(verb: Verb) -> str:
    return {
        Verb.CANCEL: _("Cancel"),
        Verb.AGAIN: _("Again"),
        Verb.CHANGE: _("Change"),
        Verb.USE: _("Use as input"),
        Verb.ORIGINAL: _("Original"),
        Verb.DELETE: _("Delete"),
        Verb.SEE: _("See it"),
        Verb.APPROVE: _("Approve"),
        Verb.REFUSE: _("Refuse"),
    }[verb]
