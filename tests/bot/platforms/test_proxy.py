"""Chats are reached over the operator's proxy, and what is near is reached directly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.platforms.discord.adapter import introduce as introduce_discord
from bot.platforms.proxy import proxy_for
from bot.platforms.telegram.adapter import introduce as introduce_telegram
from bot.settings import Settings

PROXY = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "direct.example,.inner.example"}


@pytest.mark.parametrize(
    ("url", "is_over_it"),
    [
        ("https://api.telegram.org", True),
        ("https://discord.com/api/v10", True),
        ("wss://gateway.discord.gg", True),
        ("https://8.8.8.8", True),
        ("https://direct.example/bot", False),
        ("https://a.inner.example", False),
        ("http://api.telegram.org", False),
        ("https://127.0.0.1:8081", False),
        ("https://[::1]:8081", False),
        ("https://10.1.2.3", False),
        ("https://192.168.1.2:8081", False),
        ("https://telegram-bot-api:8081", False),
        ("https://nas.local", False),
    ],
)
def test_what_is_near_or_named_goes_direct(url: str, is_over_it: bool) -> None:
    assert proxy_for(url, PROXY) == (PROXY["HTTPS_PROXY"] if is_over_it else None)
    assert proxy_for(url, {}) is None


def test_names_in_small_letters_and_a_proxy_without_its_scheme_count() -> None:
    assert proxy_for("https://discord.com", {"https_proxy": "proxy.example:3128"}) == "http://proxy.example:3128"


async def test_both_chats_ask_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        given = {
            "DARKROOM_DATA_DIR": str(tmp_path),
            "DISCORD_TOKEN": "t0ken-of-discord",
            "TELEGRAM_TOKEN": "1:t0ken-of-telegram",
            "DISCORD_API_BASE": "https://discord.invalid/api",
            "TELEGRAM_API_URL": "https://telegram.invalid",
        }
        settings = Settings.read(given, None)
        for introduce in (introduce_discord, introduce_telegram):
            with pytest.raises(ConfigError):
                await introduce(settings)
    assert {line.split()[1] for line in asked} == {"discord.invalid:443", "telegram.invalid:443"}
    assert {line.split()[0] for line in asked} == {"CONNECT"}
