"""A matrix in words: what is read, what is refused and how, and that nothing else ever happens."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadValue
from bot.core.several.matrix import Combination, combinations, read_axes, varied
from bot.core.workflows.form import Field, FieldKind, Form

FORM = Form(
    (
        Field("prompt", FieldKind.TEXT, required=True, max_length=50),
        Field("seed", FieldKind.INTEGER, minimum=0, maximum=2**63 - 1, seed=True),
        Field("steps", FieldKind.INTEGER, default=20, minimum=1, maximum=100),
        Field("cfg", FieldKind.NUMBER, default=7.0, minimum=-1, maximum=30),
        Field("sampler", FieldKind.CHOICE, choices=("euler", "dpm; fast")),
        Field("tiled", FieldKind.TOGGLE, default=False),
        Field("image", FieldKind.IMAGE),
        Field("count", FieldKind.INTEGER, asks_count=True),
        Field("vary", FieldKind.TEXT, asks_matrix=True),
    )
)


def made(text: str, most: int = 9) -> list[Combination]:
    return combinations("vary", text, FORM, {"hidden"}, most)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=1;2;3", [{"seed": 1}, {"seed": 2}, {"seed": 3}]),
        (" Steps = 10..30/10 ", [{"steps": 10}, {"steps": 20}, {"steps": 30}]),
        ("steps=30..10/15", [{"steps": 30}, {"steps": 15}]),
        ("steps=1..3;50", [{"steps": 1}, {"steps": 2}, {"steps": 3}, {"steps": 50}]),
        ("cfg=-1..0/0,5", [{"cfg": -1.0}, {"cfg": -0.5}, {"cfg": 0.0}]),
        ("cfg=6,5;7", [{"cfg": 6.5}, {"cfg": 7.0}]),
        ("prompt=a car;a dog", [{"prompt": "a car"}, {"prompt": "a dog"}]),
        ("prompt=a car, red;{a|b} 1..3;", [{"prompt": "a car, red"}, {"prompt": "{a|b} 1..3"}]),
        (r"prompt=a\; b\, steps=1;c", [{"prompt": "a; b, steps=1"}, {"prompt": "c"}]),
        (r"sampler=EULER;dpm\; fast", [{"sampler": "euler"}, {"sampler": "dpm; fast"}]),
        ("tiled=yes;no", [{"tiled": True}, {"tiled": False}]),
        (
            "prompt=a, b;c\nsteps=10;20,",
            [
                {"prompt": "a, b", "steps": 10},
                {"prompt": "a, b", "steps": 20},
                {"prompt": "c", "steps": 10},
                {"prompt": "c", "steps": 20},
            ],
        ),
    ],
)
def test_each_combination_is_a_run(text: str, values: list[dict[str, object]]) -> None:
    assert [each.values for each in made(text)] == values


def test_a_label_says_what_differs() -> None:
    long = "a lighthouse at dusk above the sea"
    labels = [each.label for each in made(f"prompt=a car;{long}, cfg=6.5;7, tiled=yes;no")]
    assert labels[0] == "“a car”, cfg 6.5, tiled yes"
    assert labels[-1] == "“a lighthouse at dusk above th…”, cfg 7, tiled no"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1;2;3", "write a field, “=” and its values"),
        ("a {car|dog}", "write a field, “=” and its values"),
        ("step=1;2", "step: there is no such field. Did you mean “steps”? The fields are prompt, seed, steps"),
        ("count=1;2", "count: there is no such field"),
        ("vary=seed=1;2", "vary: there is no such field"),
        ("hidden=1;2", "hidden: moderators have set this for all runs here"),
        ("image=a;b", "image takes a file"),
        ("seed=1", "seed needs two values at least, with “;” between them: seed=1;…"),
        ("seed=1,2,3", "seed needs two values at least"),
        ("seed=", "seed needs two values at least"),
        ("seed=1;1", "seed has “1” twice"),
        ("cfg=7;7.0", "cfg has “7.0” twice"),
        ("seed=1;2, seed=3;4", "seed is there twice"),
        ("steps=10;200", "steps: “200” is too large; use 1 to 100"),
        ("steps=ten;20", "steps: “ten” is not a whole number"),
        ("steps=1..10/0", "steps: the step behind “/” must be more than 0"),
        ("steps=1..10", "steps has too many values; at most 9 runs will do"),
        ("seed=0..999999999999999999", "seed has too many values"),
        ("seed=1..4, steps=1..3", "this makes 12 runs; at most 9 will do"),
    ],
)
def test_what_will_not_do_is_said_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(BadValue, match=re.escape(why)) as refused:
        made(text)
    assert refused.value.field == "vary"


def test_empty_lines_cost_no_more_than_other_text() -> None:
    assert [each.values for each in made("seed=1" + "\n" * 250_000 + ";2")] == [{"seed": 1}, {"seed": 2}]


def test_moderators_may_allow_fewer() -> None:
    with pytest.raises(BadValue, match="this makes 4 runs; at most 3 will do"):
        made("seed=1;2, steps=10;20", 3)


@given(st.text(alphabet="sedtps=;,.\\/0123- \n{|}", max_size=60) | st.text(max_size=60))
def test_any_text_is_a_matrix_or_refused_with_a_sentence(text: str) -> None:
    with suppress(BadValue):
        found = made(text)
        assert 1 <= len(found) <= 9
        assert all(each.values.keys() == varied(text) for each in found)
        assert len({tuple(each.values.items()) for each in found}) == len(found)


@given(st.dictionaries(st.sampled_from(["prompt", "sampler", "x-1"]), st.lists(st.text(min_size=1), min_size=1)))
@pytest.mark.long
def test_what_is_written_is_what_is_read(axes: dict[str, list[str]]) -> None:
    def written(text: str) -> str:
        return re.sub("([,;])", r"\\\1", text)

    kept = {name: [text for each in texts if (text := _plain(each))] for name, texts in axes.items()}
    text = ", ".join(f"{name}={';'.join(map(written, texts))}" for name, texts in kept.items())
    assert {axis.name: list(axis.texts) for axis in read_axes(text)} == kept


@given(st.decimals(-1, 20, places=2), st.decimals(-1, 20, places=2), st.decimals("0.01", 5, places=2))
def test_a_range_is_its_values_written_out(first: Decimal, last: Decimal, step: Decimal) -> None:
    if abs(last - first) / step >= 9:
        with pytest.raises(BadValue, match="too many"):
            made(f"cfg={first}..{last}/{step}")
        return
    way = step if last >= first else -step
    texts = [str(first + number * way) for number in range(9) if number * step <= abs(last - first)]
    assert [each.values["cfg"] for each in made(f"cfg={first}..{last}/{step}")] == [float(text) for text in texts]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=2))
def test_there_are_as_many_as_the_axes_have_together(sizes: list[int]) -> None:
    text = ", ".join(f"{name}=1..{size}" for name, size in zip(("seed", "steps"), sizes, strict=False))
    if prod(sizes) > 9:
        with pytest.raises(BadValue, match=f"this makes {prod(sizes)} runs"):
            made(text)
    else:
        assert len(made(text)) == prod(sizes)


def _plain(text: str) -> str:
    """A text that can be written as a value: no sign of an axis but those that are written with a backslash."""
    return re.sub(r"[\\\s]", "", text)
