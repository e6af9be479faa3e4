"""Draws the results that moderators have to look at, as a grid: see, yes and no."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core import status_text
from bot.core.model import RunSummary, StoredFile
from bot.core.platform import Outcome, RunRecord
from bot.i18n import _, ngettext
from bot.platforms.web.admin.faces import whom
from bot.platforms.web.admin.html import Child, Html, el, group
from bot.platforms.web.admin.inputs import Inputs
from bot.platforms.web.admin.parts import moment
from bot.platforms.web.admin.places.frame import Frame, form, link, section

Summary = Callable[[RunRecord], RunSummary]


def reviews(
    frame: Frame,
    held: Sequence[RunRecord],
    reported: Sequence[tuple[RunRecord, int]],
    title: Callable[[str], str],
    summary: Summary,
) -> Html:
    """The results that wait for approval, and those that members have reported; no one is told by whom."""
    keys = el("p", _("Keys on a result: S to see it large, Y for yes, N for no, arrows to the next."), class_="about")
    waiting = [_held(frame, run, title(run.workflow), summary(run)) for run in held]
    told = [_reported(frame, run, count, title(run.workflow), summary(run)) for run, count in reported]
    nothing, no_report = _("Nothing is waiting for approval."), _("No one has reported a result.")
    close = el("button", _("Close"), class_="button", value="close")
    large = el("dialog", el("form", close, method="dialog"), el("div"), class_="ctl-large", aria_label=_("The result"))
    return group(
        section(frame, "held", _("Waiting for approval"), keys if waiting else None, _grid(waiting, nothing)),
        section(frame, "reported", _("Reported by members"), _grid(told, no_report)),
        large,
    )


def _grid(cards: Sequence[Html], nothing: str) -> Html:
    if not cards:
        return el("p", nothing, class_="about")
    return el("div", *cards, class_="ctl-grid", data_review=True)


def _held(frame: Frame, run: RunRecord, title: str, brief: RunSummary) -> Html:
    yet = "" if run.to_review else _("It has not run yet.")
    yes, no = _("Approve"), _("Refuse")
    reason = Inputs("held").text("reason", _("Reason, if you refuse"), maxlength="300")
    acts = form(
        frame,
        el("button", yes, name="act", value="approve", class_="button act", aria_label=f"{yes}: {title}", data_key="y"),
        el("button", no, name="act", value="refuse", class_="button", aria_label=f"{no}: {title}", data_key="n"),
        el("details", el("summary", _("Reason…")), reason),
        run=run.id,
        class_="buttons",
    )
    return _card(frame, run, run.to_review, (title, brief, yet), "held", acts)


def _reported(frame: Frame, run: RunRecord, count: int, title: str, brief: RunSummary) -> Html:
    words = ngettext("reported {count} time", "reported {count} times", count).format(count=count)
    take, leave = _("Take it away"), _("Leave it")
    acts = form(
        frame,
        el("button", leave, name="act", value="leave", class_="button", aria_label=f"{leave}: {title}", data_key="y"),
        el("button", take, name="act", value="take", class_="button act", aria_label=f"{take}: {title}", data_key="n"),
        run=run.id,
        class_="buttons",
    )
    return _card(frame, run, run.shown, (title, brief, words), "reported", acts)


def _card(
    frame: Frame, run: RunRecord, outcome: Outcome | None, told: tuple[str, RunSummary, str], name: str, acts: Html
) -> Html:
    title, brief, words = told
    said = status_text.asked(brief, 1000)
    files = outcome.files if outcome is not None else ()
    shown: list[Child] = [_file(frame, run, number, file, name) for number, file in enumerate(files)]
    shown += [el("pre", text, tabindex="0") for text in (outcome.texts if outcome is not None else ())]
    head = el("h4", title, id=f"ctl-run-{run.id}")
    about = [
        whom(run.person),
        el("small", f"{run.person.key} · ", moment(run.asked_at)),
        el("p", said) if said else None,
        el("small", words) if words else None,
    ]
    return el(
        "article", *shown, head, *about, acts, tabindex="0", aria_labelledby=f"ctl-run-{run.id}", class_="ctl-card"
    )


def _file(frame: Frame, run: RunRecord, number: int, file: StoredFile, name: str) -> Html:
    source = link(f"moderate/{name}/{run.id}/{number}", frame.here)
    match file.kind:
        case "image":
            see = _("See {file}").format(file=file.filename)
            picture = el("img", src=source, alt=file.filename, loading="lazy")
            return el("a", picture, href=source, target="_blank", class_="ctl-see", aria_label=see, data_key="s")
        case "video" | "audio":
            return el(file.kind, src=source, controls=True, preload="metadata", aria_label=file.filename)
        case _:
            return el("a", file.filename, href=source, download=file.filename)
