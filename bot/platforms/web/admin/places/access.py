"""Draws who may run what: a table of workflows by groups of people, and what can be decided about one of its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core.platform import AccessMatrix, MatrixCell, MatrixRow, Rehearsal, Subject, Workflow, asked_in, in_turns
from bot.i18n import _
from bot.platforms.web.admin.html import Html, el, group
from bot.platforms.web.admin.inputs import Inputs
from bot.platforms.web.admin.parts import button
from bot.platforms.web.admin.places.frame import Frame, form, lines, link, section


@dataclass(frozen=True)
class ChosenCell:
    """A cell that was clicked: a workflow, or all, and people; and what each decision about it would change."""

    workflow: str
    title: str
    who: Subject
    why: str
    would: Mapping[str, Rehearsal]


async def access(frame: Frame, matrix: AccessMatrix, chosen: ChosenCell | None, workflows: Sequence[Workflow]) -> Html:
    """The table, and the cell that was clicked."""
    about = _("Choose a cell to decide about it. A dot marks what was decided in this place about exactly that.")
    table = await _table(frame, matrix, chosen)
    return group(
        section(frame, "workflows", _("Who may run what"), el("p", about, class_="about"), table),
        _panel(frame, chosen) if chosen is not None else None,
        _other(frame, workflows) if frame.here.community else None,
    )


async def _table(frame: Frame, matrix: AccessMatrix, chosen: ChosenCell | None) -> Html:
    heads = [el("th", str(who), scope="col") for who in matrix.subjects]
    head = el("tr", el("th", _("Workflow"), scope="col"), *heads)
    rows = [_row(frame, row, chosen) async for row in in_turns(matrix.rows)]
    table = el("table", el("thead", head), el("tbody", *rows), class_="ctl-matrix")
    return el("div", table, class_="scroll", tabindex="0", role="group", aria_label=_("Who may run what"))


def _row(frame: Frame, row: MatrixRow, chosen: ChosenCell | None) -> Html:
    cells = [el("td", _cell(frame, row, cell, chosen)) for cell in row.cells]
    return el("tr", el("th", row.title, scope="row"), *cells)


def _cell(frame: Frame, row: MatrixRow, cell: MatrixCell, chosen: ChosenCell | None) -> Html:
    own = {True: _("allowed here"), False: _("denied here"), None: ""}[cell.own]
    if cell.decision is None:
        words, kind = own or _("not decided"), {True: "yes", False: "no", None: "open"}[cell.own]
    else:
        words, kind = (_("allowed"), "yes") if cell.decision.allowed else (_("denied"), "no")
    why = cell.decision.why if cell.decision is not None else own
    label = f"{row.title}, {cell.who}: {words}. {why}".rstrip(". ")
    is_chosen = chosen is not None and (chosen.workflow, chosen.who) == (row.workflow, cell.who)
    return el(
        "a",
        el("span", {"yes": "✓", "no": "✕", "open": "·"}[kind], aria_hidden="true"),
        el("span", words),
        el("span", "•", class_="ctl-own", aria_hidden="true") if cell.own is not None and row.workflow else None,
        href=f"{link('moderate', frame.here, section='access', workflow=row.workflow or '*', who=_key(cell.who))}#cell",
        class_=f"ctl-{kind}",
        aria_label=label,
        aria_current="true" if is_chosen else None,
        title=why or None,
    )


def _key(who: Subject) -> str:
    return who.key or "everyone"


def _panel(frame: Frame, chosen: ChosenCell) -> Html:
    """The decisions that can be made about a cell, each with what it would change."""
    words = {"allow": _("Allow"), "deny": _("Deny"), "clear": _("Remove decision")}
    ways = [
        el(
            "li",
            form(
                frame,
                button(act, words[act], f"{words[act]}: {chosen.title}", id_=f"ctl-{act}"),
                workflow=chosen.workflow,
                who=chosen.who.key,
                who_name=chosen.who.name,
            ),
            lines(told.effects.lines),
        )
        for act, told in chosen.would.items()
    ]
    title = _("{workflow}, for {who}").format(workflow=chosen.title, who=chosen.who)
    why = el("p", chosen.why, class_="about") if chosen.why else None
    head = el("h3", title, id="cell", tabindex="-1")
    return el("section", head, why, el("ul", *ways, class_="ctl-ways"), class_="easel", aria_labelledby="cell")


def _other(frame: Frame, workflows: Sequence[Workflow]) -> Html:
    """A way to people whom no decision names yet."""
    inputs = Inputs("other")
    options = [("*", _("All workflows")), *((each.id, each.title) for each in workflows)]
    kinds = [("role", _("A role, by its id")), ("person", _("A person, as platform:id"))]
    if frame.here.platform != "discord":
        kinds = kinds[1:]
    find = el("button", _("Look"), class_="button")
    hidden = {"place": asked_in(frame.here), "section": "access"}
    fields = [el("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    fields += [
        inputs.choice("workflow", _("Workflow"), options),
        inputs.choice("kind", _("For"), kinds),
        inputs.text("id", _("Id"), required=True, spellcheck="false"),
    ]
    return section(
        frame,
        "other",
        _("Decide for others"),
        el("form", *fields, find, action="moderate#cell", method="get", class_="fields"),
    )
