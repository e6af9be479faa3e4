"""The page from outside: whether the address that the world is given leads to it."""

from __future__ import annotations

import aiohttp

from bot.core.errors import ConfigError
from bot.words import _

_PATIENCE = aiohttp.ClientTimeout(total=10)


async def introduce(url: str) -> str:
    """A line that says so. Raises `ConfigError` where something else answers there, or nothing."""
    try:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as session, session.get(f"{url}/healthz") as answer:
            reason = "" if (await answer.text()).strip() == "ok" else f"HTTP {answer.status}"
    except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as fault:
        reason = str(fault) or type(fault).__name__
    if reason:
        words = _("DARKROOM_PUBLIC_URL: no page answers at {url} ({reason}). Start it, and have its proxy lead to it.")
        raise ConfigError(words.format(url=url, reason=reason))
    return _("Page: good, reached at {url}").format(url=url)
