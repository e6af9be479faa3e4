"""What the terminal says, and the errors that it exits with."""

from __future__ import annotations

import click

from bot.words import _


class BadRequest(click.ClickException):
    """The request is at fault: nothing was run."""

    exit_code = 2


class RunFailed(click.ClickException):
    """The request was good, and came to nothing."""

    exit_code = 1


def seconds(value: float) -> str:
    """A duration as people say it."""
    if value < 90:
        return _("{count} s").format(count=max(1, round(value)))
    return _("{count} min").format(count=round(value / 60))
