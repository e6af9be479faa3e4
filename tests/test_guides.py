"""Every command of README and the guides, run from a wheel, in a folder that holds nothing but a photograph."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sysconfig
import tomllib
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

import comfy
from bot.core.workflows.catalog import Catalog
from bot.settings import Settings
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres
from tests.bot.forks import COMMANDS, Nursery, stand_in
from tests.once import made_once
from tests.ports import free_port
from tests.wheels import environ, install

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
URL = "http://127.0.0.1:8188"  #: the guides' server

#: Commands that end by themselves. NAME, FILE, FOLDER, PERSON and URL stand for what people put there.
ENDING = {
    "darkroom check": "settings: good",
    "darkroom settings": "DISCORD_TOKEN",
    "darkroom init": ".env is written",
    "darkroom workflows": "poster: ",
    "darkroom workflows --server URL": "poster: ",
    "darkroom run sketch --photo cat.jpg": "cat-sketch",
    f"darkroom run sketch --photo cat.jpg --server {URL}": "cat-sketch",
    "darkroom run poster --photo cat.jpg --colors 5 -o posters/": "posters/cat-poster",
    "darkroom run": "poster",
    "darkroom run NAME --help": "--photo",
    "darkroom run NAME --photo cat.jpg": "cat-poster",
    "darkroom run NAME --photo cat.jpg --defaults": "cat-poster",
    "darkroom workflows form NAME": "(image)",
    "darkroom workflows form NAME --toml > NAME.toml": "",
    "darkroom workflows convert FILE -o FOLDER": "",
    "darkroom workflows add FILE": "People fill in: ",
    "darkroom forget": "Deleted 0 runs.",
    "darkroom export discord:1234 person.zip": "What I keep about you: 0 runs, with 0 files.",
    "darkroom backup darkroom.tar": "Backed up 0 runs and 0 files to darkroom.tar",
    "darkroom restore darkroom.tar": "Everything is paused. Once the original is gone for good, run: darkroom resume",
    "darkroom restore darkroom.tar --erased ~/.darkroom.new/backups/erased.jsonl": "Everything is paused.",
    "darkroom resume": "Nothing is paused here.",
    "darkroom move-to postgresql://darkroom:PASSWORD@db/darkroom": "Moved 0 runs.",
    "darkroom hand-over NAME": "0 runs now wait for another worker.",
    "darkroom servers": "No worker was started with this database yet",
    "darkroom models": "No workflow lacks a model or a node there.",
    "darkroom moderate": "deny",
    "darkroom moderate spending 1000 --in discord:1234": "for at most 1,000 credits per day",
    "darkroom moderate spending 0": "forbidden everywhere",
    "darkroom moderate price NAME 50": "counts as 50 credits",
    "openssl rand -hex 24": "",
}
_FORGET, _OLD = "darkroom forget discord:1 >said", "DARKROOM_DATA_DIR=old"  # it makes records
_HOME = "DARKROOM_DATA_DIR=~/.darkroom"
#: Commands that need something to be there, and how it comes there.
BEFORE = {
    "darkroom backup darkroom.tar": _FORGET,
    "darkroom restore darkroom.tar": f"{_OLD} {_FORGET} && {_OLD} darkroom backup darkroom.tar && cp old/backups/* .",
    "darkroom restore darkroom.tar --erased ~/.darkroom.new/backups/erased.jsonl": (
        f"{_HOME} {_FORGET} && {_HOME} darkroom backup darkroom.tar && mv ~/.darkroom ~/.darkroom.new"
    ),
    "darkroom move-to postgresql://darkroom:PASSWORD@db/darkroom": _FORGET,
}
#: Commands that go on until they are stopped, and what each says once it can be used.
SERVING = {
    "darkroom demo": "http://127.0.0.1:",
    ".venv/bin/darkroom demo": "http://127.0.0.1:",
    "darkroom --debug start": "Ready: web",
    "darkroom start": "Ready: web",
    "DARKROOM_WEB=on darkroom start": "Ready: web",
    "darkroom start --chat": "Ready: web",
    "darkroom start --worker garage": "Ready: worker garage",
}
#: Commands whose program is started as people start it; the others are forked from one that has imported the same.
STARTED = {"darkroom check", "darkroom run sketch --photo cat.jpg", ".venv/bin/darkroom demo"}
#: Commands for a checkout, which the tests do not run, and why.
UNTRIED = {
    "make demo": "it installs from a package index; the recipe ends in `darkroom demo`, which is run",
    "make test": "it is what runs these tests",
    "make test-long": "it is run before a release; a slice of it by every CI run",
    "make test-slice": "CI runs it after these tests",
    "make test-slice SEED=2": "CI runs it after these tests",
    "make check": "CI runs it before these tests",
    **{
        f"darkroom servers {word} NAME": "tests/bot/core/test_servers_at_hand.py runs it beside a bot"
        for word in ("interrupt", "free", "drain", "resume")
    },
    "darkroom models fetch NAME": "tests/bot/core/test_model_files.py fetches one",
    "darkroom models install PACK": "tests/bot/core/test_model_files.py has a manager install one",
    "make setup": "it installs from a package index",
    "make words": "it writes into the checkout",
    "make release VERSION=1.2.3": "tests/test_release.py runs it in a checkout of its own",
    "make lock": "it asks a package index",
    "make bench": "it installs other clients from a package index",
    "python -m tests.bot.upgrades.record": "it needs the checkout of a release",
    "uv run --all-extras darkroom demo": "it installs from a package index; `darkroom demo` is run",
    "python -m venv .venv": "these tests make one themselves, with this same module",
    '.venv/bin/pip install ".[engine]"': "it installs from a package index; these tests install such a wheel",
    r'.venv\Scripts\pip install ".[engine]"': "the same on Windows",
    "pip install '.[media]'": "the same with PyAV",
    r".venv\Scripts\activate": "these tests find the programs by PATH, as it does",
    'uv tool install ".[engine,media]"': "it installs from a package index",
    'uv tool install --reinstall ".[engine,media]"': "it installs from a package index",
    "uv tool uninstall darkroom": "it removes what the one above has installed",
    '.venv/bin/pip install ".[engine,media]"': "it installs from a package index; these tests install such a wheel",
    ".venv/bin/darkroom": "it is the program of every command here",
    "git clone ADDRESS darkroom && cd darkroom": "it needs an address",
    "mv ~/.darkroom ~/.darkroom.new": "the restore after it is run, and begins with it",
    "uv run darkroom": "it installs from a package index; `darkroom` is run",
    "COMFYUI_URL=http://127.0.0.1:8188 .venv/bin/pytest -m live": "it needs a real ComfyUI",
}

_PROGRAMS = (
    r"darkroom|make|python|pip|uv|openssl|\.venv\S*[/\\]\w+"  # and in docs/install.md
    r"|docker|kubectl|sudo|systemctl|journalctl|git|mv|wsl|ip|/opt\S+"
)
_COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:{_PROGRAMS})(?: .*)?")
_BLOCK = re.compile(r"^(?: {4}[^\n]*\n)+|^ *```\w*\n.*?^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


#: What needs more than this machine has is marked so in docs/install.md, which says what else is done for it.
_ELSEWHERE = re.compile(r"(docker|kubectl|sudo|journalctl|wsl|ip|/opt\S+) .*")


def commands() -> Iterator[str]:
    """Every command of the guides, without the remark that may stand behind it."""
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8")
        lines = [line.strip() for block in _BLOCK.findall(text) for line in block.splitlines()]
        written = [re.split(r"  +|\s# ", line)[0] for line in lines] + _INLINE.findall(text)
        found = (each for each in written if _COMMAND.fullmatch(each) and each not in _PROGRAMS.split("|"))
        if guide.name == "install.md":
            assert "**Not run by the tests**" in text
            found = (each for each in found if not _ELSEWHERE.fullmatch(each))
        yield from (each.replace("--worker NAME", "--worker garage") for each in found)


@pytest.fixture(scope="session")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel is installed, and what it needs can be imported."""
    return made_once(tmp_path_factory, "installed", partial(_install, wheel)) / ".venv" / "bin"


