"""The studio: who may use it, what it does with files, and that nobody's changes are lost."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.core.errors import BadWorkflowFile, EditedMeanwhile, NotAllowed, UserError
from bot.core.model import Person, Place
from bot.core.platform import DraftChange, DraftView, FieldChange
from bot.core.run import State
from tests.bot.harness import ANN, HERE, House, house

OPERATOR, AUTHOR = Person("test", "99", "Op"), Person("test", "77", "Tru")
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 7}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
SIDECAR = """\
# By hand.
title = "Sheet"

# How wide it is.
[fields.width]
target = "EmptyImage.width"
maximum = 64 # more is too slow
"""


def changing(view: DraftView, **fields: dict[str, object]) -> DraftChange:
    """The draft as it is, with more said of some fields."""
    same = {each.name: dict(each.settings) for each in view.fields}
    wanted = {**same, **{name: {**same.get(name, {}), **more} for name, more in fields.items()}}
    changes = (FieldChange(name, each, name if name in same else "") for name, each in wanted.items())
    return DraftChange(view.title, view.description, tuple(changes))


def put(folder: Path, sidecar: str = SIDECAR) -> None:
    (folder / "workflows" / "sheet.json").write_text(json.dumps(GRAPH))
    (folder / "workflows" / "sheet.toml").write_text(sidecar)


async def given(home: House, folder: Path, by: Person = AUTHOR, data: bytes = json.dumps(GRAPH).encode()) -> DraftView:
    file = folder / "given"
    file.write_bytes(data)
    return await home.services.studio.from_file(by, HERE, file, "My sheet.json")


@pytest.mark.long
async def test_from_a_file_to_a_workflow_that_a_community_runs(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",), operators=("test:99",)) as home:
        studio, workflows = home.services.studio, home.services.workflows
        with pytest.raises(NotAllowed):
            await studio.overview(ANN, HERE)
        view = await given(home, tmp_path)
        assert (view.title, view.count, view.results) == ("My sheet", 2, ("SaveImage",))
        with pytest.raises(UserError, match="no longer there"):
            await studio.view(OPERATOR, HERE, view.draft.id)  # it is its author's alone
        view = await studio.change(
            AUTHOR,
            HERE,
            view.draft.id,
            changing(view, color={"target": "EmptyImage.color", "minimum": 5, "maximum": 2}),
        )
        fault = view.faults[0]
        assert (fault.file, fault.field, fault.reason) == ("My sheet.toml", "color", "minimum is larger than maximum")
        assert fault.line is not None
        assert view.draft.sidecar.splitlines()[fault.line - 1] == "[fields.color]"
        with pytest.raises(UserError, match="minimum is larger"):
            await studio.try_out(AUTHOR, HERE, view.draft.id, AUTHOR)
        view = await studio.change(AUTHOR, HERE, view.draft.id, changing(view, color={"maximum": 9}))
        assert view.form is not None

        tried = await studio.try_out(AUTHOR, HERE, view.draft.id, AUTHOR)
        assert [person for person in (AUTHOR, OPERATOR, ANN) if workflows.decide(person, HERE, tried).allowed] == [
            AUTHOR
        ]
        moderation = home.services.moderation
        overview, matrix = await moderation.overview(OPERATOR, HERE), await moderation.matrix(OPERATOR, HERE)
        assert "plain" in {each.name for each in overview.rows}
        assert not [each.name for each in overview.rows if "draft" in each.name]
        assert tried not in {each.workflow for each in matrix.rows}
        assert "draft" not in await moderation.why(OPERATOR, HERE, AUTHOR)
        with pytest.raises(UserError):
            await moderation.workflows.rename(OPERATOR, HERE, tried, "mine")
        (run,) = await home.ended((await home.ask(tried, person=AUTHOR, color="6"))[0])
        assert run.state is State.DONE

        with pytest.raises(NotAllowed):
            await studio.publish(AUTHOR, HERE, view.draft.id, "sheet", Place("test", ""), AUTHOR)
        assert "An operator opens it" in await studio.publish(AUTHOR, HERE, view.draft.id, "sheet", None, AUTHOR)
        assert workflows.decide(AUTHOR, HERE, "sheet").allowed
        assert not workflows.decide(ANN, HERE, "sheet").allowed
        view = await given(home, tmp_path)
        assert "Opened" in await studio.publish(AUTHOR, HERE, view.draft.id, "sheet 2", HERE, AUTHOR)
        assert workflows.decide(ANN, HERE, "sheet_2").allowed
        assert not [each for each in workflows.catalog.workflows if each.startswith("draft")]
        assert not (await studio.overview(AUTHOR, HERE)).drafts


@pytest.mark.long
async def test_a_file_that_was_edited_by_hand_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    async with house(tmp_path, operators=("test:99",)) as home:
        studio = home.services.studio
        put(tmp_path)
        await studio._catalog.refresh()
        view = await studio.from_workflow(OPERATOR, HERE, "sheet")
        view = await studio.change(OPERATOR, HERE, view.draft.id, changing(view, width={"maximum": 128}))
        by_hand = SIDECAR.replace("64", "32")
        (tmp_path / "workflows" / "sheet.toml").write_text(by_hand)
        with pytest.raises(EditedMeanwhile, match="Load the newer version"):
            await studio.publish(OPERATOR, HERE, view.draft.id, "", None, OPERATOR)
        assert (tmp_path / "workflows" / "sheet.toml").read_text() == by_hand
        assert (await studio.view(OPERATOR, HERE, view.draft.id)).is_old
        view = await studio.reload(OPERATOR, HERE, view.draft.id)
        assert view.fields[0].settings["maximum"] == 32
        view = await studio.change(OPERATOR, HERE, view.draft.id, changing(view, width={"maximum": 48}))
        await studio.publish(OPERATOR, HERE, view.draft.id, "", None, OPERATOR)
        assert (tmp_path / "workflows" / "sheet.toml").read_text() == SIDECAR.replace("64", "48")  # comments and all

        newest, edited, first = await studio.versions(OPERATOR, HERE, "sheet")
        assert (newest.who, edited.who, newest.is_current) == ("you", "", True)
        assert edited.changes == ("“Width”: maximum was “64”, and is “32”.",)
        assert newest.changes == ("“Width”: maximum was “32”, and is “48”.",)
        with pytest.raises(EditedMeanwhile):
            await studio.back(OPERATOR, HERE, "sheet", first.version, edited.version)
        await studio.back(OPERATOR, HERE, "sheet", first.version, newest.version)
        assert (tmp_path / "workflows" / "sheet.toml").read_text() == SIDECAR
        assert (await studio.versions(OPERATOR, HERE, "sheet"))[0].version == first.version


@pytest.mark.long
async def test_a_hostile_file_gets_one_sentence(tmp_path: Path) -> None:
    many = {str(number): {"class_type": "EmptyImage", "inputs": {}} for number in range(10_000)}
    hostile = {
        "no JSON": b"{" * 100,
        "wrong encoding": '{"nodes": "\u00e9"}'.encode("utf-16"),
        "latin": '{"a": "\u00e9"}'.encode("latin-1"),
        "deep": b'{"a":' * 100_000,
        "no workflow": b"[1, 2]",
        "10,000 nodes": json.dumps(many).encode(),
        "50 MB": b"[" + b"1," * 25_000_000 + b"1]",
        "nothing": b"",
        "zeros": bytes(1000),
    }
    async with house(tmp_path, trusted=("test:77",)) as home:
        for data in hostile.values():
            with pytest.raises(BadWorkflowFile, match=r"^“My sheet.json” cannot be used: [^\n]{3,160}\. Give a"):
                await given(home, tmp_path, data=data)
        assert not (await home.services.studio.overview(AUTHOR, HERE)).drafts


@pytest.mark.long
async def test_drafts_of_a_person_are_among_their_data_and_go_with_them(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",), operators=("test:99",)) as home:
        studio = home.services.studio
        mine = await given(home, tmp_path)
        theirs = await given(home, tmp_path, OPERATOR)
        async with home.services.data.handed_over(AUTHOR, 10**6) as packed:
            own = json.loads(ZipFile(packed.path).read("data.json"))["drafts"]
        assert [(each["name"], json.loads(each["graph"])) for each in own] == [("My sheet", GRAPH)]
        await home.services.erasure.forget(AUTHOR)
        with pytest.raises(UserError, match="no longer there"):
            await studio.view(AUTHOR, HERE, mine.draft.id)
        assert {path.stem for path in (tmp_path / "studio").iterdir()} == {theirs.draft.id}
