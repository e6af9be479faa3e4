"""Checks of what a person gives at the first setup, the same on the page and at the terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.core.errors import BadValue, ConfigError
from bot.core.port import BotAccount
from bot.core.servers.nearby import FoundServer, SilentServer, look_at
from bot.i18n import _
from bot.settings import Settings
from bot.setup.env_file import fault_of

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


async def check_server(address: str) -> FoundServer:
    """Return the server at an address. Raises `BadValue` if that is none, or no ComfyUI answers there."""
    if not address or fault_of({"COMFYUI_URLS": address}) is not None:
        raise BadValue("address", _("write an address such as http://192.168.1.20:8188"))
    sight = await look_at(address)
    if isinstance(sight, SilentServer):
        words = _("no ComfyUI answers there: {reason}. Is it running, with --listen if it is on another computer?")
        raise BadValue("address", words.format(reason=sight.reason))
    return sight


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
