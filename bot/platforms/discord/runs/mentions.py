"""Mentions: a message that names a workflow, as the answer to a picture or with one attached."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import discord

from bot.core.errors import BadPicture, UserError
from bot.core.model import Place, RunRequest
from bot.core.platform import FieldKind, work_folder
from bot.i18n import _
from bot.platforms.discord.forms.cache import CachedForm
from bot.platforms.discord.message_ref import PLATFORM
from bot.platforms.discord.rest import NO_MENTIONS
from bot.platforms.discord.runs.posting import InteractionAnswer
from bot.platforms.discord.runs.request import fetched, needed_in, parents_of, person_of, pictures_in, unmet
from bot.platforms.discord.runs.submit import DiscordContext, check_rights, told
from bot.platforms.discord.runs.text import cut, plain

_log = logging.getLogger(__name__)
_MENTION = re.compile(r"<@!?\d+>")


async def hear(context: DiscordContext, client: discord.Client, message: discord.Message) -> None:
    """Run what a message asks for, where it is meant for the bot; whatever happens, its writer hears of it."""
    if message.author.bot or not _is_for(client, message):
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
    text = _MENTION.sub("", message.content).strip().lstrip("/")
    name, _space, rest = text.partition(" ")
    person, place = _asker(message), _place(message)
    if name.lower() not in context.services.workflows.catalog.workflows:
        names = ", ".join(each.name for each in context.services.workflows.allowed(person, place)[:30])
        raise UserError(_("Begin with the name of a workflow: {names}. Or use /run.").format(names=names))
    dish = await context.cache.dish(name.lower(), person, place)
    _check_rights(message)
    with work_folder() as folder:
        values = await fetched(client.http, _values(dish, rest.strip(), message), folder, context.most)
        request = RunRequest(dish.workflow.name, values, person, place)
        await context.services.runs.submit(request, InteractionAnswer(context.services, request, client, message))


def _check_rights(message: discord.Message) -> None:
    """Raises `NotAllowed` where the bot could not answer with a result."""
    channel = message.channel
    known = channel.parent if isinstance(channel, discord.Thread) else isinstance(channel, discord.abc.GuildChannel)
    if message.guild is not None and known:
        has = channel.permissions_for(message.guild.me)
        check_rights(unmet(has, [*needed_in(channel), "read_message_history"]))


def _values(dish: CachedForm, words: str, message: discord.Message) -> Mapping[str, Any]:
    """The pictures of the message, then of the one that it answers, into the fields for pictures; the words into the
    first field for text.
    """
    answered = message.reference.resolved if message.reference is not None else None
    pictures = [*pictures_in(message), *(pictures_in(answered) if isinstance(answered, discord.Message) else ())]
    fields = sorted(dish.form.fields, key=lambda field: not field.required)
    images = [field.name for field in fields if field.kind is FieldKind.IMAGE]
    texts = [field.name for field in fields if field.kind is FieldKind.TEXT]
    if images and not pictures:
        raise BadPicture(_unseen(answered, message))
    values: dict[str, Any] = dict(zip(images, pictures, strict=False))
    return values | ({texts[0]: words} if texts and words else {})


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
