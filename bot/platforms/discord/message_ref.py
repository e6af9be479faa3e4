"""Spot: where on Discord a run's message stands and how it can be reached, as data that outlives the process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from bot.core.model import Address

PLATFORM = "discord"
TOKEN_LIFE = 14 * 60.0  # seconds of the fifteen minutes that an interaction's token lives
FILE_BYTES = 10 * 2**20  # what Discord takes a file where a server has no boosts


@dataclass(frozen=True)
class MessageRef:
    """`token` is the interaction's, and good until `until`. `member` says whether the bot is in the channel itself."""

    channel: int
    message: int
    token: str = ""
    until: float = 0.0
    bytes: int = FILE_BYTES
    member: bool = True
    spoiler: bool = False

    @property
    def closes(self) -> float | None:
        """The time after which the message is out of reach; None if the bot is in the channel itself."""
        return None if self.member else self.until

    def found(self, message: int) -> MessageRef:
        """The same with its message, which is known now."""
        return replace(self, message=message)

    @property
    def address(self) -> Address:
        kept = {name: value for name, value in asdict(self).items() if name != "channel"}
        return Address(PLATFORM, str(self.channel), json.dumps(kept))

    @classmethod
    def at(cls, address: Address) -> MessageRef:
        return cls(int(address.chat), **json.loads(address.message))

    def link(self, community: str, *, private: bool = False) -> str:
        """The message's address for people: where it was asked for in a community, and is not private."""
        community = "" if private else community
        return f"https://discord.com/channels/{community or '@me'}/{self.channel}/{self.message}"
