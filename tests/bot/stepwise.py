"""Runs that go on when a test says so: they are as far as people shall see them, however quick the machine is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NODES, Host, NodeType, Shown
from tests.patience import PATIENCE


def stepwise(name: str, wait: Callable[[str], None]) -> dict[str, NodeType]:
    """Return a node of the engine that shows its picture in three steps; after each it waits: "1", "2", "3"."""
    import comfy.embedded.nodes  # noqa: F401 - which fills NODES
    from comfy.embedded.nodes.resample import to_bytes

    node = NODES[name]

    def run(host: Host, **values: Any) -> Shown:
        shown, body = node.run(host, values), BytesIO()
        Image.fromarray(to_bytes(shown.outputs[0][0])).save(body, "PNG")
        for step in (1, 2, 3):
            host.send_picture(body.getvalue(), step, 4)
            wait(str(step))
        return shown

    return {name: replace(node, function=run, wants=node.wants | {"host"})}


class Tickets:
    """Blank pictures that are made for a ticket each: servers with these nodes do no more than tests give."""

    def __init__(self) -> None:
        self._left = threading.Semaphore(0)

    def give(self, count: int = 1_000_000) -> None:
        """Let so many runs through; by default all."""
        self._left.release(count)

    def nodes(self) -> dict[str, NodeType]:
        import comfy.embedded.nodes  # noqa: F401 - which fills NODES

        node = NODES["EmptyImage"]

        def run(**values: Any) -> Any:
            if not self._left.acquire(timeout=PATIENCE):
                raise TimeoutError
            return node.function(**values)

        return {"EmptyImage": replace(node, function=run)}


class StepwiseServer(EmbeddedServer):
    """A server with a node that is stepwise: once it was told to `hold`, runs stay at a step until `step` or `go`, or
    until they are interrupted.
    """

    def __init__(self, folder: Path | None = None, node: str = "ImageInvert") -> None:
        super().__init__(folder, nodes=stepwise(node, self._wait))
        self._going, self._steps = threading.Event(), threading.Semaphore(0)
        self._going.set()

    def hold(self) -> None:
        self._steps = threading.Semaphore(0)
        self._going.clear()

    def step(self) -> None:
        """Let a run go on to its next step."""
        self._steps.release()

    def go(self) -> None:
        """Let all runs go on from now on."""
        self._going.set()

    def _wait(self, _step: str) -> None:
        job = self._jobs.running
        while not (self._going.is_set() or job is None or job.interrupted.is_set()):
            if self._steps.acquire(timeout=0.02):
                return
