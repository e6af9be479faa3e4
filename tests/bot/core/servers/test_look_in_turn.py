"""Workers look at the line one after another, and later where another one has said that it is empty."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.servers import look_in_turn
from bot.core.servers.look_in_turn import LookInTurn
from tests.patience import PATIENCE

_NAMES = ("a", "b", "c")


class _Fleet:
    """Workers, and in which order they look."""

    def __init__(self, now: float) -> None:
        self.looked, self.has_looked = list[str](), asyncio.Event()
        self.workers = {name: self._worker(name, now) for name in _NAMES}

    def _worker(self, name: str, now: float) -> LookInTurn:
        others = [each for each in _NAMES if each != name]
        return LookInTurn(name, lambda: others, lambda: self._look(name), lambda: now)

    def _look(self, name: str) -> None:
        self.looked.append(name)
        self.has_looked.set()

    def run_joined(self) -> None:
        for each in self.workers.values():
            each.run_joined()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.looked) < count:
                await self.has_looked.wait()
                self.has_looked.clear()

    @property
    def next(self) -> list[str]:
        """The workers that are to look, in that order."""
        due = {name: each._due.when() for name, each in self.workers.items() if each._due is not None}
        return sorted(due, key=lambda name: due[name])

    def end(self) -> None:
        for each in self.workers.values():
            each.forget()


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker looks in a turn of its own but the first."""
    monkeypatch.setattr(look_in_turn, "_STAGGER", 3 * PATIENCE)


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize(("now", "order"), [(0.0, "abc"), (0.5, "cab"), (1.2, "bca"), (1.7, "abc")])
async def test_each_is_the_first_for_a_while(now: float, order: str) -> None:
    fleet = _Fleet(now)
    fleet.run_joined()
    assert fleet.looked == [order[0]]
    assert fleet.next == list(order[1:])
    fleet.end()


async def test_those_that_are_not_the_first_look_later() -> None:
    fleet = _Fleet(0.0)
    fleet.run_joined()
    await fleet.until(3)
    assert sorted(fleet.looked) == ["a", "b", "c"]
    assert fleet.next == []


@pytest.mark.usefixtures("never")
async def test_one_that_looked_for_another_reason_does_not_look_again() -> None:
    fleet = _Fleet(0.0)
    fleet.run_joined()
    fleet.workers["b"].forget()
    assert not fleet.workers["b"].put_off()
    assert fleet.workers["c"].put_off()
    fleet.end()


@pytest.mark.usefixtures("never")
async def test_a_look_is_put_off_and_not_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may have joined while another worker took what it said was the last."""
    monkeypatch.setattr(look_in_turn, "_LATER", 0.01)
    fleet = _Fleet(0.0)
    fleet.run_joined()
    assert fleet.workers["b"].put_off()
    await fleet.until(2)
    assert fleet.looked == ["a", "b"]
    fleet.end()


@pytest.mark.usefixtures("never")
async def test_runs_that_others_take_do_not_put_a_look_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_in_turn, "_LATER", 20 * PATIENCE)
    fleet = _Fleet(0.0)
    last = fleet.workers["b"]
    last.run_joined()
    assert last.put_off()
    first = _due(last)
    for _run in range(3):
        last.run_joined()
        assert last.put_off()
        assert _due(last) == first
    last.forget()
    last.run_joined()
    assert last.put_off()
    assert _due(last) > first
    last.forget()


@pytest.mark.usefixtures("never")
async def test_another_run_brings_a_look_forward_that_was_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_in_turn, "_LATER", 20 * PATIENCE)
    fleet = _Fleet(0.0)
    last = fleet.workers["c"]
    last.run_joined()
    its_turn = _due(last)
    last.run_joined()
    assert _due(last) == its_turn
    assert last.put_off()
    late = _due(last)
    last.run_joined()
    assert its_turn < _due(last) < late
    last.forget()


def _due(worker: LookInTurn) -> float:
    assert worker._due is not None
    return worker._due.when()


async def test_a_worker_alone_looks_at_once() -> None:
    looked = list[bool]()
    alone = LookInTurn("me", tuple, lambda: looked.append(True))
    alone.run_joined()
    assert looked == [True]
    assert not alone.put_off()
