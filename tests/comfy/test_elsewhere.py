"""Files at another address than their server: fetched without our headers, and from public addresses."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from comfy import ComfyClient, FileRef, Redirected, Server
from comfy.elsewhere import Elsewhere, is_public
from comfy.http import Http
from tests.comfy.unruly import Unruly

FILE = FileRef("x.png", "", "output")
TIMEOUT = aiohttp.ClientTimeout(sock_connect=5.0, sock_read=5.0)


class Names(AbstractResolver):
    """Says that every name is at these addresses, and remembers what it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.asked = addresses, list[str]()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=socket.AF_INET, proto=0, flags=0)
            for ip in self.addresses
        ]

    async def close(self) -> None:
        return


@pytest.fixture
async def server() -> AsyncIterator[Unruly]:
    async with Unruly() as unruly:
        yield unruly


@pytest.fixture
async def storage() -> AsyncIterator[Unruly]:
    async with Unruly() as unruly:
        yield unruly


def redirecting(server: Unruly, target: str, path: str = "/view") -> None:
    async def intercept(request: web.Request) -> web.Response | None:
        return web.Response(status=302, headers={"Location": target}) if request.path == path else None

    server.intercept = intercept


async def fetch(server: Unruly, folder: Path, elsewhere: Elsewhere | None = None) -> bytes:
    settings = Server(server.url, headers={"X-Api-Key": "hunter2", "Authorization": "x"}, files_elsewhere=True)
    async with Http(settings, elsewhere) as http:
        await http.download(FILE, folder / "x.png")
    return (folder / "x.png").read_bytes()


async def test_a_file_comes_from_elsewhere_without_our_headers(server: Unruly, storage: Unruly, tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    async def note(request: web.Request) -> None:
        seen.append({name.lower(): value for name, value in request.headers.items()})

    storage.intercept = note
    redirecting(server, f"http://files.example:{storage.port}/view?signature=1")
    names = Names("127.0.0.1")
    elsewhere = Elsewhere(TIMEOUT, lambda: names, lambda ip: ip == "127.0.0.1")
    assert await fetch(server, tmp_path, elsewhere) == b"picture signature=1"
    assert names.asked == ["files.example"]
    assert seen[0].keys() == {"host", "accept", "accept-encoding", "user-agent"}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "169.254.169.254", "2130706433", "0"])
async def test_no_file_comes_from_this_machine_or_a_private_network(
    host: str, server: Unruly, storage: Unruly, tmp_path: Path
) -> None:
    redirecting(server, f"http://{host}:{storage.port}/view")
    with pytest.raises(Redirected, match="which is not public"):
        await fetch(server, tmp_path)
    assert not storage.calls
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["", "file:///etc/passwd", "ftp://93.184.216.34/x", "http://", "//127.0.0.1/x"])
async def test_no_file_comes_from_what_is_no_address(target: str, server: Unruly, tmp_path: Path) -> None:
    redirecting(server, target)
    with pytest.raises(Redirected):
        await fetch(server, tmp_path)


async def test_a_name_with_a_public_and_a_private_address_leads_to_the_public_one(
    server: Unruly, storage: Unruly, tmp_path: Path
) -> None:
    """As in an attack by a name that means something else each time: the address is checked that is connected to."""
    redirecting(server, f"http://files.example:{storage.port}/view")
    names = Names("127.0.0.2", "127.0.0.1")
    with pytest.raises(Redirected):
        await fetch(server, tmp_path, Elsewhere(TIMEOUT, lambda: names, lambda ip: ip == "127.0.0.3"))
    assert not storage.calls
    assert await fetch(server, tmp_path, Elsewhere(TIMEOUT, lambda: names, lambda ip: ip == "127.0.0.1"))


async def test_each_hop_is_checked_and_there_are_few(server: Unruly, storage: Unruly, tmp_path: Path) -> None:
    redirecting(server, f"http://files.example:{storage.port}/view")
    elsewhere = Elsewhere(TIMEOUT, lambda: Names("127.0.0.1"), lambda ip: ip == "127.0.0.1")
    redirecting(storage, "http://10.0.0.1/x")
    with pytest.raises(Redirected):
        await fetch(server, tmp_path, elsewhere)
    redirecting(storage, f"http://files.example:{storage.port}/view")
    with pytest.raises(Redirected):
        await fetch(server, tmp_path, elsewhere)
    assert storage.calls["GET /view"] <= 5


@pytest.mark.parametrize("path", ["/object_info", "/queue", "/system_stats"])
async def test_nothing_but_files_is_elsewhere(path: str, server: Unruly, storage: Unruly) -> None:
    redirecting(server, f"{storage.url}{path}", path)
    async with ComfyClient(Server(server.url, files_elsewhere=True, gone_after=0.1)) as client:
        ask = {"/object_info": client.object_info, "/queue": client.queue, "/system_stats": client.system_stats}[path]
        with pytest.raises(Redirected):
            await ask()
    assert not storage.calls


async def test_without_the_operators_word_no_file_is_elsewhere(server: Unruly, storage: Unruly, tmp_path: Path) -> None:
    redirecting(server, f"{storage.url}/view")
    async with ComfyClient(Server(server.url)) as client:
        with pytest.raises(Redirected):
            await client.download(FILE, tmp_path / "x.png")
    assert not storage.calls


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::", False),
        ("a name", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public
