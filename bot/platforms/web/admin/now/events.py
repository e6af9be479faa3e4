"""Draws the last events of the log."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.platform import LoggedEvent
from bot.i18n import _
from bot.platforms.web.admin.html import Html, el, group
from bot.platforms.web.admin.parts import moment


def events(found: Sequence[LoggedEvent], *, hears_all: bool) -> Html:
    """The events of this process, newest first: names and ids, and nothing that people wrote."""
    about = _("Of the process that serves this page, since its start. Times are in UTC.")
    if not hears_all:
        about += " " + _("The settings let it log warnings only, so other events are not here.")
    if not found:
        return group(el("p", about, class_="about"), el("p", _("Nothing yet."), class_="about"))
    lines = [_event(each) for each in found]
    log = el("ol", *lines, class_="ctl-log", tabindex="0", aria_labelledby="events", role="list")
    return group(el("p", about, class_="about"), log)


def _event(event: LoggedEvent) -> Html:
    given = " ".join(f"{name}={value}" for name, value in event.fields)
    kind = "ctl-grave" if event.grave else None
    mark = el("span", _("Warning:"), class_="unseen") if event.grave else None
    return el("li", moment(event.at, clock=True), " ", mark, el("b", event.name), " ", el("span", given), class_=kind)
