"""A later start finds what was made of workflows, and makes the same without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.core.background import TaskHealth
from bot.core.workflows.catalog import Catalog
from bot.core.workflows.kept import entries
from bot.core.workflows.kept.folder import KeptWorkflows
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.reader import FolderReader, Reading
from bot.core.workflows.source import Layer, SavedSource
from bot.core.workflows.workflow import Workflow
from comfy.object_info import ObjectInfo

NODES: dict[str, Any] = {
    "Draw": {
        "input": {
            "required": {
                "text": ["STRING", {"multiline": True}],
                "seed": ["INT", {"max": 2**64 - 1}],
                "style": [["ink", "oil"], {}],
            }
        },
        "output": ["IMAGE"],
    },
    "SaveImage": {
        "input": {"required": {"images": ["IMAGE", {}], "filename_prefix": ["STRING", {}]}},
        "output": [],
        "output_node": True,
    },
}
INFO = ObjectInfo(NODES)


def saved(prefix: str = "x", **draw: Any) -> str:
    values = ["a fox", 7, "randomize"]
    nodes = [
        {"id": 1, "type": "Draw", "outputs": [{"type": "IMAGE"}], "widgets_values": values, **draw},
        {
            "id": 2,
            "type": "SaveImage",
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "widgets_values": [prefix],
        },
    ]
    return json.dumps({"nodes": nodes, "links": [[1, 1, 0, 2, 0, "IMAGE"]], "extra": {"ds": {"scale": 1.0}}})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "fox.json").write_text(saved(properties={"models": [{"name": "a", "directory": "loras"}]}))
    (folder / "long.json").write_text(saved(properties={"note": "x" * 50_000}))
    (folder / "beside.json").write_text(saved(title="Mine"))
    (folder / "beside.toml").write_text('[fields.words]\ntarget = "Mine.text"\n')
    (folder / "dated.json").write_text(saved("%date:yyyy%"))
    return folder


def read(files: Path, kept: KeptWorkflows | None = None) -> Reading:
    reader = FolderReader([(Layer.FOLDER, files)], *([kept.find] if kept is not None else []))
    return reader.read()


def sources(reading: Reading) -> dict[str, SavedSource]:
    return {each.path: each.graph for each in reading.files if isinstance(each.graph, SavedSource)}


def keep(files: Path, folder: Path) -> None:
    reading = read(files)
    for each in Catalog.of(reading, INFO).workflows.values():
        assert each.declared
    KeptWorkflows(folder).keep(sources(reading).values())


def made(reading: Reading, info: ObjectInfo = INFO) -> dict[str, str]:
    """Return all that a catalog has of each workflow."""
    catalog = Catalog.of(reading, info).workflows

    def parts(each: Workflow) -> tuple[object, ...]:
        form = tuple(each.declared), tuple(each.drawn), each.outputs
        return each.prompt.to_json(), form, each.version, each.group

    def of_file(source: SavedSource | None) -> object:
        if source is None:
            return None
        needs = {  # equal sets may list their members in another order
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(source.needs).items()
        }
        return source.data, needs, source.digest

    return {name: repr((parts(each), of_file(each.source))) for name, each in catalog.items()}


def test_what_was_kept_is_what_would_be_made(files: Path, tmp_path: Path) -> None:
    keep(files, tmp_path / "cache")
    found = read(files, KeptWorkflows(tmp_path / "cache"))
    known = {path for path, source in sources(found).items() if source.made}
    assert known == {"fox", "long", "beside"}
    assert made(found) == made(read(files))
    assert sources(found)["fox"].made[0].form is not None


def test_other_definitions_make_another_prompt_of_what_was_kept(files: Path, tmp_path: Path) -> None:
    keep(files, tmp_path / "cache")
    other = {**NODES, "Draw": {**NODES["Draw"], "input": {"required": {**NODES["Draw"]["input"]["required"]}}}}
    other["Draw"]["input"]["required"] |= {"style": [["oil"], {}], "size": ["INT", {"default": 3}]}
    found = made(read(files, KeptWorkflows(tmp_path / "cache")), ObjectInfo(other))
    assert found == made(read(files), ObjectInfo(other))
    assert "'size': 3" in found["fox"]


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _changed(content: bytes) -> bytes:
    return content.replace(b"a fox", b"a cat")


def _empty(_content: bytes) -> bytes:
    return b""


def _of_another(content: bytes) -> bytes:
    """As long as it should be, and whole, but nothing that this program has written."""
    from hashlib import sha256

    text = b"\x95" + content[33:]
    return sha256(text).digest() + text


@pytest.mark.parametrize("harm", [_cut, _changed, _empty, _of_another])
def test_what_is_damaged_is_made_again(files: Path, tmp_path: Path, harm: Callable[[bytes], bytes]) -> None:
    keep(files, tmp_path / "cache")
    (tmp_path / "cache" / "folder").mkdir()
    for path in (tmp_path / "cache").glob("*"):
        if path.is_file():
            path.write_bytes(harm(path.read_bytes()))
    assert made(read(files, KeptWorkflows(tmp_path / "cache"))) == made(read(files))


def test_a_changed_file_is_read_again_and_only_what_is_there_is_kept(files: Path, tmp_path: Path) -> None:
    keep(files, tmp_path / "cache")
    before = set((tmp_path / "cache").iterdir())
    (files / "fox.json").write_text(saved().replace("a fox", "a cat"))
    (files / "long.json").unlink()
    kept = KeptWorkflows(tmp_path / "cache")
    found = read(files, kept)
    assert "a cat" in made(found)["fox"]
    kept.keep(sources(found).values())
    after = set((tmp_path / "cache").iterdir())
    assert (len(before), len(after), len(before & after)) == (3, 2, 1)


def test_a_folder_that_cannot_be_written_changes_nothing(files: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    keep(files, tmp_path / "cache")
    assert made(read(files, KeptWorkflows(tmp_path / "cache"))) == made(read(files))


def test_numbers_that_cannot_be_kept_are_made_again(files: Path, tmp_path: Path) -> None:
    (files / "huge.json").write_text(saved().replace('"a fox", 7', f'"a fox", {2**70}'))
    keep(files, tmp_path / "cache")
    found = read(files, KeptWorkflows(tmp_path / "cache"))
    assert not sources(found)["huge"].made
    assert made(found) == made(read(files))
    assert entries.read("x", b"") is None


async def test_a_bot_keeps_what_it_has_made_and_finds_it_at_its_next_start(files: Path, tmp_path: Path) -> None:
    async def started() -> LiveCatalog:
        live = LiveCatalog(files, tasks=TaskHealth(), step=0.2, kept=tmp_path / "cache")
        async with live, live.following(lambda: {"one": INFO}):
            while not (tmp_path / "cache").is_dir() or len(list((tmp_path / "cache").glob("*[0-9a-f]"))) < 3:
                await live.refresh()
        return live

    first, second = await started(), await started()
    before, after = first.get("fox"), second.get("fox")
    assert (before.prompt, before.declared, before.version) == (after.prompt, after.declared, after.version)


def test_a_form_is_made_when_it_is_first_asked_for_and_found_by_a_later_start(files: Path, tmp_path: Path) -> None:
    fox = Catalog.of(read(files), INFO).workflows["fox"]
    assert fox.source is not None
    assert fox.source.made[0].form is None
    assert [each.name for each in fox.declared] == ["prompt", "seed"]
    form = fox.source.made[0].form
    assert form is not None
    assert fox.declared == Catalog.of(read(files), INFO).workflows["fox"].declared
    KeptWorkflows(tmp_path / "cache").keep([fox.source])
    assert sources(read(files, KeptWorkflows(tmp_path / "cache")))["fox"].made[0].form == form
