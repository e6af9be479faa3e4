"""The pinned requirements: one pin for a library wherever it is named, each with its hashes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.wheels import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
GROUPS = PYPROJECT["dependency-groups"]


def pins(name: str) -> dict[str, set[str]]:
    """A library's pins and their hashes; there is one for each Python if no version is for all."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        pin, *hashes = re.split(r"\s+--hash=", line.strip())
        assert hashes, line
        found[pin] = set(hashes)
    return found


def libraries(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def pinned(name: str) -> set[str]:
    return libraries([pin.replace(" ;", ";") for pin in pins(name)])


@pytest.mark.parametrize("name", ["demo", "image"])
def test_what_is_installed_is_what_was_tested(name: str) -> None:
    tested = pins("test")
    assert {pin: hashes for pin, hashes in pins(name).items() if tested.get(pin) != hashes} == {}


def test_each_lock_has_what_it_is_for_and_no_more() -> None:
    needed = libraries(PYPROJECT["project"]["dependencies"])
    for_tests = libraries(GROUPS["test"])
    assert pinned("demo") >= needed | libraries(EXTRAS["engine"]) | libraries(GROUPS["build"])
    assert pinned("image") >= needed | libraries([each for extra in EXTRAS.values() for each in extra])
    assert pinned("test") >= pinned("demo") | pinned("image") | for_tests
    assert pinned("demo") & (for_tests - {"packaging"}) == set()
    assert pinned("image") & (for_tests | libraries(GROUPS["build"])) == set()
    assert pinned("uv") == {"uv"}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_an_old_python_is_told_what_to_do() -> None:
    environ = {**os.environ, "PYTHON": "false"}
    said = subprocess.run([ROOT / "tools" / "setup", "demo"], env=environ, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stderr.startswith("Darkroom needs Python 3.11 or later.")
    assert said.stdout == ""
