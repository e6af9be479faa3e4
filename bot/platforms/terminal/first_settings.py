"""Write the first settings into a file `.env`: from what is found on this machine, and from what a person answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from bot.core.errors import BadValue, ConfigError
from bot.core.extras import has
from bot.core.servers.nearby import FoundServer
from bot.i18n import _
from bot.platforms.terminal.application import Application
from bot.platforms.terminal.messages import BadRequest, say
from bot.platforms.terminal.session import attend
from bot.settings import Settings
from bot.setup.checks import TOKENS
from bot.setup.env_file import check_place, fault_of, there_is, write_new


def write(app: Application, path: Path, given: str | None, *, asks: bool) -> int:
    """Write the file, and say what to do next. `given` is a server; without it, this machine's ports are asked. With
    `asks` a person confirms what was found, and says the rest. Raises `BadRequest` if there is such a file, or none can
    be written.
    """
    if path.exists():
        raise BadRequest(there_is(path))
    try:
        check_place(path)
    except ConfigError as fault:
        raise BadRequest(str(fault)) from fault
    found = [given] if given is not None else _found(app)
    values = _asked(app, found) if asks else {"COMFYUI_URLS": ", ".join(found), "DARKROOM_WEB": "on"}
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
        say(_("There is a ComfyUI at {address}: {about}.").format(address=each.label, about=each.about))
    return [each.address for each in found]


def _asked(app: Application, found: Sequence[str]) -> dict[str, str]:
    if not found:
        say(_("No ComfyUI answers at its usual ports on this machine."))
        if has("engine"):
            say(_("Without one, the built-in engine runs the workflows that need no model."))
    values = {"COMFYUI_URLS": _answer("COMFYUI_URLS", _("Address of your ComfyUI (empty: none)"), ", ".join(found))}
    values["COMFYUI_TOKEN"] = _server_token(app, values["COMFYUI_URLS"])
    values["DISCORD_TOKEN"] = _token(app, "discord", _("Token of your Discord bot"))
    values["TELEGRAM_TOKEN"] = _token(app, "telegram", _("Token of your Telegram bot"))
    if values["TELEGRAM_TOKEN"]:
        who = _("Who may use it on Telegram: ids and @names with commas, or * for everyone")
        values["TELEGRAM_ALLOWED"] = _answer("TELEGRAM_ALLOWED", who)
    page = click.confirm(_("Serve the page at http://127.0.0.1:8420"), default=not _chats(values))
    return {**values, "DARKROOM_WEB": "on" if page else ""}


def _server_token(app: Application, addresses: str) -> str:
    """Look at servers, and tell what is there. Return the token that one asks for; empty if none does."""
    question, token = _("Token of your ComfyUI (empty: none; it is not shown)"), ""
    for address in Settings.read({"COMFYUI_URLS": addresses}, None).urls:
        while (fault := _refusal(app, address, token)) is not None and fault.field == "server_token":
            given = _answer("COMFYUI_TOKEN", question, hide=True)
            if not given:
                break
            token = given
    return token


def _refusal(app: Application, address: str, token: str) -> BadValue | None:
    """Look at a server, and tell what is there; what keeps us out, if something does."""
    refused: list[BadValue] = []

    async def ask() -> int:
        try:
            found = await app.check_server(address, token)
        except BadValue as fault:
            say(fault.reason)
            refused.append(fault)
        else:
            say(_("There is a ComfyUI at {address}: {about}.").format(address=found.label, about=found.about))
        return 0

    if code := attend(ask()):
        raise SystemExit(code)
    return refused[0] if refused else None


def _token(app: Application, platform: str, what: str) -> str:
    """Ask for a token until the platform takes it, or the person wants it all the same; empty for none."""
    question = _("{what} (empty: none; it is not shown)").format(what=what)
    while token := _answer(TOKENS[platform], question, hide=True):
        if _is_taken(app, platform, token) or click.confirm(_("Keep it all the same?"), default=False):
            return token
    return ""


def _is_taken(app: Application, platform: str, token: str) -> bool:
    """Ask a platform about a token, and tell what it says."""
    taken: list[bool] = []

    async def ask() -> int:
        try:
            account = (await app.check_bot(platform, token, "*")).account
        except BadValue as fault:
            say(fault.reason)
        else:
            say(_("The token works: the bot is called {name}.").format(name=account.name))
            say(_("Invite it with this link: {link}").format(link=account.invitation))
            taken.append(True)
        return 0

    if code := attend(ask()):
        raise SystemExit(code)
    return bool(taken)


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
