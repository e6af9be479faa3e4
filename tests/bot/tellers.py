"""A chat of operators for tests."""

from __future__ import annotations

from bot.core.errors import DeliveryFailed
from tests.bot.harness import RecordingPlatform


class Teller(RecordingPlatform):
    """A platform that keeps what operators were told, and refuses it as long as a test says."""

    def __init__(self, name: str = "test") -> None:
        super().__init__(name)
        self.told: list[tuple[str, str]] = []
        self.tries = 0
        self.closed = False

    async def tell(self, person: str, text: str) -> None:
        self.tries += 1
        if self.closed:
            raise DeliveryFailed("the chat was never opened")
        self.told.append((person, text))
        await self.note()
