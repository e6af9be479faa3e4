from __future__ import annotations

import asyncio
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from bot.app import App
from bot.core.execution.one_shot import OneShotRunner
from bot.core.execution.worker_lock import held
from bot.core.model import Queued, ResultFile, Running
from bot.core.storage.database import Database
from bot.platforms.terminal.commands import cli
from bot.platforms.terminal.messages import BadRequest
from bot.platforms.terminal.output import OutputTarget
from bot.platforms.terminal.reply import describe
from bot.settings import names
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from tests.bot.core.execution.test_submission import written
from tests.bot.core.runs.test_files_of_fields import GRAPH as POSE
from tests.bot.core.runs.test_files_of_fields import readers
from tests.bot.core.sources.saving import LibraryServer, saved_graph
from tests.bot.forks import stand_in
from tests.bot.harness import ANN, house
from tests.bot.parcel import STATUE, parcel, write_parcel, write_words
from tests.patience import PATIENCE
from tests.ports import free_port

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def desk_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with one photograph and no settings."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save("cat.png")
    return tmp_path


def unbuffered(**settings: str) -> dict[str, str]:
    """The environment of a program of which every line is read at once."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **settings}


def darkroom(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, list(words), obj=App(), prog_name="darkroom")
    return result.exit_code, result.stdout, result.stderr


class NotComfy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome to nginx!</html>")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def not_comfy() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NotComfy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def library() -> Iterator[str]:
    """A server with a library of workflows, in a thread."""
    started, ended = threading.Event(), asyncio.Event()
    server, loop = LibraryServer(), asyncio.new_event_loop()

    async def serve() -> None:
        try:
            async with server:
                started.set()
                await ended.wait()
        finally:
            started.set()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    started.wait()
    yield server.url
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


def test_a_run_on_the_built_in_engine(desk_top: Path) -> None:
    code, out, err = darkroom("run", "negative", "--photo", "cat.png")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("Engine: built-in")
    assert out.splitlines()[-1].startswith("cat-negative.png · ")
    with Image.open("cat-negative.png") as picture:
        assert picture.size == (64, 48)
    before = Path("cat-negative.png").read_bytes()
    code, _, err = darkroom("run", "negative", "--photo", "cat.png")
    assert (code, err.count("\n")) == (2, 1)
    assert "--force" in err
    assert darkroom("run", "negative", "--photo", "cat.png", "--force")[0] == 0
    assert Path("cat-negative.png").read_bytes() == before
    assert sorted(path.name for path in desk_top.iterdir()) == ["cat-negative.png", "cat.png"]


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "JPEG"), ("a.webp", "WEBP"), ("a.png", "PNG"), ("a", "PNG")])
def test_the_file_is_what_its_name_says(name: str, kind: str) -> None:
    assert darkroom("run", "negative", "--photo", "cat.png", "-o", name)[0] == 0
    with Image.open(name if "." in name else "a.png") as picture:
        assert picture.format == kind


def test_a_folder_that_is_named_with_a_slash_is_made() -> None:
    assert darkroom("run", "negative", "--photo", "cat.png", "-o", "new/folder/")[0] == 0
    assert Path("new/folder/cat-negative.png").is_file()


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (("run", "negative"), "photo: a picture is required"),
        (("run", "negative", "--photo", "gone.png"), "gone.png cannot be read"),
        (("run", "negative", "--photo", "notes.txt"), "not a picture"),
        (("run", "poster", "--photo", "cat.png", "--colors", "99"), "2 to 32"),
        (("run", "poster", "--photo", "cat.png", "--colors", "many"), "2 to 32"),
        (("run", "polaroid", "--photo", "cat.png", "--caption", "x" * 61), "60"),
        (("run", "poster", "--colour", "3"), "The fields are --photo, --colors"),
        (("run", "postr"), "Did you mean “poster”?"),
        (("run", "imagine", "--text", "a cat"), "The built-in engine runs no models: name a ComfyUI server"),
        (("run", "negative", "--photo", ".."), ".. is a folder. Give a file."),
        (("run", "negative", "--photo", "cat.png", "--server", "nonsense"), "http://127.0.0.1:8188"),
        (("run", "negative", "--photo", "cat.png", "-o", "nowhere/a.png"), "Create it first"),
        (("run", "negative", "--photo", "cat.png", "-o", "cat.png/"), "cannot be created"),
        (("run", "negative", "--photo", "cat.png", "-o", "cat.png"), "already exists"),
    ],
)
def test_bad_requests(desk_top: Path, words: tuple[str, ...], say: str) -> None:
    Path("notes.txt").write_text("words")
    code, _, err = darkroom(*words)
    assert code == 2
    assert say in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in desk_top.iterdir()) == ["cat.png", "notes.txt"]


def test_a_bug_is_told_with_its_error_and_the_way_to_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: OneShotRunner, *args: object) -> None:
        raise RuntimeError("out of paper")

    monkeypatch.setattr(OneShotRunner, "take", broken)
    code, _, err = darkroom("run", "negative", "--photo", "cat.png")
    assert (code, err.count("\n")) == (1, 1)
    assert "RuntimeError: out of paper. “darkroom --debug” before the command shows more." in err


def test_an_empty_default_is_not_shown() -> None:
    _, out, _ = darkroom("run", "imagine", "--help")
    assert "default: ." not in out


def test_a_person_is_named_with_the_platform() -> None:
    code, _, err = darkroom("forget", "ann")
    assert code == 2
    assert "it should look like discord:1234" in err


@pytest.mark.long
def test_a_single_run_that_is_deleted_is_no_several_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(tmp_path))

    async def run() -> None:
        async with house(tmp_path) as home:
            await home.ended((await home.ask())[0])

    asyncio.run(run())
    assert darkroom("forget", ANN.key)[1] == "Deleted 1 run.\n"


def test_what_the_editor_saved_is_in_the_list_once_a_server_answers(
    library: str, desk_top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(desk_top / "own"))
    (desk_top / "own").mkdir()
    (desk_top / "own" / "sea.json").write_text(json.dumps(saved_graph(5)))
    waits = "As ComfyUI's editor saves them, and read once a ComfyUI server answers: sea.json."
    monkeypatch.setenv("COMFYUI_URLS", "http://127.0.0.1:1")
    _code, out, _err = darkroom("run", "--help")
    assert (waits in " ".join(out.split()), "\n  sea" in out) == (True, False)
    monkeypatch.setenv("COMFYUI_URLS", library)
    _code, out, _err = darkroom("run", "--help")
    assert (waits in " ".join(out.split()), "\n  sea" in out) == (False, True)


def test_a_form_without_fields_is_told() -> None:
    Path("plain.json").write_text(json.dumps({"1": {"class_type": "EmptyImage", "inputs": {"width": 8}}}))
    Path("nodes.json").write_text("{}")
    _, out, _ = darkroom("workflows", "form", "plain.json", "--definitions", "nodes.json")
    assert out.splitlines() == ["plain:", "  no fields: people fill in nothing"]


def test_a_default_workflow_that_there_is_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DEFAULT_WORKFLOWS", "negative, sketsch")
    monkeypatch.setenv("DARKROOM_DATA_DIR", "data")
    code, out, _ = darkroom("check")
    assert code == 0
    assert out.count("DARKROOM_DEFAULT_WORKFLOWS") == 1
    assert "note: DARKROOM_DEFAULT_WORKFLOWS: There is no workflow “sketsch”. Did you mean “sketch”?" in out


def test_a_server_that_is_down() -> None:
    code, out, err = darkroom("run", "negative", "--photo", "cat.png", "--server", "http://me:hush@127.0.0.1:1")
    assert (code, err.count("\n")) == (1, 1)
    assert err == "Error: No server answers at this address. Is ComfyUI running there, and is the address right?\n"
    assert out.startswith("Server: http://127.0.0.1:1")


@pytest.mark.long
def test_a_check_beside_a_running_darkroom_says_that_only_a_second_start_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir(mode=0o700)

    async def hold(stack: AsyncExitStack) -> None:
        database = await stack.enter_async_context(Database(f"sqlite:///{tmp_path}/data/darkroom.db"))
        await stack.enter_async_context(held(database, tmp_path / "data", "darkroom"))

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        runner.run(hold(stack))
        code, out, _ = darkroom("check")
        runner.run(stack.aclose())
    assert code == 0
    assert "note: “darkroom start” would not start a second time. Darkroom is already running" in out


def test_the_form_of_a_name_with_a_mistake_says_the_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(tmp_path))
    (tmp_path / "bad.json").write_text("{")
    assert darkroom("workflows", "form", "bad")[2] == (
        "The workflow “bad” has a mistake and cannot run: bad.json: it is not JSON: line 1, column 2.\n"
    )
    assert darkroom("workflows", "form", "none.json")[2] == "none.json cannot be used: No such file or directory.\n"


@pytest.mark.long
def test_a_server_that_is_not_comfyui(not_comfy: str) -> None:
    code, _, err = darkroom("run", "negative", "--photo", "cat.png", "--server", not_comfy)
    assert (code, err.count("\n")) == (1, 1)
    assert "A web page answers at the address of the ComfyUI server" in err


@pytest.mark.parametrize("words", [(), ("workflows",), ("moderate",)])
def test_the_help_says_of_each_command_all_of_its_first_sentence(words: tuple[str, ...]) -> None:
    assert "..." not in darkroom(*words, "--help")[1].split("Commands:")[1]


def test_help_needs_no_server() -> None:
    code, out, _ = darkroom("run", "poster", "--server", "http://127.0.0.1:1", "--help")
    assert code == 0
    assert "--colors" in out


def test_bad_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFYUI_URLS", "nonsense")
    monkeypatch.setenv("DARKROOM_KEEP_METADATA", "maybe")
    for words in (("run", "negative", "--photo", "cat.png"), ("check",), ("workflows",), ("demo",)):
        code, _, err = darkroom(*words)
        assert code == 2
        assert "COMFYUI_URLS" in err
        assert "DARKROOM_KEEP_METADATA" in err


@pytest.mark.long
def test_what_there_is() -> None:
    code, out, _ = darkroom("workflows")
    assert code == 0
    assert "poster: " in out
    assert "cannot run here" in out
    code, out, _ = darkroom("check")
    assert code == 0
    assert "settings: good" in out
    assert darkroom("check", "--server", "http://127.0.0.1:1")[0] == 1
    assert darkroom("--version")[1].startswith("darkroom")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.long
def test_signals_cancel_and_say_so(desk_top: Path, number: signal.Signals) -> None:
    engine = [*stand_in("comfy.embedded.__main__"), "--port", "0", "--pace", "60"]
    command = [*stand_in("bot.__main__"), "run", "polaroid", "--photo", "cat.png", "--server"]
    with subprocess.Popen(engine, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True, env=unbuffered()) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "%" in line:
                    process.send_signal(number)
                    break
            lines += process.stdout.readlines()
        server.terminate()
    assert process.returncode == 128 + number
    assert "Cancelled" in lines[-1]
    assert [path.name for path in desk_top.iterdir()] == ["cat.png"]


NOISE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 99}},
    "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 7, "strength": 0.5}},
    "3": {"class_type": "ImageAddNoise", "inputs": {"image": ["2", 0], "seed": 7, "strength": 0.5}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
}


def test_every_seed_that_was_used_is_told_whatever_its_field_is_called(
    desk_top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk_top / "mine"
    folder.mkdir()
    (folder / "noise.json").write_text(json.dumps(NOISE))
    (folder / "noise.toml").write_text('[fields.grain]\ntarget = "#2.seed"\n[fields.other]\ntarget = "#3.seed"\n')
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(folder))
    code, out, _ = darkroom("run", "noise", "--grain", "0")
    found = re.fullmatch(r"noise-0\.png · [\d.]+ s · grain 0 · other (\d+)", out.splitlines()[-1])
    assert code == 0
    assert found is not None
    assert darkroom("run", "noise", "--grain", "0", "--other", found[1], "-o", "again.png")[0] == 0
    assert Path("again.png").read_bytes() == Path("noise-0.png").read_bytes()


@contextmanager
def serving(nodes: dict[str, NodeType]) -> Iterator[str]:
    """Run a server with these nodes in a thread, because the terminal needs the main one; its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = EmbeddedServer(nodes=nodes)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(PATIENCE)
    try:
        yield server.url
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def parcels() -> Iterator[str]:
    """A server with the nodes of the workflow `parcel`."""
    with serving(parcel()) as url:
        yield url


