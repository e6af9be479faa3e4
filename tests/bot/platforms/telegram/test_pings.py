"""Those who wait are told: a new message below the result, since an edit rings no phone; or one in private."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from bot.core.model import Place, RunSummary
from bot.core.port import Ping
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.chats import address_of
from bot.platforms.telegram.pings import send_ping
from tests.bot.platforms.telegram.server import Kept
from tests.bot.platforms.telegram.test_reply import ANN, Stage, stage


async def _ping(
    on: Stage, message: Kept, *, direct: bool = False, run_id: str = "", group: str | None = None
) -> list[Kept]:
    """The messages that were sent."""
    before = set(on.api.messages)
    brief = RunSummary(run_id or str(uuid4()), "poster", "Poster", ANN, Place("telegram", str(on.chat.id)))
    await send_ping(on.studio, address_of(on.chat, message.id), brief, Ping("“A <b>” is done.", direct, group))
    return [each for key, each in on.api.messages.items() if key not in before]


@pytest.mark.long
async def test_in_private_it_is_an_answer_and_in_a_group_it_names_the_person(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        [alone] = await _ping(on, message := await on.sent())
        assert alone.text == "“A <b>” is done."
        assert (alone.answers, alone.names) == (message.id, [])
    async with stage(tmp_path, chat=-100123) as on:
        [named] = await _ping(on, await on.sent())
        assert named.text == "Ann <&> Co: “A <b>” is done.", named.data
        assert named.names == [5]
        [private] = await _ping(on, message := await on.sent(), direct=True)
        assert private.chat == 5
        assert private.text.endswith(f"https://t.me/c/123/{message.id}")
        on.api.shut[5] = "bot can't initiate conversation with a user"
        [named] = await _ping(on, await on.sent(), direct=True)
        assert named.chat == -100123


@pytest.mark.parametrize("kind", ["album", "group", "moved"])
@pytest.mark.long
async def test_where_the_result_was_a_new_message_nothing_is_added(tmp_path: Path, kind: str) -> None:
    async with stage(tmp_path) as on:
        message, run_id = await on.sent(), str(uuid4())
        name = storage_keys.moved(on.chat, message.id) if kind == "moved" else storage_keys.album(run_id)
        await on.studio.notes.put(name, [[1, 2]])
        group = run_id if kind == "group" else None
        assert await _ping(on, message, run_id=str(uuid4()) if group else run_id, group=group) == []
