"""Any data in place of a button's: it is answered, once, and nothing of ours breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from bot.platforms.telegram.forms.prompts import PromptStep
from bot.platforms.telegram.moderation.panel import Click
from bot.platforms.telegram.runs.callback_data import CallbackData
from tests.bot.platforms.telegram.harness import Conversation, forged, picture, serving
from tests.bot.platforms.telegram.server import BotApi, Kept, bot_api
from tests.bot.platforms.web.test_fuzz import opened
from tests.foreign import check, cut_up, elsewhere, how_much

MODERATOR = 9
REAL = [
    b"r:x:AAAAAAAAAAAAAAAAAAAAAA",
    b"r:o:",
    b"r:d:AAAAAAAAAAAAAAAAAAAAAA",
    *(f"d:0:{letter}:{text}".encode() for letter in "vfwpedbaru" for text in ("", "0", "0/abc", "poster")),
    *(f"m:{spot}:{letter}:0:negative".encode() for spot in ("1", "-100", "-100/7") for letter in "adpbtnru"),
    *(f"o:{word}".encode() for word in ("really", "forget", "try", "about", "")),
    b"p:1500:1",
    b"p:9:1",
    b"\xc2\xb2:\xd9\xa3:\xd9\xa3",
]


def _fitting(data: bytes) -> str:
    """Telegram lets a client send any text of 1 to 64 bytes."""
    return data.decode("utf-8", "replace").encode()[:64].decode("utf-8", "ignore") or "x"


presses = (cut_up(REAL, 64) | st.text(max_size=64).map(lambda text: text.encode("utf-8", "replace"))).map(_fitting)


@how_much
@pytest.mark.long
def test_data_of_buttons(tried: settings) -> None:
    def read(data: str) -> None:
        for button in (CallbackData.read(data), PromptStep.read(data), Click.read(data)):
            if button is not None:
                assert type(button).read(button.data) == button, data

    check(tried, presses, read)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[BotApi]:
    async with bot_api() as api, serving(api, folder, DARKROOM_OPERATORS=f"telegram:{MODERATOR}"):
        yield api


async def test_a_press_below_a_message_that_is_gone_is_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as api:
        operator = Conversation(api, user=MODERATOR)
        panel = forged(operator, "m:-100:p:0:negative")
        assert await operator.notice(await operator.press(panel, "x")) == ""


@elsewhere
@how_much
@pytest.mark.long
def test_presses_below_any_message(tried: settings, tmp_path: Path) -> None:
    with opened(served(tmp_path)) as (runner, api, _log):

        async def begin() -> tuple[dict[int, Conversation], list[Kept]]:
            people = {user: Conversation(api, user=user) for user in (MODERATOR, 1500)}
            below = []
            for each in people.values():
                await each.write("/negative", photo=picture())
                below.append(await each.result())
                await each.write("/poster")
                below.append(await each.answer())
            return people, below

        people, below = runner.run(begin())

        async def press(data: str, who: int, where: int) -> None:
            person = people[who]
            message = [each for each in below if each.chat == person.id][where % 2] if where else forged(person, data)
            button = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}
            below_it = Kept(message.chat, message.id, message.data, reply_markup=button)
            await person.notice(await person.press(below_it, "x"))

        def work(example: Any) -> None:
            runner.run(press(*example))

        fewer = settings(tried, max_examples=tried.max_examples // 6)  # a chat takes one message a second
        check(fewer, st.tuples(presses, st.sampled_from(sorted(people)), st.integers(0, 2)), work)
