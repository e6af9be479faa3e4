"""Read what an author gives: a file that may be hostile is read in a process of its own, within bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.core.errors import BadWorkflowFile, WorkerFailed
from bot.core.pool.pool import run_apart
from bot.i18n import _
from comfy.saved import UnreadableWorkflow
from comfy.saved.document import MOST_NODES
from comfy.saved.files import read_workflow

_SECONDS = 10.0
_LARGEST = 8 * 2**20  # bytes of the workflow in it


async def read_graph(path: Path, filename: str) -> bytes:
    """Return the workflow of a file in any format that ComfyUI writes, as JSON. Raises `BadWorkflowFile`."""
    try:
        return await run_apart(_graph_in, path, timeout=_SECONDS)
    except UnreadableWorkflow as fault:
        reason = str(fault)
    except WorkerFailed as fault:
        reason = str(fault).rstrip(".")
    words = _(
        "“{file}” cannot be used: {reason}. Give a workflow that ComfyUI saved or exported, or a picture that it made."
    )
    raise BadWorkflowFile(words.format(file=filename, reason=reason))


def _graph_in(path: Path) -> bytes:
    file = read_workflow(path)
    count = _count(file.data) if file.is_saved else len(file.data)
    if not count:
        raise UnreadableWorkflow(_("the workflow has no nodes"))
    if count > MOST_NODES:
        words = _("it has {count} nodes, and a workflow can have {most} here")
        raise UnreadableWorkflow(words.format(count=count, most=MOST_NODES))
    try:
        data = json.dumps(file.data, indent=1, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, as an escape
        data = json.dumps(file.data, indent=1).encode()
    if len(data) > _LARGEST:
        raise UnreadableWorkflow(_("it is too large for a workflow"))
    return data


def _count(data: Mapping[str, Any]) -> int:
    """Count the nodes of a saved workflow and of its subgraphs."""
    definitions = data.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    graphs = [data, *(each for each in (subgraphs if isinstance(subgraphs, list) else ()) if isinstance(each, Mapping))]
    return sum(len(nodes) for each in graphs if isinstance(nodes := each.get("nodes"), list))
