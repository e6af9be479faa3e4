"""Parse websocket messages into frozen events. This is the only module that reads ComfyUI's messages.

Every event of a prompt has its `prompt_id`; it is None if the server left it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from comfy.json_text import read_json, read_large_json
from comfy.messages.previews import Preview, ProgressText, parse_frame


@dataclass(frozen=True)
class QueueStatus:
    """The number of running and waiting prompts, sent to all clients at every change. Only the first one has `sid`."""

    queue_remaining: int
    sid: str | None = None


@dataclass(frozen=True)
class FeatureFlags:
    """The server's answer to the handshake. `max_upload_size` is in bytes; 0 if an old server does not say."""

    supports_preview_metadata: bool
    max_upload_size: int


@dataclass(frozen=True)
class PromptQueued:
    """The prompt waits. `position` counts from 1, the next to run, and `running` counts the prompts that run now. The
    client makes this event from `/queue`.
    """

    prompt_id: str
    position: int
    running: int = 0


@dataclass(frozen=True)
class ExecutionStart:
    prompt_id: str


@dataclass(frozen=True)
class ExecutionCached:
    """The nodes with results from an earlier prompt. They will not run."""

    prompt_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Executing:
    """A node starts. If `node` is None, the prompt has ended, in success or failure."""

    prompt_id: str | None
    node: str | None
    display_node: str | None = None


@dataclass(frozen=True)
class StepProgress:
    """The progress of the running node, in its own steps."""

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
    """The progress of all started nodes. `state` is "pending", "running", "finished" or "error"."""

    prompt_id: str | None
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True)
class Executed:
    """An output node has finished. This is only a hint; `/history` has the final outputs."""

    prompt_id: str
    node: str


@dataclass(frozen=True)
class PictureSent:
    """A result that a node sends and does not save, as a PNG. It comes once, and is in no history."""

    prompt_id: str | None
    node: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class ExecutionSuccess:
    """The prompt succeeded. `cached` means that no node ran, because the outputs are those of an earlier prompt. Of the
    nodes that send their results, `sent` has those whose pictures have all come.
    """

    prompt_id: str
    cached: bool = False
    sent: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExecutionBlocked:
    """A node blocked a branch. This is only a warning: the prompt continues."""

    prompt_id: str
    node_id: str
    class_type: str
    message: str


@dataclass(frozen=True)
class ExecutionError:
    """A node failed, and the prompt with it. Input values and the traceback are left out on purpose."""

    prompt_id: str
    node_id: str
    class_type: str
    exception_type: str
    message: str


@dataclass(frozen=True)
class ExecutionInterrupted:
    prompt_id: str


#: The events of `ComfyClient.follow`. The last one of a successful prompt is `ExecutionSuccess`.
Event: TypeAlias = (
    PromptQueued
    | ExecutionStart
    | ExecutionCached
    | Executing
    | StepProgress
    | ProgressState
    | Executed
    | Preview
    | PictureSent
    | ProgressText
    | ExecutionBlocked
    | ExecutionSuccess
)
#: All websocket messages.
Message: TypeAlias = QueueStatus | FeatureFlags | ExecutionError | ExecutionInterrupted | Event


_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
_DEEP = 4  # the depth at which an error has the values of a node's inputs


def parse_text(text: str) -> Message | None:
    """Read a text message; None if it is not ComfyUI's own, because custom nodes send any messages."""
    try:
        message = read_json(text)
        return _parse(message["type"], message["data"])
    except _NOT_OURS:
        return None


async def parse_large_text(text: str) -> Message | None:
    """Like `parse_text`, for a text that takes long to read: others have their turn meanwhile."""
    try:
        message = await read_large_json(text, _DEEP)
        return _parse(message["type"], message["data"])
    except _NOT_OURS:
        return None


def parse_binary(frame: bytes) -> Message | None:
    """Read a binary message; None for unknown event types and incomplete frames."""
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
    """Read the data of an `execution_error`, from a message or from a history entry."""
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
