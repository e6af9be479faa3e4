"""The events that every log tells under a fixed name, so that programs can search and count them.

A name and its fields stay as they are once they are released. `bot.logs` writes them, for people or for programs. No
event says who a person is or what they asked for.
"""

from __future__ import annotations

import logging

EVENTS = "darkroom"  #: the logger of these events
LOGGERS = ("bot", "comfy", EVENTS)  #: those of this program; all others are of libraries

_log = logging.getLogger(EVENTS)


def process_started(chat: bool, worker: str | None, platforms: tuple[str, ...]) -> None:
    """The process works from now on."""
    _log.info("process_started", extra={"chat": chat, "worker": worker, "platforms": platforms})


def workflow_faulty(file: str, field: str | None, reason: str) -> None:
    """A file in a workflow folder has a mistake, so its workflow is not offered."""
    _log.warning("workflow_faulty", extra={"file": file, "field": field, "reason": reason})


def workflow_mended(file: str) -> None:
    """A file that had a mistake can be used now, or is gone."""
    _log.info("workflow_mended", extra={"file": file})


def workflow_waits(file: str) -> None:
    """A file is as the editor saves it, and no server was seen yet that knows its nodes."""
    _log.info("workflow_waits", extra={"file": file})


def run_taken(run: str, workflow: str, platform: str, *, held: bool) -> None:
    """A request is on disk as a run; if it is held, a moderator decides first."""
    _log.info("run_taken", extra={"run": run, "workflow": workflow, "platform": platform, "held": held})


def run_started(run: str, workflow: str, server: str, attempt: int, *, resumed: bool) -> None:
    """A worker works on a run; if it is resumed, an earlier process may have begun this attempt."""
    given = {"run": run, "workflow": workflow, "server": server, "attempt": attempt, "resumed": resumed}
    _log.info("run_started", extra=given)


def run_ended(
    run: str, state: str, reason: str | None, workflow: str, server: str | None, seconds: float | None
) -> None:
    """The end of a run is on disk, so many seconds after it was asked for. `server` had it last. The reason is not the
    sentence for its person, which may repeat what they wrote.
    """
    given = {"run": run, "state": state, "reason": reason, "workflow": workflow, "server": server, "seconds": seconds}
    _log.info("run_ended", extra=given)


def rules_changed(community: str, edition: int) -> None:
    """Moderators have decided something in a community, or the operator for everywhere, which is an empty one."""
    _log.info("rules_changed", extra={"community": community, "edition": edition})


def server_up(server: str) -> None:
    """A ComfyUI server can be reached."""
    _log.info("server_up", extra={"server": server})


def server_down(server: str) -> None:
    """A ComfyUI server can no longer be reached, or did not answer when the process started."""
    _log.warning("server_down", extra={"server": server})


def server_rests(server: str, failures: int, seconds: float) -> None:
    """A server has failed so many runs in a row, and gets none for so many seconds."""
    _log.warning("server_rests", extra={"server": server, "failures": failures, "seconds": seconds})


def machine_wanted(server: str) -> None:
    """A run wants a server whose machine is stopped, so it is started."""
    _log.info("machine_wanted", extra={"server": server})


def machine_started(server: str, seconds: float) -> None:
    """A server answers, so many seconds after its machine was started."""
    _log.info("machine_started", extra={"server": server, "seconds": seconds})


def machine_idle(server: str) -> None:
    """A server was idle for long, so its machine is stopped."""
    _log.info("machine_idle", extra={"server": server})


def hook_failed(server: str, reason: str) -> None:
    """A machine could not be started or stopped."""
    _log.warning("hook_failed", extra={"server": server, "reason": reason})


def server_drained(server: str, *, drained: bool) -> None:
    """Its operator wants a server to get no runs, or to get runs again."""
    _log.info("server_drained", extra={"server": server, "drained": drained})


def models_unloaded(server: str, reason: str) -> None:
    """A server was told to unload its models, because it was idle or out of memory."""
    _log.info("models_unloaded", extra={"server": server, "reason": reason})


def chat_refused(status: str, reason: str) -> None:
    """A platform did not take a status of a run; a later status, or the result, may still arrive."""
    _log.info("chat_refused", extra={"status": status, "reason": reason})


def worker_lost(worker: str, runs: int) -> None:
    """Another worker no longer answers, and its runs are taken over."""
    _log.warning("worker_lost", extra={"worker": worker, "runs": runs})


def backup_made(file: str, runs: int, files: int, size: int, seconds: float) -> None:
    """A backup is whole, and on disk."""
    _log.info("backup_made", extra={"file": file, "runs": runs, "files": files, "bytes": size, "seconds": seconds})


def backup_failed(reason: str) -> None:
    """A nightly backup could not be made; it is tried again."""
    _log.error("backup_failed", extra={"reason": reason})


def room_short(used: int, free: int | None) -> None:
    """Room for the files of runs gets short: the oldest originals will be deleted. Both are bytes."""
    _log.warning("room_short", extra={"used": used, "free": free})


def originals_deleted(runs: int, files: int, size: int) -> None:
    """The files of the oldest runs were deleted to make room."""
    _log.warning("originals_deleted", extra={"runs": runs, "files": files, "bytes": size})


def erasure_not_noted(file: str, reason: str) -> None:
    """Something was deleted, and the ledger does not say so: a backup that has it would bring it back."""
    _log.error("erasure_not_noted", extra={"file": file, "reason": reason})


def platform_connected(platform: str) -> None:
    """A platform can be reached, and takes requests."""
    _log.info("platform_connected", extra={"platform": platform})


def platform_disconnected(platform: str) -> None:
    """A platform can no longer be reached."""
    _log.warning("platform_disconnected", extra={"platform": platform})


def task_failed(task: str, in_a_row: int, pause: float, reason: str, fault: Exception | None) -> None:
    """A background task failed, and is tried again after a pause; `fault` is for the traceback of an unexpected one."""
    level = logging.WARNING if fault is None else logging.ERROR
    given = {"task": task, "in_a_row": in_a_row, "next_try_in": pause, "reason": reason}
    _log.log(level, "task_failed", extra=given, exc_info=fault)
