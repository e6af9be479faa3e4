"""Checks of what a person gives at the first setup, the same on the page and at the terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.core.errors import BadValue, ConfigError
from bot.core.port import BotAccount
from bot.core.servers.nearby import FoundServer, look_at
from bot.i18n import _
from bot.settings import Settings
from bot.setup.env_file import fault_of
from comfy.server import Server

#: Asks a platform about its token in some settings. Raises `ConfigError`.
Introduction = Callable[[Settings], Awaitable[BotAccount]]
TOKENS = {"discord": "DISCORD_TOKEN", "telegram": "TELEGRAM_TOKEN"}  #: the settings with the tokens of platforms


@dataclass(frozen=True)
class CheckedBot:
    """A bot of a platform, whose token that platform has taken. `allowed` says who may use it, where that is set."""

    token: str
    account: BotAccount
    allowed: str = ""

    def __repr__(self) -> str:
        return f"CheckedBot({self.account.name})"  # the token appears in no log


def reach(address: str, token: str) -> Server:
    """Return the way to a server, as a bot with these settings has it. Raises `ValueError` if they name no server."""
    settings = Settings.read({"COMFYUI_URLS": address, "COMFYUI_TOKEN": token}, None)
    if settings.urls != (address,):  # two of them, or one with a name
        raise ValueError(address)
    return Server(**settings.server(address))


async def check_server(address: str, token: str) -> FoundServer:
    """Return the server at an address. Raises `BadValue` if that is none, no ComfyUI answers there, or it does not take
    the token.
    """
    if (fault := fault_of({"COMFYUI_TOKEN": token})) is not None:
        raise BadValue("server_token", sentence(fault, "COMFYUI_TOKEN"))
    try:
        server = reach(address, token)
    except (ConfigError, ValueError) as refused:
        raise BadValue("address", _("write an address such as http://192.168.1.20:8188")) from refused
    sight = await look_at(server)
    if isinstance(sight, FoundServer):
        return sight
    if sight.asks and token:
        raise BadValue("server_token", _("the ComfyUI there does not take this token."))
    if sight.asks:
        words = _(
            "what answers there asks for a token: enter that too. If it asks for a name and a password, write "
            "http://name:password@address."
        )
        raise BadValue("server_token", words)
    words = _("no ComfyUI answers there: {reason}. Is it running, with --listen if it is on another computer?")
    raise BadValue("address", words.format(reason=sight.reason))


async def check_bot(
    platform: str, introduce: Introduction, token: str, allowed: str, environ: Mapping[str, str]
) -> CheckedBot:
    """Ask a platform about a token. Raises `BadValue` if the platform does not take it, or cannot be reached."""
    values = {TOKENS[platform]: token, "TELEGRAM_ALLOWED": allowed if platform == "telegram" else ""}
    try:
        account = await introduce(Settings.read({**environ, **values}, None))
    except ConfigError as fault:
        raise BadValue(platform, sentence(str(fault), TOKENS[platform])) from fault
    return CheckedBot(token, account, allowed)


def sentence(fault: str, name: str) -> str:
    """A fault without the name of its setting, which people do not see here."""
    return fault.removeprefix(f"{name}: ")
