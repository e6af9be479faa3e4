"""History entries as a real server wrote them: how the prompt ended, and every output of every kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.messages.events import ExecutionError, ExecutionInterrupted, ExecutionSuccess
from comfy.messages.files import FileRef, Kind, kind_of
from comfy.messages.history import FileOutput, TextOutput, read_entry
from tests.comfy.messages.test_events import json_values

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"


def entry(name: str) -> tuple[str, dict[str, Any]]:
    answer = json.loads((RECORDINGS / f"{name}_history.json").read_text())
    answer = answer.get("history", answer)
    prompt_id = next(iter(answer))
    return prompt_id, answer[prompt_id]


def outputs_of(ui: dict[str, Any]) -> list[object]:
    return list(read_entry("id", {"prompt": [0, "id", {}, {}, ["2"]], "outputs": {"2": ui}, "status": {}}).outputs)


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("a", ExecutionSuccess),
        ("b", ExecutionSuccess),
        ("d_raise_with_a_good_branch", ExecutionError),
        ("e_interrupt_with_id", ExecutionInterrupted),
    ],
)
def test_how_it_ended(name: str, end: type) -> None:
    record = read_entry(*entry(name))
    assert isinstance(record.end, end)


def test_all_cached_is_told_apart() -> None:
    plain, cached = read_entry(*entry("a")).end, read_entry(*entry("b")).end
    assert isinstance(plain, ExecutionSuccess)
    assert isinstance(cached, ExecutionSuccess)
    assert (plain.cached, cached.cached) == (False, True)


def test_outputs_before_a_failure_are_kept() -> None:
    assert read_entry(*entry("d_raise_with_a_good_branch")).files


def recorded_ui(name: str) -> dict[str, Any]:
    for line in (RECORDINGS / f"{name}.ws.jsonl").read_text().splitlines():
        message = json.loads(json.loads(line).get("text") or "{}")
        if message.get("type") == "executed":
            return dict(message["data"]["output"])
    raise AssertionError(name)


def test_all_pictures_of_a_batch_with_their_subfolder() -> None:
    files = [output.file for output in outputs_of(recorded_ui("f_SaveImage_batch4")) if isinstance(output, FileOutput)]
    assert len(files) == 4
    assert all(file.subfolder == "f/sub dir" for file in files)
    assert files[0].filename == "ünï [x]_00001_.png"


@pytest.mark.parametrize(
    ("name", "kind"), [("f_SaveVideo", Kind.VIDEO), ("f_custom_gifs", Kind.VIDEO), ("f_PreviewAudio", Kind.AUDIO)]
)
def test_a_kind_comes_from_the_file_not_from_the_key(name: str, kind: Kind) -> None:
    (output,) = outputs_of(recorded_ui(name))
    assert isinstance(output, FileOutput)
    assert output.kind is kind


def test_text_and_its_file() -> None:
    text, file = outputs_of(recorded_ui("f_SaveText"))
    assert text == TextOutput("2", "hello")
    assert isinstance(file, FileOutput)
    assert file.kind is Kind.TEXT


def test_a_text_that_was_split_into_characters_is_whole_again() -> None:
    assert outputs_of(recorded_ui("f_custom_ui_string_is_split")) == [TextOutput("2", "abc")]


def test_odd_values_are_passed_over() -> None:
    assert outputs_of(recorded_ui("f_custom_scalar_values")) == [TextOutput("2", "a"), TextOutput("2", "1girl")]


def test_a_file_without_type_lies_in_output() -> None:
    (output,) = outputs_of(recorded_ui("f_custom_images_no_type"))
    assert isinstance(output, FileOutput)
    assert output.file == FileRef("a.png", "", "output")


def test_3d_files_named_by_a_path() -> None:
    (output,) = outputs_of({"result": ["3d/cup.glb [temp]", {"camera": 1}, None]})
    assert output == FileOutput("2", FileRef("cup.glb", "3d", "temp"), Kind.MODEL_3D)


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("a.PNG", None, Kind.IMAGE),
        ("a.webm", "image/png", Kind.VIDEO),
        ("a.unknown", "audio/x-thing", Kind.AUDIO),
        ("a", None, Kind.FILE),
        ("a.latent", None, Kind.FILE),
    ],
)
def test_kinds(name: str, content_type: str | None, kind: Kind) -> None:
    assert kind_of(name, content_type) is kind


@given(json_values)
@pytest.mark.long
def test_anything_else_is_one_clear_error(data: Any) -> None:
    shaped = {"prompt": [0, "id", {}, {}, ["2"]], "outputs": data, "status": data}
    try:
        read_entry("id", shaped)
    except ValueError:
        return


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=3))
@pytest.mark.long
def test_no_ui_is_lost_to_an_exception(ui: dict[str, Any]) -> None:
    outputs_of(ui)


def test_lists_in_lists_are_taken_apart() -> None:
    ui = {"text": [["one text", "another"], "third"], "images": [[{"filename": "a.png"}], None, []]}
    found = outputs_of(ui)
    assert [output.text for output in found if isinstance(output, TextOutput)] == ["one text", "another", "third"]
    assert [output.file.filename for output in found if isinstance(output, FileOutput)] == ["a.png"]


@pytest.mark.parametrize("prompt", [{}, {"prompt": None}, {"prompt": [0, "id", {}]}])
def test_an_entry_without_its_prompt_still_has_outputs(prompt: dict[str, Any]) -> None:
    entry = {"outputs": {"2": {"text": ["words"]}}, "status": {"status_str": "success", "messages": []}, **prompt}
    record = read_entry("id", entry)
    assert record.end == ExecutionSuccess("id", cached=False)
    assert record.texts == (TextOutput("2", "words"),)
