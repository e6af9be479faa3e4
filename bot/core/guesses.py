"""Limit guesses of tokens: after a few wrong ones, each address gets slower and slower answers."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.core.errors import TooMany
from bot.i18n import _

_log = logging.getLogger(__name__)
_FREE = 5  # wrong tokens that are answered at once, because people mistype
_LONGEST = 30.0  # the longest delay of an answer, in seconds
_FORGOTTEN = 600.0  # seconds after which an address starts again at zero
_ADDRESSES = 4096  # remembered addresses
_KNOWN = 16  # remembered wrong tokens of an address; the same one again is not a new guess
_WAITING = 100  # delayed answers per address at a time: so many connections it may hold
_ALL_WAITING = 200  # delayed answers for all addresses together
_LOG_EVERY = 60.0  # seconds between two lines in the log


@dataclass
class _Guesser:
    wrong: int = 0
    last: float = 0.0
    waiting: int = 0
    known: deque[int] = field(default_factory=lambda: deque(maxlen=_KNOWN))

    @property
    def delay(self) -> float:
        return min(_LONGEST, 2.0 ** min(self.wrong - _FREE - 1, 10)) if self.wrong > _FREE else 0.0


class Guesses:
    """The guesses of one token, shared by all places that take it."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()
        self._waiting = 0
        self._logged = float("-inf")

    async def look(self, origin: str | None, given: str, is_right: Callable[[str], bool]) -> bool:
        """Check a token, after the delay of its address: a right one waits as a wrong one does, so that the delay tells
        nothing, and it is always let in, however many wrong ones came from its address.

        `origin` comes from the function `origin`, and is None if people share an address. Raises `TooMany` only if
        hundreds wait at once.
        """
        guesser = self._guesser(origin or "")
        if hash(given) in guesser.known:
            return False  # to say so again tells nothing
        guesser.last = self._clock()
        guesser.wrong += 1
        await self._wait(guesser)
        if is_right(given):
            guesser.wrong = max(0, guesser.wrong - 1)
            return True
        guesser.known.append(hash(given))
        return False

    def _guesser(self, key: str) -> _Guesser:
        guesser = self._guessers.setdefault(key, _Guesser())
        self._guessers.move_to_end(key)
        if self._clock() - guesser.last > _FORGOTTEN and not guesser.waiting:
            guesser.wrong = 0
        while len(self._guessers) > _ADDRESSES:
            self._guessers.popitem(last=False)
        return guesser

    async def _wait(self, guesser: _Guesser) -> None:
        if not guesser.delay:
            return
        self._log()
        if guesser.waiting >= _WAITING or self._waiting >= _ALL_WAITING:
            raise TooMany(_("Too many wrong tokens. Please try again in a minute."))
        guesser.waiting += 1
        self._waiting += 1
        try:
            await self._sleep(guesser.delay)
        finally:
            guesser.waiting -= 1
            self._waiting -= 1

    def _log(self) -> None:
        if self._clock() - self._logged >= _LOG_EVERY:
            self._logged = self._clock()
            _log.warning("many wrong tokens: their answers are now delayed")


def origin(address: str) -> str | None:
    """Return the key of an address: an IPv4 address, or the /64 network of an IPv6 address. None for this computer,
    because a proxy may speak for everyone, and for text that is not an address.
    """
    try:
        found = ipaddress.ip_address(_bare(address.strip()))
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return None
    return str(found) if found.version == 4 else f"{int(found) >> 64:x}::/64"


def is_private(host: str) -> bool:
    """True for an address of this computer or of a private network, where a proxy may run."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _bare(address: str) -> str:
    """Return the address without the port that some proxies add."""
    if address.startswith("[") or address.count(":") == 1:
        return urlsplit(f"//{address}").hostname or ""
    return address
