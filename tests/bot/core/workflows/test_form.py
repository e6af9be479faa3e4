from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadValue
from bot.core.workflows.form import MEDIA, NUMERIC, Field, FieldKind, Form, listed

COLORS = Field("colors", FieldKind.INTEGER, minimum=2, maximum=32)
GLOW = Field("glow", FieldKind.NUMBER, minimum=0.0, maximum=1.5)
WIDTH = Field("width", FieldKind.INTEGER, minimum=64, maximum=2048, step=8)
LINE = Field("line", FieldKind.TEXT, max_length=10)
WORDS = Field("words", FieldKind.TEXT, multiline=True)
MODEL = Field("model", FieldKind.CHOICE, choices=("Dream.safetensors", "flux", "FLUX"))
SHARP = Field("sharp", FieldKind.TOGGLE)
SEED = Field("seed", FieldKind.INTEGER, seed=True, minimum=0, maximum=2**64 - 1)
SHADE = Field("shade", FieldKind.COLOR, default="#000000")
PHOTO = Field("photo", FieldKind.IMAGE, required=True)


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        (COLORS, "7", 7),
        (COLORS, " +7 ", 7),
        (COLORS, "7.0", 7),
        (COLORS, 7.0, 7),
        (COLORS, "1e1", 10),
        (SEED, "18446744073709551615", 2**64 - 1),
        (SEED, "0", 0),
        (GLOW, "0,5", 0.5),
        (GLOW, ".5", 0.5),
        (GLOW, "0,125", 0.125),
        (GLOW, 1, 1.0),
        (WIDTH, "72", 72),
        (LINE, "a\nb", "a b"),
        (LINE, "two words\r\n", "two words"),
        (LINE, "a\x00\x1b\x9bb\ud800", "ab"),
        (LINE, "äöü👩‍🚀", "äöü👩‍🚀"),
        (LINE, 7, "7"),
        (WORDS, "a\r\nb\tc\x07", "a\nb\tc"),
        (MODEL, "flux", "flux"),
        (MODEL, " dream.SAFETENSORS ", "Dream.safetensors"),
        (replace(MODEL, choices=("512", "768")), 768, "768"),
        (replace(MODEL, choices=("a ", "b")), "a ", "a "),
        (replace(MODEL, choices=None), "whatever", "whatever"),
        (SHARP, "Yes", True),
        (SHARP, "off", False),
        (SHARP, True, True),
        (SHARP, 0, False),
        (SHADE, "#FF8800", "#ff8800"),
        (SHADE, " f80 ", "#ff8800"),
        (SHADE, 255, "#0000ff"),
    ],
)
def test_a_value_is_read_as_it_was_meant(field: Field, typed: object, value: object) -> None:
    parsed = field.parse(typed)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("field", "typed", "reason"),
    [
        (COLORS, "40", "“40” is too large; use 2 to 32."),
        (COLORS, "1", "“1” is too small; use 2 to 32."),
        (COLORS, "7.5", "“7.5” is not a whole number; use 2 to 32."),
        (COLORS, "many", "“many” is not a whole number; use 2 to 32."),
        (COLORS, True, "“True” is not a whole number; use 2 to 32."),
        (COLORS, "1_0", "“1_0” is not a whole number; use 2 to 32."),
        (COLORS, "9" * 5000, f"“{'9' * 40}…” is not a whole number; use 2 to 32."),
        (SEED, "1,000", "“1,000” can mean two numbers; leave out the comma, or use a point."),
        (GLOW, "1,000", "“1,000” can mean two numbers; leave out the comma, or use a point."),
        (GLOW, "nan", "“nan” is not a number; use 0 to 1.5."),
        (GLOW, "1e999", "“1e999” is not a number; use 0 to 1.5."),
        (GLOW, math.inf, "give a text or a number."),
        (GLOW, None, "give a text or a number."),
        (replace(GLOW, minimum=None, maximum=None), "", "“” is not a number; for example 1."),
        (replace(GLOW, maximum=None), "-1", "“-1” is too small; use 0 or more."),
        (replace(GLOW, minimum=None), "2", "“2” is too large; use 1.5 or less."),
        (WIDTH, "513", "“513” does not fit the step of 8; try “512”."),
        (WIDTH, "518", "“518” does not fit the step of 8; try “520”."),
        (replace(WIDTH, maximum=519), "518", "“518” does not fit the step of 8; try “512”."),
        (LINE, "x" * 11, "at most 10 characters are allowed, and this has 11."),
        (MODEL, "Flux", "“Flux” is not one of the choices: Dream.safetensors, flux, FLUX."),
        (replace(MODEL, choices=()), "flux", "the server has nothing to choose from. Please tell the operator."),
        (SHARP, "maybe", "“maybe” is not yes or no."),
        (PHOTO, "cat.png", "give a file."),
        (SHADE, "red", "“red” is not a colour; write it as #ff8800."),
        (SHADE, 1 << 24, "“16777216” is not a colour; write it as #ff8800."),
    ],
)
def test_a_value_that_will_not_do_is_refused_with_what_would(field: Field, typed: object, reason: str) -> None:
    with pytest.raises(BadValue) as refused:
        field.parse(typed)
    assert refused.value.field == field.name
    assert refused.value.reason == reason


