"""The first setup: servers are found, tokens checked, workflows picked, and all of it is written as settings.

Each step is on disk before it is told, so that a setup that was left goes on where it was. `darkroom init` asks the
same questions at the terminal.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from bot.core.errors import BadValue, ConfigError, UserError
from bot.core.servers.nearby import PORTS, FoundServer, nearby
from bot.core.workflows.workflow import Workflow
from bot.i18n import _, isolated, ngettext
from bot.settings import Settings
from bot.setup import env_file, workflows
from bot.setup.checks import TOKENS, CheckedBot, Introduction, check_bot, check_server, is_same, reach, sentence
from bot.setup.draft import DraftFile, PickedWorkflow, SetupDraft
from bot.setup.workflows import OfferedWorkflow
from comfy.server import Server

_SHORTEST = 12  # characters of the page's token


class SetupEnd(Enum):
    """The way on from a setup: as the settings say, with the built-in engine alone, or not at all."""

    WRITTEN, DEMO, LEFT = "written", "demo", "left"


@dataclass(frozen=True)
class BundledWorkflow:
    """A workflow that comes with the program; the `workflow` itself says what servers lack for it."""

    name: str
    title: str
    description: str
    workflow: Workflow | None = None


class SetupService:
    """Methods return a sentence for the person, and raise `UserError`; `BadValue` names the field to change."""

    def __init__(
        self,
        path: Path,
        draft: DraftFile,
        platforms: Mapping[str, Introduction],
        bundled: Sequence[BundledWorkflow],
        examine: Callable[[Settings], Awaitable[Sequence[str]]],
        environ: Mapping[str, str] = os.environ,
        *,
        has_engine: bool = True,
        ports: Sequence[int] = PORTS,
    ) -> None:
        """`path` is the file to write. `examine` returns what a start would refuse, in words. `has_engine` says that
        the built-in engine is installed; `ports` are those at which this machine is searched.
        """
        self.has_engine, self._ports = has_engine, ports
        self._path, self._file, self._platforms = path, draft, platforms
        self.bundled, self._examine, self._environ = tuple(bundled), examine, environ
        self.draft = SetupDraft()
        self._keeping = asyncio.Lock()

    async def open(self) -> None:
        """Take up a setup that was left; a new one begins with a look at this machine."""
        self.draft = await asyncio.to_thread(self._file.read)
        if not self.draft.looked:
            await self.look_around()

    async def fault(self) -> str:
        """Return why the settings cannot be written when all is ready; empty if they can."""
        try:
            await asyncio.to_thread(env_file.check_place, self._path)
        except ConfigError as fault:
            return str(fault)
        return ""

    async def look_around(self) -> str:
        """Look for servers on this machine, and take those that are new."""
        known = [each.address for each in self.draft.servers]
        found = [each for each in await nearby(self._ports) if not await self._among(known, each)]
        await self._keep(lambda draft: replace(draft, looked=True, servers=(*draft.servers, *found)))
        if found:
            return ngettext("Found {count} ComfyUI.", "Found {count} ComfyUI.", len(found)).format(count=len(found))
        if known:
            return _("There is no other ComfyUI on this machine.")
        return _("No ComfyUI answers at its usual ports on this machine (8188 and 8000).")

    async def add_server(self, address: str, token: str = "") -> str:
        """Take a server; a `token` is from then on that of all of them."""
        address, token = address.strip(), token.strip() or self.draft.server_token
        address = address if "://" in address or not address else f"http://{address}"
        sight = await check_server(address, token)
        if await self._among([each.address for each in self.draft.servers], sight):
            raise BadValue("address", _("this server is on the list already."))

        def add(draft: SetupDraft) -> SetupDraft:
            if sight.label in (each.label for each in draft.servers):
                raise BadValue("address", _("this server is on the list already."))
            return replace(draft, servers=(*draft.servers, sight), server_token=token)

        await self._keep(add)
        return _("Found {server}.").format(server=sight.about)

    async def drop_server(self, label: str) -> str:
        """Leave a server out, and with the last one their token."""

        def drop(draft: SetupDraft) -> SetupDraft:
            left = tuple(each for each in draft.servers if each.label != label)
            return replace(draft, servers=left, server_token=draft.server_token if left else "")

        await self._keep(drop)
        return _("Removed.")

    async def connect(self, platform: str, token: str, allowed: str = "") -> str:
        """Ask a platform about a token. On Telegram it has to be said who may use the bot."""
        token, allowed = token.strip(), allowed.strip()
        if not token:
            raise BadValue(platform, _("enter the token."))
        if platform == "telegram" and not allowed:
            raise BadValue("allowed", _("say who may use it: ids and @names with commas, or * for everyone."))
        bot = await check_bot(platform, self._platforms[platform], token, allowed, self._environ)
        await self._keep(lambda draft: replace(draft, bots={**draft.bots, platform: bot}))
        return _("The token works: the bot is called {name}.").format(name=isolated(bot.account.name))

    async def disconnect(self, platform: str) -> str:
        def left(draft: SetupDraft) -> Mapping[str, CheckedBot]:
            return {name: bot for name, bot in draft.bots.items() if name != platform}

        await self._keep(lambda draft: replace(draft, bots=left(draft)))
        return _("Removed.")

    async def choose(self, names: Sequence[str]) -> str:
        """Choose which bundled workflows people may run."""
        known = [each.name for each in self.bundled]
        chosen = tuple(each for each in known if each in names)
        await self._keep(lambda draft: replace(draft, bundled=None if len(chosen) == len(known) else chosen))
        return _("Kept.")

    async def lacking(self) -> Mapping[str, str]:
        """Say what the servers lack for bundled workflows, by their names."""
        known = [each.workflow for each in self.bundled if each.workflow is not None]
        return await workflows.lacking(known, self._servers)

    async def saved(self) -> list[OfferedWorkflow]:
        return await workflows.saved_at(self._servers)

    async def search(self, text: str) -> list[OfferedWorkflow]:
        """Search the libraries of the servers."""
        return await workflows.search(self._servers, text)

    async def pick(self, key: str) -> str:
        """Take a workflow that a server offers."""
        picked = await workflows.fetch(key, self._servers)

        def add(draft: SetupDraft) -> SetupDraft:
            if key in (each.key for each in draft.picked):
                raise UserError(_("This workflow is picked already."))
            return replace(draft, picked=(*draft.picked, picked))

        await self._keep(add)
        words = _("Picked “{title}”. {remarks}") if picked.remarks else _("Picked “{title}”: the server can run it.")
        return words.format(title=isolated(picked.title), remarks=picked.remarks)

    async def drop(self, key: str) -> str:
        def left(draft: SetupDraft) -> tuple[PickedWorkflow, ...]:
            return tuple(each for each in draft.picked if each.key != key)

        await self._keep(lambda draft: replace(draft, picked=left(draft)))
        return _("Removed.")

    async def protect(self, token: str) -> str:
        """Set the token of the page, with which other computers reach it; an empty one keeps it to this computer."""
        token = token.strip()
        if token and len(token) < _SHORTEST:
            raise BadValue("token", _("use at least {count} characters.").format(count=_SHORTEST))
        if token and (fault := env_file.fault_of({"DARKROOM_WEB_TOKEN": token})) is not None:
            raise BadValue("token", sentence(fault, "DARKROOM_WEB_TOKEN"))
        await self._keep(lambda draft: replace(draft, token=token))
        return _("Other computers reach the page with this token.") if token else _("Only this computer.")

    async def finish(self, browser: str, port: int) -> None:
        """Write the settings. The `browser`, as "web:id", becomes an operator where the page has a token. Raises
        `UserError` with what a start would refuse, or if there are settings by now.
        """
        try:
            values = self._values(browser, port)
            settings = Settings.read({**self._environ, **values}, None)
            if faults := await self._examine(settings):
                raise UserError("\n".join(faults))
            taken = [each.name for each in self.bundled]
            names = await asyncio.to_thread(workflows.put, self.draft.picked, settings.own_workflows, taken)
            if self.draft.bundled is not None:
                values["DARKROOM_DEFAULT_WORKFLOWS"] = ",".join((*self.draft.bundled, *names)) or "none"
            await asyncio.to_thread(env_file.write_new, self._path, values)
        except ConfigError as fault:
            raise UserError(str(fault)) from fault
        await asyncio.to_thread(self._file.drop)

    def _values(self, browser: str, port: int) -> dict[str, str]:
        draft = self.draft
        addresses = ", ".join(each.address for each in draft.servers)
        values = {"DARKROOM_WEB": "on", "COMFYUI_URLS": addresses, "COMFYUI_TOKEN": draft.server_token}
        for platform, bot in draft.bots.items():
            values[TOKENS[platform]] = bot.token
            if bot.allowed:
                values["TELEGRAM_ALLOWED"] = bot.allowed
        if port != Settings().web_port:
            values["DARKROOM_WEB_PORT"] = str(port)
        if draft.token:
            values |= {"DARKROOM_WEB_HOST": "0.0.0.0", "DARKROOM_WEB_TOKEN": draft.token}  # noqa: S104 - as chosen
            values["DARKROOM_OPERATORS"] = browser
        return {name: value for name, value in values.items() if value}

    @staticmethod
    async def _among(addresses: Sequence[str], sight: FoundServer) -> bool:
        """True if a server has one of these addresses, however that is spelled."""
        return sight.label in map(str, map(Server, addresses)) or any(
            [await is_same(each, sight.address) for each in addresses]
        )

    @property
    def _servers(self) -> list[Server]:
        return [reach(each.address, self.draft.server_token) for each in self.draft.servers]

    async def _keep(self, change: Callable[[SetupDraft], SetupDraft]) -> None:
        """Change the draft, one change after the other: a person may have the page open twice."""
        async with self._keeping:
            draft = change(self.draft)
            try:
                await asyncio.to_thread(self._file.write, draft)
            except ConfigError as fault:
                raise UserError(str(fault)) from fault
            self.draft = draft
