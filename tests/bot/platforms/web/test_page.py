"""The page over HTTP: what it offers, takes, tells and keeps."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import aiohttp
import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from yarl import URL

from bot.core.errors import ConfigError
from bot.core.metrics import rate_limited
from bot.core.model import (
    Address,
    Cancelled,
    Delivering,
    Done,
    Failed,
    Person,
    Place,
    Queued,
    Running,
    RunRequest,
    RunSummary,
    UploadedFile,
)
from bot.core.policy.permissions import OPERATOR, RuleTarget
from bot.core.run import State
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.i18n import language, language_of, translated
from bot.platforms.web.adapter import WebPlatform
from bot.platforms.web.api.uploads import place_of
from bot.platforms.web.api.views import person_of
from bot.platforms.web.config import PageConfig
from bot.platforms.web.live.event_log import EventLog
from bot.platforms.web.live.hub import Hub
from bot.platforms.web.public_url import introduce
from bot.settings import Role, Secret
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres
from tests.bot.forks import fork
from tests.bot.harness import RecordingPlatform, failing, until
from tests.bot.platforms.web.pages import PHOTO, Visitor, differ, negative, page, pixels, png
from tests.patience import PATIENCE


@pytest.mark.long
async def test_check_says_whether_the_address_for_the_world_leads_here(tmp_path: Path) -> None:
    async with page(tmp_path) as web, EmbeddedServer() as other:
        assert await introduce(web.url) == f"Page: good, reached at {web.url}"
        with pytest.raises(ConfigError, match=r"what answers at .* is not the page \(HTTP 404\)"):
            await introduce(other.url.rstrip("/"))
    with pytest.raises(ConfigError, match=r"DARKROOM_PUBLIC_URL: nothing answers at .*Start the page"):
        await introduce(web.url)


async def test_a_picture_goes_in_and_its_negative_comes_out(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        status, taken = await ann.ask("negative", photo=png())
        assert status == 201
        run = await ann.until(taken["id"], "done")
        assert (run["title"], [file["filename"] for file in run["files"]]) == ("Negative", ["My-cat-negative.png"])
        assert [file["filename"] for file in run["inputs"]] == ["My cat.png"]
        _status, result, headers = await ann.get(run["files"][0]["url"])
        assert differ(result, negative(png())) <= 1
        assert headers["Content-Type"] == "image/png"
        _status, _data, headers = await ann.get(run["files"][0]["url"] + "?download")
        assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''My-cat-negative.png"


@pytest.mark.long
async def test_an_open_page_is_told_when_a_moderator_decides(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, ann.listening() as events:
        assert (await anext(events))[0] == "state"
        friends = Place("telegram", "-5", "Friends", "-5")
        moderation = web.services.moderation
        await moderation.deny(OPERATOR, friends, RuleTarget(workflow="plain"))  # which is not about the page
        await moderation.deny(OPERATOR, Place("web", ""), RuleTarget(workflow="plain", everywhere=True))
        async with asyncio.timeout(PATIENCE):
            assert (await anext(events))[0] == "workflows"
        _status, offers = await ann.call("GET", "workflows")
        assert "plain" not in {offer["name"] for offer in offers}  # type: ignore[call-overload, index]


@pytest.mark.long
async def test_visitors_do_not_see_what_cannot_run(tmp_path: Path) -> None:
    async with page(tmp_path, token=Secret("open-sesame-83")) as web, Visitor(web.url) as ann:
        await ann.call("POST", "login", data={"token": "open-sesame-83"})
        _status, offers = await ann.call("GET", "workflows")
        names = {offer["name"] for offer in offers}  # type: ignore[call-overload, index]
        assert "polaroid" in names
        assert not {"imagine", "paint"} & names
        status, told = await ann.ask("imagine", text="a cat")
        assert (status, "cannot run on this server" in str(told)) == (422, True)


async def test_what_is_offered_and_what_cannot_run_here(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, offers = await ann.call("GET", "workflows")
        by_name = {offer["name"]: offer for offer in offers}  # type: ignore[call-overload, index]
        assert by_name["polaroid"]["lacks"] is None
        assert "CheckpointLoaderSimple" in by_name["imagine"]["lacks"]
        fields = {field["name"]: field for field in by_name["polaroid"]["fields"]}
        assert (fields["photo"]["kind"], fields["photo"]["required"], fields["caption"]["length"]) == (
            "image",
            True,
            60,
        )
        for name, offer in by_name.items():
            status, _data, headers = await ann.get(f"cards/{name}")
            assert (status == 200) is offer["picture"] is (name in _PICTURED)
            assert status == 404 or headers["Content-Type"] == "image/webp"
            assert await ann.call("GET", f"workflows/{name}") == (200, offer)
        assert (await ann.get("cards/..%2F..%2Fviews.py"))[0] == 404


_PICTURED = {"dream", "match-colors", "negative", "polaroid", "poster", "sketch"}


@pytest.mark.long
async def test_the_page_says_which_language_it_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        assert f'<html lang="{language}" dir="ltr">' in ann.html
    folder = tmp_path / "pt_BR" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "darkroom.mo").open("wb") as file:
        write_mo(file, Catalog(locale="pt_BR"))
    monkeypatch.setenv("LANGUAGE", "pt_BR")
    assert language_of(translated(tmp_path)) == "pt-BR"
    monkeypatch.setenv("LANGUAGE", "xx")
    assert language_of(translated(tmp_path)) == "en"


@pytest.mark.long
async def test_an_authors_own_picture_stands_on_the_card(tmp_path: Path) -> None:
    Image.new("RGB", (4, 3), "red").save(tmp_path / "plain.png")
    async with page(tmp_path, pictures=[tmp_path]) as web, Visitor(web.url) as ann:
        status, data, headers = await ann.get("cards/plain")
        assert (status, headers["Content-Type"]) == (200, "image/png")
        assert pixels(data) == pixels((tmp_path / "plain.png").read_bytes())


@pytest.mark.long
async def test_every_fault_is_told_at_once_and_by_its_field(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        status, told = await ann.ask("poster", colors="99", contrast="much", photo="")
        assert status == 422
        assert [fault["field"] for fault in told["faults"]] == ["photo", "colors", "contrast"]
        assert "2 to 32" in told["faults"][1]["reason"]
        status, told = await ann.ask("negative", photo=b"words")
        assert (status, told["faults"][0]["field"]) == (422, "photo")
        assert "not a picture" in told["faults"][0]["reason"]
        assert (await ann.ask("imagine", text="a cat"))[0] == 422
        assert (await ann.ask("nothing"))[0] == 404
        status, told = await ann.call("POST", "workflows/plain/runs", json={"color": 1})
        assert (status, "multipart" in told["error"]) == (422, True)
        status, _told = await ann.ask("plain", color=b"a file where a number belongs")
        assert status == 422


@pytest.mark.long
async def test_a_large_file_is_refused_while_it_comes(tmp_path: Path) -> None:
    async with page(tmp_path, upload_bytes=100_000) as web, Visitor(web.url) as ann:
        status, told = await ann.ask("negative", photo=b"x" * 3_000_000)
        assert (status, told["faults"][0]["field"]) == (422, "photo")
        assert "0.1 MB" in told["faults"][0]["reason"]
        status, told = await ann.ask("polaroid", photo=png(), caption="x" * 300_000)
        assert (status, told["faults"][0]["field"]) == (422, "caption")
        assert (await ann.ask("negative", photo=png()))[0] == 201


async def test_the_stream_begins_with_everything_and_goes_on(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, first = await ann.ask("gated", gate="first")
        await ann.until(first["id"], "running")
        async with asyncio.timeout(PATIENCE), ann.listening() as events, ann.listening() as second_tab:
            for tab in (events, second_tab):
                name, data = await anext(tab)
                assert (name, [run["id"] for run in data["runs"]]) == ("state", [first["id"]])
            _status, second = await ann.ask("gated", gate="second")
            seen = [await _next(tab, second["id"]) for tab in (events, second_tab)]
            assert {name for name, _data in seen} == {"run"}
            web.gates.open()
            waited = {first["id"], second["id"]}
            while waited:
                _name, data = await anext(events)
                waited -= {data["id"]} if data["state"] == "done" else set()


async def _next(events: Any, run_id: str) -> tuple[str, dict[str, Any]]:
    async for name, data in events:
        if data.get("id") == run_id:
            return name, data
    raise AssertionError("the stream ended")


async def _last(events: Any, run_id: str) -> dict[str, Any]:
    while True:
        _name, data = await _next(events, run_id)
        if data["state"] == "done":
            return data


@pytest.mark.long
async def test_after_a_break_only_what_was_missed_is_told(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        ids = [(await ann.ask("gated", gate=gate))[1]["id"] for gate in ("first", "second")]
        for gate, run_id in zip(("first", "second"), ids, strict=True):
            async with asyncio.timeout(PATIENCE), ann.listening() as events:  # broken as soon as it has begun
                await anext(events)
            web.gates.open(gate)
            await web.ended(run_id)
        _status, third = await ann.ask("plain")
        await web.ended(third["id"])
        async with asyncio.timeout(PATIENCE), ann.listening(ann.heard) as events:
            told = [await anext(events) for _each in (ids[1], third["id"])]
            assert {(name, data["id"], data["state"]) for name, data in told} == {
                ("run", ids[1], "done"),
                ("run", third["id"], "done"),
            }
            await ann.call("DELETE", f"runs/{ids[0]}")
            assert await anext(events) == ("gone", {"id": ids[0]})
        async with asyncio.timeout(PATIENCE), ann.listening(ann.heard) as events:
            await ann.call("DELETE", f"runs/{ids[1]}")
            assert await anext(events) == ("gone", {"id": ids[1]})


@pytest.mark.long
async def test_where_what_was_missed_is_not_kept_everything_is_told(tmp_path: Path) -> None:
    async with page(tmp_path / "one") as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        async with asyncio.timeout(PATIENCE), ann.listening() as events:
            await anext(events)
        for last_event in (ann.heard, f"{ann.heard}9", "nonsense-1", "0123456789abcdef-0"):
            visitor = ben if last_event == ann.heard else ann  # another's journal is of no use to anybody
            async with asyncio.timeout(PATIENCE), visitor.listening(last_event) as events:
                assert (await anext(events))[0] == "state"


@pytest.mark.long
async def test_again_keeps_what_was_given(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("poster", photo=png(), colors="5")
        await ann.until(taken["id"], "done")
        status, anew = await ann.call("POST", f"runs/{taken['id']}/again")
        assert status == 201
        run = await ann.until(anew["id"], "done")
        assert (run["values"]["colors"], run["inputs"][0]["filename"]) == (5, "My cat.png")


@pytest.mark.long
async def test_a_result_is_the_next_ones_input(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        _status, taken = await ann.ask("negative", photo=png())
        run = await ann.until(taken["id"], "done")
        reference = run["files"][0]["ref"]
        _status, next_one = await ann.ask("negative", photo=reference)
        run = await ann.until(next_one["id"], "done")
        _status, result, _headers = await ann.get(run["files"][0]["url"])
        assert differ(result, png()) <= 2
        for bad in (reference, f"{taken['id']}/files/7", "../../etc/passwd", f"{uuid4()}/inputs/photo"):
            visitor = ben if bad == reference else ann
            status, told = await visitor.ask("negative", photo=bad)
            assert (status, told["faults"][0]["field"]) == (422, "photo")


@pytest.mark.long
async def test_the_settings_of_a_picture_are_read(tmp_path: Path) -> None:
    notes = PngInfo()
    notes.add_text("parameters", "by the sea\nSteps: 31, Seed: 7")
    Image.new("RGB", (8, 8)).save(made := io.BytesIO(), "PNG", pnginfo=notes)
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        status, read = await ann.call("POST", "settings", data={"picture": io.BytesIO(made.getvalue())})
        assert (status, read["lines"]) == (200, ["words: by the sea", "steps: 31", "seed: 7"])
        assert {"workflow": "polaroid", "values": {"caption": "by the sea"}, "news": ""} in read["forms"]
        plain = await ann.call(
            "POST", "settings", data={"picture": io.BytesIO(await asyncio.to_thread(PHOTO.read_bytes))}
        )
        assert (plain[0], "no settings" in plain[1]["error"]) == (422, True)


@pytest.mark.long
async def test_cancelling_and_deleting(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("gated", gate="never")
        run_id = taken["id"]
        await ann.until(run_id, "running")
        status, told = await ann.call("DELETE", f"runs/{run_id}")
        assert (status, "Cancel it first" in told["error"]) == (422, True)
        assert await ann.call("POST", f"runs/{run_id}/cancel") == (200, {"stopped": True})
        web.gates.open()
        await ann.until(run_id, "cancelled")
        await web.ended(run_id)
        async with asyncio.timeout(PATIENCE), ann.listening() as events:
            await anext(events)
            assert (await ann.call("DELETE", f"runs/{run_id}"))[0] == 200
            assert await _next(events, run_id) == ("gone", {"id": run_id})
        assert (await ann.call("POST", f"runs/{run_id}/cancel"))[0] == 404


@pytest.mark.long
async def test_a_restart_finds_the_conversation_as_it_was(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        cookies = ann.session.cookie_jar.filter_cookies(URL(web.url))
        _status, taken = await ann.ask("polaroid", photo=png(), caption="So it was")
        before = await ann.until(taken["id"], "done")
    async with page(tmp_path) as web:
        ann = Visitor(web.url)
        ann.session.cookie_jar.update_cookies(cookies)
        async with ann:
            assert await ann.until(taken["id"], "done") == before
            assert (await ann.get(before["files"][0]["url"]))[0] == 200


@pytest.mark.long
async def test_a_run_that_another_process_develops_is_watched(tmp_path: Path, postgres: str) -> None:
    """As with `--chat` here and `--worker` there: this page's own hub hears of it over the database alone."""
    url = new_postgres(postgres)
    role = Role(worker=None)
    async with page(tmp_path, role=role, database=url, stepwise=True) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("negative", photo=png())
        async with asyncio.timeout(PATIENCE), _worker(tmp_path, url, web.engine.url), ann.listening() as events:
            async for _name, data in events:
                if data.get("preview"):
                    break
            assert (data["state"], 0 < data["fraction"] < 1, data["line"] != "") == ("running", True, True)
            status, preview, headers = await ann.get(data["preview"])
            assert (status, headers["Content-Type"][:6], len(preview) > 100) == (200, "image/", True)
            web.gates.open()
            result = await _last(events, taken["id"])
            await until(partial(_nothing_is_left, url))
        assert differ((await ann.get(result["files"][0]["url"]))[1], negative(png())) <= 1


