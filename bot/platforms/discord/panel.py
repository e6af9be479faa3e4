"""The panel of moderators, and the questions that they are asked: what is decided by a click."""

from __future__ import annotations

from typing import Any

import discord

from bot.core.authority import Aim
from bot.core.chat import Brief, Held, Result
from bot.core.moderation import Overview
from bot.core.run import RunRecord, key_of
from bot.platforms.discord.asking import Click, Front, guarded, tell
from bot.platforms.discord.pieces import pack
from bot.platforms.discord.rendering import cut, plain, result_text, status_text
from bot.platforms.discord.request import moderator, place_of
from bot.platforms.discord.row import HELD, Verb, button, row, still
from bot.platforms.discord.wire import NO_MENTIONS, Draft
from bot.words import _

_OPTIONS = 25
_LIFE = 900.0


async def show_panel(front: Front, click: Click) -> None:
    """The state of a server at a glance. Raises `NotAllowed`."""
    await click.response.defer(ephemeral=True, thinking=True)
    overview = await front.desk.moderation.overview(moderator(front.desk.moderation, click), place_of(click))
    await click.edit_original_response(**_drawn(front, overview))


def _drawn(front: Front, overview: Overview) -> dict[str, Any]:
    lines = [_("**Workflows here** (chosen: everyone may run them)")]
    lines += [f"{'✅' if row.decision.allowed else '⛔'} {plain(row.title)}" for row in overview.rows]
    if overview.lines:
        lines += ["", _("**Decided**"), *(f"• {plain(each)}" for each in overview.lines)]
    return {"content": cut("\n".join(lines)), "view": Panel(front, overview), "allowed_mentions": NO_MENTIONS}


class Panel(discord.ui.View):
    """A select for every 25 workflows: what is chosen is allowed, the others are denied."""

    def __init__(self, front: Front, overview: Overview) -> None:
        super().__init__(timeout=_LIFE)
        self._front = front
        self._allowed = {row.name: row.decision.allowed for row in overview.rows}
        rows = overview.rows[: 4 * _OPTIONS]
        for first in range(0, len(rows), _OPTIONS):
            self._add([(row.name, row.title) for row in rows[first : first + _OPTIONS]])
        undo: discord.ui.Button[Any] = discord.ui.Button(label=_("Take the last decision back"))
        undo.callback = self._undo  # type: ignore[method-assign, assignment]
        self.add_item(undo)

    def _add(self, flows: list[tuple[str, str]]) -> None:
        options = [
            discord.SelectOption(label=cut(title, 100), value=name, default=self._allowed[name])
            for name, title in flows
        ]
        select: discord.ui.Select[Any] = discord.ui.Select(options=options, min_values=0, max_values=len(options))

        async def chosen(click: Click) -> None:
            await guarded(click, lambda: self._change(click, {name: name in select.values for name, _title in flows}))

        select.callback = chosen  # type: ignore[method-assign, assignment]
        self.add_item(select)

    async def _change(self, click: Click, wanted: dict[str, bool]) -> None:
        await click.response.defer()
        moderation = self._front.desk.moderation
        by, here = moderator(moderation, click), place_of(click)
        for name, allow in wanted.items():
            if allow != self._allowed[name]:
                await (moderation.allow if allow else moderation.deny)(by, here, Aim(workflow=name))
        await click.edit_original_response(**_drawn(self._front, await moderation.overview(by, here)))

    async def _undo(self, click: Click) -> None:
        await guarded(click, lambda: self._take_back(click))

    async def _take_back(self, click: Click) -> None:
        await click.response.defer()
        moderation = self._front.desk.moderation
        by, here = moderator(moderation, click), place_of(click)
        said = await moderation.undo(by, here)
        await click.edit_original_response(**_drawn(self._front, await moderation.overview(by, here)))
        await tell(click, said)


async def list_held(front: Front, click: Click) -> None:
    """What waits for a yes; the oldest with buttons. Raises `NotAllowed`."""
    await click.response.defer(ephemeral=True, thinking=True)
    runs = await front.desk.moderation.reviews.held(moderator(front.desk.moderation, click), place_of(click))
    lines = [
        f"{number}. **{plain(front.desk.title(run.workflow))}** · {plain(run.person.name or key_of(run.person))}"
        for number, run in enumerate(runs, 1)
    ]
    buttons = [
        button(verb, run.id, label.format(number=number))
        for number, run in enumerate(runs[:5], 1)
        for verb, label in ((Verb.SEE, _("See {number}")), (Verb.APPROVE, _("Approve {number}")))
    ]
    view = still(*buttons) if buttons else None
    await click.edit_original_response(content=cut("\n".join(lines)) or _("Nothing waits."), view=view)


async def decide(front: Front, click: Click, run_id: str, *, approve: bool) -> None:
    """A moderator's yes or no to a held run. Raises `NotAllowed`."""
    await click.response.defer()
    reviews = front.desk.moderation.reviews
    by, here = moderator(front.desk.moderation, click), place_of(click)
    done = await (reviews.approve(by, here, run_id) if approve else reviews.refuse(by, here, run_id))
    words = _("Approved by {name}.") if approve else _("Refused by {name}.")
    said = words.format(name=click.user.display_name) if done else _("It was decided already.")
    before = click.message.content if click.message is not None else ""
    await click.edit_original_response(content=cut(f"{before}\n{plain(said)}"), view=None, allowed_mentions=NO_MENTIONS)


async def see(front: Front, click: Click, run: RunRecord) -> None:
    """What a held run has brought, or asks for, to a moderator alone. Raises `NotAllowed`."""
    await click.response.defer(ephemeral=True, thinking=True)
    by, here = moderator(front.desk.moderation, click), place_of(click)
    async with front.desk.moderation.reviews.result(by, here, run.id) as result:
        brief = run.brief(front.desk.title(run.workflow))
        draft = await question(brief, result, click.filesize_limit)
        await click.edit_original_response(**draft.parts())


async def question(brief: Brief, result: Result | None, most: int) -> Draft:
    """What moderators are shown of a run that waits for their yes."""
    if result is None:
        return Draft(status_text(brief, Held()), None, row(brief.run_id, HELD))
    packed = await pack(result, brief, most, spoiler=True)
    return Draft(result_text(brief, result, packed.notes), packed.pieces, row(brief.run_id, HELD))
