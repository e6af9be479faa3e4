"""The places of the control room: a table of who may run what, what would change, people, and the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.model import Place
from bot.core.policy.permissions import OPERATOR, RuleTarget
from bot.core.policy.scope import Subject
from bot.settings import Role
from tests.bot.platforms.web.pages import Visitor, page
from tests.bot.platforms.web.test_moderation import TOKEN, desk, press

GUILD = Place("discord", "5", "#general", "77")


@pytest.mark.long
async def test_a_cell_of_the_table_says_what_each_decision_would_change(tmp_path: Path) -> None:
    async with page(tmp_path, Role(worker=None)) as web, Visitor(web.url) as ann:  # what is asked for waits
        moderation = web.services.moderation
        await moderation.deny(OPERATOR, GUILD, RuleTarget(workflow="plain", who=Subject.role("9", "artists")))
        html = (await ann.get("moderate?place=discord:77"))[1].decode()
        assert 'aria-label="Plain, artists: denied. “plain” is denied for artists everywhere here"' in html
        assert 'aria-label="Plain, everyone: allowed. It is allowed by default: no decision is about it"' in html
        told = await desk(ann, "discord:77", "access&workflow=plain&who=role:9")
        assert "Plain, for artists" in told
        assert "Allow Allowed for artists: Plain. Deny Nothing changes at once" in told
        assert "Remove decision Allowed for artists: Plain." in told
        told = await press(ann, "clear", "discord:77", workflow="plain", who="role:9")
        assert "Removed the decision about “plain”" in told
        assert "artists" not in await desk(ann, "discord:77", "access")
        told = await desk(ann, "discord:77", "access&workflow=*&kind=role&id=12")
        assert "All workflows, for 12" in told
        assert "Denied for 12: Dream, Gated" in told
        told = await press(ann, "deny", "discord:77", who="role:12", who_name="visitors")
        assert "every workflow is denied for visitors everywhere here." in told.lower()
        assert (await ann.ask("plain"))[0] == 201
        assert "1 waiting run is cancelled." in await desk(ann, "web:", "access&workflow=plain&who=everyone")
        for wrong in ("access&workflow=none&who=everyone", "access&workflow=plain&who=nonsense:", "nothing"):
            assert (await ann.get(f"moderate?place=web:&section={wrong}"))[0] == 404


@pytest.mark.long
async def test_what_a_rule_would_change_is_told_before_it_is_kept(tmp_path: Path) -> None:
    async with page(tmp_path, Role(worker=None)) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        for visitor in (ann, ben):
            assert (await visitor.ask("plain", color="9"))[0] == 201
        data = {"place": "web:", "preview": "limit", "measure": "day", "most": "1"}
        async with ann.session.post(f"{web.url}/moderate", data=data) as answer:
            html = await answer.text()
        assert "Nothing is kept yet. If you keep this:" in html
        assert "2 people have reached this limit already" in html
        assert 'name="most" value="1"' in html
        data = {"place": "web:", "preview": "narrow", "field": "plain color", "maximum": "5"}
        async with ann.session.post(f"{web.url}/moderate", data=data) as answer:
            assert "2 waiting runs are cancelled." in await answer.text()
        data = {"place": "web:", "preview": "narrow", "field": "plain color", "maximum": "few"}
        async with ann.session.post(f"{web.url}/moderate", data=data) as answer:
            assert "Enter a number." in await answer.text()
        async with ann.session.post(f"{web.url}/moderate", data={"place": "web:", "preview": "approve"}) as answer:
            assert answer.status == 400
        assert web.services.moderation.own_rules("") == []
        assert await web.services.moderation.log(OPERATOR, Place("web", "")) == []


@pytest.mark.long
async def test_people_are_found_with_what_they_may_run_and_why(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        _status, taken = await eve.ask("plain")
        await eve.until(taken["id"], "done")
        run = await web.services.runs.get(taken["id"])
        assert run is not None
        key = run.person.key
        assert "a visitor of the page" in await desk(ann, section="people")
        assert "There is no such person." in await desk(ann, section="people&who=nobody+here")
        await press(ann, "deny", workflow="poster")
        told = await desk(ann, section=f"people&person={key}")
        assert "Poster denied “poster” is denied everywhere, by the operator." in told
        assert "Plain Done" in told
        assert run.id in told
        assert (await ann.get("moderate?place=web:&section=people&person=nonsense"))[0] == 404


@pytest.mark.long
async def test_the_log_is_filtered_and_exported(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as eve:
        await press(ann, "deny", workflow="plain")
        assert (await eve.ask("plain"))[0] == 403
        await press(ann, "allow", workflow="poster")
        told = await desk(ann, section="log&kind=refusals")
        assert "refused: plain" in told
        assert "allow:" not in told
        told = await desk(ann, section="log&kind=decisions&words=POSTER")
        assert "allow: “poster” is allowed everywhere." in told
        assert "deny:" not in told
        assert "There is no such line." in await desk(ann, section="log&who=nobody")
        _status, lines, _headers = await ann.get("moderate/log?place=web:&kind=refusals")
        assert [json.loads(line)["act"] for line in lines.decode().splitlines()] == ["refused"]
        stats = (await ann.get("moderate?place=web:&section=stats"))[1].decode()
        assert "<title>" in stats[stats.index("<svg") :]
        assert "As a table" in stats


async def test_the_first_screen_is_for_operators_alone(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN) as web, Visitor(web.url) as eve:
        assert (await eve.get("admin/live"))[0] == 401
        await eve.call("POST", "login", data={"token": TOKEN.reveal()})
        assert [(await eve.get(path))[0] for path in ("admin", "admin/live")] == [403, 403]
        acts = ("interrupt", "free", "drain", "resume", "first", "cancel")
        for act in acts:
            assert (await eve.call("POST", "admin", data={"act": act, "server": "one", "run": "x"}))[0] == 403
        log = await web.services.moderation.log(OPERATOR, Place("web", ""))
        assert [entry.act for entry in log] == ["refused"] * (2 + len(acts))
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        assert (await ann.get("admin"))[0] == 200
        assert (await ann.get("admin", Via="a proxy"))[0] == 403
        assert (await ann.call("POST", "admin", data={"act": "nonsense"}))[0] == 400
        _status, told = await ann.call("POST", "admin?state=failed", data={"act": "drain", "server": "<b>two</b>"})
        assert "There is no server “&lt;b&gt;two&lt;/b&gt;”. The servers are: one." in told["text"]
        assert 'href="admin?state=failed#runs" aria-current="true"' in told["text"]
