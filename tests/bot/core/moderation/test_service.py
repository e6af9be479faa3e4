"""Decisions of moderators apply at once and survive a restart; only moderators make them; all are in the audit log."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import BadValue, NotAllowed, TooMany, UnknownWorkflow, UserError
from bot.core.model import Cancelled, DisplayOptions, Done, Failed, Held, Person, Place, Running
from bot.core.moderation.service import ModerationService
from bot.core.policy.audit import REFUSED
from bot.core.policy.permissions import RuleTarget
from bot.core.policy.rule_store import By, Change
from bot.core.policy.rules import Narrowing, Rule, WordList
from bot.core.policy.scope import Scope, Subject
from bot.core.run import State
from bot.core.wording.model_names import ModelNames
from bot.core.wording.styles import Style
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, Gates, House, house, picture, running

GENERAL = Place("test", "general", "#general", "guild")
THREAD = Place("test", "thread", "a thread", "guild", parents=("general",))
ELSEWHERE = Place("test", "other", "#other", "another")
ALONE = Place("test", "1", "")
OPERATOR, OWNER = Person("test", "99", "Op"), replace(MOD, id="98", name="Own", owner=True)
ARTIST = replace(ANN, roles=frozenset({"artists"}))


async def refuses(home: House, person: Person = ANN, place: Place = HERE, workflow: str = PLAIN) -> str:
    with pytest.raises((NotAllowed, TooMany)) as fault:
        await home.ask(workflow, person=person, place=place)
    return str(fault.value)


async def offered(home: House, person: Person = ANN, place: Place = HERE) -> set[str]:
    return {offer.workflow.name for offer in await home.services.workflows.offers(person, place)}


async def test_a_decision_holds_at_once_and_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        assert await acts.deny(MOD, HERE, RuleTarget(workflow=PLAIN)) == "“plain” is denied everywhere here."
        assert PLAIN not in await offered(home)
        assert await refuses(home) == "“plain” is denied everywhere here."
        with pytest.raises(NotAllowed):
            await home.services.workflows.form(PLAIN, ANN, HERE)
        await acts.allow(MOD, HERE, RuleTarget(place=GENERAL, who=Subject.role("artists", "artists"), workflow=PLAIN))
        assert PLAIN in await offered(home, ARTIST, THREAD)
        assert PLAIN not in await offered(home, BEN, THREAD)
        assert PLAIN in await offered(home, ANN, ELSEWHERE)
    async with house(tmp_path) as home:
        assert await refuses(home) == "“plain” is denied everywhere here."
        (run,) = await home.ended((await home.ask(person=ARTIST, place=THREAD))[0])
        assert run.state is State.DONE
        await home.services.moderation.clear(MOD, HERE, RuleTarget(workflow=PLAIN))
        assert PLAIN in await offered(home)


async def test_a_new_place_starts_as_the_operator_wants_it(tmp_path: Path) -> None:
    async with house(tmp_path, default_workflows="negative, sketch") as home:
        assert await offered(home) == {"negative", "sketch"}
        assert "is not allowed here" in await refuses(home)
        await home.services.moderation.allow(MOD, HERE, RuleTarget(workflow=PLAIN))
        assert await offered(home) == {"negative", "sketch", PLAIN}


@pytest.mark.long
async def test_the_operator_decides_everywhere_and_last(tmp_path: Path) -> None:
    async with house(tmp_path, operators=("test:99",)) as home:
        acts = home.services.moderation
        await acts.deny(OPERATOR, ALONE, RuleTarget(workflow=PLAIN, everywhere=True))
        await acts.allow(MOD, HERE, RuleTarget(place=HERE, who=Subject.person(ANN), workflow=PLAIN))
        assert await refuses(home) == "“plain” is denied everywhere, by the operator."
        assert await refuses(home, place=ALONE) == "“plain” is denied everywhere, by the operator."
        await acts.undo(OPERATOR, ALONE, everywhere=True)
        await home.ended((await home.ask())[0])


def acts_of(home: House) -> dict[str, Callable[[Person, Place], Awaitable[object]]]:
    """Every act, as somebody does it somewhere."""
    acts = home.services.moderation
    return {
        "allow": acts.allow,
        "deny": acts.deny,
        "clear": acts.clear,
        "limit": lambda by, here: acts.limit(by, here, "hour", 3),
        "field": lambda by, here: acts.field(by, here, "color", Narrowing(), RuleTarget(workflow=PLAIN)),
        "words": lambda by, here: acts.words(by, here, "bad", None),
        "models": lambda by, here: acts.models(by, here, "lora", ModelNames(denied=("x*",))),
        "style": lambda by, here: acts.style(by, here, "film", Style("a photo of")),
        "list": lambda by, here: acts.list_(by, here, "animal", "cat"),
        "review": lambda by, here: acts.review(by, here, on=True),
        "block": lambda by, here: acts.block(by, here, BEN),
        "unblock": lambda by, here: acts.unblock(by, here, BEN),
        "where": lambda by, here: acts.where(by, here, DisplayOptions()),
        "moderators": lambda by, here: acts.moderators(by, here, ["1"]),
        "why": lambda by, here: acts.why(by, here, BEN),
        "overview": acts.overview,
        "log": acts.log,
        "export": acts.export,
        "import": lambda by, here: acts.import_(by, here, "{}"),
        "undo": acts.undo,
        "held": acts.reviews.held,
        "approve": lambda by, here: acts.reviews.approve(by, here, "x"),
        "refuse": lambda by, here: acts.reviews.refuse(by, here, "x"),
        "admit": lambda by, here: acts.admit(by, here, BEN),
        "dismiss": lambda by, here: acts.dismiss(by, here, BEN),
        "drop": lambda by, here: acts.drop(by, here, Rule(Scope("test:guild"), DisplayOptions())),
        "stats": acts.stats,
        "spending": lambda by, here: acts.spending(by, here, 100),
        "price": lambda by, here: acts.price(by, here, PLAIN, 1.0),
        "places": acts.places,
        "matrix": acts.matrix,
        "statistics": acts.statistics,
        "rehearse": lambda by, here: acts.rehearse(by, here, lambda tried: tried.deny(by, here)),
        "people": acts.people.known,
    }


_NEWS = {"moved", "left", "role_deleted", "place_deleted"}  # platforms tell of these, and no one asks for them
_CHECKS = {"check_moderator", "check_trusted", "refused"}  # they only say no


async def test_whoever_is_no_moderator_is_refused_and_that_is_written_down(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = acts_of(home)
        known = {
            name.rstrip("_") for name, method in vars(ModerationService).items() if inspect.iscoroutinefunction(method)
        }
        assert {name for name in known if not name.startswith("_")} <= {*acts, *_NEWS, *_CHECKS, "log_file"}
        for name, act in acts.items():
            with pytest.raises(NotAllowed):
                await act(ANN, HERE)
            (last, *_rest) = await home.services.moderation.log(MOD, HERE)
            assert (last.act, last.person.id, last.words.split(":")[0]) == (REFUSED, ANN.id, name)
        for act in acts.values():  # nobody moderates a place that is nobody's
            with pytest.raises(NotAllowed):
                await act(MOD, ALONE)
        for act in acts.values():  # nor one of another platform
            with pytest.raises(NotAllowed):
                await act(replace(MOD, platform="else"), HERE)


@pytest.mark.long
async def test_a_moderator_reaches_no_other_community_and_not_everywhere(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        for aim in (
            RuleTarget(place=ELSEWHERE),
            RuleTarget(everywhere=True),
            RuleTarget(place=replace(GENERAL, platform="else")),
        ):
            with pytest.raises(NotAllowed):
                await acts.deny(MOD, HERE, aim)
            with pytest.raises(NotAllowed):
                await acts.block(MOD, HERE, BEN, aim=aim)
        with pytest.raises(NotAllowed):
            await acts.undo(MOD, HERE, everywhere=True)
        log = await acts.log(MOD, HERE)
        assert [entry.act for entry in log] == [REFUSED] * 7
        assert await acts.log(MOD, ELSEWHERE) == []


async def test_blocks(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        await acts.block(MOD, HERE, ANN, "spam", 3600, RuleTarget(place=GENERAL))
        assert "A moderator has blocked you in #general until" in await refuses(home, place=THREAD)
        assert await offered(home, place=GENERAL) == set()
        assert PLAIN in await offered(home)
        await acts.block(MOD, HERE, ANN, "worse")
        assert await refuses(home) == "A moderator has blocked you everywhere here. The reason: worse"
        await acts.unblock(MOD, HERE, ANN)
        assert PLAIN in await offered(home)
        lines = [json.loads(line)["act"] for line in (await acts.log_file(MOD, HERE)).splitlines()]
        assert lines == ["unblock", "refused", "block", "refused", "block"]  # the latest is the first


@pytest.mark.long
async def test_a_field_is_narrowed_fixed_and_hidden(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts, aim = home.services.moderation, RuleTarget(workflow=PLAIN)
        await acts.field(MOD, HERE, "color", Narrowing(minimum=5, maximum=9), aim)
        (color,) = (await home.services.workflows.form(PLAIN, ANN, HERE)).fields
        assert (color.minimum, color.maximum, color.default) == (5, 9, 5)
        with pytest.raises(BadValue, match="use 5 to 9"):
            await home.ask(color="10")
        (last, *_rest) = await acts.log(MOD, HERE)
        assert (last.act, last.words) == (REFUSED, "plain: color: “10” is too large; use 5 to 9.")
        await acts.field(MOD, HERE, "color", Narrowing(fixed="7"), aim)
        assert (await home.services.workflows.form(PLAIN, ANN, HERE)).fields == ()
        with pytest.raises(BadValue, match="moderators have set this"):
            await home.ask(color="8")
        (run,) = await home.ended((await home.ask())[0])
        assert run.values == {"color": 7}
        for wrong in (Narrowing(minimum=9, maximum=5), Narrowing(fixed="red"), Narrowing(choices=("a",))):
            with pytest.raises(BadValue):
                await acts.field(MOD, HERE, "color", wrong, aim)
        with pytest.raises(BadValue, match="no such field"):
            await acts.field(MOD, HERE, "colour", Narrowing(), aim)
        await acts.field(MOD, HERE, "color", None, aim)
        assert len((await home.services.workflows.form(PLAIN, ANN, HERE)).fields) == 1


@pytest.mark.long
async def test_a_limit_is_told_and_refusals_are_in_the_audit(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        assert await acts.limit(MOD, HERE, "hour", 1) == "Set the limit: 1 run per hour everywhere here."
        await home.ended((await home.ask())[0])
        assert "You can try again in" in await refuses(home)
        assert "0 left, more in" in str((await home.services.workflows.allowance(ANN, HERE, PLAIN))[0])
        (last, *_rest) = await acts.log(MOD, HERE)
        assert last.words.startswith("plain: You have reached a limit: 1 run per hour")
        assert "1 run per hour everywhere here, 0 left" in await acts.why(MOD, HERE, ANN, PLAIN)
        for measure, most in (("year", 1), ("hour", -1)):
            with pytest.raises(UserError):
                await acts.limit(MOD, HERE, measure, most)
        await acts.limit(MOD, HERE, "hour", None)
        await home.ended((await home.ask())[0])


async def test_results_wait_for_a_moderator(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        await acts.review(MOD, HERE, on=True)
        run_id, message = await home.ask()
        await home.platform.until(lambda: message.last == Held())
        assert message.results == []
        (held,) = await acts.reviews.held(MOD, HERE)
        assert held.id == run_id
        assert held.worker is None
        async with acts.reviews.result(MOD, HERE, run_id) as (_run, result):
            assert result is not None
            assert await asyncio.to_thread(result.files[0].path.read_bytes)
        with pytest.raises(NotAllowed, match="another community"):
            await acts.reviews.approve(MOD, ELSEWHERE, run_id)
        assert await acts.reviews.approve(MOD, HERE, run_id)
        (run,) = await home.ended(run_id)
        await home.platform.until(lambda: message.last == Done())
        assert (run.state, len(message.results)) == (State.DONE, 1)
        assert not await acts.reviews.approve(MOD, HERE, run_id)


@pytest.mark.long
async def test_a_held_result_survives_a_restart_and_a_refusal_deletes_it(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.services.moderation.review(MOD, HERE, on=True)
        await home.services.moderation.limit(MOD, HERE, "day", 2)
        (one, shown), (two, other) = await home.ask(), await home.ask(color="3")
        await home.platform.until(lambda: shown.last == Held() and other.last == Held())
    async with house(tmp_path, platform=home.platform) as home:
        reviews = home.services.moderation.reviews
        run = await home.run(one)
        assert run.outcome is not None
        assert await reviews.refuse(MOD, HERE, one, "too blue")
        assert shown.last == Failed("A moderator refused this run. The reason: too blue")
        assert not await home.services.files._media.has(run.outcome.files[0].key)
        assert (await home.run(one)).outcome is None
        assert await reviews.approve(MOD, HERE, two)
        await home.ended(two)
        assert len(other.results) == 1
        await home.services.moderation.review(MOD, HERE, on=None)
        await home.ended((await home.ask())[0])  # what was refused used nothing up


@pytest.mark.long
async def test_words_are_refused_or_held(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts, given = home.services.moderation, picture(tmp_path / "given")
        await acts.words(MOD, HERE, "rude", WordList(("naughty",)))
        await acts.words(MOD, HERE, "maybe", WordList(("perhaps",), hold=True), RuleTarget(place=GENERAL))
        with pytest.raises(NotAllowed, match=r"the word list “rude” blocks everywhere here"):
            await home.ask("polaroid", photo=given, caption="so n\u0430ughty")
        (last, *_rest) = await acts.log(MOD, HERE)
        assert "naughty" not in last.words
        await home.ended((await home.ask("polaroid", photo=given, caption="perhaps"))[0])
        run_id, message = await home.ask("polaroid", photo=given, caption="perhaps", place=THREAD)
        assert message.last == Held()
        (held,) = await acts.reviews.held(MOD, HERE)
        assert (held.id, held.outcome, held.server) == (run_id, None, None)
        async with acts.reviews.result(MOD, HERE, run_id) as (_run, result):
            assert result is None
        assert await acts.reviews.approve(MOD, HERE, run_id)
        await home.ended(run_id)
        assert len(message.results) == 1
        cancelled, shown = await home.ask("polaroid", photo=given, caption="perhaps", place=GENERAL)
        assert await home.services.runs.cancel(cancelled, ANN)
        assert shown.last == Cancelled(ANN)
        with pytest.raises(UserError, match="takes too long"):
            await acts.words(MOD, HERE, "slow", WordList(patterns=("(a+)+$",)))


@pytest.mark.long
async def test_what_cannot_be_read_in_time_is_treated_as_if_it_had_been_found(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts, given = home.services.moderation, picture(tmp_path / "given")
        hostile = "a" * 38 + "!"
        for name, place, hold in (("slow", HERE, False), ("unsure", GENERAL, True)):
            scope = Scope("test:guild", place.id)
            rule = Rule(scope, WordList(patterns=("(a|aa)+$",), hold=hold), name)  # no moderator could write it
            await acts._rules.change("test:guild", By(MOD, HERE, "words", ""), [Change.put(rule)])
        with pytest.raises(NotAllowed, match="takes too long to check against the word list “slow”"):
            await home.ask("polaroid", photo=given, caption=hostile)
        assert (await acts.log(MOD, HERE))[0].act == REFUSED
        _run_id, message = await home.ask("polaroid", photo=given, caption=hostile, place=GENERAL)
        assert message.last == Held()


@pytest.mark.long
async def test_no_previews_where_moderators_want_none(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        await home.services.moderation.where(MOD, HERE, DisplayOptions(previews=False))
        await home.services.moderation.where(
            MOD, HERE, DisplayOptions("thread", spoilers=True), RuleTarget(workflow="gated")
        )
        assert home.services.workflows.display(ANN, HERE, "gated") == DisplayOptions(
            "thread", previews=False, spoilers=True
        )
        run_id, message = await home.ask("gated", gate="x")
        await home.platform.until(running(message))
        gates.open()
        await home.ended(run_id)
        assert message.brief is not None
        assert (message.brief.spoiler, message.brief.previews) == (True, False)
        assert all(status.preview is None for status in message.statuses if isinstance(status, Running))


@pytest.mark.long
async def test_people_are_let_in_unless_they_are_blocked(tmp_path: Path) -> None:
    async with house(tmp_path, operators=("test:99",)) as home:
        acts, gate = home.services.moderation, home.services.moderation._enforcer
        with pytest.raises(NotAllowed):
            await acts.admit(ANN, HERE, BEN)
        assert await acts.admit(MOD, HERE, ANN) == "Ann may use the bot in private."
        await acts.admit(MOD, ELSEWHERE, ANN)
        assert (gate.admitted(ANN), gate.admitted(BEN)) == (["test:guild", "test:another"], [])
        await acts.block(MOD, HERE, ANN)
        assert gate.admitted(ANN) == ["test:another"]
        with pytest.raises(UserError, match="Ann is blocked"):
            await acts.admit(MOD, HERE, ANN)
        await acts.undo(MOD, HERE)
        assert gate.admitted(ANN) == ["test:guild", "test:another"]
        everywhere = RuleTarget(everywhere=True)
        await acts.block(OPERATOR, HERE, ANN, aim=everywhere)
        assert gate.admitted(ANN) == []
        await acts.unblock(OPERATOR, HERE, ANN, everywhere)
        await acts.dismiss(MOD, HERE, ANN)
        (last, *_rest) = await acts.log(MOD, HERE)
        assert (last.person.id, last.act, last.changes[0]["after"]) == (MOD.id, "dismiss", None)
        await acts.left("test:another")
        assert gate.admitted(ANN) == []
    async with house(tmp_path) as home:
        acts, gate = home.services.moderation, home.services.moderation._enforcer
        await acts.undo(MOD, HERE)
        assert gate.admitted(ANN) == ["test:guild"]
        file = await acts.export(MOD, HERE)
        assert (await acts.import_(MOD, ELSEWHERE, file)).startswith("Imported 0 decisions")
        forged = json.loads(file)
        forged["rules"][0] |= {"who": "", "who_name": ""}
        assert (await acts.import_(MOD, HERE, json.dumps(forged))).startswith("Imported 0 decisions")
        await home.services.runs.forget(ANN)
        assert gate.admitted(ANN) == []


@pytest.mark.long
async def test_undo_takes_decisions_back_one_by_one(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        await acts.deny(MOD, HERE, RuleTarget(workflow=PLAIN))
        await acts.allow(MOD, HERE, RuleTarget(workflow=PLAIN))
        await acts.limit(MOD, HERE, "hour", 0)
        said = await acts.clear(MOD, HERE, RuleTarget(workflow="sketch"))
        assert said == "Nothing was changed: there is no decision about “sketch” everywhere here."
        assert await acts.undo(MOD, HERE) == "Undone: Set the limit: 0 runs per hour everywhere here."
        await home.ended((await home.ask())[0])
        await acts.undo(MOD, HERE)
        assert "denied" in await refuses(home)
        await acts.undo(MOD, HERE)
        assert await acts.undo(MOD, HERE) == "There is nothing to undo."
        await home.ended((await home.ask())[0])
        log = [entry for entry in await acts.log(MOD, HERE) if entry.act == "undo"]
        assert [bool(entry.changes) for entry in log] == [True] * 3


LONG = "x" * 7000
TOO_LONG = {"kind": "narrowing", "name": "prompt", "workflow": PLAIN, "body": {"fixed": LONG}}


@pytest.mark.parametrize(
    "decide",
    [
        lambda acts: acts.where(MOD, HERE, DisplayOptions(LONG)),
        lambda acts: acts.where(MOD, HERE, DisplayOptions("nowhere")),
        lambda acts: acts.words(MOD, HERE, LONG, WordList(("tree",))),
        lambda acts: acts.import_(MOD, HERE, json.dumps({"darkroom": 1, "rules": [TOO_LONG]})),
        lambda acts: acts.review(MOD, HERE, True, LONG),
    ],
)
@pytest.mark.long
async def test_a_decision_that_is_too_long_or_goes_nowhere_is_refused(
    tmp_path: Path, decide: Callable[[ModerationService], Awaitable[str]]
) -> None:
    async with house(tmp_path) as home:
        with pytest.raises(UserError):
            await decide(home.services.moderation)
    async with house(tmp_path) as home:
        assert await home.services.moderation.undo(MOD, HERE) == "There is nothing to undo."


@pytest.mark.long
async def test_a_long_value_of_a_field_is_kept_and_read_again(tmp_path: Path) -> None:
    kept = "fog, " * 300
    async with house(tmp_path) as home:
        rule = Rule(Scope("test:guild", workflow=PLAIN), Narrowing(fixed=kept), "prompt")
        await home.services.moderation.import_(MOD, HERE, json.dumps({"darkroom": 1, "rules": [rule.to_json()]}))
    async with house(tmp_path) as home:
        exported = await home.services.moderation.export(MOD, HERE)
        assert json.loads(exported)["rules"][0]["body"]["fixed"] == kept
        await home.services.moderation.undo(MOD, HERE)
        assert json.loads(await home.services.moderation.export(MOD, HERE))["rules"] == []


@pytest.mark.long
async def test_settings_go_to_another_community_without_what_is_only_here(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        await acts.deny(MOD, HERE, RuleTarget(workflow=PLAIN))
        await acts.deny(MOD, HERE, RuleTarget(place=GENERAL))
        await acts.allow(MOD, HERE, RuleTarget(who=Subject.role("artists")))
        await acts.moderators(OWNER, HERE, ["7"])
        exported = await acts.export(MOD, HERE)
        assert await acts.import_(MOD, ELSEWHERE, exported) == "Imported 1 decision, left out 3."
        assert "denied" in await refuses(home, place=ELSEWHERE)
        await acts.undo(MOD, ELSEWHERE)
        assert PLAIN in await offered(home, place=ELSEWHERE)
        assert await acts.import_(OWNER, HERE, exported) == "Imported 4 decisions, left out 0."
        for wrong in (
            "",
            "[]",
            '{"darkroom": 2, "rules": []}',
            "[" * 100_000,
            json.dumps({"darkroom": 1, "rules": [1]}),
        ):
            with pytest.raises(UserError):
                await acts.import_(MOD, HERE, wrong)


@pytest.mark.long
async def test_a_settings_file_sends_nothing_to_a_channel_wherever_it_says_it_is_from(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        await acts.where(MOD, HERE, DisplayOptions("4711", spoilers=True))
        await acts.review(MOD, HERE, on=True, channel="4711")
        exported = await acts.export(MOD, HERE)
        assert exported.count("4711") == 2
        await acts.import_(MOD, HERE, exported)
        assert "4711" not in await acts.export(MOD, HERE)
        display = home.services.workflows.display(ANN, HERE, PLAIN)
        assert (display.results, display.spoilers) == ("here", True)


@pytest.mark.long
async def test_only_the_owner_names_moderators(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        with pytest.raises(NotAllowed):
            await acts.moderators(MOD, HERE, ["7"])
        await acts.moderators(OWNER, HERE, ["7", "8"])
        assert acts.moderator_roles(HERE) == {"7", "8"}
        assert acts.moderator_roles(ELSEWHERE) == frozenset()
        with pytest.raises(NotAllowed):
            await acts.undo(MOD, HERE)
        await acts.undo(OWNER, HERE)
        assert acts.moderator_roles(HERE) == frozenset()


@pytest.mark.long
async def test_places_that_move_end_or_lose_a_role(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts, moved = home.services.moderation, Place("test", "new", "New", "new")
        await acts.deny(MOD, HERE, RuleTarget(workflow=PLAIN))
        await acts.deny(MOD, HERE, RuleTarget(workflow="sketch", who=Subject.role("artists")))
        await acts.moved("test:guild", "test:new")
        assert "denied" in await refuses(home, place=moved)
        assert PLAIN in await offered(home)
        assert "sketch" not in await offered(home, ARTIST, moved)
        await acts.role_deleted("test:new", "artists")
        assert "sketch" in await offered(home, ARTIST, moved)
        await acts.left("test:new")
        assert PLAIN in await offered(home, place=moved)
        assert [entry.act for entry in await acts.log(MOD, moved)][:2] == ["tidy", "tidy"]


@pytest.mark.long
async def test_a_person_who_is_forgotten_leaves_no_name(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        await acts.block(MOD, HERE, ANN, "too loud")
        await refuses(home)
        await acts.unblock(MOD, HERE, ANN)
        await acts.undo(MOD, HERE)
        await acts.block(MOD, HERE, BEN)
        await home.ended((await home.ask(place=ELSEWHERE))[0])
        assert await home.services.runs.forget(ANN) == 1
        await home.services.runs.forget(MOD)
        assert "Ann" not in await acts.export(MOD, HERE)
        log = (await acts.log_file(MOD, HERE)).decode()
        assert [json.loads(line)["act"] for line in log.splitlines()] == ["block", "undo", "unblock", "block"]
        assert '"Mo"' not in log
        assert "Ann" not in log
        assert "test:1 is blocked" in log
        assert "Ben is blocked" in log
        assert "Undone" in await acts.undo(MOD, HERE)
        assert "Undone" in await acts.undo(MOD, HERE)
        assert (await acts.overview(MOD, HERE)).rules == ()


@pytest.mark.long
async def test_what_is_under_way_is_forgotten_as_well(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        one, shown = await home.ask("gated", gate="x")
        two, _other = await home.ask("gated", gate="y")
        await home.platform.until(running(shown))
        assert await home.services.runs.forget(ANN) == 1
        gates.open()
        (run,) = await home.ended(one)
        assert (run.state, run.person.name) == (State.CANCELLED, "")
        assert (run.waited or 0.0) < 3600  # it still knows when it was asked for
        assert await home.services.runs.get(two) is None
        assert await home.services.runs._records.older_than(1.0) == [one]


@pytest.mark.long
async def test_a_panel_sees_the_state_at_a_glance(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        acts = home.services.moderation
        await acts.deny(MOD, HERE, RuleTarget(workflow=PLAIN))
        await acts.limit(MOD, HERE, "day", 5, RuleTarget(who=Subject.role("1", "artists")))
        overview = await acts.overview(MOD, HERE)
        assert {row.name: row.decision.allowed for row in overview.rows}[PLAIN] is False
        assert set(overview.lines) == {
            "“plain” is denied everywhere here",
            "5 runs per day for artists everywhere here",
        }
        assert "✗ plain: “plain” is denied everywhere here." in (await acts.why(MOD, HERE, BEN)).splitlines()
        with pytest.raises(UnknownWorkflow):
            await acts.deny(MOD, HERE, RuleTarget(workflow="plane"))
