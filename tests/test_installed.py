"""The packages, and an installation with nothing but what the default one brings."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import tarfile
import tomllib
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import PathDistribution
from pathlib import Path
from zipfile import Path as Zipped
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from PIL import Image

from bot.core.extras import EXTRAS
from comfy.embedded import EmbeddedServer
from tests.once import made_once
from tests.wheels import ROOT, environ, install, link_needed

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="session")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `darkroom` of an environment with the wheel and what it needs by default: no extra, and nothing of tests."""
    return made_once(tmp_path_factory, "plain", partial(_plain, wheel)) / ".venv" / "bin" / "darkroom"


def _plain(wheel: Path, home: Path) -> None:
    link_needed(install(wheel, home), map(Requirement, PROJECT["dependencies"]))


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async with EmbeddedServer() as engine:
        yield engine.url


async def ended(program: Path, folder: Path, *words: str, **settings: str) -> tuple[int | None, str]:
    """What a command says, and how it ends, far from the checkout."""
    more = {"HOME": str(folder), "DARKROOM_DATA_DIR": str(folder / "data"), **settings}
    process = await asyncio.create_subprocess_exec(
        str(program),
        *words,
        cwd=folder,
        env=environ(**more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _nothing = await process.communicate()
    return process.returncode, said.decode()


def test_the_packages_say_what_they_are(packages: Path, wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        in_wheel = archive.read(path)
    (sdist,) = packages.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        member = packed.extractfile(f"{sdist.name.removesuffix('.tar.gz')}/PKG-INFO")
        assert member is not None
        assert member.read() == in_wheel
    said = Metadata.from_email(in_wheel, validate=True)
    assert (said.name, str(said.version)) == ("darkroom", PROJECT["version"])
    assert said.description_content_type == "text/markdown"
    assert said.project_urls
    assert set(said.provides_extra or ()) >= set(EXTRAS)


def test_links_of_the_readme_lead_somewhere_outside_the_repository(wheel: Path) -> None:
    description = str(PathDistribution(Zipped(wheel, wheel.name.rpartition("-py3")[0] + ".dist-info/")).metadata)
    here = re.findall(r"\]\((?!https?://)([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(here) > 5
    assert all((ROOT / path).exists() for path in here)
    assert re.findall(r"\]\((?!https?://)([^)]+)\)", description) == []
    assert all(f"/main/{path})" in description for path in here)
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(pictures) == 4
    assert all((ROOT / path).stat().st_size < 400_000 for path in pictures)
    addresses = re.findall(r'(?:src|srcset)="([^"]+)"', description)
    assert addresses == [f"{PROJECT['urls']['Source']}/raw/main/{path}" for path in pictures]


@pytest.mark.long
async def test_the_default_installation_runs_workflows_at_a_server(plain: Path, tmp_path: Path, server: str) -> None:
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(tmp_path / "cat.jpg")
    assert await ended(plain, tmp_path, "--version") == (0, f"darkroom {PROJECT['version']}\n")
    code, said = await ended(plain, tmp_path, "run", "sketch", "--photo", "cat.jpg", "--server", server)
    assert code == 0, said
    assert (tmp_path / "cat-sketch.png").exists()
    code, said = await ended(plain, tmp_path, "check", COMFYUI_URLS=server)
    assert code == 0, said
    assert "settings: good" in said


@pytest.mark.long
async def test_the_default_installation_hosts_the_page(plain: Path, tmp_path: Path, server: str) -> None:
    settings = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": "0", "COMFYUI_URLS": server, "HOME": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        str(plain),
        "start",
        cwd=tmp_path,
        env=environ(**settings, PYTHONUNBUFFERED="1"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert (await process.stdout.readline()).startswith(b"Ready: web")
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("words", "settings", "extra", "why"),
    [
        pytest.param(("check",), {}, "engine", "No ComfyUI server is named", marks=pytest.mark.long),
        (("start",), {"DARKROOM_WEB": "on"}, "engine", "No ComfyUI server is named"),
        pytest.param(("run", "sketch", "--photo", "cat.jpg"), {}, "engine", "No ComfyUI", marks=pytest.mark.long),
        (("demo", "--no-browser"), {}, "engine", "The demo runs on the built-in engine"),
        (("check",), {"DARKROOM_MEDIA_URL": "s3://bucket", "COMFYUI_URLS": "SERVER"}, "s3", "DARKROOM_MEDIA_URL"),
        (("check",), {"DARKROOM_OTLP_URL": "SERVER", "COMFYUI_URLS": "SERVER"}, "otel", "DARKROOM_OTLP_URL is set"),
        pytest.param(("check",), {"DARKROOM_WORKFLOWS": "."}, "media", "videos: film", marks=pytest.mark.long),
    ],
)
@pytest.mark.long
async def test_what_an_extra_is_needed_for_says_so_in_a_sentence(
    plain: Path, tmp_path: Path, server: str, words: tuple[str, ...], settings: dict[str, str], extra: str, why: str
) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "cat.jpg")
    save = {"class_type": "SaveVideo", "inputs": {"video": ["1", 0]}}
    film = {"1": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}}, "2": save}
    (tmp_path / "film.json").write_text(json.dumps(film))
    given = {name: text.replace("SERVER", server) for name, text in settings.items()}
    code, said = await ended(plain, tmp_path, *words, **given)
    assert code in (1, 2), said
    assert "Traceback" not in said
    (sentence,) = [line for line in said.splitlines() if why in line]
    assert f"pip install 'darkroom[{extra}]'" in sentence


def test_the_sizes_of_what_is_installed_by_default_have_a_limit(plain: Path) -> None:
    """The requirement is 170 MB with bytecode; a library that alone takes much of that should be an extra."""
    sizes = {}
    for top in (plain.parents[1] / "lib").glob("python*/site-packages/*"):
        files = (
            [top] if top.is_file() else [Path(where) / name for where, _dirs, names in os.walk(top) for name in names]
        )
        sizes[top.name] = sum(file.stat().st_size for file in files if file.suffix != ".pyc")
    assert sum(sizes.values()) < 120e6, sorted(sizes.items(), key=lambda each: -each[1])[:10]


def test_bytecode_is_not_in_the_packages(packages: Path, wheel: Path) -> None:
    (sdist,) = packages.glob("*.tar.gz")
    listed = subprocess.run(["tar", "-tzf", str(sdist)], check=True, capture_output=True, text=True).stdout.split()
    assert [name for name in [*listed, *ZipFile(wheel).namelist()] if name.endswith(".pyc")] == []
