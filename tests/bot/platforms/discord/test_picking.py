"""Picking: every workflow can be chosen, also where there are more than a select holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import discord

from bot.core.catalog import Catalog, bundled_folder
from bot.core.chat import Stored
from bot.platforms.discord.asking import Front
from bot.platforms.discord.menu import Dish
from bot.platforms.discord.picking import Picking


async def test_forty_workflows_are_two_selects() -> None:
    workflow = Catalog.read(bundled_folder()).workflows["negative"]
    names = [f"flow-{number:02}" for number in range(40)]
    dishes = [Dish(replace(workflow, name=name, title=name), workflow.form()) for name in names]
    view = Picking(cast(Front, None), dishes, Stored("key", "x.png", "image"))
    selects = [cast("discord.ui.Select[Any]", each) for each in view.children]
    assert [len(each.options) for each in selects] == [25, 15]
    assert [option.value for each in selects for option in each.options] == names
    assert selects[1].placeholder == "A workflow: flow-25 to flow-39"
