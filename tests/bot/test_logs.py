from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.core import events_log
from bot.core.background import TaskHealth
from bot.core.errors import BadValue, ConfigError, NotAllowed, StorageAway
from bot.core.events_log import LOGGERS
from bot.core.execution.worker_lock import OwnName
from bot.core.listeners import Listeners
from bot.core.platform import WordList
from bot.core.servers.registry import ServerRegistry
from bot.core.storage.database import Database
from bot.logs import configure
from bot.settings import JSON_LOG, TEXT_LOG, Settings
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from comfy.fleet import Fleet, Member
from comfy.server import Server
from tests.bot.databases import locked
from tests.bot.harness import (
    ANN,
    BEN,
    HERE,
    MOD,
    Gates,
    RecordingPlatform,
    WatchedServer,
    house,
    patiently,
    running,
    until,
)
from tests.leaks import LeakWatcher

WORDS = "a purple giraffe"
IMAGES = (("IMAGE", "IMAGE"),)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Only the handlers of the test runner, before and after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    yield
    root.handlers[:], root.level = handlers, level
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def written(log_format: str) -> str:
    stream = io.StringIO()
    configure(log_format, logging.INFO, stream)
    events_log.server_down("fast")
    logging.getLogger("bot.core.somewhere").info("%s has %d guests", "Café", 3)
    logging.getLogger("discord").info("too much of it")
    events_log.task_failed("turns", 1, 2.0, "KeyError: bug", _raised("t0ken"))
    return stream.getvalue()


def _raised(_secret: str) -> Exception:
    """An error with a traceback, in which a local variable holds something that no log may show."""
    try:
        return {}["bug"]
    except KeyError as fault:
        return fault


def test_programs_get_a_line_of_json_for_each_event() -> None:
    down, plain, failed = map(json.loads, written(JSON_LOG).splitlines())
    assert (down["event"], down["server"], down["level"], down["logger"]) == (
        "server_down",
        "fast",
        "warning",
        "darkroom",
    )
    assert (plain["event"], plain["level"]) == ("Café has 3 guests", "info")
    assert (failed["event"], failed["task"], failed["in_a_row"]) == ("task_failed", "turns", 1)
    assert "KeyError: 'bug'" in failed["exception"]
    assert all(each["timestamp"].endswith("Z") for each in (down, plain, failed))


def test_people_get_a_line_of_text_and_no_local_variables() -> None:
    text = written(TEXT_LOG)
    assert "server_down" in text
    assert "server=fast" in text
    assert "Café has 3 guests" in text
    assert "KeyError: 'bug'" in text
    assert "too much of it" not in text
    assert "t0ken" not in text
    assert "\x1b" not in text


def test_the_setting_names_one_of_two_formats() -> None:
    assert Settings.read({}, None).log_format == TEXT_LOG
    assert Settings.read({"DARKROOM_LOG_FORMAT": "json"}, None).log_format == JSON_LOG
    with pytest.raises(ConfigError, match="DARKROOM_LOG_FORMAT: “xml” is neither text nor json"):
        Settings.read({"DARKROOM_LOG_FORMAT": "xml"}, None)


def events(caplog: pytest.LogCaptureFixture, *fields: str) -> list[dict[str, Any]]:
    """The events so far, with these of their fields."""
    found = [record.__dict__ for record in caplog.records if record.name == "darkroom"]
    return [{"event": each["msg"]} | {name: each[name] for name in fields if name in each} for each in found]


async def _has_posted(server: WatchedServer, count: int) -> bool:
    return server.calls["POST /prompt"] == count


@pytest.mark.long
async def test_a_run_is_told_of_when_it_is_taken_starts_and_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "darkroom")
    gates, platform = Gates(), RecordingPlatform()
    async with house(tmp_path, platform, [server := WatchedServer(nodes=gates.nodes())]) as home:
        first, shown = await home.ask("gated")
        await platform.until(running(shown))
        ahead, _waiting = await home.ask("gated")
        await until(partial(_has_posted, server, 2))  # so the next one is not sent ahead
        second, _waiting = await home.ask("plain", BEN)
        await home.services.runs.cancel(second, BEN)
        platform.refuses = True
        gates.open()
        await home.ended(first, ahead, second)
    told = events(caplog, "run", "workflow", "server", "attempt", "state", "platform")
    of_first = [each for each in told if each.get("run") == first]
    assert of_first[:2] == [
        {"event": "run_taken", "run": first, "workflow": "gated", "platform": "test"},
        {"event": "run_started", "run": first, "workflow": "gated", "server": "one", "attempt": 1},
    ]
    assert [(each["event"], each["state"]) for each in of_first[2:]] == [("run_ended", "failed")]
    cancelled = {"event": "run_ended", "run": second, "state": "cancelled", "workflow": "plain", "server": None}
    assert cancelled in told
    assert all(vars(each)["seconds"] >= 0 for each in caplog.records if each.message == "run_ended")
    assert {"event": "server_up", "server": "one"} in told
    assert any(each["event"] == "chat_refused" for each in told)


