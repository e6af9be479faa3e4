"""The routes of files and of what the server is, beside those that the client uses."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from comfy.embedded import EmbeddedServer
from comfy.embedded.folders import Folders


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    models = {"checkpoints": ["dream.safetensors"]}
    async with (
        EmbeddedServer(tmp_path / "engine", models=models, max_upload_size=100_000) as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        (tmp_path / "secret.txt").write_text("secret")
        Image.new("RGBA", (8, 6), (255, 0, 0, 64)).save(tmp_path / "engine" / "output" / "glass.png")
        yield session


def form(name: str | None = "cat.png", body: bytes = b"x", **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)
    data.add_field("image", body, filename=name, content_type="image/png")
    for key, value in fields.items():
        data.add_field(key, value)
    return data


async def test_a_file_is_viewed_whole_in_part_as_a_preview_and_by_channel(session: aiohttp.ClientSession) -> None:
    async with session.get("/view?filename=glass.png") as answer:
        whole = await answer.read()
        assert answer.content_type == "image/png"
        assert answer.headers["Content-Disposition"] == 'filename="glass.png"'
    async with session.get("/view?filename=glass.png", headers={"Range": "bytes=1-3"}) as answer:
        assert (answer.status, await answer.read()) == (206, whole[1:4])
    async with session.get("/view?filename=glass.png&preview=jpeg;50") as answer:
        assert (answer.content_type, picture(await answer.read()).format) == ("image/jpeg", "JPEG")
    async with session.get("/view?filename=glass.png&preview=webp") as answer:
        assert picture(await answer.read()).format == "WEBP"
    async with session.get("/view?filename=glass.png&channel=rgb") as answer:
        assert picture(await answer.read()).mode == "RGB"
    async with session.get("/view?filename=glass.png&channel=a") as answer:
        assert picture(await answer.read()).getpixel((0, 0)) == (0, 0, 0, 64)


def picture(body: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 404),
        ("filename=", 400),
        ("filename=none.png", 404),
        ("filename=../secret.txt", 400),
        ("filename=/etc/passwd", 400),
        ("filename=secret.txt&subfolder=..", 403),
        ("filename=secret.txt&subfolder=../..", 403),
        ("filename=glass.png&type=elsewhere", 400),
        ("filename=glass.png&type=input", 404),
    ],
)
async def test_what_may_not_be_viewed(query: str, status: int, session: aiohttp.ClientSession) -> None:
    async with session.get(f"/view?{query}") as answer:
        assert answer.status == status


async def test_a_page_from_an_output_is_handed_over_as_a_file(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "engine" / "output" / "page.html").write_text("<script>")
    async with session.get("/view?filename=page.html") as answer:
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_upload_goes_where_it_is_told_and_nowhere_else(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with session.post("/upload/image", data=form(subfolder="a/b", type="temp")) as answer:
        assert await answer.json() == {"name": "cat.png", "subfolder": "a/b", "type": "temp"}
    assert (tmp_path / "engine" / "temp" / "a" / "b" / "cat.png").read_bytes() == b"x"
    for bad, status in [
        ({"subfolder": "../.."}, 400),
        ({"subfolder": "/etc"}, 400),
        ({"type": "elsewhere"}, 500),
        ({"type": ".."}, 500),
    ]:
        async with session.post("/upload/image", data=form(**bad)) as answer:
            assert answer.status == status
    async with session.post("/upload/image", data=form(name="../../evil.png")) as answer:
        assert answer.status == 400
    async with session.post("/upload/image", data=form(body=b"x" * 200_000)) as answer:
        assert answer.status == 413
    assert [path.name for path in tmp_path.iterdir()] == ["engine", "secret.txt"] or not (
        tmp_path / "evil.png"
    ).exists()
    assert not list((tmp_path / "engine" / "temp").glob("upload-*"))


async def test_overwrite_keeps_the_name(session: aiohttp.ClientSession) -> None:
    for body, fields, name in [
        (b"1", {}, "cat.png"),
        (b"2", {}, "cat (1).png"),
        (b"3", {"overwrite": "true"}, "cat.png"),
        (b"3", {}, "cat.png"),
    ]:
        async with session.post("/upload/image", data=form(body=body, **fields)) as answer:
            assert (await answer.json())["name"] == name


async def test_a_mask_becomes_the_transparency_of_its_picture(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    mask = io.BytesIO()
    Image.new("RGBA", (8, 6), (0, 0, 0, 200)).save(mask, "PNG")
    data = form("mask.png", mask.getvalue(), original_ref=json.dumps({"filename": "glass.png", "type": "output"}))
    async with session.post("/upload/mask", data=data) as answer:
        assert await answer.json() == {"name": "mask.png", "subfolder": "", "type": "input"}
    with Image.open(tmp_path / "engine" / "input" / "mask.png") as masked:
        assert masked.getpixel((0, 0)) == (255, 0, 0, 200)


async def test_what_the_server_says_of_itself(session: aiohttp.ClientSession) -> None:
    async def get(path: str) -> Any:
        async with session.get(path) as answer:
            return await answer.json() if answer.status == 200 else answer.status

    assert (await get("/system_stats"))["system"]["comfyui_version"] == "0.33.0"
    assert "checkpoints" in await get("/models")
    assert await get("/models/checkpoints") == ["dream.safetensors"]
    assert await get("/models/none") == 404
    assert (await get("/features"))["max_upload_size"] == 100_000
    assert list(await get("/object_info/SaveImage")) == ["SaveImage"]
    assert await get("/object_info/None") == {}
    assert await get("/api/system_stats") == await get("/system_stats")
    assert await get("/prompt") == {"exec_info": {"queue_remaining": 0}}


async def test_the_prompt_stands_in_the_saved_picture(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}},
    }
    body = {"prompt": graph, "extra_data": {"extra_pnginfo": {"workflow": {"nodes": []}}}, "client_id": "me"}
    async with session.ws_connect("/ws?clientId=me") as socket:
        await session.post("/prompt", json=body)
        async for message in socket:
            if json.loads(message.data)["type"] == "execution_success":
                break
    with Image.open(tmp_path / "engine" / "output" / "out_00001_.png") as saved:
        assert json.loads(saved.info["prompt"]) == graph
        assert json.loads(saved.info["workflow"]) == {"nodes": []}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_pages_of_other_origins_are_refused(
    headers: dict[str, str], status: int, session: aiohttp.ClientSession
) -> None:
    async with session.get("/queue", headers=headers) as answer:
        assert answer.status == status


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=40) | st.lists(st.sampled_from(["..", ".", "", "a", "C:", "\\..", "~"])).map("/".join))
@pytest.mark.long
def test_no_name_leaves_its_folder(name: str, tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    try:
        path = folders.inside("input", name, "x")
    except ValueError:
        return
    assert path.resolve().is_relative_to((tmp_path / "input").resolve())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/jobs", 404),
        ("POST", "/nothing", 405),
        ("POST", "/api/nothing", 405),
        ("PUT", "/prompt", 405),
        ("OPTIONS", "/prompt", 200),
        ("OPTIONS", "/nothing", 200),
        ("HEAD", "/object_info", 200),
        ("GET", "/models/unet", 200),
        ("POST", "/upload/image", 400),
    ],
)
async def test_statuses_of_what_nobody_should_ask(
    method: str, path: str, status: int, session: aiohttp.ClientSession
) -> None:
    async with session.request(method, path) as answer:
        assert answer.status == status


async def test_a_picture_sent_as_text_breaks_the_upload_as_it_does_at_the_real_server(
    session: aiohttp.ClientSession,
) -> None:
    multipart = aiohttp.FormData(default_to_multipart=True)
    multipart.add_field("image", "text")
    for data in (multipart, {"image": "text"}):
        async with session.post("/upload/image", data=data) as answer:
            assert answer.status == 500


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("status=asleep", "Invalid status value(s): asleep. Valid values: "),
        ("sort_by=name", "sort_by must be 'created_at' or 'execution_duration'"),
        ("sort_order=up", "sort_order must be 'asc' or 'desc'"),
        ("limit=few", "limit must be an integer"),
        ("limit=0", "limit must be a positive integer"),
        ("offset=x", "offset must be an integer"),
    ],
)
async def test_jobs_cannot_be_asked_for_in_any_way(query: str, error: str, session: aiohttp.ClientSession) -> None:
    async with session.get(f"/api/jobs?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"].startswith(error)


EMPTY = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}


async def test_jobs_by_workflow_order_and_page(session: aiohttp.ClientSession) -> None:
    async with session.ws_connect("/ws?clientId=me") as socket:
        for number in range(3):
            graph = {"1": EMPTY, "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
            extra = {"extra_pnginfo": {"workflow": {"id": f"w{number % 2}"}}}
            await session.post("/prompt", json={"prompt": graph, "client_id": "me", "extra_data": extra})
        ends = 0
        while ends < 3:
            message = json.loads(await socket.receive_str())
            ends += message["type"] == "executing" and message["data"]["node"] is None

    async def ask(query: str) -> tuple[int, bool, list[int]]:
        async with session.get(f"/api/jobs?{query}") as answer:
            body = await answer.json()
            page = body["pagination"]
            return page["total"], page["has_more"], [job["priority"] for job in body["jobs"]]

    assert await ask("sort_order=asc") == (3, False, [0, 1, 2])
    assert await ask("sort_order=asc&workflow_id=w0") == (2, False, [0, 2])
    assert await ask("sort_order=asc&limit=1&offset=1") == (3, True, [1])
    assert (await ask("status=completed&sort_by=execution_duration"))[0] == 3
    assert await ask("status=failed,pending") == (0, False, [])


@pytest.mark.parametrize("client_id", [{"a": 1}, [1], 7, True, None])
async def test_a_client_id_that_is_no_text_makes_nobody_deaf(client_id: Any, session: aiohttp.ClientSession) -> None:
    graph = {"1": EMPTY, "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    async with session.ws_connect("/ws?clientId=me") as socket:
        for owner in (client_id, "me"):
            async with session.post("/prompt", json={"prompt": graph, "client_id": owner}) as answer:
                assert answer.status == 200
        while json.loads(await socket.receive_str())["type"] != "execution_success":
            pass
