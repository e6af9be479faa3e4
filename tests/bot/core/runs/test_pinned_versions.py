"""A run uses its workflow as it was when the person asked; Again too, and Change the newest."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.core.errors import UnknownWorkflow
from bot.core.model import Address
from bot.core.policy.permissions import RuleTarget
from bot.core.policy.rules import Narrowing
from bot.core.run import State
from bot.core.workflows.live.live_catalog import LiveCatalog
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, HERE, MOD, Gates, House, Message, RecordingPlatform, house, running


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


@pytest.mark.long
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


SHEET = """
title = "Sheet"
[fields.color]
target = "#1.color"
[fields.height]
target = "#1.height"
maximum = 64
"""


CHANGED = (
    (16, SHEET.replace("maximum = 64", "maximum = 64\ndefault = 32"), ""),
    (16, SHEET.replace("maximum = 64", "maximum = 32"), "Different now: Height."),
    (16, SHEET.partition("[fields.height]")[0], "No longer there: Height."),
    (16, SHEET + "[fields.count]\ntarget = '#1.batch_size'\ntitle = 'Pictures'", "New: Pictures."),
    (
        16,
        SHEET.replace("height]", "tall]").replace("#1.color", "#1.batch_size"),
        "New: Tall. No longer there: Height. Different now: Color.",
    ),
    (24, SHEET, "Its form is the same, but its graph has changed."),
    (16, SHEET.replace("#1.height", "#1.width"), "Its form is the same, but its graph has changed."),
)


@pytest.mark.long
async def test_change_says_what_differs_from_the_run(tmp_path: Path) -> None:
    own, name = tmp_path / "workflows", "wide_sheet"
    own.mkdir()
    write(own, 16)
    (own / "wide sheet.toml").write_text(SHEET)
    async with house(tmp_path) as home:
        workflows = home.services.workflows
        before = workflows.catalog.get(name).version
        for version in (before, ""):
            assert await workflows.changes_since(name, version, ANN, HERE) == ""
        for width, sidecar, said in CHANGED:
            write(own, width)
            (own / "wide sheet.toml").write_text(sidecar)
            await refresh(home)
            assert workflows.catalog.get(name).version != before
            expected = f"“Sheet” has changed since that run. {said}" if said else ""
            assert await workflows.changes_since(name, before, ANN, HERE) == expected
        lost = await workflows.changes_since(name, "a version that is not kept", ANN, HERE)
        assert lost == "“Sheet” has changed since that run."


@pytest.mark.long
async def test_change_says_nothing_of_fields_that_a_person_does_not_see(tmp_path: Path) -> None:
    own = tmp_path / "workflows"
    own.mkdir()
    write(own, 16, more=True)
    async with house(tmp_path) as home:
        workflows, name = home.services.workflows, "wide_sheet"
        before = workflows.catalog.get(name).version
        await home.services.moderation.field(MOD, HERE, "height", Narrowing(hidden=True), RuleTarget(workflow=name))
        write(own, 16)
        await refresh(home)
        assert "height" not in (await workflows.changes_since(name, before, ANN, HERE)).casefold()
        await home.services.moderation.field(MOD, HERE, "height", None, RuleTarget(workflow=name))
        assert "No longer there: Height." in await workflows.changes_since(name, before, ANN, HERE)
