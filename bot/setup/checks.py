"""Checks of what a person gives at the first setup, the same on the page and at the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.core.errors import BadValue, ConfigError
from bot.core.port import BotAccount
from bot.core.servers.nearby import FoundServer, SilentServer, look_at
from bot.i18n import _
from bot.settings import Settings
from bot.setup.env_file import fault_of
from comfy.errors import CertificateRefused, Redirected, UnexpectedAnswer, WrongScheme
from comfy.server import Server

#: Asks a platform about its token in some settings. Raises `ConfigError`.
Introduction = Callable[[Settings], Awaitable[BotAccount]]
TOKENS = {"discord": "DISCORD_TOKEN", "telegram": "TELEGRAM_TOKEN"}  #: the settings with the tokens of platforms

_WEB = {"http": 80, "https": 443}


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
    raise BadValue("address", _advice(sight))


async def is_same(first: str, second: str) -> bool:
    """True if two addresses are spellings of one: the same port of the same computer. Behind the usual ports of the web
    one computer may have many servers, each with a name.
    """
    one, other = urlsplit(first), urlsplit(second)
    ports = {each.port or _WEB[each.scheme] for each in (one, other)}
    if len(ports) > 1 or ports & set(_WEB.values()) or one.path.rstrip("/") != other.path.rstrip("/"):
        return False
    found = [await _machines(each.hostname or "") for each in (one, other)]
    return bool(found[0] & found[1])


async def _machines(host: str) -> frozenset[str]:
    """The network addresses of a host; itself if none is known."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return frozenset((host,))
    return frozenset(str(address[0]) for *_kind, address in found)


def _advice(silent: SilentServer) -> str:
    """Say what answers at an address in place of a ComfyUI, and what to do."""
    match silent.fault:
        case CertificateRefused(reason=reason):
            words = _(
                "the certificate there cannot be verified ({reason}). Give ComfyUI another one, or write its address "
                "with http."
            )
            return words.format(reason=reason or _("it gave no reason"))
        case WrongScheme(right=right):
            return _("what answers there speaks {right}: begin the address with {right}://").format(right=right)
        case Redirected(target=target) if target:
            return _("what answers there leads on to {address}: write that.").format(address=target)
        case UnexpectedAnswer():
            return _(
                "no ComfyUI answers there, but another program. The usual port of ComfyUI is 8188, that of its desktop "
                "program 8000."
            )
    words = _("no ComfyUI answers there, at {address}. Is it running, with --listen if it is on another computer?")
    if urlsplit(silent.address).port is None:
        words = _("no ComfyUI answers there, at {address}. Write its port too, as in http://192.168.1.20:8188.")
    return words.format(address=Server(silent.address))


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
