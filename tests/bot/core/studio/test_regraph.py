"""A new graph for a workflow that there is: its id and form stay, nothing is lost, and others' drafts are theirs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import EditedMeanwhile, NotAllowed, UserError
from bot.core.model import Place
from bot.core.platform import DraftChange, DraftView
from tests.bot.core.studio.test_service import AUTHOR, GRAPH, OPERATOR, SIDECAR, changing, given, put
from tests.bot.harness import HERE, House, house

NEW: dict[str, Any] = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 7},
        "_meta": {"title": "Paper"},
    },
    "3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
}
PLAIN: dict[str, Any] = {
    "5": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 16, "height": 16}},
    "6": {"class_type": "MaskToImage", "inputs": {"mask": ["5", 0]}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "x"}},
}


async def regraphed(home: House, folder: Path, view: DraftView, graph: object, by: Any = OPERATOR) -> DraftView:
    file = folder / "new"
    file.write_text(json.dumps(graph))
    return await home.services.studio.graph_from_file(by, HERE, view.draft.id, file, "New sheet.json")


@pytest.mark.long
async def test_a_workflow_gets_a_new_graph_and_stays_what_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "workflows"
    async with house(tmp_path, operators=("test:99",)) as home:
        studio, catalog = home.services.studio, home.services.workflows.catalog
        put(tmp_path)
        await studio._catalog.refresh()
        before = catalog.get("sheet")
        view = await studio.from_workflow(OPERATOR, HERE, "sheet")
        view = await regraphed(home, tmp_path, view, NEW)
        assert view.draft.replaced is not None
        assert [(each.was, each.now) for each in view.draft.replaced.moved] == [("EmptyImage.width", "Paper.width")]
        assert view.draft.sidecar == SIDECAR.replace("EmptyImage", "Paper")
        assert (view.lost, view.faults) == ((), ())
        assert not [each for node in view.nodes for each in node.inputs if each.is_new]
        tried = await studio.try_out(OPERATOR, HERE, view.draft.id, OPERATOR, view.draft.edition)
        assert len(catalog.get(tried).prompt) == 3
        await studio.publish(OPERATOR, HERE, view.draft.id, "", None, OPERATOR, view.draft.edition)
        assert (folder / "sheet.toml").read_text() == SIDECAR.replace("EmptyImage", "Paper")
        assert json.loads((folder / "sheet.json").read_text()) == NEW
        after = catalog.get("sheet")
        assert (after.id, after.name, after.version == before.version) == (before.id, before.name, False)

        newest, first = await studio.versions(OPERATOR, HERE, "sheet")
        assert "The graph has changed. New kinds of nodes: ImageInvert." in newest.changes
        await studio.back(OPERATOR, HERE, "sheet", first.version, newest.version)
        assert json.loads((folder / "sheet.json").read_text()) == GRAPH
        assert (folder / "sheet.toml").read_text() == SIDECAR


@pytest.mark.long
async def test_what_a_new_graph_lacks_is_told_and_the_earlier_one_comes_back(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",), operators=("test:99",)) as home:
        studio = home.services.studio
        put(tmp_path)
        await studio._catalog.refresh()
        first = await studio.from_workflow(OPERATOR, HERE, "sheet")
        view = await regraphed(home, tmp_path, first, PLAIN)
        (lost,) = view.lost
        assert (lost.field, lost.target, lost.others[0]) == ("width", "EmptyImage.width", "SolidMask.width")
        assert [each.field for each in view.faults] == ["width"]
        assert view.draft.sidecar == SIDECAR
        assert {each.input for node in view.nodes for each in node.inputs if each.is_new} == {
            "value",
            "width",
            "height",
        }
        with pytest.raises(UserError, match="no node has the title"):
            await studio.publish(OPERATOR, HERE, view.draft.id, "", None, OPERATOR)
        view = await studio.change(OPERATOR, HERE, view.draft.id, changing(view, width={"target": lost.others[0]}))
        assert (view.lost, view.faults) == ((), ())

        for act in (regraphed(home, tmp_path, view, NEW, AUTHOR), studio.graph_before(AUTHOR, HERE, view.draft.id)):
            with pytest.raises(UserError, match="no longer there"):
                await act
        view = await studio.graph_before(OPERATOR, HERE, view.draft.id)
        assert replace(view.draft, at=0, edition=0) == replace(first.draft, at=0)
        assert len(list((tmp_path / "studio").iterdir())) == 2  # what is not needed any more is gone
        with pytest.raises(UserError, match="began with"):
            await studio.graph_before(OPERATOR, HERE, view.draft.id)


@pytest.mark.long
async def test_a_process_that_ended_between_two_files_is_helped_by_publishing_again(tmp_path: Path) -> None:
    async with house(tmp_path, operators=("test:99",)) as home:
        studio = home.services.studio
        put(tmp_path)
        await studio._catalog.refresh()
        same = {**NEW, "1": GRAPH["1"]}
        view = await regraphed(home, tmp_path, await studio.from_workflow(OPERATOR, HERE, "sheet"), same)
        view = await studio.change(OPERATOR, HERE, view.draft.id, changing(view, width={"maximum": 32}))
        (tmp_path / "workflows" / "sheet.json").write_text(json.dumps(same))
        await studio._catalog.refresh()
        assert not (await studio.view(OPERATOR, HERE, view.draft.id)).is_old
        await studio.publish(OPERATOR, HERE, view.draft.id, "", None, OPERATOR)
        assert (tmp_path / "workflows" / "sheet.toml").read_text() == view.draft.sidecar

        view = await regraphed(home, tmp_path, await studio.from_workflow(OPERATOR, HERE, "sheet"), PLAIN)
        (tmp_path / "workflows" / "sheet.json").write_text(json.dumps(GRAPH))  # that is somebody else's
        await studio._catalog.refresh()
        assert (await studio.view(OPERATOR, HERE, view.draft.id)).is_old


@pytest.mark.long
async def test_an_author_does_not_change_the_graph_that_an_operator_opened(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",), operators=("test:99",)) as home:
        studio, everywhere = home.services.studio, Place("test", "")
        view = await given(home, tmp_path)
        await studio.publish(AUTHOR, HERE, view.draft.id, "sheet", None, AUTHOR)
        view = await regraphed(home, tmp_path, await studio.from_workflow(AUTHOR, HERE, "sheet"), NEW, AUTHOR)
        await studio.publish(AUTHOR, HERE, view.draft.id, "", None, AUTHOR)  # it is on trial, and their own
        newest, first = await studio.versions(AUTHOR, HERE, "sheet")
        view = await regraphed(home, tmp_path, await studio.from_workflow(AUTHOR, HERE, "sheet"), PLAIN, AUTHOR)

        await home.services.moderation.workflows.open(OPERATOR, everywhere, "sheet")
        ways = [
            regraphed(home, tmp_path, view, NEW, AUTHOR),
            studio.publish(AUTHOR, HERE, view.draft.id, "", None, AUTHOR),
            studio.back(AUTHOR, HERE, "sheet", first.version, newest.version),
        ]
        for way in ways:
            with pytest.raises(NotAllowed, match="Publish yours as a new workflow"):
                await way
        await studio.back(OPERATOR, HERE, "sheet", first.version, newest.version)
        view = await studio.from_workflow(AUTHOR, HERE, "sheet")
        view = await studio.change(AUTHOR, HERE, view.draft.id, DraftChange("Form", "", (), view.draft.edition))
        await studio.publish(AUTHOR, HERE, view.draft.id, "", None, AUTHOR)  # the form is theirs to change


async def test_two_tabs_do_not_overwrite_each_other(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        studio = home.services.studio
        seen = await given(home, tmp_path)
        one = DraftChange("One", "", (), seen.draft.edition)
        first = await studio.change(AUTHOR, HERE, seen.draft.id, one)
        again = await studio.change(AUTHOR, HERE, seen.draft.id, one)  # the answer was lost on its way
        assert again.draft == first.draft
        with pytest.raises(EditedMeanwhile, match="another tab"):
            await studio.change(AUTHOR, HERE, seen.draft.id, replace(one, title="Two"))
        with pytest.raises(EditedMeanwhile, match="another tab"):
            await studio.try_out(AUTHOR, HERE, seen.draft.id, AUTHOR, seen.draft.edition)
        with pytest.raises(EditedMeanwhile, match="another tab"):
            await studio.publish(AUTHOR, HERE, seen.draft.id, "One", None, AUTHOR, seen.draft.edition)
        assert (await studio.view(AUTHOR, HERE, seen.draft.id)).title == "One"
