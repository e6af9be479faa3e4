"""Models are fetched from hosts that the operator lists, on from where it broke off, and appear once they are whole."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.care.model_files import ModelFetcher
from bot.core.errors import UserError
from comfy.embedded import EmbeddedServer
from comfy.saved.needs import ModelLink
from tests.bot.forks import STDOUT, fork
from tests.bot.harness import painter

MODEL = random.Random(1).randbytes(3_000_000)
SHA = hashlib.sha256(MODEL).hexdigest()


class Shop:
    """Hands a model out, breaks off in the middle once, and redirects."""

    def __init__(self) -> None:
        self.ranges: list[str] = []
        self.breaks, self.url = True, ""
        self.model_now, self.tag = MODEL, '"one"'

    async def model(self, request: web.Request) -> web.StreamResponse:
        self.ranges.append(request.headers.get("Range", ""))
        begin, whole = int(self.ranges[-1].removeprefix("bytes=").rstrip("-") or 0), self.model_now
        if begin and request.headers.get("If-Range") != self.tag:
            begin = 0
        if begin >= len(whole):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(MODEL)}"})
        response = web.StreamResponse(status=206 if begin else 200, headers={"ETag": self.tag} if self.tag else None)
        response.content_length = len(whole) - begin
        if begin:
            response.headers["Content-Range"] = f"bytes {begin}-{len(MODEL) - 1}/{len(MODEL)}"
        await response.prepare(request)
        if self.breaks:
            self.breaks = False
            await response.write(whole[begin : begin + 2_000_000])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(whole[begin:])
        return response

    async def away(self, _request: web.Request) -> web.Response:
        raise web.HTTPFound("http://elsewhere.example/model")


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made, app = Shop(), web.Application()
    app.router.add_get("/model", made.model)
    app.router.add_get("/away", made.away)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/"))
        yield made


def link(url: str, **more: str) -> ModelLink:
    return ModelLink("a.safetensors", "checkpoints", url, **more)


async def test_a_fetch_goes_on_where_it_broke_off_and_is_checked(shop: Shop, tmp_path: Path) -> None:
    told, wanted = list[tuple[int, int]](), link(f"{shop.url}model", sha256=SHA)
    fetcher, target = ModelFetcher(tmp_path, ["127.0.0.1"], lambda *each: told.append(each)), tmp_path / "checkpoints"
    with pytest.raises(ConnectionError):
        await fetcher.fetch(wanted)
    assert sorted(each.name for each in target.iterdir()) == [".a.safetensors.mark", ".a.safetensors.part"]
    made = await fetcher.fetch(wanted)
    assert (made.size, made.checked, made.path.read_bytes() == MODEL) == (len(MODEL), True, True)
    assert shop.ranges[0] == ""
    assert int(shop.ranges[1][6:-1]) > 0
    assert told[-1] == (len(MODEL), len(MODEL))
    assert [each.name for each in target.iterdir()] == ["a.safetensors"]
    with pytest.raises(UserError, match="is there already"):
        await fetcher.fetch(wanted)


async def test_a_file_that_was_whole_before_it_was_in_place_is_not_fetched_again(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".a.safetensors.part").write_bytes(MODEL)
    (tmp_path / "checkpoints" / ".a.safetensors.mark").write_text(shop.tag)
    await ModelFetcher(tmp_path, ["127.0.0.1"], lambda *_each: None).fetch(link(f"{shop.url}model"))
    assert (tmp_path / "checkpoints" / "a.safetensors").read_bytes() == MODEL


@pytest.mark.parametrize("tag", ['"two"', "", 'W/"weak"'])
async def test_a_file_that_has_changed_or_has_no_tag_is_fetched_from_its_start(
    shop: Shop, tmp_path: Path, tag: str
) -> None:
    shop.tag = '"one"' if tag == '"two"' else tag
    fetcher = ModelFetcher(tmp_path, ["127.0.0.1"], lambda *_each: None)
    with pytest.raises(ConnectionError):
        await fetcher.fetch(link(f"{shop.url}model"))
    shop.tag, shop.model_now = tag, MODEL[::-1]
    made = await fetcher.fetch(link(f"{shop.url}model"))
    assert made.path.read_bytes() == MODEL[::-1]
    assert [each.name for each in made.path.parent.iterdir()] == ["a.safetensors"]


async def test_what_is_not_as_it_should_be_is_refused(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.breaks = False
    fetcher = ModelFetcher(tmp_path, ["127.0.0.1", "*.good.example"], lambda *_each: None)
    for wanted, words in (
        (link(f"{shop.url}model", sha256="0" * 64), "its checksum differs"),
        (link(f"{shop.url}away"), "elsewhere.example is not among the hosts in DARKROOM_MODEL_HOSTS"),
        (link("https://notgood.example/x"), "notgood.example is not among"),
        (link("file:///etc/passwd"), "is not among"),
        (ModelLink("../a.ckpt", "checkpoints", f"{shop.url}model"), "cannot be the place of a model"),
        (ModelLink("a.ckpt", "../x", f"{shop.url}model"), "cannot be the place of a model"),
        (ModelLink("a.ckpt", "", f"{shop.url}model"), "does not say where"),
        (link(f"{shop.url}none"), "answered with status 404"),
    ):
        with pytest.raises(UserError, match=words):
            await fetcher.fetch(wanted)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []
    monkeypatch.setattr("bot.core.care.model_files._SPARE", 10**18)
    with pytest.raises(UserError, match="There is no room for it"):
        await fetcher.fetch(link(f"{shop.url}model"))


@pytest.mark.long
async def test_the_models_that_workflows_lack_are_listed_and_one_is_fetched(shop: Shop, tmp_path: Path) -> None:
    shop.breaks = False
    told = {"name": "a.ckpt", "url": f"{shop.url}model", "directory": "checkpoints", "size": 3_000_000, "hash": SHA}
    paint = {
        "id": 1,
        "type": "Paint",
        "outputs": [{"type": "IMAGE", "links": [1]}],
        "widgets_values": ["a.ckpt", 0],
        "properties": {"models": [told]},
    }
    save = {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]}
    own, models = tmp_path / "own", tmp_path / "models"
    own.mkdir()
    models.mkdir()
    (own / "lacking.json").write_text(json.dumps({"nodes": [paint, save], "links": [[1, 1, 0, 2, 0, "IMAGE"]]}))
    noise = {"id": 1, "type": "Noise", "outputs": paint["outputs"], "properties": {"cnr_id": "noisy-pack"}}
    (own / "noisy.json").write_text(json.dumps({"nodes": [noise, save], "links": [[1, 1, 0, 2, 0, "IMAGE"]]}))
    settings = {"DARKROOM_WORKFLOWS": str(own), "DARKROOM_MODELS_DIR": str(models)}

    async def darkroom(*words: str, **more: str) -> tuple[int, str]:
        env = {**os.environ, **settings, **more, "COMFYUI_URLS": server.url}
        command = await fork("bot.__main__", "models", *words, env=env, folder=tmp_path, log=STDOUT)
        said = (await command.said.read()).decode()
        return await command.wait(), said

    async with EmbeddedServer(nodes=painter(["b.ckpt"], lambda _model, _color: None)) as server:
        nodes = "Noise: pack noisy-pack; for noisy; https://registry.comfy.org/nodes/noisy-pack\n"
        code, said = await darkroom()
        assert code == 0
        assert said.startswith(f"a.ckpt (3 MB): models/checkpoints; for lacking; {shop.url}model\nMissing nodes:\n")
        assert nodes in said
        assert "KSampler: the workflow names no pack; for imagine, restyle\n" in said
        code, said = await darkroom("fetch", "a.ckpt")
        assert (code, "DARKROOM_MODEL_HOSTS to the hosts that you trust" in said) == (2, True)
        code, said = await darkroom("fetch", "a.ckpt", DARKROOM_MODEL_HOSTS="127.0.0.1")
        made = models / "checkpoints" / "a.ckpt"
        assert (code, said) == (0, f"Fetched {made} (0.00 GB); its checksum is right.\n")
        assert made.read_bytes() == MODEL


class ManagedServer(EmbeddedServer):
    """Has a ComfyUI-Manager, which takes all and installs one pack alone."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.tasks: list[dict[str, Any]] = []
        self.started = 0

    def _app(self, features: dict[str, Any]) -> web.Application:
        app = super()._app(features)
        queue = "/v2/manager/queue"
        app.router.add_get(f"{queue}/status", self._say)
        app.router.add_post(f"{queue}/task", self._take)
        app.router.add_post(f"{queue}/start", self._start)
        app.router.add_get(f"{queue}/history", self._history)
        return app

    async def _say(self, _request: web.Request) -> web.Response:
        return web.json_response({"is_processing": False})

    async def _take(self, request: web.Request) -> web.Response:
        self.tasks.append(await request.json())
        return web.Response()

    async def _start(self, _request: web.Request) -> web.Response:
        self.started += 1
        return web.Response(status=201)

    async def _history(self, request: web.Request) -> web.Response:
        task = next(each for each in self.tasks if each["ui_id"] == request.query["ui_id"])
        good = task["params"]["id"] == "noisy-pack"
        status = {
            "status_str": "success" if good else "error",
            "completed": True,
            "messages": [] if good else ["denied"],
        }
        told = {"ui_id": task["ui_id"], "result": "success" if good else "failed", "status": status}
        return web.json_response({"history": told})


