"""What all tests share: the databases that they run on, the process that forks, and the slice of the long tests."""

from __future__ import annotations

import gc
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import wheels
from tests.bot import forks
from tests.bot.databases import database_url, empty_database_url, postgres, share_statements
from tests.leaks import LeakWatcher
from tests.once import made_once
from tests.ports import free_port

__all__ = ["database_url", "empty_database_url", "postgres"]

hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("patient")

_LONGEST = 3600  #: seconds that a long test may take
_WALKS = 4  #: walks in a slice, each of as many steps as a long one
_SLICES = 3  #: so many slices, one after the other, have each long test
_leaks = LeakWatcher()


@pytest.fixture(autouse=True)
def no_secret_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look through all that the test wrote for the tokens and passwords of its settings."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        _leaks.look_into(folder)
    found, _leaks.found = _leaks.found, []
    assert not found


@pytest.fixture
def unused_tcp_port() -> int:
    """A port that stays free for the test: that of pytest-asyncio may be given to another program meanwhile."""
    return free_port()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel of this checkout."""
    return made_once(tmp_path_factory, "packages", wheels.build)


@pytest.fixture(scope="session")
def wheel(packages: Path) -> Path:
    (built,) = packages.glob("*.whl")
    return built


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "run a third of the long tests, one variant of each, and of each long walk a few, which SEED picks"
    parser.addoption("--slice", type=int, metavar="SEED", help=words)


def pytest_configure(config: pytest.Config) -> None:
    _leaks.watch()
    if (given := getattr(config, "workerinput", None)) is not None:
        forks.use(given["nursery"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let all workers fork from one process, which imports the bot while they collect their tests."""
    node.workerinput["nursery"] = forks.nursery()


def pytest_collection_finish() -> None:
    share_statements()
    gc.collect()
    gc.freeze()  # the collector need not look at all modules again and again


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    long = [item for item in items if item.get_closest_marker("long")]
    for item in long:
        item.add_marker(pytest.mark.timeout(_LONGEST), append=False)
    seed = config.getoption("--slice")
    if seed is not None:
        chosen = _chosen(long, seed)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]


def _chosen(items: Iterable[pytest.Item], seed: int) -> list[pytest.Item]:
    """Pick a part of the long tests, and of each one variant; the same seed picks the same."""
    variants = defaultdict(list)
    for item in items:
        variants[item.nodeid.partition("[")[0]].append(item)
    for item in items:
        if (walk := getattr(item, "cls", None)) is not None and hasattr(walk, "settings"):
            walk.settings = hypothesis.settings(walk.settings, max_examples=_WALKS)
    turns = {name: random.Random(name).randrange(_SLICES) for name in variants}
    picked = {name: each for name, each in variants.items() if turns[name] == seed % _SLICES}
    return [random.Random(f"{seed} {name}").choice(each) for name, each in picked.items()]
