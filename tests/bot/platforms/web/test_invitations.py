"""Invitations to the page, over HTTP: who comes in with them, what they may, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from yarl import URL

from bot.core.guesses import Guesses
from bot.core.model import Person, Place
from bot.core.people.invitations import InvitationRole, Invitations
from bot.core.policy.permissions import OPERATOR
from bot.core.storage.database import Database
from bot.core.storage.ledger import read
from bot.settings import Secret, names
from tests.bot.databases import new_postgres
from tests.bot.forks import fork
from tests.bot.harness import until
from tests.bot.platforms.web.pages import Page, Visitor, page
from tests.patience import PATIENCE
from tests.ports import free_port

TOKEN = Secret("s3cret-token")
COOKIE = "operator-" * 6
BOSS = f"web:{sha256(COOKIE.encode()).hexdigest()[:32]}"


def boss(web: Page) -> Visitor:
    """The operator's browser."""
    visitor = Visitor(web.url)
    visitor.session.cookie_jar.update_cookies({"darkroom": COOKIE}, URL(web.url))
    return visitor


async def sign_in(visitor: Visitor) -> None:
    await visitor.call("POST", "login", data={"token": TOKEN.reveal()})


async def press(visitor: Visitor, act: str, **fields: str) -> str:
    """Press a button of the list; the page as it is then."""
    answer = await visitor.call("POST", "admin/invitations", data={"act": act, **fields})
    assert answer[0] == 200, answer
    return str(answer[1]["text"])


async def invite(visitor: Visitor, name: str = "Ann", **fields: str) -> str:
    """Make an invitation; the path of its link."""
    return path_of(await press(visitor, "make", **{"name": name, "role": "member", "host": "Bo", **fields}))


def path_of(shown: str) -> str:
    found = re.search(r'<code dir="ltr">https?://[^/]+/(invited/[\w-]+)</code>', shown)
    assert found is not None, shown
    return found[1]


def read_aloud(shown: str) -> str:
    """What stands in a page, without its marks."""
    return re.sub(r"<[^>]*>", "", shown)


async def may_enter(visitor: Visitor) -> bool:
    return (await visitor.get("workflows"))[0] == 200