async def _nothing_is_left(url: str) -> bool:
    async with Database(url) as database:
        return not await KeyValueStore(database).starting("web ")


@asynccontextmanager
async def _worker(folder: Path, database: str, server: str) -> AsyncIterator[None]:
    """Another process that works with a server."""
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("DARKROOM_", "COMFYUI_"))},
        "DARKROOM_DATABASE_URL": database,
        "DARKROOM_DATA_DIR": str(folder),
        "DARKROOM_WEB": "on",
        "COMFYUI_URLS": server,
    }
    worker = await fork("bot.__main__", "start", "--worker", "elsewhere", env=environ, folder=folder)
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        await worker.wait()


@pytest.mark.long
async def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    async with page(tmp_path, nodes=failing()) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("gated", gate="none")
        run = await ann.until(taken["id"], "failed")
        assert "there is no such gate: none" in run["line"]
        _status, again = await ann.call("POST", f"runs/{taken['id']}/again")
        await ann.until(again["id"], "failed")


@pytest.mark.long
async def test_a_demonstration_has_a_sample(tmp_path: Path) -> None:
    async with page(tmp_path / "with", sample=PHOTO) as web, Visitor(web.url) as ann:
        assert '"sample":"coffee.jpg"' in ann.html
        assert (await ann.get("sample"))[1] == PHOTO.read_bytes()
    async with page(tmp_path / "without") as web, Visitor(web.url) as ann:
        assert (await ann.get("sample"))[0] == 404


