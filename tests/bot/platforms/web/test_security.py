"""The gate: other names, other sites, other visitors, and the token."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot.app import App
from bot.core.errors import ConfigError, TooMany
from bot.core.guesses import Guesses, origin
from bot.core.model import Place
from bot.core.policy.permissions import OPERATOR, RuleTarget
from bot.platforms.web.auth import AccessControl
from bot.platforms.web.config import PageConfig
from bot.settings import Secret
from tests.bot.platforms.web.pages import Visitor, page, png

TOKEN = Secret("s3cret-token")


async def status(visitor: Visitor, method: str, path: str, **headers: str) -> int:
    async with visitor.session.request(method, f"{visitor.url}/{path}", headers=headers) as answer:
        await answer.read()
        return answer.status


@pytest.mark.long
async def test_other_names_and_other_sites_are_refused(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("plain")
        again = f"runs/{taken['id']}/again"
        for path in ("", "workflows", "stream", "metrics", "static/app.js"):
            assert await status(ann, "GET", path, Host="evil.example") == 421
            assert await status(ann, "GET", path, Host=f"evil.example:{web.port}") == 421
        assert await status(ann, "GET", "workflows", Host=f"localhost:{web.port}") == 200
        assert await status(ann, "POST", again, Origin="http://evil.example") == 403
        assert await status(ann, "POST", again, Origin="null") == 403
        assert await status(ann, "POST", again, Origin=f"http://127.0.0.1:{web.port + 1}") == 403
        assert await status(ann, "POST", again, **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert await status(ann, "GET", "workflows", **{"Sec-Fetch-Site": "same-site"}) == 403
        visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert await status(ann, "GET", "", **visit) == 200  # a link from elsewhere
        assert await status(ann, "POST", again, Origin=web.url) == 201
    async with page(tmp_path, public_host="darkroom.example") as web, Visitor(web.url) as ann:
        for path, found in (("mask/x.0.y", 200), ("static/mask/linked.js", 200), ("", 421), ("workflows", 421)):
            assert await status(ann, "GET", path, Host="darkroom.example") == found
            assert await status(ann, "GET", path, Host="evil.example") == 421
        assert await status(ann, "POST", "mask/x.0.y/open", Origin="http://evil.example") == 403


@pytest.mark.long
async def test_anothers_runs_and_files_are_not_there(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        _status, taken = await ann.ask("negative", photo=png())
        run = await ann.until(taken["id"], "done")
        own = [run["files"][0]["url"], run["inputs"][0]["url"]]
        for path in (*own, f"runs/{run['id']}/files/9", f"runs/{run['id']}/inputs/x", "runs/%2e%2e/files/0"):
            assert await status(ann, "GET", path) == (200 if path in own else 404)
            assert await status(ben, "GET", path) == 404
        for method, path in (("POST", "again"), ("POST", "cancel"), ("DELETE", "")):
            assert await status(ben, method, f"runs/{run['id']}/{path}".rstrip("/")) == 404
        async with ben.listening() as events:
            assert await anext(events) == ("state", {"runs": [], "more": False})


@pytest.mark.long
async def test_a_preview_is_its_visitors_alone(tmp_path: Path) -> None:
    async with page(tmp_path, stepwise=True) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        _status, taken = await ann.ask("negative", photo=png())
        async with ann.listening() as events:
            url = await _preview(events)
        got, data, headers = await ann.get(url)
        assert (got, headers["Content-Type"].startswith("image/"), len(data) > 100) == (200, True, True)
        assert (await ben.get(url))[0] == 404
        await ann.call("POST", f"runs/{taken['id']}/cancel")


async def _preview(events: Any) -> str:
    async for _name, data in events:
        if data.get("preview"):
            return str(data["preview"])
    raise AssertionError("there was none")


@pytest.mark.long
async def test_a_held_result_is_nobodys_before_the_yes(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        everywhere = Place("web", "")
        await web.services.moderation.review(OPERATOR, everywhere, True, aim=RuleTarget(everywhere=True))
        _status, taken = await ann.ask("negative", photo=png())
        run = await ann.until(taken["id"], "held")
        assert (run["files"], run["preview"]) == ([], None)
        result, given = f"runs/{run['id']}/files/0", run["inputs"][0]["url"]
        assert [await status(each, "GET", result) for each in (ann, ben)] == [404, 404]
        assert [await status(each, "GET", given) for each in (ann, ben)] == [200, 404]
        assert (await ann.ask("negative", photo=f"{run['id']}/files/0"))[0] == 422
        assert await web.services.moderation.reviews.approve(OPERATOR, everywhere, run["id"])
        await ann.until(run["id"], "done")
        assert [await status(each, "GET", result) for each in (ann, ben)] == [200, 404]


@pytest.mark.long
async def test_who_opens_the_control_room_first_is_led_back_to_it(tmp_path: Path) -> None:
    async with page(tmp_path) as web:
        for room in ("admin", "moderate", "admin/invitations", "studio"):
            async with _stranger() as session, session.get(f"{web.url}/{room}") as answer:
                assert (answer.status, answer.url.path) == (200, f"/{room}")
    async with page(tmp_path, token=Secret("s3cret-token")) as web, _stranger() as session:
        async with session.get(f"{web.url}/admin/invitations") as answer:
            assert (answer.status, 'name="to" value="admin/invitations"' in await answer.text()) == (401, True)
        for to, path in (("//evil.example", "/"), ("admin/invitations", "/admin/invitations")):
            async with session.post(f"{web.url}/login", data={"token": "s3cret-token", "to": to}) as answer:
                assert (answer.url.host, answer.url.path) == ("127.0.0.1", path)


def _stranger() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


@pytest.mark.long
async def test_the_cookie_is_nobodys_to_read_and_the_headers_are_strict(tmp_path: Path) -> None:
    async with page(tmp_path) as web, aiohttp.ClientSession() as session:
        async with session.get(web.url) as answer:
            cookie = answer.headers["Set-Cookie"]
            policy = answer.headers["Content-Security-Policy"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
        assert policy.startswith("default-src 'self';")
        for path in ("workflows", "stream", "runs/x/preview"):
            async with session.get(f"{web.url}/{path}", cookies={"darkroom": "short"}) as answer:
                assert answer.status == 401


@pytest.mark.parametrize("name", ["9" * 300, "../server.py", "%2e%2e/server.py", "cards", "", "app.js/"])
@pytest.mark.long
async def test_what_is_no_file_of_the_page_is_not_there(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        address = URL(f"{web.url}/static/{name}", encoded=True)
        async with ann.session.get(address) as answer:
            assert (answer.status, await answer.text()) == (404, "404: Not Found")
        assert await status(ann, "GET", "static/app.js") == 200
        assert await status(ann, "HEAD", "static/cards/poster.webp") == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.long
async def test_a_text_cannot_end_the_script_that_it_stands_in(tmp_path: Path) -> None:
    sly = "</script><script>alert(1)</script>"
    async with page(tmp_path, note=sly) as web, Visitor(web.url) as ann:
        assert sly not in ann.html
        assert "\\u003c/script>" in ann.html


@pytest.mark.long
async def test_results_that_could_act_are_only_downloads(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("negative", photo=png())
        run = await ann.until(taken["id"], "done")
        _status, _data, headers = await ann.get(run["files"][0]["url"])
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_the_token_lets_people_in(tmp_path: Path) -> None:
    async with page(tmp_path, token=TOKEN) as web, Visitor(web.url) as ann:
        assert "Token" in ann.html
        assert "Polaroid" not in ann.html
        for path in ("workflows", "stream", "metrics"):
            assert await status(ann, "GET", path) == 401
        assert await status(ann, "GET", "healthz", Host="10.1.2.3:8420") == 200
        assert (await ann.call("POST", "login", data={"token": "wrong"}))[0] == 401
        _status, told = await ann.call("POST", "login", data={"token": TOKEN.reveal()})
        assert "Polaroid" in told["text"]
        assert (await ann.ask("plain"))[0] == 201
        assert await status(ann, "GET", "metrics", Authorization=f"Bearer {TOKEN.reveal()}") == 200
        stolen = {each.key: each.value for each in ann.session.cookie_jar if each.key == "darkroom_session"}
        async with Visitor(web.url) as ben:
            ben.session.cookie_jar.update_cookies(stolen)
            assert await status(ben, "GET", "workflows") == 401  # it is stamped for Ann


@pytest.mark.long
async def test_metrics_can_have_a_token_of_their_own(tmp_path: Path) -> None:
    own = Secret("t0ken-of-the-monitor")
    async with page(tmp_path, token=TOKEN, metrics_token=own) as web, Visitor(web.url) as ann:
        assert await status(ann, "GET", "metrics", **bearer(TOKEN.reveal())) == 401
        assert await status(ann, "GET", "metrics", **bearer(own.reveal())) == 200
        assert (await ann.call("POST", "login", data={"token": own.reveal()}))[0] == 401


class Clock:
    """Time that passes when it is slept through; sleepers stay while `gate` is shut."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()
        self.gate = asyncio.Event()
        self.gate.set()
        self._news = asyncio.Event()

    async def sleepers(self, count: int) -> None:
        """Wait until so many have gone to sleep."""
        while len(self.slept) < count:
            self._news.clear()
            await self._news.wait()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._news.set()
        await self.gate.wait()
        self.now += seconds

    def guesses(self) -> Guesses:
        return Guesses(lambda: self.now, self.sleep)


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


