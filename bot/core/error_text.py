"""Turn an exception into one sentence for the person, without paths or tracebacks."""

from __future__ import annotations

import re

from bot.core.errors import BadResult, ConfigError, DeliveryFailed, StorageFailed, UserError, WorkerFailed
from bot.core.status_text import duration
from bot.i18n import _
from comfy.errors import (
    AnswerTooLarge,
    CertificateRefused,
    ComfyError,
    ExecutionFailed,
    FileMissing,
    FileRefused,
    HistoryCleared,
    NodeError,
    PicturesLost,
    PromptInterrupted,
    PromptLost,
    PromptRejected,
    PromptRemoved,
    Redirected,
    ServerUnavailable,
    TimeLimitReached,
    TooLarge,
    UnexpectedAnswer,
    UploadFailed,
    WebPage,
    WorkerWedged,
    WrongScheme,
)
from comfy.prompt import Prompt

_READ, _LONGEST = 2000, 240  # characters of the server's message that are looked at, and that are told
_MOST = 3  # nodes named in one sentence
_QUOTED_PATH = re.compile(r"""(?P<quote>['"])(?:[A-Za-z]:)?[\\/][^'"\n]*[\\/](?P<name>[^'"\\/\n]*)(?P=quote)""")
_PATH = re.compile(r"""(?<![\w.:/\\])(?:[A-Za-z]:)?[\\/]+(?:[^\s'"\\/:]+[\\/]+)*""")
_INTERNAL = r"(?:internal|intranet|local|localdomain|lan|home|corp)"  # names of networks that are not everyone's
_ADDRESS = re.compile(
    r"\b\w+://\S+"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d{1,5}\b)?"
    r"|\[[0-9a-f:]*:[0-9a-f:]*\](?::\d{1,5}\b)?"
    rf"|(?:\blocalhost|(?<![\w-])(?<![\w-]\.)[\w-]+(?:\.[\w-]+)*\.{_INTERNAL})\b(?::\d{{1,5}}\b)?",
    re.IGNORECASE,
)
_OUT_OF_MEMORY = re.compile(
    r"out ?of ?memory|allocation on device|not enough memory|allocate memory|unable to allocate|memoryerror",
    re.IGNORECASE,
)


def explain(error: BaseException, run_id: str | None, prompt: Prompt | None = None) -> str:
    """Return one sentence for the error that ended a run; for a bug of ours, only the run's ID. Without an ID, the
    reader is at the terminal, and can see the log.
    """
    match error:
        case UserError() | BadResult() | DeliveryFailed() | StorageFailed() | WorkerFailed() | ConfigError():
            return str(error)
        case ExecutionFailed():
            return _failed(error, prompt)
        case PromptRejected():
            return _rejected(error, prompt)
        case ServerUnavailable() if run_id is None and type(error) is ServerUnavailable:
            return _("No server answers at this address. Is ComfyUI running there, and is the address right?")
        case ComfyError():
            return _by_class(error)
        case _ if run_id is None:
            words = _("Something went wrong: {error}. “darkroom --debug” before the command shows more.")
            return words.format(error=f"{type(error).__name__}: {error}".rstrip(".: "))
        case _:
            return _("Something went wrong on our side. Please give the operator this run ID: {run}.").format(
                run=run_id
            )


def in_log(error: BaseException) -> str:
    """Describe the error that ended a run for a log: without what the server or we quote of the person's words."""
    kind = type(error).__name__
    match error:
        case ExecutionFailed():
            return f"{kind}: {error.exception_type or 'an error'} in {error.class_type} (node {error.node_id})"
        case PromptRejected():
            at = ", ".join(f"{each.type} at {each.class_type} (node {each.node_id})" for each in error.node_errors)
            return f"{kind}: {at or error.type}"
        case ComfyError() | DeliveryFailed() | StorageFailed() | WorkerFailed():
            return f"{kind}: {error}".splitlines()[0]
        case _:
            return kind


