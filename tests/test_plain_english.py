"""Messages and guides keep to plain English: no stiff words, and docstrings that say what a thing is or does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.names_in_code import ROOT, tree_of

STIFF = re.compile(
    r"\b(whoever|somebody|nobody|anybody|anew|any more|no more|be otherwise|whose|may not be asked|hears? of)\b|"
    r"in all places here|nothing new",
    re.IGNORECASE,
)
OPENERS = re.compile(r"(Who|Whom|Whose|Whoever|What|Whatever|Where|Whether|How|When|Which)\b")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("bot", "comfy"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, tree_of(path)


def messages(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
            yield from (
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node, clean=False) or ""


def test_messages_use_common_words() -> None:
    assert [f"{path.name}: {each}" for path, tree in sources() for each in messages(tree) if STIFF.search(each)] == []


def test_guides_use_common_words() -> None:
    guides = [*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in ("README.md", "CHANGELOG.md", ".env.example"))]
    found = {path.name: STIFF.findall(path.read_text("utf-8")) for path in guides}
    assert {name: words for name, words in found.items() if words} == {}


def test_docstrings_say_what_a_thing_is_or_does() -> None:
    opened = [
        f"{path.name}: {each[:60]}" for path, tree in sources() for each in docstrings(tree) if OPENERS.match(each)
    ]
    assert opened == []