@pytest.mark.long
async def test_answers_take_longer_and_longer_wherever_a_token_is_shown(tmp_path: Path) -> None:
    clock = Clock()
    async with page(tmp_path, token=TOKEN, guesses=clock.guesses()) as web, Visitor(web.url) as eve:
        for number in range(4):
            assert (await eve.call("POST", "login", data={"token": str(number)}))[0] == 401
            assert await status(eve, "GET", "metrics", **bearer(f"m{number}")) == 401
            cookies = f"darkroom={'x' * 40}; darkroom_session=s{number}"
            assert await status(eve, "GET", "workflows", Cookie=cookies) == 401
        assert clock.slept == [1, 2, 4, 8, 16, 30, 30]
        assert await status(eve, "GET", "metrics", **bearer(TOKEN.reveal())) == 200
        assert (await eve.call("POST", "login", data={"token": TOKEN.reveal()}))[0] == 200
        assert clock.slept[7:] == [30, 30, 30]  # what is right waits as long, and the first look at the cookie too
        assert await status(eve, "GET", "workflows") == 200
        assert len(clock.slept) == 10  # a member waits for nothing
        clock.now += 601
        assert await status(eve, "GET", "metrics", **bearer("another")) == 401
        assert len(clock.slept) == 10  # it is forgotten