@pytest.mark.parametrize("example", ["example", "example.png"])
def test_the_file_of_any_loader_is_sent(desk_top: Path, monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(desk_top / "workflows"))
    graph = {**POSE, "1": {"class_type": "PoseReader", "inputs": {"image": example}}}
    written(desk_top, "pose", graph, '[fields.pose]\ntarget = "#1.image"\n')
    with serving(readers()) as url:
        command = ("run", "pose", "--server", url)
        code, _out, err = darkroom(*command, "--pose", "cat.png", "-o", "a.png")
        assert (code, err) == (0, "")
        assert darkroom(*command)[::2] == (2, "Error: pose: a picture is required.\n")
        assert darkroom(*command, "--pose", "gone.png")[::2] == (
            2,
            "Error: pose: gone.png cannot be read. Does the file exist?\n",
        )
    with Image.open("a.png") as made, Image.open("cat.png") as given:
        assert made.size == given.size


@pytest.mark.long
def test_colours_any_files_and_choices_of_sizes(desk_top: Path, parcels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(write_parcel(desk_top / "mine")))
    Path("statue.glb").write_bytes(STATUE)
    Path("list.txt").write_text("two spoons")
    shown = " ".join(darkroom("run", "parcel", "--help")[1].split())
    assert all(word in shown for word in ("--statue FILE", "--paper FILE", "--shade #RRGGBB", "one of square"))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert "Farbton; default" in " ".join(darkroom("run", "parcel", "--help")[1].split())
    files = ("--server", parcels, "--paper", "list.txt", "--statue")
    given = ("--shade", "f00", "--size", "wide", "--width", "48", "-o", "a.png")
    code, out, err = darkroom("run", "parcel", *files, "statue.glb", *given)
    assert (code, err) == (0, "")
    assert "3d .glb two spoons careful" in out
    with Image.open("a.png") as made:
        assert (made.size, made.convert("RGB").getpixel((1, 1))) == ((48, 16), (255, 0, 0))
    code, _out, err = darkroom("run", "parcel", *files, "list.txt", "--shade", "reddish")
    assert (code, "“list.txt” is not a 3D file" in err, "“reddish” is not a colour" in err) == (2, True, True)


