"""The time that a menu takes at each keystroke: the workflows that a person may run, and which of them can run now.

python -m benchmarks.menus OBJECT_INFO.json    # the /object_info of a real ComfyUI
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.core.model import Person, Place
from bot.core.platform import Services
from bot.core.workflows.catalog import Catalog, bundled_folder
from comfy.object_info import ObjectInfo
from tests.bot.harness import house

_WORKFLOWS, _SERVERS, _ROUNDS = 63, 3, 50
PERSON, PLACE = Person("test", "1", "Ann", frozenset({"a", "b"})), Place("test", "here", "Here", "guild")


def _many() -> Catalog:
    bundled = Catalog.read(bundled_folder()).workflows
    names = [(f"{name}-{number}", flow) for number in range(8) for name, flow in bundled.items()]
    return Catalog({name: replace(flow, name=name) for name, flow in names[:_WORKFLOWS]})


async def _menu(services: Services) -> float:
    begun = time.perf_counter()
    await services.workflows.offers(PERSON, PLACE)
    return (time.perf_counter() - begun) * 1000


async def main(path: str) -> None:
    data = json.loads(await asyncio.to_thread(Path(path).read_text))
    servers = {f"server {number}": ObjectInfo(dict(data)) for number in range(_SERVERS)}

    async def known() -> Mapping[str, ObjectInfo]:
        return servers

    with TemporaryDirectory() as folder:
        async with house(Path(folder)) as home:
            validator = home.services.workflows._validator
            validator.catalog, validator._known = _many(), known
            first = await _menu(home.services)
            later = statistics.median([await _menu(home.services) for _round in range(_ROUNDS)])
    print(f"{_WORKFLOWS} workflows, {_SERVERS} servers: {first:.1f} ms the first time, then {later:.3f} ms")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
