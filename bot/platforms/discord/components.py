"""The buttons under a run's message. Each carries the run's id, so that it works after a restart and a year on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import discord

from bot.core.model import Cell
from bot.i18n import _


class ComponentAction(StrEnum):
    CANCEL = "cancel"
    AGAIN = "again"
    CHANGE = "change"
    USE = "use"
    ORIGINAL = "original"
    DETAILS = "details"
    REPORT = "report"
    DELETE = "delete"
    SEE = "see"
    APPROVE = "approve"
    REFUSE = "refuse"
    SHOW = "show"  #: a reported result, to a reviewer
    TAKE = "take"
    LEAVE = "leave"
    VARY = "vary"
    MASK = "mask"  #: a link with which a mask is drawn
    NUMBER = "number"  #: of a run of a group: its own buttons, for the one who clicks
    CANCEL_ALL = "cancelall"  #: this and the next ones name a group
    AGAIN_ALL = "againall"
    CHANGE_ALL = "changeall"
    DELETE_ALL = "deleteall"
    RESUME_ALL = "resumeall"


TEMPLATE = r"darkroom:(?P<verb>[a-z]+):(?P<run>[0-9a-f-]{36})"

#: A result with which a recipe goes on: its group, and the number of the result.
CHOICE = r"darkroom:choose:(?P<run>[0-9a-f-]{36}):(?P<number>[0-9]{1,2})"

#: One of several results of a run: its run, and the number of the result.
PART = r"darkroom:(?P<verb>part|partuse|partoriginal):(?P<run>[0-9a-f-]{36}):(?P<number>[0-9]{1,2})"


class PartAction(StrEnum):
    """An action for one of several results of a run."""

    OPEN = "part"
    USE = "partuse"
    ORIGINAL = "partoriginal"


WAITING = (ComponentAction.CANCEL,)
HELD = (ComponentAction.APPROVE, ComponentAction.REFUSE)
REPORTED = (ComponentAction.TAKE, ComponentAction.LEAVE)


def ended(*, masks: bool = False) -> tuple[ComponentAction, ...]:
    """The buttons of a run without a result."""
    mask = (ComponentAction.MASK,) if masks else ()
    return (ComponentAction.AGAIN, ComponentAction.CHANGE, *mask, ComponentAction.DELETE)


def delivered(*, varies: bool, picture: bool, reduced: bool, masks: bool = False) -> tuple[ComponentAction, ...]:
    """The buttons under a result; without a seed Again would only bring it once more."""
    again = (ComponentAction.AGAIN,) if varies else ()
    more = ((ComponentAction.USE,) if picture else ()) + ((ComponentAction.ORIGINAL,) if reduced else ())
    more += (ComponentAction.MASK,) if masks else ()
    return (*again, ComponentAction.CHANGE, *more, ComponentAction.DETAILS, ComponentAction.DELETE)


ALL = (
    ComponentAction.CANCEL_ALL,
    ComponentAction.AGAIN_ALL,
    ComponentAction.CHANGE_ALL,
    ComponentAction.DELETE_ALL,
    ComponentAction.RESUME_ALL,
)
_MOST = 20  # numbers to choose among
_PARTS = 10  # numbers of results, which leave room for the other buttons
_PER_ROW = 5  # buttons


def choice_row(group: str, count: int) -> discord.ui.View:
    """The buttons of a recipe that waits until its person has chosen a result."""
    buttons = [
        discord.ui.Button[discord.ui.View](label=str(number), custom_id=f"darkroom:choose:{group}:{number}")
        for number in range(1, min(count, _MOST) + 1)
    ]
    for at, each in enumerate(buttons):
        each.row = at // _PER_ROW
    cancel = button(ComponentAction.CANCEL_ALL, group)
    cancel.row = 4
    return still(*buttons, cancel)


def group_row(group: str, cells: Sequence[Cell], *, resumable: bool = False) -> discord.ui.View:
    """The buttons below a group that has ended: a number for each run, and what is for all of them."""
    resume = (ComponentAction.RESUME_ALL,) if resumable else ()
    numbers = [button(ComponentAction.NUMBER, cell.run_id, str(cell.number)) for cell in cells]
    acts = [
        button(verb, group)
        for verb in (*resume, ComponentAction.AGAIN_ALL, ComponentAction.CHANGE_ALL, ComponentAction.DELETE_ALL)
    ]
    for at, each in enumerate(numbers):
        each.row = at // _PER_ROW
    for each in acts:
        each.row = (len(numbers) + _PER_ROW - 1) // _PER_ROW
    return still(*numbers, *acts)


def cell_row(run_id: str, *, done: bool, varies: bool, picture: bool, masks: bool = False) -> discord.ui.View:
    """The buttons of one run of a group."""
    if not done:
        return row(run_id, ended(masks=masks))
    vary = (ComponentAction.VARY,) if varies else ()
    use = (ComponentAction.USE,) if picture else ()
    return row(
        run_id,
        (
            *vary,
            ComponentAction.CHANGE,
            *use,
            *((ComponentAction.MASK,) if masks else ()),
            ComponentAction.ORIGINAL,
            ComponentAction.DETAILS,
            ComponentAction.DELETE,
        ),
    )


def result_row(run_id: str, verbs: tuple[ComponentAction, ...], count: int, *, film: bool = False) -> discord.ui.View:
    """The buttons below a result: of several pictures a number for each, and what is for all."""
    if count < 2:
        return row(run_id, verbs, film=film)
    numbers = [_part(PartAction.OPEN, run_id, number, str(number)) for number in range(1, min(count, _PARTS) + 1)]
    acts = [button(verb, run_id) for verb in verbs]
    for at, each in enumerate(numbers):
        each.row = at // _PER_ROW
    for at, each in enumerate(acts):
        each.row = (len(numbers) + _PER_ROW - 1) // _PER_ROW + at // _PER_ROW
    return still(*numbers, *acts)


def part_row(run_id: str, number: int, *, varies: bool, usable: bool) -> discord.ui.View:
    """The buttons of one of several results."""
    vary = [button(ComponentAction.VARY, run_id)] if varies else []
    use = [_part(PartAction.USE, run_id, number, _label(ComponentAction.USE))] if usable else []
    original = _part(PartAction.ORIGINAL, run_id, number, _label(ComponentAction.ORIGINAL))
    return still(*vary, button(ComponentAction.CHANGE, run_id), *use, original, button(ComponentAction.DETAILS, run_id))


def _part(act: PartAction, run_id: str, number: int, label: str) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(label=label, custom_id=f"darkroom:{act}:{run_id}:{number}")


def which_row(verb: ComponentAction, numbers: Mapping[int, str]) -> discord.ui.View:
    """The question which of several pictures is meant: their numbers, each with its run."""
    return still(*(button(verb, run_id, str(number)) for number, run_id in sorted(numbers.items())))


def row(run_id: str, verbs: tuple[ComponentAction, ...], *, film: bool = False) -> discord.ui.View:
    """The buttons as a view that has ended already: the library keeps none of it, and `pressed` answers every click.
    With `film`, what can be used is the last picture of one.
    """
    labels = {ComponentAction.USE: _("Continue")} if film else {}
    return still(*(button(verb, run_id, labels.get(verb, "")) for verb in verbs))


def button(verb: ComponentAction, run_id: str, label: str = "") -> discord.ui.Button[discord.ui.View]:
    style = (
        discord.ButtonStyle.danger
        if verb in (ComponentAction.DELETE, ComponentAction.DELETE_ALL, ComponentAction.REFUSE, ComponentAction.TAKE)
        else discord.ButtonStyle.secondary
    )
    return discord.ui.Button(style=style, label=(label or _label(verb))[:80], custom_id=f"darkroom:{verb}:{run_id}")


def link_row(label: str, url: str) -> discord.ui.View:
    """A button that opens an address."""
    return still(discord.ui.Button[discord.ui.View](label=label[:80], url=url))


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
        ComponentAction.DETAILS: _("Details"),
        ComponentAction.REPORT: _("Report"),
        ComponentAction.DELETE: _("Delete"),
        ComponentAction.VARY: _("Vary"),
        ComponentAction.MASK: _("Draw a mask"),
        ComponentAction.NUMBER: _("Open"),
        ComponentAction.CANCEL_ALL: _("Cancel"),
        ComponentAction.AGAIN_ALL: _("Again"),
        ComponentAction.CHANGE_ALL: _("Change"),
        ComponentAction.DELETE_ALL: _("Delete all"),
        ComponentAction.RESUME_ALL: _("Go on"),
        ComponentAction.SEE: _("See it"),
        ComponentAction.APPROVE: _("Approve"),
        ComponentAction.REFUSE: _("Refuse"),
        ComponentAction.SHOW: _("See it"),
        ComponentAction.TAKE: _("Take it away"),
        ComponentAction.LEAVE: _("Leave it"),
    }[verb]
