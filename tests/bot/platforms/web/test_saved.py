"""A workflow that somebody saves in ComfyUI is on the page once the operator says yes there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bot.core.sources.saving import delete, save, saved_graph
from tests.bot.harness import until
from tests.bot.platforms.web.pages import Visitor, page
from tests.bot.platforms.web.test_moderation import desk, press


@pytest.mark.long
async def test_the_operator_sees_what_waits_and_what_cannot_be_used(tmp_path: Path) -> None:
    async with page(tmp_path, publish="trial") as web, Visitor(web.url) as ann:
        await save(web.engine.url, "My sheet.json", saved_graph())
        await save(web.engine.url, "bad.json", b"{")

        async def told() -> bool:
            shown = await desk(ann, section="saved")
            return "My sheet" in shown and "bad.json: it is not JSON" in shown

        await until(told)
        shown = await desk(ann, section="saved")
        assert "waits for you" in shown
        assert "worker darkroom looks after it, publish = trial" in shown

        async def waits() -> bool:
            return (await ann.ask("my_sheet"))[0] == 403

        await until(waits)
        key, newest = await asked(ann)
        assert "saved again" in await press(ann, "publish", saved=key, newest="0")
        assert "Opened “My sheet”" in await press(ann, "publish", saved=key, newest=newest)
        assert (await ann.ask("my_sheet"))[0] == 201
        assert "already decided" in await press(ann, "decline", saved=key, newest=newest)
        assert "Closed “My sheet”" in await press(ann, "unpublish", saved=key)
        assert (await ann.ask("my_sheet"))[0] != 201
        assert "Opened “My sheet”" in await press(ann, "reopen", saved=key)
        assert (await ann.ask("my_sheet"))[0] == 201
        await delete(web.engine.url, "My sheet.json")

        async def gone() -> bool:
            return (
                "Nothing is saved there" in await desk(ann, section="saved") and (await ann.ask("my_sheet"))[0] != 201
            )

        await until(gone)


async def asked(visitor: Visitor) -> tuple[str, str]:
    """What the form of the question sends with the answer."""
    _status, body, _headers = await visitor.get("moderate?place=web:&section=saved")
    found = re.search(r'name="saved" value="([0-9a-f]+)".*?name="newest" value="([0-9a-f]+)"', body.decode(), re.DOTALL)
    assert found is not None
    return found[1], found[2]
