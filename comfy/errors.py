"""The errors of the client.

    ComfyError
    ├── ServerUnavailable           cannot be reached, or stopped answering: try again
    │   ├── CertificateRefused      its TLS certificate cannot be verified
    │   ├── WrongScheme             it speaks https where the address says http, or the reverse
    │   ├── PromptLost              the server no longer has the prompt (it restarted)
    │   │   └── HistoryCleared      it did not restart: someone cleared its history
    │   └── WorkerWedged            a prompt "runs", but makes no progress
    ├── PromptRejected              the prompt is invalid, and nothing was executed
    ├── ExecutionFailed             a node failed while it ran
    ├── TimeLimitReached            it ran for longer than it may
    ├── PicturesLost                it ran, but not all pictures that it sent have come
    ├── PromptInterrupted           someone stopped it
    │   └── PromptRemoved           someone removed it from the queue before it ran
    └── UnexpectedAnswer            the answer is not ComfyUI's
        ├── Garbled                 the body is not ComfyUI's: try again
        │   └── WebPage             a web page came instead
        ├── FileMissing             /view has no such file
        ├── FileRefused             /view has the file, but does not hand out a file of this name
        ├── UploadFailed            the server could not save an uploaded file: its disk may be full
        ├── Redirected              the server redirects to another address
        ├── AnswerTooLarge          the answer is larger than this client takes
        └── TooLarge                the request is too large for the server

`comfy.retry` knows which errors are worth another try. The text of an error is for a log. It never contains tracebacks,
server paths or input values.
"""

from __future__ import annotations

import copyreg
from dataclasses import dataclass
from typing import Any

_LONGEST = 10_000  # characters of a node's message: some put all their input there


class ComfyError(Exception):
    """The base of all errors of this package. All of them can be pickled.

    `retry_after` is the number of seconds after which the server wants the next try, if it says so.
    """

    retry_after: float | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ServerUnavailable(ComfyError):
    """The server cannot be reached, closed the connection, or takes too long to answer.

    `unsent` is True if the request certainly never reached it.
    """

    unsent = False


class CertificateRefused(ServerUnavailable):
    """The server's TLS certificate cannot be verified: see `Server.verify_tls`. `reason` says why, as OpenSSL does."""

    reason = ""


class WrongScheme(ServerUnavailable):
    """The server speaks the other one of http and https than its address says. `right` is the one that it speaks."""

    unsent = True

    def __init__(self, message: str, right: str) -> None:
        super().__init__(message)
        self.right = right


class PromptLost(ServerUnavailable):
    """The server no longer knows a prompt that it had accepted: it restarted, or its history was cleared."""

    def __init__(self, prompt_id: str) -> None:
        super().__init__(f"the server no longer knows prompt {prompt_id}: it restarted, or its history was cleared")
        self.prompt_id = prompt_id


class HistoryCleared(PromptLost):
    """The prompt ran, and the server did not restart, but its history does not have the prompt: someone cleared it."""


class WorkerWedged(ServerUnavailable):
    """The prompt seems to run, but has made no progress for longer than `Server.stall_limit`."""

    def __init__(self, prompt_id: str, seconds: float) -> None:
        super().__init__(f"prompt {prompt_id} has been running for {seconds:.0f} s without any progress")
        self.prompt_id = prompt_id
        self.seconds = seconds


class TimeLimitReached(ComfyError):
    """The prompt has been running for longer than `PromptLimits` or `Server.time_limit` allow."""

    def __init__(self, prompt_id: str, seconds: float) -> None:
        super().__init__(f"prompt {prompt_id} has been running for {seconds:.0f} s, which is longer than it may")
        self.prompt_id = prompt_id
        self.seconds = seconds


@dataclass(frozen=True)
class NodeError:
    """A validation error at a node: its `type`, and the server's message."""

    node_id: str
    class_type: str
    type: str
    message: str
    details: str = ""
    input_name: str | None = None

    def __str__(self) -> str:
        return f"{self.class_type} (node {self.node_id}): {self.message}" + (
            f": {self.details}" if self.details else ""
        )


class PromptRejected(ComfyError):
    """The prompt did not pass validation, here or at the server.

    `type` is ComfyUI's (`missing_node_type`, `prompt_outputs_failed_validation`, …), or `invalid_structure` if the
    prompt was not sent at all.
    """

    def __init__(self, type_: str, message: str, node_errors: tuple[NodeError, ...] = ()) -> None:
        super().__init__("; ".join([message, *map(str, node_errors)]))
        self.type = type_
        self.message = message
        self.node_errors = node_errors


class ExecutionFailed(ComfyError):
    """A node raised an exception while it ran."""

    def __init__(self, node_id: str, class_type: str, exception_type: str, message: str) -> None:
        message = message.strip()[:_LONGEST]
        super().__init__(f"{class_type} (node {node_id}) failed: {message}")
        self.node_id = node_id
        self.class_type = class_type
        self.exception_type = exception_type
        self.message = message


class PicturesLost(ComfyError):
    """A node sent its pictures while the connection was lost. The server does not keep them, so they have to be made
    again.

    `paid` is True if the prompt has nodes that cost money.
    """

    paid = False


class PromptInterrupted(ComfyError):
    """The prompt was stopped while it ran, by this client or by another user of the server."""

    def __init__(self, prompt_id: str) -> None:
        super().__init__(f"prompt {prompt_id} was stopped")
        self.prompt_id = prompt_id


class PromptRemoved(PromptInterrupted):
    """The prompt was removed from the queue before it ran."""


class UnexpectedAnswer(ComfyError):
    """The status or the body of the answer is not ComfyUI's."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Garbled(UnexpectedAnswer):
    """The body is not ComfyUI's: for example, a proxy's web page, or an incomplete answer."""


class WebPage(Garbled):
    """A web page came instead of ComfyUI's answer. `title` is the page's, and may be empty."""

    def __init__(self, message: str, status: int | None = None, title: str = "") -> None:
        super().__init__(message, status)
        self.title = title


class FileRefused(UnexpectedAnswer):
    """The server made a file under a name that `/view` refuses, such as "a..b.png". `filename` is that name."""

    def __init__(self, message: str, status: int, filename: str) -> None:
        super().__init__(message, status)
        self.filename = filename


class UploadFailed(UnexpectedAnswer):
    """The server could not save an uploaded file (500 or 507): the disk with its input folder may be full."""


class FileMissing(UnexpectedAnswer):
    """`/view` does not have the file: it was deleted, or never written."""


class Redirected(UnexpectedAnswer):
    """The server redirects to another address. The client does not follow, because its headers are for this server.

    `target` is that address without secrets; empty if there is none. If it `moved`, the whole
    server is there, and `target` can be used instead of the old address.
    """

    def __init__(self, message: str, status: int, target: str, moved: bool = True) -> None:
        super().__init__(message, status)
        self.target, self.moved = target, moved

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.status, self.target, self.moved)


class AnswerTooLarge(UnexpectedAnswer):
    """An answer is larger than this client takes. `most` is the limit in bytes; see `Server.largest_file`."""

    def __init__(self, message: str, most: int, *, is_file: bool = False) -> None:
        super().__init__(message)
        self.most, self.is_file = most, is_file


class TooLarge(UnexpectedAnswer):
    """The request is larger than the server accepts (`--max-upload-size`)."""
