"""The names under which Telegram's notes are kept."""

from __future__ import annotations

from bot.core.model import Person
from bot.platforms.telegram.chats import Chat

UPDATE, DRAFT, OPENED, COMMANDS = "telegram:update:", "telegram:draft:", "telegram:opened:", "telegram:commands:"
STRANGER, UNTOLD = "telegram:stranger:", "telegram:untold:"
PART, COPY = "telegram:part:", "telegram:copy:"


def update(number: int) -> str:
    """An update that has been taken from Telegram: what it is until it is done with, and nothing then."""
    return f"{UPDATE}{number}"


def draft(chat: Chat, person: Person) -> str:
    """A person's draft in a chat."""
    return f"{drafts(person.id)}{chat}"


def drafts(person: str) -> str:
    """The beginning of the names of a person's drafts."""
    return f"{DRAFT}{person}:"


def opened(update: int) -> str:
    """The message that an update has opened for a run."""
    return f"{OPENED}{update}"


def album(run_id: str) -> str:
    """The messages that a run's files were sent as."""
    return f"telegram:album:{run_id}"


def sending(group: str, album: int) -> str:
    """That an album of a group was about to be sent."""
    return f"telegram:sending:{group}:{album}"


def untold(run_id: str) -> str:
    """That a run's message does not say yet how it ended; and the chat, if the bot was sent away from it."""
    return f"{UNTOLD}{run_id}"


def part(chat: Chat, message: int) -> str:
    """The run that a message is a part of, and which of its files it shows."""
    return f"{PART}{chat.id}:{message}"


def copy(person: Person, run_id: str, chat: Chat, message: int) -> str:
    """A message with a copy of a file of a person's run."""
    return f"{copies(person, run_id)}{chat.id}:{message}"


def copies(person: Person, run_id: str = "") -> str:
    """The beginning of the names of all copies of a person's runs, or of one run."""
    return f"{COPY}{person.id}:" + (f"{run_id}:" if run_id else "")


def controls(run_id: str) -> str:
    """That a run's words and buttons were being sent below its files."""
    return f"telegram:controls:{run_id}"


def moved(chat: Chat, message: int) -> str:
    """The message that stands in for one that was deleted."""
    return f"telegram:moved:{chat}:{message}"


def settings(person: str, name: str = "") -> str:
    """The settings of a picture that a person has asked about; without a name, the beginning of all such names."""
    return f"telegram:settings:{person}:{name}"


def spoiler(chat: Chat, message: int) -> str:
    """That a run's result is to be hidden until it is touched."""
    return f"telegram:spoiler:{chat}:{message}"


def commands(scope: str) -> str:
    """The list of commands that a scope was given last."""
    return f"{COMMANDS}{scope}"


def stranger(user: int | str) -> str:
    """The @name of a person who was not served."""
    return f"{STRANGER}{user}"


def migrated(chat: int) -> str:
    """The id that a group had before it became a supergroup."""
    return f"telegram:migrated:{chat}"
