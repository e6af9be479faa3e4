"""Answering: every button, select and window is answered by its name alone, whenever and by whomever it was sent.

The library's views would forget theirs at a restart, its dynamic items know no windows, and what neither knows is left
without an answer. So it is given none to keep: they are sent as views that have ended.
"""

from __future__ import annotations

import re
from typing import Any

from bot.core.errors import UserError
from bot.i18n import _
from bot.platforms.discord import components
from bot.platforms.discord.commands.lists import FORGET, forget
from bot.platforms.discord.forms import sessions
from bot.platforms.discord.forms.modals import fill, go, turn
from bot.platforms.discord.forms.picker import leaf, picked
from bot.platforms.discord.moderation import panel
from bot.platforms.discord.runs.buttons import press
from bot.platforms.discord.runs.submit import Click, DiscordCaller, guarded


async def answer(front: DiscordCaller, click: Click) -> None:
    """Answer a click, a choice, or a window that was sent; whatever happens, the person hears of it."""
    data: Any = click.data
    name = str(data.get("custom_id", ""))
    await guarded(click, lambda: _answer(front, click, name))


async def _answer(front: DiscordCaller, click: Click, name: str) -> None:
    if run := re.fullmatch(components.TEMPLATE, name):
        await press(front, click, run["verb"], run["run"])
    elif sheet := re.fullmatch(sessions.TEMPLATE, name):
        await _on_sheet(front, click, sheet["act"], sheet["sheet"], int(sheet["at"]))
    elif name == FORGET:
        await forget(front, click)
    elif name == panel.UNDO:
        await panel.take_back(front, click)
    elif select := re.fullmatch(panel.TEMPLATE, name):
        await panel.change(front, click, int(select["number"]))
    elif turned := re.fullmatch(panel.PAGE, name):
        await panel.show_page(front, click, int(turned["page"]))
    else:
        raise UserError(_("This button has expired. Please start again."))


async def _on_sheet(front: DiscordCaller, click: Click, act: str, name: str, at: int) -> None:
    match act:
        case "fill":
            await fill(front, click, name, at)
        case "turn":
            await turn(front, click, name, at)
        case "go":
            await go(front, click, name)
        case "pick":
            await picked(front, click, name)
        case "leaf":
            await leaf(front, click, name, at)