async def test_a_server_that_never_answers_is_told_of_once_with_the_reason(
    tmp_path: Path, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    changed = Listeners[[]]()
    async with (
        Database(f"sqlite:///{tmp_path / 'runs.db'}") as database,
        Fleet([Member("away", Server(f"http://127.0.0.1:{unused_tcp_port}"))], changed) as fleet,
        ServerRegistry(database, "here", fleet, TaskHealth(), OwnName(database)) as registry,
    ):
        changed.add(registry.note)
        await fleet.looked()
        fleet.doubt("away")
        assert fleet.down == {"away"}
    assert events(caplog, "server") == [{"event": "server_down", "server": "away"}]
    warned = [record for record in caplog.records if record.name == "comfy.fleet" and record.levelno == logging.WARNING]
    assert len(warned) == 1


def test_logs_need_no_package_for_coloured_tracebacks() -> None:
    program = "import sys, bot.logs; print('rich' in sys.modules); import rich"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False"]


@pytest.mark.long
async def test_what_moderators_change_and_files_that_break_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "darkroom")
    async with house(tmp_path, servers=[EmbeddedServer()]) as home:
        await home.services.moderation.words(MOD, HERE, "rude", WordList((WORDS,)))
        broken, catalog = tmp_path / "workflows" / "broken.json", home.services.workflows.catalog
        await asyncio.to_thread(broken.write_text, "{")
        await catalog.refresh()
        await asyncio.to_thread(broken.unlink)
        await catalog.refresh()
    told = events(caplog, "community", "file")
    assert [each for each in told if each["event"] in ("rules_changed", "workflow_faulty", "workflow_mended")] == [
        {"event": "rules_changed", "community": "test:guild"},
        {"event": "workflow_faulty", "file": "broken.json"},
        {"event": "workflow_mended", "file": "broken.json"},
    ]


@pytest.mark.long
async def test_what_people_write_is_in_no_log_whatever_happens_to_it(tmp_path: Path) -> None:
    stream = io.StringIO()
    configure(TEXT_LOG, logging.DEBUG, stream)
    ann, here = replace(ANN, name=WORDS), replace(HERE, name=WORDS)
    node = NodeType("Gate", "Gate", "test", _quoting, {"image": ("IMAGE", {}), "name": ("STRING", {})}, {}, {}, IMAGES)
    platform = RecordingPlatform()
    async with house(tmp_path, platform, [EmbeddedServer(nodes={"Gate": node})], patience=0.05, wait=0.1) as home:
        fails, _message = await patiently(lambda: home.ask("gated", ann, place=here, gate=WORDS))
        [ended] = await home.ended(fails)
        assert WORDS in (ended.sentence or "")  # its person reads it
        with pytest.raises(BadValue, match=WORDS):
            await patiently(lambda: home.ask("gated", ann, place=here, color=WORDS))
        async with locked(tmp_path / "darkroom.db"):
            with pytest.raises(StorageAway):
                await home.ask("gated", ann, place=here, gate=WORDS)
        await patiently(lambda: home.services.moderation.words(MOD, HERE, "rude", WordList((WORDS,))))
        with pytest.raises(NotAllowed):
            await patiently(lambda: home.ask("gated", ann, place=here, gate=WORDS))
        platform.refuses = True
        await home.ended((await patiently(lambda: home.ask("plain", ann, place=here)))[0])
    log = stream.getvalue()
    assert "ExecutionFailed: ValueError in Gate (node 2)" in log
    assert "answered POST /prompt with 200" in log
    assert "refused a message" not in log
    assert WORDS not in log
    assert not [line for line in log.splitlines() if "sqlalchemy" in line]


def _quoting(image: Any, name: str) -> Any:
    raise ValueError(f"{name} is too large")


def test_a_secret_in_a_log_or_a_database_of_any_test_would_be_seen(tmp_path: Path) -> None:
    watcher = LeakWatcher()
    for given in ("t0ken-of-a-test", "postgresql://me:p%40ssword@host/name"):
        watcher.keep(given)
    watcher.emit(logging.makeLogRecord({"name": "any", "msg": "to %s", "args": ("host",), "where": "p@ssword"}))
    (tmp_path / "some.db").write_bytes(b"\x00t0ken-of-a-test\x00")
    watcher.look_into(tmp_path)
    assert [each.partition(":")[0] for each in watcher.found] == ["any", "some.db"]
