"""Draws the line and the runs of everybody."""

from __future__ import annotations

from bot.core.platform import UNFINISHED, FoundRuns, RunRecord, SeenRun, TurnInLine, WholeLine
from bot.core.status_text import seconds
from bot.i18n import _, ngettext
from bot.platforms.web.admin.faces import whom
from bot.platforms.web.admin.html import Html, el, group
from bot.platforms.web.admin.now.words import state_title
from bot.platforms.web.admin.parts import button, moment, press


def waiting(line: WholeLine | None, action: str) -> Html:
    """The first runs of the line."""
    if line is None:
        return el("p", _("Not known: the database does not answer."), class_="ctl-unknown")
    if not line.count:
        return el("p", _("No run waits."), class_="about")
    turns = [_turn(each, action) for each in line.first]
    left = line.count - len(line.first)
    more = ngettext("and {count} more waits", "and {count} more wait", left).format(count=left)
    return group(el("ol", *turns, class_="rows"), el("p", more, class_="about") if left > 0 else None)


def _turn(turn: TurnInLine, action: str) -> Html:
    run = turn.seen.run
    if run.is_ahead:
        words = _("next at {server}").format(server=run.server)
    elif turn.starts_in is None:
        words = _("it is not known when it starts")
    elif turn.starts_in < 1:
        words = _("starts now")
    else:
        words = _("starts in about {time}").format(time=seconds(turn.starts_in))
    about = f"{turn.seen.title}, {_whose(run)}"
    first, stop = _("Put first"), _("Cancel")
    move = button("first", first, f"{first}: {about}", id_=f"ctl-first-{run.id}") if turn.may_move else None
    acts = press(action, {"run": run.id}, move, button("cancel", stop, f"{stop}: {about}", id_=f"ctl-turn-{run.id}"))
    told = el("div", el("b", f"{turn.place}. {turn.seen.title}"), whom(run.person), el("small", words))
    return el("li", told, acts)


def found_runs(found: FoundRuns | None, action: str, turns: Html | None) -> Html:
    """The runs that were looked for, newest first."""
    if found is None:
        return el("p", _("Not known: the database does not answer."), class_="ctl-unknown")
    if not found.runs:
        return group(el("p", _("There is no such run."), class_="about"), turns)
    return group(el("ul", *(_run(each, action) for each in found.runs), class_="rows"), turns)


def _run(seen: SeenRun, action: str) -> Html:
    run = seen.run
    mark = el("span", state_title(run.state), class_="pill no" if run.state == "failed" else "pill")
    where = run.place.name or {"discord": "Discord", "telegram": "Telegram"}.get(run.place.platform, _("the page"))
    lines = [
        el("small", moment(run.asked_at), f" · {where}", f" · {run.server}" if run.server else "", f" · {run.id}"),
        el("small", _("private"), class_="pill") if run.private else None,
        el("small", seen.fault, class_="fault") if seen.fault else None,
    ]
    told = el("div", el("b", seen.title), whom(run.person), mark, *lines)
    stop = _("Cancel")
    label = f"{stop}: {seen.title}, {_whose(run)}"
    cancel = button("cancel", stop, label, id_=f"ctl-cancel-{run.id}") if run.state in UNFINISHED else None
    return el("li", told, press(action, {"run": run.id}, cancel) if cancel is not None else None)


def _whose(run: RunRecord) -> str:
    return run.person.name or run.person.key
