"""The runs of a recipe, planned before the first one begins. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from bot.core.errors import BadPicture, BadValue, all_of
from bot.core.model import RunRequest
from bot.core.policy.evaluate import EffectivePolicy
from bot.core.run import RecipePlace
from bot.core.runs.queue import GroupPlace, NewRun
from bot.core.workflows.recipes.recipe import Step, Take
from bot.core.workflows.workflow import Workflow


def requests(request: RunRequest, recipe: Workflow) -> list[RunRequest]:
    """Return a request for each step of a recipe, from the one with which it begins."""
    begun = request.resume.step if request.resume is not None else 0
    made = [
        RunRequest(
            step.workflow.id,
            step.given(request.values),
            request.person,
            request.place,
            private=request.private,
        )
        for step in recipe.steps[begun:]
    ]
    if request.resume is not None and request.resume.file is not None:
        into = recipe.steps[begun].into
        made[0] = replace(made[0], values={**made[0].values, into: request.resume.file})
    return made


def planned(
    recipe: Workflow, first: int, runs: Sequence[NewRun], own: EffectivePolicy, group: str, *, drawn: bool
) -> list[NewRun]:
    """Return all runs of a recipe that begins with step `first`, given one for each step, and the recipe's own policy.
    Each result that goes on does so in runs of its own.
    """
    every = list[NewRun]()
    before = [replace(runs[0], step=RecipePlace(recipe.id, first, len(recipe.steps)))]
    every += before
    for number, run in enumerate(runs[1:], first + 1):
        step = recipe.steps[number]
        place = RecipePlace(recipe.id, number, len(recipe.steps), into=step.into, kind=step.kind)
        before = [
            replace(run, id=str(uuid4()), step=replace(place, after=each.id, take=take))
            for each in before
            for take in _takes(step)
        ]
        every += before
    policy = next((each for each in (own, *(run.policy for run in runs)) if each.review.on), own)  # holds the end
    return [
        replace(
            each,
            policy=replace(each.policy, review=policy.review),
            held=any(run.held for run in runs) and not each.is_later,
            group=GroupPlace(group, number, len(every), _label(recipe, each), drawn=drawn) if len(every) > 1 else None,
        )
        for number, each in enumerate(every)
    ]


def in_words_of(step: Step, fault: BadValue | BadPicture) -> BadValue | BadPicture:
    """Return a fault of a step with the fields as they are called in the recipe's form."""
    names = {own: name for name, own in step.asked}
    each = fault.each if isinstance(fault, BadValue) else (fault,)
    return all_of([_renamed(one, names.get(one.field, one.field)) for one in each])


def _renamed(fault: BadValue | BadPicture, field: str) -> BadValue | BadPicture:
    return BadPicture(fault.reason, field) if isinstance(fault, BadPicture) else type(fault)(field, fault.reason)


def _takes(step: Step) -> list[int | None]:
    match step.take:
        case Take.FIRST:
            return [0]
        case Take.ASK:
            return [None]
        case Take.ALL:
            return list(range(step.most))


def _label(recipe: Workflow, run: NewRun) -> str:
    return recipe.steps[run.step.number].workflow.title if run.step is not None else ""
