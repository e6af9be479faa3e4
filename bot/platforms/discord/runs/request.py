"""From an interaction or a message to what the desk takes: who asks, where, and with which values."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import discord
from discord.app_commands import Namespace
from discord.http import HTTPClient

from bot.core.errors import BadPicture, BadValue, all_of
from bot.core.model import Person, Place, UploadedFile
from bot.core.platform import Form, ModerationService, RunRecord, missing
from bot.i18n import _
from bot.platforms.discord.commands.schema import choice_meant
from bot.platforms.discord.forms.sessions import SubmittedFile
from bot.platforms.discord.message_ref import PLATFORM

#: What the bot needs in a channel, and what people call it.
_NEEDED = {
    "view_channel": _("View Channel"),
    "send_messages": _("Send Messages"),
    "send_messages_in_threads": _("Send Messages in Threads"),
    "attach_files": _("Attach Files"),
    "read_message_history": _("Read Message History"),
}


def person_of(user: discord.User | discord.Member, rights: discord.Permissions | None = None) -> Person:
    """The person behind a Discord user; `rights` are their permissions in the place where they ask."""
    roles = frozenset(str(role.id) for role in getattr(user, "roles", ()))
    moderator = rights is not None and (rights.manage_messages or rights.manage_guild or rights.administrator)
    return Person(PLATFORM, str(user.id), user.display_name, roles, moderator)


def asker(interaction: discord.Interaction[Any], run: RunRecord | None = None) -> Person:
    """The person who sent an interaction. Rights count only in a server, and only over its own runs."""
    foreign = run is not None and run.place.community != str(interaction.guild_id)
    rights = None if interaction.guild_id is None or foreign else interaction.permissions
    return replace(person_of(interaction.user, rights), language=str(interaction.locale))


def moderator(moderation: ModerationService, interaction: discord.Interaction[Any]) -> Person:
    """The sender of an interaction, as a moderator by the roles that the owner named, else by Manage Server."""
    person, place = person_of(interaction.user), place_of(interaction)
    named = moderation.moderator_roles(place)
    rights = interaction.permissions
    may = bool(named & person.roles) if named else rights.manage_guild or rights.administrator
    owner = interaction.guild is not None and interaction.guild.owner_id == interaction.user.id
    return replace(person, moderator=interaction.guild_id is not None and (may or owner), owner=owner)


def may_decide(moderation: ModerationService, interaction: discord.Interaction[Any]) -> bool:
    """True if the sender may see the runs that wait for a decision."""
    by = moderator(moderation, interaction)
    return moderation.is_moderator(by, place_of(interaction)) or moderation.is_trusted(by)


def place_of(interaction: discord.Interaction[Any]) -> Place:
    channel = interaction.channel
    name = str(getattr(channel, "name", None) or "")
    return Place(PLATFORM, str(interaction.channel_id), name, str(interaction.guild_id or ""), parents_of(channel))


def community_place(interaction: discord.Interaction[Any]) -> Place:
    """The whole server of an interaction."""
    return Place(PLATFORM, "", community=str(interaction.guild_id or ""))


def parents_of(channel: Any) -> tuple[str, ...]:
    """The parents of a place: a thread's channel, and that channel's category."""
    above = getattr(channel, "parent_id", None)
    parent = getattr(channel, "parent", None) if above else channel
    category = getattr(parent, "category_id", None)
    return tuple(str(each) for each in (above, category) if each)


def place_named(channel: int, name: str, guild: int | None) -> Place:
    """The place of a channel that a person chose."""
    return Place(PLATFORM, str(channel), name, str(guild or ""))


def is_member(interaction: discord.Interaction[Any]) -> bool:
    """True if the bot is installed in the place itself, and not only by the person."""
    return interaction.is_guild_integration() if interaction.guild_id else interaction.context.dm_channel


def is_alone(interaction: discord.Interaction[Any]) -> bool:
    """True in a direct message between a person and the bot."""
    return interaction.guild_id is None and interaction.context.dm_channel


def may_write(interaction: discord.Interaction[Any]) -> bool:
    """True if the sender may write in the place themselves."""
    if interaction.guild_id is None:
        return True
    return bool(getattr(interaction.permissions, _spoken(interaction.channel)))


def lacking(interaction: discord.Interaction[Any]) -> list[str]:
    """The permissions that the bot would need in this place and does not have, as Discord's settings call them."""
    if not interaction.guild_id:
        return []
    needed = needed_in(interaction.channel) if is_member(interaction) else ["attach_files"]
    return unmet(interaction.app_permissions, needed)