def _install(wheel: Path, home: Path) -> None:
    (install(wheel, home) / "needed.pth").write_text(sysconfig.get_path("purelib"))


@pytest.fixture(scope="session")
def quick(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a `darkroom` that starts at once: a process of that environment has imported what it needs."""
    fork = [str(programs / "python"), "-P", str(ROOT / "tests" / "bot" / "nursery.py")]
    with closing(Nursery(fork, *COMMANDS, folder=programs, env=environ())) as nursery:
        program = tmp_path_factory.mktemp("quick") / "darkroom"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(stand_in("bot.__main__", nursery.address))} "$@"\n')
        program.chmod(0o755)
        yield program.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds nothing but a photograph."""
    made = tmp_path / "empty"
    made.mkdir()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(made / "cat.jpg")
    return made


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """A server that answers like the guides' ComfyUI."""
    async with EmbeddedServer() as engine:
        yield engine.url


def _started(folder: Path, *programs: Path, **more: str) -> dict[str, str]:
    """The environment in which the guides' commands are found, with a data folder of their own."""
    path = os.pathsep.join((*map(str, programs), os.environ["PATH"]))
    return environ(PATH=path, HOME=str(folder.parent), DARKROOM_DATA_DIR=str(folder.parent / "data"), **more)


def test_every_command_of_the_guides_is_run_or_has_a_reason() -> None:
    known = {*ENDING, *SERVING, *UNTRIED}
    found = set(commands())
    assert found - known == set(), "add these to a list above"
    assert known - found == set(), "no guide names these"


@pytest.mark.long
def test_the_wheel_holds_what_a_checkout_has(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    sources = [path for package in ("bot", "comfy") for path in (ROOT / package).rglob("*") if path.is_file()]
    wanted = {path.relative_to(ROOT).as_posix() for path in sources if path.suffix not in (".pyc", ".pot")}
    assert wanted <= inside
    assert {f"bot/workflows/{path.name}" for path in (ROOT / "workflows").iterdir()} <= inside
    assert "bot/settings.example" in inside


def test_what_is_run_is_the_wheel(programs: Path, folder: Path) -> None:
    where = [str(programs / "python"), "-c", "import bot, comfy; print(bot.__file__, comfy.__file__)"]
    run = subprocess.run(where, cwd=folder, env=environ(), check=True, capture_output=True, text=True)
    assert all(Path(path).is_relative_to(programs.parent) for path in run.stdout.split())


@pytest.mark.parametrize("command", ENDING)
async def test_a_command_of_the_guides_does_what_they_say(
    programs: Path, quick: Path, folder: Path, server: str, command: str, request: pytest.FixtureRequest
) -> None:
    if command.startswith("openssl") and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    typed = (
        command.replace(URL, server)
        .replace("URL", server)
        .replace("NAME", "poster")
        .replace("FILE", str(ROOT / "workflows" / "poster.json"))
        .replace("FOLDER", "made")
    )
    typed += {"darkroom forget": " discord:1", "darkroom init": " --yes"}.get(command, "")
    if "postgresql://" in command:
        empty = new_postgres(request.getfixturevalue("postgres"), empty=True)
        typed = re.sub(r"postgresql://\S+", f"'{empty}'", typed)
    typed = f"{BEFORE[command]} && {typed}" if command in BEFORE else typed
    process = await asyncio.create_subprocess_shell(
        typed,
        cwd=folder,
        env=_started(folder, *([] if command in STARTED else [quick]), programs),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    shows_help = command in ("darkroom moderate", "darkroom run")
    assert process.returncode == (2 if shows_help else 0), complained
    assert ENDING[command] in (said + complained).decode()
    if "run sketch" in command or "-o posters/" in command:
        (made,) = [path for path in folder.rglob("*") if path.is_file() and path.name != "cat.jpg"]
        assert _size(made)[0] >= 64


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("command", [command for command in UNTRIED if command.startswith("make ")])
def test_make_knows_what_the_guides_name(command: str) -> None:
    """It says what it would do, and does nothing."""
    tried = [*command.split(), "--dry-run", "--no-print-directory"]
    said = subprocess.run(tried, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said
    assert command != "make demo" or said.splitlines()[-1].endswith("darkroom demo")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("command", SERVING)
@pytest.mark.long
async def test_a_program_of_the_guides_says_when_it_can_be_used_and_stops(
    programs: Path, quick: Path, folder: Path, request: pytest.FixtureRequest, command: str
) -> None:
    settings = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": str(free_port())}
    if "start --" in command:
        settings["DARKROOM_DATABASE_URL"] = request.getfixturevalue("postgres")
    if command.startswith("DARKROOM_WEB=on"):
        del settings["DARKROOM_WEB"]
    if command.startswith(".venv"):
        (folder / ".venv").symlink_to(programs.parent)
    process = await asyncio.create_subprocess_shell(
        command.replace("darkroom", "exec darkroom", 1) if command.startswith("darkroom") else f"exec env {command}",
        cwd=folder,
        env=_started(folder, *([] if command in STARTED else [quick]), programs, PYTHONUNBUFFERED="1", **settings),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert (await process.stdout.readline()).decode().startswith(SERVING[command])
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def test_settings_of_the_guides_can_be_written_so(tmp_path: Path) -> None:
    """A block with nothing but settings is a file `.env`."""
    blocks = [block for guide in GUIDES for block in _BLOCK.findall(guide.read_text(encoding="utf-8"))]
    files = [
        block
        for block in blocks
        if re.search(r"^\s*[A-Z]+_[A-Z_]+=", block, re.MULTILINE) and "darkroom" not in block.split()
    ]
    assert len(files) >= 4
    for block in files:
        lines = [line.strip() for line in block.splitlines() if "=" in line]
        text = "\n".join(lines).replace("_TOKEN=…", "_TOKEN=1:x").replace("AA…", "AAF")
        (tmp_path / ".env").write_text(text)
        assert Settings.read({}, tmp_path / ".env") != Settings(), block


def test_the_public_part_of_the_client_is_written_down() -> None:
    text = (ROOT / "docs" / "upgrade.md").read_text(encoding="utf-8").partition("## The public part of comfy")[2]
    named = re.findall(r"`([A-Z]\w+)`", text.partition("So are the classes")[0])
    assert sorted(named) == sorted(comfy.__all__)
    assert comfy.embedded.EmbeddedServer is EmbeddedServer


def test_the_workflow_of_the_guide_is_a_workflow(tmp_path: Path) -> None:
    written, sizes, recipe = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert tomllib.loads(written)["fields"].keys() == {"photo", "colors"}
    shutil.copy(ROOT / "workflows" / "poster.json", tmp_path)
    (tmp_path / "poster.toml").write_text(written)
    latent = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64}, "_meta": {"title": "Latent"}}
    (tmp_path / "sizes.json").write_text(json.dumps({"1": latent}))
    (tmp_path / "sizes.toml").write_text(sizes)
    texts = [f'[fields.{name}]\ntarget = "Latent.{name}"\n' for name in ("width", "height")]
    loader = {"class_type": "LoadImage", "inputs": {"image": "x.png"}, "_meta": {"title": "Picture"}}
    film = {"prompt": "", "length": 3, "fps": 12}
    latent["inputs"] |= film
    texts += [f'[fields.{name}]\ntarget = "Latent.{name}"\n' for name in film]
    for name in ("imagine", "upscale", "video"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"1": latent, "2": loader}))
        taken = '[fields.picture]\ntarget = "Picture.image"\n' if name != "imagine" else ""
        (tmp_path / f"{name}.toml").write_text("".join([*texts, taken]))
    (tmp_path / "film.recipe.toml").write_text(recipe)
    catalog = Catalog.read(tmp_path)
    assert catalog.faults == ()
    assert {"video_prompt", "video_length"} <= set(catalog.get("film").form().names)


@pytest.mark.long
async def test_the_client_of_the_readme_brings_the_picture(programs: Path, folder: Path, server: str) -> None:
    (written,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    imports, work = written.split("\n\n", 1)
    body = "\n".join(f"    {line}" for line in work.replace(URL, server).splitlines())
    (folder / "client.py").write_text(f"import asyncio\n{imports}\nasync def main():\n{body}\nasyncio.run(main())\n")
    shutil.copy(ROOT / "workflows" / "negative.json", folder / "workflow.json")
    process = await asyncio.create_subprocess_exec(
        str(programs / "python"),
        "client.py",
        cwd=folder,
        env=_started(folder, programs),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _complained = await process.communicate()
    assert process.returncode == 0
    assert said
    assert (64, 48) in [_size(path) for path in folder.glob("*.png")]


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size
