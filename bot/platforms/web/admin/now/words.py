"""Words of the control room for states."""

from __future__ import annotations

from bot.core.platform import State
from bot.i18n import _


def state_title(state: State) -> str:
    """The name of a state of runs."""
    return {
        State.LATER: _("Later steps"),
        State.WAITING: _("Waiting"),
        State.RUNNING: _("Running"),
        State.DELIVERING: _("On their way"),
        State.HELD: _("Held"),
        State.DONE: _("Done"),
        State.FAILED: _("Failed"),
        State.CANCELLED: _("Cancelled"),
    }[state]
