"""From a photo with a caption to the bytes of the result, over sockets, through the durable engine."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.bot.platforms.telegram.harness import picture, serving
from tests.bot.platforms.telegram.server import bot_api


async def test_a_photo_with_a_caption_becomes_the_result(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        await api.write("/negative", photo=picture("black"))
        await api.until(
            lambda: api.of_bot() and api.of_bot()[0].kind == "photo" and "Again" in api.of_bot()[0].buttons()
        )
        (message,) = api.of_bot()
        assert Image.open(BytesIO(message.media or b"")).convert("RGB").getpixel((5, 5)) == (255, 255, 255)
        assert "Negative for User1" in message.text
        assert len(api.made("sendMessage")) == 1
