"""Every trap of the protocol, each over real sockets: the client finds the true end, and nobody is left waiting."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.error_text import explain
from comfy import (
    ComfyClient,
    ExecutionFailed,
    Prompt,
    PromptInterrupted,
    PromptLost,
    PromptRejected,
    PromptRemoved,
    Server,
    ServerUnavailable,
    TimeLimitReached,
    TooLarge,
    UnexpectedAnswer,
    WorkerWedged,
)
from comfy.messages.events import Event, ExecutionBlocked, ExecutionStart, ExecutionSuccess, PromptQueued
from comfy.messages.previews import Preview, ProgressText
from comfy.server import PromptLimits
from tests.comfy.unruly import GRAPH, Job, Unruly, until_cancelled, well_behaved

PROMPT = Prompt(GRAPH)


@pytest.fixture
async def server() -> AsyncIterator[Unruly]:
    async with Unruly() as unruly:
        yield unruly


@pytest.fixture
async def client(server: Unruly) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(impatient(server.url)) as opened:
        yield opened


def impatient(url: str, **settings: float) -> Server:
    return Server(url, **{"look_every": 0.05, "gone_after": 0.3, "answer_timeout": 5.0, **settings})  # type: ignore[arg-type]


async def run(client: ComfyClient) -> list[Event]:
    submission = await client.submit(PROMPT)
    return [event async for event in client.follow(submission.prompt_id)]


async def test_a_run_costs_one_websocket_and_three_requests(
    server: Unruly, client: ComfyClient, tmp_path: Path
) -> None:
    submission = await client.submit(PROMPT)
    events = [event async for event in client.follow(submission.prompt_id)]
    record = await client.collect(submission.prompt_id)
    await client.download(record.files[0].file, tmp_path / "x.png")
    assert events[-1] == ExecutionSuccess(submission.prompt_id, cached=False)
    assert (tmp_path / "x.png").read_bytes() == b"picture filename=x_00001_.png&subfolder=a b&type=output"
    assert server.calls == {"GET /ws": 1, "POST /prompt": 1, "GET /history": 1, "GET /view": 1}
    assert server.handshakes == [{"type": "feature_flags", "data": {"supports_preview_metadata": True}}]


async def test_64_runs_at_once_share_one_websocket(server: Unruly) -> None:
    async with ComfyClient(Server(server.url)) as client:
        await asyncio.gather(*(run(client) for _ in range(64)))
    assert server.sockets_made == 1
    assert sum(server.calls.values()) <= 3 * 64


async def test_all_cached_is_success_with_nothing_new(server: Unruly, client: ComfyClient) -> None:
    async def cached(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job, cached=("1", "2"))
        await unruly.finish(job, cached=("1", "2"))

    server.script = cached
    events = await run(client)
    assert isinstance(events[-1], ExecutionSuccess)
    assert events[-1].cached


async def test_the_end_of_a_cached_run_is_known_without_any_event(server: Unruly, client: ComfyClient) -> None:
    async def silent(unruly: Unruly, job: Job) -> None:
        await unruly.finish(job, events=False, cached=("1", "2"))

    server.script = silent
    events = await run(client)
    assert isinstance(events[-1], ExecutionSuccess)
    assert events[-1].cached


async def test_a_start_whose_event_was_lost_is_seen_while_it_runs(server: Unruly, client: ComfyClient) -> None:
    seen = asyncio.Event()

    async def silent(unruly: Unruly, job: Job) -> None:
        await seen.wait()
        await unruly.begin(job)  # too late: it is no second start
        await unruly.finish(job)

    server.script = silent
    submission, events = await client.submit(PROMPT), list[Event]()
    async for event in client.follow(submission.prompt_id):
        events.append(event)
        if isinstance(event, ExecutionStart):
            seen.set()
    assert [type(event) for event in events].count(ExecutionStart) == 1
    assert events[-1] == ExecutionSuccess(submission.prompt_id, cached=False)


async def test_socket_closed_in_the_middle(server: Unruly, client: ComfyClient) -> None:
    async def closing(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        await unruly.drop_sockets()
        await unruly.finish(job)

    server.script = closing
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    server.script = well_behaved
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    assert len({*server.posted}) == 2


async def test_a_new_connection_has_a_client_id_of_its_own(server: Unruly, client: ComfyClient) -> None:
    seen: list[str] = []

    async def closing(unruly: Unruly, job: Job) -> None:
        seen.append(job.client_id)
        await unruly.finish(job)
        await unruly.drop_sockets()

    server.script = closing
    for _ in range(3):
        await run(client)
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("lost", ["executing null", "execution_success", "both"])
async def test_end_event_lost(server: Unruly, client: ComfyClient, lost: str) -> None:
    async def forgetful(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        if lost == "executing null":
            await unruly.send(job, "execution_success", timestamp=0)
        await unruly.finish(job, events=False)
        if lost == "execution_success":
            await unruly.send(job, "executing", node=None)

    server.script = forgetful
    assert isinstance((await run(client))[-1], ExecutionSuccess)


async def test_a_deaf_socket_is_replaced(server: Unruly, client: ComfyClient) -> None:
    async def deaf(unruly: Unruly, job: Job) -> None:
        unruly.sockets.clear()  # what a server does when it takes the newer socket for the older one
        await unruly.begin(job)
        await unruly.finish(job)

    server.script = deaf
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    server.script = well_behaved
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    assert server.sockets_made == 2


async def test_a_server_without_websockets_is_followed_over_http(server: Unruly, client: ComfyClient) -> None:
    async def no_websocket(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=404) if request.path == "/ws" else None

    server.intercept = no_websocket
    assert isinstance((await run(client))[-1], ExecutionSuccess)


async def test_frame_of_six_megabytes(server: Unruly, client: ComfyClient) -> None:
    async def large(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        await unruly.send(job, "execution_error", **failure("x" * 6_000_000))

    server.script = large
    with pytest.raises(ExecutionFailed):
        await run(client)
    assert server.sockets_made == 1


def failure(current_input: str) -> dict[str, object]:
    return {
        "node_id": "1",
        "node_type": "LoadImage",
        "exception_type": "ValueError",
        "exception_message": "boom\n",
        "traceback": ["/srv/secret.py"],
        "current_inputs": {"image": [current_input]},
    }


@pytest.mark.parametrize("told", [True, False])
async def test_execution_error_names_the_node_and_nothing_private(
    server: Unruly, client: ComfyClient, told: bool
) -> None:
    async def failing(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        if told:
            await unruly.send(job, "execution_error", **failure("my secret"))
        unruly.record(job, [["execution_error", {"prompt_id": job.id, **failure("my secret")}]], "error")

    server.script = failing
    with pytest.raises(ExecutionFailed) as caught:
        await run(client)
    assert (caught.value.node_id, caught.value.class_type, caught.value.message) == ("1", "LoadImage", "boom")
    assert "secret" not in str(caught.value)


async def test_blocked_execution_is_a_warning(server: Unruly, client: ComfyClient) -> None:
    async def blocking(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        await unruly.send(job, "execution_error", **{**failure(""), "exception_type": "ExecutionBlocked"})
        await unruly.finish(job)

    server.script = blocking
    events = await run(client)
    assert any(isinstance(event, ExecutionBlocked) for event in events)
    assert isinstance(events[-1], ExecutionSuccess)


async def test_history_that_comes_late(server: Unruly, client: ComfyClient) -> None:
    submission = await client.submit(PROMPT)
    async for _ in client.follow(submission.prompt_id):
        pass
    server.history_late = 3
    assert (await client.collect(submission.prompt_id)).files


async def test_server_killed_and_restarted_in_the_middle(server: Unruly, client: ComfyClient) -> None:
    begun = asyncio.Event()

    async def endless(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        begun.set()
        await asyncio.Event().wait()

    server.script = endless
    running = asyncio.create_task(run(client))
    await begun.wait()
    await server.stop()
    await server.start()
    with pytest.raises(PromptLost):
        await running
    server.script = well_behaved
    assert isinstance((await run(client))[-1], ExecutionSuccess)


async def test_server_gone(server: Unruly, client: ComfyClient) -> None:
    begun = asyncio.Event()

    async def endless(unruly: Unruly, job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    server.script = endless
    running = asyncio.create_task(run(client))
    await begun.wait()
    await server.stop()
    with pytest.raises(ServerUnavailable, match="is gone"):
        await running
    await server.start()


async def test_server_that_was_never_there(server: Unruly, client: ComfyClient) -> None:
    await server.stop()
    with pytest.raises(ServerUnavailable, match="cannot be reached"):
        await client.submit(PROMPT)
    await server.start()


async def test_wedged_worker(server: Unruly) -> None:
    async def wedged(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        await asyncio.Event().wait()

    server.script = wedged
    async with ComfyClient(impatient(server.url, stall_limit=0.2)) as client:
        with pytest.raises(WorkerWedged):
            await run(client)


@pytest.mark.parametrize("losses", [1, 2])
async def test_lost_answer_of_post_runs_the_prompt_once(server: Unruly, client: ComfyClient, losses: int) -> None:
    server.lose_post_answer = losses
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    assert len(server.posted) == 1


async def test_post_that_never_arrived_is_sent_again(server: Unruly, client: ComfyClient) -> None:
    dropped: list[str] = []

    async def drop_first(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/prompt" and not dropped:
            dropped.append(request.path)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return None

    server.intercept = drop_first
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    assert len(server.posted) == 1


async def test_the_last_answer_of_post_is_looked_up_as_well(server: Unruly, client: ComfyClient) -> None:
    posts = 0

    async def drop(request: web.Request) -> web.StreamResponse | None:
        nonlocal posts
        posts += request.path == "/prompt"
        if request.path == "/prompt" and posts < 3:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return None

    server.intercept, server.lose_post_answer = drop, 1
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    assert (posts, len(server.posted)) == (3, 1)


@pytest.mark.parametrize("looks", [6, 11])
async def test_a_prompt_that_may_be_there_is_not_sent_again_before_a_look_for_it(
    server: Unruly, client: ComfyClient, looks: int
) -> None:
    failed = 0

    async def fail(request: web.Request) -> web.StreamResponse | None:
        nonlocal failed
        if request.path != "/queue" or failed == looks:
            return None
        failed += 1
        return web.Response(status=500)

    server.intercept, server.lose_post_answer = fail, 1
    assert isinstance((await run(client))[-1], ExecutionSuccess)
    assert (failed, len(server.posted)) == (looks, 1)


async def test_a_paid_prompt_whose_server_is_gone_before_a_look_may_be_there(server: Unruly) -> None:
    async with ComfyClient(impatient(server.url)) as client:

        async def gone(request: web.Request) -> web.StreamResponse | None:
            if request.path == "/queue":
                await server.stop()
            return None

        server.lose_post_answer, server.intercept = 1, gone
        with pytest.raises(ServerUnavailable) as fault:
            await client.submit(PROMPT, paid=True)
        assert not fault.value.unsent


async def test_upload_over_the_limit(server: Unruly, client: ComfyClient, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(b"x" * 2_000_000)
    with pytest.raises(TooLarge):
        await client.upload_image(large)


async def test_upload_answers_the_name_to_use(server: Unruly, client: ComfyClient, tmp_path: Path) -> None:
    photo = tmp_path / 'Käse "1".png'
    photo.write_bytes(b"x" * 100_000)
    file = await client.upload_image(photo, subfolder="in here")
    assert file.input_value == "in here/Käse _1_.png"


async def test_500_with_text(server: Unruly, client: ComfyClient) -> None:
    async def broken(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=500, text="500 Internal Server Error") if request.path == "/prompt" else None

    server.intercept = broken
    with pytest.raises(UnexpectedAnswer, match="500"):
        await client.submit(PROMPT)


@pytest.mark.parametrize("status", [404, 500, 502, 522])
async def test_a_server_that_answers_nonsense_for_a_while(server: Unruly, client: ComfyClient, status: int) -> None:
    """As a proxy does while the server behind it starts, or a server that has stumbled."""
    looks, enough = 0, asyncio.Event()

    async def stumble(request: web.Request) -> web.StreamResponse | None:
        nonlocal looks
        looks += request.path == "/queue"
        if looks == 3:
            enough.set()
        return web.Response(status=status, text="<html>") if request.path == "/queue" and looks < 3 else None

    async def silent(server: Unruly, job: Job) -> None:
        await enough.wait()
        await server.finish(job, events=False)

    server.script, server.intercept = silent, stumble
    assert isinstance((await run(client))[-1], ExecutionSuccess)


async def test_a_server_that_answers_nonsense_for_good(server: Unruly, client: ComfyClient) -> None:
    async def stumble(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=500, text="no") if request.path == "/queue" else None

    server.script, server.intercept = until_cancelled, stumble
    with pytest.raises(UnexpectedAnswer, match="500"):
        await run(client)


@pytest.mark.parametrize("status", [502, 503, 504, 520, 522, 530])
async def test_a_proxy_that_does_not_reach_the_server(server: Unruly, client: ComfyClient, status: int) -> None:
    async def proxy(_: web.Request) -> web.StreamResponse | None:
        return web.Response(status=status, text="<html>")

    server.intercept = proxy
    with pytest.raises(ServerUnavailable, match=str(status)):
        await client.queue()


async def test_a_page_in_place_of_comfyui(server: Unruly, client: ComfyClient) -> None:
    async def page(_: web.Request) -> web.StreamResponse | None:
        return web.Response(text="<!-- x -->\n<html><head><title>router\n login</title>", content_type="text/html")

    server.intercept = page
    with pytest.raises(UnexpectedAnswer, match="router login") as told:
        await client.object_info()
    with pytest.raises(UnexpectedAnswer, match="a web page"):
        await client.submit(PROMPT)
    assert "“router login”" in explain(told.value, "run")


async def test_half_open_answer(server: Unruly) -> None:
    release = asyncio.Event()

    async def stuck(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/system_stats":
            answer = web.StreamResponse()
            await answer.prepare(request)
            await answer.write(b'{"system"')
            await release.wait()
            return answer
        return None

    server.intercept = stuck
    async with ComfyClient(impatient(server.url, answer_timeout=0.1)) as client:
        with pytest.raises(ServerUnavailable, match="too long"):
            await client.system_stats()
    release.set()


async def test_broken_download_leaves_nothing(server: Unruly, client: ComfyClient, tmp_path: Path) -> None:
    async def cut(request: web.Request) -> web.StreamResponse | None:
        if request.path != "/view":
            return None
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return answer

    server.intercept = cut
    submission = await client.submit(PROMPT)
    async for _ in client.follow(submission.prompt_id):
        pass
    record = await client.collect(submission.prompt_id)
    with pytest.raises(ServerUnavailable):
        await client.download(record.files[0].file, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


async def test_rejection_carries_the_nodes_own_texts(server: Unruly, client: ComfyClient) -> None:
    error = {"type": "value_not_in_list", "message": "Value not in list", "details": "ckpt_name: 'x' not in []"}
    body = {
        "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"},
        "node_errors": {"1": {"errors": [error], "class_type": "CheckpointLoaderSimple"}},
    }

    async def reject(request: web.Request) -> web.StreamResponse | None:
        return web.json_response(body, status=400) if request.path == "/prompt" else None

    server.intercept = reject
    with pytest.raises(PromptRejected, match="Value not in list: ckpt_name") as caught:
        await client.submit(PROMPT)
    assert caught.value.node_errors[0].type == "value_not_in_list"


@pytest.mark.parametrize("old", [False, True])
async def test_cancel_while_it_runs(server: Unruly, client: ComfyClient, old: bool) -> None:
    server.script, server.old = until_cancelled, old
    submission = await client.submit(PROMPT)
    events = client.follow(submission.prompt_id)
    await anext(events)
    cancelling = asyncio.create_task(client.cancel(submission.prompt_id))
    with pytest.raises(PromptInterrupted):
        async for _ in events:
            pass
    await cancelling


@pytest.mark.parametrize("old", [False, True])
async def test_cancel_while_it_waits_touches_nothing_else(server: Unruly, client: ComfyClient, old: bool) -> None:
    server.script, server.old = until_cancelled, old
    first = await client.submit(PROMPT)
    second = await client.submit(PROMPT)
    following = asyncio.create_task(anext(client.follow(second.prompt_id)))
    assert await following == PromptQueued(second.prompt_id, 1, 1)
    await client.cancel(second.prompt_id)
    with pytest.raises(PromptRemoved):
        async for _ in client.follow(second.prompt_id):
            pass
    assert server.running is not None
    assert server.running.id == first.prompt_id
    assert not server.running.cancelled.is_set()
    assert second.prompt_id not in server.interrupted


async def test_removal_by_somebody_else(server: Unruly, client: ComfyClient) -> None:
    server.script = until_cancelled
    await client.submit(PROMPT)
    second = await client.submit(PROMPT)
    events = client.follow(second.prompt_id)
    await anext(events)
    server.pending.clear()
    with pytest.raises(PromptRemoved):
        async for _ in events:
            pass


async def test_leaving_early_cancels_nothing_and_it_can_be_followed_again(server: Unruly, client: ComfyClient) -> None:
    go_on = asyncio.Event()

    async def pausing(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        await go_on.wait()
        await unruly.finish(job)

    server.script = pausing
    submission = await client.submit(PROMPT)
    events = client.follow(submission.prompt_id)
    await anext(events)
    await events.aclose()
    go_on.set()
    assert isinstance([event async for event in client.follow(submission.prompt_id)][-1], ExecutionSuccess)


async def test_another_client_takes_up_a_prompt(server: Unruly, client: ComfyClient) -> None:
    go_on = asyncio.Event()

    async def pausing(unruly: Unruly, job: Job) -> None:
        await go_on.wait()
        await unruly.finish(job)

    server.script = pausing
    submission = await client.submit(PROMPT)
    async with ComfyClient(impatient(server.url)) as other:
        following = asyncio.create_task(anext(other.follow(submission.prompt_id)))
        go_on.set()
        assert isinstance(await following, ExecutionSuccess)


async def test_previews_of_both_forms_and_texts_reach_their_prompt(server: Unruly, client: ComfyClient) -> None:
    metadata = {"prompt_id": "?", "display_node_id": "1", "image_type": "image/png"}

    async def previewing(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        await unruly.send_raw(job, b"\0\0\0\1\0\0\0\1legacy")
        await unruly.send_raw(job, json.dumps({"type": "pack.custom", "data": [1]}))
        await unruly.send_raw(job, b"\0\0\0\3\0\0\0\x011width: 64")
        known = json.dumps({**metadata, "prompt_id": job.id}).encode()
        await unruly.send_raw(job, b"\0\0\0\4" + len(known).to_bytes(4, "big") + known + b"modern")
        await unruly.send_raw(job, b"\0\0\0\4\0\0\xff\xffcut short")
        await unruly.finish(job)

    server.script = previewing
    submission = await client.submit(PROMPT)
    events = [event async for event in client.follow(submission.prompt_id)]
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews[-1] == Preview(submission.prompt_id, "1", "image/png", b"modern")
    assert ProgressText("1", "width: 64") in events


async def test_warnings_of_branches_that_are_left_out(server: Unruly, client: ComfyClient) -> None:
    async def partly(request: web.Request) -> web.StreamResponse | None:
        if request.path != "/prompt":
            return None
        prompt_id = (await request.json())["prompt_id"]
        errors = {"9": {"errors": [{"type": "required_input_missing", "message": "m", "details": "images"}]}}
        return web.json_response({"prompt_id": prompt_id, "number": 1, "node_errors": errors})

    server.intercept = partly
    submission = await client.submit(PROMPT)
    assert [warning.node_id for warning in submission.warnings] == ["9"]


async def test_a_prompt_that_takes_too_long_whatever_it_tells(server: Unruly) -> None:
    async def endless(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        for step in itertools.count():
            await unruly.send(job, "progress", value=step % 20, max=20, node="1")
            await asyncio.sleep(0.01)

    server.script = endless
    async with ComfyClient(impatient(server.url, time_limit=60.0)) as client:
        submission = await client.submit(PROMPT)
        with pytest.raises(TimeLimitReached):
            [event async for event in client.follow(submission.prompt_id, PromptLimits(time=30.3, spent=30.0))]
