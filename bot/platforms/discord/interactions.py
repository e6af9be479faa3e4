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
from bot.platforms.discord.commands.lists import (
    DATA,
    FORGET,
    FORGET_ALL,
    FORGET_ALL_SURELY,
    FORGET_SURELY,
    NAMELESS_FORGET,
    TURN,
    ask_to_forget,
    forget,
    send_data,
    show_about,
    turn_workflows,
)
from bot.platforms.discord.commands.mine import MINE, turn_mine
from bot.platforms.discord.commands.presets import KEEP, keep
from bot.platforms.discord.commands.settings import SETTINGS, fill_from
from bot.platforms.discord.forms import sessions
from bot.platforms.discord.forms.modals import fill, go, turn
from bot.platforms.discord.forms.picker import chosen, leaf, picked
from bot.platforms.discord.moderation import panel, saved
from bot.platforms.discord.runs.buttons import choose, press, press_part
from bot.platforms.discord.runs.submit import Click, DiscordContext, guarded


async def answer(context: DiscordContext, click: Click) -> None:
    """Answer a click, a choice, or a window that was sent; whatever happens, the person hears of it."""
    data: Any = click.data
    name = str(data.get("custom_id", ""))
    await guarded(click, lambda: _answer(context, click, name))


async def _answer(context: DiscordContext, click: Click, name: str) -> None:
    if kept := re.fullmatch(KEEP, name):
        await keep(context, click, kept["run"])
    elif run := re.fullmatch(components.TEMPLATE, name):
        await press(context, click, run["verb"], run["run"])
    elif choice := re.fullmatch(components.CHOICE, name):
        await choose(context, click, choice["run"], int(choice["number"]))
    elif part := re.fullmatch(components.PART, name):
        await press_part(context, click, part["verb"], part["run"], int(part["number"]))
    elif session := re.fullmatch(sessions.TEMPLATE, name):
        await _on_form(context, click, session["act"], session["sheet"], int(session["at"]))
    elif asked := re.fullmatch(FORGET, name) or re.fullmatch(FORGET_ALL, name):
        await ask_to_forget(context, click, asked["person"])
    elif asked := re.fullmatch(FORGET_SURELY, name):
        await forget(context, click, asked["person"])
    elif asked := re.fullmatch(FORGET_ALL_SURELY, name):
        await forget(context, click, asked["person"], everywhere=True)
    elif wanted := re.fullmatch(DATA, name):
        await send_data(context, click, wanted["person"])
    elif name == NAMELESS_FORGET:
        await show_about(context, click)
    elif name == panel.UNDO:
        await panel.take_back(context, click)
    elif select := re.fullmatch(panel.TEMPLATE, name):
        await panel.change(context, click, int(select["number"]))
    elif turned := re.fullmatch(panel.PAGE, name):
        await panel.show_page(context, click, int(turned["page"]))
    elif asked := re.fullmatch(saved.TEMPLATE, name):
        await saved.answer(context, click, asked["id"], asked["newest"], asked["answer"])
    elif mine := re.fullmatch(MINE, name, re.DOTALL):
        await turn_mine(context, click, mine["words"], int(mine["page"]))
    elif read := re.fullmatch(SETTINGS, name):
        await fill_from(context, click, read["sheet"])
    elif listed := re.fullmatch(TURN, name):
        await turn_workflows(context, click, int(listed["page"]))
    else:
        raise UserError(_("This button has expired. Please start again."))


async def _on_form(context: DiscordContext, click: Click, act: str, name: str, at: int) -> None:
    match act:
        case "fill":
            await fill(context, click, name, at)
        case "turn":
            await turn(context, click, name, at)
        case "go":
            await go(context, click, name)
        case "pick":
            await picked(context, click, name)
        case "use":
            await chosen(context, click, name)
        case "leaf":
            await leaf(context, click, name, at)
