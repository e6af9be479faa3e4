"""The operator's desk as a page: what is decided in a place, what waits for approval, and what has been done there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from bot.core import status_text
from bot.core.model import Place, RunSummary, StoredFile
from bot.core.platform import (
    Block,
    Entry,
    Outcome,
    Overview,
    Row,
    Rule,
    RunRecord,
    SavedEntry,
    SavedOverview,
    Trial,
    Workflow,
    WorkflowProblem,
    asked_in,
    block_words,
    community_of,
    describe,
)
from bot.i18n import _, ngettext
from bot.platforms.web.admin import forms
from bot.platforms.web.admin.html import Child, Html, el, group
from bot.platforms.web.admin.inputs import Inputs, Said


@dataclass(frozen=True)
class View:
    """All that the page shows of one place. `title` is what people call a workflow."""

    here: Place
    places: Sequence[Place]
    overview: Overview
    held: Sequence[RunRecord]
    reported: Sequence[tuple[RunRecord, int]]
    log: Sequence[Entry]
    title: Callable[[str], str]
    summary: Callable[[RunRecord], RunSummary]
    workflows: Sequence[Workflow] = ()
    said: Said | None = None
    saved: SavedOverview | None = None
    problems: Sequence[WorkflowProblem] = ()


def draw(view: View) -> Html:
    """The page, as the inside of `<main>`."""
    return group(
        _places(view),
        _held(view),
        _reported(view),
        _saved(view),
        _problems(view),
        el("div", _workflows(view), el("div", _decisions(view), *_deciding(view)), class_="desk"),
        _statistics(view),
        _log(view),
    )


def name_of(place: Place) -> str:
    """The name of a place on this page."""
    platform = {"discord": "Discord", "telegram": "Telegram"}.get(place.platform, place.platform)
    if place.platform == "web":
        return _("Everywhere, and the page")
    if not place.community:
        return _("{platform}, in private").format(platform=platform)
    number = f"{platform} {place.community}"
    return f"{place.name} · {number}" if place.name else number


def link(path: str, place: Place) -> str:
    """The address of something about a place."""
    return f"{path}?{urlencode({'place': asked_in(place)})}"


def _places(view: View) -> Html:
    links = [
        el("a", name_of(each), href=link("moderate", each), aria_current="page" if each == view.here else None)
        for each in view.places
    ]
    about = _(
        "What you decide here applies everywhere. A decision for one place wins over it, unless you "
        "deny something here."
    )
    return group(
        el("nav", el("ul", *(el("li", each) for each in links)), aria_label=_("Places"), class_="places"),
        el("h2", name_of(view.here), id="place"),
        None if view.here.community else el("p", about, class_="about"),
    )


def _saved(view: View) -> Html | None:
    """Draw what people saved at the servers: what waits for the operator, and what cannot be used."""
    if view.saved is None:
        return None
    rows = [_saved_entry(view, each) for each in view.saved.entries]
    faults = [el("li", each) for each in view.saved.faults]
    told: list[Child] = [
        el("ul", *rows, class_="rows") if rows else el("p", _("Nothing is saved there."), class_="about")
    ]
    if faults:
        told += [el("p", _("These files cannot be used:"), class_="about"), el("ul", *faults)]
    told += [el("p", each, class_="about") for each in view.saved.servers]
    return _section(view, "saved", _("Saved in ComfyUI"), *told)


def _saved_entry(view: View, entry: SavedEntry) -> Html:
    mark = _("waits for you") if entry.waits else entry.stage_words
    told = [el("b", entry.title), el("span", mark, class_="pill no" if entry.waits else "pill")]
    told += [el("small", line) for line in entry.lines]
    if entry.waits:
        acts = {"publish": _("Open to others"), "decline": _("Keep closed")}
    else:
        acts = {"unpublish": _("Close")} if entry.is_open else {"reopen": _("Open to others")}
    buttons = [_button(act, words, f"{words}: {entry.title}") for act, words in acts.items()]
    return el("li", el("div", *told), _form(view, *buttons, saved=entry.id, newest=entry.newest))


def _problems(view: View) -> Html | None:
    """Draw what cannot be run, which members do not see, with the reasons."""
    if not view.problems:
        return None
    rows = []
    for each in view.problems:
        name = el("span", each.name, class_="pill") if each.name not in ("", each.title) else None
        lines = [el("small", line) for line in (each.reason, *each.where)]
        rows.append(el("li", el("div", el("b", each.title), name, *lines)))
    return _section(view, "problems", _("Cannot run now"), el("ul", *rows, class_="rows"))


def _workflows(view: View) -> Html:
    every = [_access(view, "", _("All workflows"), None)]
    rows = [_access(view, row.name, row.title or row.name, row) for row in view.overview.rows]
    return _section(view, "workflows", _("Workflows"), el("ul", *every, *rows, class_="rows"))


def _access(view: View, workflow: str, title: str, row: Row | None) -> Html:
    told: list[Child] = [el("b", title)]
    if row is not None:
        mark = _("allowed") if row.decision.allowed else _("denied")
        told += [el("span", mark, class_="pill" if row.decision.allowed else "pill no"), el("small", row.decision.why)]
    acts = {"allow": _("Allow"), "deny": _("Deny"), "clear": _("Remove decision")}
    buttons = [_button(act, words, f"{words}: {title}") for act, words in acts.items()]
    return el("li", el("div", *told), _form(view, *buttons, workflow=workflow))


def _blocks(view: View) -> Html:
    blocks = [rule for rule in view.overview.rules if isinstance(rule.body, Block)]
    unblock = _("Unblock")
    rows = [
        el(
            "li",
            el("div", block_words(rule)),
            _form(
                view,
                _button("unblock", unblock, f"{unblock}: {rule.scope.who}"),
                person=rule.scope.who.id,
                name=rule.scope.who.name,
            )
            if rule.scope.community == community_of(view.here)
            else None,
        )
        for rule in blocks
    ]
    example = f"{view.here.platform}:12345"
    inputs = Inputs("blocks", view.said)
    add = _form(
        view,
        inputs.text("person", _("Person"), required=True, placeholder=example, spellcheck="false"),
        inputs.text("reason", _("Reason"), maxlength="500"),
        inputs.text("days", _("Days"), inputmode="decimal", placeholder=_("permanently")),
        _button("block", _("Block")),
        class_="fields",
    )
    return _section(view, "blocks", _("Blocks"), el("ul", *rows, class_="rows") if rows else None, add)


def _deciding(view: View) -> Iterable[Html]:
    """The sections for rules other than access to workflows."""
    return (
        _limits(view),
        _money(view),
        _fields(view),
        _words(view),
        _texts(view),
        _styles(view),
        _models(view),
        _display(view),
        _blocks(view),
    )


def _limits(view: View) -> Html:
    inputs = forms.limits(Inputs("limits", view.said), view.workflows)
    about = el("p", _("For each person, or for everyone together."), class_="about")
    return _section(view, "limits", _("Limits"), about, _fields_of(view, inputs, "limit", _("Set the limit")))


def _money(view: View) -> Html:
    """The operator's permission to spend money. The page for everywhere has the prices too, which hold everywhere."""
    inputs = Inputs("money", view.said)
    about = _(
        "Some nodes cost money, through your account at comfy.org. They are off until you permit them, up to a "
        "ceiling. Leave it empty to remove the permission; 0 forbids them."
    )
    permit = _fields_of(view, forms.ceiling(inputs), "spend", _("Permit"))
    prices = None
    if not view.here.community:
        prices = _fields_of(view, forms.own_price(inputs, view.workflows), "price", _("Set the price"))
    return _section(view, "money", _("Nodes that cost money"), el("p", about, class_="about"), permit, prices)