def is_out_of_memory(error: BaseException) -> bool:
    """True if a server had not enough memory for a run. An encoder says the same of a sound of no length."""
    if not isinstance(error, ExecutionFailed) or error.exception_type.startswith("av."):
        return False
    return bool(_OUT_OF_MEMORY.search(f"{error.exception_type} {error.message}"))


def trouble(error: Exception, server: str) -> str:
    """The reason why a run waits again. A server without a name of its own is called by its address, which is not
    people's business, so it stays out.
    """
    match error:
        case HistoryCleared():
            words = _("The server {server} lost the result, because someone cleared its history.")
        case PromptLost():
            words = _("The server {server} restarted and lost the run.")
        case WorkerWedged():
            words = _("The server {server} seems stuck.")
        case ExecutionFailed():
            words = _("The server {server} ran out of memory, and has unloaded its models. This is tried once more.")
        case FileMissing():
            words = _("The server {server} lost the result.")
        case UploadFailed():
            words = _("The server {server} could not save the file.")
        case PicturesLost():
            words = _("The connection to the server {server} was lost while it sent the result.")
        case CertificateRefused():
            words = _("The certificate of the server {server} cannot be verified.")
        case WrongScheme():
            words = _("The server {server} does not speak http or https as its address says.")
        case _:
            words = _("The server {server} cannot be reached.")
    named = "" if "." in server or ":" in server else server
    return " ".join(words.format(server=named).split())


def went_away(node: str, count: int) -> str:
    """The end of a run at which servers went away while they worked on it, in the last of so many attempts."""
    words = _("The server stopped answering while it worked on this, in the last of {count} attempts.")
    if node:
        words = _("The server stopped answering while it worked on “{node}”, in the last of {count} attempts.")
    return f"{words.format(node=node, count=count)} {_('Please tell the operator.')}"


def _by_class(error: ComfyError) -> str:
    match error:
        case PromptRemoved():
            return _("The run was removed from the server's queue before it started. Please try again.")
        case PromptInterrupted():
            return _("The run was stopped on the server. Please try again.")
        case HistoryCleared():
            return _("Someone cleared the server's history, and the result with it. Please try again.")
        case PromptLost():
            return _("The server restarted during the run and lost it. Please try again.")
        case WorkerWedged():
            return _(
                "The server made no progress for {seconds:.0f} seconds, so the run was stopped. Please try again."
            ).format(seconds=error.seconds)
        case TimeLimitReached():
            return _time_limit(error.seconds)
        case CertificateRefused():
            words = _(
                "The certificate of the ComfyUI server cannot be verified: {reason}. The operator should fix it, "
                "or set {setting} if that is safe."
            )
            return words.format(reason=error.reason or _("it gave no reason"), setting="COMFYUI_VERIFY_TLS=no")
        case WrongScheme(right=right):
            words = _(
                "The ComfyUI server speaks {right}, but its address says {wrong}. "
                "The operator should begin the address with {right}://."
            )
            return words.format(right=right, wrong="http" if right == "https" else "https")
        case ServerUnavailable():
            return _("The ComfyUI server cannot be reached right now. Please try again later.")
        case TooLarge():
            return _("The file is too large for the server. Please try a smaller one.")
        case FileMissing():
            return _("The server does not have the file that it made. Please tell the operator.")
        case PicturesLost(paid=True):
            return _(
                "The server made the result, but the connection was lost while it sent it, so the result is lost. "
                "It is not made again by itself, because this workflow costs money. Run it again to pay for it again."
            )
        case PicturesLost():
            return _("The connection to the server was lost while it sent the result. Please try again.")
        case _:
            return _unexpected(error)


def _time_limit(seconds: float) -> str:
    words = _(
        "The run took longer than the {limit} that it may take, and was stopped. Try a smaller picture, fewer steps or "
        "a shorter film."
    )
    return words.format(limit=duration(seconds))


