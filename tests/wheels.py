"""The packages of this checkout as people install them: built without a network, once in a test run."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.settings import names

ROOT = Path(__file__).parents[1]


def build(folder: Path) -> None:
    """Build the sdist, and the wheel from what is in the sdist."""
    _build("sdist", ROOT, folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    _build("wheel", folder / archive.name.removesuffix(".tar.gz"), folder)


def _build(target: str, source: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, env=environ())


def install(wheel: Path, home: Path) -> Path:
    """Install a wheel into an environment of its own, without what it needs. Returns where that would go."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home / ".venv")], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(home / ".venv"), "install", "--quiet", "--no-index"]
    options = ["--no-deps", "--ignore-installed", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, str(wheel)], check=True, env=environ())
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(home / ".venv")}))


def link_needed(site: Path, requirements: Iterator[Requirement]) -> None:
    """Put what these need into an environment, and nothing else, as links to what the tests have."""
    wanted, seen = list(requirements), set[tuple[str, frozenset[str]]]()
    while wanted:
        each = wanted.pop()
        key = (canonicalize_name(each.name), frozenset(each.extras))
        if key in seen:
            continue
        seen.add(key)
        found = distribution(each.name)
        for top in {Path(file).parts[0] for file in found.files or () if ".." not in Path(file).parts}:
            if top != "__pycache__" and not (site / top).exists():
                (site / top).symlink_to(Path(str(found.locate_file(top))))
        needs = map(Requirement, found.requires or ())
        wanted += [need for need in needs if _holds(need, each.extras or {""})]


def _holds(need: Requirement, extras: set[str]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras)


def environ(**more: str) -> dict[str, str]:
    """The environment of somebody who has no settings and no checkout."""
    foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", *names()}
    return {**{name: value for name, value in os.environ.items() if name not in foreign}, **more}
