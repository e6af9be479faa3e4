"""Endpoints for monitoring: `/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.core import metrics
from bot.core.platform import UNFINISHED, RunRecord, Services, State, Trouble, Weight, database_trouble
from bot.i18n import _
from bot.platforms.web.auth import AccessControl

_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)  # seconds
_PROBED = 1.0  # seconds that the database is taken to answer after it did
_LOOK_BACK = 60.0  # seconds: the clocks of other machines may be behind


class HealthRoutes:
    """The routes `/healthz`, `/readyz` and `/metrics`. Runs are counted from the start of this process on."""

    def __init__(
        self, services: Services, gate: AccessControl, patience: float, clock: Callable[[], float] = time.time
    ) -> None:
        """`patience` is how long, in seconds, the database may take to answer."""
        self._services, self._gate, self._patience, self._clock = services, gate, patience, clock
        self._answered = float("-inf")
        self._probe: asyncio.Task[None] | None = None
        self._since, self._begun = clock(), clock()
        self._counted: dict[str, float] = {}
        self._waiting: dict[State, int] = {}
        self._found: list[Trouble] = []
        self._registry = CollectorRegistry()
        self._ended = Counter(
            "darkroom_runs_ended", "Runs that came to their end.", ["workflow", "outcome"], registry=self._registry
        )
        self._phases = Histogram(
            "darkroom_phase_seconds",
            "How long runs took: in line, at the server, and on their way to the person.",
            ["phase", "workflow"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(self)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._metrics),
        ]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics that are measured at each request."""
        runs = GaugeMetricFamily("darkroom_runs", "Runs that have not ended, by their state.", labels=["state"])
        for state in UNFINISHED:
            runs.add_metric([state], self._waiting.get(state, 0))
        words = "Whether a server can be reached, and how it is: one that is asleep or draining is no alarm."
        servers = GaugeMetricFamily("darkroom_server_up", words, labels=["server", "condition"])
        conditions = self._services.health.conditions()
        for name, up in self._services.health.servers().items():
            servers.add_metric([name, conditions[name]], up)
        yield runs
        yield servers
        remarks = GaugeMetricFamily("darkroom_remarks", "What /readyz remarks on beside faults.", labels=["topic"])
        for topic in self._services.health.tasks.remarks:
            remarks.add_metric([topic], 1)
        yield remarks
        troubles = GaugeMetricFamily(
            "darkroom_trouble", "What is wrong now: its kind, and the one that has it.", labels=["kind", "subject"]
        )
        for each in self._found:
            troubles.add_metric(list(each.key), 1)
        yield troubles
        edits = "Messages sent or edited to show a status or a result."
        failures = "Failures of background tasks, which are started again."
        yield _counted("darkroom_task_failures", failures, self._services.health.tasks.failures, "task")
        yield _counted("darkroom_chat_edits", edits, metrics.edits)
        yield _counted("darkroom_chat_rate_limits", "Times that a platform asked to wait.", metrics.rate_limits)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        """200 if all is well; otherwise 503, with a line for each reason. Lines with what the operator should know
        besides may follow in both cases.
        """
        faults, remarks = [], []
        for each in await self._troubles():
            if each.weight is Weight.FAULT:
                faults.append(each.words)
            elif each.weight is Weight.REMARK:
                remarks.append(each.words)
        if not self._services.health.accepting():
            faults.append(_("it is being stopped"))
        return web.Response(status=503 if faults else 200, text="\n".join([*(faults or ["ok"]), *remarks]) + "\n")

    async def _troubles(self) -> list[Trouble]:
        """Look at all that can be wrong. While the database does not answer, nothing else asks it."""
        health = self._services.health
        if await self._database_answers():
            return await health.troubles()
        return [database_trouble(), *health.own_troubles()]

    async def _database_answers(self) -> bool:
        """Check that the database can be written to soon. One probe at a time, and one a second: a locked database
        gathers no crowd, and a crowd makes no work for the database.
        """
        if self._clock() - self._answered < _PROBED:
            return True
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._services.health.probe(), name="probe of the database")
            self._probe.add_done_callback(_seen)
        done, _waiting = await asyncio.wait({self._probe}, timeout=self._patience)
        answers = bool(done) and not self._probe.cancelled() and self._probe.exception() is None
        if answers:
            self._answered = self._clock()
        return answers

    async def close(self, _application: web.Application) -> None:
        """Wait for the end of a probe that is under way."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait({self._probe})

    async def _metrics(self, request: web.Request) -> web.Response:
        if not await self._gate.shows_token(request):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        await self._count()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _count(self) -> None:
        """Count the runs that ended since the last look, whichever process brought them to their end."""
        now = self._clock()
        self._found = await self._troubles()
        self._waiting = dict(await self._services.runs.counts())
        for run in await self._services.runs.ended_since(max(self._begun, self._since - _LOOK_BACK)):
            if run.id not in self._counted:
                self._counted[run.id] = now
                self._add(run)
        self._counted = {run_id: at for run_id, at in self._counted.items() if now - at <= 2 * _LOOK_BACK}
        self._since = now

    def _add(self, run: RunRecord) -> None:
        self._ended.labels(run.workflow, run.state.value).inc()
        brought = run.ended_at - run.executed_at if run.ended_at and run.executed_at else None
        for phase, seconds in (("waited", run.waited), ("executed", run.took), ("delivered", brought)):
            if seconds is not None:
                self._phases.labels(phase, run.workflow).observe(max(0.0, seconds))


def _counted(name: str, text: str, counts: Mapping[str, int], label: str = "platform") -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _seen(probe: asyncio.Task[None]) -> None:
    """Take notice of a fault, or asyncio logs one that came after the answer."""
    if not probe.cancelled():
        probe.exception()
