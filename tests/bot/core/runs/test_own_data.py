"""A person's own data as a file: all that is kept of them, nothing of others, and no more than fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from bot.core.errors import NotAllowed, UserError
from bot.core.run import State
from bot.stores import export
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, BEN, HERE, MOD, House, QuickSettings, house, picture

MUCH = 10**9


def read(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the data of such a file, and its other files with their sizes."""
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {each.filename: each.file_size for each in archive.infolist() if each.filename != "data.json"}
        return json.loads(archive.read("data.json")), files


async def handed(home: House, most: int = MUCH) -> tuple[dict[str, Any], dict[str, int], int]:
    async with home.services.data.handed_over(ANN, most) as packed:
        assert packed.path.stat().st_mode & 0o077 == 0
        data, files = read(packed.path)
        path = packed.path
    assert not path.exists()
    return data, files, packed.left_out


async def test_a_file_has_all_of_a_person_and_nothing_of_others(tmp_path: Path) -> None:
    async with house(tmp_path / "data", servers=[EmbeddedServer()]) as home:
        photo = picture(tmp_path / "given", "My cat.png")
        first, _shown = await home.ask("poster", photo=photo, colors="3")
        theirs, _shown = await home.ask("negative", BEN, photo=picture(tmp_path / "given", "Ben's.png", (32, 16)))
        runs = await home.ended(first, theirs)
        await home.services.presets.keep(ANN, runs[0], "Mine")
        await home.services.moderation.block(MOD, HERE, ANN, "spam")
        with pytest.raises(NotAllowed):
            await home.ask("plain")
        data, files, left_out = await handed(home)
        assert data["person"] == ANN.key
        (run,) = data["runs"]
        assert (run["id"], run["state"], run["place_name"]) == (first, State.DONE, "Here")
        assert {each["path"] for each in (*run["given"], *run["results"])} == set(files)
        assert (run["given"][0]["name"], left_out) == ("My cat.png", 0)
        assert [each["name"] for each in data["presets"]] == ["Mine"]
        assert [(line["act"], line["own"]) for line in data["log"]] == [("block", False), ("refused", True)]
        assert BEN.name not in json.dumps(data)
        assert MOD.name not in json.dumps(data)

        with pytest.raises(UserError, match="a moment ago"):
            await handed(home)
        home.services.data._made.clear()
        data, files, left_out = await handed(home, 100_001)
        assert (files, left_out) == ({}, 2)
        assert [each["name"] for each in data["runs"][0]["given"]] == ["My cat.png"]

    settings = QuickSettings(data_dir=tmp_path / "data")
    packed = await export(settings, BEN.key, tmp_path / "ben.zip")
    data, files = read(tmp_path / "ben.zip")
    assert ([run["id"] for run in data["runs"]], len(files), packed.files) == ([theirs], 2, 2)
    with pytest.raises(FileExistsError):
        await export(settings, BEN.key, tmp_path / "ben.zip")
