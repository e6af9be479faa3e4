"""At the terminal, files that ComfyUI saved or made are added, listed, checked and run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.stores import saved_notes
from tests.bot.core.sources.saving import save, saved_graph
from tests.bot.harness import QuickSettings, house, until
from tests.bot.platforms.test_terminal import darkroom, desk_top

__all__ = ["desk_top"]

SAVED: dict[str, Any] = {
    "nodes": [
        {"id": 1, "type": "EmptyImage", "outputs": [{"type": "IMAGE"}], "widgets_values": [16, 16, 1, 7]},
        {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}


@pytest.fixture
def folder(desk_top: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DARKROOM_WORKFLOWS", "own")
    Path("own").mkdir()
    return Path("own")


def test_a_file_is_added_under_its_own_name_and_runs(folder: Path) -> None:
    Path("My Sheet (2).app.json").write_text(json.dumps({"prompt": {}, "workflow": SAVED}))
    code, out, err = darkroom("workflows", "add", "My Sheet (2).app.json")
    target = folder / "My Sheet (2).json"
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"Added “My Sheet (2)”: {target}"
    assert out.splitlines()[-1] == "People fill in: nothing"
    assert json.loads(target.read_text()) == SAVED
    assert list(folder.iterdir()) == [target]
    code, out, err = darkroom("run", "my_sheet_2", "-o", "made.png")
    assert (code, err) == (0, "")
    assert Path("made.png").exists()
    assert "my_sheet_2: " in darkroom("workflows")[1]


def test_a_sidecar_is_written_where_it_is_asked_for(folder: Path) -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    Path("plain.json").write_text(json.dumps(graph))
    code, out, _ = darkroom("workflows", "add", "plain.json", "--name", "mine", "--sidecar")
    assert code == 0
    assert "People fill in: picture" in out
    assert 'target = "LoadImage.image"' in (folder / "mine.toml").read_text()
    assert darkroom("check")[0] == 0
    code, _, err = darkroom("workflows", "add", "plain.json", "--name", "mine")
    assert code == 2
    assert "give another name with --name, or replace it with --force" in err
    assert darkroom("workflows", "add", "plain.json", "--name", "mine", "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("cat.png",), "cat.png cannot be used: there is no ComfyUI workflow in it."),
        (("none.json",), "none.json cannot be used: No such file or directory"),
        (("cat.png", "--name", "../mine"), "“../mine” cannot be the name of a file on every system. Give another one"),
    ],
)
def test_what_cannot_be_added_is_told(words: tuple[str, ...], told: str, folder: Path) -> None:
    code, _, err = darkroom("workflows", "add", *words)
    assert code == 2
    assert told in err
    assert list(folder.iterdir()) == []


def test_a_saved_file_that_no_server_could_read_yet_is_a_note_and_no_mistake(folder: Path) -> None:
    (folder / "sheet.json").write_text(json.dumps(SAVED))
    code, out, err = darkroom("check", "--server", "http://127.0.0.1:1")
    assert (code, err) == (1, "")
    assert "note: sheet.json is as ComfyUI's editor saves it. It can be read when a ComfyUI server answers." in out
    code, _, err = darkroom("run", "sheet", "--server", "http://127.0.0.1:1")
    assert code == 2
    assert "“sheet” can be used when a ComfyUI server has answered" in err
    code, out, _ = darkroom("check")
    assert code == 0
    assert "sheet.json" not in out


@pytest.mark.parametrize("said", ["my-sheet", "my_sheet", "My-sheet"])
def test_a_workflow_is_run_by_its_name_however_its_file_is_called(folder: Path, said: str) -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 7}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (folder / "my-sheet.json").write_text(json.dumps(graph))
    assert "  my_sheet  " in darkroom("run", "--help")[1]
    code, _, err = darkroom("run", said, "-o", "made.png")
    assert (code, err) == (0, "")
    assert Path("made.png").exists()


def test_a_default_workflow_is_called_as_people_call_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DEFAULT_WORKFLOWS", "match_colors, match-colors")
    assert "DARKROOM_DEFAULT_WORKFLOWS" not in darkroom("check")[1]


def test_the_form_of_a_saved_workflow_is_that_of_its_file(folder: Path) -> None:
    app_mode = {**SAVED, "extra": {"linearData": {"inputs": [[1, "width"], [1, "color"]], "outputs": [2]}}}
    (folder / "my-sheet.json").write_text(json.dumps(app_mode))
    by_file = darkroom("workflows", "form", str(folder / "my-sheet.json"))
    by_name = darkroom("workflows", "form", "my_sheet")
    assert by_file[1].splitlines()[1:] == by_name[1].splitlines()[1:]
    assert by_name[1].splitlines() == [
        "my_sheet:",
        "  Width (integer): #1.width",
        "  Color (integer): #1.color",
        "  Results: #2",
    ]


def test_the_sidecar_of_what_is_added_has_the_whole_form(folder: Path) -> None:
    size = {"width": 512, "height": 512, "batch_size": 1}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    sampling = {"seed": 1, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    graph = {
        "3": {"class_type": "KSampler", "inputs": {**links, **sampling}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": size},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}},
    }
    Path("plain.json").write_text(json.dumps(graph))
    assert darkroom("workflows", "add", "plain.json", "--sidecar")[0] == 0
    written = (folder / "plain.toml").read_text()
    assert written == darkroom("workflows", "form", "plain.json", "--toml")[1].rstrip("\n") + "\n"
    assert "wide = [" in written
    assert "more = true" in written


async def saved_at_a_server(data: Path) -> None:
    """Save a workflow and a broken one, until a bot with this data folder has seen both."""
    async with house(data) as home:
        (server,) = home.servers
        await save(server.url, "My sheet.json", saved_graph(3))
        await save(server.url, "Torn.json", b"{")

        async def is_seen() -> bool:
            return len(await saved_notes(QuickSettings(data_dir=data))) == 3

        await until(is_seen)


@pytest.mark.long
def test_check_says_what_is_saved_who_looks_after_it_and_what_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(saved_at_a_server(tmp_path / "data"))
    before = sorted(path.name for path in (tmp_path / "data").iterdir())
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(tmp_path / "data"))
    code, out, err = darkroom("check")
    assert (code, err) == (0, "")
    said = [line for line in out.splitlines() if line.startswith("saved in ComfyUI: ")]
    assert said[0] == "saved in ComfyUI: 1 workflow is saved at servers"
    assert said[1].startswith("saved in ComfyUI: one: worker ")
    assert said[1].endswith(" looks after it, publish = open")
    assert said[2].startswith("saved in ComfyUI: cannot be used: one: Torn.json: ")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == before


def test_check_makes_no_database_to_look_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(tmp_path / "none"))
    code, out, _ = darkroom("check")
    assert code == 0
    assert "saved in ComfyUI" not in out
    assert not (tmp_path / "none").exists()
