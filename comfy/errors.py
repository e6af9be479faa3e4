"""What can go wrong between a prompt and its outputs.

    ComfyError
    ├── ServerUnavailable           cannot be reached, or stopped answering: may be tried again
    │   ├── CertificateRefused      its TLS certificate cannot be verified
    │   ├── PromptLost              the server came back without the prompt (it was restarted)
    │   └── WorkerWedged            a prompt "runs", but nothing has moved for too long
    ├── PromptRejected              the prompt is at fault: nothing was executed
    ├── ExecutionFailed             a node failed while it ran
    ├── PromptInterrupted           someone stopped it
    │   └── PromptRemoved           somebody took it out of the queue before it ran
    └── UnexpectedAnswer            the server said something that ComfyUI would not say
        ├── Garbled                 the body has no form that ComfyUI gives it: may be tried again
        ├── FileMissing             /view has no such file
        ├── Redirected              the server sends us to another address
        └── TooLarge                the server takes no request of this size

`comfy.retry` knows which of them are worth another try. The text of an error is for a log; it never holds tracebacks,
the server's paths or the values of inputs.
"""

from __future__ import annotations

import copyreg
from dataclasses import dataclass
from typing import Any


class ComfyError(Exception):
    """Anything that this package raises on purpose. It can be pickled, whatever its class is made from.

    `retry_after` are the seconds after which the server wants to be asked again, where it says so.
    """

    retry_after: float | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ServerUnavailable(ComfyError):
    """The server cannot be reached, closed the connection, or takes too long to answer.

    `unsent` says that the request certainly never reached it.
    """

    unsent = False


class CertificateRefused(ServerUnavailable):
    """The server may be there, but its TLS certificate cannot be verified: see `Server.verify_tls`."""


class PromptLost(ServerUnavailable):
    """The server knows nothing of a prompt that it had taken: it was restarted, or its history was wiped."""

    def __init__(self, prompt_id: str) -> None:
        super().__init__(f"the server no longer knows prompt {prompt_id}: it was restarted, or its history was cleared")
        self.prompt_id = prompt_id


class WorkerWedged(ServerUnavailable):
    """The prompt is said to be running, but nothing has moved for longer than `Server.stall_limit`."""

    def __init__(self, prompt_id: str, seconds: float) -> None:
        super().__init__(f"prompt {prompt_id} has been running for {seconds:.0f} s without any progress")
        self.prompt_id = prompt_id
        self.seconds = seconds


@dataclass(frozen=True)
class NodeError:
    """One fault that validation found at a node: its kind (`type`), and the server's own words for it."""

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

    `type` is ComfyUI's own (`missing_node_type`, `prompt_outputs_failed_validation`, …), or `invalid_structure` when
    the prompt was not sent at all.
    """

    def __init__(self, type_: str, message: str, node_errors: tuple[NodeError, ...] = ()) -> None:
        super().__init__("; ".join([message, *map(str, node_errors)]))
        self.type = type_
        self.message = message
        self.node_errors = node_errors


class ExecutionFailed(ComfyError):
    """A node raised an exception while it ran."""

    def __init__(self, node_id: str, class_type: str, exception_type: str, message: str) -> None:
        super().__init__(f"{class_type} (node {node_id}) failed: {message.strip()}")
        self.node_id = node_id
        self.class_type = class_type
        self.exception_type = exception_type
        self.message = message.strip()


class PromptInterrupted(ComfyError):
    """The prompt was stopped while it ran, by us or by anyone else with access to the server."""

    def __init__(self, prompt_id: str) -> None:
        super().__init__(f"prompt {prompt_id} was stopped")
        self.prompt_id = prompt_id


class PromptRemoved(PromptInterrupted):
    """The prompt was taken out of the queue before it ran."""


class UnexpectedAnswer(ComfyError):
    """The server answered with a status or a body that is not ComfyUI's."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Garbled(UnexpectedAnswer):
    """The body has no form that ComfyUI gives it: a page of a proxy, or an answer that was cut."""


class FileMissing(UnexpectedAnswer):
    """`/view` knows no such file: it was deleted, or it never was written."""


class Redirected(UnexpectedAnswer):
    """The server sends us to another address, where we do not go: our headers are for this one.

    `target` is that address without user, password, query and fragment; empty where it names none.
    """

    def __init__(self, message: str, status: int, target: str) -> None:
        super().__init__(message, status)
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.status, self.target)


class TooLarge(UnexpectedAnswer):
    """The request is larger than the server accepts (`--max-upload-size`)."""
