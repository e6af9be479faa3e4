"""A bot in a process of its own, to be killed: `python -m tests.bot.survivor FOLDER ROLE`.

FOLDER/survivor.json has its settings, FOLDER/requests.jsonl what people ask for; each message is a file in
FOLDER/messages, and shows a result once, as a message that is edited does.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bot.core.background import TaskHealth
from bot.core.errors import StorageFailed
from bot.core.execution import takeover
from bot.core.execution.durable import engine
from bot.core.model import Address, Person, Place, Result, RunRequest, RunSummary, Status, UploadedFile
from bot.core.platform import Services
from bot.core.port import Limits
from bot.core.servers import registry
from bot.core.storage import session_lock
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.process import serve, until_signalled
from bot.server_settings import NamedServer
from bot.settings import Role, Secret
from tests.bot.harness import PLAIN, QuickSettings, layers

PLACE = Place("test", "here")


@dataclass(frozen=True)
class FileReply:
    path: Path
    fill: int = 0

    @property
    def limits(self) -> Limits:
        return Limits(10**9, 10, 4000, 0.1)

    async def show(self, status: Status) -> None:
        note(self.path, {"status": type(status).__name__, "reason": getattr(status, "reason", "")})

    async def deliver(self, result: Result) -> None:
        if any("result" in entry for entry in shown(self.path)):
            return
        digests = [hashlib.sha256(file.path.read_bytes()).hexdigest() for file in result.files]
        note(self.path, {"result": result.run_id, "color": result.values.get("color"), "files": digests})
        if self.fill:  # the disk is full from now on
            _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.fill, hard))


class FilePlatform:
    name = "test"

    def __init__(self, folder: Path, fill: int = 0, *, waits: bool = False, lingers: bool = False) -> None:
        self._folder, self._fill, self._waits, self._lingers = folder, fill, waits, lingers

    async def __aenter__(self) -> FilePlatform:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lingers:
            await asyncio.Event().wait()  # the process does not end by itself

    async def serve(self, services: Services) -> None:
        """Take every request that is not in the records, and what is cancelled."""
        services.health.tasks.connected(self.name)
        while self._waits and not (self._folder / "go").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
        for asked in entries(self._folder / "requests.jsonl"):
            person = Person("test", asked["person"], asked["person"])
            known = {run.address.message for run in await services.runs.last_of(person, 1000)}
            if asked["message"] not in known:
                values = {"color": str(asked["color"]), **asked.get("values", {})}
                if "photo" in asked:
                    values = {"photo": UploadedFile(Path(asked["photo"]), "cat.png")}
                request = RunRequest(asked.get("workflow", PLAIN), values, person, PLACE)
                await _until_taken(services, request, Address("test", "chat", asked["message"]))
        seen = 0
        while True:
            wanted = entries(self._folder / "cancels.jsonl")
            for each in wanted[seen:]:
                try:
                    await services.runs.cancel(each["run"], Person("test", each["person"], each["person"]))
                except StorageFailed as fault:
                    _tell(fault)
                    raise
            seen = len(wanted)
            await asyncio.sleep(0.05)

    def reply(self, address: Address, brief: RunSummary) -> FileReply:
        return FileReply(self._folder / "messages" / f"{address.message}.jsonl", self._fill)


async def _until_taken(services: Services, request: RunRequest, address: Address) -> None:
    while True:
        try:
            await services.runs.submit(request, address)
            return
        except StorageFailed as fault:
            _tell(fault)
            await asyncio.sleep(0.1)


def _tell(fault: StorageFailed) -> None:
    """Say in the log what a chat says to whoever asks."""
    print(fault, file=sys.stderr, flush=True)  # noqa: T201


def note(path: Path, entry: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def entries(path: Path) -> list[Any]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def shown(path: Path) -> list[Any]:
    return entries(path)


async def _main(folder: Path, role: Role) -> None:
    given = json.loads((folder / "survivor.json").read_text())
    database = Secret(given["database"]) if given["database"] else None
    chosen = {name: NamedServer(name, url) for name, url in given["servers"].items()}
    mine = given.get("at", {}).get(role.worker or "", list(chosen))
    settings = QuickSettings(
        data_dir=folder / "data",
        database=database,
        servers=tuple(chosen[name] for name in mine),
        waiting_per_person=1000,
        running_per_person=given.get("running", 3),
        otlp_url=Secret(given["otlp"]) if "otlp" in given else None,
    )
    for name, seconds in given.get("leases", {}).items():
        for module in (registry, session_lock, takeover):
            if hasattr(module, name):
                setattr(module, name, seconds)
    engine._VERSION = given.get("versions", {}).get(role.worker, engine._VERSION)
    tasks = TaskHealth()
    async with LiveCatalog(*layers(folder), folder / "workflows", tasks=tasks, step=0.2) as shelf:
        platform = FilePlatform(
            folder, given.get("fill", 0), waits=given.get("waits", False), lingers=given.get("lingers", False)
        )
        await serve(settings, shelf, [platform], role, tasks, lambda words: print(words, flush=True))  # noqa: T201


def main() -> None:
    folder, role = Path(sys.argv[1]), sys.argv[2]
    kinds = {"all": Role(), "chat": Role(worker=None)}
    asyncio.run(until_signalled(lambda: _main(folder, kinds.get(role) or Role(chat=False, worker=role))))


if __name__ == "__main__":
    main()
