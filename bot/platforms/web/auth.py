"""The gate: which requests are answered, whose they are, and what a browser may do with the answers."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.core.errors import TooMany
from bot.core.guesses import Guesses, is_private, origin
from bot.core.platform import MASK_PATH, SHARED_PATH
from bot.i18n import _
from bot.settings import Secret

_COOKIE, _SESSION = "darkroom", "darkroom_session"
_MOST_MEMBERS = 10_000  # remembered visitors who have shown the token
_LASTS = 400 * 86_400  # seconds: as long as browsers keep a cookie
_OPEN = frozenset({"/healthz", "/readyz"})  # say nothing that anybody may not know
_BY_LINK = (MASK_PATH, "/static/")
_PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via")  # by a proxy: then it is anybody
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none at all, a form of ours has no Origin either
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class AccessControl:
    """Access to the page: without a token, from this computer only; with one, for visitors who have entered it."""

    def __init__(
        self,
        token: Secret | None,
        proxy_header: str = "",
        guesses: Guesses | None = None,
        public_host: str = "",
        is_invited: Callable[[str], bool] = lambda _visitor: False,
    ) -> None:
        """`proxy_header` is the one in which our proxy says for whom it asks. `public_host` is the name of the page for
        all, where links work. `is_invited` tells of a visitor that an operator has invited them.
        """
        self._is_invited = is_invited
        self._public_host = public_host
        self._token, self._proxy_header = token, proxy_header
        self._guesses = guesses or Guesses()
        self._members: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def locked(self) -> bool:
        return self._token is not None

    def middleware(self) -> Middleware:
        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._check(request)
            return await handler(request)

        return gate

    def is_at_home(self, request: web.Request) -> bool:
        """True if the request comes from this computer, and the page, without a token, serves only this computer."""
        return not self.locked and is_loopback(request.remote or "") and not _is_passed_on(request)

    async def is_in(self, request: web.Request) -> bool:
        """Check that the visitor has entered the token, if there is one, or was invited. Raises
        `HTTPTooManyRequests`.
        """
        if self._token is None or ((visitor := whose(request)) and self._is_invited(visitor)):
            return True
        given, stamp = request.cookies.get(_SESSION, ""), self._session(request)
        member = whose(request), given
        if member in self._members:  # other people's wrong tokens do not slow members down
            self._members.move_to_end(member)
            return True
        # A stamp is made from the token, so that a wrong one is a guess as well.
        is_in = await self._look(request, given, lambda shown: is_same(shown, stamp))
        if is_in:
            self._members[member] = None
            if len(self._members) > _MOST_MEMBERS:
                self._members.popitem(last=False)
        return is_in

    async def shows_token(self, request: web.Request) -> bool:
        """Check the token in a program's header; true if the page needs none. Raises `HTTPTooManyRequests`."""
        if self._token is None:
            return True
        kind, _space, given = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and await self.enter(request, given.strip())

    async def enter(self, request: web.Request, given: str) -> bool:
        """Check a token. Raises `HTTPTooManyRequests` if hundreds of tokens wait to be checked."""
        return await self._look(request, given, self._is_right)

    async def knows(self, request: web.Request, key: str, is_right: Callable[[str], bool]) -> bool:
        """Check the key of a link; a wrong one counts as a guess. A right one waits for no guesses of others behind the
        same address, since it is too long to be found. Raises `HTTPTooManyRequests`.
        """
        return is_right(key) or await self._look(request, key, is_right)

    async def _look(self, request: web.Request, given: str, is_right: Callable[[str], bool]) -> bool:
        try:
            return bool(given) and await self._guesses.look(self._origin(request), given, is_right)
        except TooMany as fault:
            raise web.HTTPTooManyRequests(text=str(fault), headers={"Retry-After": "60"}) from fault

    def _origin(self, request: web.Request) -> str | None:
        """The address that wrong tokens count against: from the proxy's header if one is set, else from the connection;
        None if that is a proxy's, which speaks for everyone.
        """
        if self._proxy_header:
            told = ",".join(request.headers.getall(self._proxy_header, ()))
            return origin(told.rpartition(",")[2])  # what stands before it is the client's own word
        near = is_private(request.remote or "")
        return None if near and _is_passed_on(request) else origin(request.remote or "")

    def stamp(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let a visitor who has shown the token in from now on."""
        _set(request, response, _SESSION, self._session(request))

    def _is_right(self, given: str) -> bool:
        return self._token is not None and is_same(given, self._token.reveal())

    def _session(self, request: web.Request) -> str:
        """A stamp for one visitor's cookie: it holds while the token does, and only for that visitor."""
        token = self._token.reveal() if self._token is not None else ""
        return hmac.new(token.encode(), _bytes(request.cookies.get(_COOKIE, "")), hashlib.sha256).hexdigest()

    def _check(self, request: web.Request) -> None:
        """Refuse a name that is not ours (DNS rebinding), and requests that other sites make a browser send; but a
        link to a file works from anywhere.
        """
        if "\0" in request.path or "%00" in request.raw_path:
            raise web.HTTPBadRequest(text=_("This address is not one of this page."))
        if request.path in _OPEN or request.path.startswith(SHARED_PATH):
            return
        by_link = request.path.startswith(_BY_LINK) and request.host == self._public_host
        if not (self.locked or by_link) and not is_loopback(_host(request.host)):
            raise web.HTTPMisdirectedRequest(text=_("This page answers at 127.0.0.1 and localhost only."))
        source, fetch = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "")
        visits = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
        if (source is not None and source.partition("://")[2] != request.host) or (
            fetch in ("cross-site", "same-site") and not visits
        ):
            raise web.HTTPForbidden(text=_("Another site cannot use this page."))


def whose(request: web.Request) -> str:
    """The visitor's id: a hash of their cookie, so that no record reveals it; empty without a cookie."""
    secret = request.cookies.get(_COOKIE, "")
    return _hashed(secret) if len(secret) >= 32 else ""


def introduce(request: web.Request, response: web.StreamResponse) -> str:
    """Give a new visitor a cookie that cannot be guessed. Returns the visitor's id."""
    if known := whose(request):
        return known
    secret = secrets.token_urlsafe(32)
    _set(request, response, _COOKIE, secret)
    return _hashed(secret)


def _hashed(secret: str) -> str:
    return hashlib.sha256(_bytes(secret)).hexdigest()[:32]


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on every answer."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    is_ours = request.path.startswith("/static/")
    response.headers.setdefault("Cache-Control", "no-cache" if is_ours else "no-store")


def is_same(given: str, right: str) -> bool:
    """Compare a secret that was given with the right one, in a time that tells nothing."""
    return hmac.compare_digest(_bytes(given), right.encode())


def _bytes(text: str) -> bytes:
    """The bytes of a header, which need not be UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _is_passed_on(request: web.Request) -> bool:
    return any(map(request.headers.get, _PASSED_ON))


def _host(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _set(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(name, value, max_age=_LASTS, httponly=True, samesite="Lax", secure=secure, path="/")
