"""What the requester did wrong. The text of each is a whole sentence for that person, and is shown as it is.

UserError
├── UnknownWorkflow
├── NotAllowed          by which rule
├── BadValue            which field, why, what would do
├── BadPicture          why this file cannot be taken
├── CannotRun           what the server lacks for this workflow
└── TooMany             which limit, and when it is over

ConfigError             the operator's: every fault of the settings in one message
DeliveryFailed          the platform refused or lost the message
└── NotNow              there was no room for a status just now
StorageFailed           a file or a record could not be kept, or is gone
└── StorageAway         just now: the disk is full, or the database is away
WorkerFailed            work in a process of its own came to nothing
├── WorkerTimedOut      it took too long, and was ended
├── WorkerOutOfMemory   it wanted more memory than there is for it
└── WorkerDied          its process ended, or was ended
"""

from __future__ import annotations


class UserError(Exception):
    """Something that the requester can put right."""


class UnknownWorkflow(UserError):
    pass


class NotAllowed(UserError):
    pass


class BadValue(UserError):
    """A field's value will not do. `reason` says why and what would do; `field` is the field's name."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class BadPicture(UserError):
    """A picture that cannot be taken. `field` is the field that it was given for, where that is known."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class CannotRun(UserError):
    pass


class TooMany(UserError):
    pass


class ConfigError(Exception):
    """The settings are at fault; the message has a line for each fault."""


class DeliveryFailed(Exception):
    """The platform did not take the result. The text is a sentence for the requester."""


class NotNow(DeliveryFailed):
    """A platform has no room for a status just now; the same may be shown in a moment: `after` so many seconds, where
    the platform knows.
    """

    def __init__(self, words: str = "", after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


class StorageFailed(Exception):
    """Something could not be kept, or is gone. The text is a sentence for the requester."""


class StorageAway(StorageFailed):
    """Nothing can be kept just now: the disk is full, or the database is away. What was accepted waits until it can."""


class WorkerFailed(Exception):
    """A task of the pool of processes came to nothing. The text is a sentence for the requester."""


class WorkerTimedOut(WorkerFailed):
    pass


class WorkerOutOfMemory(WorkerFailed):
    pass


class WorkerDied(WorkerFailed):
    pass
