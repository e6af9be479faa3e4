"""The money of one attempt: what its person agreed to, and whether a server may have charged for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from bot.core.errors import CannotRun
from bot.core.execution.leased import AttemptLost
from bot.core.retry import Pauses, retry
from bot.core.run import RunRecord
from bot.core.runs.prices import declared_price
from bot.core.runs.repository import RunRepository
from bot.core.status_text import cost
from bot.i18n import _
from comfy.errors import (
    CertificateRefused,
    ComfyError,
    PromptLost,
    PromptRejected,
    ServerUnavailable,
    UnexpectedAnswer,
    WorkerWedged,
    WrongScheme,
)
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt

_T = TypeVar("_T")
_CENT = 0.05  # credits: less is shown nowhere
_FINAL = (PromptLost, WorkerWedged, CertificateRefused, WrongScheme)  # waiting for the server helps with none of these
_TRIES = 22  # of a server that is away: ten minutes in all for one that is given up after ten seconds

#: Repeats a write until the database takes it.
Writer = Callable[[Callable[[], Awaitable[bool]]], Awaitable[bool]]


class Payment:
    """A run that costs money is posted once. `posted` says that this attempt, or an earlier one, may have done so."""

    def __init__(self, run: RunRecord, records: RunRepository, written: Writer, patience: float) -> None:
        """`patience` is the number of seconds after which a server that is away is given up for other runs."""
        self._run, self._records, self._written = run, records, written
        self._pauses = Pauses(patience / 5, patience * 3, _TRIES)
        self.posted = run.posted_at is not None

    async def authorize(self, prompt: Prompt, info: ObjectInfo) -> None:
        """Record that a server may charge from now on. Raises `CannotRun` if the prompt costs more than was agreed, or
        nothing is known of its price any longer: its workflow, or its server, may have changed since. Raises
        `AttemptLost`.
        """
        agreed, price = self._run.price, await declared_price([(prompt, info)])
        if agreed is None or (agreed.declared if price is None else price.high > agreed.high + _CENT):
            raise CannotRun(
                _("This may cost more than it did when you asked for it, so it did not run. Please ask again.")
            )
        if not await self._written(partial(self._records.post, self._run)):
            raise AttemptLost
        self.posted = True

    async def take_back(self) -> None:
        """Record that the server never began the prompt, and so charged nothing."""
        if self.posted:
            await self._written(partial(self._records.post, self._run, posted=False))
            self.posted = False

    async def refused(self, fault: ComfyError) -> None:
        """Take it back if the prompt was certainly not taken: it was refused, or never arrived."""
        if isinstance(fault, UnexpectedAnswer):
            certain = fault.status is not None and 300 <= fault.status < 500
        else:
            certain = isinstance(fault, PromptRejected) or (isinstance(fault, ServerUnavailable) and fault.unsent)
        if certain:
            await self.take_back()

    async def patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask a server, and wait for minutes if it is away while it has a prompt that was paid for."""
        if not self.posted:
            return await ask()

        def wish(fault: ServerUnavailable) -> float:
            if isinstance(fault, _FINAL):
                raise fault
            return 0.0

        what = f"run {self._run.id} waits for its server, because it may have been paid for"
        return await retry(ask, ServerUnavailable, self._pauses, what, wish)

    def in_vain(self, why: str) -> str:
        """Return the end of a run that may have cost money for nothing."""
        most = cost(self._run.price) if self._run.price is not None else _("money")
        words = _("{why} It may have cost up to {price}, so it is not started again by itself.")
        return words.format(why=why, price=most)
