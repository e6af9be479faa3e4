"""Titles and help in several languages, groups, and workflows for adults."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.model import Person, Place
from bot.core.workflows import sidecar_edit
from bot.core.workflows.catalog import Catalog
from bot.core.workflows.languages import best_language

_GRAPH = '{"1": {"class_type": "SaveImage", "inputs": {"n": 3}, "_meta": {"title": "Save"}}}'
_SIDECAR = """
title = "Poster"
title.zh-CN = "海报"
title.ru = "Плакат"
"description.ru" = "Мало цветов."
description = "Few colours."
group = "Print"
nsfw = true

[fields.count]
target = "Save.n"
help.ru = "Сколько."
title = { "ru" = "Число" }
"""


def read(folder: Path, text: str = _SIDECAR) -> Catalog:
    (folder / "poster.json").write_text(_GRAPH)
    (folder / "poster.toml").write_text(text)
    return Catalog.read(folder)


def test_the_texts_in_a_persons_language_and_the_plain_ones_for_others(tmp_path: Path) -> None:
    workflow = read(tmp_path).get("poster")
    titles = [workflow.in_language(each).title for each in ("", "de", "zh-CN", "zh_TW", "ru-RU", "RU")]
    assert titles == ["Poster", "Poster", "海报", "海报", "Плакат", "Плакат"]
    russian, chinese = workflow.in_language("ru"), workflow.in_language("zh-CN")
    assert (russian.description, chinese.description) == ("Мало цветов.", "Few colours.")
    assert workflow.form().in_language("ru")["count"].help == "Сколько."
    assert workflow.form().in_language("zh-CN")["count"].help == ""


def test_a_group_and_that_a_workflow_is_for_adults(tmp_path: Path) -> None:
    workflow = read(tmp_path).get("poster")
    assert (workflow.group, workflow.nsfw, workflow.spoiler) == ("Print", True, True)
    assert not read(tmp_path, "nsfw = true\nspoiler = false").get("poster").spoiler
    assert not read(tmp_path, "").get("poster").nsfw


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("title.russian-language-of-the-north = 'x'", "names no language; write it as title.zh-CN"),
        ("title.ru = 3", "title.ru must be a text"),
        ("titel.ru = 'x'", "there is no key “titel”; did you mean “title”?"),
        ("outputs.ru = 'x'", "outputs must be a list"),
    ],
)
def test_a_mistake_in_a_translation(line: str, reason: str, tmp_path: Path) -> None:
    assert reason in str(read(tmp_path, line).faults[0])


def test_a_change_in_the_chat_keeps_translations() -> None:
    changed = sidecar_edit.set_field(_SIDECAR, "count", {"target": "Save.n", "help": "How many."})
    assert "Сколько." in changed
    assert "How many." in changed
    assert "海报" in sidecar_edit.describe(_SIDECAR, "Print", "New.")


@pytest.mark.parametrize(
    ("wanted", "known", "best"),
    [
        ("pt-BR", ["pt", "pt-br"], "pt-br"),
        ("pt-BR", ["pt", "en"], "pt"),
        ("pt-BR", ["pt-pt"], "pt-pt"),
        ("", ["en"], None),
        ("de", ["en"], None),
    ],
)
def test_the_language_that_fits_best(wanted: str, known: list[str], best: str | None) -> None:
    assert best_language(wanted, known) == best


def test_people_are_the_same_whatever_their_language() -> None:
    assert Person("web", "1", language="de") == Person("web", "1")
    assert Place("web", "1") == Place("web", "1")
