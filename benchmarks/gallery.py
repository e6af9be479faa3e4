"""The gallery with very many results: how smoothly Chromium scrolls through them, and how much memory it takes.

`.venv/bin/python -m benchmarks.gallery --results 10000 --queued 100` serves the page in this process, so the server's
work is among what keeps the cores busy. Times are of the renderer's main thread, from a trace of Chromium's own. A page
of plain tiles is scrolled in turns with it, in the same way: what this machine can do at all, at that minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from bot.core.model import Address, Person, Place, RunRequest
from tests.bot.platforms.web.conftest import _FLAGS, CHROMIUM
from tests.bot.platforms.web.filled import fill_results, person_of
from tests.bot.platforms.web.pages import Page as Served
from tests.bot.platforms.web.pages import page

_VIEW: Any = {"width": 1280, "height": 800}
_SIDE = 1024  # pixels of the results
_PICTURES = 60  # different ones
_TRACED = ["toplevel", "devtools.timeline", "benchmark", "cc"]
_LONG = 50.0  # milliseconds
_PLAIN = """<!doctype html><style>
body { display: flex; flex-direction: column; block-size: 100vh; margin: 0; overflow: hidden; background: #f6f2ec; }
h1 { flex: none; block-size: 4rem; margin: 1rem; }
.grid { flex: 1; min-block-size: 0; overflow: hidden auto; padding-inline: 40px; }
.tiles { position: relative; block-size: 180000px; }
.tiles div { position: absolute; inline-size: 187px; block-size: 187px; background: teal; }
</style><h1>Plain tiles</h1><div class="grid"><div class="tiles"></div></div><script>
for (let at = 0; at < 5400; at += 1) {
    const tile = document.querySelector(".tiles").appendChild(document.createElement("div"));
    tile.style.cssText = `left: ${(at % 6) * 199}px; top: ${Math.floor(at / 6) * 199}px`;
}
</script>"""
_GAPS = """() => {
    window.gaps = [];
    let last = performance.now();
    const tick = (now) => {
        window.gaps.push(now - last);
        last = now;
        window.ticking = requestAnimationFrame(tick);
    };
    window.ticking = requestAnimationFrame(tick);
}"""


@dataclass(frozen=True)
class Scroll:
    """What a scroll took: tasks of the main thread in milliseconds, by the clock and by the processor, the gaps
    between frames, and the milliseconds of processor of all of the browser.
    """

    tasks: list[tuple[float, float]]
    gaps: list[float]
    processor: float

    @property
    def rate(self) -> float:
        return 1000 * len(self.gaps) / max(1.0, sum(self.gaps))

    @property
    def per_frame(self) -> float:
        return self.processor / max(1, len(self.gaps))

    def __str__(self) -> str:
        wall, cpu = [[each[at] for each in self.tasks] for at in (0, 1)]
        late = [gap for gap in self.gaps if gap > 25]
        return (
            f"{self.rate:.0f} frames a second, {self.per_frame:.1f} ms of processor each;"
            f" {len(late)} of {len(self.gaps)} gaps over 25 ms (most {max(self.gaps):.0f});"
            f" {len(self.tasks)} tasks, the longest {max(wall):.0f} ms by the clock and {max(cpu):.0f} ms of processor,"
            f" {sum(each > _LONG for each in wall)} over {_LONG:.0f} ms"
        )


async def queue(web: Served, person: Person, count: int) -> None:
    place = Place("web", person.id)
    for _run in range(count):
        await web.services.runs.submit(RunRequest("gated", {}, person, place), Address("web", person.id, uuid4().hex))


async def load(tab: Page, results: int) -> None:
    """Scroll until all results are known to the page."""
    grid, wanted = tab.locator(".gallery .grid"), f"{results:,} results"
    while await tab.locator(".gallery-count").text_content() != wanted:
        await grid.evaluate("(grid) => (grid.scrollTop = grid.scrollHeight)")
        await asyncio.sleep(0.05)
    await grid.evaluate("(grid) => (grid.scrollTop = 0)")
    await asyncio.sleep(2)


async def scroll(browser: Browser, tab: Page, session: CDPSession, speed: int, distance: int) -> Scroll:
    await browser.start_tracing(page=tab, categories=_TRACED)
    given = {"x": 600, "y": 500, "yDistance": -distance, "speed": speed, "gestureSourceType": "mouse"}
    before = await _processor(browser)
    await tab.evaluate(_GAPS)
    await session.send("Input.synthesizeScrollGesture", given)
    gaps = await tab.evaluate("() => (cancelAnimationFrame(window.ticking), window.gaps)")
    taken = await _processor(browser) - before
    trace = json.loads(await browser.stop_tracing())["traceEvents"]
    return Scroll(_tasks(trace), gaps, taken)


async def scroll_plain(browser: Browser, speed: int, distance: int) -> Scroll:
    tab = await browser.new_page(viewport=_VIEW)
    await tab.set_content(_PLAIN)
    await asyncio.sleep(2)
    taken = await scroll(browser, tab, await tab.context.new_cdp_session(tab), speed, distance)
    await tab.context.close()
    return taken


async def _processor(browser: Browser) -> float:
    """Milliseconds that all processes of the browser have had."""
    session = await browser.new_browser_cdp_session()
    told = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    return sum(1000 * float(each["cpuTime"]) for each in told["processInfo"])


def _tasks(trace: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """The tasks of the main thread of the renderer that was busiest."""
    main = {(each["pid"], each["tid"]) for each in trace if _names(each, "CrRendererMain")}
    tasks: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for each in trace:
        place = each["pid"], each["tid"]
        if place in main and each.get("ph") == "X" and each["name"].endswith("RunTask"):
            tasks.setdefault(place, []).append((each.get("dur", 0) / 1e3, each.get("tdur", 0) / 1e3))
    return max(tasks.values(), key=lambda found: sum(wall for wall, _cpu in found))


def _names(event: Mapping[str, Any], name: str) -> bool:
    return bool(event["name"] == "thread_name" and event.get("args", {}).get("name") == name)


async def memory(browser: Browser, session: CDPSession) -> str:
    """What the page takes: its own objects, and the private memory of its process, of which an empty page has some."""
    await session.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in (await session.send("Performance.getMetrics"))["metrics"]}
    whole = await browser.new_browser_cdp_session()
    processes = (await whole.send("SystemInfo.getProcessInfo"))["processInfo"]
    private = [_private(each["id"]) for each in processes if each["type"] == "renderer"]
    heap, nodes = metrics["JSHeapUsedSize"] / 1e6, metrics["Nodes"]
    return f"heap {heap:.0f} MB, {nodes:.0f} nodes, private memory of the renderer {max(private) / 1e6:.0f} MB"


def _private(process: int) -> int:
    """Private memory, without what the system may take back at any time, such as pictures that are decoded again."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    kilobytes = {name: int(rest.split()[0]) for name, _colon, rest in (line.partition(":") for line in lines[1:])}
    return (kilobytes["Private_Clean"] + kilobytes["Private_Dirty"] - kilobytes["LazyFree"]) * 1024


async def measure(options: argparse.Namespace, folder: Path) -> None:
    limits = {"waiting_per_person": options.queued + 1}
    async with page(folder, limits=limits) as web, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        tab = await browser.new_page(viewport=_VIEW)
        await tab.goto("about:blank")
        session = await tab.context.new_cdp_session(tab)
        await session.send("Performance.enable")
        print("an empty page:", await memory(browser, session), flush=True)
        await tab.goto(web.url)
        cookies: Any = await tab.context.cookies()
        person = person_of(cookies)
        await fill_results(web, person, options.results, _PICTURES, _SIDE)
        await queue(web, person, options.queued)
        await tab.goto(f"{web.url}/#gallery")
        await tab.reload()
        print("the first page:", await memory(browser, session), flush=True)
        await load(tab, options.results)
        print("all results known:", await memory(browser, session), flush=True)
        for speed, distance in ((800, 8_000), (3_000, 30_000), (12_000, 120_000)):
            await compare(browser, tab, session, speed, distance, options.rounds)
        print("after that:", await memory(browser, session), flush=True)
        await browser.close()


async def compare(browser: Browser, tab: Page, session: CDPSession, speed: int, distance: int, rounds: int) -> None:
    """Scroll plain tiles and the gallery in turns."""
    plain, ours = list[Scroll](), list[Scroll]()
    for _round in range(rounds):
        plain.append(await scroll_plain(browser, speed, distance))
        await tab.locator(".gallery .grid").evaluate("(grid) => (grid.scrollTop = 0)")
        await tab.bring_to_front()
        await asyncio.sleep(1)
        ours.append(await scroll(browser, tab, session, speed, distance))
        print(f"{speed} pixels a second, plain tiles: {plain[-1]}\n{speed}, the gallery: {ours[-1]}", flush=True)
    rate = statistics.median(one.rate / other.rate for one, other in zip(ours, plain, strict=True))
    frame = statistics.median(one.per_frame / other.per_frame for one, other in zip(ours, plain, strict=True))
    print(f"{speed}: {rate:.2f} of the frames of plain tiles, {frame:.2f} of the processor for each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=10_000)
    parser.add_argument("--queued", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    with TemporaryDirectory() as folder:
        asyncio.run(measure(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
