"""What a monitor is told: that the process lives, whether it can serve, and why not."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.core.metrics import rate_limited
from bot.core.platform import UNFINISHED, Services, State
from bot.core.port import TokenRefused
from bot.core.servers.condition import Condition
from bot.process import Role, _attended
from tests.bot.databases import locked
from tests.bot.harness import RecordingPlatform, until
from tests.bot.platforms.web.pages import Visitor, page

ROOT = Path(__file__).parents[4]
DEPLOY, GUIDE = ROOT / "deploy", ROOT / "docs" / "page.md"
_LIMITS = {"patience": 0.05, "wait": 0.1}  # seconds, of the database


async def reasons(visitor: Visitor) -> list[str]:
    """Why the process is not ready; nothing if it is."""
    status, text, _headers = await visitor.get("readyz")
    lines = text.decode().splitlines()
    assert (status, lines == ["ok"]) in {(200, True), (503, False)}
    return [] if status == 200 else lines


async def _taken(visitor: Visitor, workflow: str, **values: str) -> str:
    """Ask until the database, which has little patience here, takes the run."""
    answers: list[dict[str, Any]] = []

    async def is_taken() -> bool:
        status, said = await visitor.ask(workflow, **values)
        answers.append(said)
        assert status in (200, 201, 202, 503), said
        return "id" in said

    await until(is_taken)
    return str(answers[-1]["id"])


@pytest.mark.long
async def test_a_database_that_another_program_locks_is_told_and_all_tasks_go_on_afterwards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        page(tmp_path, limits=_LIMITS, patience=0.05) as web,
        Visitor(web.url) as ann,
        Visitor(web.url) as ben,
    ):

        async def turns_fail() -> bool:
            return any("“turns”" in line for line in await reasons(ann))

        async def database_is_away() -> bool:
            return "the database does not answer" in await reasons(ann)

        async def is_ready() -> bool:
            return not await reasons(ann)

        await until(is_ready)
        asked = [(ann, await _taken(ann, "gated", gate=gate)) for gate in ("executed", "ahead")]
        asked.append((ben, await _taken(ben, "gated", gate="in line")))
        async with locked(tmp_path / "darkroom.db"):
            web.gates.open("executed")
            answers = await asyncio.gather(*(ann.ask("plain", color=str(number)) for number in range(8)))
            assert {status for status, _said in answers} == {503}
            await until(turns_fail)
            await until(database_is_away)
            assert (await ann.get("healthz"))[:2] == (200, b"ok\n")
            web.gates.open()
        asked.append((ann, await _taken(ann, "plain", color="7")))
        for visitor, run_id in asked:
            await visitor.until(run_id, "done")
        await until(is_ready)
        _status, figures, _headers = await ann.get("metrics")
        assert b'darkroom_task_failures_total{task="turns"}' in figures
    gc.collect()
    assert not [each for each in caplog.messages if "never retrieved" in each]


@pytest.mark.long
async def test_a_platform_that_is_not_connected_is_told(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        web.services.health.tasks.disconnected("discord")
        assert await reasons(ann) == ["the platform discord is not connected"]
        web.services.health.tasks.connected("discord")
        assert await reasons(ann) == []


@pytest.mark.long
async def test_a_chat_that_no_longer_takes_the_token_is_told(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        health = web.services.health

        class Chat(RecordingPlatform):
            async def serve(self, services: Services) -> None:
                raise TokenRefused("TELEGRAM_TOKEN: Telegram no longer takes this token. Set a new one.")

        attended = asyncio.create_task(_attended(Chat("telegram"), web.services, health.tasks))

        async def is_told() -> bool:
            return await reasons(ann) == ["TELEGRAM_TOKEN: Telegram no longer takes this token. Set a new one."]

        await until(is_told)
        _status, figures, _headers = await ann.get("metrics")
        assert b'darkroom_trouble{kind="token",subject="telegram"} 1.0' in figures
        attended.cancel()
        health.tasks.connected("telegram")
        health.tasks.well("telegram")
        assert await reasons(ann) == []


async def test_a_process_that_is_being_stopped_or_has_no_server_is_not_ready(tmp_path: Path) -> None:
    async with page(tmp_path, Role(worker=None)) as web, Visitor(web.url) as ann:
        assert await reasons(ann) == ["no ComfyUI server can be reached"]
        web.services.runs.accepting = False
        assert await reasons(ann) == ["no ComfyUI server can be reached", "it is being stopped"]


@pytest.mark.long
async def test_many_questions_make_little_work_for_the_database(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        asked, probe = 0, web.services.health.probe

        async def counted() -> None:
            nonlocal asked
            asked += 1
            await probe()

        object.__setattr__(web.services.health, "probe", counted)
        begun = time.monotonic()
        for _number in range(100):
            assert await reasons(ann) == []
        assert 1 <= asked <= 1 + time.monotonic() - begun


@pytest.mark.long
async def test_each_figure_of_the_alerts_and_of_the_dashboard_is_told(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("plain", color="7")
        await ann.until(taken["id"], "done")
        rate_limited("web")
        web.services.health.tasks.failed("turns")
        web.services.health.tasks.remark("server one", "it rests")
        _status, figures, _headers = await ann.get("metrics")
    there = dict[str, set[str]]()
    for line in figures.decode().splitlines():
        if found := re.match(r"(darkroom_\w+)(?:\{(.*)\})? ", line):
            there.setdefault(found[1], set()).update(re.findall(r'(\w+)="', found[2] or ""))
    words = {"kind": _kinds(), "condition": {*Condition}, "state": {*UNFINISHED}, "outcome": {*State}}
    asked = 0
    for expression in _expressions():
        for name, chosen in re.findall(r"(darkroom_\w+)(?:\{([^}]*)\})?", expression):
            assert name in there, expression
            for label, _operator, values in re.findall(r'(\w+)(=~?)"([^"]*)"', chosen):
                assert label in there[name], expression
                assert label not in words or {*values.split("|")} <= words[label], expression
            asked += 1
        grouped = {
            each
            for names in re.findall(r"\b(?:by|without|on|ignoring) \(([^)]*)\)", expression)
            for each in names.split(", ")
        }
        assert grouped <= {"instance", *(label for labels in there.values() for label in labels)}, expression
    assert asked > 30


def _expressions() -> Iterator[str]:
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads((DEPLOY / "grafana" / "darkroom.json").read_text(encoding="utf-8"))["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def _kinds() -> set[str]:
    """Return the kinds of troubles, as the guide lists them."""
    line = next(
        each for each in GUIDE.read_text(encoding="utf-8").splitlines() if each.startswith("| `darkroom_trouble`")
    )
    return set(re.findall(r"`(\w+)`", line)) - {"darkroom_trouble"}