async def test_a_pack_is_installed_by_the_manager_where_that_is_allowed(tmp_path: Path) -> None:
    save = {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]}
    for pack in ("noisy-pack", "bad-pack"):
        noise = {
            "id": 1,
            "type": f"Of {pack}",
            "outputs": [{"type": "IMAGE", "links": [1]}],
            "properties": {"cnr_id": pack},
        }
        graph = {"nodes": [noise, save], "links": [[1, 1, 0, 2, 0, "IMAGE"]]}
        (tmp_path / f"{pack}.json").write_text(json.dumps(graph))

    async def darkroom(pack: str, **more: str) -> tuple[int, str]:
        env = {**os.environ, "DARKROOM_WORKFLOWS": str(tmp_path), **more, "COMFYUI_URLS": server.url}
        command = await fork("bot.__main__", "models", "install", pack, env=env, folder=tmp_path, log=STDOUT)
        said = (await command.said.read()).decode()
        return await command.wait(), said

    allowed = {"COMFYUI_MANAGER": "yes"}
    async with ManagedServer() as server:
        code, said = await darkroom("noisy-pack")
        assert (code, "Set COMFYUI_MANAGER=yes" in said, server.tasks) == (2, True, [])
        code, said = await darkroom("other-pack", **allowed)
        assert (code, "No workflow lacks the pack “other-pack”" in said, server.tasks) == (2, True, [])
        code, said = await darkroom("noisy-pack", **allowed)
        assert (code, said) == (
            0,
            "ComfyUI-Manager says that noisy-pack is installed. Restart ComfyUI to use it.\n",
        )
        assert (server.tasks[0]["kind"], server.started) == ("install", 1)
        code, said = await darkroom("bad-pack", **allowed)
        assert (code, "has not installed bad-pack: denied. Its security level may forbid it." in said) == (2, True)
    async with EmbeddedServer() as server:
        code, said = await darkroom("noisy-pack", **allowed)
        assert (code, "has no ComfyUI-Manager that takes tasks" in said) == (2, True)
