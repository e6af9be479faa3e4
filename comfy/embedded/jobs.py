"""The queue of prompts and the history of ended prompts."""

from __future__ import annotations

import asyncio
import bisect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comfy.embedded.node import SavedFile

_MOST = 10_000  # entries of the history

#: The folder, the subfolder and the name of a file.
FileKey = tuple[str, str, str]


@dataclass
class EngineJob:
    """One unfinished prompt. Any thread may set `interrupted`; the worker reads it between steps."""

    number: float
    prompt_id: str
    graph: Mapping[str, Any]
    extra_data: dict[str, Any]
    outputs: tuple[str, ...]
    interrupted: threading.Event = field(default_factory=threading.Event)

    @property
    def client_id(self) -> Any:
        return self.extra_data.get("client_id")

    def as_item(self) -> list[Any]:
        shown = {key: value for key, value in self.extra_data.items() if key not in _SECRET}
        return [self.number, self.prompt_id, self.graph, shown, list(self.outputs)]


_SECRET = frozenset({"api_key_comfy_org", "auth_token_comfy_org"})


class EngineJobs:
    """The waiting, running and ended prompts. `changed` is called when a prompt joins or leaves the queue."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.pending: list[EngineJob] = []
        self.running: EngineJob | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self.current: str | None = None  #: the node that is being executed
        self._written: dict[str, set[FileKey]] = {}  # the files of ended prompts
        self._to_forget: list[tuple[Sequence[str], Sequence[str]]] = []
        self._changed = changed
        self._available = asyncio.Event()
        self._counter = 0

    @property
    def remaining(self) -> int:
        return len(self.pending) + (self.running is not None)

    def next_number(self) -> int:
        self._counter += 1
        return self._counter - 1

    def put(self, job: EngineJob) -> None:
        bisect.insort(self.pending, job, key=lambda each: (each.number, each.prompt_id))
        self._available.set()
        self._changed()

    async def get(self) -> EngineJob | None:
        """Return the next prompt to run; None if there are prompts to forget first."""
        while not (self.pending or self._to_forget):
            self._available.clear()
            await self._available.wait()
        if self._to_forget:
            return None
        self.running = self.pending.pop(0)
        self.running.interrupted.clear()
        self._changed()
        return self.running

    def done(
        self,
        job: EngineJob,
        outputs: dict[str, Any],
        messages: list[Any],
        files: Sequence[SavedFile],
        *,
        success: bool,
        meta: Any,
    ) -> None:
        self.running, self.current = None, None
        shown = set(files_in(outputs))
        self._written[job.prompt_id] = shown | {(each.type, each.subfolder, each.filename) for each in files}
        status = {"status_str": "success" if success else "error", "completed": success, "messages": messages}
        self.history.pop(job.prompt_id, None)
        self.history[job.prompt_id] = {"prompt": job.as_item(), "outputs": outputs, "status": status, "meta": meta}
        if len(self.history) > _MOST:
            oldest = next(iter(self.history))
            del self.history[oldest]
            self._written.pop(oldest, None)
        self._changed()

    def forget(self, prompt_ids: Sequence[str], inputs: Sequence[str]) -> None:
        """Have ended prompts and their files forgotten, and these inputs, as soon as no prompt runs."""
        self._to_forget.append((prompt_ids, inputs))
        self._available.set()

    def take_forgotten(self) -> set[FileKey]:
        """Forget the prompts that are to be forgotten. Returns their files, without those that other prompts use."""
        files = set[FileKey]()
        for prompt_ids, inputs in self._to_forget:
            for prompt_id in prompt_ids:
                self.history.pop(prompt_id, None)
                files |= self._written.pop(prompt_id, set())
            files |= {("input", "", name) for name in inputs}
        self._to_forget = []
        graphs = [job.graph for job in self.pending] + [entry["prompt"][2] for entry in self.history.values()]
        used = {("input", "", str(value)) for graph in graphs for value in _values(graph)}
        return files - used - set().union(*self._written.values())

    def delete(self, prompt_ids: list[Any]) -> bool:
        """Remove waiting prompts. Clients only get the new number of prompts."""
        kept = [job for job in self.pending if job.prompt_id not in prompt_ids]
        removed = len(kept) < len(self.pending)
        self.pending = kept
        if removed:
            self._changed()
        return removed

    def clear(self) -> None:
        self.pending = []
        self._changed()

    def interrupt(self, prompt_id: str | None = None) -> bool:
        """Interrupt the running prompt; with an id, only if it is that prompt."""
        if self.running is None or (prompt_id is not None and self.running.prompt_id != prompt_id):
            return False
        self.running.interrupted.set()
        return True


def files_in(outputs: Mapping[str, Any]) -> Iterator[FileKey]:
    """Yield the saved files in a prompt's outputs."""
    shown = (each for ui in outputs.values() for values in ui.values() for each in values if isinstance(each, dict))
    for each in shown:
        if each.get("type") in ("output", "temp") and "filename" in each:
            yield each["type"], each.get("subfolder", ""), each["filename"]


def _values(graph: Mapping[str, Any]) -> Iterator[Any]:
    for node in graph.values():
        yield from node["inputs"].values()