@pytest.mark.long
def test_a_reader_that_leaves_does_not_cost_the_result() -> None:
    command = [sys.executable, "-u", "-m", "bot", "run", "negative", "--photo", "cat.png"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("Engine")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert Path("cat-negative.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_the_demo_says_its_address_first_and_takes_the_next_free_port(desk_top: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environ = unbuffered(DARKROOM_WEB_PORT=str(port))
        command = [*stand_in("bot.__main__"), "demo", "--no-browser"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            lines = [process.stdout.readline() for _ in range(4)]
            with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own
                assert b"Polaroid" in answer.read()
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert address.startswith("http://127.0.0.1:")
    assert int(address.rpartition(":")[2]) > port
    assert any("Real:" in line for line in lines)
    assert any("Stand-in:" in line for line in lines)
    assert [path.name for path in desk_top.iterdir()] == ["cat.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_the_log_of_darkroom_start_says_where_the_page_is(desk_top: Path) -> None:
    settings = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": "0", "DARKROOM_DATA_DIR": str(desk_top / "data")}
    command = [*stand_in("bot.__main__"), "start"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=unbuffered(**settings)
    ) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "the page is at" in line)
        address = re.search(r"http://\S+", line)
        assert address is not None, line
        with urllib.request.urlopen(address[0]) as answer:  # noqa: S310 - our own
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert process.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_the_page_is_said_to_be_ready_once_it_can_be_opened(desk_top: Path) -> None:
    port = free_port()
    settings = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": str(port), "DARKROOM_DATA_DIR": str(desk_top / "data")}
    command = [*stand_in("bot.__main__"), "start"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=unbuffered(**settings)
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Ready: web\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_a_page_that_others_could_reach_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_WEB", "on")
    monkeypatch.setenv("DARKROOM_WEB_HOST", "0.0.0.0")  # noqa: S104 - refused
    code, _, err = darkroom("start")
    assert code == 2
    assert "DARKROOM_WEB_TOKEN" in err


#: What serves chats, keeps runs or counts them takes seconds to load: no command that runs a workflow may wait for it.
ONLY_FOR_CHATS = {
    *(
        "aiohttp_sse",
        "alembic",
        "asyncinotify",
        "dbos",
        "discord",
        "obstore",
        "opentelemetry",
        "prometheus_client",
        "psycopg",
    ),
    *(
        "pydantic",
        "regex",
        "sqlalchemy",
        "structlog",
        "telegram",
        "bot.process",
        "bot.core.runs.repository",
    ),
}


def imported(*words: str) -> set[str]:
    """The modules that a command imports."""
    program = "import sys; from bot.__main__ import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return set(run.stderr.splitlines()[-1].split())


def test_only_what_is_used_is_imported() -> None:
    assert not imported("--help") & {"aiohttp", "comfy", "numpy", "PIL", "rich"}
    before_the_first_request = imported("run", "negative", "--photo", "cat.png", "--server", "http://127.0.0.1:1")
    assert "aiohttp" in before_the_first_request
    assert not before_the_first_request & {"numpy", "PIL", "rich", "comfy.embedded", *ONLY_FOR_CHATS}
    assert not imported("run", "negative", "--photo", "cat.png") & ONLY_FOR_CHATS
    assert Path("cat-negative.png").exists()


async def test_a_result_is_never_thrown_away(desk_top: Path) -> None:
    source = desk_top / "source.png"
    Image.new("RGB", (4, 4)).save(source)
    target = OutputTarget.of("out.png")
    paths = [await target.put(ResultFile(source, "x.png", "image"), 1, 1) for _ in range(2)]
    assert [path.name for path in paths] == ["out.png", "out-2.png"]
    many = [await target.put(ResultFile(source, "x.png", "image"), number, 2) for number in (1, 2)]
    assert [path.name for path in many] == ["out-1.png", "out-2-2.png"]
    video = await OutputTarget.of("film.png").put(ResultFile(source.rename("film.mp4"), "x.mp4", "video"), 1, 1)
    assert video.name == "film.png.mp4"
    named = {"words.png": "words.png.txt", "words.csv": "words.csv", "words.log": "words.log", "words": "words.txt"}
    assert [OutputTarget.of(name).put_text("x", "say").name for name in named] == list(named.values())


def test_a_folder_that_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BadRequest, match="is not writable"):
        OutputTarget.of("a.png")


def test_lines() -> None:
    assert describe(Queued(3)) == "In line, number 3"
    assert describe(Queued(3, running=1)) == "In line, number 4"
    assert describe(Running("Blur", 2, 8, 0.25, 100.0)) == " 25 % · Blur, step 2 of 8 · about 2 min left"


@pytest.mark.long
def test_the_operator_permits_to_spend_money(desk_top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(desk_top / "data"))
    code, said, _errors = darkroom("moderate", "spending", "500", "--in", "discord:7")
    assert (code, said) == (
        0,
        "Nodes that cost money are permitted everywhere here, for at most 500 credits per day.\n",
    )
    assert "for at most 500 credits per day" in darkroom("moderate", "rules", "discord:7")[1]
    assert darkroom("moderate", "spending", "none", "--in", "discord:7")[0] == 0
    assert darkroom("moderate", "rules", "discord:7")[1] == "There are no decisions.\n"
    assert darkroom("moderate", "spending", "lots")[0] == darkroom("moderate", "spending", "5", "--in", "x")[0] == 2
    assert darkroom("moderate", "price", "poster", "20")[1].startswith("A run of “poster” counts as 20 credits")
    assert darkroom("moderate", "price", "poster", "none")[0] == 0


@pytest.mark.long
def test_the_operator_decides_everywhere(desk_top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(desk_top / "data"))
    assert darkroom("moderate", "rules")[:2] == (0, "There are no decisions.\n")
    code, said, _errors = darkroom("moderate", "deny", "poster")
    assert (code, said) == (0, "Decided: “poster” is denied everywhere.\n")
    assert darkroom("moderate", "block", "discord:7", "--reason", "spam")[0] == 0
    assert "discord:7 is blocked everywhere permanently: spam" in darkroom("moderate", "rules")[1]
    assert darkroom("moderate", "unblock", "discord:7")[1] == (
        "Removed: discord:7 is blocked everywhere permanently: spam.\n"
    )
    assert darkroom("moderate", "clear", "poster")[1] == "Removed: “poster” is denied everywhere.\n"
    for again in (("unblock", "discord:7"), ("clear", "poster")):
        said = darkroom("moderate", *again)[1]
        assert said == "Nothing was changed: there is no such decision for everywhere.\n"
    assert darkroom("moderate", "rules")[1] == "There are no decisions.\n"
    log = darkroom("moderate", "log")[1].splitlines()
    assert [line.split("  ")[2] for line in log] == ["clear", "unblock", "block", "deny"]
    assert darkroom("moderate", "deny", "postr")[0] == 2
    assert darkroom("moderate", "deny")[0] == 2  # not everything, unless that is said
    assert darkroom("moderate", "deny", "all")[0] == 0
    assert darkroom("moderate", "block", "nobody")[0] == 2


def test_a_data_folder_that_cannot_be_made_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DATA_DIR", "cat.png/data")
    monkeypatch.setenv("DARKROOM_WEB", "on")
    code, _said, complained = darkroom("start")
    assert code == 2
    assert "DARKROOM_DATA_DIR: cat.png/data cannot be written" in complained


def test_a_saved_workflow_becomes_a_prompt(desk_top: Path) -> None:
    saved = {"nodes": [{"id": 7, "type": "LoadImage", "widgets_values": ["cat.png", "image"]}], "links": []}
    Path("mine.app.json").write_text(json.dumps(saved))
    assert darkroom("workflows", "convert", "mine.app.json", "-o", "made/here") == (0, "", "")
    inputs = json.loads(Path("made/here/mine.app.json").read_text())["7"]["inputs"]
    assert inputs == {"image": "cat.png"}


def test_a_saved_workflow_is_not_overwritten_with_its_prompt(desk_top: Path) -> None:
    saved = json.dumps({"nodes": [{"id": 7, "type": "LoadImage", "widgets_values": ["cat.png", "image"]}], "links": []})
    Path("mine.json").write_text(saved)
    told = "mine.json would be overwritten. Choose another folder with -o.\n"
    assert darkroom("workflows", "convert", "mine.json") == (1, "", told)
    assert Path("mine.json").read_text() == saved


def test_workflow_files_that_cannot_be_used_are_told_and_cost_the_others_nothing(desk_top: Path) -> None:
    Path("nodes.json").write_text("{}")
    Path("good.json").write_text(json.dumps({"1": {"class_type": "Gone", "inputs": {}}}))
    files = ("cat.png", "missing.json", "good.json")
    code, _said, told = darkroom("workflows", "convert", *files, "--definitions", "nodes.json", "-o", "made")
    assert code == 1
    assert told.splitlines() == [
        "cat.png cannot be used: there is no ComfyUI workflow in it.",
        "missing.json cannot be used: No such file or directory.",
        "good: the server does not have these nodes: Gone.",
    ]
    assert [path.name for path in Path("made").iterdir()] == ["good.json"]


def test_the_library_of_a_server_is_searched(library: str) -> None:
    code, out, err = darkroom("workflows", "templates", "sheet", "--server", library)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "sheet: A blank sheet",
        "  Makes a blank sheet.",
        "  image; Sheet 1; 1.5 GB of models",
        "  The server can run it.",
        "lost: A lost sheet",
        "  Makes a lost sheet.",
        "  image; Sheet 1; 1.5 GB of models; costs money at each run",
        "  The server lacks the nodes LostNode (from the pack lost-pack).",
    ]
    assert darkroom("workflows", "templates", "blank", "sheet", "--server", library)[1].startswith("sheet: ")
    assert "1 more: add a word" in darkroom("workflows", "templates", "sheet", "--count", "1", "--server", library)[1]
    assert darkroom("workflows", "templates", "cat", "--server", library)[0] == 1
    assert "name a ComfyUI server with --server" in darkroom("workflows", "templates", "cat")[2]


def test_a_workflow_of_the_library_is_added(library: str, monkeypatch: pytest.MonkeyPatch, desk_top: Path) -> None:
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(desk_top / "data"))
    code, out, err = darkroom("workflows", "add", "sheet", "--name", "blank", "--server", library)
    assert (code, err) == (0, "")
    assert "People run it as blank." in out
    code, _out, err = darkroom("workflows", "add", "sheets", "--server", library)
    assert (code, "Similar ones are sheet" in err) == (2, True)


def test_definitions_that_are_none_are_told() -> None:
    for text in ("[]", '{"error": "no such page"}'):
        Path("x.json").write_text(text)
        assert darkroom("workflows", "convert", "cat.png", "--definitions", "x.json")[0] == 2
    assert darkroom("workflows", "convert", "cat.png", "--definitions", "gone.json")[0] == 2
    assert darkroom("workflows", "convert", "cat.png", "--definitions", "cat.png")[0] == 2


def test_the_authors_own_words_are_run_only_if_asked_for(desk_top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "PrimitiveString", "inputs": {"value": "a cat"}},
        "3": {
            "class_type": "TextOverlay",
            "inputs": {
                "images": ["1", 0],
                "text": ["2", 0],
                "font_size": 10.0,
                "color": "#ffffff",
                "position": "top",
                "align": "left",
                "outline": False,
            },
        },
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    }
    (desk_top / "own").mkdir()
    (desk_top / "own" / "sign.json").write_text(json.dumps(nodes))
    monkeypatch.setenv("DARKROOM_WORKFLOWS", "own")
    assert "For example: a cat; required." in darkroom("run", "sign", "--help")[1]
    assert "prompt: a value is required." in darkroom("run", "sign")[2]
    assert darkroom("run", "sign", "--defaults", "-o", "made.png")[0] == 0
    assert Path("made.png").exists()


