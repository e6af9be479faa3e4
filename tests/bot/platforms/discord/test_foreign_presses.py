"""Any name and values in place of a button's, a select's or a window's: it is answered, and nothing of ours breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from bot.platforms.discord import components
from bot.platforms.discord.commands import lists
from bot.platforms.discord.forms import sessions
from bot.platforms.discord.moderation import panel
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, MO, house
from tests.bot.platforms.web.test_fuzz import opened
from tests.foreign import check, elsewhere, how_much
from tests.patience import PATIENCE

MANAGE = str(1 << 5)
patterns = [components.TEMPLATE, sessions.TEMPLATE, panel.TEMPLATE, panel.PAGE, lists.TURN]
acts = st.sampled_from(
    ["again", "change", "use", "original", "delete", "details", "approve", "refuse", "cancel", "see"]
)
names = st.one_of(
    *(st.from_regex(pattern, fullmatch=True) for pattern in patterns),
    acts.map(lambda act: f"darkroom:{act}:00000000-0000-4000-8000-000000000000"),
    acts.map(lambda act: f"darkroom:{act}:{'-' * 36}"),
    st.sampled_from([lists.FORGET, panel.UNDO, "darkroom::", "darkroom:fill:0000000000000000:9999"]),
    st.text(min_size=1, max_size=100),
).map(lambda name: name[:100])
texts = st.text(max_size=60) | st.sampled_from(["", "0", "9" * 4000, "poster", "\0", "-1", "٣"])


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[FakeDiscord, int, Post]]:
    async with FakeDiscord() as fake:
        guild = fake.add_guild(ALICE, BOB, MO)
        channel = fake.add_channel(guild)
        async with house(fake, folder):
            yield fake, channel, fake.posts.setdefault(number := fake.new_id(), Post(number, channel, "x"))


@elsewhere
@how_much
@pytest.mark.long
def test_presses_below_any_message(tried: settings, tmp_path: Path) -> None:
    with opened(served(tmp_path)) as (runner, (fake, channel, post), _log):

        async def press(kind: int, name: str, values: list[str], user: int, rights: str) -> None:
            data: dict[str, Any] = {"custom_id": name}
            if kind == 5:
                parts = [
                    {
                        "type": 18,
                        "id": 1,
                        "component": {"type": 4, "custom_id": value[:100] or "x", "id": 1, "value": value},
                    }
                    for value in values
                ]
                data |= {"components": parts, "resolved": {"attachments": {}}}
            else:
                data |= {"component_type": 3, "values": values} if values else {"component_type": 2}
            asked = await fake.ask(5 if kind == 5 else 3, data, user, channel, message=post, own_permissions=rights)
            async with asyncio.timeout(PATIENCE):
                await asked.answer

        def work(example: Any) -> None:
            runner.run(press(*example))

        sent = st.tuples(
            st.sampled_from([3, 5]),
            names,
            st.lists(texts, max_size=3),
            st.sampled_from([ALICE, MO]),
            st.sampled_from(["0", MANAGE]),
        )
        check(tried, sent, work)