@pytest.mark.long
async def test_parts_of_a_file_are_sent_to_players(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        _status, taken = await ann.ask("negative", photo=png())
        url = (await ann.until(taken["id"], "done"))["files"][0]["url"]
        _status, whole, headers = await ann.get(url)
        status, part, of = await ann.get(url, Range="bytes=10-19")
        assert (status, part, of["Content-Range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
        assert (await ann.get(url, Range="bytes=-4"))[1] == whole[-4:]
        assert (await ann.get(url, Range="bytes=0-"))[:2] == (206, whole)  # how players see whether they may seek
        assert (await ann.get(url, Range=f"bytes={len(whole)}-"))[0] == 416
        assert (await ann.get(url, **{"If-None-Match": headers["ETag"]}))[0] == 304


@pytest.mark.long
async def test_health_and_figures(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        assert (await ann.get("healthz"))[0] == 200
        assert (await ann.get("readyz"))[:2] == (200, b"ok\n")
        _status, taken = await ann.ask("plain", color="7")
        await ann.until(taken["id"], "done")
        _status, stuck = await ann.ask("gated", gate="never")
        await ann.until(stuck["id"], "running")
        rate_limited("web")
        figures = await _figures(ann)
        assert figures['darkroom_runs_ended_total{outcome="done",workflow="plain"}'] == 1
        assert figures['darkroom_phase_seconds_count{phase="executed",workflow="plain"}'] == 1
        assert figures['darkroom_runs{state="running"}'] == 1
        assert figures['darkroom_server_up{condition="up",server="one"}'] == 1
        assert figures['darkroom_chat_edits_total{platform="web"}'] > 0
        assert figures['darkroom_chat_rate_limits_total{platform="web"}'] >= 1
        assert (await _figures(ann))['darkroom_runs_ended_total{outcome="done",workflow="plain"}'] == 1
        web.services.runs.accepting = False
        assert (await ann.get("readyz"))[0] == 503
        web.services.runs.accepting = True


@pytest.mark.long
async def test_a_visitor_gets_what_is_kept_of_them_as_a_file(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        _status, taken = await ann.ask("plain", color="7")
        await ann.until(taken["id"], "done")
        status, content, headers = await ann.get("my-data")
        assert (status, headers["Content-Type"]) == (200, "application/zip")
        with ZipFile(io.BytesIO(content)) as archive:
            assert [run["id"] for run in json.loads(archive.read("data.json"))["runs"]] == [taken["id"]]
        assert (await ann.get("my-data"))[0] == 422
        _status, content, _headers = await ben.get("my-data")
        with ZipFile(io.BytesIO(content)) as archive:
            assert json.loads(archive.read("data.json"))["runs"] == []


async def _figures(visitor: Visitor) -> dict[str, float]:
    _status, data, _headers = await visitor.get("metrics")
    lines = [line.rpartition(" ") for line in data.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _space, value in lines}


@pytest.mark.long
async def test_a_port_that_is_taken_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    async with page(tmp_path) as web:
        with pytest.raises(ConfigError, match=f"{web.port}.*DARKROOM_WEB_PORT"):
            await WebPlatform(PageConfig(ports=(web.port,))).serve(web.services)


async def test_the_latest_word_wins() -> None:
    hub = Hub()
    reply = WebPlatform(PageConfig()).reply(Address("web", "v", "m"), _brief("r"))
    assert reply.limits.interval > 0
    with hub.listen("v") as (_journal, inbox), hub.listen("other") as (_others, others):
        for status in (Queued(2), Running("Blur", preview=b"1"), Running("Blur", preview=b"2"), Delivering()):
            hub.say("v", "r", status)
        assert [(news.run_id, news.whole) for news in await inbox.take(1)] == [("r", False)]
        assert await others.take(0) == []
        word = hub.word("r")
        assert word is not None
        assert (word.status, word.previews) == (Delivering(), 2)
        hub.say("v", "r", Done())
        assert hub.word("r") is None
        assert [(news.run_id, news.whole) for news in await inbox.take(1)] == [("r", True)]


async def test_a_run_is_shown_as_it_was_written_until_something_is_said_of_it(tmp_path: Path) -> None:
    now = [0.0]
    hub = Hub(lambda: now[0])
    async with page(tmp_path) as site, Visitor(site.url) as ann:
        status, asked = await ann.ask("negative", photo=png())
        assert status == 201
        await ann.until(asked["id"], "done")
        done = await site.services.runs.get(asked["id"])
    assert done is not None
    begun, ann_id = replace(done, state=State.WAITING, ended_at=None), done.person.id
    hub.show(begun)
    assert hub.written(ann_id, done.id) is None  # no page is open
    with hub.listen(ann_id) as (journal, inbox), hub.listen("other") as (_others, others):
        for run, said in ((begun, Queued(1)), (done, Failed("It was taken away."))):
            hub.show(run)
            assert [(news.run_id, news.whole) for news in await inbox.take(1)] == [(run.id, True)]
            assert hub.written(ann_id, run.id) is run
            hub.say(ann_id, run.id, said)
            assert hub.written(ann_id, run.id) is None
            assert len(await inbox.take(1)) == 1
        hub.show(done)
        assert len(await inbox.take(1)) == 1
        for late in (Delivering(), Done()):
            hub.say(ann_id, done.id, late)
            hub.say("other", done.id, late)
        assert await inbox.take(0) == []  # its page knows that it is done
        assert len(await others.take(1)) == 1
        assert (hub.word(done.id), hub.written(ann_id, done.id)) == (None, done)
        now[0] = 1.0  # another process may have changed it by now
        assert hub.written(ann_id, done.id) is None
        hub.show(begun)
        journal.know(done)  # another page has read its end
        assert hub.written(ann_id, done.id) is None


async def test_an_end_that_a_new_page_reads_is_told_on_the_other_pages(tmp_path: Path) -> None:
    async with page(tmp_path) as site, Visitor(site.url) as ann, ann.listening() as events:
        _status, asked = await ann.ask("gated", gate="one")
        states = _states(events, asked["id"])
        async with asyncio.timeout(PATIENCE):
            while await anext(states) != "running":
                pass
            run = await site.services.runs.get(asked["id"])
            assert run is not None
            async with Database.in_folder(tmp_path) as other:
                assert await RunRepository(other).end(run, State.CANCELLED)
            async with ann.listening() as anew:
                await anext(anew)
                while await anext(states) != "cancelled":
                    pass
        site.gates.open()


async def _states(events: AsyncIterator[tuple[str, dict[str, Any]]], run_id: str) -> AsyncIterator[str]:
    async for _name, data in events:
        if data.get("id") == run_id:
            yield data["state"]


def test_a_journal_keeps_the_order_and_drops_the_oldest() -> None:
    journal = EventLog()
    start = journal.id(0)
    for run_id in ("a", "b", "a"):
        journal.note(run_id, whole=run_id == "a")
    journal.note("a", whole=False)
    assert [(each.run_id, each.whole) for each in journal.since(0)] == [("b", False), ("a", True)]
    assert [(each.run_id, each.whole) for each in journal.since(3)] == [("a", False)]
    assert journal.inbox(start).resumed
    for number in range(1000):
        journal.note(f"run {number}", whole=True)
    assert not journal.inbox(start).resumed
    assert journal.inbox(journal.id(4)).resumed


async def test_words_and_journals_that_nobody_comes_for_are_dropped() -> None:
    now = [0.0]
    hub = Hub(lambda: now[0])
    with hub.listen("v") as (_journal, inbox):
        hub.say("v", "failed", Failed("No."))
        hub.say("v", "runs", Running())
        heard = [news.id for news in await inbox.take(1)]
        now[0] = 1000.0
        hub.tidy()
    assert (hub.word("failed"), hub.word("runs") is not None) == (None, True)
    with hub.listen("v", heard[0]) as (_journal, inbox):
        assert inbox.resumed
    now[0] = 2000.0
    hub.tidy()
    with hub.listen("v", heard[0]) as (_journal, inbox):
        assert not inbox.resumed


def _brief(run_id: str) -> RunSummary:
    return RunSummary(run_id, "plain", "Plain", person_of("v"), place_of("v"))


@pytest.mark.long
async def test_the_last_runs_are_shown_and_earlier_ones_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.web.api.events._FIRST", 5)
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        taken = [(await ann.ask("plain"))[1]["id"] for _run in range(6)]

        async def are_done() -> bool:
            return all([(run := await web.services.runs.get(each)) and run.ended_at for each in taken])

        await until(are_done)
        async with asyncio.timeout(PATIENCE), ann.listening() as events:
            _name, data = await anext(events)
            assert (len(data["runs"]), data["more"]) == (5, True)
        _status, body = 0, b""
        async with ann.session.get(f"{web.url}/stream?count=10") as answer:
            while b"\n" not in body or b"data" not in body:
                body += await answer.content.readline()
        assert body.count(b'"workflow":"plain"') == 6


@pytest.mark.long
async def test_the_line_and_the_limits_of_a_visitor(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        status, body, _headers = await ann.get("line")
        told = json.loads(body)
        assert (status, told["entries"]) == (200, [])
        assert told["limits"][0].startswith("At most 2 of your runs at a time")


@pytest.mark.long
async def test_several_files_for_a_field_are_a_run_each(tmp_path: Path) -> None:
    async with page(tmp_path) as web, Visitor(web.url) as ann:
        form = aiohttp.FormData(default_to_multipart=True)
        for size in ((64, 48), (32, 32)):
            form.add_field("photo", io.BytesIO(png(size)), filename=f"{size[0]}.png", content_type="image/png")
        status, taken = await ann.call("POST", "workflows/negative/runs", data=form)
        assert status == 201
        first = await web.services.runs.get(taken["id"])
        assert first is not None
        cells = await web.services.groups.cells(first.group_id or "")
        assert [each.label for each in cells] == ["64.png", "32.png"]
        for each in cells:
            assert (await ann.until(each.id, "done"))["files"]


@pytest.mark.long
async def test_a_run_of_another_account_is_seen_as_it_goes_and_is_cancelled(tmp_path: Path) -> None:
    elsewhere, chat = Person("test", "5", "Ann"), RecordingPlatform()
    async with (
        page(tmp_path, stepwise=True, beside={"test": chat}) as web,
        Visitor(web.url) as ann,
        Visitor(web.url) as ben,
    ):
        code = (await web.services.links.start(elsewhere, Place("test", "5"))).split("Your code is ")[1][:11]
        await ann.call("POST", "links", data={"act": "join", "code": code})
        values = {"photo": UploadedFile(PHOTO, "coffee.jpg")}
        request = RunRequest("negative", values, elsewhere, Place("test", "5"))
        async with asyncio.timeout(PATIENCE), ann.listening() as events:
            assert (await anext(events))[0] == "state"
            run_id = await web.services.runs.submit(request, Address("test", "chat", "one"))
            name, told = await anext(events)
            assert (name, told["id"], told["title"]) == ("run", run_id, "Negative")  # the page did not know it
            while told["preview"] is None:
                _name, told = await anext(events)
            assert told["state"] == "running"
            assert (await ann.get(told["preview"]))[0] == 200
            assert (await ben.get(told["preview"]))[0] == 404
            assert (await ben.call("POST", f"runs/{run_id}/cancel"))[0] == 404
            assert (await ann.call("POST", f"runs/{run_id}/cancel"))[1] == {"stopped": True}
            web.gates.open()
            while told["state"] != "cancelled":
                _name, told = await anext(events)
        await chat.until(lambda: isinstance(chat.messages["one"].last, Cancelled))


@pytest.mark.long
async def test_two_visitors_are_not_one_person_but_an_account_elsewhere_is(tmp_path: Path) -> None:
    elsewhere = Person("telegram", "5", "Ann")
    async with page(tmp_path) as web, Visitor(web.url) as ann, Visitor(web.url) as ben:
        _status, told = await ann.call("POST", "links", data={"act": "code"})
        code = told["text"].split("Your code is ")[1][:11]
        status, told = await ben.call("POST", "links", data={"act": "join", "code": code})
        assert (status, "different platforms" in told["error"]) == (422, True)
        await web.services.links.join(elsewhere, Place("telegram", "5"), code, sure=True)
        _status, told = await ann.call("GET", "links")
        assert told["lines"] == ["Joined with Ann on Telegram."]
        _status, run = await ann.ask("plain")
        await ann.until(run["id"], "done")
        found = await web.services.history.page(elsewhere)
        assert [each.id for each in found.runs] == [run["id"]]
        _status, told = await ann.call("POST", "links", data={"act": "end"})
        assert told["lines"] == []
