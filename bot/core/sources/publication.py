"""Decide about a version that was saved: it is open, on trial, or not offered. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.core.model import Publish
from bot.core.sources.needs import WorkflowNeeds


class Stage(StrEnum):
    """The people to whom a saved workflow is offered."""

    OPEN = "open"  #: to all whom the moderators' rules allow it
    TRIAL = "trial"  #: to operators, who are asked
    CLOSED = "closed"  #: to none, because an operator said so


@dataclass(frozen=True)
class Publication:
    """A saved workflow, as it is offered. `newest` is the digest of what was saved last, `shown` of the version that is
    offered, and `approved` of the last one that was open; both are empty if there is none.
    """

    stage: Stage
    newest: str = ""
    shown: str = ""
    approved: str = ""


@dataclass(frozen=True)
class Refusal:
    """A version is not offered; an earlier one stays. `reason` says what to do."""

    reason: str


def judged(
    publish: Publish,
    before: Publication | None,
    digest: str,
    needs: WorkflowNeeds,
    approved: WorkflowNeeds | None,
    allowed: Collection[str],
) -> Publication | Refusal:
    """Decide about a new version. `approved` is what the last open version needs; `allowed` are packs of nodes.

    Where operators are asked, a version with kinds of nodes that the last open one did not have is on trial again.
    """
    if publish is not Publish.OPEN and (reason := needs.refused(allowed)):
        return Refusal(reason)
    if before is not None and before.stage is Stage.CLOSED:
        return Publication(Stage.CLOSED, digest, "", before.approved)
    if publish is Publish.OPEN:
        return Publication(Stage.OPEN, digest, digest, digest)
    if before is not None and approved is not None and not needs.adds_to(approved):
        return Publication(Stage.OPEN, digest, digest, digest)
    return Publication(Stage.TRIAL, digest, digest, before.approved if before is not None else "")


def accepted(before: Publication) -> Publication:
    """Open what is on trial or closed."""
    return Publication(Stage.OPEN, before.newest, before.newest, before.newest)


def declined(before: Publication) -> Publication:
    """Do not open what is on trial: the version that was open before is open again, if there is one."""
    if before.approved:
        return Publication(Stage.OPEN, before.newest, before.approved, before.approved)
    return Publication(Stage.CLOSED, before.newest)


def closed(before: Publication) -> Publication:
    """Offer it no longer, whatever is saved."""
    return Publication(Stage.CLOSED, before.newest, "", before.approved)


def back_to(before: Publication, digest: str) -> Publication:
    """Offer an earlier version, until another one is saved."""
    return Publication(Stage.OPEN, before.newest, digest, digest)
