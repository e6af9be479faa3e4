"""A long video made to fit: how long it takes, and whether the loop goes on meanwhile.

python -m benchmarks.films [--seconds 60] [--megabytes 45] [--most 10] [--film FILE] [--discord]

Without `--film` it makes one of 1080p with grain and sound, 30 frames a second. `late` is by how much the loop woke too
late from sleeps of 5 ms; a busy machine adds to that, so it is told for a rest of five seconds too. `held` is the part
of that in which the loop's own thread worked. At the end Chromium plays it, if there is one.

With `--discord` the film is the result of a run: `darkroom start` as a process, at the tests' fake Discord. Told is how
soon the results of other runs are in their messages, before and while it is made to fit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from playwright.async_api import async_playwright

from benchmarks.discord import executed, picture
from bot.core.media.films.making import fit_film, look_at
from bot.core.pool import pool
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import Host, NodeType, Shown
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import Process

_PEOPLE = (1000, 1001)
_OTHERS = 10  # runs of others before
_TICK = 0.005
_RATE = 30
_SIZE = (1920, 1080)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--megabytes", type=float, default=45)
    parser.add_argument("--most", type=float, default=10, help="MiB")
    parser.add_argument("--film", type=Path)
    parser.add_argument("--discord", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        film = asked.film or _make(Path(name) / "film.mp4", asked.seconds, asked.megabytes)
        if asked.discord:
            await _at_discord(film, Path(name))
            return
        _tell(f"at rest: {await _late(asyncio.sleep(5))}")
        begun = time.monotonic()
        making = asyncio.ensure_future(fit_film(film, Path(name), int(asked.most * 2**20)))
        late = await _late(making)
        took, made = time.monotonic() - begun, making.result()
        if made is None:
            raise SystemExit("it could not be made so small")
        size = made.path.stat().st_size
        _tell(f"{film.stat().st_size / 1e6:.1f} MB -> {size / 2**20:.2f} MiB in {took:.0f} s; meanwhile: {late}")
        _tell(f"{await look_at(film)} -> {await look_at(made.path)}")
        _tell(f"in Chromium: {await _played(made.path)}")
        await asyncio.to_thread(pool._alone.close)  # so that its process counts
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    _tell(f"processor: {used.ru_utime + used.ru_stime:.0f} s, memory: {used.ru_maxrss / 1024:.0f} MB")


async def _at_discord(film: Path, folder: Path) -> None:
    def filmed(host: Host) -> Shown:
        (saved,) = host.next_files("film", "output", 1, ".mp4")
        shutil.copyfile(film, saved.path)
        return Shown({"images": [saved.as_json()]})

    (own := folder / "workflows").mkdir()
    (own / "film.json").write_text(json.dumps({"1": {"class_type": "Film", "inputs": {}}}))
    (own / "film.toml").write_text('title = "Film"')
    film_node = NodeType("Film", "Film", "test", filmed, {}, {}, {}, (), output_node=True, wants=frozenset({"host"}))
    async with FakeDiscord() as fake, EmbeddedServer(nodes={"Film": film_node}) as server:
        fake.add_guild(*_PEOPLE)
        channel, aside = (fake.add_channel(next(iter(fake.guilds))) for _each in range(2))
        settings = {"COMFYUI_URLS": server.url, "DARKROOM_WORKFLOWS": str(own), "DARKROOM_MAX_UPLOAD_MB": "100"}
        async with Process(fake, folder, **settings):
            before = [await _edited(fake, channel, folder, number) for number in range(_OTHERS)]
            begun = time.monotonic()
            await fake.slash(_PEOPLE[0], aside, "film")
            fitted = asyncio.ensure_future(fake.until(lambda: _done(fake, aside), 900))
            meanwhile = list[float]()
            while not fitted.done():
                meanwhile.append(await _edited(fake, channel, folder, _OTHERS + len(meanwhile)))
            took = time.monotonic() - begun
            (post,) = _done(fake, aside)
    sizes = [len(content) / 2**20 for content in post.files.values()]
    _tell(f"the film's message after {took:.0f} s, with {sizes[0]:.2f} MiB: {post.content!r}")
    for name, times in (("before", before), ("meanwhile", meanwhile)):
        times.sort()
        half, most = times[len(times) // 2], times[-1]
        _tell(f"end of execution to the last edit, {name}: p50 {half:.0f} ms, most {most:.0f} ms of {len(times)} runs")


def _done(fake: FakeDiscord, channel: int) -> list[Post]:
    return [post for post in fake.public if post.channel == channel and post.files]


async def _edited(fake: FakeDiscord, channel: int, folder: Path, number: int) -> float:
    """Return the milliseconds from the end of a small run's execution to the arrival of its result."""
    asked = await fake.slash(_PEOPLE[1], channel, "negative", {"photo": picture(64, number)})
    await asked.answer
    await fake.until(lambda: len(_done(fake, channel)) > number, 900)
    post = _done(fake, channel)[-1]
    arrived = post.edits[-1][0] + time.time() - time.monotonic()
    await asyncio.sleep(1)
    return (arrived - executed(folder)) * 1000


