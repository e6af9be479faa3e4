"""The workflows that servers have to offer at the first setup: what people saved there, and the servers' libraries."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import ConfigError, UserError
from bot.core.sources.library import TemplateLibrary, about
from bot.core.sources.needs import needs_of
from bot.core.workflows.identity.slugs import free_slug, slug_of
from bot.core.workflows.verdict_text import why_not
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from bot.server_settings import NamedServer
from bot.settings import Settings
from bot.setup.draft import PickedWorkflow
from comfy.client import ComfyClient
from comfy.errors import ComfyError
from comfy.object_info import ObjectInfo
from comfy.saved import UnreadableWorkflow
from comfy.saved.files import parse_workflow
from comfy.scheduling.schedule import is_model
from comfy.server import Server

_SAVED, _LIBRARY = "saved", "library"
_FOLDER = "workflows"  # in which the editor saves
_FOUND = 8  # templates that are described
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
_LONGEST = 100  # characters of a file's name
_MOST = 200  # saved workflows that are listed


@dataclass(frozen=True)
class OfferedWorkflow:
    """A workflow that can be picked by its key, in which no password is; `about` says more of it in a line."""

    key: str
    title: str
    about: str = ""


async def saved_at(servers: Sequence[Server]) -> list[OfferedWorkflow]:
    """Return what people saved at these servers, but for what is offered without a pick: in the folder for that, at a
    server that this computer alone reaches. One that does not answer has none.
    """
    found = []
    for server in servers:
        with suppress(ComfyError):
            async with _asked(server) as client:
                by_itself = f"{Settings.saved_folder}/" if await _is_alone(server, client) else None
                users: list[str | None] = [*(await client.users() or [None])]
                for user in users:
                    files = await client.saved(_FOLDER, user)
                    paths = [each.path for each in files if each.path.endswith(".json")]
                    found += [_offered(server, user, path) for path in paths if not _begins(path, by_itself)]
    return found[:_MOST]


async def lacking(workflows: Sequence[Workflow], servers: Sequence[Server]) -> Mapping[str, str]:
    """Say for each workflow that none of these servers can run what they lack, by its name. Where no server is named,
    those lack something that have models; one that does not answer lacks nothing.
    """
    if not servers:
        words = _("It needs a ComfyUI with a model for it.")
        return {each.name: words for each in workflows if _has_model(each)}
    known = dict[str, ObjectInfo]()
    for server in servers:
        with suppress(ComfyError):
            async with _asked(server) as client:
                known[str(server)] = await client.object_info()
    reasons = await asyncio.to_thread(lambda: [why_not(each, known) for each in workflows])
    return {each.name: reason for each, reason in zip(workflows, reasons, strict=True) if reason}


def _has_model(workflow: Workflow) -> bool:
    return any(is_model(value) for node in workflow.prompt for value in node.inputs.values())


async def search(servers: Sequence[Server], text: str) -> list[OfferedWorkflow]:
    """Search the libraries of these servers; what keeps people from running each is said. Raises `UserError` if no
    library can be read.
    """
    found: dict[str, OfferedWorkflow] = {}
    fault: UserError | None = None
    for server in servers:
        try:
            async with _asked(server) as client:
                library = TemplateLibrary(client)
                for each in (await library.search(text))[:_FOUND]:
                    told = " · ".join(filter(None, (about(each), await library.remarks(each))))
                    key = json.dumps([_LIBRARY, str(server), "", each.id])
                    found.setdefault(each.id, OfferedWorkflow(key, each.title or each.id, told))
        except (ComfyError, UserError) as refused:
            fault = UserError(str(refused))
    if fault is not None and not found:
        raise fault
    return list(found.values())[:_FOUND]


async def fetch(key: str, servers: Sequence[Server]) -> PickedWorkflow:
    """Fetch a workflow that was offered by one of these servers, and look at what it needs. Raises `UserError`."""
    kind, label, user, name = _parts(key)
    server = next((each for each in servers if str(each) == label), None)
    if server is None:
        raise UserError(_("That server is no longer among yours."))
    try:
        async with _asked(server) as client:
            if kind == _LIBRARY:
                entry = await TemplateLibrary(client).get(name)
                title, content, needs = entry.template.title or entry.template.id, entry.content, entry.needs
            else:
                title = _title(name).rpartition("/")[2]
                content = await client.saved_file(f"{_FOLDER}/{name}", user or None)
                needs = await asyncio.to_thread(needs_of, content, await client.object_info())
        return PickedWorkflow(key, title, await asyncio.to_thread(_plain, content), needs.remarks)
    except UnreadableWorkflow as fault:
        raise UserError(_("“{name}” cannot be used: {reason}.").format(name=_title(name), reason=fault)) from fault
    except ComfyError as fault:
        raise UserError(_("“{name}” cannot be fetched: {reason}.").format(name=_title(name), reason=fault)) from fault


def put(picked: Sequence[PickedWorkflow], folder: Path, taken: Sequence[str]) -> list[str]:
    """Write them into the operator's folder, where a file of the same content stays; their names. Raises
    `ConfigError`.
    """
    names: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in picked:
            there = {path.stem: path.read_text("utf-8", "replace") for path in folder.glob("*.json")}
            same = next((name for name, text in there.items() if text == each.content and name not in names), None)
            stem = same or _free_name(each.title, {*map(slug_of, there), *map(slug_of, names), *taken})
            names.append(stem)
            if same is None:
                part = folder / f".{stem}.json"  # so that no reader sees a half-written one
                part.write_text(each.content, encoding="utf-8")
                part.replace(folder / f"{stem}.json")
    except OSError as fault:
        words = _("{file} cannot be written: {reason}")
        raise ConfigError(words.format(file=fault.filename or folder, reason=fault.strerror)) from fault
    return [slug_of(name) for name in names]


def _free_name(title: str, taken: Collection[str]) -> str:
    """Return the title as the name of a file, or a short name where another workflow would have that."""
    name = _NOT_IN_NAMES.sub("-", title).strip(" .")[:_LONGEST]
    slug = free_slug(name, taken.__contains__)
    return name if name and slug == slug_of(name) else slug


@asynccontextmanager
async def _asked(server: Server) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(server) as client:
        yield client


async def _is_alone(server: Server, client: ComfyClient) -> bool:
    """True if what people save at a server is open by default: nobody else reaches it."""
    named = NamedServer("", server.url)
    return named.is_on_this_machine and not (await client.system_stats()).listens_to_others


def _begins(path: str, folder: str | None) -> bool:
    return folder is not None and path.startswith(folder)


def _offered(server: Server, user: str | None, path: str) -> OfferedWorkflow:
    where = " · ".join(filter(None, (user, str(server))))
    return OfferedWorkflow(json.dumps([_SAVED, str(server), user or "", path]), _title(path), where)


def _title(path: str) -> str:
    return path.removesuffix(".json").removesuffix(".app")


def _plain(content: bytes) -> str:
    return json.dumps(parse_workflow(content).data, indent=1, ensure_ascii=False)


def _parts(key: str) -> tuple[str, str, str, str]:
    with suppress(ValueError):
        match json.loads(key):
            case [str(kind), str(server), str(user), str(name)]:
                return kind, server, user, name
    raise UserError(_("That workflow is no longer there. Load the page again."))
