"""The page from outside: whether the address that the world is given leads to it."""

from __future__ import annotations

import aiohttp

from bot.core.errors import ConfigError
from bot.i18n import _

_PATIENCE = aiohttp.ClientTimeout(total=10)


async def warn() -> str:
    """A warning to set the proxy's header if a proxy speaks for all visitors."""
    return _(
        "Page: warning: if a reverse proxy is in front of the page, all visitors seem to come from one address, so "
        "wrong tokens of one person count against all. Then set DARKROOM_WEB_PROXY_HEADER to the header in which the "
        "proxy passes on the visitor's address, such as X-Real-IP."
    )


async def introduce(url: str) -> str:
    """A line that says so. Raises `ConfigError` where something else answers there, or nothing."""
    try:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as session, session.get(f"{url}/healthz") as answer:
            status, said = answer.status, await answer.content.read(100)
    except (aiohttp.ClientError, TimeoutError) as fault:
        words = _("DARKROOM_PUBLIC_URL: nothing answers at {url} ({reason}). Start the page, and its proxy.")
        raise ConfigError(words.format(url=url, reason=str(fault) or type(fault).__name__)) from fault
    if status != 200 or said.strip() != b"ok":
        words = _(
            "DARKROOM_PUBLIC_URL: what answers at {url} is not the page (HTTP {status}): have its proxy lead to it."
        )
        raise ConfigError(words.format(url=url, status=status))
    return _("Page: good, reached at {url}").format(url=url)