def _unexpected(error: ComfyError) -> str:
    """Describe an answer that is not ComfyUI's."""
    match error:
        case AnswerTooLarge(is_file=True):
            words = _("The result is larger than {limit:g} MB. The operator can allow more with {setting}.")
            return words.format(limit=error.most / 1e6, setting="DARKROOM_MAX_RESULT_MB")
        case AnswerTooLarge():
            words = _("The ComfyUI server answers with more than {limit:g} MB. The operator should look at the server.")
            return words.format(limit=error.most / 1e6)
        case FileRefused(filename=name):
            words = _(
                "The server does not hand out a result that is called “{name}”. "
                "The workflow's author should choose another name, without “..” and “/”."
            )
            return words.format(name=without_paths(name))
        case UploadFailed(status=status):
            words = _(
                "The ComfyUI server could not save the file (error {status}). The operator should check whether the "
                "disk with its input folder is full."
            )
            return words.format(status=status)
        case WebPage(title=title):
            words = _(
                "A web page{title} answers at the address of the ComfyUI server. The operator should check the "
                "address, and what is in front of the server."
            )
            return words.format(title=f" (“{without_paths(title)}”)" if title else "")
        case Redirected(target=target, moved=False) if target:
            words = _("The ComfyUI server redirects to {address}. The operator should check what is in front of it.")
            return words.format(address=target)
        case Redirected(target=target) if target:
            return _("The ComfyUI server redirects to {address}. The operator should use that address.").format(
                address=target
            )
        case UnexpectedAnswer(status=401 | 403):
            return _("The ComfyUI server refuses access. The operator should check its token.")
        case UnexpectedAnswer(status=429):
            return _("The ComfyUI server has too many requests right now. Please try again later.")
        case UnexpectedAnswer(status=int(status)) if status >= 500:
            return _("The ComfyUI server answers with error {status}. Please try again later.").format(status=status)
        case _:
            return _(
                "The ComfyUI server's address does not answer like ComfyUI. The operator should check the address."
            )


def _failed(error: ExecutionFailed, prompt: Prompt | None) -> str:
    node = _title(error.node_id, error.class_type, prompt)
    if is_out_of_memory(error):
        words = _("The server ran out of memory at “{node}”. Try a smaller size, or less at once.")
        return words.format(node=node)
    reason, kind = without_paths(error.message), error.exception_type.rpartition(".")[2]
    if reason and (" " in reason or not kind):
        return _("“{node}” failed: {reason}").format(node=node, reason=reason)
    if reason:  # a single word, such as the key of a KeyError
        return _("“{node}” failed: {reason} ({kind})").format(node=node, reason=reason, kind=kind)
    return _("“{node}” failed without a reason ({kind}).").format(node=node, kind=kind)


def _rejected(error: PromptRejected, prompt: Prompt | None) -> str:
    reasons = [_node_reason(fault, prompt) for fault in error.node_errors[:_MOST]]
    if len(error.node_errors) > _MOST:
        reasons.append(_("and {count} more").format(count=len(error.node_errors) - _MOST))
    reason = "; ".join(reasons) or without_paths(error.message) or _("it gave no reason")
    return _("The server refused this workflow: {reason}").format(reason=reason)


def _node_reason(fault: NodeError, prompt: Prompt | None) -> str:
    words = ": ".join(part for part in (fault.message, fault.details) if part)
    return f"“{_title(fault.node_id, fault.class_type, prompt)}”: {without_paths(words)}"


def warning(fault: NodeError, prompt: Prompt | None = None) -> str:
    """Describe an error in a branch that the server left out of the run."""
    return _("A part of the workflow was left out. {reason}").format(reason=_node_reason(fault, prompt))


def _title(node_id: str, class_type: str, prompt: Prompt | None) -> str:
    if prompt is not None and node_id in prompt:
        return prompt[node_id].title
    return class_type or _("a node")


def without_paths(text: str) -> str:
    """Return the first line of the server's message, without folders and addresses, and not too long."""
    line = next((line.strip() for line in text.lstrip()[:_READ].splitlines() if line.strip()), "")
    line = _ADDRESS.sub("…", line)
    line = _QUOTED_PATH.sub(r"\g<quote>\g<name>\g<quote>", line)
    line = _PATH.sub("", line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"
