"""The buttons under a run's message. Each carries the run's id, so that it works after a restart and a year on."""

from __future__ import annotations

from enum import StrEnum

import discord

from bot.i18n import _


class ComponentAction(StrEnum):
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

WAITING = (ComponentAction.CANCEL,)
HELD = (ComponentAction.APPROVE, ComponentAction.REFUSE)
ENDED = (ComponentAction.AGAIN, ComponentAction.CHANGE, ComponentAction.DELETE)


def delivered(*, varies: bool, picture: bool, reduced: bool) -> tuple[ComponentAction, ...]:
    """The buttons under a result; without a seed Again would only bring it once more."""
    again = (ComponentAction.AGAIN,) if varies else ()
    more = ((ComponentAction.USE,) if picture else ()) + ((ComponentAction.ORIGINAL,) if reduced else ())
    return (*again, ComponentAction.CHANGE, *more, ComponentAction.DELETE)


def row(run_id: str, verbs: tuple[ComponentAction, ...], *, film: bool = False) -> discord.ui.View:
    """The buttons as a view that has ended already: the library keeps none of it, and `pressed` answers every click.
    With `film`, what can be used is the last picture of one.
    """
    labels = {ComponentAction.USE: _("Continue")} if film else {}
    return still(*(button(verb, run_id, labels.get(verb, "")) for verb in verbs))


def button(verb: ComponentAction, run_id: str, label: str = "") -> discord.ui.Button[discord.ui.View]:
    style = (
        discord.ButtonStyle.danger
        if verb in (ComponentAction.DELETE, ComponentAction.REFUSE)
        else discord.ButtonStyle.secondary
    )
    return discord.ui.Button(style=style, label=(label or _label(verb))[:80], custom_id=f"darkroom:{verb}:{run_id}")


def still(*items: discord.ui.Item[discord.ui.View]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def _label(verb: ComponentAction) -> str:
    return {
        ComponentAction.CANCEL: _("Cancel"),
        ComponentAction.AGAIN: _("Again"),
        ComponentAction.CHANGE: _("Change"),
        ComponentAction.USE: _("Use as input"),
        ComponentAction.ORIGINAL: _("Original"),
        ComponentAction.DELETE: _("Delete"),
        ComponentAction.SEE: _("See it"),
        ComponentAction.APPROVE: _("Approve"),
        ComponentAction.REFUSE: _("Refuse"),
    }[verb]