async def test_a_friend_comes_in_by_the_link_and_keeps_the_name(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo, Visitor(web.url) as ann:
        await sign_in(bo)
        link = await invite(bo)
        assert not await may_enter(ann)
        async with Visitor(web.url) as preview:  # a program that shows what is behind a link
            for method in ("GET", "HEAD"):
                async with preview.session.request(method, f"{web.url}/{link}") as answer:
                    assert answer.status == 200
                    assert "Set-Cookie" not in answer.headers
        status, shown, _headers = await ann.get(link)
        assert (status, "Bo invites you, Ann" in read_aloud(shown.decode())) == (200, True)
        assert not await may_enter(ann)
        assert not web.services.invitations._known.all[0].devices
        assert (await ann.call("POST", link))[0] == 200
        assert await may_enter(ann)

        # Moderators read the name, and others nothing of it.
        _status, taken = await ann.ask("plain")
        run = await web.services.runs.get(taken["id"])
        assert run is not None
        assert run.person.name == "Ann"
        audit = await web.services.moderation.log(OPERATOR, run.place, 10)
        assert {(each.act, each.person.name) for each in audit} >= {("invitation accept", "Ann")}
        shown_list = (await bo.get("admin/invitations"))[1].decode()
        assert "1 device signed in" in shown_list
        assert (await ann.get("admin/invitations"))[0] == 403
        for act in ("void", "end", "sign-all-out", "renew", "role"):
            forged = {"act": act, "role": "author", "invitation": web.services.invitations._known.all[0].id}
            status, told = await ann.call("POST", "admin/invitations", data=forged, allow_redirects=False)
            assert (status, "DARKROOM_OPERATORS" in told["text"]) == (403, True)
        assert (await ann.get("moderate"))[0] == 403


@pytest.mark.long
async def test_the_secrets_are_kept_as_digests_alone(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo, Visitor(web.url) as ann:
        await sign_in(bo)
        key = (await invite(bo)).rpartition("/")[2]
        await ann.call("POST", f"invited/{key}")
        secret = next(each.value for each in ann.session.cookie_jar if each.key == "darkroom")
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert sha256(key.encode()).hexdigest().encode() in kept
    assert not [each for each in (key, secret) if each.encode() in kept]


@pytest.mark.long
async def test_a_device_is_signed_out_and_an_invitation_taken_back_at_once(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo:
        await sign_in(bo)
        link = await invite(bo)
        async with Visitor(web.url) as phone, Visitor(web.url) as laptop, Visitor(web.url) as late:
            for each in (phone, laptop):
                await each.call("POST", link)
            (known,) = web.services.invitations._known.all
            async with phone.listening() as events:
                await anext(events)
                told = await press(bo, "sign-out", device=known.devices[0].account, invitation=known.id)
                assert "Signed out." in told
                assert "Take back the link too" in told
                assert "no longer signed in" in await press(bo, "sign-out", device=known.devices[0].account)
                assert [name async for name, _data in events] == []  # the stream has ended
            assert [await may_enter(each) for each in (phone, laptop)] == [False, True]
            new = path_of(await press(bo, "renew", invitation=known.id))
            assert [(await late.call("POST", each))[0] for each in (link, new)] == [403, 200]
            assert "no longer works" in await press(bo, "void", invitation=known.id)
            async with Visitor(web.url) as thief:
                assert (await thief.call("POST", new))[0] == 403
            assert [await may_enter(each) for each in (laptop, late)] == [True, True]
            new = path_of(await press(bo, "renew", invitation=known.id))
            assert "All are signed out." in await press(bo, "sign-all-out", invitation=known.id)
            assert [await may_enter(each) for each in (laptop, late)] == [False, False]
            await late.call("POST", new)
            assert await may_enter(late)
            assert "is taken back" in await press(bo, "end", invitation=known.id)
            assert not await may_enter(late)
            assert (await late.call("POST", new))[0] == 403
            assert (await late.get(new))[0] == 404
        noted = [each.revoked for each in read(tmp_path / "backups" / "erased.jsonl") if each.revoked]
        assert noted.count(known.id) == 1
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, Visitor(web.url) as late:  # after a restart
        assert (await late.get(new))[0] == 404


@pytest.mark.long
async def test_the_end_of_an_invitation_ends_its_devices(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo, Visitor(web.url) as ann:
        await sign_in(bo)
        await ann.call("POST", await invite(bo, ends="day", until="2100-01-01"))
        known = web.services.invitations._known
        assert await may_enter(ann)
        async with ann.listening() as events:
            await anext(events)
            await web.platform._tidy(web.services)  # as it does each minute
            known._clock = lambda: known.all[0].until or 0.0
            assert not await may_enter(ann)
            await web.platform._tidy(web.services)
            assert [name async for name, _data in events] == []  # the stream has ended
        assert not known.all[0].devices
        faults = {"This day is over.": "2001-01-01", "Write the day as 2026-12-24.": "soon"}
        for words, until in faults.items():
            assert words in await press(bo, "make", name="Eve", role="member", ends="day", until=until)
        assert "Enter a name" in await press(bo, "make", name=" ", role="member")
        assert "Choose one" in await press(bo, "make", name="Eve", role="king")


@pytest.mark.long
async def test_an_author_is_trusted_to_add_workflows_and_a_member_is_not(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo:
        await sign_in(bo)
        for role in InvitationRole:
            async with Visitor(web.url) as friend:
                await friend.call("POST", await invite(bo, role=role.value))
                newest = web.services.invitations._known.all[0]
                person = Person("web", newest.devices[0].account.partition(":")[2])
                assert web.services.moderation.is_trusted(person) == (role is InvitationRole.AUTHOR)
                await press(bo, "end", invitation=newest.id)
                assert not web.services.moderation.is_trusted(person)


@pytest.mark.long
async def test_a_friend_gets_another_role_and_keeps_link_and_devices(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo, Visitor(web.url) as ann:
        await sign_in(bo)
        link = await invite(bo)
        await ann.call("POST", link)
        (known,) = web.services.invitations._known.all
        assert (await ann.get("studio"))[0] == 403
        assert "is an author now" in await press(bo, "role", invitation=known.id, role="author")
        assert (await ann.get("studio"))[0] == 200
        assert "may also add workflows" in (await ann.get(link))[1].decode()
        assert "is a member now" in await press(bo, "role", invitation=known.id, role="member")
        assert (await ann.get("studio"))[0] == 403
        assert await may_enter(ann)
        assert "Choose one of the list." in await press(bo, "role", invitation=known.id, role="king")
        await press(bo, "end", invitation=known.id)
        assert "is over." in await press(bo, "role", invitation=known.id, role="author")
        assert web.services.invitations._known.all[0].role is InvitationRole.MEMBER
        log = await web.services.moderation.log(OPERATOR, Place("web", ""), 10)
        told = [(each.person.key, each.words) for each in log if each.act == "invitation role"]
        assert told == [(BOSS, f"Made {known.id} {role}") for role in ("member", "author")]


@pytest.mark.long
async def test_a_name_turns_no_words_around_it(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo, Visitor(web.url) as ann:
        await sign_in(bo)
        link = await invite(bo, "Ann\u202e\u2069 \u05d0!", host="Bo\u202e")
        assert "<bdi>Bo</bdi> invites you, <bdi>Ann \u05d0!</bdi>" in (await ann.get(link))[1].decode()
        (known,) = web.services.invitations._known.all
        told = await press(bo, "role", invitation=known.id, role="author")
        assert "\u2068Ann \u05d0!\u2069 is an author now" in told
        assert "\u202e" not in told


@pytest.mark.long
async def test_a_link_of_one_process_opens_in_another_and_ends_there_too(tmp_path: Path, postgres: str) -> None:
    url = new_postgres(postgres)
    async with page(tmp_path, token=TOKEN, operators=BOSS, database=url) as web, boss(web) as bo:
        await sign_in(bo)
        async with another(tmp_path / "another", url) as there, Visitor(there) as ann, Visitor(there) as eve:
            link = await invite(bo)
            number = web.services.invitations._known.all[0].id

            async def opens() -> bool:
                return (await ann.get(link))[0] == 200

            async def makes_workflows() -> bool:
                return (await ann.get("studio"))[0] == 200

            async def is_out() -> bool:
                return not await may_enter(ann)

            await until(opens)
            assert (await ann.call("POST", link))[0] == 200
            assert await may_enter(ann)
            await press(bo, "role", invitation=number, role="author")
            await until(makes_workflows)
            assert "1 device signed in" in (await bo.get("admin/invitations"))[1].decode()
            device = web.services.invitations._known.all[0].devices[0].account
            async with asyncio.timeout(PATIENCE), ann.listening() as events:
                await anext(events)
                await press(bo, "sign-out", device=device, invitation=number)
                assert [name async for name, _data in events] == []  # the stream has ended there
            assert not await may_enter(ann)
            assert (await ann.call("POST", link))[0] == 200
            assert await may_enter(ann)
            await press(bo, "end", invitation=number)
            await until(is_out)
            assert (await eve.call("POST", link))[0] == 403
            assert not await may_enter(eve)


@asynccontextmanager
async def another(folder: Path, database: str) -> AsyncIterator[str]:
    """The address of a page that another process serves with the same database."""
    folder.mkdir()
    port = free_port()
    environ = {
        **{name: text for name, text in os.environ.items() if name not in names()},
        "DARKROOM_DATABASE_URL": database,
        "DARKROOM_DATA_DIR": str(folder),
        "DARKROOM_WEB": "on",
        "DARKROOM_WEB_PORT": str(port),
        "DARKROOM_WEB_TOKEN": TOKEN.reveal(),
    }
    process = await fork("bot.__main__", "start", "--chat", env=environ, folder=folder)
    try:
        async with asyncio.timeout(PATIENCE):
            while b"Ready" not in (line := await process.said.readline()):
                assert line, "the other process has ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


@pytest.mark.long
async def test_wrong_keys_count_as_guesses(tmp_path: Path) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    guesses = Guesses(lambda: 0.0, wait)
    options: dict[str, Any] = {"token": TOKEN, "operators": BOSS, "guesses": guesses}
    async with page(tmp_path, **options) as web, boss(web) as bo, Visitor(web.url) as eve:
        await sign_in(bo)
        link = await invite(bo)
        for number in range(10):
            assert (await eve.get(f"invited/guess{number}"))[0] == 404
        assert waits[-1] > waits[0] > 0
        before = len(waits)
        assert (await eve.call("POST", link))[0] == 200  # the right one is let in, and waits for nobody's guesses
        assert len(waits) == before


@pytest.mark.long
async def test_too_many_devices_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.people.invitations.MOST_DEVICES", 1)
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo:
        await sign_in(bo)
        link = await invite(bo)
        async with Visitor(web.url) as one, Visitor(web.url) as two:
            assert [(await each.call("POST", link))[0] for each in (one, one, two)] == [200, 200, 403]


@pytest.mark.long
async def test_what_is_kept_of_a_friend_is_handed_over_and_forgotten(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN, operators=BOSS) as web, boss(web) as bo, Visitor(web.url) as ann:
        await sign_in(bo)
        await ann.call("POST", await invite(bo))
        status, data, _headers = await ann.get("my-data")
        assert status == 200
        (tmp_path / "my.zip").write_bytes(data)
        with ZipFile(tmp_path / "my.zip") as archive:
            told = json.loads(archive.read("data.json"))["invitations"]
        assert [(each["name"], each["role"]) for each in told] == [("Ann", "member")]
        _status, told = await ann.call("GET", "my-data/deletion")
        assert any("this browser is signed out" in line for line in told["lines"])
        assert (await ann.call("POST", "my-data/delete", data={"everywhere": "0"}))[0] == 200

        async def is_gone() -> bool:
            return not await may_enter(ann) and not web.services.invitations._known.all

        await until(is_gone)
    async with Database.in_folder(tmp_path, "darkroom") as database:
        kept = Invitations(database)
        await kept.refresh()
        assert not kept.all
