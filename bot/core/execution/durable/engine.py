"""Durable execution, on DBOS: what a step has answered is on disk, and after another crash it is not asked for again.

DBOS knows one engine a process. Attempts run on the event loop that opened it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from dbos import DBOS, SetWorkflowID
from sqlalchemy import URL, create_engine, event
from sqlalchemy import Engine as SyncEngine
from sqlalchemy.exc import DBAPIError

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import StorageAway
from bot.core.execution.durable.leftovers import FILE, unusable
from bot.core.execution.durable.step import AttemptFunction
from bot.core.storage.database import Database, make_private
from bot.core.together import end_all
from bot.i18n import _

WORKFLOW = "develop"  #: on disk, as the names of the steps are
_APPLICATION, _VERSION = "darkroom", "1"  # on disk too
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_UNENDED = ["PENDING", "ENQUEUED"]
_TIDY_EVERY, _AT_ONCE = 60.0, 100  # seconds, and attempts


class DurableEngine:
    """Use it in `async with`; attempts that an earlier process of the same worker left behind go on at once."""

    def __init__(
        self, database: Database, folder: Path, worker: str, attempt: AttemptFunction, tasks: TaskHealth
    ) -> None:
        """`folder` holds the engine's own tables where the database is not a server."""
        self._database = database
        self._url = database.driver_url if database.is_shared else database.driver_url.set(database=str(folder / FILE))
        self._sqlite = None if database.is_shared else _quick(self._url)
        self._worker, self._attempt = worker, attempt
        self._left_behind: set[str] | None = None  # by an earlier process, and not begun again; None: not known
        self._tasks: set[asyncio.Task[Any]] = set()
        self._begun = set[str]()  # before it was known what an earlier process left behind
        self._is_ending = False
        self._tidying = BackgroundTask("engine cleanup", tasks)

    async def __aenter__(self) -> DurableEngine:
        loop = asyncio.get_running_loop()

        async def develop(run_id: str, attempt: int) -> None:
            work = self._develop(run_id, attempt)
            if asyncio.get_running_loop() is loop:
                await work
            else:  # DBOS takes a loop of its own if ours does not run at that moment
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

        if self._sqlite is not None:
            await asyncio.to_thread(make_private, self._url)
        self._workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(develop)
        self._dbos = DBOS(
            config={
                "name": _APPLICATION,
                "system_database_url": self._url.render_as_string(hide_password=False),
                # Any process of a version takes up what another one of it left behind: so each worker is a version.
                "application_version": f"{_VERSION} {self._worker}",
                "system_database_engine": self._sqlite,
                "db_engine_kwargs": {"hide_parameters": True},  # people's words stay out of errors
                "executor_id": self._worker,
                "log_level": "CRITICAL",  # a launch that fails is said in our words
                "notification_listener_polling_interval_sec": 0.1,  # its thread sleeps as long at the end
            }
        )
        try:
            await self._launch()
        except (DBAPIError, OSError, StorageAway) as fault:
            await self.__aexit__(type(fault), fault, fault.__traceback__)
            raise unusable(fault) from fault
        except BaseException as end:  # it is to end before it has begun
            await self.__aexit__(type(end), end, end.__traceback__)
            raise
        self._tidying.repeat(self._tidy, _TIDY_EVERY)
        return self

    async def _launch(self) -> None:
        async with self._database.alone("engine"):  # it makes its tables, and two that do so at once collide
            if self._database.is_shared:  # where that waits for all to end their transactions, ours among them
                await asyncio.to_thread(DBOS.migrate, self._url.render_as_string(hide_password=False))
            DBOS.launch()  # on the loop's own thread, so that it finds the loop
        logging.getLogger("dbos").setLevel(logging.ERROR)
        unended = await DBOS.list_workflows_async(
            status=_UNENDED, app_version=f"{_VERSION} {self._worker}", load_input=False, load_output=False
        )
        self._left_behind = {each.workflow_id for each in unended} - self._begun
        self._rest_if_done()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of what is under way: it goes on when a process of this worker starts again."""
        self._is_ending = True
        await self._tidying.stop()
        while self._tasks:
            await end_all(self._tasks)
            await asyncio.sleep(0)  # who awaits one takes note
        await self._close()

    async def _close(self) -> None:
        # Its own threads stand in the place of the loop's, and drop what they have not begun when they end. So the loop
        # gets others, and a last job, which they begin after all that they were given by anybody.
        loop = asyncio.get_running_loop()
        last = loop.run_in_executor(None, lambda: None)
        loop.set_default_executor(ThreadPoolExecutor())
        await last
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        if self._sqlite is not None:
            self._sqlite.dispose()

    async def start(self, run_id: str, attempt: int) -> None:
        """Begin an attempt; when this returns it is on disk, and one that was begun before is not begun again.

        Raises `StorageFailed`.
        """
        with _in_words(), SetWorkflowID(_workflow_id(run_id, attempt)):
            await DBOS.start_workflow_async(self._workflow, run_id, attempt)

    async def _develop(self, run_id: str, attempt: int) -> None:
        if self._is_ending:  # an attempt that begins only now finds no engine; it goes on with the next process
            raise asyncio.CancelledError
        self._note_begun(_workflow_id(run_id, attempt))
        task = asyncio.create_task(self._attempt(run_id, attempt, _step), name=f"run {run_id}")
        self._tasks.add(task)
        try:
            await task
        finally:
            if not task.done():
                task.cancel()
            self._tasks.discard(task)

    def _note_begun(self, workflow_id: str) -> None:
        if self._left_behind is None:
            self._begun.add(workflow_id)
        elif self._left_behind:
            self._left_behind.discard(workflow_id)
            self._rest_if_done()

    def _rest_if_done(self) -> None:
        """End the engine's threads that ask the database every second, once all that was left behind has begun: they
        are for its queues, schedules, timeouts and messages, and nothing here has any.
        """
        if not self._left_behind:
            for event in (*self._dbos.background_thread_stop_events, self._dbos._background_jobs_stop_event):  # noqa: SLF001
                event.set()
            self._dbos._sys_db._run_background_processes = False  # noqa: SLF001

    async def _tidy(self) -> None:
        async with self._database.alone("engine tidies up"):
            await self._forget_ended()

    async def _forget_ended(self) -> None:
        """Forget attempts that have ended, however they did and in whatever process: what there is to know of them
        stands in the records.
        """
        while True:
            ended = await DBOS.list_workflows_async(status=_ENDED, limit=_AT_ONCE, load_input=False, load_output=False)
            if not ended:
                return
            await DBOS.delete_workflows_async([each.workflow_id for each in ended])


def _workflow_id(run_id: str, attempt: int) -> str:
    """An attempt's name on disk."""
    return f"{run_id}/{attempt}"


def _quick(url: URL) -> SyncEngine:
    """SQLite as DBOS has it, but for that it survives a crash without waiting for the disk at each step."""
    engine = create_engine(url, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            "busy_timeout=30000",
            "foreign_keys=ON",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


async def _step(name: str, work: Callable[[], Coroutine[Any, Any, str]]) -> str:
    with _in_words():
        return await DBOS.run_step_async({"name": name}, work)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except DBAPIError as fault:
        raise StorageAway(_("How far this run is cannot be written down: the disk may be full.")) from fault
