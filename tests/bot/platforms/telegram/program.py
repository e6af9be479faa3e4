"""The `darkroom` command, but for Telegram's pace, which is kept by a clock that goes faster."""

from __future__ import annotations

import pytest

from bot.__main__ import main as command
from tests.bot.platforms.telegram.harness import hurry


def main() -> None:
    hurry(pytest.MonkeyPatch())
    command()
