"""A route that Telegram calls with updates, for those who prefer it to asking: plain HTTP, behind a proxy with TLS."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from telegram import Bot, Update

from bot.core.errors import ConfigError, TooMany
from bot.core.guesses import Guesses
from bot.i18n import _
from bot.platforms.http_server import listening
from bot.platforms.ports import obstacle
from bot.platforms.telegram.api.polling import WANTED
from bot.platforms.telegram.api.update_queue import UpdateQueue

_log = logging.getLogger(__name__)
_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_LARGEST = 1_000_000  # bytes of an update


@dataclass(frozen=True)
class Hook:
    """A webhook: the address that Telegram calls, its secret, and the host and port where we listen."""

    url: str
    secret: str
    host: str
    port: int


def secret_of(token: str) -> str:
    """A secret that follows from the token, for those who set none."""
    return hashlib.sha256(f"webhook {token}".encode()).hexdigest()


async def try_to_listen(host: str, port: int) -> None:
    """Listen at the webhook's port for a moment. Raises `ConfigError` if that is not possible."""
    if (reason := await obstacle(host, port)) is not None:
        words = _(
            "Telegram's webhook cannot listen at {host}:{port}: {reason}. Set TELEGRAM_WEBHOOK_PORT to another port."
        )
        raise ConfigError(words.format(host=host, port=port, reason=reason))


async def listen(bot: Bot, inbox: UpdateQueue, hook: Hook) -> None:
    """Put updates into the inbox until cancelled."""
    application = web.Application(client_max_size=_LARGEST)
    application.router.add_post(urlsplit(hook.url).path or "/", _receiver(bot, inbox, hook.secret))
    async with listening(application, hook.host, (hook.port,)):
        await bot.set_webhook(hook.url, allowed_updates=WANTED, secret_token=hook.secret)
        _log.info("Telegram calls %s, which %s:%s listens for", hook.url, hook.host, hook.port)
        await asyncio.Event().wait()


def _receiver(bot: Bot, inbox: UpdateQueue, secret: str) -> web.Handler:  # type: ignore[name-defined]
    guesses = Guesses()

    def is_ours(given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())

    async def receive(request: web.Request) -> web.Response:
        given = request.headers.get(_HEADER, "")
        try:
            # It comes by a proxy, as wrong ones do; what is right must not wait for them.
            if not is_ours(given) and not await guesses.look(None, given, is_ours):
                return web.Response(status=403)
        except TooMany:
            return web.Response(status=429)
        try:
            update = Update.de_json(json.loads(await request.read()), bot)
        except (ValueError, TypeError, KeyError, AttributeError):
            return web.Response(status=400)
        await inbox.put(update)
        return web.Response()

    return receive
