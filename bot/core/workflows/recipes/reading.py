"""Read NAME.recipe.toml: the steps of a recipe, and all mistakes in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from bot.core.errors import BadValue
from bot.core.workflows.form import Field, Form, listed
from bot.core.workflows.identity.slugs import free_slug, slug_of
from bot.core.workflows.recipes.recipe import MOST_RUNS, Step, Take, in_one
from bot.core.workflows.sidecar import Faults, checked, is_name, translated
from bot.core.workflows.workflow import Workflow
from bot.i18n import _

#: All keys of a recipe and of its steps, with their types. docs/workflows.md explains each.
RECIPE_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "title": str,
    "description": str,
    "group": str,
    "next": list,
    "steps": str,
    "step": dict,
}
STEP_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "take": str,
    "most": int,
    "into": str,
    "ask": list,
    "values": dict,
}
_USUAL = 4  # results that are taken where all are


class StepMissing(Exception):
    """A step cannot be used yet, because its workflow waits for a server."""


@dataclass(frozen=True)
class Known:
    """The workflows that a recipe may name, by their names; and the names of those that wait for a server, of those
    with mistakes, and of recipes.
    """

    workflows: Mapping[str, Workflow]
    waiting: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    recipes: frozenset[str] = frozenset()


def read_recipe(name: str, data: Mapping[str, Any], known: Known, faults: Faults) -> Workflow | None:
    """Return the workflow that a recipe describes; None with mistakes, which are added. Raises `StepMissing`."""
    plain, translations = translated(None, data, ("title", "description"), faults)
    good = checked(None, plain, RECIPE_KEYS, faults)
    words = [each.strip() for each in good.get("steps", "").split("->")]
    if len(words) < 2:
        faults.add(None, _("steps must name two workflows or more: “imagine -> upscale”"))
        return None
    workflows = [found for each in words if (found := _workflow(each, known, faults)) is not None]
    tables = good.get("step", {})
    keys = _keys(words)
    for key in tables:
        if key not in keys:
            faults.add(f"step.{key}", _("there is no such step; steps: {names}").format(names=", ".join(keys)))
    if len(workflows) < len(words):
        return None
    steps, taken = list[Step](), set[str]()
    for number, (key, workflow) in enumerate(zip(keys, workflows, strict=True)):
        steps.append(_step(key, workflow, tables.get(key, {}), taken, faults, is_first=number == 0))
    runs = sum(prod(step.most for step in steps[: number + 1]) for number in range(len(steps)))
    if runs > MOST_RUNS:
        told = _("this makes {count} runs, and {most} is the most: take fewer results, or fewer steps")
        faults.add(None, told.format(count=runs, most=MOST_RUNS))
    prompt, declared = in_one(steps)
    nsfw = any(each.nsfw for each in workflows)
    return Workflow(
        name,
        good.get("title", "").strip() or name,
        good.get("description", "").strip(),
        prompt,
        declared,
        spoiler=any(each.spoiler for each in workflows),
        nsfw=nsfw,
        group=good.get("group", "").strip(),
        translations=translations,
        next=tuple(each for each in good.get("next", ()) if is_name(each, faults)),
        steps=tuple(steps),
    )


def _keys(words: list[str]) -> list[str]:
    """The names of the steps: a workflow that comes again has its number behind it."""
    return [each if each not in words[:at] else f"{each}_{words[:at].count(each) + 1}" for at, each in enumerate(words)]


def _workflow(word: str, known: Known, faults: Faults) -> Workflow | None:
    slug = slug_of(word)
    if slug in known.workflows:
        return known.workflows[slug]
    if slug in known.recipes:
        faults.add("steps", _("“{name}” is a recipe, and a recipe has workflows alone as its steps").format(name=word))
    elif slug in known.broken:
        faults.add("steps", _("the workflow “{name}” has a mistake of its own").format(name=word))
    elif slug in known.waiting:
        raise StepMissing(word)
    else:
        words = _("there is no workflow “{name}”; workflows: {names}")
        faults.add("steps", words.format(name=word, names=listed(sorted(known.workflows), like=slug)))
    return None


def _step(key: str, workflow: Workflow, table: Any, taken: set[str], faults: Faults, *, is_first: bool) -> Step:
    where, form = f"step.{key}", workflow.form()
    if not isinstance(table, Mapping):
        faults.add(where, _("a step must be a table: [step.{name}]").format(name=key))
        table = {}
    good = checked(where, table, STEP_KEYS, faults)
    values = _values(where, good.get("values", {}), form, faults)
    into = None if is_first else _into(where, good.get("into"), form, faults)
    if is_first and {"take", "into", "most"} & good.keys():
        faults.add(where, _("take, most and into are for the steps after the first"))
    take = _take(where, good.get("take", Take.FIRST), faults)
    most = good.get("most", _USUAL) if take is Take.ALL and not is_first else 1
    if "most" in good and (take is not Take.ALL or not 1 <= good["most"] <= MOST_RUNS):
        faults.add(where, _('most is for take = "all", and from 1 to {most}').format(most=MOST_RUNS))
    left_out = {into.name if into is not None else "", *values}
    asked = _asked(where, good.get("ask"), form, left_out, faults, all_of_them=is_first)
    for field in form.fields:
        if field.required and field.name not in (*asked, *left_out):
            faults.add(where, _("the field “{field}” is required: add it to ask or to values").format(field=field.name))
    named = tuple((_free(each, key, taken), each) for each in asked)
    into_name, kind = (into.name, into.kind.value) if into is not None else ("", "")
    return Step(workflow, named, tuple(values.items()), into_name, kind, take, max(1, most))


def _take(where: str, given: str, faults: Faults) -> Take:
    if given in tuple(Take):
        return Take(given)
    words = _("take must be one of these: {names}")
    faults.add(where, words.format(names=", ".join(Take)))
    return Take.FIRST


def _into(where: str, given: str | None, form: Form, faults: Faults) -> Field | None:
    """The field that gets the result of the step before."""
    media = [field for field in form.fields if field.is_media]
    found = [field for field in media if field.name == given] if given is not None else media
    needed = [field for field in found if field.required] or found
    if len(needed) == 1:
        return needed[0]
    names = ", ".join(field.name for field in media)
    if not media:
        faults.add(where, _("this workflow takes no file, so it cannot go on from a result"))
    else:
        faults.add(where, _("into must name the field for the result: {names}").format(names=names))
    return None


def _values(where: str, given: Mapping[str, Any], form: Form, faults: Faults) -> dict[str, Any]:
    good = {}
    for name, value in given.items():
        if name not in form.names or form[name].is_media:
            words = _("values: there is no field “{name}” to set; fields: {names}")
            faults.add(where, words.format(name=name, names=", ".join(form.names)))
            continue
        try:
            form[name].parse(value)
            good[name] = value
        except BadValue as fault:
            faults.add(where, _("values: {name}: {reason}").format(name=name, reason=fault.reason.rstrip(".")))
    return good


def _asked(
    where: str, given: list[Any] | None, form: Form, left_out: set[str], faults: Faults, *, all_of_them: bool
) -> list[str]:
    """The fields that people fill in: all of the first step, and of the others what is required."""
    if given is None:
        return [each.name for each in form.fields if each.name not in left_out and (all_of_them or each.required)]
    for name in given:
        if name not in form.names or name in left_out:
            words = _("ask: there is no field “{name}” to ask for; fields: {names}")
            faults.add(where, words.format(name=name, names=", ".join(form.names)))
    return list(dict.fromkeys(each for each in given if each in form.names and each not in left_out))


def _free(name: str, key: str, taken: set[str]) -> str:
    """The name of a field in the recipe's form, where a step before may have one of that name."""
    free = name if name not in taken else free_slug(f"{key}_{name}", taken.__contains__)
    taken.add(free)
    return free
