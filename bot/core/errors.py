"""The errors that people see. The text of each is a complete sentence for the person, and is shown as it is.

UserError
├── UnknownWorkflow
├── NotAllowed          by which rule
├── LinkRefused         why a link does not work
├── BadValue            which field, why, and what is allowed
│   └── BadValues       several of these, and of files
├── BadPicture          why this file cannot be used
├── BadWorkflowFile     which file, and why it is no workflow
├── EditedMeanwhile     what was changed by somebody else, and what to do
├── CannotRun           what the server lacks for this workflow
└── TooMany             which limit, and when to try again

ConfigError             for the operator: all mistakes in the settings, in one message
DeliveryFailed          the platform refused or lost the message
├── NotNow              there was no room for a status just now
├── PlatformAway        the platform cannot be reached just now
└── MessageGone         the message of the run was deleted
BadResult               what the server made cannot be delivered
StorageFailed           a file or a record could not be kept, or is gone
└── StorageAway         just now: the disk is full, or the database is away
    └── DiskFull        there is no room for a file
HookFailed              for the operator: a command or an address of theirs did not do its work
WorkerFailed            work in a process of its own came to nothing
├── WorkerTimedOut      it took too long, and was ended
├── WorkerOutOfMemory   it wanted more memory than there is for it
└── WorkerDied          its process ended, or was ended
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.i18n import _


class UserError(Exception):
    """An error that the person can correct."""


class UnknownWorkflow(UserError):
    pass


class NotAllowed(UserError):
    pass


class LinkRefused(UserError):
    """A link is forged, old, used or another browser's."""


class BadValue(UserError):
    """The value of a field is not allowed. `reason` says why and what is allowed; `field` is the field's name."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason

    @property
    def each(self) -> tuple[BadValue | BadPicture, ...]:
        """The faults one by one."""
        return (self,)


class DeniedValue(BadValue):
    """A rule of moderators denies a value, such as a model."""


class BadWorkflowFile(UserError):
    """A file cannot be used as a workflow."""


class BadPicture(UserError):
    """A picture cannot be used. `field` is the field that it is for, if that is known."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class BadValues(BadValue):
    """Several values are not allowed. The text has a line for each; `field` and `reason` are those of the first."""

    def __init__(self, faults: Sequence[BadValue | BadPicture]) -> None:
        super().__init__(faults[0].field, faults[0].reason)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))

    @property
    def each(self) -> tuple[BadValue | BadPicture, ...]:
        return self.faults


def all_of(faults: Sequence[BadValue | BadPicture]) -> BadValue | BadPicture:
    """One error for all these faults: the fault itself if there is only one."""
    return faults[0] if len(faults) == 1 else BadValues(faults)


class EditedMeanwhile(UserError):
    """Files have changed since they were read, so nothing was written over them."""


class CannotRun(UserError):
    pass


class TooMany(UserError):
    pass


class ConfigError(Exception):
    """The settings are wrong; the message has one line for each mistake."""


class DeliveryFailed(Exception):
    """The platform did not accept the result. The text is a sentence for the person."""


class NotNow(DeliveryFailed):
    """The platform cannot take a status right now. Try it again later: `after` so many seconds, if the platform says
    so.
    """

    def __init__(self, words: str = "", after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


class PlatformAway(DeliveryFailed):
    """The platform cannot be reached just now. A result waits for it, for hours if it must."""


class MessageGone(DeliveryFailed):
    """A person deleted the message of a run, which is cancelled then: nothing is posted in its place."""

    def __init__(self) -> None:
        super().__init__(_("The message of this run was deleted."))


class BadResult(Exception):
    """A result is empty, or not what its name says. The text is a sentence for the person."""


class StorageFailed(Exception):
    """Something could not be kept, or is gone. The text is a sentence for the requester."""


class StorageAway(StorageFailed):
    """Nothing can be kept just now: the disk is full, or the database is away. What was accepted waits until it can."""


class DiskFull(StorageAway):
    """There is no room on the disk for a file."""


class WorkerFailed(Exception):
    """A task of the pool of processes came to nothing. The text is a sentence for the requester."""


class WorkerTimedOut(WorkerFailed):
    pass


class WorkerOutOfMemory(WorkerFailed):
    pass


class WorkerDied(WorkerFailed):
    pass


class HookFailed(Exception):
    """A hook of a server failed. The text says why, without the hook, which may have secrets in it."""
