"""Runs that cost money: off until the operator permits them, never above a ceiling, and never posted twice."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.core.errors import NotAllowed, TooMany
from bot.core.model import Failed, Place
from bot.core.platform import OPERATOR, RuleTarget
from bot.core.run import State
from bot.core.storage.database import Database
from bot.core.storage.schema import charges
from bot.server_settings import NamedServer
from bot.settings import Secret
from bot.stores import hand_over
from comfy.client import ComfyClient
from comfy.embedded.node import NodeType
from comfy.prices import Price
from comfy.prompt import Prompt
from tests.bot.harness import (
    ANN,
    BEN,
    HERE,
    MOD,
    Gates,
    House,
    QuickSettings,
    RecordingPlatform,
    WatchedServer,
    failing,
    house,
    running,
    until,
)
from tests.partner import BY_SECOND, EXPRESSION, KEY, RANGE, Partner, graph

PARTNER = "partner"  #: a workflow that costs money
_TEN_CENTS = 0.1 * 211


def write_partner(folder: Path, name: str = PARTNER, gated: bool = False) -> None:
    """Write a workflow that costs money; with `gated` it waits at a gate after that."""
    nodes: dict[str, Any] = graph()
    if gated:
        nodes["3"] = {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": ""}}
        nodes["2"]["inputs"]["images"] = ["3", 0]
    made = folder / "workflows"
    made.mkdir(parents=True, exist_ok=True)
    (made / f"{name}.json").write_text(json.dumps(nodes))
    fields = {"text": "1.text", "size": "1.size"}
    tables = [
        f'[fields.{field}]\ntarget = "#{target}"\nrequired = {str(field == "text").lower()}\n'
        for field, target in fields.items()
    ]
    (made / f"{name}.toml").write_text('title = "Partner"\n' + "".join(tables))


async def permit(home: House, most: int | None = 1000, workflow: str = PARTNER) -> None:
    """Have the operator permit to spend money, and a moderator allow the workflow."""
    await home.services.moderation.spending(OPERATOR, HERE, most)
    await home.services.moderation.allow(MOD, HERE, RuleTarget(workflow=workflow))


async def credits_of(folder: Path, run_id: str) -> float | None:
    """Return the credits that a run counts; None if its charge was given back."""
    async with Database.in_folder(folder) as database, database.read() as connection:
        question = select(charges.c.credits).where(charges.c.run_id == run_id)
        found: float | None = (await connection.execute(question)).scalar_one_or_none()
        return found


@asynccontextmanager
async def paid_house(
    folder: Path, partner: Partner, *, gates: Gates | None = None, **settings: Any
) -> AsyncIterator[tuple[House, WatchedServer]]:
    """A house with one server that has nodes of a partner. It is open to all, up to 1,000 credits."""
    write_partner(folder, gated=gates is not None)
    nodes: dict[str, NodeType] = {**partner.nodes(), **(gates.nodes() if gates is not None else {})}
    async with (
        WatchedServer(nodes=nodes) as server,
        house(folder, servers=[server], account_key=Secret(KEY), **settings) as home,
    ):
        await permit(home)
        yield home, server


async def offered_price(home: House) -> str:
    """Return the price that a list of workflows has."""
    offers = await home.services.workflows.offers(ANN, HERE)
    return next(offer.price for offer in offers if offer.workflow.name == PARTNER)


def _names(home: House) -> list[str]:
    return [each.name for each in home.services.workflows.allowed(ANN, HERE)]


async def test_nothing_that_costs_money_is_offered_until_the_operator_permits_it(tmp_path: Path) -> None:
    write_partner(tmp_path)
    async with (
        WatchedServer(nodes=Partner().nodes()) as server,
        house(tmp_path, servers=[server], account_key=Secret(KEY)) as home,
    ):
        moderation = home.services.moderation
        assert "plain" in _names(home)
        assert PARTNER not in _names(home)
        await moderation.allow(MOD, HERE)  # a moderator cannot
        said = await moderation.allow(MOD, HERE, RuleTarget(workflow=PARTNER))
        assert said.startswith(f"“{PARTNER}” is allowed everywhere here. But it costs money, and the operator does not")
        assert PARTNER not in _names(home)
        told = await moderation.problems.text(OPERATOR, HERE)
        assert "It costs money, and that is permitted nowhere. The operator can permit it under" in told
        with pytest.raises(NotAllowed, match="costs money, and the operator of this bot does not permit that here"):
            await home.ask(PARTNER, text="a fox")
        with pytest.raises(NotAllowed, match="Only the operator"):
            await moderation.spending(MOD, HERE, 1000)
        said = await moderation.spending(OPERATOR, HERE, 1000)
        assert said == "Nodes that cost money are permitted everywhere here, for at most 1,000 credits per day."
        assert PARTNER in _names(home)
        assert "costs money" not in await moderation.problems.text(OPERATOR, HERE)
        assert (await moderation.allow(MOD, HERE, RuleTarget(workflow=PARTNER))).endswith("is allowed everywhere here.")
        await moderation.spending(OPERATOR, HERE, 0, everywhere=True)
        assert PARTNER not in _names(home)


@pytest.mark.long
async def test_what_is_allowed_by_default_costs_no_money(tmp_path: Path) -> None:
    write_partner(tmp_path)
    async with WatchedServer(nodes=Partner().nodes()) as server:
        for default, offered in (("all", False), (PARTNER, True)):
            async with house(tmp_path, servers=[server], default_workflows=default) as home:
                await home.services.moderation.spending(OPERATOR, HERE, 1000)
                assert (PARTNER in _names(home)) is offered


@pytest.mark.long
async def test_moderators_can_only_narrow_what_the_operator_permits(tmp_path: Path) -> None:
    async with paid_house(tmp_path, Partner()) as (home, _server):
        moderation = home.services.moderation
        (spending,) = [rule for rule in moderation.own_rules("test:guild") if rule.kind == "spending"]
        with pytest.raises(NotAllowed):
            await moderation.drop(MOD, HERE, spending)
        await moderation.drop(OPERATOR, HERE, spending)
        with pytest.raises(NotAllowed):
            await moderation.undo(MOD, HERE)  # which would permit it again
        await moderation.undo(OPERATOR, HERE)
        await moderation.limit(MOD, HERE, "credits", 30)
        exported = await moderation.export(MOD, HERE)
        assert "spending" in exported
        await moderation.spending(OPERATOR, HERE, None)
        await moderation.import_(MOD, HERE, exported)
        assert PARTNER not in _names(home)
        await moderation.spending(OPERATOR, HERE, 1000)
        await home.ended((await home.ask(PARTNER, text="one"))[0])
        with pytest.raises(TooMany, match=r"30 credits per day.* 8\.9 credits are left"):
            await home.ask(PARTNER, text="two")
        await home.ended((await home.ask(PARTNER, person=BEN, text="three"))[0])


@pytest.mark.long
async def test_a_run_shows_its_price_and_counts_it(tmp_path: Path) -> None:
    partner = Partner()
    async with paid_house(tmp_path, partner) as (home, server):
        run_id, shown = await home.ask(PARTNER, text="a fox", size="large")
        (run,) = await home.ended(run_id)
        assert (run.state, partner.charged) == (State.DONE, ["a fox"])
        assert shown.brief is not None
        assert shown.brief.price == run.price == Price(2 * _TEN_CENTS, 2 * _TEN_CENTS)
        assert await credits_of(tmp_path, run_id) == pytest.approx(2 * _TEN_CENTS)
        assert server.calls["POST /prompt"] == 1
        statuses = await home.services.workflows.allowance(ANN, HERE, PARTNER)
        assert [str(each) for each in statuses] == [
            "1,000 credits per day everywhere here, for all people together, 957.8 credits left"
        ]
        assert await home.services.workflows.allowance(ANN, HERE, "plain") == []


@pytest.mark.long
async def test_the_upper_end_of_a_range_is_reserved_before_a_run_starts(tmp_path: Path) -> None:
    gates = Gates()
    async with paid_house(tmp_path, Partner(RANGE), gates=gates) as (home, _server):
        await home.services.moderation.spending(OPERATOR, HERE, 100)
        answers = await asyncio.gather(
            *(home.ask(PARTNER, person=person, text=text) for person in (ANN, BEN) for text in "ab"),
            return_exceptions=True,
        )
        assert [type(each) for each in answers].count(TooMany) == 3  # each may cost 63.3
        refusals = [str(each) for each in answers if isinstance(each, TooMany)]
        assert "36.7 credits are left, and this run costs up to 63.3 credits." in refusals[0]
        gates.open()
        await home.ended(*(each[0] for each in answers if not isinstance(each, BaseException)))


async def test_without_a_number_the_operators_own_price_counts(tmp_path: Path) -> None:
    async with paid_house(tmp_path, Partner(BY_SECOND)) as (home, _server):
        assert await offered_price(home) == ""
        with pytest.raises(NotAllowed, match="not known in advance what “partner” costs"):
            await home.ask(PARTNER, text="a fox")
        with pytest.raises(NotAllowed):
            await home.services.moderation.price(MOD, HERE, PARTNER, 50)
        assert await home.services.moderation.price(OPERATOR, HERE, PARTNER, 50) == (
            "A run of “partner” counts as 50 credits if its nodes do not say what they cost."
        )
        assert await offered_price(home) == "50 credits ($0.24)"
        run_id, _shown = await home.ask(PARTNER, text="a fox")
        (run,) = await home.ended(run_id)
        assert (run.state, run.price) == (State.DONE, Price(50, 50, is_declared=False))


@pytest.mark.long
async def test_a_paid_run_whose_server_restarted_is_not_posted_again(tmp_path: Path) -> None:
    gates, partner = Gates(), Partner()
    async with paid_house(tmp_path, partner, gates=gates) as (home, server):
        run_id, shown = await home.ask(PARTNER, text="a fox")
        await home.platform.until(running(shown))
        await until(_charged(partner))
        gates.open()
        await server.restart()
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, server.calls["POST /prompt"]) == (State.FAILED, 1, 1)
        assert run.sentence is not None
        assert run.sentence.endswith(
            "It may have cost up to 21.1 credits ($0.10), so it is not started again by itself."
        )
        end = Failed(run.sentence)
        await home.platform.until(lambda: shown.last == end)
        assert await credits_of(tmp_path, run_id) == pytest.approx(_TEN_CENTS)


@pytest.mark.long
async def test_a_paid_run_is_not_posted_to_another_server(tmp_path: Path) -> None:
    write_partner(tmp_path, gated=True)
    gates, partner = Gates(), Partner()
    nodes = {**partner.nodes(), **gates.nodes()}
    async with (
        WatchedServer(nodes=nodes) as one,
        WatchedServer(nodes=nodes) as two,
        house(tmp_path, servers=[one, two], account_key=Secret(KEY), gone_after=0.02) as home,
    ):
        await permit(home)
        run_id, shown = await home.ask(PARTNER, text="a fox")
        await home.platform.until(running(shown))
        await until(_charged(partner))
        gates.open()
        await (one if one.calls["POST /prompt"] else two).stop()
        (run,) = await home.ended(run_id)
        assert (run.state, partner.charged) == (State.FAILED, ["a fox"])
        assert one.calls["POST /prompt"] + two.calls["POST /prompt"] == 1


@pytest.mark.long
async def test_a_paid_run_goes_on_with_its_prompt_after_a_restart_of_the_bot(tmp_path: Path) -> None:
    write_partner(tmp_path, gated=True)
    gates, partner, platform = Gates(), Partner(), RecordingPlatform()
    async with WatchedServer(nodes={**partner.nodes(), **gates.nodes()}) as server:
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            await permit(home)
            run_id, shown = await home.ask(PARTNER, text="a fox")
            await platform.until(running(shown))
        gates.open()
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            (run,) = await home.ended(run_id)
        assert (run.state, partner.charged, server.calls["POST /prompt"]) == (State.DONE, ["a fox"], 1)
        assert len(shown.results) == 1


@pytest.mark.long
async def test_a_paid_run_that_its_server_lost_while_the_bot_was_away_ends(tmp_path: Path) -> None:
    write_partner(tmp_path, gated=True)
    gates, partner, platform = Gates(), Partner(), RecordingPlatform()
    async with WatchedServer(nodes={**partner.nodes(), **gates.nodes()}) as server:
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            await permit(home)
            run_id, shown = await home.ask(PARTNER, text="a fox")
            await platform.until(running(shown))
        gates.open()
        await server.restart()
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            (run,) = await home.ended(run_id)
        assert (run.state, server.calls["POST /prompt"]) == (State.FAILED, 1)
        assert "It may have cost up to 21.1 credits" in (run.sentence or "")


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.long
async def test_another_worker_takes_over_what_was_paid_for_or_ends_it(tmp_path: Path, restarted: bool) -> None:
    write_partner(tmp_path, gated=True)
    gates, partner, platform = Gates(), Partner(), RecordingPlatform()
    async with WatchedServer(nodes={**partner.nodes(), **gates.nodes()}) as server:
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            await permit(home)
            run_id, _shown = await home.ask(PARTNER, text="a fox")
            await until(_charged(partner))
        assert await hand_over(QuickSettings(data_dir=tmp_path), "darkroom") == 1
        gates.open()
        if restarted:
            await server.restart()
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            (run,) = await home.ended(run_id)
        assert run.state is (State.FAILED if restarted else State.DONE)
        assert (partner.charged, server.calls["POST /prompt"]) == (["a fox"], 1)
        if restarted:
            assert (run.sentence or "").startswith("The server does not have this run any longer. It may have cost")


@pytest.mark.long
async def test_a_server_that_was_away_for_a_while_still_brings_what_was_paid_for(tmp_path: Path) -> None:
    gates, partner = Gates(), Partner()
    async with paid_house(tmp_path, partner, gates=gates) as (home, server):
        run_id, shown = await home.ask(PARTNER, text="a fox")
        await home.platform.until(running(shown))
        server.breaks = 10**9
        await server.drop_sockets()
        looks = server.calls["GET /queue"]

        async def was_given_up() -> bool:
            return server.calls["GET /queue"] > looks + 10

        await until(was_given_up)
        server.breaks = 0
        gates.open()
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, server.calls["POST /prompt"]) == (State.DONE, 1, 1)
        assert len(shown.results) == 1


@pytest.mark.long
async def test_a_run_that_never_began_at_the_server_costs_nothing(tmp_path: Path) -> None:
    gates, partner = Gates(), Partner()
    async with paid_house(tmp_path, partner, gates=gates) as (home, server):
        async with ComfyClient(server.url) as another_program:
            await another_program.submit(_gated("other"))
            run_id, _shown = await home.ask(PARTNER, text="a fox")
            await until(_waits_at(server))
            assert await credits_of(tmp_path, run_id) == pytest.approx(_TEN_CENTS)
            await home.services.runs.cancel(run_id, ANN)
            (run,) = await home.ended(run_id)
            gates.open()
        assert (run.state, partner.charged) == (State.CANCELLED, [])
        assert await credits_of(tmp_path, run_id) == 0


@pytest.mark.long
async def test_a_run_that_is_cancelled_after_the_node_may_have_cost_money(tmp_path: Path) -> None:
    gates, partner = Gates(), Partner()
    async with paid_house(tmp_path, partner, gates=gates) as (home, _server):
        run_id, _shown = await home.ask(PARTNER, text="a fox")
        await until(_charged(partner))
        await home.services.runs.cancel(run_id, ANN)
        gates.open()
        (run,) = await home.ended(run_id)
        assert run.state is State.CANCELLED
        assert await credits_of(tmp_path, run_id) == pytest.approx(_TEN_CENTS)


@pytest.mark.long
async def test_a_prompt_that_the_server_refuses_costs_nothing(tmp_path: Path) -> None:
    partner = Partner()
    async with paid_house(tmp_path, partner) as (home, server):
        del server._nodes["PartnerImage"]
        run_id, _shown = await home.ask(PARTNER, text="a fox")
        (run,) = await home.ended(run_id)
        assert (run.state, run.posted_at, server.calls["POST /prompt"]) == (State.FAILED, None, 1)
        assert await credits_of(tmp_path, run_id) is None


@pytest.mark.long
async def test_a_prompt_that_still_waits_at_a_lost_server_is_withdrawn_once_it_is_back(tmp_path: Path) -> None:
    gates, partner = Gates(), Partner()
    async with paid_house(tmp_path, partner, gates=gates, gone_after=0.02) as (home, server):
        async with ComfyClient(server.url) as another_program:
            await another_program.submit(_gated("other"))
            run_id, _shown = await home.ask(PARTNER, text="a fox")
            await until(_waits_at(server))
            server.breaks = 10**9
            await server.drop_sockets()
            (run,) = await home.ended(run_id)
            assert "It may have cost up to" in (run.sentence or "")
            server.breaks = 0

            async def is_withdrawn() -> bool:
                return not server._jobs.pending

            await until(is_withdrawn)
            gates.open()
        assert partner.charged == []


@pytest.mark.long
async def test_a_run_goes_to_a_server_that_can_pay(tmp_path: Path) -> None:
    write_partner(tmp_path)
    partner = Partner()
    async with WatchedServer(nodes=partner.nodes()) as one, WatchedServer(nodes=partner.nodes()) as two:
        servers = [NamedServer("one", one.url), NamedServer("two", two.url, account_key=Secret(KEY))]
        async with house(tmp_path, servers=servers) as home:
            await permit(home)
            runs = await home.ended(*[(await home.ask(PARTNER, text=text))[0] for text in "abc"])
        assert {(run.state, run.server) for run in runs} == {(State.DONE, "two")}


@pytest.mark.long
async def test_waiting_runs_end_when_the_operator_stops_all_spending(tmp_path: Path) -> None:
    gates, partner = Gates(), Partner()
    async with paid_house(tmp_path, partner, gates=gates) as (home, _server):
        first, shown = await home.ask("gated", gate="x")
        await home.platform.until(running(shown))
        run_id, _shown = await home.ask(PARTNER, text="a fox")
        await home.services.moderation.spending(OPERATOR, HERE, 0, everywhere=True)
        (run,) = await home.ended(run_id)
        assert run.sentence == "“partner” costs money, and the operator of this bot does not permit that here."
        assert await credits_of(tmp_path, run_id) is None
        gates.open()
        await home.ended(first)
        assert partner.charged == []


@pytest.mark.long
async def test_a_node_that_failed_may_have_cost_money(tmp_path: Path) -> None:
    partner = Partner()
    write_partner(tmp_path, gated=True)
    async with (
        WatchedServer(nodes={**partner.nodes(), **failing()}) as server,
        house(tmp_path, servers=[server], account_key=Secret(KEY)) as home,
    ):
        await permit(home)
        run_id, _shown = await home.ask(PARTNER, text="a fox")
        (run,) = await home.ended(run_id)
        assert (run.state, partner.charged) == (State.FAILED, ["a fox"])
        assert await credits_of(tmp_path, run_id) == pytest.approx(_TEN_CENTS)


@pytest.mark.long
async def test_a_server_without_a_key_gets_nothing_that_costs_money(tmp_path: Path) -> None:
    write_partner(tmp_path)
    async with (
        WatchedServer(nodes=Partner().nodes()) as server,
        house(tmp_path, servers=[server]) as home,
    ):
        await permit(home)
        run_id, _shown = await home.ask(PARTNER, text="a fox")
        (run,) = await home.ended(run_id)
        assert run.sentence == (
            "This workflow costs money, and its server has no account key. The operator can set COMFYUI_ACCOUNT_KEY."
        )
        assert server.calls["POST /prompt"] == 0
        assert await credits_of(tmp_path, run_id) is None


@pytest.mark.long
async def test_a_workflow_that_was_changed_to_cost_money_runs_as_it_was_for_an_older_request(tmp_path: Path) -> None:
    gates, partner = Gates(), Partner()
    async with paid_house(tmp_path, partner, gates=gates) as (home, _server):
        blocking, shown = await home.ask("gated", gate="x")
        await home.platform.until(running(shown))
        run_id, _shown = await home.ask("plain", person=BEN)
        write_partner(tmp_path, "plain")
        await home.services.workflows.catalog.refresh()  # type: ignore[attr-defined]
        gates.open()
        await home.ended(blocking)
        (run,) = await home.ended(run_id)
        assert (run.state, partner.charged) == (State.DONE, [])
        with pytest.raises(NotAllowed):
            await home.ask("plain", place=Place("test", "else", "Else", "elsewhere"))


async def _has_posted(server: WatchedServer, count: int) -> bool:
    return server.calls["POST /prompt"] == count


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (None, RANGE, "This costs more than it did when you asked for it"),
        (EXPRESSION, RANGE, "This costs more than it did when you asked for it"),
        (EXPRESSION, BY_SECOND, "It is not known any longer in advance what this costs"),
    ],
    ids=["nothing before", "less before", "unknown now"],
)
@pytest.mark.long
async def test_a_run_that_costs_more_by_now_does_not_run(
    tmp_path: Path, before: str | None, now: str, told: str
) -> None:
    gates, platform, settings = Gates(), RecordingPlatform(), {"account_key": Secret(KEY)}
    write_partner(tmp_path)
    partner = Partner(before or EXPRESSION)
    nodes = {**partner.nodes(), **gates.nodes()}
    cheap = nodes["PartnerImage"] if before else replace(nodes["PartnerImage"], api_node=False, price_badge=None)
    async with WatchedServer(nodes={**nodes, "PartnerImage": cheap}) as server:
        async with house(tmp_path, platform, [server], **settings) as home:
            await permit(home)
            _blocking, shown = await home.ask("gated", gate="x")
            await platform.until(running(shown))
            await home.ask("gated", gate="x")
            await until(partial(_has_posted, server, 2))  # so none that costs nothing yet is sent ahead
            run_id, _shown = await home.ask(PARTNER, person=BEN, text="a fox")
        server._nodes["PartnerImage"] = Partner(now).nodes()["PartnerImage"]
        gates.open()
        async with house(tmp_path, platform, [server], **settings) as home:
            (run,) = await home.ended(run_id)
        assert (run.state, run.posted_at, partner.charged) == (State.FAILED, None, [])
        assert told in (run.sentence or "")


@pytest.mark.long
async def test_the_key_is_in_no_file_log_message_or_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    partner, gates = Partner(), Gates()
    gates.open()
    async with paid_house(tmp_path, partner, gates=gates, keep_metadata=True) as (home, server):
        run_id, shown = await home.ask(PARTNER, text="a fox")
        (run,) = await home.ended(run_id)
        assert (run.state, partner.charged) == (State.DONE, ["a fox"])
        told = json.dumps([repr(run), repr(shown), repr(home.services), server._jobs.history], default=repr)
        made = [file for result in shown.results for file in result.files]
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert made
    assert any(b"PartnerImage" in file for file in made)  # the workflow is in it, as the operator wished
    assert not any(KEY.encode() in each for each in (*kept, *made))
    assert KEY not in told + caplog.text + "".join(capfd.readouterr())


def _gated(name: str) -> Prompt:
    """A prompt of another program, which waits at a gate."""
    blank = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}
    gate = {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": name}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": name}}
    return Prompt({"1": blank, "2": gate, "3": save})


def _waits_at(server: WatchedServer) -> Callable[[], Awaitable[bool]]:
    async def waits() -> bool:
        return bool(server._jobs.pending)

    return waits


def _charged(partner: Partner) -> Callable[[], Awaitable[bool]]:
    async def charged() -> bool:
        return bool(partner.charged)

    return charged