def _fields(view: View) -> Html:
    inputs = forms.narrowings(Inputs("fields", view.said), view.workflows)
    return _section(view, "fields", _("Fields"), _fields_of(view, inputs, "narrow", _("Set the field")))


def _words(view: View) -> Html:
    inputs = forms.lists(Inputs("words", view.said), view.workflows)
    return _section(view, "words", _("Blocked words"), _fields_of(view, inputs, "words", _("Set the list")))


def _texts(view: View) -> Html:
    about = _("Who writes the name between underscores, as in __name__, gets one of the texts, at random.")
    inputs = forms.texts(Inputs("texts", view.said), view.workflows)
    send = _fields_of(view, inputs, "texts", _("Set the list"))
    return _section(view, "texts", _("Lists of texts"), el("p", about, class_="about"), send)


def _styles(view: View) -> Html:
    about = _("People choose a style in the form. Its texts go around what they write.")
    inputs = forms.styles(Inputs("styles", view.said), view.workflows)
    send = _fields_of(view, inputs, "style", _("Set the style"))
    return _section(view, "styles", _("Styles"), el("p", about, class_="about"), send)


def _models(view: View) -> Html:
    about = _("This holds for what people write and for what they choose. Leave both empty to allow all.")
    inputs = forms.models(Inputs("models", view.said), view.workflows)
    send = _fields_of(view, inputs, "models", _("Set this"))
    return _section(view, "models", _("LoRAs, embeddings and models"), el("p", about, class_="about"), send)


