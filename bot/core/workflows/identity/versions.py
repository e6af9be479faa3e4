"""The version of a workflow that a run uses: as it was when the person asked, even if its file has changed or gone."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress

from bot.core.workflows.catalog import Workflows, workflow_of
from bot.core.workflows.identity.identities import Identity
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.reader import SourceFile
from bot.core.workflows.source import NoDefinitions
from bot.core.workflows.workflow import Workflow

_KEPT = 300  # versions held in memory


class WorkflowVersions:
    """Finds workflows by their id and version. An empty version is the newest."""

    def __init__(self, catalog: Workflows, store: WorkflowStore) -> None:
        self.catalog = catalog
        self._store = store
        self._made: OrderedDict[tuple[str, str], Workflow | None] = OrderedDict()  # None: the newest takes its place
        self._wanted: set[tuple[str, str]] = set()

    async def get(self, workflow: str, version: str) -> Workflow:
        """Return a version of the workflow with this id; the newest if that version is not kept. Raises
        `UnknownWorkflow` and `StorageFailed`.
        """
        found = self._known(workflow, version)
        if found is None:
            await self._load([(workflow, version)])
            found = self._known(workflow, version)
        return found if found is not None else self.catalog.get(workflow)

    def at_hand(self, workflow: str, version: str) -> Workflow | None:
        """Return a version that is in memory, without asking the database. One that is not is fetched by `fetch`."""
        found = self._known(workflow, version)
        if found is None:
            self._wanted.add((workflow, version))
        return found

    async def fetch(self) -> bool:
        """Fetch the versions that were not at hand. Returns False if none is at hand now. Raises `StorageFailed`."""
        wanted, self._wanted = self._wanted, set()
        if wanted:
            await self._load(sorted(wanted))
        return any(self._known(*each) is not None for each in wanted)

    def _known(self, workflow: str, version: str) -> Workflow | None:
        newest = self.catalog.workflows.get(workflow)
        if newest is not None and version in ("", newest.version):
            return newest
        if (workflow, version) not in self._made:
            return None
        with suppress(KeyError):  # estimates are made in a thread
            self._made.move_to_end((workflow, version))
        return self._made.get((workflow, version)) or newest

    async def _load(self, wanted: list[tuple[str, str]]) -> None:
        files = await self._store.versions([version for _workflow, version in wanted if version])
        made = await asyncio.to_thread(self._make, wanted, files)
        self._made |= made
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)

    def _make(
        self, wanted: list[tuple[str, str]], files: dict[str, SourceFile]
    ) -> dict[tuple[str, str], Workflow | None]:
        """Make these versions, but those that wait for the first server. None stands for one that is not kept, or that
        this program cannot read.
        """
        made: dict[tuple[str, str], Workflow | None] = {}
        for workflow, version in wanted:
            with suppress(NoDefinitions):
                made[workflow, version] = self._made_of(workflow, files[version]) if version in files else None
        return made

    def _made_of(self, workflow: str, file: SourceFile) -> Workflow | None:
        newest = self.catalog.workflows.get(workflow)
        name = newest.name if newest is not None else workflow
        known = Identity(workflow, *file.place, file.layer, name, file.title, file.version)
        return workflow_of(file, known, self.catalog.info, [])
