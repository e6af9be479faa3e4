"""What a run sends to a server beside the prompt itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt


def extra_data(*, previews: bool) -> dict[str, Any]:
    """Return the `extra_data` of a run. A server's own choice of previews is not known, so ours is always said."""
    return {"preview_method": "auto" if previews else "none"}


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
