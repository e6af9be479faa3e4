"""The parts of a request to a server that are not the prompt itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from bot.core.workflows.source import SavedSource
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt

_log = logging.getLogger(__name__)


def extra_data(
    prompt: Prompt, info: ObjectInfo, source: SavedSource | None = None, *, previews: bool
) -> dict[str, Any]:
    """Return the `extra_data` of a run. A server's own choice of previews is not known, so ours is always said. With
    the workflow, the files that lie at the server can be opened in ComfyUI's editor: as its author saved it, if the
    prompt was made of a `source`. A large one takes long: call it in a thread.
    """
    method = "auto" if previews else "none"
    workflow = _workflow(prompt, info, source)
    return {"preview_method": method, "extra_pnginfo": {} if workflow is None else {"workflow": workflow}}


def _workflow(prompt: Prompt, info: ObjectInfo, source: SavedSource | None) -> dict[str, Any] | None:
    """Return the workflow of a prompt; None where the server describes its nodes in a way that cannot be read."""
    from comfy.saved.written.filled import editor_workflow  # `darkroom run` begins sooner without it

    try:
        return editor_workflow(prompt.as_sent(), info.plans, source.data if source is not None else None)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as fault:
        _log.warning("the files of a run will not have its workflow: %r", fault)
        return None


def execution_targets(prompt: Prompt, outputs: Iterable[str], info: ObjectInfo) -> tuple[str, ...]:
    """Return which output nodes are enough to make the results of the nodes in `outputs`; empty means that all have to
    run. A node that is no output node has results only if an output node needs it.
    """
    named = [node_id for node_id in outputs if node_id in prompt]
    targets = tuple(node_id for node_id in named if _is_output(prompt, node_id, info))
    if not targets:
        return ()
    made = prompt.part_for(targets)
    return targets if all(node_id in made for node_id in named) else ()


def _is_output(prompt: Prompt, node_id: str, info: ObjectInfo) -> bool:
    node = info.node(prompt[node_id].class_type)
    return node is not None and node.output_node
