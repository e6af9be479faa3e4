"""Picking: which workflow a picture that is there already shall go through."""

from __future__ import annotations

from typing import Any

import discord

from bot.core.chat import Stored
from bot.core.errors import UserError
from bot.platforms.discord.asking import Click, Front, guarded
from bot.platforms.discord.menu import Dish
from bot.platforms.discord.rendering import cut
from bot.platforms.discord.request import asker, place_of
from bot.platforms.discord.windows import Sheet, open_window
from bot.words import _

_OPTIONS = 25
_SELECTS = 5
_LIFE = 900.0


async def pick(front: Front, click: Click, picture: discord.Attachment | Stored) -> None:
    """Let the person choose among the workflows that take a picture. Raises `UserError`."""
    dishes = [dish for dish in await front.menu.dishes(asker(click), place_of(click)) if dish.takes_picture]
    if not dishes:
        raise UserError(_("There is no workflow here that takes a picture."))
    words = _("What shall become of {name}?").format(name=cut(picture.filename, 100))
    await click.response.send_message(
        words, view=Picking(front, dishes[: _SELECTS * _OPTIONS], picture), ephemeral=True
    )


class Picking(discord.ui.View):
    """A select for every 25 workflows."""

    def __init__(self, front: Front, dishes: list[Dish], picture: discord.Attachment | Stored) -> None:
        super().__init__(timeout=_LIFE)
        self._front, self._picture = front, picture
        self._dishes = {dish.workflow.name: dish for dish in dishes}
        for first in range(0, len(dishes), _OPTIONS):
            self._add(dishes[first : first + _OPTIONS])

    def _add(self, dishes: list[Dish]) -> None:
        named = _("A workflow: {first} to {last}") if len(self._dishes) > _OPTIONS else _("A workflow")
        title = named.format(first=dishes[0].workflow.title, last=dishes[-1].workflow.title)
        select: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=cut(title, 150), options=[_option(dish) for dish in dishes]
        )

        async def chosen(click: Click) -> None:
            await guarded(click, lambda: self._open(click, select.values[0]))

        select.callback = chosen  # type: ignore[method-assign, assignment]
        self.add_item(select)

    async def _open(self, click: Click, name: str) -> None:
        dish = self._dishes[name]
        field = dish.picture_field or ""
        await open_window(self._front, click, Sheet(dish, {field: self._picture}, skipped=frozenset({field})))


def _option(dish: Dish) -> discord.SelectOption:
    workflow = dish.workflow
    return discord.SelectOption(
        label=cut(workflow.title, 100), value=workflow.name, description=cut(workflow.description, 100) or None
    )