def test_a_step_of_a_number_is_only_a_hint() -> None:
    assert replace(GLOW, step=0.5).parse("0.7") == 0.7


FORM = Form((PHOTO, replace(LINE, required=True), replace(COLORS, default=8), SEED, SHARP))


def test_a_form_fills_in_defaults_and_draws_the_seed_between_its_bounds() -> None:
    file = object()
    drawn: list[tuple[int, int]] = []

    def draw(low: int, high: int) -> int:
        drawn.append((low, high))
        return 42

    values = FORM.check({"photo": file, "line": "hello"}, random=draw)
    assert values == {"photo": file, "line": "hello", "colors": 8, "seed": 42}
    assert values["photo"] is file
    assert drawn == [(0, 2**64 - 1)]


@pytest.mark.parametrize("zero", [0, "0", "0.0"])
def test_zero_is_a_seed(zero: object) -> None:
    assert FORM.check({"photo": 1, "line": "x", "seed": zero})["seed"] == 0


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_seed_left_empty_is_drawn(nothing: object) -> None:
    seeds = {FORM.check({"photo": 1, "line": "x", "seed": nothing})["seed"] for _ in range(5)}
    assert len(seeds) > 1


@pytest.mark.parametrize(
    ("field", "bounds"),
    [
        (Field("seed", FieldKind.INTEGER, seed=True), (0, 2**63 - 1)),
        (Field("seed", FieldKind.INTEGER, seed=True, minimum=1, maximum=0), (0, 0)),
        (Field("seed", FieldKind.INTEGER, seed=True, minimum=-5.0, maximum=0.0), (-5, 0)),
    ],
)
def test_the_bounds_of_a_seed(field: Field, bounds: tuple[int, int]) -> None:
    assert field.seeds == bounds


def test_every_fault_is_found_and_the_first_is_raised() -> None:
    given = {"colours": "8", "line": "\x00 ", "colors": "x", "sharp": "y"}
    faults = [(fault.field, fault.reason) for fault in FORM.faults(given)]
    assert faults == [
        ("colours", "there is no such field. Did you mean “colors”? The fields are photo, line, colors, seed, sharp."),
        ("photo", "a picture is required."),
        ("line", "a value is required."),
        ("colors", "“x” is not a whole number; use 2 to 32."),
    ]
    with pytest.raises(BadValue, match=r"^colours: there is no such field"):
        FORM.check(given)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(FieldKind.VIDEO, "a video is required."), (FieldKind.AUDIO, "a sound file is required.")],
)
def test_what_is_needed_is_named(kind: FieldKind, reason: str) -> None:
    (fault,) = Form((Field("it", kind, required=True),)).faults({})
    assert fault.reason == reason


def test_an_empty_text_empties_a_default_and_an_empty_number_keeps_it() -> None:
    form = Form((replace(LINE, default="hello"), replace(COLORS, default=8)))
    assert form.check({"line": "", "colors": ""}) == {"line": "", "colors": 8}
    assert form.check({}) == {"line": "hello", "colors": 8}


def test_an_unknown_field_where_there_is_none_like_it() -> None:
    (fault,) = Form((COLORS,)).faults({"zzz": 1})
    assert fault.reason == "there is no such field. The fields are colors."
    (fault,) = Form(()).faults({"zzz": 1})
    assert fault.reason == "there is no such field; this workflow has no fields."


