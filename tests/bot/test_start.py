"""Load little before the page answers: what few people use, or only what comes later, is loaded then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bot.forks import ROOT
from tests.patience import PATIENCE
from tests.ports import free_port

#: These, and all in them, are loaded when somebody first needs them.
LATER = (
    *("bot.core.execution.worker", "bot.core.execution.attempt", "bot.core.execution.durable"),
    *(
        "bot.rooms",
        "bot.core.control.room",
        "bot.core.control.views",
        "bot.core.studio.service",
        "bot.core.studio.view",
    ),
    *("bot.platforms.web.admin.now", "bot.platforms.web.admin.places.routes", "bot.platforms.web.studio"),
    *(
        "bot.platforms.web.setup",
        "bot.platforms.discord",
        "bot.platforms.telegram",
        "bot.core.backup",
        "comfy.embedded",
    ),
    *("alembic", "av", "dbos", "discord", "numpy", "obstore", "opentelemetry", "PIL", "psycopg", "segno"),
    *("sqlalchemy.dialects.postgresql", "telegram", "yaml"),
)
_STARTED = """
import asyncio, os, signal, sys, threading, time
from importlib.machinery import PathFinder, SourceFileLoader
from urllib.error import URLError
from urllib.request import urlopen
from bot.app import App
from bot.settings import Role

class Gate(SourceFileLoader):
    def exec_module(self, module):
        answered.wait()
        super().exec_module(module)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "bot.work":
            spec = PathFinder.find_spec(name, path, target)
            spec.loader = Gate(name, spec.origin)
            return spec

def look():
    while True:
        try:
            urlopen(os.environ["PAGE"]).read()
            break
        except URLError:
            time.sleep(0.05)
    print(*sys.modules, flush=True)
    answered.set()

answered = threading.Event()
sys.meta_path.insert(0, Finder())
threading.Thread(target=look, daemon=True).start()
asyncio.run(App().start(Role(), lambda _ready: os.kill(os.getpid(), signal.SIGTERM)))
"""  # what runs requests waits at a gate until the page has answered


@pytest.mark.long
def test_a_page_answers_before_what_comes_later_is_loaded(tmp_path: Path) -> None:
    page = f"http://127.0.0.1:{(port := free_port())}"
    settings = {
        "COMFYUI_URLS": "http://127.0.0.1:1",
        "DARKROOM_DATA_DIR": str(tmp_path),
        "DARKROOM_WEB": "on",
        "DARKROOM_WEB_PORT": str(port),
    }
    program = [sys.executable, "-c", _STARTED]
    environ = {**os.environ, **settings, "PAGE": page, "PYTHONPATH": str(ROOT)}
    for _start in ("the first", "a later one"):
        ended = subprocess.run(
            program, capture_output=True, text=True, timeout=PATIENCE, check=True, env=environ, cwd=tmp_path
        )
    loaded = ended.stdout.splitlines()[-1].split()
    assert "bot.process" in loaded
    assert [each for each in loaded if f"{each}.".startswith(tuple(f"{later}." for later in LATER))] == []