def _display(view: View) -> Html:
    inputs = forms.display_forms(Inputs("manner", view.said), view.workflows, view.here)
    return _section(
        view, "manner", _("How results are shown"), _fields_of(view, inputs, "show", _("Save these settings"))
    )


def _fields_of(view: View, inputs: Sequence[Html], act: str, words: str) -> Html:
    return _form(view, *inputs, _button(act, words), class_="fields")


def _held(view: View) -> Html:
    nothing = el("p", _("Nothing is waiting for approval."), class_="about")
    runs = [_waiting(view, run) for run in view.held]
    return _section(view, "held", _("Waiting for approval"), el("ul", *runs, class_="rows") if runs else nothing)


def _reported(view: View) -> Html:
    """The results that members have reported; no one is told by whom."""
    nothing = el("p", _("No one has reported a result."), class_="about")
    runs = [_report(view, run, count) for run, count in view.reported]
    return _section(view, "reported", _("Reported by members"), el("ul", *runs, class_="rows") if runs else nothing)


def _report(view: View, run: RunRecord, count: int) -> Html:
    words = ngettext("reported {count} time", "reported {count} times", count).format(count=count)
    acts = _form(
        view,
        _button("take", _("Take it away"), f"{_('Take it away')}: {view.title(run.workflow)}", main=True),
        _button("leave", _("Leave it"), f"{_('Leave it')}: {view.title(run.workflow)}"),
        run=run.id,
        class_="fields",
    )
    return el("li", *_seen(view, run, run.shown, words, "reported"), acts, class_="waiting")


def _seen(view: View, run: RunRecord, outcome: Outcome | None, words: str, section: str) -> list[Html]:
    """A run that moderators decide about: what was asked, and what came out."""
    said = status_text.asked(view.summary(run), 1000)
    shown = [_file(view, run, number, file, section) for number, file in enumerate(outcome.files)] if outcome else []
    texts = [el("pre", text, tabindex="0") for text in outcome.texts] if outcome else []
    title, who = el("b", view.title(run.workflow)), f"{run.person.name or run.person.id} · {run.person.key}"
    more = [el("p", said)] if said else []
    told = el("div", title, _time(run.asked_at), el("small", who), *more, el("small", words) if words else None)
    return [told, *shown, *texts]


def _waiting(view: View, run: RunRecord) -> Html:
    title = view.title(run.workflow)
    yet = "" if run.to_review else _("It has not run yet.")
    acts = _form(
        view,
        Inputs("held").text("reason", _("Reason, if you refuse"), maxlength="300"),
        _button("approve", _("Approve"), f"{_('Approve')}: {title}", main=True),
        _button("refuse", _("Refuse"), f"{_('Refuse')}: {title}"),
        run=run.id,
        class_="fields",
    )
    return el("li", *_seen(view, run, run.to_review, yet, "held"), acts, class_="waiting")


