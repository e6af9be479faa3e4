"""A pool of processes for work that may hang, fill the memory or crash: pictures, charts, patterns.

Each task has a process to itself. A task that takes too long, or that is cancelled, is ended with its process; a
process that dies costs its task alone. The processes start with the first task and end with this one,
however this one ends.

Arguments and results are pickled: files travel by their paths.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, cast

from bot.core.errors import WorkerDied, WorkerOutOfMemory, WorkerTimedOut
from bot.i18n import _

_Args = TypeVarTuple("_Args")
_T = TypeVar("_T")
_MEMORY = 3 << 30  # bytes: the largest picture that the settings admit takes about half of it
_TASKS = 200  # of one process: libraries may leak
_PATIENCE = 0.3  # seconds: to start a process takes as long, and 20 MB
_START = 2.0  # seconds that one may take to start where others want the processor
SIZE = min(2, os.cpu_count() or 1)

#: A worker reads what others sent us: it gets no token and no address of the settings.
_KEPT = ("PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH")
_KEPT_BEGINNINGS = ("LC_", "XDG_")

_in_threads = ContextVar("in_threads", default=False)


@dataclass(eq=False)
class _Task:
    """A call, and the process that works on it at the moment."""

    call: tuple[Callable[..., Any], tuple[Any, ...], float]
    ended: WorkerTimedOut | WorkerDied | None = None
    _process: subprocess.Popen[bytes] | None = None
    _begun: float | None = None
    _due: asyncio.TimerHandle | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """End it once a process has been at work on it for too long."""
        self._look()
        try:
            yield
        finally:
            if self._due is not None:
                self._due.cancel()

    def _look(self) -> None:
        seconds = self.call[2]
        left = seconds if self._begun is None else self._begun + seconds - time.monotonic()
        if left > 0:
            self._due = asyncio.get_running_loop().call_later(left, self._look)
        else:
            self.end(_late(seconds))

    def given_to(self, process: subprocess.Popen[bytes] | None) -> None:
        with self._lock:
            self._process, self._begun = process, time.monotonic()
            if process is not None and self.ended is not None:
                process.kill()

    def end(self, why: WorkerTimedOut | WorkerDied) -> None:
        """Kill the process that works on it, now or as soon as there is one."""
        with self._lock:
            self.ended = why
            if self._process is not None:
                self._process.kill()


class WorkerPool:
    """At most `size` processes at once, each with a bound on its memory."""

    def __init__(
        self, size: int = SIZE, memory: int = _MEMORY, tasks: int = _TASKS, patience: float = _PATIENCE
    ) -> None:
        """`patience` is how long, in seconds, a task waits for a process that is at work before it starts another."""
        self._memory, self._tasks, self._patience = memory, tasks, patience
        self._threads = ThreadPoolExecutor(size, "pool")
        self._lock = threading.Condition()
        self._idle: list[_Worker] = []
        self._starting = 0  # processes that have not given their first answer
        self._busy: set[_Task] = set()
        self._closed = False
        atexit.register(self.close)

    async def run(self, function: Callable[[*_Args], _T], *args: *_Args, timeout: float) -> _T:  # noqa: ASYNC109 - it kills
        """Call a function of a module in a process, within so many seconds from the moment that it begins.

        What it raises is raised here. Raises `WorkerFailed` where its process takes too long, wants too
        much memory, or dies.
        """
        task = _Task((function, tuple(map(_anywhere, args)), timeout))
        try:
            with task.watched():
                return cast("_T", await asyncio.get_running_loop().run_in_executor(self._threads, self._work, task))
        finally:
            task.end(_died())  # it has ended already, unless we were cancelled

    def close(self) -> None:
        """End all processes; what they work on fails. It is done at the end of this process as well."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            self._lock.notify_all()
            idle, self._idle = self._idle, []
            for task in self._busy:
                task.end(_died())
        for worker in idle:
            worker.stop()
        self._threads.shutdown(cancel_futures=True)

    def _work(self, task: _Task) -> object:
        try:
            worker = self._take(task)
            try:
                answer = worker.call(task)
            finally:
                self._give_back(worker)
        finally:
            with self._lock:
                self._busy.discard(task)
        match answer:
            case "raised", MemoryError():
                raise WorkerOutOfMemory(_("This takes more memory than there is for it: please try something smaller."))
            case "raised", BaseException() as error:
                raise error
            case _:
                return answer[1]

    def _take(self, task: _Task) -> _Worker:
        with self._lock:
            self._busy.add(task)
            if not self._idle and len(self._busy) > 1:
                self._wait_for_others(task)
            if self._closed or task.ended:
                raise task.ended or _died()
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                worker.stop()
            self._starting += 1
        try:
            return _Worker(self._memory)
        except BaseException:
            with self._lock:
                self._starting -= 1
            raise

    def _wait_for_others(self, task: _Task) -> None:
        """Wait for a process that is just starting, and a while for one that is at work."""

        def is_over() -> object:
            return self._idle or self._closed or task.ended

        if self._starting:
            self._lock.wait_for(lambda: is_over() or not self._starting, _START)
        self._lock.wait_for(is_over, self._patience)

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker.is_new:
                worker.is_new, self._starting = False, self._starting - 1
                self._lock.notify_all()
            if worker.is_good and worker.done < self._tasks and not self._closed:
                self._idle.append(worker)
                self._lock.notify()
                return
        worker.stop()