async def _late(work: Awaitable[object]) -> str:
    """Wait for some work, and say how late the loop was meanwhile."""
    waited = asyncio.ensure_future(work)
    started, late, held = time.perf_counter(), list[tuple[float, float]](), 0.0
    while not waited.done():
        begun, worked = time.perf_counter(), time.thread_time()
        await asyncio.sleep(_TICK)
        now = time.perf_counter()
        late.append((1000 * (now - begun - _TICK), now - started))
        held = max(held, min(late[-1][0], 1000 * (time.thread_time() - worked)))
    late.sort()
    (half, _), (some, _), (most, at) = late[len(late) // 2], late[len(late) * 99 // 100], late[-1]
    worst = f"most {most:.1f} ms (after {at:.1f} s)"
    return f"late p50 {half:.1f} ms, p99 {some:.1f} ms, {worst}; held at most {held:.1f} ms"


async def _played(path: Path) -> object:
    """Play three seconds from the middle of a film; what the browser says of it."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        return "there is none"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = await browser.new_page()
        await tab.goto(path.as_uri())
        await tab.evaluate("() => { v = document.querySelector('video'); v.muted = true; v.currentTime = 30; }")
        await tab.evaluate("() => v.play()")
        await tab.wait_for_function("() => v.currentTime > 33 || v.error")
        return await tab.evaluate(
            "() => ({seconds: v.duration, size: [v.videoWidth, v.videoHeight], at: v.currentTime, error: v.error})"
        )


def _make(path: Path, seconds: int, megabytes: float) -> Path:
    width, height = _SIZE
    noise = np.random.default_rng(1)
    grain = [noise.normal(0, 6, (height, width)).astype(np.float32) for _each in range(4)]
    across = np.linspace(0, 20, width, dtype=np.float32)[None]
    down = np.linspace(0, 12, height, dtype=np.float32)[:, None]
    waves = [np.sin(across + down + step / 10) * 60 for step in range(63)]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=_RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.bit_rate = int((megabytes * 8e6) / seconds - 128_000)
        audio = container.add_stream("aac", rate=48_000, layout="stereo")
        audio.bit_rate = 128_000
        color = np.full((height // 2, width), 128, np.uint8)
        for number in range(seconds * _RATE):
            light = 128 + waves[number % 63] + grain[number % 4] + 40 * np.cos(across * 0.7 - number / 20)
            pixels = np.vstack([light.clip(0, 255).astype(np.uint8), color])
            frame = av.VideoFrame.from_ndarray(pixels, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone = (np.sin(np.arange(48_000 * seconds) / 17) * 0.2).astype(np.float32)
        given = av.AudioFrame.from_ndarray(tone[None], "flt", "mono")
        given.sample_rate, given.pts = 48_000, 0
        resampler = av.AudioResampler("fltp", "stereo", 48_000, 1024)
        for part in [*resampler.resample(given), *resampler.resample(None)]:
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))
    return path


def _tell(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
