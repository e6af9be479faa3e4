"""Troubles of a process, each with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from bot.i18n import _


class Weight(Enum):
    """The meaning of a trouble for `/readyz`, which everybody can read."""

    FAULT = auto()  #: a request that is made now may not be answered
    REMARK = auto()  #: the process works, and its operator should know
    QUIET = auto()  #: it is only for the operator


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: its kind and the one that has it, which together stay the same while it lasts.

    Its operator is told once it has lasted so many seconds of `patience`, with a `detail` and an `advice`, what to do
    about it, that are for no one else.
    """

    kind: str
    subject: str
    words: str
    weight: Weight = Weight.FAULT
    patience: float = 0.0
    detail: str = ""
    advice: str = ""

    @property
    def for_operators(self) -> str:
        """All of it, in one line."""
        first = f"{self.words}." if self.advice and not self.detail and self.words[-1:] not in ".!?" else self.words
        return " ".join(filter(None, (first, self.detail, self.advice)))

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject


def database_trouble(patience: float = 0.0) -> Trouble:
    """The trouble while the database does not answer."""
    advice = _("See that it runs, and that there is room on its disk.")
    return Trouble("database", "", _("the database does not answer"), patience=patience, advice=advice)
