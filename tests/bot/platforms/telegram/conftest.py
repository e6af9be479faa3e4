from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.bot.platforms.telegram.harness import Conversation, serving
from tests.bot.platforms.telegram.server import BotApi, bot_api

TRUSTED = 8_800_000  #: somebody who may add workflows


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotApi]:
    """A bot that serves a whole module's tests: each speaks in a chat of its own."""
    settings = {"DARKROOM_OPERATORS": "telegram:9", "DARKROOM_TRUSTED": f"telegram:{TRUSTED}"}
    async with bot_api() as api, serving(api, tmp_path_factory.mktemp("house"), **settings):
        yield api


@pytest.fixture
def chat(api: BotApi) -> Conversation:
    return Conversation(api)
