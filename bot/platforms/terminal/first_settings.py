"""Write the first settings into a file `.env`: from what is found on this machine, and from what a person answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from bot.core.errors import ConfigError
from bot.core.extras import has
from bot.core.servers.nearby import FoundServer
from bot.i18n import _
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import BadRequest, say
from bot.platforms.terminal.session import attend
from bot.setup.env_file import fault_of, there_is, write_new


def write(app: Application, path: Path, given: str | None, *, asks: bool) -> int:
    """Write the file, and say what to do next. `given` is a server; without it, this machine's ports are asked. With
    `asks` a person confirms what was found, and says the rest. Raises `BadRequest` if there is such a file.
    """
    if path.exists():
        raise BadRequest(there_is(path))
    found = [given] if given is not None else _found(app)
    values = _asked(found) if asks else {"COMFYUI_URLS": ", ".join(found), "DARKROOM_WEB": "on"}
    values = {name: value for name, value in values.items() if value}
    if (mistake := fault_of(values)) is not None:
        raise BadRequest(mistake)
    try:
        write_new(path, values)
    except ConfigError as fault:
        raise BadRequest(str(fault)) from fault
    say(_("{file} is written. Next, type “darkroom check”, and then “darkroom start”.").format(file=path))
    return 0


def _found(app: Application) -> list[str]:
    found: list[FoundServer] = []

    async def look() -> int:
        found.extend(await app.nearby())
        return 0

    if code := attend(look()):
        raise SystemExit(code)
    for each in found:
        say(_("There is a ComfyUI at {address}: {about}.").format(address=each.address, about=each.about))
    return [each.address for each in found]


def _asked(found: Sequence[str]) -> dict[str, str]:
    if not found:
        say(_("No ComfyUI answers at its usual ports on this machine."))
        if has("engine"):
            say(_("Without one, the built-in engine runs the workflows that need no model."))
    values = {"COMFYUI_URLS": _answer("COMFYUI_URLS", _("Address of your ComfyUI (empty: none)"), ", ".join(found))}
    secret = _("{what} (empty: none; it is not shown)")
    values["DISCORD_TOKEN"] = _answer("DISCORD_TOKEN", secret.format(what=_("Token of your Discord bot")), hide=True)
    values["TELEGRAM_TOKEN"] = _answer("TELEGRAM_TOKEN", secret.format(what=_("Token of your Telegram bot")), hide=True)
    if values["TELEGRAM_TOKEN"]:
        who = _("Who may use it on Telegram: ids and @names with commas, or * for everyone")
        values["TELEGRAM_ALLOWED"] = _answer("TELEGRAM_ALLOWED", who)
    page = click.confirm(_("Serve the page at http://127.0.0.1:8420"), default=not _chats(values))
    return {**values, "DARKROOM_WEB": "on" if page else ""}


def _chats(values: Mapping[str, str]) -> bool:
    return bool(values["DISCORD_TOKEN"] or values["TELEGRAM_TOKEN"])


def _answer(name: str, question: str, default: str = "", *, hide: bool = False) -> str:
    return str(click.prompt(question, default, hide_input=hide, show_default=bool(default), value_proc=_checked(name)))


def _checked(name: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text.strip() and (fault := fault_of({name: text.strip()})) is not None:
            raise click.UsageError(fault)
        return text.strip()

    return check