class _Worker:
    """One process. It ends when the pipe to it does, so none is left where we are killed."""

    def __init__(self, memory: int) -> None:
        command = [sys.executable, "-m", "bot.core.pool.pool_worker", str(memory)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=_environment())  # noqa: S603 - our own
        self.is_new, self.is_good, self.done = True, True, 0

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, task: _Task) -> tuple[str, Any]:
        """Run a task in the worker and return its outcome. Raises `WorkerFailed`."""
        try:
            sent = pickle.dumps(task.call)
            task.given_to(self._process)
            answer = cast("tuple[str, Any]", self._asked(sent))
        except (EOFError, OSError, pickle.UnpicklingError) as fault:
            self.is_good = False
            raise task.ended or _died() from fault
        finally:
            task.given_to(None)
        self.done += 1
        self.is_good = task.ended is None and not isinstance(answer[1], MemoryError)
        return answer

    def _asked(self, sent: bytes) -> object:
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None and answers is not None  # noqa: S101, PT018 - both are pipes
        given.write(len(sent).to_bytes(8, "big") + sent)
        given.flush()
        return pickle.load(answers)  # noqa: S301 - from our own process

    def stop(self) -> None:
        self._process.kill()
        with suppress(OSError):
            self._process.communicate()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_BEGINNINGS)}
    return {**kept, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}


def _anywhere(value: object) -> object:
    """A process works in the folder that was ours when it started."""
    return value.absolute() if isinstance(value, Path) else value


def _late(seconds: float) -> WorkerTimedOut:
    words = _("This was stopped because it takes longer than {seconds:g} seconds. Please try something smaller.")
    return WorkerTimedOut(words.format(seconds=seconds))


def _died() -> WorkerDied:
    return WorkerDied(_("The work on this has stopped in the middle: please try again, or try another file."))


_shared = WorkerPool()


async def run_apart(function: Callable[[*_Args], _T], *args: *_Args, timeout: float) -> _T:  # noqa: ASYNC109 - it kills
    """Call a function in the pool that all parts of this process share. Raises what it raises, or `WorkerFailed`."""
    if _in_threads.get():
        return await asyncio.to_thread(function, *args)
    return await _shared.run(function, *args, timeout=timeout)


_alone = WorkerPool(1)


async def run_alone(function: Callable[[*_Args], _T], *args: *_Args, timeout: float) -> _T:  # noqa: ASYNC109 - it kills
    """Call a function as `run_apart` does, one after the other: for what keeps every core busy."""
    return await _alone.run(function, *args, timeout=timeout)


@contextmanager
def in_threads() -> Iterator[None]:
    """Do without processes here: for a command that works on the person's own file once, and is ended with Ctrl-C."""
    token = _in_threads.set(True)
    try:
        yield
    finally:
        _in_threads.reset(token)
