"""A platform that draws groups, and remembers what it drew; and a workflow with a seed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.model import Address, GroupSummary, Person, Result, RunRequest, RunSummary
from bot.core.port import CellResults, Limits
from bot.core.run import RunRecord
from tests.bot.harness import ANN, HERE, House, RecordingPlatform, until


@dataclass
class Drawn:
    """All that the message of a group has shown: `files` has the bytes of each result, by the number of its run."""

    shown: list[GroupSummary] = field(default_factory=list)
    files: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    fills: int = 0
    times: dict[int, int] = field(default_factory=dict)  # how often each result was drawn

    @property
    def last(self) -> GroupSummary | None:
        return self.shown[-1] if self.shown else None


class GroupPlatform(RecordingPlatform):
    """`fault` is called before anything is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: dict[str, Drawn] = {}
        self.asked: list[str] = []
        self.fault: Callable[[], Exception | None] = lambda: None

    async def ask(self, brief: RunSummary, result: Result | None, channel: str) -> None:
        """Moderators are asked about a held run."""
        self.asked.append(brief.run_id)
        await self.note()

    def group(self, address: Address, group: GroupSummary) -> RecordingGroup:
        return RecordingGroup(self, self.groups.setdefault(address.message, Drawn()))


@dataclass
class RecordingGroup:
    platform: GroupPlatform
    drawn: Drawn

    @property
    def limits(self) -> Limits:
        return self.platform.limits

    async def progress(self, group: GroupSummary) -> None:
        await self._note(group)

    async def fill(self, group: GroupSummary, results: CellResults) -> None:
        self.drawn.fills += 1
        if (fault := self.platform.fault()) is not None:
            await self.platform.note()  # those who wait for the try hear of it
            raise fault
        for cell in group.results:
            if cell.number not in self.drawn.files:
                result = await results(cell)
                read = [await asyncio.to_thread(file.path.read_bytes) for file in result.files]
                self.drawn.files[cell.number] = tuple(read)
                self.drawn.times[cell.number] = self.drawn.times.get(cell.number, 0) + 1
        await self._note(group)

    async def _note(self, group: GroupSummary) -> None:
        self.drawn.shown.append(group)
        await self.platform.note()


def write_seeded(folder: Path) -> None:
    """Workflows with a seed, which is the colour: `seeded`, and `slow`, which `painter` paints."""
    made = folder / "workflows"
    made.mkdir(parents=True, exist_ok=True)
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    blank = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}
    paint = {"class_type": "Paint", "inputs": {"model": "a.ckpt", "color": 0}}
    fields = '[fields.seed]\ntarget = "#1.color"\nmaximum = 1000\nseed = true\n'
    for name, first in (("seeded", blank), ("slow", paint)):
        (made / f"{name}.json").write_text(json.dumps({"1": first, "2": save}))
        (made / f"{name}.toml").write_text(f'title = "{name.title()}"\n{fields}')


async def ask(
    home: House, count: int | None, person: Person = ANN, workflow: str = "seeded", **values: object
) -> list[str]:
    """Ask for several at once; the ids of the runs."""
    name = f"g{len(home.platform.messages)}{person.id}"
    home.platform.messages[name] = None  # type: ignore[assignment] # the name is taken
    request = RunRequest(workflow, {**({} if count is None else {"count": str(count)}), **values}, person, HERE)
    run_id = await home.services.runs.submit(request, Address(person.platform, "chat", name))
    run = await home.run(run_id)
    assert run.group_id is not None
    return [each.id for each in await home.services.groups.cells(run.group_id)]


async def closed(home: House, runs: list[str]) -> list[RunRecord]:
    """Wait until the message of a group says how it ended."""
    ended = await home.ended(*runs)
    platform = home.platform
    assert isinstance(platform, GroupPlatform)

    async def is_closed() -> bool:
        drawn = platform.groups.get(ended[0].address.message)
        return drawn is not None and drawn.last is not None and drawn.last.has_ended

    await until(is_closed)
    return ended


def write_worded(folder: Path) -> None:
    """A workflow with a text, a number, a choice, and a seed that is not its picture: `worded`, for `painter`."""
    made = folder / "workflows"
    made.mkdir(parents=True, exist_ok=True)
    paint = {"class_type": "Paint", "inputs": {"model": "a.ckpt", "color": 0}}
    noise = {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 0, "strength": 0.0}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}}
    (made / "worded.json").write_text(json.dumps({"1": paint, "2": noise, "3": save}))
    fields = {
        "prompt": '"#3.filename_prefix"\nrequired = true',
        "color": '"#1.color"',
        "model": '"#1.model"',
        "seed": '"#2.seed"\nseed = true',
    }
    tables = "".join(f"[fields.{name}]\ntarget = {target}\n" for name, target in fields.items())
    (made / "worded.toml").write_text(f'title = "Worded"\n{tables}')
