"""Files that lie at another address than their server: fetched without our headers, and from public addresses only.

Each address is checked when the connection is made, so a name that changes its meaning leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from comfy.errors import Redirected

_MOST_HOPS = 3  # redirects in a row
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 within IPv6: its last four bytes count
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def is_public(address: str) -> bool:
    """True if an IP address belongs to the internet: not to this machine, a private network, or a group of machines."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(ip)
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address within an IPv6 one, which is where a translator would lead us."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


class _NotPublic(OSError):
    pass


class _CheckedResolver(AbstractResolver):
    """Resolves names, and leaves out the addresses that may not be reached."""

    def __init__(self, inner: AbstractResolver, allowed: Callable[[str], bool]) -> None:
        self._inner, self._allowed = inner, allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [each for each in await self._inner.resolve(host, port, family) if self._allowed(each["host"])]
        if not found:
            raise _NotPublic(f"{host} has no public address")
        return found

    async def close(self) -> None:
        await self._inner.close()


class Elsewhere:
    """Follows a redirect of `/view` to a public address."""

    def __init__(
        self,
        timeout: aiohttp.ClientTimeout,
        resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
        allowed: Callable[[str], bool] = is_public,
    ) -> None:
        self._timeout, self._resolver, self._allowed = timeout, resolver, allowed

    @asynccontextmanager
    async def get(self, redirect: aiohttp.ClientResponse) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request the file, with no header, cookie or password of ours. Raises `Redirected` if that is not allowed."""
        resolver = _CheckedResolver(self._resolver(), self._allowed)
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)
        async with aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            target = self._target(redirect.url, redirect)
            try:
                for hop in range(_MOST_HOPS):
                    async with session.get(target, allow_redirects=False) as answer:
                        if answer.status not in REDIRECTS or hop == _MOST_HOPS - 1:
                            yield answer
                            return
                        target = self._target(target, answer)
            except aiohttp.ClientConnectorError as fault:
                if isinstance(fault.os_error, _NotPublic):
                    raise _refusal(redirect.url, target, redirect.status) from fault
                raise

    def _target(self, asked: URL, answer: aiohttp.ClientResponse) -> URL:
        try:
            target = asked.join(URL(answer.headers.get(hdrs.LOCATION, "")))
        except ValueError:
            target = URL()
        host = target.host or ""
        literal = host.replace(".", "").isdecimal() or ":" in host  # no resolver is asked for such a one
        if target.scheme not in ("http", "https") or not host or (literal and not self._allowed(host)):
            raise _refusal(asked, target, answer.status)
        return target


def _refusal(asked: URL, target: URL, status: int) -> Redirected:
    shown = str(target.with_user(None).with_query(None).with_fragment(None)) if target.host else ""
    words = f"{asked.host} redirects a file to {shown or 'no address'}, which is not public"
    return Redirected(words, status, shown, moved=False)
