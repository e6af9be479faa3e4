"""A reader that hears from a watch which files have changed comes to the same as one that looks at all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.workflows.reader import FolderReader, Reading
from bot.core.workflows.source import Layer

NAMES = ("a.json", "A.json", "a.app.json", "a.toml", "a.png", "b.json", "b.toml", "in/a.json", "in/a.toml", "in/b.json")
CONTENTS = ("", "{", 'title = "One"', *(json.dumps({"1": {"class_type": each, "inputs": {}}}) for each in "AB"))

steps = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([None, *CONTENTS])), max_size=4)


def made_of(reading: Reading) -> tuple[object, ...]:
    """Return what differs when anything does."""
    files = [(file.place, file.version, file.graph_name, file.sidecar_name) for file in reading.files]
    return files, reading.faults, reading.unreadable


def written(folder: Path, changes: Iterable[tuple[str, str | None]]) -> list[str]:
    """Write, replace and delete files; the paths that a watch tells."""
    paths = []
    for name, content in changes:
        path = folder / name
        paths.append(str(path))
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
    return paths


@settings(max_examples=60, deadline=None)
@example([[("a.app.json", CONTENTS[-1])], [("a.json", CONTENTS[-1])]])
@given(st.lists(steps, min_size=1, max_size=6))
@pytest.mark.long
def test_what_a_watch_tells_is_enough(rounds: list[list[tuple[str, str | None]]]) -> None:
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "in").mkdir()
        folders = [(Layer.FOLDER, folder)]
        reader = FolderReader(folders)
        reader.read()
        for changes in rounds:
            assert made_of(reader.read(written(folder, changes))) == made_of(FolderReader(folders).read())


def test_what_a_link_leads_to_is_looked_at_each_time(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "workflows", tmp_path / "elsewhere.json"
    folder.mkdir()
    elsewhere.write_text(CONTENTS[-1])
    (folder / "linked.json").symlink_to(elsewhere)
    reader = FolderReader([(Layer.FOLDER, folder)])
    before = reader.read()
    elsewhere.write_text(CONTENTS[-2] + "\n")
    assert made_of(reader.read([])) != made_of(before)


def test_a_folder_that_changed_as_a_whole_is_read_as_a_whole(tmp_path: Path) -> None:
    for name, content in (("in", CONTENTS[-1]), ("other", CONTENTS[-2])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.json").write_text(content)
    reader = FolderReader([(Layer.FOLDER, tmp_path)])
    reader.read()
    (tmp_path / "in").rename(tmp_path / "was")
    (tmp_path / "other").rename(tmp_path / "in")
    changed = [str(tmp_path / name) for name in ("in", "was", "other")]
    assert made_of(reader.read(changed)) == made_of(FolderReader([(Layer.FOLDER, tmp_path)]).read())
