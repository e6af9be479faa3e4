"""How often Discord is told commands: counted by a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable

from bot.platforms.discord.commands.pace import SyncPace

USUAL = frozenset({"run", "poster"})


class Registrar:
    """Looks every second, as the real one does; `sent` has the moments at which Discord was told something."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pace = SyncPace(lambda: self.now)
        self.pace.tell("1", USUAL)
        self.known, self.sent = "usual", list[float]()

    def work(self, seconds: int, mark: Callable[[float], str], names: Callable[[str], frozenset[str]]) -> None:
        for _second in range(seconds):
            self.now += 1
            now = mark(self.now)
            if now == self.known:
                self.pace.settle("1")
            elif self.pace.allows("1", now, names(now)):
                self.pace.tell("1", names(now))
                self.known = now
                self.sent.append(self.now)


def usual(_mark: str) -> frozenset[str]:
    return USUAL


def test_a_file_that_is_saved_ten_times_in_a_minute_is_told_a_few_times_and_as_it_is_at_last() -> None:
    registrar = Registrar()
    registrar.work(180, lambda now: f"saved {min(now // 6, 10):.0f}", usual)
    assert len(registrar.sent) <= 6
    assert registrar.known == "saved 10"
    registrar.sent.clear()
    registrar.work(600, lambda _now: "saved 10", usual)
    registrar.work(20, lambda _now: "saved once more", usual)
    assert len(registrar.sent) == 1  # within seconds, since it was quiet before


def test_what_goes_and_comes_back_soon_is_not_told() -> None:
    registrar = Registrar()
    registrar.work(600, lambda now: "gone" if now % 10 == 5 else "usual", usual)
    assert registrar.sent == []


def test_a_command_that_flaps_for_a_day_leaves_room_for_new_ones() -> None:
    registrar, created = Registrar(), 0

    def names(mark: str) -> frozenset[str]:
        return USUAL | {"flap"} if mark == "there" else USUAL

    for _hour in range(24):
        registrar.sent.clear()
        registrar.work(3600, lambda now: "there" if now % 20 < 10 else "usual", names)
        created += (len(registrar.sent) + 1) // 2  # each second time
    assert 100 <= created <= 170  # Discord takes 200
    registrar.sent.clear()
    registrar.work(4, lambda _now: "new", lambda mark: USUAL | ({"new"} if mark == "new" else set()))
    assert len(registrar.sent) == 1


def test_new_commands_are_told_within_seconds() -> None:
    registrar = Registrar()

    def names(mark: str) -> frozenset[str]:
        return frozenset({*USUAL, *(f"new {number}" for number in range(int(mark)))})

    registrar.work(60, lambda now: str(int(now // 5) + 1), names)
    assert registrar.sent == [3.0, 6.0, *range(10, 61, 5)]
    registrar = Registrar()
    registrar.work(9, lambda now: str(int(now * 10)), names)
    assert registrar.sent == [3.0, 6.0, 9.0]  # all that have come meanwhile


def test_others_are_not_held_up() -> None:
    now = 0.0
    pace = SyncPace(lambda: now)
    pace.tell("1", USUAL)
    for number in range(9):
        pace.allows("1", f"saved {number}", USUAL)
    pace.tell("2", USUAL)
    assert not pace.is_due
    assert not pace.allows("2", "other", USUAL)
    now = 3.0
    assert pace.is_due
    assert pace.allows("2", "other", USUAL)
