"""Browsers that open the links with which masks are drawn."""

from __future__ import annotations

from io import BytesIO
from types import TracebackType
from typing import Any

import aiohttp
from PIL import Image


def half_mask() -> bytes:
    """A mask over the left half of a picture, coarser than the picture."""
    mask = Image.new("L", (8, 8), 0)
    mask.paste(255, (0, 0, 4, 8))
    return png(mask)


def png(picture: Image.Image) -> bytes:
    data = BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


class Browser:
    """A browser with cookies of its own. Use it in `async with`."""

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.session.close()

    async def open(self, link: str) -> tuple[int, dict[str, Any]]:
        async with self.session.post(f"{link}/open") as answer:
            return answer.status, await answer.json()

    async def get(self, address: str) -> tuple[int, bytes]:
        async with self.session.get(address) as answer:
            return answer.status, await answer.read()

    async def save(self, link: str, mask: bytes = b"", crop: str = "") -> tuple[int, dict[str, Any]]:
        form = aiohttp.FormData(default_to_multipart=True)
        if mask:
            form.add_field("mask", mask, filename="mask.png", content_type="image/png")
        if crop:
            form.add_field("crop", crop)
        async with self.session.post(f"{link}/save", data=form) as answer:
            return answer.status, await answer.json()


async def looked_at(link: str) -> None:
    """Look at a link as programs do that show what is behind it: nothing is bound, and nothing told."""
    async with Browser() as program:
        for method in ("GET", "HEAD"):
            async with program.session.request(method, link) as answer:
                assert answer.status == 200
                assert "Set-Cookie" not in answer.headers
        assert not list(program.session.cookie_jar)
        assert (await program.get(f"{link}/plain"))[0] == 403
