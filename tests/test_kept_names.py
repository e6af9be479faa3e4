"""The names that are kept on disk and in chats are those of `kept_names.toml`, no more and no less."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache

import pytest

from bot.core.execution.durable.engine import DurableEngine
from bot.core.policy.rules import KINDS
from bot.core.run import State
from bot.core.storage import data_folder, named_locks
from bot.platforms.discord.components import ComponentAction
from bot.platforms.telegram.forms import prompts
from bot.platforms.telegram.moderation import panel
from bot.platforms.telegram.runs.callback_data import CallbackAction
from bot.settings import Role
from tests.names_in_code import ROOT, UNKNOWN, Call, answered, calls, classes, entries, scope_of, texts

FILE = ROOT / "tests" / "kept_names.toml"
_ENGINE = DurableEngine.__module__
_STEPS = ("_step", "run_step_async")
_NOTED = ("get", "put", "add", "starting", "sweep", "drop")


@cache
def _found() -> dict[str, Iterable[str]]:
    """The names in the code, by section and kind."""
    every = list(calls("bot"))
    engine = list(entries(_ENGINE))
    return {
        "engine application": _known(value for key, value in engine if key == "name"),
        "engine versions": [value for key, value in engine if key == "application_version"],
        "engine executors": [value for key, value in engine if key == "executor_id"],
        "engine workflows": [
            call.named["name"] for call in every if (call.object, call.method) == ("DBOS", "workflow")
        ],
        "engine workflow-ids": _first(every, "SetWorkflowID"),
        "engine steps": _known(_first(every, *_STEPS)),
        "engine queues": _first(_by_engine(every), "Queue", "register_queue"),
        "engine schedules": _first(_by_engine(every), "scheduled", "create_schedule", "apply_schedules"),
        "errors classes": [*classes("comfy.errors"), *classes("bot.core.errors")],
        "locks names": _locks(every),
        "locks numbers": [hex(named_locks.LOCK)],
        "notes keys": _keys(every),
        "discord custom-ids": list(answered("bot.platforms.discord.interactions", "_answer")),
        "discord verbs": list(ComponentAction),
        "telegram callback-data": [
            text for text in texts("bot/platforms/telegram") if re.fullmatch(r"[a-z]:\S+", text)
        ],
        "telegram run-acts": list(CallbackAction),
        "telegram form-steps": [f"{letter} {kind}" for letter, kind in prompts._KINDS.items()],
        "telegram panel-acts": [f"{letter} {act}" for letter, act in panel._ACTS.items()],
        "web cookies": [
            call.arguments[2] for call in every if call.method == "_set" and call.module.endswith("web.auth")
        ],
        "web signed-links": [text for text in texts("bot/core/media") if "/shared/{" in text],
        "data-folder files": [
            data_folder._DATABASE.pattern,
            data_folder._OTHER.pattern,
            *(f"{name}/{parts.pattern}" for name, parts in data_folder._PARTS.items()),
        ],
        "data-folder worker": [Role().worker or ""],
        "records run-states": list(State),
        "records rule-kinds": list(KINDS),
    }


def _first(every: Iterable[Call], *methods: str) -> list[str]:
    """The first arguments of the calls of these methods."""
    return [call.arguments[0] for call in every if call.method in methods and call.arguments]


def _by_engine(every: Iterable[Call]) -> list[Call]:
    """The calls in modules that have imported a part of the engine, and of that part."""
    return [call for call in every if scope_of(call.module).imports.get(call.object or call.method, ("",))[0] == "dbos"]


def _known(patterns: Iterable[str]) -> list[str]:
    """Without what is only handed on."""
    return [pattern for pattern in patterns if pattern != UNKNOWN]


def _locks(every: Iterable[Call]) -> list[str]:
    made = [call.arguments[1] for call in every if call.method == "SessionLock"]
    named = [f"darkroom {name}" for name in _known([*_first(every, "alone"), *made])]
    return [*named, *_known(_first(every, "hashtext"))]


def _keys(every: Iterable[Call]) -> set[str]:
    """The keys of notes. One that only begins others, such as `telegram:update:`, is no key of its own."""
    at_notes = [call for call in every if call.object in ("notes", "_notes") and call.method in _NOTED]
    written = _first(at_notes, "put", "add")
    assert UNKNOWN not in written, "give the key of a note as a text, a constant or a function of the module"
    begun = {key for key in _known(_first(at_notes, *_NOTED)) if not any(each.startswith(key) for each in written)}
    return {*written, *begun}


def _kept() -> dict[str, set[str]]:
    told: Mapping[str, Mapping[str, list[str]]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {f"{section} {kind}": set(names) for section, kinds in told.items() for kind, names in kinds.items()}


def _plain(names: Iterable[str]) -> set[str]:
    """Without the names of values: what stands in the braces of a regular expression is a number."""
    return {re.sub(r"\{[a-z]+\}", "{}", str(name)) for name in names}


def test_the_file_and_the_code_have_the_same_kinds_of_names() -> None:
    assert _kept().keys() - {"gone names"} == _found().keys()


@pytest.mark.parametrize("kind", sorted(_kept().keys() - {"gone names"}))
def test_names_that_are_kept(kind: str) -> None:
    found, kept = _plain(_found()[kind]), _plain(_kept()[kind])
    assert found - kept == set(), f"new names: add them to {FILE.name}"
    assert kept - found == set(), f"earlier versions wrote these: understand them, or see `gone` in {FILE.name}"


def test_a_name_that_is_gone_is_not_used_again() -> None:
    names = {name for kind in _found().values() for name in _plain(kind)}
    assert not names & _plain(_kept()["gone names"])
