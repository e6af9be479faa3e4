"""The program is killed in every phase of a run, and the run's one message ends with the result all the same."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from comfy.embedded import EmbeddedServer
from tests.bot.platforms.telegram.house import Conversation, picture, start, stop
from tests.bot.platforms.telegram.server import BotApi, bot_api

Phase = Callable[[BotApi, Conversation], object]


def asked(method: str) -> Phase:
    """Telegram has a request that it has not answered."""
    return lambda api, chat: api.made(method, chat.id) or (method == "getFile" and api.made(method))


def running(api: BotApi, chat: Conversation) -> object:
    """The message shows that a node is at work."""
    return any("%" in call.data.get("text", "") for call in api.made("editMessageText", chat.id))


KILL, TERM = signal.SIGKILL, signal.SIGTERM
PHASES: dict[str, tuple[signal.Signals, str, str, Phase]] = {
    "before the answer": (KILL, "gates", "sendMessage", asked("sendMessage")),
    "while its picture is fetched": (KILL, "gates", "getFile", asked("getFile")),
    "while it runs": (KILL, "", "", running),
    "while it runs, and told to end": (TERM, "", "", running),
    "while the result is sent": (KILL, "gates", "editMessageMedia", asked("editMessageMedia")),
    "after the result was sent": (KILL, "hangs", "editMessageMedia", asked("editMessageMedia")),
}


@pytest.mark.timeout(120)
async def test_killed_in_every_phase(tmp_path: Path) -> None:
    async with bot_api() as api, EmbeddedServer(tmp_path / "engine", pace=0.8) as engine:
        environ = {"COMFYUI_URLS": engine.url, "TELEGRAM_PREVIEWS": "no"}
        process = await start(api, tmp_path, **environ)
        patient = Conversation(api)
        await patient.write("/negative")
        await patient.answer("Photo", button="Cancel")
        for number, (how, kind, method, reached) in enumerate(PHASES.values()):
            chat = Conversation(api)
            gate = asyncio.Event()
            if kind:
                getattr(api, kind)[method] = gate
            await chat.write("/poster", photo=picture(f"#{number}00000"))
            await api.until(lambda reached=reached, chat=chat: reached(api, chat), 20)
            code = await stop(process, how)
            if how is TERM:
                assert code == 0
                assert "restarted" in chat.last.text
            api.gates.clear()
            api.hangs.clear()
            before = len(api.made("editMessageMedia", chat.id))
            process = await start(api, tmp_path, **environ)
            await api.until(lambda chat=chat, before=before: len(api.made("editMessageMedia", chat.id)) > before, 20)
            await chat.result()
            (only,) = chat.messages
            assert Image.open(BytesIO(only.media or b"")).size == (64, 48)
        await patient.write(photo=picture())  # what was asked before goes on
        await patient.result()
        assert len(patient.messages) == 1
        assert await stop(process) == 0
