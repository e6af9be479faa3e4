"""Pages are files with gaps: the words that stand in them, and what a page has of its own."""

from __future__ import annotations

import asyncio
import html
from pathlib import Path
from string import Template

from aiohttp import web

from bot.platforms.web.i18n import page_words

STATIC = Path(__file__).parent / "static"


async def filled(name: str, **parts: str) -> web.Response:
    """A page with its words put in; `parts` are HTML already."""
    text = await asyncio.to_thread((STATIC / name).read_text, encoding="utf-8")
    escaped = {key: html.escape(value) for key, value in page_words().items()}
    return web.Response(text=Template(text).substitute(escaped | parts), content_type="text/html")
