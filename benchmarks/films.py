"""A long video made to fit: how long it takes, and whether the loop goes on meanwhile.

python -m benchmarks.films [--seconds 60] [--megabytes 45] [--most 10] [--film FILE]

Without `--film` it makes one of 1080p with grain and sound, 30 frames a second. `late` is by how much the loop woke too
late from sleeps of 5 ms; a busy machine adds to that, so it is told for a rest of five seconds too. `held` is the part
of that in which the loop's own thread worked. At the end Chromium plays it, if there is one.
"""

from __future__ import annotations

import argparse
import asyncio
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

from bot.core.media.films.making import fit_film, look_at
from bot.core.pool import pool

_TICK = 0.005
_RATE = 30
_SIZE = (1920, 1080)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--megabytes", type=float, default=45)
    parser.add_argument("--most", type=float, default=10, help="MiB")
    parser.add_argument("--film", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        film = asked.film or _make(Path(name) / "film.mp4", asked.seconds, asked.megabytes)
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
