"""Views of runs and workflows for the page: plain data, with the words already in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any

from bot.core import status_text
from bot.core.model import (
    Cancelled,
    Delivering,
    Failed,
    Held,
    Paused,
    Person,
    Queued,
    Result,
    Running,
    RunSummary,
    Status,
    StoredFile,
)
from bot.core.platform import (
    Field,
    Form,
    Outcome,
    RunDetails,
    RunRecord,
    State,
    WorkflowOffer,
    main_field,
    one_each,
    size_fields,
)
from bot.i18n import _
from bot.platforms.web.live.hub import Word

_INVITED: ContextVar[tuple[str, str]] = ContextVar("invited", default=("", ""))  # the visitor of a request, and a name
_EXACT = 2**53  # whole numbers beyond it are texts in JSON: a browser would round them


def run_view(run: RunRecord, brief: RunSummary, details: RunDetails, word: Word | None) -> dict[str, Any]:
    """A run as its message shows it."""
    outcome = run.shown if run.state is State.DONE else Outcome()
    return {
        "id": run.id,
        "workflow": run.workflow,
        "title": brief.title,
        "asked": run.asked_at,
        "varies": brief.varies,
        "said": status_text.asked(brief),
        "group": _group_view(run, brief),
        "words": details.words,
        "settings": details.settings,
        "values": values_view(run.written),
        "inputs": [_file_view(run, f"inputs/{name}", file, name) for name, file in run.inputs.items()],
        "files": [_file_view(run, f"files/{number}", file) for number, file in enumerate(outcome.files)],
        "texts": outcome.texts,
        "warnings": outcome.warnings,
        "cancelling": run.cancelled_by is not None and run.ended_at is None,
        **status_view(run.id, status_of(run, word), word),
        **({"line": _times(run)} if run.state is State.DONE else {}),
    }


def values_view(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for a form."""
    return {name: _exact(value) for name, value in values.items()}


def _group_view(run: RunRecord, brief: RunSummary) -> dict[str, Any] | None:
    """The place of a run among those that one request asked for. A step of a recipe may wait `after` another one until
    a result is chosen.
    """
    if run.group_id is None:
        return None
    matrix = run.wording.matrix if run.wording is not None else ""
    view: dict[str, Any] = {"id": run.group_id, "number": run.cell + 1, "count": run.cells, "label": run.label}
    view["matrix"] = matrix
    if run.step is not None:
        chooses = run.state is State.LATER and run.step.take is None
        view |= {"title": brief.whole, "recipe": run.step.recipe, "after": run.step.after if chooses else ""}
        view["kind"], view["failed"] = run.step.kind, run.state is State.FAILED
    return view


def status_of(run: RunRecord, word: Word | None) -> Status | None:
    """The status of a run: from its record once it has ended or is held, until then from the latest news."""
    match run.state:
        case State.DONE:
            return None
        case State.FAILED:
            return Failed(run.sentence or "")
        case State.CANCELLED:
            return Cancelled()
        case State.HELD:
            return Held()
    if word is not None and not (run.state is State.WAITING and isinstance(word.status, Running | Delivering)):
        return word.status
    if run.state in (State.WAITING, State.LATER):
        return Queued(reason=run.reason)
    return Delivering() if run.state is State.DELIVERING else Running()


def status_view(run_id: str, status: Status | None, word: Word | None) -> dict[str, Any]:
    """The part of a run's message that changes while it is developed."""
    view: dict[str, Any] = {"state": "done", "line": "", "fraction": None, "preview": None, "place": None}
    match status:
        case Queued(position=position):
            view |= {"state": "waiting", "line": status_text.describe(status), "place": position}
        case Running(fraction=fraction):
            view |= {"state": "running", "line": _running(status), "fraction": fraction or None}
            if word is not None and status.preview is not None:
                view["preview"] = f"runs/{run_id}/preview?{word.previews}"
        case Delivering():
            view |= {"state": "delivering", "line": status_text.describe(status), "fraction": 1.0}
        case Held():
            view |= {"state": "held", "line": status_text.describe(status)}
        case Paused():
            view |= {"state": "paused", "line": status_text.describe(status)}
        case Failed(sentence=sentence):
            view |= {"state": "failed", "line": sentence}
        case Cancelled():
            view |= {"state": "cancelled", "line": status_text.describe(status)}
    return view


def offer_view(offer: WorkflowOffer, form: Form) -> dict[str, Any]:
    """A workflow as it is picked, and its form: `main` is the text that it is about, and `size` has the two fields for
    a picture's width and height.
    """
    workflow, main, size = offer.workflow, main_field(form), size_fields(form)
    return {
        "name": workflow.id,
        "title": workflow.title or workflow.name,
        "group": workflow.group,
        "description": workflow.description,
        "lacks": offer.lacks,
        "price": _("A run costs {price}.").format(price=offer.price) if offer.price else "",
        "fields": [_field_view(field, several=one_each(form, 2) == field.name) for field in form.fields],
        "takes": list(dict.fromkeys(field.kind.value for field in form.fields if field.is_media)),
        "main": main.name if main is not None and not main.is_rare else "",
        "size": asdict(size) if size is not None and size.ratios else None,
    }


def person_of(person_id: str, languages: str = "") -> Person:
    """The person behind a visitor, with the name under which they were invited; others have none. `languages` are
    those that their browser asks for; the first counts.
    """
    language = languages.partition(",")[0].partition(";")[0].strip()
    known, name = _INVITED.get()
    is_named = bool(name) and known == person_id
    return Person("web", person_id, name if is_named else _("a visitor of the page"), language=language)


def name_visitor(person_id: str, name: str) -> None:
    """Set the name of the visitor whose request is being answered."""
    _INVITED.set((person_id, name))


def _field_view(field: Field, *, several: bool) -> dict[str, Any]:
    low, high = field.seeds if field.seed else (field.minimum, field.maximum)
    return {
        "name": field.name,
        "kind": field.kind.value,
        "title": field.title or field.name.replace("_", " ").replace("-", " ").capitalize(),
        "help": field.help,
        "required": field.required,
        "default": None if field.is_media else _exact(field.default),
        "min": low if low is None or abs(low) < _EXACT else None,
        "max": high if high is None or abs(high) < _EXACT else None,
        "step": field.step,
        "choices": field.choices,
        "unset": field.unset,
        "length": field.max_length,
        "multiline": field.multiline,
        "seed": field.seed,
        **({"mask": True} if field.mask else {}),
        "count": field.asks_count,
        "several": several,
        "more": field.is_rare,
        "range": "" if field.seed else field.range_text,
    }


def _file_view(run: RunRecord, path: str, file: StoredFile, field: str = "") -> dict[str, Any]:
    return {
        "field": field,
        "filename": file.filename,
        "kind": file.kind,
        "url": f"runs/{run.id}/{path}",
        "ref": f"{run.id}/{path}",
    }


def _running(status: Running) -> str:
    if not status.fraction and status.node is None:
        return _("Developing…")
    return status_text.running(status)


def _times(run: RunRecord) -> str:
    nothing_new = run.shown.nothing_new
    values: Mapping[str, Any] = run.values
    return status_text.times(
        Result(run.id, run.workflow, values, nothing_new=nothing_new, waited=run.waited, took=run.took)
    )


def _exact(value: Any) -> Any:
    is_long = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT
    return str(value) if is_long else value
