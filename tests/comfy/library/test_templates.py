"""A server's library of workflows: what its index says, how it is searched, and odd answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from comfy import ComfyClient, FileMissing, Garbled
from comfy.library.templates import Template, read_index, search

PORTRAIT = {
    "name": "flux_portrait",
    "title": "Portrait",
    "description": "A face  in\nsoft light",
    "tags": ["Image", "Tendenza"],
    "models": ["Flux Dev"],
    "size": 1_000_000,
    "openSource": True,
    "usage": 5,
    "mediaType": "image",
    "io": {"inputs": [], "outputs": [{"nodeId": 1, "mediaType": "image"}, {"mediaType": "image"}]},
}
SPEECH = {"name": "speech", "title": "Speech to text", "description": "Portrait of a voice", "openSource": False}
INDEX = [{"moduleName": "default", "title": "All", "templates": [SPEECH, PORTRAIT]}]
RUSSIAN = [{"templates": [{**PORTRAIT, "title": "Портрет", "description": "Лицо", "tags": ["Картинка"]}]}]


@asynccontextmanager
async def library(routes: Mapping[str, object]) -> AsyncIterator[ComfyClient]:
    """A server that has these files alone."""

    async def handle(request: web.Request) -> web.Response:
        if request.raw_path not in routes:
            return web.Response(status=404)
        answer = routes[request.raw_path]
        return web.Response(text=answer if isinstance(answer, str) else json.dumps(answer))

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", handle)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with ComfyClient(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield client
    finally:
        await runner.cleanup()


async def test_the_index_says_what_each_template_is_for_and_needs() -> None:
    async with library({"/templates/index.json": INDEX}) as client:
        speech, portrait = await client.templates("de")
    assert portrait == Template(
        "flux_portrait",
        "Portrait",
        "A face in soft light",
        ("Image", "Tendenza"),
        ("Flux Dev",),
        1_000_000,
        usage=5,
        outputs=("image",),
    )
    assert (speech.is_paid, speech.size, portrait.is_paid) == (True, None, False)


async def test_texts_are_in_the_language_asked_for_and_found_in_both() -> None:
    async with library({"/templates/index.json": INDEX, "/templates/index.ru.json": RUSSIAN}) as client:
        found = await client.templates("ru")
        (english,) = search(await client.templates("fr"), "soft")
    assert [each.title for each in found] == ["Speech to text", "Портрет"]
    assert [each.name for each in search(found, "КАРТИНКА")] == ["flux_portrait"]
    assert [each.name for each in search(found, "soft light")] == ["flux_portrait"]
    assert english.title == "Portrait"


async def test_templates_of_packs_are_found_and_fetched_by_pack() -> None:
    routes = {
        "/templates/index.json": INDEX,
        "/api/workflow_templates": {"my pack": ["a b"]},
        "/api/workflow_templates/my%20pack/a%20b.json": {"nodes": [1]},
        "/templates/speech.json": {"nodes": []},
    }
    async with library(routes) as client:
        *_others, mine = found = await client.templates()
        assert mine.id == "my pack/a b"
        assert await client.template(mine) == b'{"nodes": [1]}'
        assert await client.template(found[0]) == b'{"nodes": []}'
        with pytest.raises(FileMissing):
            await client.template(found[1])


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("portrait", ["flux_portrait", "speech"]),  # one has it in its name
        ("voice portrait", ["speech"]),
        ("FLUX dev", ["flux_portrait"]),
        ("flux-portrait", ["flux_portrait"]),
        ("tendenzà", ["flux_portrait"]),
        ("speech flux", []),
        ("", []),
    ],
)
def test_a_search_finds_what_has_every_word_and_the_names_first(words: str, names: list[str]) -> None:
    assert [each.name for each in search(read_index(INDEX), words)] == names


def test_of_two_alike_the_one_that_people_use_more_comes_first() -> None:
    alike = [{"name": "cat_a", "usage": 1}, {"name": "cat_b", "usage": 9}]
    assert [each.name for each in search(read_index([{"templates": alike}]), "cat")] == ["cat_b", "cat_a"]


@pytest.mark.parametrize("data", [None, {}, [1], [{"templates": 7}], [{"templates": [1, {}, {"name": "../x"}]}]])
def test_what_is_no_template_is_left_out(data: object) -> None:
    assert read_index(data) == ()


def test_odd_entries_are_read_as_far_as_they_go() -> None:
    odd = {"name": "a", "title": 7, "tags": "x", "models": [1, "m"], "size": -1, "usage": "often", "io": []}
    assert read_index([{"templates": [odd]}]) == (Template("a", "a", models=("m",)),)


async def test_a_server_without_a_library_says_so() -> None:
    async with library({}) as client:
        with pytest.raises(FileMissing):
            await client.templates()
    async with library({"/templates/index.json": "nothing"}) as client:
        with pytest.raises(Garbled):
            await client.templates()
