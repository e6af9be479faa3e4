"""Troubles of a process, each with words that say what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Weight(Enum):
    """The meaning of a trouble for `/readyz`, which everybody can read."""

    FAULT = auto()  #: a request that is made now may not be answered
    REMARK = auto()  #: the process works, and its operator should know
    QUIET = auto()  #: it is only for the operator


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: its kind and the one that has it, which together stay the same while it lasts.

    Its operator is told once it has lasted so many seconds of `patience`, with a `detail` that is for no one else.
    """

    kind: str
    subject: str
    words: str
    weight: Weight = Weight.FAULT
    patience: float = 0.0
    detail: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject
