"""A websocket message becomes one of these frozen events, or nothing: the only module that reads ComfyUI's messages.

Every event that belongs to a prompt has its `prompt_id`; where the server left it out it is None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from comfy.messages.previews import Preview, ProgressText, parse_frame


@dataclass(frozen=True)
class QueueStatus:
    """How many prompts run or wait; told to everybody at every change. `sid` comes only as a connection's greeting."""

    queue_remaining: int
    sid: str | None = None


@dataclass(frozen=True)
class FeatureFlags:
    """The server's answer to our handshake. `max_upload_size` is in bytes, and 0 where an old server does not say."""

    supports_preview_metadata: bool
    max_upload_size: int


@dataclass(frozen=True)
class PromptQueued:
    """The prompt waits. `position` counts from 1, the next to run; made by the client from `/queue`."""

    prompt_id: str
    position: int


@dataclass(frozen=True)
class ExecutionStart:
    prompt_id: str


@dataclass(frozen=True)
class ExecutionCached:
    """The nodes whose results are known from an earlier prompt, so that they will not run."""

    prompt_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Executing:
    """A node begins. `node` None ends the prompt, whatever came of it."""

    prompt_id: str | None
    node: str | None
    display_node: str | None = None


@dataclass(frozen=True)
class StepProgress:
    """How far the running node is, in its own steps."""

    prompt_id: str | None
    node: str | None
    value: float
    max: float


@dataclass(frozen=True)
class NodeProgress:
    node_id: str
    display_node: str
    state: str
    value: float
    max: float


@dataclass(frozen=True)
class ProgressState:
    """How far every node is that was begun so far. `state` is "pending", "running", "finished" or "error"."""

    prompt_id: str | None
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True)
class Executed:
    """An output node has finished: a hint of what is coming, while `/history` has the final word."""

    prompt_id: str
    node: str


@dataclass(frozen=True)
class ExecutionSuccess:
    """The prompt went well. `cached` says that no node ran at all: the outputs are those of an earlier prompt."""

    prompt_id: str
    cached: bool = False


@dataclass(frozen=True)
class ExecutionBlocked:
    """A node kept a branch from going on: a warning, since the prompt itself goes on."""

    prompt_id: str
    node_id: str
    class_type: str
    message: str


@dataclass(frozen=True)
class ExecutionError:
    """A node failed, and the prompt with it. The values of its inputs and the traceback are left behind on purpose."""

    prompt_id: str
    node_id: str
    class_type: str
    exception_type: str
    message: str


@dataclass(frozen=True)
class ExecutionInterrupted:
    prompt_id: str


#: What `ComfyClient.follow` yields; the last one of a prompt that went well is `ExecutionSuccess`.
Event: TypeAlias = (
    PromptQueued
    | ExecutionStart
    | ExecutionCached
    | Executing
    | StepProgress
    | ProgressState
    | Executed
    | Preview
    | ProgressText
    | ExecutionBlocked
    | ExecutionSuccess
)
#: All that a websocket message can be.
Message: TypeAlias = QueueStatus | FeatureFlags | ExecutionError | ExecutionInterrupted | Event


def parse_text(text: str) -> Message | None:
    """Read a text message; None for what is not ComfyUI's own: custom nodes send messages of any form."""
    try:
        message = json.loads(text)
        return _parse(message["type"], message["data"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def parse_binary(frame: bytes) -> Message | None:
    """Read a binary message; None for event types that are unknown, and for frames that are cut short."""
    return parse_frame(frame)


def _parse(kind: str, data: dict[str, Any]) -> Message | None:
    match kind:
        case "status":
            return QueueStatus(int(data["status"]["exec_info"]["queue_remaining"]), data.get("sid"))
        case "feature_flags":
            return FeatureFlags(data.get("supports_preview_metadata") is True, int(data.get("max_upload_size") or 0))
        case "execution_start":
            return ExecutionStart(str(data["prompt_id"]))
        case "execution_cached":
            return ExecutionCached(str(data["prompt_id"]), tuple(map(str, data["nodes"])))
        case "executing":
            return Executing(_text(data.get("prompt_id")), _text(data["node"]), _text(data.get("display_node")))
        case "progress":
            return StepProgress(
                _text(data.get("prompt_id")), _text(data.get("node")), float(data["value"]), float(data["max"])
            )
        case "progress_state":
            nodes = tuple(_node_progress(node_id, node) for node_id, node in data["nodes"].items())
            return ProgressState(_text(data.get("prompt_id")), nodes)
        case "executed":
            return Executed(str(data["prompt_id"]), str(data["node"]))
        case "execution_success":
            return ExecutionSuccess(str(data["prompt_id"]))
        case "execution_error":
            return execution_error(data)
        case "execution_interrupted":
            return ExecutionInterrupted(str(data["prompt_id"]))
        case _:
            return None


def execution_error(data: dict[str, Any]) -> ExecutionError | ExecutionBlocked:
    """Read the data of an `execution_error`, from a message or from a history entry (protocol sheet §6)."""
    prompt_id, node_id = str(data["prompt_id"]), str(data.get("node_id"))
    class_type, message = str(data.get("node_type")), str(data.get("exception_message") or "").strip()
    exception_type = str(data.get("exception_type") or "Exception")
    if exception_type == "ExecutionBlocked":
        return ExecutionBlocked(prompt_id, node_id, class_type, message)
    return ExecutionError(prompt_id, node_id, class_type, exception_type, message)


def _node_progress(node_id: str, node: dict[str, Any]) -> NodeProgress:
    display_node = str(node.get("display_node_id") or node_id)
    return NodeProgress(str(node_id), display_node, str(node["state"]), float(node["value"]), float(node["max"]))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
