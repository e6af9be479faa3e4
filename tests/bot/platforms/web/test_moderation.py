"""Places of the control room over HTTP: what can be decided there, and who cannot."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from yarl import URL

from bot.core.model import DisplayOptions, Person, Place
from bot.core.policy.permissions import OPERATOR, RuleTarget
from bot.core.policy.rule_text import describe
from bot.core.policy.rules import Review, Rule
from bot.platforms.web.admin.places import people, rules
from bot.platforms.web.admin.places.routes import PlaceRoutes
from bot.platforms.web.admin.places.rules import mark
from bot.platforms.web.auth import AccessControl
from bot.settings import Secret
from tests.bot.platforms.web.pages import Page, Visitor, page, png

TOKEN = Secret("s3cret-token")
EVERYWHERE, GUILD = Place("web", ""), Place("discord", "5", "#general", "77")


async def press(visitor: Visitor, act: str, place: str = "web:", **fields: str) -> str:
    """Press a button at the desk; the page as it is then."""
    async with visitor.session.post(f"{visitor.url}/moderate", data={"act": act, "place": place, **fields}) as answer:
        assert answer.status == 200
        return _plain(await answer.text())


async def desk(visitor: Visitor, place: str = "web:", section: str = "access") -> str:
    _status, data, _headers = await visitor.get(f"moderate?place={place}&section={section}")
    return _plain(data.decode())


def _plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main>") :]).split())


@pytest.mark.long
async def test_workflows_are_denied_and_allowed_for_everybody(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        assert 'href="admin"' in ann.html
        assert "“plain” is denied everywhere." in await press(ann, "deny", workflow="plain")
        assert (await ann.ask("plain"))[0] == 403
        assert "Removed the decision" in await press(ann, "clear", workflow="plain")
        assert (await ann.ask("plain"))[0] == 201
        assert "every workflow is denied everywhere" in await press(ann, "deny")
        assert (await ann.ask("plain"))[0] == 403
        assert "Undone" in await press(ann, "undo")
        assert (await ann.ask("plain"))[0] == 201
        assert "There is no workflow" in await press(ann, "deny", workflow="nothing")
        assert ["nothing to undo" in await press(ann, "undo") for _each in range(3)] == [False, False, True]


@pytest.mark.parametrize("section", ["decisions", "people"])
async def test_rules_are_drawn_in_a_thread_because_there_may_be_thousands(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_loop = list[bool]()

    def noted(rule: Rule) -> str:
        on_the_loop.append(threading.current_thread() is threading.main_thread())
        return describe(rule)

    monkeypatch.setattr(rules, "describe", noted)
    monkeypatch.setattr(people, "block_words", noted)
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        await web.services.moderation.block(OPERATOR, GUILD, Person("discord", "1"), "spam")
        assert "spam" in await desk(ann, "discord:77", section)
    assert on_the_loop == [False]


@pytest.mark.long
async def test_every_place_that_is_known_is_decided_on_its_own(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        await web.services.moderation.allow(OPERATOR, GUILD, RuleTarget(workflow="poster"))
        assert "#general · Discord 77" in await desk(ann)
        assert "“plain” is denied everywhere here." in await press(ann, "deny", "discord:77", workflow="plain")
        assert not web.services.workflows.decide(OPERATOR, GUILD, "plain").allowed
        assert web.services.workflows.decide(OPERATOR, EVERYWHERE, "plain").allowed
        _status, exported, headers = await ann.get("moderate/export?place=discord:77")
        assert headers["Content-Disposition"].startswith("attachment")
        await press(ann, "clear", "discord:77", workflow="plain")
        form = aiohttp.FormData({"act": "import", "place": "discord:77"})
        form.add_field("file", exported, filename="decisions.json")
        _status, told = await ann.call("POST", "moderate", data=form)
        assert "Imported 2 decisions, left out 0." in told["text"]
        assert not web.services.workflows.decide(OPERATOR, GUILD, "plain").allowed
        assert "not an export from Darkroom" in await press(ann, "import", "discord:77", file="nonsense")
        _status, log, _headers = await ann.get("moderate/log?place=discord:77")
        acts = [json.loads(line)["act"] for line in log.decode().splitlines()]
        assert acts == ["import", "clear", "deny", "allow"]
        assert (await ann.get("moderate?place=discord:78"))[0] == 404
        _status, picture, headers = await ann.get("moderate/stats?place=discord:77")
        assert (headers["Content-Type"], picture[:4]) == ("image/png", b"\x89PNG")


@pytest.mark.long
async def test_somebody_is_blocked_with_a_reason_and_let_back_in(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        _status, taken = await eve.ask("plain")
        run = await web.services.runs.get(taken["id"])
        assert run is not None
        key = f"web:{run.person.id}"
        told = await press(ann, "block", person=key, reason="<b>Spam</b>", days="0,5")
        assert "is blocked everywhere for 12 hours" in told
        assert "&lt;b&gt;Spam&lt;/b&gt;" in told
        assert (await eve.ask("plain"))[0] == 403
        await press(ann, "unblock", person=key)
        assert (await eve.ask("plain"))[0] == 201
        assert "platform:id" in await press(ann, "block", person="eve")
        assert "above 0" in await press(ann, "block", person=key, days="never")
        assert (await eve.ask("plain"))[0] == 201


@pytest.mark.long
async def test_the_operator_permits_to_spend_money(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        told = await press(ann, "spend", most="500")
        assert "Nodes that cost money are permitted everywhere, for at most 500 credits per day." in told
        assert "Enter a whole number, 0 or more." in await press(ann, "spend", most="lots")
        assert "A run of “plain” counts as 12.5 credits" in await press(ann, "price", workflow="plain", price="12,5")
        assert "a run of “plain” costs 12.5 credits if its nodes do not say what they cost" in told + await press(
            ann, "spend", most="0"
        )
        assert "Removed your own price of “plain”." in await press(ann, "price", workflow="plain", price="")
        assert "Removed the permission for nodes that cost money everywhere." in await press(ann, "spend", most="")
        assert web.services.moderation.own_rules("") == []


@pytest.mark.long
async def test_limits_hold_and_are_removed(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        told = await press(ann, "limit", measure="day", most="1", workflow="plain", together="yes")
        assert "Set the limit: 1 run of “plain” per day everywhere, for all people together." in told
        assert "Set the limit: 30 seconds between two runs" in await press(ann, "limit", measure="cooldown", most="30")
        assert [(await each.ask("plain"))[0] for each in (ann, eve)] == [201, 429]
        assert "Enter a whole number, 0 or more." in await press(ann, "limit", measure="day", most="many")
        assert "no limit “week”" in await press(ann, "limit", measure="week", most="1")
        for count in (1, 0):
            (rule, *_rest) = web.services.moderation.own_rules("")
            assert "Removed" in await press(ann, "drop", rule=mark(rule))
            assert len(web.services.moderation.own_rules("")) == count
        assert "This rule no longer exists here." in await press(ann, "drop", rule=mark(rule))
        assert (await eve.ask("plain"))[0] == 201


@pytest.mark.long
async def test_what_a_field_takes_is_narrowed(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        told = await press(ann, "narrow", field="plain color", minimum="5", maximum="9,5", default="7")
        assert "Set the field “color” of “plain” everywhere: 5 to 9.5, default 7." in told
        assert [(await ann.ask("plain", color=color))[0] for color in ("4", "6")] == [422, 201]
        faults = {
            "The smallest value is larger": {"minimum": "9", "maximum": "5"},
            "Enter a number.": {"minimum": "few"},
            "Fill in at least one of these.": {},
            "It is not a field with choices. You can give it a default or a fixed value instead.": {"choices": "a, b"},
        }
        for fault, values in faults.items():
            assert fault in await press(ann, "narrow", field="plain color", **values)
        assert "There is no such field" in await press(ann, "narrow", field="plain nothing", fixed="1")
        assert "There is no workflow" in await press(ann, "narrow", field="nothing color", fixed="1")
        assert len(web.services.moderation.own_rules("")) == 1


@pytest.mark.long
async def test_words_are_not_to_be_asked_for(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        told = await press(ann, "words", name="rude", words="darn,\nheck", patterns="b[a4]d\n<i>", workflow="polaroid")
        assert "Set the word list “rude” everywhere." in told
        assert "darn, heck, /b[a4]d/, /&lt;i&gt;/" in told
        assert (await eve.ask("polaroid", photo=png(), caption="what the HECK"))[0] == 403
        assert (await eve.ask("polaroid", photo=png(), caption="b4d"))[0] == 403
        assert (await eve.ask("polaroid", photo=png(), caption="fine"))[0] == 201
        assert "word or a pattern" in await press(ann, "words", name="empty")
        told = await _source(ann, "words", name="broken", patterns="(", hold="yes")
        assert "Nothing was changed" in told
        assert 'value="broken"' in told
        assert re.search(r"<textarea[^>]*>\(</textarea>", told)
        assert re.search(r'name="hold" value="yes" checked', told)


@pytest.mark.long
async def test_texts_to_choose_from_are_defined(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        told = await press(ann, "texts", name="animal", texts="a cat\n{a cat|a cat}")
        assert "Set the list “animal” everywhere: __animal__ takes one of its 2 texts." in told
        assert "{a cat|a cat}" in told
        _status, taken = await eve.ask("polaroid", photo=png(), caption="with __animal__")
        run = await eve.until(taken["id"], "done")
        assert "with a cat" in run["said"]
        assert run["values"]["caption"] == "with __animal__"  # for Change
        assert "Enter a text" in await press(ann, "texts", name="empty")


@pytest.mark.long
async def test_styles_are_defined_and_chosen(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        told = await press(ann, "style", name="Film", after="on film", avoid="blur")
        assert "Set the style “Film” everywhere: …, on film; without blur." in told
        async with eve.session.get(f"{web.url}/workflows/polaroid") as answer:
            (style,) = [each for each in (await answer.json())["fields"] if each["name"] == "style"]
        assert (style["choices"], style["unset"]) == (["Film"], "No style")
        _status, taken = await eve.ask("polaroid", photo=png(), caption="a cat", style="Film")
        run = await eve.until(taken["id"], "done")
        assert "a cat, on film" in run["said"]
        assert "style Film" in run["said"]
        assert (run["values"]["caption"], run["values"]["style"]) == ("a cat", "Film")  # for Change
        assert "Enter a text" in await press(ann, "style", name="empty")


@pytest.mark.long
async def test_models_are_allowed_and_denied(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        told = await press(ann, "models", kind="embedding", allowed="good*", denied="goodbye, x*")
        assert "Allowed everywhere: embeddings: only good*; not goodbye, x*." in told
        status, answer = await eve.ask("polaroid", photo=png(), caption="embedding:goodbye")
        assert (status, answer["faults"][0]["field"]) == (422, "caption")
        assert (await eve.ask("polaroid", photo=png(), caption="embedding:good-hands"))[0] == 201
        assert "Allowed everywhere: embeddings: all." in await press(ann, "models", kind="embedding")
        assert "Name what it is about" in await press(ann, "models", kind="nothing", denied="x")


@pytest.mark.long
async def test_how_results_are_shown_is_decided(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        told = await press(ann, "show", review="on", previews="off", workflow="plain")
        assert "Moderators review the results of “plain” everywhere." in told
        assert "Results everywhere: without previews." in told
        _status, taken = await eve.ask("plain")
        await eve.until(taken["id"], "held")
        assert "Change at least one of these settings." in await press(ann, "show")
        core = web.services.moderation
        await core.review(OPERATOR, GUILD, True, "42")
        await press(ann, "show", "discord:77", review="off", results="thread")
        assert [rule.body for rule in core._rules.own("discord:77")] == [Review(False, "42"), DisplayOptions("thread")]
        told = await _source(ann, "show", "discord:77", channel="#general", spoilers="on")
        assert "named by its id" in told
        assert re.search(
            r'name="channel" value="#general"[^>]*aria-invalid="true" aria-describedby="said-manner"', told
        )
        assert core._rules.own("discord:77")[1].body == DisplayOptions("thread")
        await press(ann, "show", "discord:77", channel="4321", spoilers="on")
        assert core._rules.own("discord:77")[1].body == DisplayOptions("4321", spoilers=True)


async def _source(visitor: Visitor, act: str, place: str = "web:", **fields: str) -> str:
    async with visitor.session.post(f"{visitor.url}/moderate", data={"act": act, "place": place, **fields}) as answer:
        return await answer.text()


@pytest.mark.long
async def test_a_result_waits_is_looked_at_and_shown_or_not(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        await web.services.moderation.review(OPERATOR, EVERYWHERE, True, aim=RuleTarget(everywhere=True))
        first, second = [await _held(ben) for _run in range(2)]
        assert "a visitor of the page" in await desk(ann, section="reviews")
        status, data, headers = await ann.get(f"moderate/held/{first}/0?place=web:")
        assert (status, headers["Content-Type"], data[1:4]) == (200, "image/png", b"PNG")
        for wrong in (f"{first}/1", f"{uuid4()}/0"):
            assert (await ann.get(f"moderate/held/{wrong}?place=web:"))[0] == 404
        assert "Approved." in await press(ann, "approve", run=first)
        assert "already" in await press(ann, "approve", run=first)
        await ben.until(first, "done")
        assert (await ann.get(f"moderate/held/{first}/0?place=web:"))[0] == 404
        assert "Refused." in await press(ann, "refuse", run=second, reason="Not here")
        assert "Not here" in (await ben.until(second, "failed"))["line"]


@pytest.mark.long
async def test_a_reported_result_is_left_or_taken_away(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        runs, reports = web.services.runs, web.services.moderation.reports
        ids = []
        for _number in range(2):
            _status, taken = await ben.ask("negative", photo=png())
            await ben.until(taken["id"], "done")
            ids.append(taken["id"])
            run = await runs.get(taken["id"])
            assert run is not None
            await reports.report(Person("web", "zoe"), run.place, run)
        first, second = ids
        shown = await desk(ann, section="reviews")
        assert "reported 1 time" in shown
        assert "zoe" not in shown
        assert (await ann.get(f"moderate/reported/{first}/0?place=web:"))[0] == 200
        assert "Left as it is." in await press(ann, "leave", run=first)
        assert "already" in await press(ann, "take", run=first)
        assert "Taken away." in await press(ann, "take", run=second)
        assert "removed this result" in (await ben.until(second, "failed"))["line"]
        assert (await ann.get(f"moderate/reported/{second}/0?place=web:"))[0] == 404


async def _held(visitor: Visitor) -> str:
    _status, taken = await visitor.ask("negative", photo=png())
    return str((await visitor.until(taken["id"], "held"))["id"])


@pytest.mark.long
async def test_the_desk_says_what_cannot_run_and_why(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        html = _plain((await ann.get("admin"))[1].decode())
        assert "Workflows that cannot run" in html
        assert "The server lacks the nodes Paint." in html


@pytest.mark.long
async def test_who_is_not_the_operator_is_refused_and_it_is_written_down(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN) as web, Visitor(web.url) as eve:
        assert (await eve.get("moderate"))[0] == 401
        await eve.call("POST", "login", data={"token": TOKEN.reveal()})
        assert 'href="admin"' not in (await eve.get(""))[1].decode()
        assert [await _status(eve, "GET", f"moderate{path}") for path in _ROUTES] == [403] * len(_ROUTES)
        acts = PlaceRoutes(web.services, AccessControl(None))._acts
        assert len(acts) > 10
        for act in acts:
            data = {"act": act, "workflow": "plain", "person": "web:1", "run": str(uuid4())}
            assert await _status(eve, "POST", "moderate", data=data) == 403
        assert web.services.workflows.decide(OPERATOR, EVERYWHERE, "plain").allowed
        entries = await web.services.moderation.log(OPERATOR, EVERYWHERE, 100)
        assert {entry.act for entry in entries} == {"refused"}
        assert len(entries) == len(_ROUTES) + len(acts)
        key = f"web:{entries[0].person.id}"
        assert key in await desk(eve)
        cookies = eve.session.cookie_jar.filter_cookies(URL(web.url))
    async with page(tmp_path, token=TOKEN, operators=key) as web:
        eve = Visitor(web.url)
        eve.session.cookie_jar.update_cookies(cookies)
        async with eve:
            assert 'href="admin"' in eve.html
            assert "is denied everywhere" in await press(eve, "deny", workflow="plain")


_ROUTES = ("", "/log?place=web:", "/export?place=web:", "/stats?place=web:", f"/held/{uuid4()}/0?place=web:")


@pytest.mark.long
async def test_what_comes_through_a_proxy_or_from_another_site_is_not_the_operators(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        assert await _status(ann, "GET", "moderate") == 200
        for header in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"):
            assert await _status(ann, "GET", "moderate", headers={header: "10.0.0.7"}) == 403
        data = {"act": "deny", "place": "web:"}
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert await _status(ann, "POST", "moderate", data=data, headers=headers) == 403
        assert await _status(ann, "GET", "moderate", headers={"Host": "evil.example"}) == 421
        assert await _status(ann, "POST", "moderate", data={"act": "nonsense", "place": "web:"}) == 400
        assert _is_untouched(web)


def _is_untouched(web: Page) -> bool:
    return web.services.workflows.decide(OPERATOR, EVERYWHERE, "plain").allowed


async def _status(visitor: Visitor, method: str, path: str, **kwargs: Any) -> int:
    async with visitor.session.request(method, f"{visitor.url}/{path}", **kwargs) as answer:
        await answer.read()
        return answer.status
