"""Menus ask for workflows and forms at each keystroke: what was worked out is kept until something changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bot.core.media.images import PictureLimits
from bot.core.policy.permissions import RuleTarget
from bot.core.runs.validation import RequestValidator
from bot.core.workflows.catalog import Catalog, NewestVersions, bundled_folder
from bot.core.workflows.form import Value
from bot.core.workflows.workflow import Workflow
from comfy.object_info import ObjectInfo
from comfy.verdict import PromptVerdict
from tests.bot.core.moderation.test_problems import drawn
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, house


@dataclass(frozen=True)
class Counted(Workflow):
    """A workflow that counts how often it is compared with a server."""

    asked: list[ObjectInfo] = field(default_factory=list)

    def verdict(self, info: ObjectInfo, chosen: Mapping[str, Value] = MappingProxyType({})) -> PromptVerdict:
        self.asked.append(info)
        return super().verdict(info, chosen)


async def test_what_servers_lack_is_worked_out_once() -> None:
    servers: dict[str, ObjectInfo] = {"one": ObjectInfo({}), "two": ObjectInfo({})}

    async def known() -> Mapping[str, ObjectInfo]:
        return dict(servers)

    bundled = Catalog.read(bundled_folder()).workflows
    counted = {name: Counted(**vars(each)) for name, each in bundled.items()}
    validator = RequestValidator(NewestVersions(Catalog(counted)), known, PictureLimits())
    first = [await validator.lacks(each) for each in counted.values()]
    assert {len(each.asked) for each in counted.values()} == {2}
    assert [await validator.lacks(each) for each in counted.values()] == first
    assert {len(each.asked) for each in counted.values()} == {2}
    poster = counted["poster"]
    assert await validator.form(poster) is await validator.form(poster)
    servers["two"] = ObjectInfo({"Else": {}})  # it was restarted, and has a node that no workflow has
    await validator.prepare()
    assert [await validator.lacks(each) for each in counted.values()] == first
    assert {len(each.asked) for each in counted.values()} == {2}
    mine = {node.class_type for node in poster.prompt}
    servers["two"] = ObjectInfo({name: {"output": []} for name in mine})
    await validator.prepare()
    for each in counted.values():
        assert len(each.asked) == (4 if mine & {node.class_type for node in each.prompt} else 2)


async def test_where_to_get_what_servers_lack_is_worked_out_once(tmp_path: Path) -> None:
    servers: dict[str, ObjectInfo] = {"one": ObjectInfo({"SaveImage": {}})}

    async def known() -> Mapping[str, ObjectInfo]:
        return dict(servers)

    (tmp_path / "ink.json").write_text(json.dumps(drawn()))
    info = ObjectInfo({"InkLoader": {"output": ["IMAGE"]}, "SaveImage": {}})
    ink = Counted(**vars(Catalog.read(tmp_path, info=info).get("ink")))
    validator = RequestValidator(NewestVersions(Catalog({"ink": ink})), known, PictureLimits())
    assert await validator.where_to_get(ink) == ("The node InkLoader is from the pack ink-pack.",)
    seen = len(ink.asked)
    assert await validator.where_to_get(ink) == ("The node InkLoader is from the pack ink-pack.",)
    assert len(ink.asked) == seen
    servers["two"] = info
    assert await validator.where_to_get(ink) == ()


async def test_a_decision_holds_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        workflows, moderation = home.services.workflows, home.services.moderation
        assert PLAIN in [each.name for each in workflows.allowed(ANN, HERE)]
        await moderation.deny(MOD, HERE, RuleTarget(workflow=PLAIN))
        assert PLAIN not in [each.name for each in workflows.allowed(ANN, HERE)]
        await moderation.allow(MOD, HERE, RuleTarget(workflow=PLAIN))
        assert workflows.allowed(ANN, HERE) == workflows.allowed(BEN, HERE)
        assert PLAIN in [each.name for each in workflows.allowed(ANN, HERE)]