def needed_in(channel: Any) -> list[str]:
    """The permissions that the bot needs for a run's message in a channel."""
    return ["view_channel", _spoken(channel), "attach_files"]


def _spoken(channel: Any) -> str:
    """The permission to write in a channel."""
    return "send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages"


def unmet(has: discord.Permissions, needed: Sequence[str]) -> list[str]:
    return [_NEEDED[name] for name in needed if not getattr(has, name)]


def option_values(interaction: discord.Interaction[Any]) -> dict[str, Any]:
    """The options of a slash command by name; files as the library's attachments."""
    data: Mapping[str, Any] = interaction.data or {}
    values = dict(iter(Namespace(interaction, data.get("resolved", {}), data.get("options", []))))
    return {name: _sent(value) if isinstance(value, discord.Attachment) else value for name, value in values.items()}


def sent(data: Mapping[str, Any]) -> SubmittedFile:
    """A file as Discord describes it."""
    return SubmittedFile(data["url"], data["filename"], data["size"])


def _sent(file: discord.Attachment) -> SubmittedFile:
    return SubmittedFile(file.url, file.filename, file.size)


def typed(values: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The values as a form reads them; long choices travel under short names."""
    fields = {field.name: field for field in form.fields}
    found = {}
    for name, value in values.items():
        field = fields.get(name)
        if field is not None and field.choices and isinstance(value, str):
            value = choice_meant(field.choices, value)
        found[name] = str(value).lower() if isinstance(value, bool) else value
    return found


async def fetched(http: HTTPClient, values: Mapping[str, Any], folder: Path, most: int) -> dict[str, Any]:
    """The values with the files of Discord in `folder`: their addresses expire. Raises `UserError`."""
    files = {name: _sent_in(value) for name, value in values.items()}
    if faults := [_too_large(name, file, most) for name, each in files.items() for file in each if file.size > most]:
        raise all_of(faults)
    found = dict(values)
    for number, (name, each) in enumerate(files.items()):
        paths = [folder / f"given-{number}-{at}{Path(file.filename).suffix[:9]}" for at, file in enumerate(each)]
        fetched = [await _fetch(http, file, path) for file, path in zip(each, paths, strict=True)]
        if fetched:
            found[name] = tuple(fetched) if isinstance(values[name], tuple) else fetched[0]
    return found


def _sent_in(value: Any) -> list[SubmittedFile]:
    """The files of Discord in a value: of several there is a run for each."""
    return [each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, SubmittedFile)]


def _too_large(name: str, file: SubmittedFile, most: int) -> BadValue:
    words = _("{name} has {size:.1f} MB; at most {most:g} MB will do.")
    return BadValue(name, words.format(name=file.filename, size=file.size / 1e6, most=most / 1e6))


async def _fetch(http: HTTPClient, file: SubmittedFile, path: Path) -> UploadedFile:
    try:
        content = await http.get_from_cdn(file.url)
    except (discord.HTTPException, OSError, TimeoutError) as fault:
        raise BadPicture(_("{name} cannot be fetched: please send it again.").format(name=file.filename)) from fault
    await asyncio.to_thread(path.write_bytes, content)
    return UploadedFile(path, file.filename)


def pictures_in(message: discord.Message) -> Iterator[SubmittedFile]:
    """The pictures of a message, the forwarded ones among them: attached, as stickers, and of links. Discord has those
    of links, so no other address is asked.
    """
    every = [message, *getattr(message, "message_snapshots", ())]
    for each in (file for part in every for file in part.attachments):
        kind, suffix = each.content_type or "", Path(each.filename).suffix.lower()
        if kind.startswith("image/") or suffix in _SUFFIXES or (kind.startswith("video/") and not missing()):
            yield _sent(each)
    for sticker in (sticker for part in every for sticker in getattr(part, "stickers", ())):
        if sticker.format is not discord.StickerFormatType.lottie:
            yield SubmittedFile(sticker.url, f"sticker.{sticker.format.file_extension}", 0)
    for embed in (embed for part in every for embed in getattr(part, "embeds", ())):
        shown = embed.image if embed.image.proxy_url else embed.thumbnail
        if embed.type in ("image", "gifv", "rich", "article", "link", "video") and shown.proxy_url:
            yield SubmittedFile(shown.proxy_url, "preview.png", 0)


_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif"}
