"""Draws the audit log with its filters."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.platform import DECISIONS, REFUSALS, AuditFilter, Entry, asked_in
from bot.i18n import _
from bot.platforms.web.admin.faces import whom
from bot.platforms.web.admin.html import Html, el
from bot.platforms.web.admin.inputs import Inputs
from bot.platforms.web.admin.parts import moment
from bot.platforms.web.admin.places.frame import Frame, link, section

SHOWN = 50  #: lines of a page


def log(frame: Frame, entries: Sequence[Entry], wanted: AuditFilter) -> Html:
    """A page of the log; `entries` has one more line if others follow."""
    given = {"kind": wanted.kind, "who": wanted.person, "words": wanted.words}
    filters = _filters(frame, given)
    if not entries:
        nothing = (
            _("Nothing has been decided or refused yet.") if wanted == AuditFilter() else _("There is no such line.")
        )
        return section(frame, "log", _("Log"), filters, el("p", nothing, class_="about"))
    shown = entries[:SHOWN]
    heads = (_("When"), _("Who"), _("What"), "")
    head = el("tr", *(el("th", each, scope="col") if each else el("td") for each in heads))
    table = el("table", el("thead", head), el("tbody", *map(_entry, shown)))
    scroll = el("div", table, class_="scroll", tabindex="0", role="group", aria_label=_("Log"))
    older = link("moderate", frame.here, section="log", before=str(shown[-1].number), **given)
    every = _("Download the whole log") if wanted == AuditFilter() else _("Download these lines")
    save = el("a", every, href=link("moderate/log", frame.here, **given), class_="button", download=True)
    more = el("a", _("Older"), href=older, class_="button") if len(entries) > SHOWN else None
    return section(frame, "log", _("Log"), filters, scroll, el("p", more, save, class_="buttons"))


def _filters(frame: Frame, given: dict[str, str]) -> Html:
    inputs = Inputs("log", None, given)
    kinds = [("", _("Everything")), (DECISIONS, _("Decisions")), (REFUSALS, _("Refusals"))]
    hidden = {"place": asked_in(frame.here), "section": "log"}
    fields = [el("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    fields += [
        inputs.choice("kind", _("Kind"), kinds),
        inputs.text("who", _("Person"), autocomplete="off"),
        inputs.text("words", _("Words"), autocomplete="off"),
    ]
    return el(
        "form", *fields, el("button", _("Filter"), class_="button"), action="moderate", class_="fields", role="search"
    )


def _entry(entry: Entry) -> Html:
    undone = _("undone") if entry.undone else ""
    cells = (
        moment(entry.at),
        el("span", whom(entry.person), title=entry.person.key),
        f"{entry.act}: {entry.words}",
        undone,
    )
    return el("tr", *(el("td", cell) for cell in cells))
