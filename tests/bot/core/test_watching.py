"""Troubles are seen, said once, and said once when they are over, at whatever pace the clock goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.model import Person
from bot.core.servers.condition import Condition
from bot.core.watching.disk import Room
from bot.core.watching.notices import Notice, NoticeBook, Notices
from bot.core.watching.trouble import Trouble, Weight
from bot.core.watching.watch import Watch
from bot.core.workflows.reader import WorkflowFault
from tests.bot.harness import House, house, write_workflows
from tests.bot.tellers import Teller

FULL = Trouble("disk", "", "the disk is full", Weight.REMARK)
AWAY = Trouble("server", "one", "the server one cannot be reached", Weight.QUIET, 300.0)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A book of notices about what is wrong at each moment, and what a reader has heard."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.book = NoticeBook(self.clock)

    def after(self, seconds: float, *troubles: Trouble) -> list[str]:
        """Look every 15 seconds for so long, with these troubles. Returns what was said."""
        said = []
        for _look in range(int(seconds // 15)):
            self.clock.now += 15
            self.book.look(troubles)
            notice = self.book.due("ann")
            if notice is not None:
                said += [f"+ {each.subject or each.kind}" for each in notice.news]
                said += [f"- {each.subject or each.kind}" for each in notice.over]
                self.book.told("ann", notice)
        return said


def test_a_trouble_is_told_once_when_it_has_lasted_and_once_when_it_is_over() -> None:
    watched = Watched()
    assert watched.after(285, AWAY) == []
    assert watched.after(3600, AWAY) == ["+ one"]
    assert watched.after(45) == []
    assert watched.after(600) == ["- one"]


def test_a_server_that_comes_and_goes_is_told_once_an_hour() -> None:
    watched = Watched()
    said = [each for _turn in range(12) for each in (*watched.after(450, AWAY), *watched.after(150))]
    assert said == ["+ one", "- one", "+ one", "- one"]


def test_a_disk_that_goes_on_to_fill_is_told_again_once() -> None:
    watched, full = Watched(), replace(FULL, words="there is no room", weight=Weight.FAULT)
    assert watched.after(600, FULL) == ["+ disk"]
    assert watched.after(600, full) == ["+ disk"]
    assert [each for _turn in range(6) for each in (*watched.after(60, FULL), *watched.after(60, full))] == []
    assert watched.after(120) == ["- disk"]


def test_what_is_short_is_not_told_and_many_troubles_are_one_message() -> None:
    watched = Watched()
    assert [watched.after(240, AWAY) + watched.after(90) for _turn in range(3)] == [[], [], []]
    files = [Trouble("workflow", f"{number}.json", f"{number}.json is broken") for number in range(30)]
    watched.clock.now += 15
    watched.book.look(files)
    notice = watched.book.due("ann")
    assert notice is not None
    assert notice.text("darkroom").splitlines()[::11] == ["Darkroom (darkroom) needs you:", "… and 20 more."]


async def test_who_could_not_be_told_is_told_later_with_growing_pauses() -> None:
    clock, teller, found = Clock(), Teller("test"), [FULL]

    async def look() -> list[Trouble]:
        return found

    people = ["test:1", "elsewhere:2"]
    notices = Notices("darkroom", look, people, {"test": teller, "web": object()}, TaskHealth(), NoticeBook(clock))
    teller.closed = True
    tries = []
    for _look in range(100):
        await notices.step()
        tries.append(teller.tries)
        clock.now += 15
    assert [tries.index(number) * 15 for number in (1, 2, 3, 4, 5)] == [0, 60, 180, 420, 900]
    teller.closed = False
    clock.now += 900
    await notices.step()
    found.clear()
    clock.now += 60
    await notices.step()
    assert teller.told == [
        ("1", "Darkroom (darkroom) needs you:\n• the disk is full"),
        ("1", "Darkroom (darkroom): this is over:\n• the disk is full"),
    ]


@pytest.mark.parametrize(
    ("room", "weight"),
    [
        (Room(10**12, 2 * 10**11), None),
        (Room(10**12, 9 * 10**10), Weight.REMARK),
        (Room(10**12, 4 * 10**8), Weight.FAULT),
        (Room(10**9, 4 * 10**8), None),
        (Room(10**9, 4 * 10**7), Weight.FAULT),
    ],
)
def test_a_disk_that_is_nearly_full_is_told(room: Room, weight: Weight | None) -> None:
    found = room.trouble()
    assert (found.weight if found is not None else None) is weight


async def test_all_that_is_wrong_is_seen_each_in_its_own_words(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        watch, tasks = watch_of(home), TaskHealth()
        for platform in ("discord", "telegram"):
            tasks.disconnected(platform)
        tasks.refused("telegram", "Telegram no longer takes this token.")
        for task in ("turns", "turns", "discord", "discord", "sweep"):
            tasks.failed(task)
        tasks.remark("backup", "last night's failed.", "the disk is full")
        faults = [WorkflowFault("cat.toml", "seed", "is no number"), WorkflowFault("cat.toml", None, "more")]
        servers = {"one": Condition.UP, "two": Condition.AWAY, "three": Condition.ASLEEP, "four": Condition.DRAINING}
        watch = Watch(tasks, lambda: servers, watch._line, tmp_path, lambda: faults, lambda _folder: Room(100, 9))
        found = await watch.look()
    assert [f"{each.words} ({each.weight.name})" for each in found] == [
        "the server two cannot be reached (QUIET)",
        "the platform discord is not connected (FAULT)",
        "Telegram no longer takes this token. (FAULT)",
        "the task “turns” has failed 2 times in a row (FAULT)",
        "backup: last night's failed. (REMARK)",
        "a workflow cannot be used: cat.toml, seed: is no number (QUIET)",
        "the disk with the data folder is 91 % full: 0.0 GB are left (REMARK)",
    ]
    assert [each.advice for each in found] == [
        "Start ComfyUI there, or correct its address in COMFYUI_URLS or servers.toml.",
        "It is tried again and again. See that this computer reaches the internet.",
        "",
        "The log says why.",
        "",
        "Correct the file, and “darkroom check” reads it again.",
        "Make room on it.",
    ]
    assert found[0].for_operators == f"the server two cannot be reached. {found[0].advice}"
    assert found[4].for_operators == "backup: last night's failed. the disk is full"


@pytest.mark.long
async def test_a_run_that_no_worker_takes_although_a_server_is_free_is_seen(tmp_path: Path) -> None:
    clock, looked = Clock(), list[float | None]([None])
    async with house(tmp_path) as home:
        line = watch_of(home)._line
        line._clock, line._looked = clock, lambda: looked[0]
        await home.ended((await home.ask())[0])
        assert not await line.stands_still()
        waits, _shown = await home.ask(person=Person("elsewhere", "9"))  # no worker has this platform
        clock.now += 100
        assert not await line.stands_still()
        clock.now += 9
        assert not await line.stands_still()
        clock.now += 3
        assert await line.stands_still()
        looked[0] = clock.now - 9
        assert not await line.stands_still()  # the only worker has looked, and has its reasons
        looked[0] = clock.now - 10
        assert await line.stands_still()
        await home.services.runs.cancel(waits, Person("elsewhere", "9"))
        clock.now += 3
        assert not await line.stands_still()


@pytest.mark.long
async def test_the_operators_of_a_house_hear_of_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    (write_workflows(tmp_path) / "broken.json").write_text("{")
    teller = Teller()
    async with house(tmp_path, teller, operators=("test:7",)):
        await teller.until(lambda: bool(teller.told))
    [(person, text)] = teller.told
    assert person == "7"
    assert "a workflow cannot be used: broken.json" in text


def watch_of(home: House) -> Watch:
    """Return the part of a house that looks for troubles."""
    watch = home.services.health.troubles.__self__  # type: ignore[attr-defined]
    assert isinstance(watch, Watch)
    return watch


def test_a_detail_is_for_the_operator_alone() -> None:
    """`/readyz` shows the words of a trouble, and everybody can read it."""
    tasks = TaskHealth()
    tasks.remark("machine of gpu", "on_wanted failed.", "it ended with code 1: no key")
    remark = tasks.remarks["machine of gpu"]
    trouble = Trouble("remark", "machine of gpu", remark.words, Weight.REMARK, detail=remark.detail)
    assert "no key" not in trouble.words
    assert "• on_wanted failed. it ended with code 1: no key" in Notice((trouble,), ()).text("darkroom")