def test_a_long_list_is_cut_to_what_is_like_the_word() -> None:
    names = [f"model-{number}" for number in range(100)]
    assert listed(names[:12]).count(",") == 11
    sentence = listed(names, like="model-77")
    assert sentence.startswith("model-77, ")
    assert sentence.endswith(" and 88 more")


anything = st.one_of(
    st.text(max_size=80),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=2),
    st.from_regex(r"[+-]?[0-9]{0,6}[.,]?[0-9]{0,4}(e[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["yes", "no", "a", "B", "9" * 5000, 10**400, -(10**400)]),
)
bound = st.one_of(st.none(), st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6))


@st.composite
def fields(draw: st.DrawFn) -> Field:
    kind = draw(st.sampled_from([kind for kind in FieldKind if kind not in MEDIA]))
    choices = st.none() | st.lists(st.text(max_size=3), max_size=4).map(tuple)
    length = draw(st.none() | st.integers(1, 20))
    return Field(
        "it",
        kind,
        required=draw(st.booleans()),
        minimum=draw(bound) if kind in NUMERIC else None,
        maximum=draw(bound) if kind in NUMERIC else None,
        step=draw(st.none() | st.integers(1, 64) | st.floats(0.01, 2)),
        choices=draw(choices) if kind is FieldKind.CHOICE else None,
        max_length=length if kind is FieldKind.TEXT else None,
        multiline=draw(st.booleans()),
    )


def within(field: Field, value: Any) -> bool:
    if field.kind in NUMERIC:
        low, high = field.minimum, field.maximum
        return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)
    if field.kind is FieldKind.TEXT:
        short = field.max_length is None or len(value) <= field.max_length
        return short and (field.multiline or "\n" not in value)
    return field.choices is None or value in field.choices


def refusal(field: Field, typed: Any) -> str | None:
    try:
        field.parse(typed)
    except BadValue as refused:
        return refused.reason
    return None


@given(fields(), anything)
@pytest.mark.long
def test_whatever_is_typed_is_refused_in_words_or_lies_within_bounds_and_reads_as_itself(
    field: Field, typed: Any
) -> None:
    if (reason := refusal(field, typed)) is not None:
        assert reason.endswith(".")
        assert len(reason) < 300
    else:
        value = field.parse(typed)
        assert within(field, value)
        assert field.parse(value) == value


@given(fields(), st.dictionaries(st.sampled_from(["it", "that"]), anything))
@pytest.mark.long
def test_a_form_raises_just_where_it_has_faults(field: Field, typed: dict[str, Any]) -> None:
    form = Form((field,))
    if form.faults(typed):
        with pytest.raises(BadValue):
            form.check(typed)
    else:
        assert form.check(typed).keys() <= {"it"}


@pytest.mark.parametrize(("low", "high"), [(None, None), (None, -1), (-5, -1), (0, 0), (0.5, 9.5), (-1, 2**64 - 1)])
def test_a_seed_is_drawn_within_its_bounds(low: float | None, high: float | None) -> None:
    seed = Field("seed", FieldKind.INTEGER, minimum=low, maximum=high, seed=True)
    drawn = [Form((seed,)).check({})["seed"] for _ in range(20)]
    assert all(isinstance(each, int) and seed.parse(each) == each for each in drawn)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 2**64 - 1, "0 or more"),
        (1 - 2**63, 2**63 - 1, ""),
        (1, 2**53 - 1, "1 to 9007199254740991"),
        (1, None, "1 or more"),
    ],
)
def test_a_bound_that_nobody_comes_near_is_not_told(low: int, high: int | None, words: str) -> None:
    assert Field("it", FieldKind.INTEGER, minimum=low, maximum=high).range_text == words


def test_who_goes_beyond_a_bound_that_was_not_told_hears_it() -> None:
    with pytest.raises(BadValue, match="use 0 to 18446744073709551615"):
        SEED.parse(2**64)


def test_no_seed_below_zero_is_drawn_but_one_may_be_given() -> None:
    field = Field("seed", FieldKind.INTEGER, minimum=-(2**63), maximum=9, seed=True)
    assert field.parse("-7") == -7
    assert all(0 <= Form((field,)).check({})["seed"] <= 9 for _ in range(20))  # type: ignore[operator]
