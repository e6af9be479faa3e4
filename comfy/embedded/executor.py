"""Execute a prompt node by node in a worker thread, with the same messages in the same order as ComfyUI."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

from comfy.embedded.folders import Folders, PromptHost
from comfy.embedded.jobs import EngineJob, FileKey, files_in
from comfy.embedded.node import Host, NodeType, SavedFile, Shown
from comfy.embedded.validation import declared

Tell = Callable[[str, dict[str, Any]], None]
#: Sends a picture of a node to the owner of the prompt: a preview of pixels, or a PNG as it is.
Preview = Callable[[str, Any], None]
_PACE_STEPS = 10


class Interrupted(Exception):
    """The prompt was interrupted."""


class Executor:
    """Caches the results of nodes, so that the same work is not done twice."""

    def __init__(self, nodes: Mapping[str, NodeType], folders: Folders, pace: float) -> None:
        self._nodes, self._folders, self._pace = nodes, folders, pace
        self._cache: dict[str, Shown] = {}

    def execute(self, job: EngineJob, tell: Tell, preview: Preview) -> PromptExecution:
        """Run a prompt to its end, in the calling thread."""
        execution = PromptExecution(job, self._nodes, self._folders, tell, preview)
        execution.run(self._cache, self._pace)
        self._cache = {signature: shown for signature, shown in self._cache.items() if signature in execution.used}
        return execution

    def forget(self, files: Set[FileKey]) -> None:
        """Forget the results with these files. Not while a prompt runs."""
        self._cache = {key: shown for key, shown in self._cache.items() if files.isdisjoint(files_in({key: shown.ui}))}


class PromptExecution:
    """One prompt: the state of its nodes, and its future `/history` entry."""

    def __init__(
        self, job: EngineJob, nodes: Mapping[str, NodeType], folders: Folders, tell: Tell, preview: Preview
    ) -> None:
        self.job, self.success = job, False
        self.outputs: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}
        self.messages: list[Any] = []
        self.used: set[str] = set()
        self._nodes, self._tell, self._preview = nodes, tell, preview
        extra = job.extra_data.get("extra_pnginfo") or {}
        self.files: list[SavedFile] = []
        self._host: Host = PromptHost(folders, job.graph, extra, self.files, self._send_picture)
        self._results: dict[str, Shown] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._node = ""

    def run(self, cache: dict[str, Shown], pace: float) -> None:
        self._say("execution_start")
        order = list(self._order())
        signatures = self._signatures(order)
        self.used = set(signatures.values())
        cached = [node_id for node_id in order if signatures[node_id] in cache]
        self._say("execution_cached", nodes=cached)
        try:
            for node_id in order:
                if node_id in cached:
                    self._recall(node_id, cache[signatures[node_id]])
            for node_id in order:
                if node_id not in cached:
                    cache[signatures[node_id]] = self._execute(node_id, pace)
        except Interrupted:
            self._say("execution_interrupted", **self._place())
        except Exception as error:  # noqa: BLE001  # whatever a node raises is that prompt's end, not the server's
            self._fail(error)
        else:
            self.success = True
            self._say("execution_success")

    def _order(self) -> Iterator[str]:
        """Yield the nodes that the outputs need, each after the nodes that it links to."""
        done: set[str] = set()
        stack = [(output, False) for output in reversed(self.job.outputs)]
        while stack:
            node_id, ready = stack.pop()
            if node_id in done:
                continue
            if ready:
                done.add(node_id)
                yield node_id
                continue
            stack.append((node_id, True))
            stack += [(source, False) for source, _ in reversed(list(self._links(node_id)))]

    def _links(self, node_id: str) -> Iterator[tuple[str, int]]:
        for name, value in self.job.graph[node_id]["inputs"].items():
            if isinstance(value, list) and len(value) == 2 and self._is_declared(node_id, name):
                yield value[0], value[1]

    def _is_declared(self, node_id: str, name: str) -> bool:
        node = self._type(node_id)
        parent = name.partition(".")[0]
        return parent in node.required or parent in node.optional

    def _signatures(self, order: list[str]) -> dict[str, str]:
        """Return the cache keys of nodes: class_type, literal values, and the keys of the linked nodes."""
        known: dict[str, str] = {}
        for node_id in order:
            node, given = self._type(node_id), self.job.graph[node_id]["inputs"]
            parts: dict[str, Any] = {"class_type": node.class_type}
            literals = {}
            for name, value in sorted(given.items()):
                if isinstance(value, list) and len(value) == 2:
                    if self._is_declared(node_id, name):
                        parts[name] = [known[value[0]], value[1]]
                    continue
                parts[name] = value  # unknown inputs count too, as on the real server
                if self._is_declared(node_id, name):
                    literals[name] = value
            if node.fingerprint is not None:
                parts["fingerprint"] = node.fingerprint(self._host, **literals)
            text = json.dumps([node_id if node.output_node else "", parts], default=str)
            known[node_id] = hashlib.sha256(text.encode()).hexdigest()
        return known

    def _recall(self, node_id: str, shown: Shown) -> None:
        self._results[node_id] = shown
        if self._type(node_id).output_node:
            self._executed(node_id, shown)
            self._progress(node_id, "finished", 1, 1)

    def _execute(self, node_id: str, pace: float) -> Shown:
        self._node = node_id
        if self.job.interrupted.is_set():
            raise Interrupted
        self._progress(node_id, "running", 0.0, 1.0)
        self._tell("executing", {"node": node_id, "display_node": node_id, "prompt_id": self.job.prompt_id})
        shown = self._type(node_id).run(self._host, self._values(node_id))
        if pace:
            self._linger(node_id, shown, pace)
        if self._type(node_id).class_type == "GetImageSize":
            width, height, batch = shown.outputs
            text = f"width: {width}, height: {height}\n batch size: {batch}"
            self._tell("progress_text", {"node": node_id, "text": text})
        self._results[node_id] = shown
        if shown.ui:
            self._executed(node_id, shown)
        self._progress(node_id, "finished", 1.0, 1.0)
        return shown

    def _linger(self, node_id: str, shown: Shown, pace: float) -> None:
        """Let the node take `pace` seconds, so that people can watch."""
        for step in range(1, _PACE_STEPS + 1):
            if self.job.interrupted.wait(pace / _PACE_STEPS):
                raise Interrupted
            progress = {"value": step, "max": _PACE_STEPS, "prompt_id": self.job.prompt_id, "node": node_id}
            self._progress(node_id, "running", step, _PACE_STEPS)
            self._tell("progress", progress)
            if step % 3 == 0 and shown.outputs:
                self._preview(node_id, shown.outputs[0])

    def _send_picture(self, png: bytes, number: int, count: int) -> None:
        progress = {"value": number, "max": count, "prompt_id": self.job.prompt_id, "node": self._node}
        self._progress(self._node, "running", number, count)
        self._tell("progress", progress)
        self._preview(self._node, png)

    def _executed(self, node_id: str, shown: Shown) -> None:
        ui = dict(shown.ui) or None
        data = {"node": node_id, "display_node": node_id, "output": ui, "prompt_id": self.job.prompt_id}
        self._tell("executed", data)
        if ui:
            self.outputs[node_id] = ui
            place = {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}
            self.meta[node_id] = place

    def _values(self, node_id: str) -> dict[str, Any]:
        given = self.job.graph[node_id]["inputs"]
        values: dict[str, Any] = {}
        for name, (spec, _) in declared(self._type(node_id), self._host).items():
            if name not in given:
                continue
            values[name] = self._resolved(given[name])
            subs = {key.partition(".")[2]: self._resolved(given[key]) for key in given if key.startswith(f"{name}.")}
            if spec[0] == "COMFY_DYNAMICCOMBO_V3":
                values[name] = {name: values[name], **subs}
        return values

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list) and len(value) == 2:
            return self._results[value[0]].outputs[value[1]]
        return value["__value__"] if isinstance(value, dict) and "__value__" in value else value

    def _progress(self, node_id: str, state: str, value: float, most: float) -> None:
        self._states[node_id] = {
            "value": value,
            "max": most,
            "state": state,
            "node_id": node_id,
            "prompt_id": self.job.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        self._tell("progress_state", {"prompt_id": self.job.prompt_id, "nodes": dict(self._states)})

    def _fail(self, error: Exception) -> None:
        kind = type(error)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        current = {
            name: [str(value) if not isinstance(value, str | int | float | bool) else value]
            for name, value in self.job.graph[self._node]["inputs"].items()
        }
        self._say(
            "execution_error",
            **self._place(),
            exception_message=f"{error}\n",
            exception_type=f"{module}{kind.__qualname__}",
            traceback=traceback.format_tb(error.__traceback__),
            current_inputs=current,
            current_outputs=[node_id for node_id in self.job.graph if node_id not in self._results],
        )

    def _place(self) -> dict[str, Any]:
        node_type = self._type(self._node).class_type if self._node else ""
        return {"node_id": self._node, "node_type": node_type, "executed": list(self._results)}

    def _say(self, event: str, **data: Any) -> None:
        whole = {**data, "prompt_id": self.job.prompt_id, "timestamp": int(time.time() * 1000)}
        self.messages.append([event, whole])
        self._tell(event, whole)

    def _type(self, node_id: str) -> NodeType:
        return self._nodes[self.job.graph[node_id]["class_type"]]
