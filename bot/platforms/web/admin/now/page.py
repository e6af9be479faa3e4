"""Draws how everything is just now, part by part, so that a page which is open can put in new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from bot.core.platform import ENDED, NowView, RunQuestion, SeenChat, SeenDisk, State, Trouble, WorkflowProblem
from bot.i18n import _, ngettext
from bot.platforms.web.admin.html import Child, Html, el, group
from bot.platforms.web.admin.inputs import Inputs, Said
from bot.platforms.web.admin.now.events import events
from bot.platforms.web.admin.now.runs import found_runs, waiting
from bot.platforms.web.admin.now.servers import servers
from bot.platforms.web.admin.now.words import state_title
from bot.platforms.web.admin.parts import answer


@dataclass(frozen=True)
class NowPage:
    """The first screen: all that there is to see, what was looked for, and the answer to the last press."""

    view: NowView
    asked: RunQuestion
    said: Said | None = None

    @property
    def action(self) -> str:
        """The address of the page as it is, with what was looked for."""
        return address("admin", self.asked)


def address(path: str, asked: RunQuestion) -> str:
    """The address of a page with what was looked for."""
    given = {
        "state": str(asked.state or ""),
        "person": asked.person,
        "workflow": asked.workflow,
        "fault": asked.fault,
        "page": str(asked.page or ""),
    }
    words = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{words}" if words else path


def draw(page: NowPage) -> Html:
    """The inside of `<main>`."""
    live = el("input", type="checkbox", id="ctl-live", checked=True)
    toggle = el("label", live, el("span", _("Live")), class_="switch ctl-live", hidden=True)
    lost = _("Not live: the bot does not answer. It is asked again and again.")
    told = el("p", class_="note fault ctl-lost", role="status", data_words=lost)
    head = el("div", _contents(), toggle, told, class_="ctl-side")
    return el("div", head, el("div", parts(page), class_="ctl-parts"), class_="ctl-now", data_live=_live(page))


def _live(page: NowPage) -> str:
    return address("admin/live", page.asked)


def parts(page: NowPage) -> Html:
    """All parts, each with what is in it just now."""
    view, action = page.view, page.action
    return group(
        _part(page, "troubles", _("What is wrong"), _troubles(view.troubles)),
        _part(page, "servers", _("Servers"), servers(view.servers, action)),
        _part(page, "line", _("The line"), waiting(view.line, action)),
        _part(page, "runs", _("Runs"), _runs(page)),
        _part(page, "faults", _("Workflows that cannot run"), _problems(view.problems)),
        _part(page, "chats", _("Chats"), _chats(view.chats)),
        _part(page, "disk", _("Disk"), _disk(view.disk)),
        _part(page, "events", _("The last events"), events(view.events, hears_all=view.hears_all)),
    )


def _contents() -> Html:
    names = {
        "servers": _("Servers"),
        "line": _("The line"),
        "runs": _("Runs"),
        "faults": _("Workflows that cannot run"),
        "chats": _("Chats"),
        "disk": _("Disk"),
        "events": _("The last events"),
    }
    links = [el("li", el("a", words, href=f"#{name}")) for name, words in names.items()]
    return el("nav", el("ul", *links), aria_label=_("Parts of this page"), class_="ctl-toc")


def _part(page: NowPage, name: str, title: str, *children: Child) -> Html:
    """A part. The script replaces what is in those marked as live, and leaves the answer to a press."""
    live = el("div", *children, data_part=name)
    head = el("h2", title, id=name)
    return el("section", head, answer(page.said, name), live, class_=f"easel ctl-{name}", aria_labelledby=name)


def _troubles(found: tuple[Trouble, ...]) -> Html:
    if not found:
        return el("p", _("Nothing that the bot can see."), class_="about")
    lines = []
    for each in found:
        more = " ".join(filter(None, (each.detail, each.advice)))
        lines.append(el("li", each.words, el("small", more) if more else None))
    return el("ul", *lines, class_="ctl-list")


def _runs(page: NowPage) -> Html:
    asked, counts = page.asked, page.view.counts
    states: list[tuple[State | None, str]] = [(None, _("Not ended")), *((each, state_title(each)) for each in State)]
    links = []
    for state, words in states:
        told = f"{words} {_count(state, counts)}" if counts is not None and state not in ENDED else words
        to = address("admin", replace(asked, state=state, page=0))
        current = "true" if asked.state is state else None
        links.append(el("li", el("a", told, href=f"{to}#runs", aria_current=current, id=f"ctl-state-{state}")))
    tabs = el("nav", el("ul", *links), class_="ctl-states", aria_label=_("Runs by state"))
    return group(tabs, _search(asked), found_runs(page.view.runs, page.action, _turns(page)))


def _count(state: State | None, counts: Mapping[State, int]) -> int:
    return sum(counts.values()) if state is None else counts.get(state, 0)


def _search(asked: RunQuestion) -> Html:
    defaults = {"person": asked.person, "workflow": asked.workflow, "fault": asked.fault}
    inputs = Inputs("runs", None, defaults)
    fields = [
        inputs.text("person", _("Person"), id="ctl-person", autocomplete="off"),
        inputs.text("workflow", _("Workflow"), id="ctl-workflow", autocomplete="off"),
        inputs.text("fault", _("Error"), id="ctl-fault", autocomplete="off"),
    ]
    state = el("input", type="hidden", name="state", value=str(asked.state or ""))
    find = el("button", _("Search"), class_="button", id="ctl-search")
    return el("form", state, *fields, find, action="admin#runs", method="get", class_="fields", role="search")


def _turns(page: NowPage) -> Html | None:
    """Links to the runs before and after these."""
    found, asked = page.view.runs, page.asked
    if found is None or not (found.more or found.page):
        return None
    newer, older = (address("admin", replace(asked, page=asked.page + step)) for step in (-1, 1))
    return el(
        "p",
        el("a", _("Newer"), href=f"{newer}#runs", class_="button", id="ctl-newer") if found.page else None,
        el("a", _("Older"), href=f"{older}#runs", class_="button", id="ctl-older") if found.more else None,
        class_="buttons",
    )


def _problems(found: tuple[WorkflowProblem, ...] | None) -> Html:
    if found is None:
        return el("p", _("Not known: the database does not answer."), class_="ctl-unknown")
    if not found:
        return el("p", _("All workflows can run, and all files can be used."), class_="about")
    rows = []
    for each in found:
        name = el("span", each.name, class_="pill") if each.name not in ("", each.title) else None
        lines = [el("small", line) for line in (each.reason, *each.where)]
        rows.append(el("li", el("div", el("b", each.title), name, *lines)))
    return el("ul", *rows, class_="rows")


def _chats(found: tuple[SeenChat, ...]) -> Html:
    rows = [_chat(each) for each in found]
    return el("ul", *rows, class_="rows") if rows else el("p", _("This process serves no chat."), class_="about")


def _chat(chat: SeenChat) -> Html:
    words = _("connected") if chat.connected else _("not connected")
    title = {"discord": "Discord", "telegram": "Telegram", "web": _("The page")}.get(chat.name, chat.name)
    mark = el("span", words, class_="pill" if chat.connected else "pill no")
    sent = ngettext("{count} message sent or changed", "{count} messages sent or changed", chat.messages)
    slowed = ngettext(
        "told to wait {count} time, by a limit of its rate",
        "told to wait {count} times, by limits of its rate",
        chat.told_to_wait,
    )
    counted = [sent.format(count=chat.messages), slowed.format(count=chat.told_to_wait)]
    lines = [", ".join([*counted, _("since the start")]), chat.refused, *chat.remarks]
    return el("li", el("div", el("b", title), mark, *(el("small", line) for line in lines if line)))


def _disk(disk: SeenDisk) -> Html:
    folder = el("code", str(disk.folder))
    if disk.total is None or disk.free is None:
        return el("p", folder, " ", _("Not known: the folder cannot be read."), class_="ctl-unknown")
    used, gigabytes = disk.total - disk.free, 1e9
    words = _("{free:.1f} of {total:.1f} GB are free").format(free=disk.free / gigabytes, total=disk.total / gigabytes)
    bar = el("meter", max="100", value=f"{100 * used / max(disk.total, 1):.0f}", aria_label=words, high="90")
    return el("div", el("p", folder), bar, el("p", words), class_="ctl-disk")
