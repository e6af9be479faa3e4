"""3D results in a real browser: shown in place, turned by hand and by keys, and out of memory at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Locator, expect
from playwright.async_api import Page as Tab

from tests.bot.harness import until
from tests.bot.platforms.web.conftest import CHROMIUM
from tests.bot.platforms.web.filled import fill_files, person_of
from tests.bot.platforms.web.models import chessboard, cube, glb, gltf, obj, ply, stl
from tests.bot.platforms.web.pages import Page, page
from tests.bot.platforms.web.test_browser import PHONE, _is_accessible, opened

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
]
_DESKTOP: Any = {"viewport": {"width": 900, "height": 600}, "reduced_motion": "reduce"}
_COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
    "orange": (255, 128, 0),
    "sky": (0, 128, 255),
}
_HAS_NO_WEBGL = """
    const asked = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return kind === "webgl2" ? null : asked.call(this, kind, ...more);
    };
"""


async def _fill(web: Page, tab: Tab, files: Mapping[str, bytes]) -> None:
    cookies: Any = await tab.context.cookies()
    await fill_files(web, person_of(cookies), files)
    await tab.goto(f"{web.url}/#gallery")
    await tab.reload()


async def _open(tab: Tab) -> Locator:
    """Open the newest result."""
    await tab.locator(".gallery .tile").first.click()
    return tab.get_by_role("dialog")


async def _seen(tab: Tab) -> dict[str, int]:
    """Of which strong colours the model has how many thousandths of the picture."""
    shot = await tab.get_by_role("dialog").locator("canvas").screenshot()
    with Image.open(BytesIO(shot)) as picture:
        small = picture.convert("HSV").resize((100, 100), Image.Resampling.NEAREST)
        pixels = zip(*[iter(small.tobytes())] * 3, strict=True)
    hues = {name: Image.new("RGB", (1, 1), rgb).convert("HSV").getpixel((0, 0))[0] for name, rgb in _COLOURS.items()}
    found = dict.fromkeys(_COLOURS, 0)
    for hue in (hue for hue, saturation, value in pixels if saturation > 190 and value > 90):
        nearest = min(hues, key=lambda name: min(abs(hues[name] - hue), 255 - abs(hues[name] - hue)))
        found[nearest] += 1
    return {name: count // 10 for name, count in found.items() if count > 100}


async def _shows(tab: Tab, *colours: str) -> dict[str, int]:
    """Wait until a model shows these colours and no others."""
    seen: dict[str, int] = {}

    async def is_so() -> bool:
        nonlocal seen
        seen = await _seen(tab)
        return set(seen) == set(colours)

    await until(is_so)
    return seen


async def _is_let_go(tab: Tab) -> None:
    """Wait until what was drawn with before is given back, which may be a moment after the picture is gone."""

    async def is_so() -> bool:
        return bool(await tab.evaluate("window.held.isContextLost()"))

    await until(is_so)


@pytest.mark.parametrize("options", [_DESKTOP, {**PHONE, "color_scheme": "dark"}], ids=["desktop", "phone, dark"])
async def test_a_model_is_turned_zoomed_and_left(browser: Browser, tmp_path: Path, options: Any) -> None:
    async with opened(browser, tmp_path, **options) as (web, tab):
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        await _fill(web, tab, {"statue.glb": glb(*cube()), "cube.glb": glb(*cube())})
        await expect(tab.locator(".gallery .tile").first).to_be_visible()
        assert not [url for url in asked if "/static/vendor/" in url or "/static/solid/" in url]
        large = await _open(tab)
        at_first = await _shows(tab, "magenta", "blue", "red")
        assert [url for url in asked if "/static/vendor/" in url]
        await expect(large.locator(".large-stage")).to_be_focused()
        await _is_accessible(tab)
        press = tab.keyboard.press
        for _press in range(12):
            await press("ArrowLeft")
        await _shows(tab, "cyan", "blue", "green")
        for _press in range(6):
            await press("ArrowDown")
        assert "yellow" in await _seen(tab) or "blue" not in await _seen(tab)
        await press("0")
        assert await _shows(tab, *at_first) == at_first
        for _press in range(3):
            await press("-")
        assert sum((await _seen(tab)).values()) < sum(at_first.values()) / 2
        await large.get_by_role("button", name="Zoom in").click()
        await large.get_by_role("button", name="Fit").click()
        assert await _shows(tab, *at_first) == at_first
        middle = await large.locator("canvas").bounding_box()
        assert middle is not None
        x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
        await tab.mouse.move(x, y)
        await tab.mouse.down()
        await tab.mouse.move(x + middle["height"] / 4, y, steps=4)
        await tab.mouse.up()
        await _shows(tab, "magenta", "blue", "green")
        await tab.evaluate("window.held = document.querySelector('dialog canvas').getContext('webgl2')")
        await large.locator(".large-stage").focus()
        await press("PageDown")
        await expect(large.locator(".large-name")).to_have_text("statue.glb")
        await _is_let_go(tab)
        await _shows(tab, *at_first)
        await tab.evaluate("window.held = document.querySelector('dialog canvas').getContext('webgl2')")
        await press("Escape")
        await expect(large).to_have_count(0)
        await _is_let_go(tab)


async def test_other_formats_and_textures_that_are_within(browser: Browser, tmp_path: Path) -> None:
    within, buffer = cube(picture=chessboard())
    files = {"cube.STL": stl(), "points.ply": ply(), "cube.obj": obj(), "text.gltf": gltf(within, buffer)}
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        await _fill(web, tab, {**files, "cube.gltf": gltf(*cube()), "board.glb": glb(within, buffer)})
        large = await _open(tab)
        await _shows(tab, "orange", "sky")
        await expect(large.locator(".large-plane [role=status]")).to_be_empty()
        for name in reversed(["cube.STL", "points.ply", "cube.obj", "text.gltf", "cube.gltf"]):
            await tab.keyboard.press("PageDown")
            await expect(large.locator(".large-name")).to_have_text(name)
            await expect(large.locator("canvas")).to_be_visible()
            if name.endswith(".gltf"):
                await _shows(tab, *(("orange", "sky") if name.startswith("text") else ("magenta", "blue", "red")))


async def test_what_cannot_be_shown_is_told_and_downloaded(browser: Browser, tmp_path: Path) -> None:
    data, buffer = cube()
    compressed = {each: ["KHR_draco_mesh_compression"] for each in ("extensionsUsed", "extensionsRequired")}
    apart = json.dumps(data | {"buffers": [{"byteLength": len(buffer), "uri": "workflows"}]}).encode()
    broken = {
        "cut.glb": glb(data, buffer)[:-200],
        "statue.glb": b"glTF\x02\0\0\0 a statue",
        "tiny.glb": b"x",
        "compressed.glb": glb(data | compressed | {"meshes": [_drawn_by_draco(data)]}, buffer),
        "empty.glb": glb({"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": []}]}, b""),
        "apart.gltf": apart,
        "endless.glb": glb(data | {"nodes": [{"children": [1]}, {"children": [0], "mesh": 0}]}, buffer),
        "words.obj": b"hello there",
        "words.stl": b"hello there",
        "words.ply": b"hello there",
    }
    async with page(tmp_path) as web, await browser.new_context(**_DESKTOP) as context:
        tab = await context.new_page()
        asked, faults = list[str](), list[str]()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("pageerror", lambda fault: faults.append(str(fault)))
        tab.on("console", lambda line: faults.append(line.text) if "Security Policy" in line.text else None)
        await tab.goto(web.url)
        await _fill(web, tab, {"scene.fbx": b"x", **broken, "bare.glb": glb(*cube(elsewhere="workflows?x"))})
        large = await _open(tab)
        await expect(large.locator(".large-plane")).to_have_text(
            "Some textures could not be shown: they are broken, or not in the file."
        )
        await expect(large.locator("canvas")).to_be_visible()
        for name in reversed(broken):
            await tab.keyboard.press("PageDown")
            await expect(large.locator(".large-plane")).to_contain_text(f"{name}This 3D model cannot be shown here")
            await expect(large.locator("canvas")).to_have_count(0)
            await expect(large.get_by_role("link", name="Download")).to_have_attribute("download", name)
        await _is_accessible(tab)
        await tab.keyboard.press("ArrowRight")  # nothing turns, so it leads on
        await expect(large.locator(".large-plane")).to_contain_text("scene.fbxThis file cannot be shown here.")
        assert faults == []
        assert not [url for url in asked if url.endswith(("/workflows", "/workflows?x"))]


def _drawn_by_draco(data: dict[str, Any]) -> dict[str, Any]:
    ((drawn,),) = [mesh["primitives"] for mesh in data["meshes"]]
    draco = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}}
    return {"primitives": [drawn | {"extensions": draco}]}


async def test_a_browser_without_webgl(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        await tab.add_init_script(_HAS_NO_WEBGL)
        await _fill(web, tab, {"cube.glb": glb(*cube())})
        large = await _open(tab)
        told = "This browser cannot show 3D models now. Download the file to open it."
        await expect(large.locator(".large-plane")).to_contain_text(told)
        await expect(large.get_by_role("link", name="Download")).to_be_visible()


async def test_a_model_that_moves_stands_still_for_those_who_want_that(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        await _fill(web, tab, {"dancer.glb": glb(*cube(turns=True))})
        large = await _open(tab)
        await _shows(tab, "magenta", "blue", "red")
        play = large.get_by_role("button", name="Play the movement")
        await expect(play).to_have_attribute("aria-pressed", "false")
        await play.click()

        async def has_turned() -> bool:
            return "cyan" in await _seen(tab)

        await until(has_turned)
        await tab.keyboard.press("p")
        await expect(play).to_have_attribute("aria-pressed", "false")
        assert await _seen(tab) == await _seen(tab)


async def test_a_model_is_opened_from_its_card_and_a_lost_gpu_is_told(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, **_DESKTOP) as (web, tab):
        await _fill(web, tab, {"metal.glb": glb(*cube(metal=True))})
        await tab.goto(web.url)
        await tab.get_by_role("button", name="metal.glb").click()
        large = tab.get_by_role("dialog")
        await _shows(tab, "magenta", "blue", "red")  # and is not black, although no room is around it
        lose = "document.querySelector('dialog canvas').getContext('webgl2').getExtension('WEBGL_lose_context')"
        await tab.evaluate(f"{lose}.loseContext()")
        await expect(large.locator(".large-plane")).to_contain_text("This browser cannot show 3D models now.")
        await expect(large.locator("canvas")).to_have_count(0)
        await expect(large.get_by_role("link", name="Download")).to_be_visible()