def test_the_authors_own_words_are_an_example_and_run_only_if_one_asks_for_them(
    desk_top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_words(write_parcel(desk_top / "mine"))
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(desk_top / "mine"))
    code, _out, err = darkroom("run", "words")
    assert (code, "prompt: a value is required" in err) == (2, True)
    assert "For example: a red fox; required." in " ".join(darkroom("run", "words", "--help")[1].split())
    code, out, _err = darkroom("run", "words", "--defaults")
    assert (code, "a red fox" in out) == (0, True)
    code, out, _err = darkroom("run", "words", "--prompt", "a blue fox", "--force")
    assert (code, "a blue fox" in out) == (0, True)


def test_check_says_which_file_cannot_be_left_out(desk_top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = desk_top / "mine"
    folder.mkdir()
    blend = {"image1": ["1", 0], "image2": ["2", 0], "blend_factor": 0.5, "blend_mode": "normal"}
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "_meta": {"title": "A"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "b.png"}, "_meta": {"title": "B"}},
        "3": {"class_type": "ImageBlend", "inputs": blend, "_meta": {"title": "Blend"}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    }
    (folder / "mix.json").write_text(json.dumps(graph))
    (folder / "mix.toml").write_text(
        '[fields.photo]\ntarget="A.image"\n[fields.second]\ntarget="B.image"\nrequired=false\n'
    )
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(folder))
    code, _out, err = darkroom("check")
    assert (code, err) == (
        1,
        "mistake: mix.toml, second: the file cannot be left out, since “image2” of “Blend” needs it\n",
    )
    code, _out, err = darkroom("run", "mix", "--photo", "cat.png")
    assert (code, "second: a picture is required" in err) == (2, True)


