"""For whoever watches over the program: whether it lives, whether it can serve, and what there is to measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.core import metrics
from bot.core.errors import StorageFailed
from bot.core.platform import UNFINISHED, RunRecord, Services, State
from bot.i18n import _
from bot.platforms.web.auth import AccessControl

_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)  # seconds
_LOOK_BACK = 60.0  # seconds: the clocks of other machines may be behind


class HealthRoutes:
    """The routes `/healthz`, `/readyz` and `/metrics`. Runs are counted from the start of this process on."""

    def __init__(self, services: Services, gate: AccessControl, clock: Callable[[], float] = time.time) -> None:
        self._services, self._gate, self._clock = services, gate, clock
        self._since, self._begun = clock(), clock()
        self._counted: dict[str, float] = {}
        self._waiting: dict[State, int] = {}
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
        """What is measured at the moment of asking."""
        runs = GaugeMetricFamily("darkroom_runs", "Runs that have not ended, by their state.", labels=["state"])
        for state in UNFINISHED:
            runs.add_metric([state], self._waiting.get(state, 0))
        servers = GaugeMetricFamily("darkroom_server_up", "Whether a server can be reached.", labels=["server"])
        for name, up in self._services.health.servers().items():
            servers.add_metric([name], up)
        yield runs
        yield servers
        edits = "Messages sent or edited to show a status or a result."
        yield _counted("darkroom_chat_edits", edits, metrics.edits)
        yield _counted("darkroom_chat_rate_limits", "Times that a platform asked to wait.", metrics.rate_limits)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        """Ready are a database that answers, a server that can be reached, and a program that takes requests."""
        faults = []
        try:
            await self._services.runs.counts()
        except StorageFailed:
            faults.append(_("the database does not answer"))
        if not any(self._services.health.servers().values()):
            faults.append(_("no ComfyUI server can be reached"))
        if not self._services.health.accepting():
            faults.append(_("it is being stopped"))
        return web.Response(status=503 if faults else 200, text="\n".join(faults or ["ok"]) + "\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        if not await self._gate.shows_token(request):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        await self._count()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _count(self) -> None:
        """Count the runs that ended since the last look, whichever process brought them to their end."""
        now = self._clock()
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


def _counted(name: str, text: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=["platform"])
    for platform, count in counts.items():
        family.add_metric([platform], count)
    return family
