"""Text that chooses: what is a choice and what stays as it is written, and how far one text can go."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import BadValue
from bot.core.wording.choosing import Chooser, faults, texts_of

LISTS = {"animal": ("cat", "{red|blue} fox"), "pair": ("__animal__ and __animal__",), "loop": ("a __loop__",)}


def finals(text: str, count: int = 60) -> set[str]:
    return {Chooser(LISTS, str(seed)).final("prompt", text) for seed in range(count)}


@pytest.mark.parametrize(
    ("text", "all_of_them"),
    [
        ("a {red|blue} car", {"a red car", "a blue car"}),
        ("{a {red|blue} car|dog}", {"a red car", "a blue car", "dog"}),
        ("a {|big }car", {"a car", "a big car"}),
        ("__animal__", {"cat", "red fox", "blue fox"}),
        ("__Animal__ __none__", {"cat __none__", "red fox __none__", "blue fox __none__"}),
        ('{"style": {x|y}}', {'{"style": x}', '{"style": y}'}),
        (r"\{a|b\} {c|c}", {"{a|b} c"}),
        (r"{a\|b|a\|b}", {"a|b"}),
        (r"\__animal__ {c|c}", {"__animal__ c"}),
    ],
)
def test_one_is_taken_of_all_that_can_be(text: str, all_of_them: set[str]) -> None:
    assert finals(text) == all_of_them


@pytest.mark.parametrize(
    "text", ['{"a": {"b": [1, 2]}}', "{one}", "{a|b", "a|b}", "a | b", r"\|", r"C:\{x}", "__init__", "____", "{{}}{"]
)
def test_what_offers_no_choice_stays_as_it_is_written(text: str) -> None:
    assert finals(text, 3) == {text}


@settings(max_examples=25)
@given(st.text(alphabet="ab {}|\\_", max_size=60), st.integers(0, 5))
def test_a_text_is_read_the_same_each_time_and_only_loses_signs(text: str, seed: int) -> None:
    final = Chooser(LISTS, str(seed)).final("prompt", text)
    assert final == Chooser(LISTS, str(seed)).final("prompt", text)
    letters = iter(text)
    assert all(letter in letters for letter in final)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("__loop__", "contains itself"),
        ("{" * 60 + "a|b" + "}" * 60, "too deep"),
        ("{a|b}" * 1001, "more than 1000 choices"),
        ("{a|a}" + "x" * 20_000, "more than 20000 characters"),
    ],
)
def test_a_text_that_goes_too_far_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadValue, match=why) as fault:
        finals(text, 1)
    assert fault.value.field == "prompt"


def test_a_list_is_read_by_lines_or_by_bars() -> None:
    assert texts_of(" red | {light|dark} blue ") == ("red", "{light|dark} blue")
    assert texts_of("red\n{light|dark} | blue\n\n") == ("red", "{light|dark} | blue")
    assert faults("hair-color", ["red"]) is None
    assert "name of a list" in str(faults("two words", ["red"]))
    assert "at most 500" in str(faults("many", list(islice(iter(lambda: "a", ""), 501))))
    assert "longer than 500" in str(faults("long", ["a" * 501]))
