"""Mentions: a message that names a workflow, as the answer to a picture or with one attached."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import discord

from bot.core.errors import BadPicture, UnknownWorkflow, UserError
from bot.core.model import Place, RunRequest
from bot.core.platform import FieldKind, asked_each, one_each, read_arguments, work_folder
from bot.i18n import _
from bot.platforms.discord.forms.cache import CachedForm
from bot.platforms.discord.message_ref import PLATFORM
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.posting import InteractionAnswer
from bot.platforms.discord.runs.request import fetched, needed_in, parents_of, person_of, pictures_in, unmet
from bot.platforms.discord.runs.submit import DiscordContext, check_age, check_rights, told
from bot.platforms.discord.runs.text import cut, plain

_log = logging.getLogger(__name__)
_MENTION = re.compile(r"<@!?(\d+)>")


async def hear(context: DiscordContext, client: discord.Client, message: discord.Message) -> None:
    """Run what a message asks for, where it is meant for the bot; whatever happens, its writer hears of it."""
    if message.author.bot or message.is_system() or not _is_for(client, message):
        return

    async def run() -> None:
        try:
            await _run(context, client, message)
        except discord.Forbidden as fault:
            _log.info("a message could not be answered: %s", fault)

    await told(run, partial(_say, message), "a message")


def _is_for(client: discord.Client, message: discord.Message) -> bool:
    return (
        message.guild is None
        or any(user.id == client.application_id for user in message.mentions)
        or (client.user is not None and client.user.mentioned_in(message) and not message.mention_everyone)
    )


async def _run(context: DiscordContext, client: discord.Client, message: discord.Message) -> None:
    words = _MENTION.sub("", message.content).strip().lstrip("/").split(maxsplit=1)
    name, rest = words[0] if words else "", "".join(words[1:])
    person, place = _asker(message), _place(message)
    try:
        workflow = context.services.workflows.catalog.find(name).id
    except UnknownWorkflow:
        if _is_remark(client, message):
            return
        names = ", ".join(each.name for each in context.services.workflows.allowed(person, place)[:30])
        raise UserError(_("Begin with the name of a workflow: {names}. Or use /run.").format(names=names)) from None
    cached = await context.cache.form(workflow, person, place)
    typed = read_arguments(rest, cached.form)
    if typed.faults:
        if _is_remark(client, message) and "=" not in rest:
            return
        raise UserError("\n".join(map(str, typed.faults)))
    if typed.private:
        raise UserError(
            _("Everyone here reads your message. Ask for a private run with a command: /run, private: True.")
        )
    _check_rights(message)
    check_age(context, cached.workflow.name, message.channel)
    with work_folder() as folder:
        pictures = _pictures(cached, message, each=typed.each)
        values = await fetched(client.http, {**pictures, **typed.values}, folder, context.most)
        request = RunRequest(cached.workflow.id, values, person, place)
        opening = InteractionAnswer(context.services, request, client, message, typed.hidden)
        await context.services.runs.submit(request, opening)


def _is_remark(client: discord.Client, message: discord.Message) -> bool:
    """True if a message may not be meant for the bot at all: people talk below a result, and the bot is mentioned only
    because Discord tells it of answers.
    """
    ours = {client.application_id, client.user.id if client.user is not None else None}
    named = any(int(number) in ours for number in _MENTION.findall(message.content))
    return message.reference is not None and not named


def _check_rights(message: discord.Message) -> None:
    """Raises `NotAllowed` where the bot could not answer with a result."""
    channel = message.channel
    known = channel.parent if isinstance(channel, discord.Thread) else isinstance(channel, discord.abc.GuildChannel)
    if message.guild is not None and known:
        has = channel.permissions_for(message.guild.me)
        check_rights(unmet(has, [*needed_in(channel), "read_message_history"]))


def _pictures(cached: CachedForm, message: discord.Message, *, each: bool | None) -> Mapping[str, Any]:
    """The pictures of the message, then of the one that it answers, in the fields for pictures. A workflow that takes
    one runs once for `each` of several. Raises `UserError` if its writer has not said so.
    """
    answered = message.reference.resolved if message.reference is not None else None
    pictures = [*pictures_in(message), *(pictures_in(answered) if isinstance(answered, discord.Message) else ())]
    fields = sorted(cached.form.fields, key=lambda field: not field.required)
    images = [field.name for field in fields if field.kind is FieldKind.IMAGE]
    if images and not pictures:
        raise BadPicture(_unseen(answered, message))
    if (single := one_each(cached.form, len(pictures))) and single in images and each is not False:
        if each is None:
            raise UserError(f"{asked_each(len(pictures))} {_('Then write each=yes, else each=no for the first.')}")
        return {single: tuple(pictures)}
    return dict(zip(images, pictures, strict=False))


def _unseen(answered: object, message: discord.Message) -> str:
    """Why no picture was found: Discord shows a bot what others have sent only where they mention it."""
    if isinstance(answered, discord.Message) and answered.author.id != message.author.id and not answered.author.bot:
        return _("Discord does not show me what others post. On that message choose Apps → Use this picture.")
    return _("Attach a picture, or answer a message of mine that has one.")


def _asker(message: discord.Message) -> Any:
    rights = getattr(message.author, "guild_permissions", None)
    return person_of(message.author, rights)


def _place(message: discord.Message) -> Place:
    name = str(getattr(message.channel, "name", None) or "")
    community = str(message.guild.id) if message.guild else ""
    return Place(PLATFORM, str(message.channel.id), name, community, parents_of(message.channel))


async def _say(message: discord.Message, text: str) -> None:
    try:
        await message.reply(cut(plain(text)), allowed_mentions=NO_MENTIONS)
    except discord.HTTPException as fault:
        _log.info("a message could not be answered: %s", fault)
