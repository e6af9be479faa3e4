"""Bytes and documents that others could send: real ones with changes, a seeded slice of them in each run of the tests.

A check is given what was made up, and must not fail but with an error of ours. Sizes are bounded, and so is the work.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

_SLICE = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
_WHOLE = settings(_SLICE, max_examples=1000, derandomize=False, phases=(Phase.generate,))

#: Parametrizes a test with how much is tried: a slice in each run of the tests, the whole in the long ones.
how_much = pytest.mark.parametrize(
    "tried", [_SLICE, pytest.param(_WHOLE, marks=pytest.mark.long)], ids=["slice", "whole"]
)

#: For a test with a whole bot beside it, whose threads draw numbers of their own while an example is made up.
elsewhere = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

numbers = st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, -(2**64), 10**400, 1e308, float("inf"), float("nan"), 0.5])
words = st.sampled_from(
    ["", "a", "..", "/", "\0", "\ud800", "🎨" * 40, "x" * 5000, "__proto__", "1e999", "true", "None"]
)
scalars = st.none() | st.booleans() | st.integers() | numbers | st.floats() | words | st.text(max_size=20)
#: Values of JSON as Python's parser gives them: it takes NaN, and lone surrogates.
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def check(tried: settings, strategy: st.SearchStrategy[Any], work: Callable[[Any], None]) -> None:
    """Call the work with one example after another."""

    @tried
    @given(strategy)
    def run(example: Any) -> None:
        work(example)

    run()


def changed(documents: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of these documents with some of its parts replaced, taken away, doubled, or put somewhere else."""

    @st.composite
    def change(draw: st.DrawFn) -> Any:
        document = copy.deepcopy(draw(st.sampled_from(documents)))
        for _ in range(draw(st.integers(1, 5))):
            _change(draw, document)
        return document

    return change()


def _change(draw: st.DrawFn, document: Any) -> None:
    places = list(_places(document))
    if not places:
        return
    holder, key = places[draw(st.integers(0, len(places) - 1))]
    match draw(st.integers(0, 5)):
        case 0:
            del holder[key]
        case 1:
            other, at = places[draw(st.integers(0, len(places) - 1))]
            holder[key] = copy.deepcopy(other[at])
        case 2 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case 3 if isinstance(holder, dict):
            holder[draw(words)] = holder.pop(key)
        case _:
            holder[key] = draw(values)


def _places(document: Any) -> list[tuple[Any, Any]]:
    """All places within a document, as their holders and keys."""
    found, todo = [], [document]
    while todo:
        holder = todo.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        found += [(holder, key) for key in keys]
        todo += [holder[key] for key in keys]
    return found


def cut_up(contents: Sequence[bytes], most: int = 64_000) -> st.SearchStrategy[bytes]:
    """One of these contents with some bytes replaced, taken away, put in or doubled, or its end cut off."""
    junk = st.binary(max_size=16) | st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\n"])

    @st.composite
    def cut(draw: st.DrawFn) -> bytes:
        content = bytearray(draw(st.sampled_from(contents)))
        for _ in range(draw(st.integers(1, 6))):
            at = draw(st.integers(0, len(content)))
            match draw(st.integers(0, 4)):
                case 0:
                    del content[at:]
                case 1:
                    length = draw(st.integers(0, 400))
                    content[at:at] = content[at : at + length]
                case 2:
                    content[at:at] = draw(junk)
                case _:
                    new = draw(junk)
                    content[at : at + len(new)] = new
        return bytes(content[:most])

    return cut()


def as_json(document: Any) -> bytes:
    """Write a document as a careless server does: with NaN, and without checks."""
    return json.dumps(document, skipkeys=True).encode()
