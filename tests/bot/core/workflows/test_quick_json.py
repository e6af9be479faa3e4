"""Files that are read quickly say the same as files that are not: what is odd is read again in the other way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.workflows.kept.quick_json import quick_json
from bot.core.workflows.reader import FolderReader, Reading
from bot.core.workflows.source import Layer, SavedSource
from tests.comfy.saved.graphs import graph, node

TEXT = json.dumps(graph([node(1, "Sampler", values=["WORDS"])]), ensure_ascii=False)
WORDS = [
    *('"a fox"', '"狐 😀"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00 \\ud83d"', '"\\u0000"', '"tab\t"', '"\\x41"'),
    *("0", "-0", "1.0", "1e5", "1E400", "-1e400", "NaN", "-Infinity", "0.1000000000000000055", "01", "1.", "+1"),
    *("18446744073709551616", "-9223372036854775809", "9" * 400, "9" * 5000, "1" * 400 + ".5", "[" * 2000 + "]" * 2000),
    *('{"a": 1, "b": 2, "a": 3}', "[1,]", "'a'", "tru", "", "null", "1 /* one */"),
]


def read(folder: Path, *, quickly: bool) -> Reading:
    return FolderReader([(Layer.FOLDER, folder)], None, quick_json if quickly else None).read()


def content(reading: Reading) -> str:
    graphs = [each.graph for each in reading.files]
    told = [
        (each.digest, each.needs, each.data) if isinstance(each, SavedSource) else each.to_json() for each in graphs
    ]
    return repr((told, [each.version for each in reading.files], reading.faults))


@pytest.mark.parametrize("words", WORDS, ids=[each[:24] for each in WORDS])
def test_a_text_is_read_as_the_other_way_reads_it(tmp_path: Path, words: str) -> None:
    (tmp_path / "w.json").write_text(TEXT.replace('"WORDS"', words))
    assert content(read(tmp_path, quickly=True)) == content(read(tmp_path, quickly=False))


@pytest.mark.parametrize("place", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xc3", b"\x00", b"\xe7\x8b\x90"])
def test_bytes_that_are_no_text_are_refused_in_the_same_words(tmp_path: Path, place: bytes) -> None:
    (tmp_path / "w.json").write_bytes(TEXT.encode().replace(b"WORDS", place))
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert content(read(tmp_path, quickly=True)) == content(read(tmp_path, quickly=False))
