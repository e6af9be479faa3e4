"""Changes to the text of a sidecar: what is not changed stays, and what comes out is what was asked for."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.workflows import sidecar_edit

ODD = 'a "b" \\ \n\t ä 花 \x7f \x01 \u2028'
FORMS = {
    "tables": '# All.\ntitle = "X" # short\n\n# 1.\n[fields.one]\ntarget = "A.x"\n# 2.\n[fields.two]\ntarget = "B.x"',
    "in a table": '# All.\n[fields]\n# 1.\n[fields.one]\nhelp = ""\ntarget = "A.x"\n# 2.\n[fields.two]\ntarget = "B.x"',
    "inline": 'title = "X"\nfields = {one = {target = "A.x"}, two = {target = "B.x"}}\n',
    "one table": '[fields]\none.target = "A.x"\ntwo = {target = "B.x"} # Two.\n',
    "dotted": 'title = "X" # short\nfields.one.target = "A.x"\nfields.two.target = "B.x"\n',
    "out of order": '[fields.one]\ntarget = "A.x"\n[other]\n[fields.two]\ntarget = "B.x"\n',
    "no fields": 'title = "X"',
    "nothing": "",
}
NAMES = st.sampled_from(["one", "two", "new", "a-b"])
VALUES = st.text(max_size=8) | st.integers(-9, 9) | st.booleans() | st.sampled_from([ODD, 1.5])
SETTINGS = st.fixed_dictionaries(
    {"target": st.just(ODD) | st.lists(st.text(max_size=4))}, optional={"help": VALUES, "default": VALUES}
)
CHANGES = st.lists(
    st.tuples(st.just("set"), NAMES, SETTINGS)
    | st.tuples(st.just("remove"), NAMES)
    | st.tuples(st.just("describe"), st.text(max_size=8), st.text(max_size=8)),
    max_size=5,
)


def changed(text: str, data: dict[str, Any], change: tuple[Any, ...]) -> str:
    """Make a change to a sidecar, and the same to its data."""
    fields = data.setdefault("fields", {})
    match change:
        case "set", name, settings:
            fields[name] = settings
            return sidecar_edit.set_field(text, name, settings)
        case "remove", name:
            fields.pop(name, None)
            return sidecar_edit.remove_field(text, name)
        case _, title, description:
            data |= {"title": title, "description": description}
            return sidecar_edit.describe(text, title, description)


@given(st.sampled_from([*FORMS.values()]), CHANGES)
@pytest.mark.long
def test_any_changes_give_what_was_asked_for_and_keep_all_comments(text: str, changes: list[tuple[Any, ...]]) -> None:
    data, before = tomllib.loads(text), text
    for change in changes:
        text = changed(text, data, change)
    assert {"fields": {}} | tomllib.loads(text) == {"fields": {}} | data
    if before in (FORMS["tables"], FORMS["in a table"]):
        assert [line for line in text.splitlines() if line.startswith("#")] == ["# All.", "# 1.", "# 2."]
        assert ("# short" in text) == ("# short" in before)


@pytest.mark.parametrize("form", FORMS)
def test_a_field_that_is_not_there_is_removed_without_a_change(form: str) -> None:
    assert sidecar_edit.remove_field(FORMS[form], "three") == FORMS[form]


def test_new_sidecars_come_back_as_they_were_written() -> None:
    fields = {"a-b": {"target": ODD, "default": 1.5, "required": True}, "c": {"target": [ODD, "x"]}}
    assert tomllib.loads(sidecar_edit.new(ODD, fields)) == {"title": ODD, "fields": fields}
