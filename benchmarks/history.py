"""A search by words in a person's results, and a page of the latest, with many results of that person; and a hundred
presets of a thousand people.

.venv/bin/python -m benchmarks.history --results 100000
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert, text

from bot.core.model import Address, Person, Place
from bot.core.presets.store import PresetStore
from bot.core.run import State
from bot.core.runs.history.search import RunSearch
from bot.core.runs.queue import NewRun, _columns
from bot.core.storage.database import Database
from bot.core.storage.schema import presets, runs

_PEOPLE, _EACH = 1000, 100  # and presets of each
ANN = Person("test", "1", "Ann")
HERE = Place("test", "here", "Here", "guild")
#: What is typed, and what it is.
TYPED = {
    "": "the latest",
    "lighthouse-2": "a rare word",
    "the": "a word of every result",
    "word7": "a word of every twentieth",
    "the word7 word11": "three words, of which one is in all",
    "word7 lighthouse-2": "a rare word and a frequent one",
    "left right": "two words of half the results each, never together",
    "absent": "a word of none",
}


def prompt(number: int, chance: random.Random) -> str:
    words = [f"word{chance.randrange(200)}" for _ in range(10)]
    side = "left" if number % 2 else "right"
    rare = f" lighthouse-{number % 2000}" if number % 1000 < 3 else ""
    return f"the {side} {' '.join(words)}{rare}"


async def fill(database: Database, results: int) -> float:
    """Results of one person; the seconds that it takes to read their words."""
    chance = random.Random(7)
    state = {"state": State.DONE, "ended_at": 1.0}
    for first in range(0, results, 5000):
        rows = [
            _columns(_new(number, prompt(number, chance)), 1, 0, float(number)) | state
            for number in range(first, min(first + 5000, results))
        ]
        async with database.change() as connection:
            await connection.execute(insert(runs), rows)
    begun, search = time.perf_counter(), RunSearch(database)
    while await search.read():
        pass
    took = time.perf_counter() - begun
    async with database.change() as connection:
        await connection.execute(text("ANALYZE"))
    return took


def _new(number: int, words: str) -> NewRun:
    address = Address("test", "chat", "1")
    return NewRun(f"run-{number}", "imagine", {"prompt": words}, {}, "x", ANN, HERE, address, "k", frozenset())


async def measure_presets(database: Database, rounds: int) -> None:
    """Ask for presets of people, of whom each has a hundred."""
    for person in range(_PEOPLE):
        async with database.change() as connection:
            await connection.execute(insert(presets), [_preset(person, number) for number in range(_EACH)])
    store, listed, named = PresetStore(database), list[float](), list[float]()
    for number in range(rounds):
        asking = (f"test:{number * 7 % _PEOPLE}",)
        begun = time.perf_counter()
        found = await store.of(asking)
        listed.append((time.perf_counter() - begun) * 1e3)
        begun = time.perf_counter()
        await store.named(asking, found[number % _EACH].name)
        named.append((time.perf_counter() - begun) * 1e3)
    for name, times in (("all presets of a person", listed), ("one preset by its name", named)):
        print(f"  {name}: {_told(times)}; {len(found)} of {_PEOPLE} people each", flush=True)


def _preset(person: int, number: int) -> dict[str, object]:
    given = {
        "prompt": f"a lighthouse at the sea, number {number}, " + "in soft light, " * 10,
        "steps": 20,
        "seed": number,
    }
    name = f"Lighthouse {number}"
    kept = {"folded": name.casefold(), "name": name, "workflow": "imagine", "given": given, "usual": int(number == 0)}
    return {"person": f"test:{person}", "at": float(number), **kept}


def _told(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} ms (p90 {sorted(times)[int(len(times) * 0.9)]:.1f})"


async def measure(database: Database, results: int, rounds: int) -> None:
    took, search, kind = await fill(database, results), RunSearch(database), database.url.get_backend_name()
    print(f"{kind}, {results} results: their words are read in {took:.0f} s", flush=True)
    for typed, name in TYPED.items():
        times, processor = list[float](), list[float]()
        for _ in range(rounds):
            begun, worked = time.perf_counter(), time.process_time()
            found = await search.find((ANN.key,), typed, 0, 6)
            processor.append((time.process_time() - worked) * 1e3)
            times.append((time.perf_counter() - begun) * 1e3)
        print(
            f"  {name}: {_told(times)}, of which {statistics.median(processor):.1f} ms of this processor;"
            f" {len(found)} on the page",
            flush=True,
        )


async def work(options: argparse.Namespace, folder: Path) -> None:
    async with Database(options.database) if options.database else Database.in_folder(folder) as database:
        await measure(database, options.results, options.rounds)
        await measure_presets(database, options.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--database", default="", help="an empty PostgreSQL database, instead of SQLite")
    with TemporaryDirectory() as folder:
        asyncio.run(work(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
