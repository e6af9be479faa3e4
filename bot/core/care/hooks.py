"""Hooks of a server: a command, or an address, that starts or stops its machine."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, TypeAlias
from urllib.parse import urlsplit

from bot.core.errors import HookFailed
from bot.i18n import _

_PATIENCE = 300.0  # seconds that a hook may take
_FAREWELL = 2.0  # seconds that a command has to end by itself
_SETTINGS = ("DARKROOM_", "COMFYUI_", "DISCORD_", "TELEGRAM_")  # with tokens, which are not for commands
_LONGEST = 200  # characters of what a command says


@dataclass(frozen=True)
class CommandHook:
    """A program and its arguments. No shell reads them."""

    words: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class UrlHook:
    """An address that gets a POST."""

    url: str = field(repr=False)


Hook: TypeAlias = CommandHook | UrlHook


async def call_hook(hook: Hook, server: str, patience: float = _PATIENCE) -> None:
    """Call a hook of a server, and wait for its end. It ends when the caller is cancelled, too. Raises `HookFailed`."""
    try:
        async with asyncio.timeout(patience):
            match hook:
                case CommandHook(words):
                    await _run(words, server)
                case UrlHook(url):
                    await _post(url)
    except TimeoutError:
        raise HookFailed(_("it has not ended after {seconds:.0f} seconds").format(seconds=patience)) from None


async def _run(words: tuple[str, ...], server: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    said = await _temporary_file()  # not a pipe: what the command leaves running may hold it open
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=DEVNULL, stdout=DEVNULL, stderr=said, env={**env, "SERVER": server}, start_new_session=True
        )
        code = await _ended(process)
        if code:
            told = await asyncio.to_thread(_last_words, said)
            raise HookFailed(_("it ended with code {code}: {reason}").format(code=code, reason=told))
    except OSError as fault:
        cannot = _("{program} cannot be started: {reason}")
        raise HookFailed(cannot.format(program=words[0], reason=fault.strerror or fault)) from fault
    finally:
        await asyncio.to_thread(said.close)


async def _temporary_file() -> IO[bytes]:
    """Open a file in a thread; if it is no longer wanted when it is open, it is closed at once."""
    opening: asyncio.Future[IO[bytes]] = asyncio.ensure_future(asyncio.to_thread(TemporaryFile))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise


def _close(opening: asyncio.Future[IO[bytes]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _ended(process: Process) -> int:
    """Wait for the end of a command, and bring it about if the caller is cancelled."""
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read(10_000).decode(errors="replace").strip().splitlines()
    return lines[-1][:_LONGEST] if lines else _("it said nothing")


async def _end(process: Process) -> None:
    """End a command, with what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await process.wait()
                return


async def _post(url: str) -> None:
    import aiohttp  # commands of the terminal do without

    try:
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            session.post(url, allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError) as fault:
        words = _("{host} cannot be reached ({reason})")
        raise HookFailed(words.format(host=urlsplit(url).hostname, reason=type(fault).__name__)) from fault
    if not 200 <= status < 300:
        raise HookFailed(_("{host} answered with status {status}").format(host=urlsplit(url).hostname, status=status))
