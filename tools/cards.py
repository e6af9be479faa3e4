"""Draws the pictures on the page's cards: each bundled workflow develops the bundled photograph on the built-in engine.

    python tools/cards.py

Workflows that need a model are left out: the page draws a placeholder for them.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from bot.core.execution.one_shot import OneShotRunner
from bot.core.media.images import PictureLimits
from bot.core.model import Person, Place, Result, RunRequest, Status, UploadedFile
from bot.core.port import Limits
from bot.core.workflows.catalog import Catalog, bundled_folder
from bot.core.workflows.workflow import Workflow
from comfy.client import ComfyClient
from comfy.embedded import EmbeddedServer

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "bot" / "demo" / "coffee.jpg"
CARDS = ROOT / "bot" / "platforms" / "web" / "static" / "cards"
SIZE = (320, 240)
VALUES: dict[str, dict[str, Any]] = {"polaroid": {"caption": "Coffee, 8 a.m."}, "poster": {"colors": "6"}}


class Card:
    """A reply that keeps the first picture of a result, small."""

    limits = Limits(1 << 40, 10, 1000, 1.0)

    def __init__(self, name: str) -> None:
        self.path = CARDS / f"{name}.webp"

    async def show(self, status: Status) -> None: ...

    async def deliver(self, result: Result) -> None:
        with Image.open(result.files[0].path) as picture:
            whole = picture.convert("RGB")
        if whole.width / whole.height < SIZE[0] / SIZE[1] * 0.95:  # a frame belongs to the picture
            card = ImageOps.pad(whole, SIZE, Image.Resampling.LANCZOS, color="#d9d2c8")
        else:
            card = ImageOps.fit(whole, SIZE, Image.Resampling.LANCZOS)
        card.save(self.path, quality=38, method=6)


def values(workflow: Workflow, folder: Path) -> dict[str, Any]:
    media = [field.name for field in workflow.form().fields if field.is_media]
    given: dict[str, Any] = {name: UploadedFile(PHOTO, PHOTO.name) for name in media}
    if "style" in media:
        given["style"] = UploadedFile(dusk(folder), "dusk.png")
    return {**given, **VALUES.get(workflow.name, {})}


def dusk(folder: Path) -> Path:
    """The colours of an evening sky, for a workflow that takes colours from another picture."""
    sky = ImageOps.colorize(Image.linear_gradient("L").resize((300, 300)), "#14203f", "#ffb37a", mid="#b3476b")
    sky.save(folder / "dusk.png")
    return folder / "dusk.png"


async def main() -> None:
    CARDS.mkdir(parents=True, exist_ok=True)
    catalog = Catalog.read(bundled_folder())
    async with EmbeddedServer() as engine, ComfyClient(engine.url) as client:
        bench = OneShotRunner(catalog, client, PictureLimits())
        for workflow in catalog.workflows.values():
            if await bench.lacks(workflow):
                continue
            with tempfile.TemporaryDirectory() as folder:
                given = values(workflow, Path(folder))
                request = RunRequest(workflow.name, given, Person("tools", "cards"), Place("tools", "cards"))
                run = await bench.take(request, Path(folder))
                await bench.develop(run, Card(workflow.name), Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
