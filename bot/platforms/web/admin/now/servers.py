"""Draws servers: how each is, what is there, and what can be done about it."""

from __future__ import annotations

from bot.core.platform import SeenServer
from bot.core.status_text import seconds
from bot.i18n import _, ngettext
from bot.platforms.web.admin.html import Child, Html, el
from bot.platforms.web.admin.parts import button, facts, moment, press

_WELL = ("up", "asleep", "waking")


def servers(found: tuple[SeenServer, ...] | None, action: str) -> Html:
    """All servers, each with its buttons."""
    if found is None:
        return el("p", _("Not known: the database does not answer."), class_="ctl-unknown")
    if not found:
        words = _("No worker was started with this database yet: “darkroom start” starts one.")
        return el("p", words, class_="about")
    return el("div", *(_server(each, action) for each in found), class_="ctl-cards")


def _server(server: SeenServer, action: str) -> Html:
    view, state = server.view, _state(server)
    title = {
        "up": _("up"),
        "away": _("away"),
        "resting": _("resting"),
        "draining": _("drained"),
        "stuck": _("stuck"),
        "asleep": _("asleep"),
        "waking": _("waking"),
        "lost": _("no answer"),
    }.get(state, state)
    mark = el("span", title, class_="pill" if state in _WELL else "pill no")
    head = el("h3", el("span", view.name), mark)
    said = None if server.words == title else el("p", server.words[:1].upper() + server.words[1:], class_="about")
    return el("article", head, said, _facts(server), _runs(server), _acts(server, action), class_="ctl-server")


def _state(server: SeenServer) -> str:
    view = server.view
    return "lost" if not view.answers or view.report is None else view.report.condition.value


def _facts(server: SeenServer) -> Html:
    report = server.view.report if server.view.answers else None
    gpus: list[tuple[str, Child]] = [
        (_short(each.name), _memory(each.name, each.total, each.free) if each.total else _("does not tell its memory"))
        for each in (report.gpus if report is not None else ())
    ]
    ram = report.ram if report is not None else None
    told = None if report is None or report.fault or not report.version else report
    others = None
    if told is not None:
        words = ngettext("{count} prompt", "{count} prompts", told.others).format(count=told.others)
        others = words if told.others else _("nothing")
    latency = report.latency if report is not None else None
    pairs: list[tuple[str, Child]] = [
        *(gpus or [(_("GPU memory"), None)]),
        (_("RAM"), _memory(_("RAM"), ram.total, ram.free) if ram is not None else None),
        (_("Loaded by our runs"), None if told is None else ", ".join(told.loaded) or _("nothing")),
        (_("There of others"), others),
        (_("ComfyUI"), told.version if told is not None else None),
        (_("Answers in"), None if latency is None else _("{count} ms").format(count=max(1, round(latency * 1000)))),
        (_("Last error"), _last(server)),
    ]
    if not server.view.answers:
        seen = server.view.seen_at
        pairs.append((_("Seen last"), None if seen is None else moment(seen)))
    return facts(*pairs)


def _last(server: SeenServer) -> Child:
    """The last error of a server: why it does not answer, else why a run failed there."""
    failed, report = server.last_failed, server.view.report
    if server.view.answers and report is not None and report.fault:
        return report.fault
    if failed is None or failed.ended_at is None:
        return _("none that is kept")
    return el("span", moment(failed.ended_at), " ", failed.sentence or "")


def _short(name: str) -> str:
    """The name of a device without what PyTorch says around it."""
    return name.split(" : ")[0].removeprefix("cuda:0 ") or name


def _memory(name: str, total: int, free: int) -> Html:
    words = _("{used:.1f} of {total:.1f} GB in use").format(used=(total - free) / 1e9, total=total / 1e9)
    used = f"{100 * (total - free) / total:.0f}"
    return el("span", el("meter", max="100", value=used, aria_label=f"{name}: {words}"), el("span", words))


def _runs(server: SeenServer) -> Html | None:
    lines = []
    for run, title in zip(server.view.runs, server.titles, strict=True):
        words = _("runs for {time}").format(time=seconds(run.seconds)) if run.seconds is not None else _("comes next")
        lines.append(el("li", el("b", title), " ", el("span", words), " ", el("small", run.id)))
    return el("ul", *lines, class_="ctl-there") if lines else None


def _acts(server: SeenServer, action: str) -> Html:
    view, name = server.view, server.view.name
    given = {"server": name}
    count = sum(run.seconds is not None for run in view.runs)
    words = ngettext("Interrupt our run", "Interrupt our {count} runs", count).format(count=count)
    stop = button("interrupt", words, f"{words}: {name}", id_=f"ctl-interrupt-{name}") if count else None
    act, words = ("resume", _("Give it runs again")) if view.drained else ("drain", _("Drain"))
    tap = button(act, words, f"{words}: {name}", id_=f"ctl-drain-{name}")
    return el("div", press(action, given, stop, tap), _free(name, action), class_="ctl-acts")


def _free(name: str, action: str) -> Html:
    about = _(
        "The server unloads all models. The next run there takes longer, also that of others who "
        "use this server. It does so only while nothing runs or waits there."
    )
    words = _("Free its memory")
    sure = button("free", words, f"{words}: {name}", id_=f"ctl-free-{name}")
    summary = el("summary", _("Free memory…"), aria_label=_("Free memory of {name}…").format(name=name))
    form = press(action, {"server": name}, sure)
    return el("details", summary, el("p", about), form, id=f"ctl-more-{name}")
