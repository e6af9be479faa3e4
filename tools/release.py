"""Make a release: `make release VERSION=1.2.3`.

It writes the version and the date into the changelog, and the version into the manifests, commits that, sets a tag, and
builds the sdist and the wheel into dist/, beside a list of what the image is made of. Nothing leaves this machine: the
last lines say what to push.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path

from components import bill_of_materials

_PROJECT, _CHANGES = "pyproject.toml", "CHANGELOG.md"
_MANIFESTS = ("deploy/kubernetes/alone.yaml", "deploy/kubernetes/shared.yaml")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_STATED = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_UNRELEASED = "## Unreleased"


class Refused(Exception):
    """The release cannot be made; the text says why."""


def release(root: Path, version: str, date: str) -> list[Path]:
    """Make a release of a checkout. Returns what was built. Raises `Refused`, and then nothing has changed."""
    project, changes = root / _PROJECT, root / _CHANGES
    before = _check(root, version)
    news = _news(changes.read_text(encoding="utf-8"))
    stated = _STATED.sub(f'version = "{version}"', project.read_text(encoding="utf-8"), count=1)
    project.write_text(stated, encoding="utf-8")
    heading = f"{_UNRELEASED}\n\n## {version} ({date})"
    changes.write_text(changes.read_text(encoding="utf-8").replace(_UNRELEASED, heading, 1), encoding="utf-8")
    for path in (root / each for each in _MANIFESTS):
        told = path.read_text(encoding="utf-8").replace(f"darkroom:{before}\n", f"darkroom:{version}\n")
        path.write_text(told, encoding="utf-8")
    try:
        built = _build(root, version)
    except BaseException:
        _git(root, "checkout", "--quiet", "--", _PROJECT, _CHANGES, *_MANIFESTS)
        raise
    _git(root, "commit", "--quiet", "-m", f"Version {version}", "--", _PROJECT, _CHANGES, *_MANIFESTS)
    _git(root, "tag", "--annotate", f"v{version}", "-m", f"Version {version}, after {before}\n\n{news}")
    return built


def _check(root: Path, version: str) -> str:
    """Refuse what is no release. Returns the version before."""
    stated = _STATED.search((root / _PROJECT).read_text(encoding="utf-8"))
    before = stated[1] if stated is not None else ""
    if _VERSION.fullmatch(version) is None:
        raise Refused(f"“{version}” is no version: it should look like 1.2.3.")
    if _numbers(version) <= _numbers(before) and _git(root, "tag", "--list", f"v{before}"):
        raise Refused(f"{version} does not come after {before}.")
    if _git(root, "tag", "--list", f"v{version}"):
        raise Refused(f"There is a tag v{version} already.")
    if _git(root, "status", "--porcelain"):
        raise Refused("There are changes that are not committed.")
    return before


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _news(text: str) -> str:
    """Return what the changelog says about the release."""
    section = text.partition(f"{_UNRELEASED}\n")[2].partition("\n## ")[0].strip()
    if not section:
        raise Refused(f"{_CHANGES} has nothing under “{_UNRELEASED}”: what is new?")
    return section


def _build(root: Path, version: str) -> list[Path]:
    """Build the sdist and the wheel, without a network, and look at what they say of themselves."""
    folder = root / "dist"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)  # noqa: S603 - our own words
    if done.returncode:
        raise Refused(f"It cannot be built:\n{done.stderr or done.stdout}")
    sdist, wheel = folder / f"darkroom-{version}.tar.gz", folder / f"darkroom-{version}-py3-none-any.whl"
    with tarfile.open(sdist) as tar, zipfile.ZipFile(wheel) as archive:
        info = tar.extractfile(f"darkroom-{version}/PKG-INFO")
        told = [info.read() if info is not None else b"", archive.read(f"darkroom-{version}.dist-info/METADATA")]
    for each in told:
        if Parser().parsestr(each.decode())["Version"] != version:
            raise Refused(f"What was built does not say that it is version {version}.")
    components = folder / f"darkroom-{version}.cdx.json"
    components.write_text(bill_of_materials(root / "requirements" / "image.lock", version), encoding="utf-8")
    return [sdist, wheel, components]


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)  # noqa: S603, S607
    return done.stdout.strip()


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("version")
    version = given.parse_args().version
    root = Path(__file__).parents[1]
    try:
        built = release(root, version, datetime.now(UTC).strftime("%Y-%m-%d"))
    except Refused as fault:
        raise SystemExit(str(fault)) from None
    lines = [f"Version {version} is committed, and its tag is v{version}.", *(f"built: {path}" for path in built)]
    lines.append(f"Push both: git push origin HEAD v{version}. Then upload what was built, and build the image.")
    lines.append("Record what this version leaves behind, for later upgrades: see CONTRIBUTING.md.")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
