"""Rows are read in several threads, also the first ones."""

from __future__ import annotations

import subprocess
import sys

_NOTED = """
from dataclasses import fields, is_dataclass
import bot.core.model, bot.core.run
from bot.core.runs import rows

classes = ["QueuedRun", "RunRecord", "Outcome", "StoredFile", "Person", "Place", "Address"]
found = {name: getattr(bot.core.run, name, None) or getattr(bot.core.model, name) for name in classes}
print(*(name for name, each in found.items() if "__msgspec_cache__" not in vars(each)))
"""


def test_how_rows_are_read_is_noted_before_threads_read_them() -> None:
    """msgspec crashes where a thread comes in between while another one notes how a class is read."""
    done = subprocess.run([sys.executable, "-c", _NOTED], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
