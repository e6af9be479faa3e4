"""The main program of a pool process: it runs one task after another until the pipe from its parent closes."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from typing import Any, BinaryIO

_GRACE = 2.0  # seconds after which the system ends a task by itself, where the parent is gone and cannot


def main() -> None:
    """Answer each task with what it returned or raised."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the parent, which finishes what it has begun and ends us
    given, answers = _pipes()
    _bound(int(sys.argv[1]))
    tasks = queue.SimpleQueue[bytes]()
    threading.Thread(target=_read, args=(given, tasks), daemon=True).start()
    while True:
        sent = tasks.get()
        answers.write(_answer(sent))
        answers.flush()


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes from and to the parent; what a library prints goes to the log instead."""
    given, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return given, answers


def _bound(memory: int) -> None:
    """Let the system refuse more memory than this, where it can."""
    try:
        import resource
    except ImportError:
        return
    for name in ("RLIMIT_AS", "RLIMIT_DATA"):
        limit = getattr(resource, name, None)
        if limit is not None:
            most = resource.getrlimit(limit)[1]
            allowed = memory if most == resource.RLIM_INFINITY else min(memory, most)
            resource.setrlimit(limit, (allowed, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(given: BinaryIO, tasks: queue.SimpleQueue[bytes]) -> None:
    """Beside the work, so that a worker whose parent is gone ends in the middle of it."""
    try:
        while True:
            tasks.put(_frame(given))
    finally:
        os._exit(0)


def _frame(given: BinaryIO) -> bytes:
    size = int.from_bytes(_exactly(given, 8), "big")
    return _exactly(given, size)


def _exactly(given: BinaryIO, size: int) -> bytes:
    data = given.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _answer(sent: bytes) -> bytes:
    try:
        function, args, seconds = pickle.loads(sent)  # noqa: S301 - from our own parent
        _alarm(seconds + _GRACE)
        return pickle.dumps(("returned", function(*args)))
    except Exception as error:  # noqa: BLE001 - it is the parent's
        return _raised(error)
    finally:
        _alarm(0)


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _raised(error: Exception) -> bytes:
    """An error that the parent can read, or else one that says the same."""
    error.add_note("In a worker:\n" + "".join(traceback.format_exception(error)))
    try:
        sent = pickle.dumps(("raised", error))
        pickle.loads(sent)  # noqa: S301 - our own
    except (pickle.PickleError, TypeError, AttributeError, ValueError, ImportError, RecursionError) as fault:
        told: Any = RuntimeError(f"{error!r}, which cannot be sent: {fault!r}")
        return pickle.dumps(("raised", told))
    return sent


if __name__ == "__main__":
    main()
