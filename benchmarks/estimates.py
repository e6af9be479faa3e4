"""The error of the time left that members read at half time of a run, by the number of runs of its kind before.

.venv/bin/python -m benchmarks.estimates [--seconds 20] [--runs 6] [--server http://127.0.0.1:8188] [--size 3000]
                                         [--checkpoint FILE [--kinds 128x20,192x12]]

Without `--server` it is the built-in engine, in which each node of a workflow takes an equal part of the seconds.
A ComfyUI that is named needs no models: its nodes work on a picture of `--size` pixels a side. With a checkpoint that
it has, it paints pictures from words, in turns of these kinds: pixels a side, and steps. Each run has other words.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.model import Address, Delivering, Done, Failed, Running, RunSummary, Status
from bot.server_settings import NamedServer
from comfy.embedded import EmbeddedServer
from tests.bot.harness import House, RecordingPlatform, RecordingReply, house, write_workflows

_BLURS = 6  # nodes that take time, one behind the other
_FIRST = 3  # the run of a kind from which on its estimate counts
_PAINTING: dict[str, dict[str, Any]] = {
    "model": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": ""}},
    "words": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["model", 1], "text": ""}},
    "avoid": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["model", 1], "text": ""}},
    "blank": {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 128, "batch_size": 1}},
    "paint": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["model", 0],
            "positive": ["words", 0],
            "negative": ["avoid", 0],
            "latent_image": ["blank", 0],
            "seed": 0,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    },
    "show": {"class_type": "VAEDecode", "inputs": {"samples": ["paint", 0], "vae": ["model", 2]}},
    "save": {"class_type": "SaveImage", "inputs": {"images": ["show", 0], "filename_prefix": "x"}},
}
_PAINTED = {"words": "words.text", "seed": "paint.seed", "steps": "paint.steps"}
_PAINTED |= {side: f"blank.{side}" for side in ("width", "height")}


@dataclass
class _Said:
    """The statuses of one run, each with its moment."""

    statuses: list[tuple[float, Status]] = field(default_factory=list)

    @property
    def begun(self) -> float:
        return next(at for at, status in self.statuses if isinstance(status, Running))

    @property
    def ended(self) -> float:
        return next(at for at, status in self.statuses if isinstance(status, Delivering | Done))

    def at_half_time(self) -> Running:
        half = (self.begun + self.ended) / 2
        return [status for at, status in self.statuses if isinstance(status, Running) and at <= half][-1]

    def error(self) -> float | None:
        """Return the error at half time, as a part of what was left then; None if nothing was said."""
        half, last = (self.begun + self.ended) / 2, self.at_half_time()
        if last.eta is None:
            return None
        said_at = next(at for at, status in self.statuses if status is last)
        return abs(said_at + last.eta - self.ended) / (self.ended - half)

    def rise(self) -> float:
        """Return the part by which the time left has grown at most."""
        least, rise = float("inf"), 0.0
        for _at, status in self.statuses:
            if isinstance(status, Running) and status.eta is not None:
                least, rise = min(least, status.eta), max(rise, status.eta / max(least, 1e-9) - 1)
        return rise


class _Platform(RecordingPlatform):
    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, _Said] = {}

    def reply(self, address: Address, brief: RunSummary) -> RecordingReply:
        made = super().reply(address, brief)
        said = self.said.setdefault(address.message, _Said())
        return _Reply(made.platform, made.message, said)


@dataclass
class _Reply(RecordingReply):
    said: _Said

    async def show(self, status: Status) -> None:
        self.said.statuses.append((time.monotonic(), status))
        await super().show(status)


def _workflow(folder: Path, size: int) -> None:
    made = write_workflows(folder)
    blank = {"width": size, "height": size, "batch_size": 1, "color": 0}
    graph: dict[str, Any] = {"1": {"class_type": "EmptyImage", "inputs": blank}}
    for number in range(2, _BLURS + 2):
        inputs = {"image": [str(number - 1), 0], "blur_radius": 9 + number, "sigma": 5.0}
        graph[str(number)] = {"class_type": "ImageBlur", "inputs": inputs}
    save = {"images": [str(_BLURS + 1), 0], "filename_prefix": "x"}
    graph[str(_BLURS + 2)] = {"class_type": "SaveImage", "inputs": save}
    (made / "measured.json").write_text(json.dumps(graph))
    (made / "measured.toml").write_text('title = "Measured"\n[fields.color]\ntarget = "#1.color"\n')


def _painted(folder: Path, checkpoint: str) -> None:
    made = write_workflows(folder)
    loader = {**_PAINTING["model"], "inputs": {"ckpt_name": checkpoint}}
    (made / "measured.json").write_text(json.dumps({**_PAINTING, "model": loader}))
    fields = [f'[fields.{name}]\ntarget = "#{target}"' for name, target in _PAINTED.items()]
    (made / "measured.toml").write_text("\n".join(['title = "Measured"', *fields]))


def _values(kinds: Sequence[tuple[int, int]], number: int) -> dict[str, Any]:
    """Return what a run is given: never the same twice, here or in an earlier measurement at that server."""
    new = str(number + int(time.time()) % 10_000 * 100)
    if not kinds:
        return {"color": new}
    side, steps = map(str, kinds[number % len(kinds)])
    return {"words": f"a castle, {new}", "seed": new, "steps": steps, "width": side, "height": side}


async def _measure(home: House, platform: _Platform, runs: int, kinds: Sequence[tuple[int, int]]) -> None:
    errors, every = [], max(1, len(kinds))
    for number in range(1, runs + 1):
        values = _values(kinds, number)
        run_id, message = await home.ask("measured", message=f"run{number}", **values)
        while (await home.run(run_id)).ended_at is None:  # noqa: ASYNC110 - longer than any test waits
            await asyncio.sleep(0.1)
        assert not isinstance(message.last, Failed), message.last
        said = platform.said[f"run{number}"]
        error, half = said.error(), said.at_half_time()
        if (number - 1) // every + 1 >= _FIRST and error is not None:
            errors.append(error)
        told = "nothing said" if error is None else f"error {error:.1%}{'' if half.sure else ' (about)'}"
        kind = " {}x{}".format(*kinds[number % every]) if kinds else ""
        print(f"run {number}{kind}: {said.ended - said.begun:.1f} s, {told}, rises by {said.rise():.1%}", flush=True)
    print(f"from the third run of a kind on: median {statistics.median(errors):.1%}, worst {max(errors):.1%}")


def _kind(words: str) -> tuple[int, int]:
    side, _times, steps = words.partition("x")
    return int(side), int(steps)


async def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--runs", type=int, default=6)
    options.add_argument("--server", default="")
    options.add_argument("--size", type=int, default=0)
    options.add_argument("--checkpoint", default="")
    options.add_argument("--kinds", default="128x20,192x12")
    given = options.parse_args()
    kinds = [_kind(each) for each in given.kinds.split(",")] if given.checkpoint else []
    with tempfile.TemporaryDirectory() as name:
        folder, platform = Path(name), _Platform()
        if kinds:
            _painted(folder, given.checkpoint)
        else:
            _workflow(folder, given.size or (1000 if given.server else 64))
        pace = given.seconds / (_BLURS + 2)
        servers = [NamedServer("real", given.server)] if given.server else [EmbeddedServer(pace=pace)]
        async with house(folder, platform, servers) as home:
            await home.offered("measured")
            await _measure(home, platform, given.runs, kinds)


if __name__ == "__main__":
    asyncio.run(main())