def test_a_text_is_written_to_the_file_that_was_asked_for(desk_top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(desk_top / "workflows"))
    value = {"class_type": "PrimitiveString", "inputs": {"value": "x"}}
    graph = {"1": value, "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}}
    written(desk_top, "say", graph, '[fields.words]\ntarget = "#1.value"\n')
    asked = ("run", "say", "--words", "ein Café")
    names = [("a.txt", "a.txt"), ("a.txt", None), ("b", "b.txt"), ("texts/", "texts/say.txt"), ("c.PNG", "c.PNG.txt")]
    for given, made in [*names, ("d.svg", "d.svg")]:
        code, out, err = darkroom(*asked, "-o", given)
        assert code == (0 if made else 2), err
        if made:
            assert Path(made).read_text(encoding="utf-8") == "ein Café\n"
            assert out.splitlines()[-1].startswith(f"{made} · ")
    before = sorted(desk_top.rglob("*"))
    code, out, _err = darkroom(*asked, "-o", "x" * 250)
    assert (code, "ein Café" in out) == (1, True)  # no file can have that name
    code, out, _err = darkroom(*asked)
    assert (code, "ein Café" in out, sorted(desk_top.rglob("*"))) == (0, True, before)


def test_a_branch_whose_author_left_something_out_is_told_by_check_and_not_at_a_run(
    desk_top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(desk_top / "workflows"))
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
        "3": {"class_type": "ImageInvert", "inputs": {}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "y"}},
    }
    written(desk_top, "half", graph, '[fields.photo]\ntarget = "#1.image"\n')
    code, out, err = darkroom("run", "half", "--photo", "cat.png", "-o", "a.png")
    assert (code, err, "left out" in out) == (0, "", False)
    assert "half runs here, but a part of it is left out. “ImageInvert” needs “image”, which" in darkroom("check")[1]


def test_an_address_may_leave_its_scheme_out() -> None:
    with serving({}) as url:
        code, out, _err = darkroom("run", "negative", "--photo", "cat.png", "--server", url.removeprefix("http://"))
    assert (code, out.splitlines()[0]) == (0, f"Server: {url}/")


def test_the_form_of_a_workflow_is_written_out_to_start_from(desk_top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_words(write_parcel(desk_top / "mine"))
    monkeypatch.setenv("DARKROOM_WORKFLOWS", str(desk_top / "mine"))
    code, out, err = darkroom("workflows", "form", "words", "--toml")
    assert (code, err) == (0, "")
    Path("mine/words.toml").write_text(out.replace("Prompt", "My words"))
    shown = " ".join(darkroom("run", "words", "--help")[1].split())
    assert "--prompt TEXT For example: a red fox; required." in shown
    assert darkroom("workflows", "form", "mine/words.json")[1] == "words:\n  Prompt (text): #1.value\n"
    code, _out, err = darkroom("workflows", "form", "wards")
    assert (code, "Did you mean “words”?" in err) == (1, True)
