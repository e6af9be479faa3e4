"""The pool of processes: work that hangs, grows or crashes costs itself alone, and nothing outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.core.errors import BadPicture, WorkerDied, WorkerFailed, WorkerOutOfMemory, WorkerTimedOut
from bot.core.pool.pool import WorkerPool, in_threads, run_apart
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(size=1, memory=1 << 30, tasks=5)
    yield pool
    await asyncio.to_thread(pool.close)


def number() -> int:
    return os.getpid()


def turn_for_ever(note: Path | None = None) -> None:
    if note is not None:
        note.write_text(str(os.getpid()))
    while True:
        pass


def hold_the_interpreter() -> None:
    """A match that never lets another thread of its process work."""
    import re

    re.match("(a+)+$", "a" * 64 + "!")


def grow() -> int:
    return len(bytearray(4 << 30))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise BadPicture("too green")


class Stubborn(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def refuse_oddly() -> None:
    raise Stubborn("a", "b")


def speak() -> str:
    sys.stdout.write("what a library says\n")
    sys.stdout.flush()
    os.write(1, b"and what its C code says\n")
    return os.environ.get("DISCORD_TOKEN", "no token")


async def seen(note: Path) -> int:
    """The process that wrote its number down."""
    while not note.exists() or not note.read_text():  # noqa: ASYNC110 - another process has no event
        await asyncio.sleep(0.01)
    return int(note.read_text())


async def gone(process: int) -> None:
    while is_there(process):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.long
async def test_work_is_done_in_another_process_which_is_used_again_for_a_while(pool: WorkerPool) -> None:
    numbers = [await pool.run(number, timeout=PATIENCE) for _ in range(7)]
    assert os.getpid() not in numbers
    assert numbers[0] == numbers[4] != numbers[5] == numbers[6]
    assert not is_there(numbers[0])


@pytest.mark.long
async def test_what_a_task_raises_is_raised(pool: WorkerPool) -> None:
    with pytest.raises(BadPicture, match="too green"):
        await pool.run(refuse, timeout=PATIENCE)
    with pytest.raises(RuntimeError, match="Stubborn"):
        await pool.run(refuse_oddly, timeout=PATIENCE)


@pytest.mark.parametrize("work", [turn_for_ever, hold_the_interpreter])
@pytest.mark.long
async def test_a_task_without_end_is_ended_and_the_next_one_works(pool: WorkerPool, work: object) -> None:
    with pytest.raises(WorkerTimedOut, match="longer than"):
        await pool.run(work, timeout=0.5)  # type: ignore[arg-type]
    assert await pool.run(number, timeout=PATIENCE)


@pytest.mark.long
async def test_a_task_that_fills_the_memory_is_ended_and_the_next_one_works(pool: WorkerPool) -> None:
    with pytest.raises(WorkerOutOfMemory, match="more memory"):
        await pool.run(grow, timeout=PATIENCE)
    assert await pool.run(number, timeout=PATIENCE)


@pytest.mark.long
async def test_a_process_that_dies_costs_its_task_alone() -> None:
    pool = WorkerPool(size=2)
    try:
        results = await asyncio.gather(
            *(pool.run(work, timeout=PATIENCE) for work in (number, die, number, number, die)), return_exceptions=True
        )
        assert [isinstance(each, WorkerDied) for each in results] == [False, True, False, False, True]
        idle = await pool.run(number, timeout=PATIENCE)
        os.kill(idle, signal.SIGKILL)
        await asyncio.to_thread(os.waitid, os.P_PID, idle, os.WEXITED | os.WNOWAIT)
        assert await pool.run(number, timeout=PATIENCE) != idle
    finally:
        await asyncio.to_thread(pool.close)


@pytest.mark.long
async def test_short_tasks_share_a_process_and_a_long_one_has_it_to_itself(tmp_path: Path) -> None:
    patient, hasty = WorkerPool(size=2, patience=PATIENCE), WorkerPool(size=2, patience=0.0)
    try:
        assert len({*await asyncio.gather(*(patient.run(number, timeout=PATIENCE) for _task in range(8)))}) == 1
        long = asyncio.create_task(hasty.run(turn_for_ever, tmp_path / "long", timeout=PATIENCE))
        at_work = await seen(tmp_path / "long")
        assert await hasty.run(number, timeout=PATIENCE) != at_work
        long.cancel()
    finally:
        await asyncio.to_thread(patient.close)
        await asyncio.to_thread(hasty.close)


@pytest.mark.long
async def test_a_task_waits_for_a_process_that_is_just_starting() -> None:
    """It answers sooner than a second one, which would only take its processor and memory."""
    pool = WorkerPool(size=2, patience=0.0)
    try:
        numbers = await asyncio.gather(*(pool.run(number, timeout=PATIENCE) for _task in range(2)))
    finally:
        await asyncio.to_thread(pool.close)
    assert len(set(numbers)) == 1


async def test_a_cancelled_task_is_ended_with_its_process(pool: WorkerPool, tmp_path: Path) -> None:
    task = asyncio.create_task(pool.run(turn_for_ever, tmp_path / "a", timeout=PATIENCE))
    waiting = asyncio.create_task(pool.run(turn_for_ever, tmp_path / "b", timeout=PATIENCE))
    process = await seen(tmp_path / "a")
    waiting.cancel()
    task.cancel()
    for each in (task, waiting):
        with pytest.raises(asyncio.CancelledError):
            await each
    await gone(process)
    assert await pool.run(number, timeout=PATIENCE) != process
    assert not (tmp_path / "b").exists()


@pytest.mark.long
async def test_closing_ends_all_processes_and_what_they_do(tmp_path: Path) -> None:
    pool = WorkerPool(size=2)
    idle = await pool.run(number, timeout=PATIENCE)
    tasks = [asyncio.create_task(pool.run(turn_for_ever, tmp_path / name, timeout=PATIENCE)) for name in "ab"]
    processes = [await seen(tmp_path / name) for name in "ab"]
    await asyncio.to_thread(pool.close)
    assert not any(map(is_there, (idle, *processes)))
    for task in tasks:
        with pytest.raises(WorkerDied):
            await task
    with pytest.raises((WorkerFailed, RuntimeError)):
        await pool.run(number, timeout=PATIENCE)


@pytest.mark.long
async def test_a_worker_gets_no_secrets_and_what_it_prints_harms_nothing(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "hush")
    assert await pool.run(speak, timeout=PATIENCE) == "no token"


@contextmanager
def parent(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process with a pool of its own that works on a task without end."""
    program = (
        "import asyncio, signal, sys; from pathlib import Path; from tests.bot.core.test_pool import turn_for_ever\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # background jobs of a shell ignore it
        "from bot.core.pool.pool import run_apart\n"
        "asyncio.run(run_apart(turn_for_ever, Path(sys.argv[1]), timeout=600))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.long
async def test_no_process_outlives_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    with parent(str(tmp_path / "a")) as process:
        worker = await seen(tmp_path / "a")
        assert is_there(worker)
        process.send_signal(number)
        await asyncio.to_thread(process.wait)
        await gone(worker)


async def test_the_loop_goes_on_while_a_process_starts_and_works(pool: WorkerPool) -> None:
    """The loop takes a thousand turns while a task turns without end."""
    task = asyncio.create_task(pool.run(turn_for_ever, timeout=PATIENCE))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_command_that_works_once_does_without_processes() -> None:
    assert await run_apart(number, timeout=PATIENCE) != os.getpid()
    with in_threads():
        assert await run_apart(number, timeout=PATIENCE) == os.getpid()


@pytest.mark.parametrize("number_of", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.long
async def test_a_signal_to_the_whole_group_leaves_the_end_to_the_parent(pool: WorkerPool, number_of: int) -> None:
    process = await pool.run(number, timeout=PATIENCE)
    os.kill(process, number_of)
    assert await pool.run(number, timeout=PATIENCE) == process
