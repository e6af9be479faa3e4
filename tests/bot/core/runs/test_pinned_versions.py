"""A run uses its workflow as it was when the person asked; Again too, and Change the newest."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.core.errors import UnknownWorkflow
from bot.core.model import Address
from bot.core.run import State
from bot.core.workflows.live_catalog import LiveCatalog
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, HERE, Gates, House, Message, RecordingPlatform, house, running


def write(folder: Path, width: int, *, more: bool = False) -> None:
    """Write a workflow that makes a picture of this width."""
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": width, "height": 8, "batch_size": 1, "color": 1}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    fields = "[fields.color]\ntarget = '#1.color'\n" + ("[fields.height]\ntarget = '#1.height'\n" if more else "")
    (folder / "wide sheet.json").write_text(json.dumps(graph))
    (folder / "wide sheet.toml").write_text(fields)


async def width(home: House, run_id: str, shown: Message) -> int:
    """Return the width of a run's picture."""
    (run,) = await home.ended(run_id)
    assert run.state is State.DONE
    ((picture,),) = (each.files for each in shown.results)
    return Image.open(BytesIO(picture)).width


async def refresh(home: House) -> None:
    catalog = home.services.workflows.catalog
    assert isinstance(catalog, LiveCatalog)
    await catalog.refresh()


async def test_what_waits_and_what_is_asked_again_uses_the_files_of_then(tmp_path: Path) -> None:
    own, gates, platform = tmp_path / "workflows", Gates(), RecordingPlatform()
    own.mkdir()
    write(own, 16)
    async with EmbeddedServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as home:
            _gated, shown = await home.ask("gated")
            await platform.until(running(shown))
            first = await home.ask("wide_sheet")
            write(own, 32, more=True)
            await refresh(home)
            second = await home.ask("wide_sheet")
            gates.open()
            assert [await width(home, *each) for each in (first, second)] == [16, 32]
            again = await home.services.runs.again(first[0], ANN, HERE, {})
            changed = await home.services.runs.changed(first[0], ANN, HERE)
            assert (again.version != "", changed.version) == (True, "")
            form = await home.services.workflows.form(changed.workflow, ANN, HERE, changed.version)
            assert form.names == ("color", "height")
        (own / "wide sheet.json").unlink()
        (own / "wide sheet.toml").unlink()
        async with house(tmp_path, platform, [server]) as home:
            with pytest.raises(UnknownWorkflow):
                home.services.workflows.catalog.find("wide sheet")
            again = await home.services.runs.again(first[0], ANN, HERE, {})
            shown = platform.messages["again"] = Message()
            third = await home.services.runs.submit(again, Address("test", "chat", "again"))
            assert await width(home, third, shown) == 16
