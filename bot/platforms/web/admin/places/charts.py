"""Draws statistics as charts that tell their values when one points at them or walks through them, and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from bot.core.status_text import seconds
from bot.i18n import _, ngettext
from bot.platforms.web.admin.html import Html, el, group
from bot.platforms.web.admin.parts import facts
from bot.platforms.web.admin.places.frame import Frame, link, section

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.core.platform import Statistics

_WIDE, _HIGH, _ROOM = 900, 260, 34
_COLORS = 6


def charts(frame: Frame, told: Statistics, title: Callable[[str], str]) -> Html:
    """The numbers of a month, and what they look like."""
    days = len(told.days)
    about = ngettext("The last day", "The last {count} days", days).format(count=days)
    waited = seconds(told.waited) if told.waited is not None else None
    finished = f"{told.done / told.total:.0%}" if told.total else None
    figures = facts(
        (_("Runs"), f"{told.total:,}"),
        (_("People"), f"{told.people:,}"),
        (_("Finished"), finished),
        (_("Usual wait"), waited),
        (_("Server time"), seconds(told.seconds) if told.seconds else None),
    )
    picture = el("a", _("As a picture"), href=link("moderate/stats", frame.here), class_="button", target="_blank")
    names = [title(each) for each in told.by_day]
    return group(
        section(frame, "stats", _("Statistics"), el("p", about, class_="about"), figures, el("p", picture)),
        _titled("ctl-days", _("Runs per day"), _days(told, names), _day_table(told, names)),
        _titled("ctl-hours", _("Busiest hours (UTC)"), _hours(told), _hour_table(told)),
        _titled("ctl-waits", _("How long people waited"), _bars(told.waits)),
        _titled("ctl-refused", _("Refused"), _bars(told.refusals) if told.refusals else None),
    )


def _titled(name: str, words: str, chart: Html | None, table: Html | None = None) -> Html:
    more = el("details", el("summary", _("As a table")), table) if table is not None else None
    nothing = el("p", _("No requests were refused."), class_="about")
    return el("section", el("h3", words, id=name), chart or nothing, more, class_="easel", aria_labelledby=name)


def _chart(label: str, high: int, *marks: Html) -> Html:
    svg = el("svg", *marks, viewBox=f"0 0 {_WIDE} {high}", class_="ctl-chart", role="group", aria_label=label)
    readout = el("p", "", class_="ctl-readout", aria_hidden="true")
    return el("div", svg, readout, class_="ctl-figure", data_chart=True)


def _mark(words: str, first: bool, *shapes: Html) -> Html:
    """A part of a chart that can be pointed at and walked to; one of them is in the order of the Tab key."""
    told = {"role": "img", "aria_label": words, "tabindex": "0" if first else "-1"}
    return el("g", el("title", words), *shapes, class_="ctl-mark", **told)


def _days(told: Statistics, names: Sequence[str]) -> Html:
    totals = [sum(day) for day in zip(*told.by_day.values(), strict=True)] or [0] * len(told.days)
    most, step = max([*totals, 1]), _WIDE / max(len(told.days), 1)
    marks = []
    for number, day in enumerate(told.days):
        left, top = number * step, float(_HIGH - _ROOM)
        shapes = [_rect(left, 0, step, _HIGH - _ROOM, "ctl-hit")]
        counts = [each[number] for each in told.by_day.values()]
        for color, count in enumerate(counts):
            high = (_HIGH - _ROOM - 10) * count / most
            top -= high
            if high:
                shapes.append(_rect(left + step * 0.12, top, step * 0.76, high, f"ctl-c{color % _COLORS}"))
        if (len(told.days) - 1 - number) % 5 == 0:
            shapes.append(_text(left + step / 2, _HIGH - 8, _short(day)))
        parts = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True) if count)
        runs = ngettext("{count} run", "{count} runs", totals[number]).format(count=totals[number])
        words = f"{_short(day)}: {runs}" + (f" ({parts})" if parts else "")
        marks.append(_mark(words, number == len(told.days) - 1, *shapes))
    legend = [
        el(
            "li",
            el("svg", _rect(0, 0, 12, 12, f"ctl-c{color % _COLORS}"), viewBox="0 0 12 12", aria_hidden="true"),
            name,
        )
        for color, name in enumerate(names)
    ]
    return group(el("ul", *legend, class_="ctl-legend"), _chart(_("Runs per day"), _HIGH, *marks))


def _hours(told: Statistics) -> Html:
    most = max((max(day) for day in told.hours), default=0) or 1
    left, wide, high = 60, (_WIDE - 60) / 24, 30
    marks, labels = [], []
    for row, (name, day) in enumerate(zip(_weekdays(), told.hours, strict=True)):
        labels.append(_text(26, row * high + 20, name))
        for hour, count in enumerate(day):
            share = min(5, round(5 * count / most)) if count else 0
            box = _rect(left + hour * wide, row * high + 2, wide - 3, high - 4, f"ctl-h{max(share, int(count > 0))}")
            runs = ngettext("{count} run", "{count} runs", count).format(count=count)
            marks.append(_mark(f"{name} {hour:02}:00: {runs}", row == hour == 0, box))
    labels += [_text(left + (hour + 0.5) * wide, 7 * high + 22, str(hour)) for hour in range(0, 24, 3)]
    hidden = el("g", *labels, aria_hidden="true")
    return _chart(_("Busiest hours (UTC)"), 7 * high + 30, hidden, *marks)


def _bars(counts: Sequence[tuple[str, int]]) -> Html:
    """A line for each count. The words beside the bars tell all, so there is nothing to point at."""
    most, every = max((count for _name, count in counts), default=0) or 1, sum(count for _name, count in counts) or 1
    rows = [
        el(
            "div",
            el("dt", name),
            el("dd", el("meter", max=str(most), value=str(count), aria_label=name), f"{count:,} · {count / every:.0%}"),
        )
        for name, count in counts
    ]
    return el("dl", *rows, class_="ctl-facts ctl-bars")


def _day_table(told: Statistics, names: Sequence[str]) -> Html:
    head = el("tr", *(el("th", words, scope="col") for words in (_("Day"), *names)))
    rows = [
        el(
            "tr",
            el("th", day.isoformat(), scope="row"),
            *(el("td", str(counts[number])) for counts in told.by_day.values()),
        )
        for number, day in enumerate(told.days)
    ]
    return _table(_("Runs per day"), head, rows)


def _hour_table(told: Statistics) -> Html:
    head = el("tr", el("th", _("Hour"), scope="col"), *(el("th", name, scope="col") for name in _weekdays()))
    rows = [
        el("tr", el("th", f"{hour:02}:00", scope="row"), *(el("td", str(day[hour])) for day in told.hours))
        for hour in range(24)
    ]
    return _table(_("Busiest hours (UTC)"), head, rows)


def _table(label: str, head: Html, rows: Sequence[Html]) -> Html:
    table = el("table", el("thead", head), el("tbody", *rows), class_="ctl-numbers")
    return el("div", table, class_="scroll", tabindex="0", role="group", aria_label=label)


def _weekdays() -> tuple[str, ...]:
    return (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))


def _short(day: date) -> str:
    return f"{day.day}.{day.month}."


def _rect(x: float, y: float, width: float, height: float, kind: str) -> Html:
    given = {name: f"{value:.1f}" for name, value in (("x", x), ("y", y), ("width", width), ("height", height))}
    return el("rect", class_=kind, rx="2", **given)


def _text(x: float, y: float, words: str) -> Html:
    return el("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor="middle")
