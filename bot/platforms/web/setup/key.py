"""The key of the first setup: it stands in the terminal, works once, and lets one browser in.

It has 192 random bits, so wrong ones are not counted: that would only let others keep the person waiting.
"""

from __future__ import annotations

import secrets

from aiohttp import web

from bot.platforms.web.auth import is_same

_COOKIE = "darkroom_setup"


class SetupKey:
    """The first browser that shows the key has it for itself; no other one gets in with it."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(24)
        self._session: str | None = None

    def is_right(self, given: str) -> bool:
        return is_same(given, self.key)

    @property
    def is_used(self) -> bool:
        return self._session is not None

    def use(self, response: web.StreamResponse) -> None:
        """Bind the key to the browser that gets this answer."""
        self._session = secrets.token_urlsafe(32)
        response.set_cookie(_COOKIE, self._session, httponly=True, samesite="Lax", path="/setup")

    def is_in(self, request: web.Request) -> bool:
        given = request.cookies.get(_COOKIE, "")
        return self._session is not None and is_same(given, self._session)
