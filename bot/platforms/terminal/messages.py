"""What the terminal says, and the errors that it exits with."""

from __future__ import annotations

import os
import sys

import click


class BadRequest(click.ClickException):
    """The request is at fault: nothing was run."""

    exit_code = 2


class RunFailed(click.ClickException):
    """The request was good, and came to nothing."""

    exit_code = 1


def say(line: str) -> None:
    """A line on stdout. Where nobody reads on (`| head`), the work goes on in silence: its files are wanted."""
    try:
        click.echo(line)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
