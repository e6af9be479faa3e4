"""`darkroom moderate`: the operator's decisions for all places at once, and lists of all decisions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from bot.i18n import _
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import say
from bot.platforms.terminal.session import attend

if TYPE_CHECKING:
    from bot.core.moderation.operator import OperatorService


class _Credits(click.ParamType["int | None"]):
    """A number of credits, or “none”."""

    name = "credits"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        text = str(value).strip().lower()
        if text == "none":
            return None
        if not text.isdecimal():
            self.fail(_("“{text}” is neither a whole number nor none").format(text=value), param, ctx)
        return int(text[:9])


CREDITS = _Credits()
_workflow = click.argument("workflow")
_ALL = "all"  # in place of a workflow's name
_community = click.argument("community", default="")


@click.group()
def moderate() -> None:
    """Make and list decisions for all places at once."""


@moderate.command()
@_workflow
def allow(workflow: str) -> None:
    """Allow WORKFLOW, or all, unless moderators decide otherwise."""
    _do(lambda acts: acts.access(_named(workflow), allow=True))


@moderate.command()
@_workflow
def deny(workflow: str) -> None:
    """Deny WORKFLOW, or all, everywhere. Moderators cannot change that."""
    _do(lambda acts: acts.access(_named(workflow), allow=False))


@moderate.command()
@_workflow
def clear(workflow: str) -> None:
    """Remove the decision about WORKFLOW, or about all."""
    _do(lambda acts: acts.access(_named(workflow), allow=None))


@moderate.command()
@click.argument("person")
@click.option("--reason", default="", help=_("The reason, which the person sees."))
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help=_("How many days; default: permanently."))
def block(person: str, reason: str, days: float | None) -> None:
    """Block a PERSON, such as discord:1234, everywhere."""
    _do(lambda acts: acts.block(person_named(person), reason, days))


@moderate.command()
@click.argument("person")
def unblock(person: str) -> None:
    """Remove the block of a PERSON."""
    _do(lambda acts: acts.unblock(person_named(person)))


@moderate.command()
@click.argument("credits_", metavar="CREDITS|none", type=CREDITS)
@click.option("--in", "community", default="", help=_("A community, such as discord:1234; default: everywhere."))
def spending(credits_: int | None, community: str) -> None:
    """Permit nodes that cost money, up to CREDITS per day. The credits are for all people together; 0 forbids such
    nodes, and none removes the permission.
    """
    platform, _colon, number = community.partition(":")
    if community and not (platform and number):
        words = _("“{text}” does not name a community: it should look like discord:1234").format(text=community)
        raise click.BadParameter(words)
    _do(lambda acts: acts.spending(community, credits_))


@moderate.command()
@_workflow
@click.argument("credits_", metavar="CREDITS|none", type=CREDITS)
def price(workflow: str, credits_: int | None) -> None:
    """Set the price of a run of WORKFLOW. It counts if its nodes do not say what they cost."""
    _do(lambda acts: acts.price(workflow, credits_))


@moderate.command()
@_community
def rules(community: str) -> None:
    """List the decisions everywhere, or of a COMMUNITY (discord:1234)."""

    async def listed(acts: OperatorService) -> str:
        return "\n".join(acts.rules(community)) or _("There are no decisions.")

    _do(listed)


@moderate.command()
@_community
@click.option("--count", default=50, type=click.IntRange(1, 100_000), help=_("The number of lines."))
def log(community: str, count: int) -> None:
    """Show the decisions everywhere, or the log of a COMMUNITY."""

    async def listed(acts: OperatorService) -> str:
        return "\n".join(await acts.log(community, count)) or _("The log is empty.")

    _do(listed)


def _do(work: Callable[[OperatorService], Awaitable[str]]) -> None:
    app: Application = click.get_current_context().find_root().obj

    async def done() -> int:
        say(await app.operate(work))
        return 0

    raise SystemExit(attend(done()))


def person_named(text: str) -> str:
    """Check that a person is given as "platform:id". Raises `BadParameter` with an example."""
    platform, _colon, number = text.partition(":")
    if not platform or not number:
        raise click.BadParameter(
            _("“{text}” does not name a person: it should look like discord:1234").format(text=text)
        )
    return text


def _named(workflow: str) -> str:
    """Return the name of a workflow; empty for all, which has to be said."""
    return "" if workflow == _ALL else workflow


COMMANDS = moderate.commands
