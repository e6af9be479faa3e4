"""The terminal's output, and the errors that it exits with."""

from __future__ import annotations

import os
import sys

import click


class BadRequest(click.ClickException):
    """The request is wrong, and nothing was run."""

    exit_code = 2


class RunFailed(click.ClickException):
    """The request was right, but the run failed."""

    exit_code = 1


def say(line: str) -> None:
    """Print a line. If stdout is closed (`| head`), the work goes on silently, because its files are still wanted."""
    try:
        click.echo(line)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
