"""Views of drafts and versions for the studio's page: plain data, with the words already in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from bot.core.model import Place
from bot.core.platform import DraftView, StudioOverview, VersionLine, WorkflowOffer, asked_in
from bot.platforms.web.api.views import offer_view


def overview_view(overview: StudioOverview, places: Iterable[Place]) -> dict[str, Any]:
    """All that an author can open, and the places that they can publish to."""
    return {
        **asdict(overview),
        "places": [
            {"id": asked_in(each), "name": f"{each.name or each.community} ({each.platform})"} for each in places
        ],
    }


def draft_view(view: DraftView) -> dict[str, Any]:
    """A draft, and its form as members will see it."""
    preview = None
    if view.workflow is not None and view.form is not None:
        preview = offer_view(WorkflowOffer(view.workflow, view.lacks or None), view.form)
        preview |= {"picture": False, "next": []}
    return {
        "id": view.draft.id,
        "name": view.draft.name,
        "base": view.draft.base,
        "base_title": view.base_title,
        "old": view.is_old,
        "edition": view.draft.edition,
        "replaced": _replaced_view(view),
        "lost": [asdict(each) for each in view.lost],
        "title": view.title,
        "description": view.description,
        "count": view.count,
        "results": view.results,
        "models": view.models,
        "paid": view.paid,
        "lacks": view.lacks,
        "refused": view.refused,
        "nodes_lacking": [{"name": each.node, "pack": each.pack, "url": each.url} for each in view.nodes_lacking],
        "models_lacking": [
            {"name": each.name, "folder": each.folder, "url": each.url, "size": each.size}
            for each in view.models_lacking
        ],
        "faults": [asdict(each) for each in view.faults],
        "fields": [{"name": each.name, "settings": each.settings} for each in view.fields],
        "nodes": [asdict(each) for each in view.nodes],
        "preview": preview,
    }


def _replaced_view(view: DraftView) -> dict[str, Any] | None:
    """The new graph of a draft, and the changes that its form got with it."""
    given = view.draft.replaced
    if given is None:
        return None
    return {
        "name": given.name,
        "moved": [asdict(each) for each in given.moved],
        "results": given.results,
        "fresh": sum(each.is_new for node in view.nodes for each in node.inputs),
    }


def version_view(line: VersionLine) -> dict[str, Any]:
    return {
        "version": line.version,
        "at": line.at,
        "who": line.who,
        "changes": line.changes,
        "current": line.is_current,
    }
