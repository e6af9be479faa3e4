"""Structure that import-linter cannot hold: owners of tables, class names, sizes of folders, what platforms import."""

from __future__ import annotations

import ast
import hashlib
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.names_in_code import ROOT, tree_of

SOURCES = [path for package in ("bot", "comfy") for path in (ROOT / package).rglob("*.py")]
MOST_MODULES = 16  #: in one folder, `__init__` apart
MOST_LINES = 300  #: of a file; docs/design.md says why others are longer
MOST_CORE_MODULES = 8  #: that platforms may import

#: Which package alone may name a table of the database. Migrations make them all.
OWNERS = {
    "runs": "bot/core/runs",
    "uses": "bot/core/runs",
    "charges": "bot/core/runs",
    "reports": "bot/core/runs",
    "words": "bot/core/runs",
    **dict.fromkeys(("favourites", "deletions", "thumbnails"), "bot/core/runs"),
    "line": "bot/core/runs",
    "rules": "bot/core/policy",
    "editions": "bot/core/policy",
    "audit": "bot/core/policy",
    "servers": "bot/core/servers",
    "definitions": "bot/core/servers",
    "node_times": "bot/core/servers",
    "server_states": "bot/core/care",
    "worker_troubles": "bot/core/watching",
    "notes": "bot/core/storage",
    "presets": "bot/core/presets",
    **dict.fromkeys(("links", "link_codes", "invitations", "devices"), "bot/core/people"),
    **dict.fromkeys(("pings", "ping_wishes"), "bot/core/pings"),
    **dict.fromkeys(("saved_files", "saved_workflows", "saved_versions", "saved_servers"), "bot/core/sources"),
    "workflows": "bot/core/workflows",
    "workflow_versions": "bot/core/workflows",
}


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    """Every `from module import name` of a file, wherever it stands."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.module, alias.name) for alias in node.names)


def test_each_table_has_one_owner() -> None:
    strangers = [
        f"{path.relative_to(ROOT)} imports the table {name}"
        for path in SOURCES
        if "bot.core.storage.schema" in path.read_text(encoding="utf-8")
        for module, name in _imports(path)
        if module == "bot.core.storage.schema"
        and name in OWNERS
        and not path.relative_to(ROOT).as_posix().startswith(OWNERS[name])
    ]
    assert not strangers


def test_no_two_public_classes_have_the_same_name() -> None:
    homes = defaultdict(list)
    for path in SOURCES:
        for name in re.findall(r"^ *class ([A-Za-z]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            homes[name].append(str(path.relative_to(ROOT)))
    assert not {name: found for name, found in homes.items() if len(found) > 1}


@pytest.mark.parametrize("package", ["bot", "comfy"])
def test_no_folder_has_too_many_modules(package: str) -> None:
    migrations = ROOT / "bot" / "core" / "storage" / "migrations" / "versions"  # read in their order
    for folder in {path.parent for path in (ROOT / package).rglob("*.py")} - {migrations}:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= MOST_MODULES or folder.name == "versions", folder  # a migration stays for ever


def test_a_long_file_has_its_reason_in_the_guide_of_the_design() -> None:
    _before, _title, after = (
        (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("## Files over 300 lines")
    )
    named = re.findall(r"`([\w/]+)`", after.partition("\n## ")[0])
    long = {path for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES}
    ends = tuple(f"/{name}.py" for name in named)
    assert [str(path.relative_to(ROOT)) for path in sorted(long) if not path.as_posix().endswith(ends)] == []


@pytest.mark.long
def test_platforms_import_few_modules_of_core() -> None:
    imported = {
        f"{module}.{name}" if module == "bot.core" else module
        for platform in ("discord", "telegram", "web")
        for path in (ROOT / "bot" / "platforms" / platform).rglob("*.py")
        for module, name in _imports(path)
        if module.startswith("bot.core")
    }
    assert len(imported) <= MOST_CORE_MODULES, sorted(imported)


def _chains(path: Path) -> Iterator[list[str]]:
    """Every chain of attributes in a file, as `["self", "_services", "runs", "get"]`."""
    for node in ast.walk(tree_of(path)):
        chain: list[str] = []
        step: ast.AST = node
        while isinstance(step, ast.Attribute):
            chain.insert(0, step.attr)
            step = step.value
        if chain and isinstance(step, ast.Name):
            yield [step.id, *chain]


@pytest.mark.long
def test_platforms_ask_services_and_do_not_reach_behind_them() -> None:
    parts = {
        ("health", "tasks"),
        ("moderation", "people"),
        ("moderation", "reports"),
        ("moderation", "reviews"),
        ("moderation", "saved"),
        ("moderation", "templates"),
        ("moderation", "workflows"),
        ("workflows", "catalog"),
    }  # services, or plain data
    behind = set()
    for platform in ("discord", "telegram", "web"):
        for path in (ROOT / "bot" / "platforms" / platform).rglob("*.py"):
            for chain in _chains(path):
                at = next((number for number, each in enumerate(chain) if each in ("services", "_services")), None)
                if at is None or len(chain) <= at + 3:
                    continue
                _holder, service, part, *deeper = chain[at:]
                if part.startswith("_") or (deeper and (service, part) not in parts):
                    behind.add(f"{path.relative_to(ROOT)}: {'.'.join(chain)}")
    assert not behind


def test_code_of_others_is_what_was_built_of_the_pinned_version() -> None:
    pin = tomllib.loads((ROOT / "tools" / "vendor" / "pins.toml").read_text(encoding="utf-8"))["three"]
    vendor = ROOT / "bot" / "platforms" / "web" / "static" / "vendor"
    assert {path.name for path in vendor.iterdir()} == {"three.js", "three.LICENSE"}
    built = (vendor / "three.js").read_bytes()
    assert hashlib.sha256(built).hexdigest() == pin["built"]
    assert built.startswith(f"/* three.js {pin['version']}, MIT: see three.LICENSE.".encode())
    assert (vendor / "three.LICENSE").read_text(encoding="utf-8").startswith("The MIT License")


def test_no_test_has_a_time_limit_of_its_own() -> None:
    """One that a busy machine breaks: `tests.patience` is for all, and pytest ends what hangs."""
    own = re.compile(r"mark\.timeout\(\d|asyncio\.timeout\([1-9]|wait_for\([^()]*(\([^()]*\))?[^()]*, [1-9]\d*\)")
    tests = (ROOT / "tests").rglob("*.py")
    assert [str(path.relative_to(ROOT)) for path in tests if own.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_benchmark_can_be_imported(path: Path) -> None:
    """They are run seldom, and a name that they use may change meanwhile."""
    import_module(f"benchmarks.{path.stem}")
