"""A release is one command: it is made in a clone of this checkout, which has a remote of its own."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "tools"))  # as Python does for a program in this folder
    found = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "tools"))


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files of this checkout in a repository of their own, with something new since the last version."""
    root = tmp_path / "checkout"
    files = _git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in files:
        if not name.startswith(("tests/", "benchmarks/")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((ROOT / name).read_bytes())
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- A thing is new.\n\n## 0.1.0\n\n- All.\n")
    _git(root.parent, "init", "--quiet", str(root))
    for name, value in (("name", "Release"), ("email", "release@example.org")):
        _git(root, "config", f"user.{name}", value)
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "-m", "All")
    return root


@pytest.mark.long
def test_a_release_is_committed_tagged_and_built(tool: ModuleType, checkout: Path) -> None:
    sdist, wheel, components = tool.release(checkout, "7.2.0", "2030-01-02")
    assert (sdist.name, wheel.name) == ("darkroom-7.2.0.tar.gz", "darkroom-7.2.0-py3-none-any.whl")
    listed = json.loads(components.read_text())
    assert (listed["bomFormat"], listed["metadata"]["component"]["version"]) == ("CycloneDX", "7.2.0")
    pinned = re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / "requirements" / "image.lock").read_text(), re.MULTILINE)
    pins = tomllib.loads((ROOT / "tools" / "vendor" / "pins.toml").read_text(encoding="utf-8"))
    pinned.append(("three", pins["three"]["version"]))
    assert sorted((each["name"], each["version"]) for each in listed["components"]) == sorted(pinned)
    changes = (checkout / "CHANGELOG.md").read_text()
    assert changes.startswith("# Changelog\n\n## Unreleased\n\n## 7.2.0 (2030-01-02)\n\n- A thing is new.\n\n## 0.1.0")
    assert "image: darkroom:7.2.0\n" in (checkout / "deploy" / "kubernetes" / "alone.yaml").read_text()
    assert _git(checkout, "status", "--porcelain") == ""
    assert _git(checkout, "rev-parse", "v7.2.0^{commit}") == _git(checkout, "rev-parse", "HEAD")
    assert "- A thing is new." in _git(checkout, "tag", "--list", "-n9", "v7.2.0")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert {"bot/__main__.py", "comfy/client.py", "bot/settings.example"} <= names
        assert "darkroom-7.2.0.dist-info/licenses/bot/platforms/web/static/vendor/three.LICENSE" in names
    with pytest.raises(tool.Refused, match=r"does not come after 7\.2\.0"):
        tool.release(checkout, "7.1.9", "2030-01-03")
    with pytest.raises(tool.Refused, match="has nothing under"):
        tool.release(checkout, "7.3.0", "2030-01-03")
    (checkout / "README.md").write_text("changed")
    with pytest.raises(tool.Refused, match="not committed"):
        tool.release(checkout, "7.3.0", "2030-01-03")
    with pytest.raises(tool.Refused, match="is no version"):
        tool.release(checkout, "7.3", "2030-01-03")


def test_a_release_that_cannot_be_built_changes_nothing(tool: ModuleType, checkout: Path) -> None:
    (checkout / "LICENSE").unlink()
    (checkout / "README.md").unlink()
    _git(checkout, "commit", "--quiet", "--all", "-m", "Broken")
    before = _git(checkout, "rev-parse", "HEAD")
    with pytest.raises(tool.Refused, match="It cannot be built"):
        tool.release(checkout, "7.2.0", "2030-01-02")
    assert (_git(checkout, "status", "--porcelain"), _git(checkout, "tag")) == ("", "")
    assert _git(checkout, "rev-parse", "HEAD") == before
