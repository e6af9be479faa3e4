"""A first setup that is under way: all that was found, checked and chosen, on disk, so that it can be left and taken up
again. The file is private, since it has tokens, and is gone once the settings are written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bot.core.errors import ConfigError
from bot.core.servers.nearby import FoundServer
from bot.core.storage import private
from bot.i18n import _
from bot.setup.checks import CheckedBot

NAME = "setup.json"


@dataclass(frozen=True)
class PickedWorkflow:
    """A workflow that was saved at a server or is in its library; `content` is its file, and `remarks` say what
    keeps people from running it.
    """

    key: str
    title: str
    content: str
    remarks: str = ""


@dataclass(frozen=True)
class SetupDraft:
    """`looked` says that this machine was searched. `bundled` names the bundled workflows that people may run; None is
    all of them. `token` is that of the page, which is for this computer alone without one; `server_token` is that of
    the servers.
    """

    looked: bool = False
    servers: tuple[FoundServer, ...] = ()
    bots: Mapping[str, CheckedBot] = field(default_factory=dict)
    bundled: tuple[str, ...] | None = None
    picked: tuple[PickedWorkflow, ...] = ()
    token: str = field(default="", repr=False)
    server_token: str = field(default="", repr=False)


class DraftFile:
    """The file of a draft, in the data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.path = folder, folder / NAME

    def read(self) -> SetupDraft:
        """Return the draft; an empty one if there is none that can be read."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(self.path.read_bytes(), type=SetupDraft)
        return SetupDraft()

    def write(self, draft: SetupDraft) -> None:
        """Keep a draft. Raises `ConfigError` if it cannot be written."""
        part = self.path.with_suffix(".part")
        try:
            private.make_folder(self._folder)
            with open(part, "wb", opener=private.opener) as file:
                file.write(msgspec.json.encode(draft))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as fault:
            words = _("DARKROOM_DATA_DIR: {folder} cannot be written: {reason}")
            raise ConfigError(words.format(folder=self._folder, reason=fault.strerror)) from fault

    def drop(self) -> None:
        """Delete it, if it is there."""
        for path in (self.path, self.path.with_suffix(".part")):
            with suppress(OSError):
                path.unlink(missing_ok=True)
