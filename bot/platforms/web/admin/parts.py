"""The parts that all screens of the control room are drawn of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from bot.core.errors import NotAllowed
from bot.core.model import Person
from bot.core.platform import OPERATOR
from bot.i18n import _
from bot.platforms.web.admin.html import Child, Html, el, group
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.api.views import person_of
from bot.platforms.web.auth import AccessControl, whose
from bot.platforms.web.templates import Shell, lamp

INVITATIONS = "admin/invitations"
#: Pages of their own. Who opens one before the first page, or before the token, is led back to it.
ROOMS = frozenset({"admin", "moderate", INVITATIONS, "studio"})
_SHELL = Shell("ctl", ("moderate.css", "admin/control.css", "invitations/invitations.css"), "admin/control.js")


def who(request: web.Request, gate: AccessControl) -> Person:
    """The person at the page: the operator, if the page serves only this computer; else a visitor, whom the settings
    may name as an operator.
    """
    return OPERATOR if gate.is_at_home(request) else person_of(whose(request))


async def screen(room: str, title: str, main: Html, *, denied: bool = False) -> web.Response:
    """A page of the control room. `room` is the link in its head that is the page itself."""
    rooms = {"admin": _("Now"), "moderate": _("Places"), INVITATIONS: _("Invitations"), "studio": _("Studio")}
    up = "../" * room.count("/")
    links = [
        el("a", words, href=f"{up}{path}", aria_current="page" if path == room and not denied else None)
        for path, words in rooms.items()
    ]
    ways = el("nav", *links, aria_label=_("Control room"), class_="ctl-rooms")
    back = el("p", el("a", _("Back to the page"), href=up or "./"))
    return await _SHELL.around(main, title, group(el("h1", lamp(), _("Control room")), ways, back), up)


async def refused(fault: NotAllowed, by: Person, room: str = "") -> web.Response:
    """The page for somebody who may not be here, with what to do if that is wrong."""
    hint = _("If that is you, put {key} into DARKROOM_OPERATORS and start the bot again.").format(key=by.key)
    words = group(el("p", str(fault), class_="note fault", role="alert"), el("p", hint, class_="about"))
    page = await screen(room, _("Control room"), words, denied=True)
    page.set_status(403)
    return page


def answer(said: Said | None, section: str) -> Html | None:
    """The answer to the last press, if that was in this section."""
    if said is None or said.section != section or said.preview is not None:
        return None
    kind, role = ("note fault", "alert") if said.wrong else ("note", "status")
    return el("p", said.words, id=f"said-{section}", class_=kind, role=role, tabindex="-1", autofocus=True)


def press(
    action: str,
    given: Mapping[str, str],
    *children: Child,
    class_: str = "buttons",
    enctype: str | None = None,
) -> Html:
    """A form with what it is about, and its inputs and buttons."""
    inputs = [el("input", type="hidden", name=name, value=value) for name, value in given.items()]
    return el("form", *inputs, *children, method="post", action=action, class_=class_, enctype=enctype)


def button(act: str, words: str, label: str | None = None, *, main: bool = False, id_: str | None = None) -> Html:
    """A button of a form. `label` says more for those who only hear it."""
    kind = "button act" if main else "button"
    return el("button", words, name="act", value=act, class_=kind, aria_label=label, id=id_)


def moment(at: float, *, clock: bool = False) -> Html:
    """A point in time, in UTC; with the seconds of a clock alone."""
    when = datetime.fromtimestamp(at, UTC)
    words = when.strftime("%H:%M:%S" if clock else "%Y-%m-%d %H:%M")
    return el("time", words, datetime=when.isoformat(timespec="seconds"))


def facts(*pairs: tuple[str, Child]) -> Html:
    """A list of names with what is known of each; what is None is not known, and says so."""
    unknown = el("span", _("not known"), class_="ctl-unknown")
    rows = [el("div", el("dt", name), el("dd", unknown if value is None else value)) for name, value in pairs]
    return el("dl", *rows, class_="ctl-facts")
