"""Runs on servers that answer oddly: what can never work is tried once, and what another server can do goes there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.core.run import State
from tests.bot.harness import WatchedServer, house, picture

SAVE = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
BLANK = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}
LOAD = {"class_type": "LoadImage", "inputs": {"image": "cat.png"}}
#: What only the server can know: whether a file of another folder is there.
LOST = {"class_type": "LoadImage", "inputs": {"image": "folder/lost.png"}}


def write(folder: Path, name: str, graph: dict[str, Any], fields: str = "") -> None:
    made = folder / "workflows"
    made.mkdir(exist_ok=True)
    (made / f"{name}.json").write_text(json.dumps(graph))
    (made / f"{name}.toml").write_text(f'title = "{name.title()}"\n{fields}')


class FullServer(WatchedServer):
    """Its disk is full: it saves no upload."""

    def _watch(self) -> Any:
        inner = super()._watch()

        @web.middleware
        async def full(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path == "/upload/image":
                await request.read()
                self.calls["uploads"] += 1
                return web.Response(status=500, text="500 Internal Server Error\n\nServer got itself in trouble")
            answer: web.StreamResponse = await inner(request, handler)
            return answer

        return full


@pytest.mark.long
async def test_a_server_with_a_full_disk_costs_no_run_where_there_is_another(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[full := FullServer(), WatchedServer()]) as home:
        for number in range(4):
            photo = picture(tmp_path / "given", f"{number}.png", (64, 48 + number))
            run_id, _shown = await home.ask("negative", photo=photo)
            (run,) = await home.ended(run_id)
            assert run.state is State.DONE, run.sentence
            assert run.server == "two"
            if run.attempt > 1:  # the message says so too, unless the other server has begun by then
                assert run.reason == "The server one could not save the file."
    assert full.calls["uploads"]


@pytest.mark.long
async def test_a_full_disk_on_the_only_server_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[full := FullServer()]) as home:
        run_id, _ = await home.ask("negative", photo=picture(tmp_path / "given"))
        (run,) = await home.ended(run_id)
    assert run.state is State.FAILED
    assert "disk with its input folder is full" in (run.sentence or "")
    assert not full.calls["POST /prompt"]


@pytest.mark.long
async def test_a_result_that_the_server_refuses_is_asked_for_once_and_made_once(tmp_path: Path) -> None:
    dots = {**SAVE, "inputs": {**SAVE["inputs"], "filename_prefix": "a..b"}}
    write(tmp_path, "dots", {"1": BLANK, "2": dots})
    async with house(tmp_path, servers=[server := WatchedServer()]) as home:
        run_id, shown = await home.ask("dots")
        (run,) = await home.ended(run_id)
    assert (run.state, run.attempt, shown.results) == (State.FAILED, 1, [])
    assert "does not hand out a result that is called “a..b_00001_.png”" in (run.sentence or "")
    assert (server.calls["POST /prompt"], server.calls["GET /view"]) == (1, 1)


@pytest.mark.long
async def test_a_prompt_that_is_rejected_is_sent_once(tmp_path: Path) -> None:
    """Except where the server may have lost the file that it was sent earlier."""
    saved = {**SAVE, "inputs": {**SAVE["inputs"], "images": ["2", 0]}}
    write(tmp_path, "wrong", {"1": LOAD, "2": LOST, "3": saved}, '[fields.photo]\ntarget = "#1.image"\n')
    async with house(tmp_path, servers=[server := WatchedServer()]) as home:
        for times in (1, 2):
            run_id, _ = await home.ask("wrong", photo=picture(tmp_path / "given"))
            (run,) = await home.ended(run_id)
            assert (run.state, run.attempt) == (State.FAILED, 1)
            assert server.calls["POST /prompt"] == (1 if times == 1 else 3)


class HalfServer(WatchedServer):
    """It writes half a character into each text, as programs do that cut a text between the halves of an emoji."""

    def _watch(self) -> Any:
        inner = super()._watch()

        @web.middleware
        async def half(request: web.Request, handler: Any) -> web.StreamResponse:
            answer: web.StreamResponse = await inner(request, handler)
            if request.path.startswith("/history/") and isinstance(answer, web.Response):
                data = json.loads(answer.text or "{}")
                for entry in data.values():
                    entry["outputs"]["9"] = {"text": ["a cat \ud83d"]}
                return web.json_response(data)
            return answer

        return half


@pytest.mark.long
async def test_half_a_character_in_a_text_does_not_reach_the_chat(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[HalfServer()]) as home:
        run_id, shown = await home.ask()
        (run,) = await home.ended(run_id)
    assert run.state is State.DONE
    assert [each.result.texts for each in shown.results] == [("a cat ?",)]