def _file(view: View, run: RunRecord, number: int, file: StoredFile, section: str) -> Html:
    source = link(f"moderate/{section}/{run.id}/{number}", view.here)
    match file.kind:
        case "image":
            return el("img", src=source, alt=file.filename, loading="lazy")
        case "video" | "audio":
            return el(file.kind, src=source, controls=True, preload="metadata", aria_label=file.filename)
        case _:
            return el("a", file.filename, href=source, download=file.filename)


def _decisions(view: View) -> Html:
    lines = [_decision(view, rule) for rule in view.overview.rules]
    told = el("ul", *lines, class_="rows") if lines else el("p", _("There are no decisions here."), class_="about")
    export = el("a", _("Export"), href=link("moderate/export", view.here), class_="button", download=True)
    row = _form(view, _button("undo", _("Undo the last decision")), export)
    give = _form(
        view,
        Inputs("decisions").text(
            "file", _("Import an export"), type="file", accept=".json,application/json", required=True
        ),
        _button("import", _("Import")),
        enctype="multipart/form-data",
        class_="fields",
    )
    return _section(view, "decisions", _("All decisions"), told, row, give if view.here.community else None)


def _decision(view: View, rule: Rule) -> Html:
    words, drop = describe(rule), _("Remove")
    is_ours = rule.scope.community == community_of(view.here) and not isinstance(rule.body, Trial)
    button = _form(view, _button("drop", drop, f"{drop}: {words}"), rule=mark(rule)) if is_ours else None
    return el("li", el("div", words, forms.contents(rule)), button)


def mark(rule: Rule) -> str:
    """The value that names a rule in a form."""
    return hashlib.sha256(repr(rule.slot).encode()).hexdigest()[:16]


def _statistics(view: View) -> Html:
    alt = _("Runs by day and workflow, waiting times, busiest hours and refusals of the last 30 days")
    picture = el("img", src=link("moderate/stats", view.here), alt=alt, loading="lazy", class_="stats")
    return _section(view, "stats", _("Statistics"), picture)


def _log(view: View) -> Html:
    heads = (_("When"), _("Who"), _("What"), "")
    head = el("tr", *(el("th", each, scope="col") if each else el("td") for each in heads))
    rows = [_entry(each) for each in view.log]
    table = el("table", el("thead", head), el("tbody", *rows))
    nothing = el("p", _("Nothing has been decided or refused yet."), class_="about")
    save = el("a", _("Download the whole log"), href=link("moderate/log", view.here), class_="button", download=True)
    scroll = el("div", table, class_="scroll", tabindex="0", role="group", aria_label=_("Log"))
    return _section(view, "log", _("Log"), *((scroll, save) if rows else (nothing,)))


def _entry(entry: Entry) -> Html:
    who = entry.person.name or entry.person.id
    undone = _("undone") if entry.undone else ""
    cells = (_time(entry.at), el("span", who, title=entry.person.key), f"{entry.act}: {entry.words}", undone)
    return el("tr", *(el("td", cell) for cell in cells))


def _section(view: View, name: str, title: str, *children: Child) -> Html:
    told = None
    if (said := view.said) is not None and said.section == name:
        kind, role = ("note fault", "alert") if said.wrong else ("note", "status")
        told = el("p", said.words, id=f"said-{name}", class_=kind, role=role, tabindex="-1", autofocus=True)
    head = el("h3", title, id=name)
    return el("section", head, told, *children, class_=f"easel {name}", aria_labelledby=name)


def _form(view: View, *children: Child, class_: str = "buttons", enctype: str | None = None, **hidden: str) -> Html:
    given: Iterable[tuple[str, str]] = {"place": asked_in(view.here), **hidden}.items()
    inputs = [el("input", type="hidden", name=name, value=value) for name, value in given]
    return el("form", *inputs, *children, method="post", action="moderate", class_=class_, enctype=enctype)


def _button(act: str, words: str, label: str | None = None, *, main: bool = False) -> Html:
    kind = "button act" if main else "button"
    return el("button", words, name="act", value=act, class_=kind, aria_label=label)


def _time(moment: float) -> Html:
    at = datetime.fromtimestamp(moment, UTC)
    return el("time", at.strftime("%Y-%m-%d %H:%M"), datetime=at.isoformat(timespec="seconds"))
