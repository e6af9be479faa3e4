"""Workflows that people saved in a ComfyUI outside the folder that is watched; read when an operator asks for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from bot.core.errors import UserError
from bot.core.model import Publish
from bot.core.sources.found import SavingServer
from bot.core.sources.watcher import SAVED, counts, users_of
from bot.core.together import together
from bot.i18n import _
from comfy.errors import ComfyError
from comfy.fleet import Fleet

_MOST = 500  # files that are listed


@dataclass(frozen=True)
class SavedElsewhere:
    """A file below the folder in which the editor saves; `user` is empty at a server with a single user."""

    server: str
    user: str
    path: str

    @property
    def id(self) -> str:
        return json.dumps([self.server, self.user, self.path])

    @property
    def title(self) -> str:
        return self.path.rpartition("/")[2].removesuffix(".json").removesuffix(".app")

    @property
    def folder(self) -> str:
        return "/".join(filter(None, (SAVED, self.path.rpartition("/")[0])))


class OtherFolders:
    """The folders of the servers that this process reaches, but for the `watched` one. Servers of which the settings
    say that saved workflows are not read have none. All methods raise `UserError`.
    """

    def __init__(self, fleet: Fleet, servers: Sequence[SavingServer], watched: str) -> None:
        self._fleet, self._watched = fleet, f"{watched}/"
        self._servers = [each for each in servers if each.publish is not Publish.OFF]

    async def all(self) -> list[SavedElsewhere]:
        """Return what is saved there, by server and path."""
        reached = [each for each in self._servers if each.name in self._fleet.up]
        if not reached:
            words = _("No server with saved workflows that may be read can be reached. Try again when one is back.")
            raise UserError(words)
        listed = await together(*map(self._listed, reached))
        found = sorted((file for files, _fault in listed for file in files), key=lambda each: (each.server, each.path))
        faults = [fault for _files, fault in listed if fault]
        if faults and not found:
            raise UserError(_("What is saved there cannot be read: {reason}.").format(reason=faults[0]))
        return found[:_MOST]

    async def content(self, key: str) -> tuple[SavedElsewhere, bytes]:
        """Return a file by its id, and what is in it."""
        file = _file(key)
        server = next((each for each in self._servers if each.name == file.server), None)
        if server is None or server.name not in self._fleet.up or not self._counts(file.path):
            raise UserError(_("This workflow is no longer saved at any server."))
        client = self._fleet.client(server.name)
        try:
            users, _faults = await users_of(client, server)
            if file.user not in users:
                raise UserError(_("This workflow is no longer saved at any server."))
            return file, await client.saved_file(f"{SAVED}/{file.path}", users[file.user])
        except ComfyError as fault:
            words = _("“{name}” cannot be fetched: {reason}.")
            raise UserError(words.format(name=file.title, reason=fault)) from fault

    async def _listed(self, server: SavingServer) -> tuple[list[SavedElsewhere], str]:
        """Return the files of a server, and why some of them cannot be listed."""
        client = self._fleet.client(server.name)
        try:
            users, faults = await users_of(client, server)
            found = [
                SavedElsewhere(server.name, user, file.path)
                for user, header in users.items()
                for file in await client.saved(SAVED, header)
                if self._counts(file.path)
            ]
        except ComfyError as fault:
            return [], str(fault)
        return found, faults[0].reason if faults else ""

    def _counts(self, path: str) -> bool:
        return counts(path) and "\\" not in path and not path.startswith(self._watched)


def _file(key: str) -> SavedElsewhere:
    with suppress(ValueError):
        match json.loads(key):
            case [str(server), str(user), str(path)]:
                return SavedElsewhere(server, user, path)
    raise UserError(_("This workflow is no longer saved at any server."))
