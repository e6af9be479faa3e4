"""Menus ask for workflows and forms at each keystroke: what was worked out is kept until something changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.core.media.images import PictureLimits
from bot.core.policy.permissions import RuleTarget
from bot.core.runs.validation import RequestValidator
from bot.core.workflows.catalog import Catalog, bundled_folder
from comfy.object_info import Missing, ObjectInfo
from comfy.prompt import Prompt
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, house


class Counted(ObjectInfo):
    """What a server has; it counts how often a workflow is compared with it."""

    asked = 0

    def missing(self, prompt: Prompt) -> Missing:
        type(self).asked += 1
        return super().missing(prompt)


async def test_what_servers_lack_is_worked_out_once() -> None:
    servers: dict[str, ObjectInfo] = {"one": Counted({}), "two": Counted({})}

    async def known() -> Mapping[str, ObjectInfo]:
        return dict(servers)

    catalog = Catalog.read(bundled_folder())
    validator = RequestValidator(catalog, known, PictureLimits())
    first = [await validator.lacks(each) for each in catalog.workflows.values()]
    asked = Counted.asked
    assert asked == 2 * len(catalog.workflows)
    assert [await validator.lacks(each) for each in catalog.workflows.values()] == first
    assert Counted.asked == asked
    poster = catalog.get("poster")
    assert await validator.form(poster) is await validator.form(poster)
    servers["two"] = Counted({})  # it was restarted, and has other nodes
    await validator.lacks(poster)
    assert Counted.asked == asked + 2


async def test_a_decision_holds_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        workflows, moderation = home.services.workflows, home.services.moderation
        assert PLAIN in [each.name for each in workflows.allowed(ANN, HERE)]
        await moderation.deny(MOD, HERE, RuleTarget(workflow=PLAIN))
        assert PLAIN not in [each.name for each in workflows.allowed(ANN, HERE)]
        await moderation.allow(MOD, HERE, RuleTarget(workflow=PLAIN))
        assert workflows.allowed(ANN, HERE) == workflows.allowed(BEN, HERE)
        assert PLAIN in [each.name for each in workflows.allowed(ANN, HERE)]