@pytest.mark.long
async def test_the_same_wrong_token_again_is_no_new_guess(tmp_path: Path) -> None:
    clock = Clock()
    async with page(tmp_path, token=TOKEN, guesses=clock.guesses()) as web, Visitor(web.url) as monitor:
        for _time in range(20):
            assert await status(monitor, "GET", "metrics", **bearer("of last year")) == 401
        assert clock.slept == []


class Looked:
    """Counts the tokens that were looked at, of which one is right."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def __call__(self, given: str) -> bool:
        self.tokens.append(given)
        return given == TOKEN.reveal()


@pytest.mark.parametrize("address", ["203.0.113.7", None])
async def test_guesses_at_once_wait_before_they_are_looked_at_and_lock_no_one_out(address: str | None) -> None:
    clock, looked = Clock(), Looked()
    guesses = clock.guesses()
    clock.gate.clear()
    tries = [asyncio.create_task(guesses.look(address, str(number), looked)) for number in range(60)]
    right = asyncio.create_task(guesses.look(address, TOKEN.reveal(), looked))
    await clock.sleepers(56)
    assert looked.tokens == ["0", "1", "2", "3", "4"]
    assert await guesses.look("203.0.113.8", TOKEN.reveal(), looked)  # another address waits for nothing
    clock.gate.set()
    assert await right
    assert not any(await asyncio.gather(*tries))


async def test_so_many_guesses_that_they_would_fill_the_page_are_refused() -> None:
    clock, looked = Clock(), Looked()
    guesses = clock.guesses()
    clock.gate.clear()
    tries = [
        asyncio.create_task(guesses.look(address, str(number), looked))
        for address in ("203.0.113.7", "203.0.113.8", "203.0.113.9")
        for number in range(110)
    ]
    await clock.sleepers(200)
    await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    assert await guesses.look("203.0.113.10", TOKEN.reveal(), looked)
    clock.gate.set()
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, TooMany) for outcome in outcomes) == 330 - 200 - 15
    assert len(looked.tokens) == 216


@pytest.mark.long
async def test_a_proxy_says_whose_guesses_they_are(tmp_path: Path) -> None:
    clock = Clock()
    options = {"token": TOKEN, "guesses": clock.guesses(), "proxy_header": "X-Real-IP"}
    async with page(tmp_path, **options) as web, Visitor(web.url) as eve:
        for number in range(6):
            assert await status(eve, "GET", "metrics", **bearer(str(number), **{"X-Real-IP": "203.0.113.7"})) == 401
        assert clock.slept == [1]
        assert await status(eve, "GET", "metrics", **bearer(TOKEN.reveal(), **{"X-Real-IP": "203.0.113.8"})) == 200
        assert clock.slept == [1]
        forged = {"X-Real-IP": "203.0.113.9, 203.0.113.7"}
        assert await status(eve, "GET", "metrics", **bearer("forged", **forged)) == 401
        assert clock.slept == [1, 2]


@pytest.mark.long
async def test_members_are_not_slowed_by_the_guesses_of_others(tmp_path: Path) -> None:
    clock = Clock()
    async with (
        page(tmp_path, token=TOKEN, guesses=clock.guesses()) as web,
        Visitor(web.url) as ann,
        Visitor(web.url) as eve,
    ):
        assert (await ann.call("POST", "login", data={"token": TOKEN.reveal()}))[0] == 200
        clock.gate.clear()
        tries = [asyncio.create_task(status(eve, "GET", "metrics", **bearer(str(n)))) for n in range(30)]
        await clock.sleepers(25)
        assert await status(ann, "GET", "workflows") == 200
        clock.gate.set()
        assert set(await asyncio.gather(*tries)) == {401}


def test_addresses_are_told_apart_by_the_network_that_a_person_has() -> None:
    assert origin("203.0.113.7") == origin("::ffff:203.0.113.7") == origin("203.0.113.7:4711") == "203.0.113.7"
    assert origin("2001:db8:1:2::3") == origin("[2001:db8:1:2:ffff::9]:443") != origin("2001:db8:1:3::3")
    for nobody in ("", "127.0.0.1", "::1", "unknown", "1.2.3.4.5", "[", "[::1"):
        assert origin(nobody) is None


async def test_many_addresses_take_little_memory() -> None:
    guesses = Clock().guesses()
    for number in range(10_000):
        assert not await guesses.look(f"10.0.{number // 256}.{number % 256}", "wrong", lambda _given: False)
    assert len(guesses._guessers) == 4096


@pytest.mark.long
async def test_check_warns_where_a_proxy_may_speak_for_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with page(tmp_path / "data") as web:
        environ = {"DARKROOM_WEB": "on", "DARKROOM_WEB_TOKEN": "x", "DARKROOM_PUBLIC_URL": web.url}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        assert any("DARKROOM_WEB_PROXY_HEADER" in said and good for said, good in await App().platform_verdicts())
        monkeypatch.setenv("DARKROOM_WEB_PROXY_HEADER", "X-Real-IP")
        assert not any("PROXY_HEADER" in said for said, _good in await App().platform_verdicts())


def test_beyond_this_computer_there_must_be_a_token() -> None:
    for host in ("0.0.0.0", "::", "10.0.0.7", "darkroom.example"):  # noqa: S104 - refused
        with pytest.raises(ConfigError, match="DARKROOM_WEB_TOKEN"):
            PageConfig(host=host)
        assert PageConfig(host=host, token=TOKEN).host == host
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert not AccessControl(None).locked
        assert PageConfig(host=host).host == host
