from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.core import events_log
from bot.core.background import TaskHealth
from bot.core.errors import ConfigError
from bot.core.execution.worker_lock import always_held
from bot.core.listeners import Listeners
from bot.core.servers.registry import ServerRegistry
from bot.core.storage.database import Database
from bot.logs import configure
from bot.settings import JSON_LOG, TEXT_LOG, Settings
from comfy.embedded import EmbeddedServer
from comfy.fleet import Fleet, Member
from comfy.server import Server
from tests.bot.harness import BEN, Gates, RecordingPlatform, house, running


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Only the handlers of the test runner, before and after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    for name in ("bot", "darkroom"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def written(log_format: str) -> str:
    stream = io.StringIO()
    configure(log_format, logging.WARNING, stream)
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


async def test_a_run_is_told_of_when_it_is_taken_starts_and_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "darkroom")
    gates, platform = Gates(), RecordingPlatform()
    async with house(tmp_path, platform, [EmbeddedServer(nodes=gates.nodes())]) as home:
        first, shown = await home.ask("gated")
        await platform.until(running(shown))
        second, _waiting = await home.ask("plain", BEN)
        await home.services.runs.cancel(second, BEN)
        platform.refuses = True
        gates.open()
        await home.ended(first, second)
    told = events(caplog, "run", "workflow", "server", "attempt", "state", "platform")
    of_first = [each for each in told if each.get("run") == first]
    assert of_first[:2] == [
        {"event": "run_taken", "run": first, "workflow": "gated", "platform": "test"},
        {"event": "run_started", "run": first, "workflow": "gated", "server": "one", "attempt": 1},
    ]
    assert [(each["event"], each["state"]) for each in of_first[2:]] == [("run_ended", "failed")]
    assert {"event": "run_ended", "run": second, "state": "cancelled"} in told
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
        ServerRegistry(database, "here", fleet, TaskHealth(), always_held) as registry,
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
