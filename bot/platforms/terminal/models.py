"""`darkroom models`: lists the models and nodes that workflows lack, and fetches models."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bot.core.errors import UserError
from bot.i18n import _
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import RunFailed, say
from bot.platforms.terminal.session import attend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def show(app: Application, server: str | None) -> int:
    """List the missing models: name, size, folder, the workflows that want them, and the address; and the missing
    nodes: name, pack, workflows and address.
    """

    async def work() -> int:
        await app.learn([server])
        async with app.open(server) as bench:
            models = await bench.missing_models()
            nodes = await bench.missing_nodes() if server is not None else {}  # nothing can be installed in our engine
        if not models and not nodes:
            say(_("No workflow lacks a model or a node there."))
        for link, workflows in models.items():
            say(_line(link, workflows))
        if nodes:
            say(_("Missing nodes:"))
        for node, workflows in nodes.items():
            pack = _("pack {pack}").format(pack=node.pack) if node.pack else _("the workflow names no pack")
            say(_told(node.node, pack, workflows, node.url))
        return 0

    return attend(work())


def fetch(app: Application, server: str | None, name: str) -> int:
    """Fetch one of them."""

    async def work() -> int:
        link = next((each for each in await _missing(app, server) if each.name == name), None)
        if link is None:
            raise UserError(_("No workflow lacks “{name}” there: “darkroom models” lists those.").format(name=name))
        try:
            made = await app.model_fetcher(_progress).fetch(link)
        except (TimeoutError, OSError) as fault:
            words = _("{name} was not fetched to its end ({reason}). The same command goes on from there.")
            raise RunFailed(words.format(name=name, reason=type(fault).__name__)) from fault
        words = _("Fetched {file} ({size:.2f} GB); its checksum is right.")
        words = words if made.checked else _("Fetched {file} ({size:.2f} GB); the workflow names no checksum.")
        say(words.format(file=made.path, size=made.size / 1e9))
        return 0

    return attend(work())


def install(app: Application, server: str | None, pack: str) -> int:
    """Have ComfyUI-Manager install a pack, and print what it says."""

    async def work() -> int:
        if not app.settings.manager:
            words = _("Set {setting} if ComfyUI-Manager may install packs of nodes at your servers.")
            raise UserError(words.format(setting="COMFYUI_MANAGER=yes"))
        await app.learn([server])
        async with app.open(server) as bench:
            say(await bench.install_pack(pack))
        return 0

    return attend(work())


async def _missing(app: Application, server: str | None) -> Mapping[Any, list[str]]:
    await app.learn([server])
    async with app.open(server) as bench:
        return await bench.missing_models()


def _line(link: Any, workflows: Sequence[str]) -> str:
    size = f" ({link.size})" if link.size else ""
    folder = f"models/{link.folder}" if link.folder else _("its folder is not known")
    return _told(f"{link.name}{size}", folder, workflows, link.url)


def _told(name: str, where: str, workflows: Sequence[str], url: str) -> str:
    line = _("{name}: {where}; for {workflows}").format(name=name, where=where, workflows=", ".join(workflows))
    return f"{line}; {url}" if url else line


def _progress(there: int, total: int) -> None:
    if sys.stderr.isatty():
        shown = f"{there / 1e6:,.0f} MB" + (f" / {total / 1e6:,.0f} MB" if total else "")
        sys.stderr.write(f"\r{shown}\033[K")
