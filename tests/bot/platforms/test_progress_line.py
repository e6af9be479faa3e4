from __future__ import annotations

import pytest

from bot.core.model import Cancelled, Queued, Running
from bot.platforms.terminal.output import OutputTarget
from bot.platforms.terminal.reply import TerminalReply


def screen(written: str) -> list[str]:
    """The lines that a terminal shows; a return goes to the beginning of its line, and what follows covers it."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for piece in line.split("\r"):
            shown = piece + shown[len(piece) :]
        lines.append(shown.rstrip())
    return lines


async def test_the_line_of_a_run_is_drawn_in_its_place_and_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    reply, written = TerminalReply(OutputTarget.of(None, force=False), live=True), ""
    seen = []
    for status in (Queued(12), Running("a node with a name that is much too long for it" * 2, fraction=0.5), Queued(1)):
        await reply.show(status)
        written += capsys.readouterr().out
        assert "\n" not in written
        seen.append(screen(written)[-1])
    await reply.show(Cancelled())
    assert screen(written + capsys.readouterr().out) == ["Cancelled: the server was told to stop.", ""]
    first, second, third = seen
    assert first == "." * 30 + " In line, number 12"
    assert second.startswith("#" * 15 + "." * 15 + " 50 %")
    assert second.endswith("…")
    assert len(second) < 60
    assert third == "." * 30 + " In line, number 1"


async def test_wide_letters_count_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    reply = TerminalReply(OutputTarget.of(None, force=False), live=True)
    await reply.show(Running("写真" * 20))
    (drawn,) = screen(capsys.readouterr().out)
    bar, words = drawn[:31], drawn[31:]
    assert bar == "." * 30 + " "
    assert len(words.encode("utf-16-le")) // 2 + sum(letter in "写真" for letter in words) < 50 - 31
