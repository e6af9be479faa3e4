from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.workflows.form import Field, FieldKind, Form
from bot.core.workflows.workflow import Workflow
from bot.platforms.discord.commands.native import each_name_once
from bot.platforms.discord.commands.schema import (
    choice_meant,
    declarable,
    declare,
    digest,
    has_spoiler,
    matching,
)
from comfy.prompt import Prompt
from tests.bot.platforms.discord.rules import command_faults

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True)
WORDS = st.text(max_size=300)


def workflow(name: str = "flow", description: str = "What it does.", title: str = "") -> Workflow:
    return Workflow(name, title or name, description, Prompt({"1": {"class_type": "PreviewAny", "inputs": {}}}))


def fields(name: str) -> st.SearchStrategy[Field]:
    number = st.floats(-1e18, 1e18)
    return st.builds(
        Field,
        st.just(name),
        st.sampled_from(FieldKind),
        title=st.text(max_size=60),
        help=WORDS,
        required=st.booleans(),
        minimum=st.none() | number,
        maximum=st.none() | number,
        choices=st.none() | st.lists(st.text(max_size=150), max_size=40, unique=True).map(tuple),
        max_length=st.none() | st.integers(1, 10_000),
    )


FORMS = st.lists(NAMES, max_size=30, unique=True).flatmap(lambda names: st.tuples(*map(fields, names))).map(Form)


@given(FORMS, WORDS)
@pytest.mark.long
def test_whatever_the_form_discord_takes_the_command(form: Form, description: str) -> None:
    assert command_faults([declare(workflow(description=description), form)]) == []


@given(st.lists(st.text(max_size=50) | st.text("Кот ёЯ猫の絵กี่हिंदी한국_-'é1²", max_size=40), max_size=5))
def test_whatever_the_titles_discord_takes_the_commands(titles: list[str]) -> None:
    commands = [declare(workflow(f"flow_{number}", title=each), Form(())) for number, each in enumerate(titles)]
    assert command_faults(each_name_once(commands)) == []


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Кот в сапогах!", {"ru": "кот_в_сапогах", "uk": "кот_в_сапогах", "bg": "кот_в_сапогах"}),
        ("猫の絵 2", {"ja": "猫の絵_2"}),
        ("风景 SDXL", {"zh-CN": "风景_sdxl", "zh-TW": "风景_sdxl", "ja": "风景_sdxl"}),
        ("ภาพน้ำ", {"th": "ภาพน้ำ"}),
        ("हिंदी", {"hi": "हिंदी"}),
        ("Café", None),
        ("кот 猫", None),
        ("—", None),
    ],
)
def test_a_command_has_its_title_as_its_name_in_the_languages_of_its_script(
    title: str, names: dict[str, str] | None
) -> None:
    first, second = (declare(workflow(name, title=title), Form(())) for name in ("a", "b"))
    assert first.get("name_localizations") == names
    assert each_name_once([first, second]) == [first, declare(workflow("b"), Form(()))]


def test_no_workflow_takes_the_name_of_a_command() -> None:
    able = declarable([workflow("queue"), workflow("flow")], ["run", "queue"])
    assert [each.name for each in able] == ["flow"]


def test_long_choices_are_found_again() -> None:
    long = ["models/" + "x" * 120 + f"-{number}" for number in range(30)]
    (found,) = matching(long, "-17")
    assert len(found["name"]) <= 100
    assert len(found["value"]) <= 100
    assert choice_meant(long, found["value"]) == long[17]


def test_long_lists_together_are_suggested_instead() -> None:
    lists = tuple(
        Field(f"list-{number}", FieldKind.CHOICE, choices=tuple(f"choice {each} " + "y" * 80 for each in range(25)))
        for number in range(10)
    )
    command = declare(workflow(), Form(lists))
    assert len(json.dumps(command)) <= 8000
    assert all(option.get("autocomplete") for option in command["options"] if option["name"] != "spoiler")


def test_the_spoiler_stays_and_a_form_has_the_other_fields() -> None:
    many = (*tuple(Field(f"f{number}", FieldKind.TEXT) for number in range(23)), Field("more", FieldKind.TEXT))
    names = [option["name"] for option in declare(workflow(), Form(many))["options"]]
    assert names[-2:] == ["more", "spoiler"]  # a field of that name
    names = [option["name"] for option in declare(workflow(), Form((*many, Field("last", FieldKind.TEXT))))["options"]]
    assert len(names) == 25
    assert names[-3:] == ["f22", "more-2", "spoiler"]
    assert not has_spoiler(Form((Field("spoiler", FieldKind.TEXT),)))


def test_a_digest_tells_commands_apart() -> None:
    one: list[dict[str, Any]] = [declare(workflow(), Form(()))]
    assert digest(one) == digest([declare(workflow(), Form(()))])
    assert digest(one) != digest([declare(workflow(description="Else."), Form(()))])


def test_a_form_that_has_room_for_all_in_one_command_still_folds_more() -> None:
    fields = (Field("rare", FieldKind.TEXT, more=True), Field("text", FieldKind.TEXT, required=True))
    options = declare(workflow(), Form(fields))["options"]
    assert [option["name"] for option in options] == ["text", "more", "spoiler"]
