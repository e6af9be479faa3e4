"""The list of invitations with their devices, a link that was just made, and the page that a friend opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.core.platform import Invitation, InvitationLink, InvitationRole, SignedInDevice
from bot.i18n import _, ngettext, unturned
from bot.platforms.web.admin.html import Child, Html, el, group, ltr, named, sentence
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.qr import qr_code

_DAY = timedelta(days=1)
_FIELDS = ("name", "host", "until")  # what is wrong with them stands beside them
_SIGNING_OUT = ("sign-out", "sign-all-out")  # after these a link may have to go
_SOON = 30  # days until the end that the form offers


@dataclass(frozen=True)
class InvitationsView:
    """All that the operator sees. `made` was just made, with its `link`; `is_near` says that this leads to the computer
    on which it is opened, and `has_token` that the page is for invited people at all.
    """

    known: Sequence[Invitation]
    said: Said | None
    made: InvitationLink | None
    link: str
    is_near: bool
    has_token: bool
    now: float


def draw(view: InvitationsView) -> Html:
    """The page, as the inside of `<main>`."""
    rows = [_invitation(view, each) for each in view.known]
    nothing = el("p", _("No one is invited yet."), class_="about")
    shown = group(
        el("h2", _("Invitations")),
        _closed(view),
        _told(view, "list"),
        _made(view),
        _new(view),
        el("ul", *rows, class_="inviting-list", aria_label=_("Invitations")) if rows else nothing,
    )
    return el("div", shown, class_="inviting")


def refusal(words: str) -> Html:
    """A page for a friend who is not let in."""
    return el("div", el("p", words, class_="note fault", role="alert"), class_="inviting-guest")


def greeting(invitation: Invitation, key: str) -> Html:
    """The page that a friend opens: who invites, and the button. Nothing has happened until it is pressed."""
    host = invitation.host or _("The operator of this page")
    title = sentence(_("{host} invites you, {name}"), host=named(host), name=named(invitation.name))
    about = _(
        "Here you run picture workflows in your browser. Your own pictures are seen by you alone, and by moderators."
    )
    member = _("The button signs this browser in. You can open the link on your other devices too.")
    author = _("You may also add workflows of your own.") if invitation.role is InvitationRole.AUTHOR else ""
    last = invitation.until
    ends = sentence(_("The invitation ends on {day}."), day=_day(last)) if last is not None else ""
    accept = el("form", el("button", _("Accept the invitation"), class_="main"), method="post", action=key)
    words = [el("p", each) for each in (about, author, member, ends) if each]
    return el("div", el("h2", title), *words, accept, class_="inviting-guest")


def _closed(view: InvitationsView) -> Html | None:
    if view.has_token:
        return None
    words = _(
        "This page is for this computer alone, so no friend can open a link. Set DARKROOM_WEB_HOST and "
        "DARKROOM_WEB_TOKEN, and start the bot again: then invited people come in without that token."
    )
    return el("p", words, class_="note")


def _told(view: InvitationsView, section: str) -> Html | None:
    if (said := view.said) is None or said.section != section or said.at in _FIELDS:
        return None
    kind, role = ("note fault", "alert") if said.wrong else ("note", "status")
    told = el("p", said.words, class_=kind, role=role, tabindex="-1", autofocus=True)
    number = said.given.get("invitation", "") if said.given.get("act") in _SIGNING_OUT and not said.wrong else ""
    found = next((each for each in view.known if each.id == number), None)
    if found is None or found.is_over(view.now):
        return told
    return el("div", told, _act(found, "void", _("Take back the link too")), class_="inviting-told")


def _made(view: InvitationsView) -> Html | None:
    if (made := view.made) is None:
        return None
    title = _("The link for {name}")
    plain = title.format(name=made.name)
    about = _("Send it to them alone. It is shown this once; you can make a new one at any time.")
    near = _(
        "This link leads to the computer on which it is opened. Open this page under the address that your friends "
        "use, or set DARKROOM_PUBLIC_URL, and make a new link."
    )
    copy = el("button", _("Copy"), type="button", class_="button", data_copies=view.link, data_done=_("Copied."))
    told = el("span", id="inviting-copied", role="status")
    words = el(
        "div",
        el("p", about, class_="about"),
        el("p", near, class_="note fault") if view.is_near else None,
        el("code", view.link, dir="ltr"),
        el("div", copy, told, class_="buttons"),
    )
    shown = el("div", words, qr_code(view.link, plain), class_="inviting-made")
    head = el("h3", sentence(title, name=named(made.name)), tabindex="-1", autofocus=True)
    return el("section", head, shown, class_="inviting-card", aria_label=plain)


def _new(view: InvitationsView) -> Html:
    said = view.said if view.said is not None and view.said.section == "new" else None
    given: Mapping[str, str] = said.given if said is not None else {}
    soon = (datetime.fromtimestamp(view.now, UTC) + _SOON * _DAY).date().isoformat()
    last = view.known[0].host if view.known else ""
    role, ends = given.get("role", InvitationRole.MEMBER.value), given.get("ends", "never")
    about = {
        InvitationRole.MEMBER: _("runs workflows"),
        InvitationRole.AUTHOR: _("adds workflows too, which are code on your servers"),
    }
    roles = [(each.value, _role(each), about[each]) for each in InvitationRole]
    terms = [
        ("never", _("Never"), _("until you take it back")),
        ("day", _("On a day"), _("and signs their devices out")),
    ]
    form = el(
        "form",
        _name("name", _("Name of your friend"), given.get("name", ""), said, required=True),
        _name("host", _("Your name, as they know it"), given.get("host", last), said),
        _choice("role", _("They become"), roles, role),
        _choice("ends", _("It ends"), terms, ends),
        el("div", _field("until", _("Last day"), given.get("until") or soon, said, type="date"), class_="inviting-day"),
        el("button", _("Make the link"), name="act", value="make", class_="main"),
        method="post",
        action="invitations",
        class_="inviting-new",
    )
    head = el("h3", _("Invite a friend"))
    return el("section", head, _told(view, "new"), form, class_="inviting-card")


def _name(name: str, label: str, value: str, said: Said | None, *, required: bool = False) -> Html:
    return _field(name, label, unturned(value), said, dir="auto", maxlength="60", required=required)


def _field(name: str, label: str, value: str, said: Said | None, **attributes: str | bool) -> Html:
    fault = said.words if said is not None and said.wrong and said.at == name else ""
    marks = {"aria_invalid": "true", "aria_describedby": f"{name}-fault"} if fault else {}
    shown = el("input", id=name, name=name, value=value or None, autofocus=bool(fault), **marks, **attributes)
    told = el("p", fault, id=f"{name}-fault", class_="fault", role="alert") if fault else None
    return el("div", el("label", label, for_=name), shown, told, class_="inviting-field")


def _choice(name: str, legend: str, options: Sequence[tuple[str, str, str]], chosen: str) -> Html:
    boxes = []
    for value, title, about in options:
        id_ = f"{name}-{value}"
        about_ = f"{id_}-about"
        box = el(
            "input", type="radio", name=name, value=value, id=id_, checked=value == chosen, aria_describedby=about_
        )
        words = el("span", el("label", title, for_=id_), el("small", about, id=about_))
        boxes.append(el("div", box, words, class_="inviting-box"))
    return el("fieldset", el("legend", legend), *boxes)


def _invitation(view: InvitationsView, each: Invitation) -> Html:
    is_over = each.is_over(view.now)
    count = len(each.devices)
    signed = ngettext("{count} device signed in", "{count} devices signed in", count).format(count=count)
    about = el("small", _state(view, each), f" · {signed} · ", ltr(each.id))
    title = el("h3", named(each.name))
    head = el("div", title, el("span", _role(each.role), class_="pill"), about, class_="inviting-head")
    devices = [_device(each, device) for device in each.devices]
    acts: list[Child] = [] if is_over else [_other_role(each)]
    if count > 1:
        acts.append(_act(each, "sign-all-out", _("Sign all out")))
    if not is_over:
        acts += [_act(each, "renew", _("New link")), _act(each, "end", _("Take back"))]
    shown = el("ul", *devices, class_="inviting-devices") if devices else None
    class_ = "inviting-card inviting-one" + (" inviting-is-over" if is_over else "")
    return el("li", head, shown, el("div", *acts, class_="inviting-acts") if acts else None, class_=class_)


def _role(role: InvitationRole) -> str:
    return _("Author") if role is InvitationRole.AUTHOR else _("Member")


def _other_role(invitation: Invitation) -> Html:
    if invitation.role is InvitationRole.AUTHOR:
        return _act(invitation, "role", _("Make a member"), role=InvitationRole.MEMBER.value)
    return _act(invitation, "role", _("Make an author"), role=InvitationRole.AUTHOR.value)


def _state(view: InvitationsView, each: Invitation) -> Html:
    if each.ended_at is not None:
        return sentence(_("taken back on {day}"), day=_day(each.ended_at))
    if each.until is None:
        return group(_("without an end"))
    words = _("ended on {day}") if each.is_over(view.now) else _("until {day}")
    return sentence(words, day=_day(each.until))


def _device(invitation: Invitation, device: SignedInDevice) -> Html:
    told = sentence(_("signed in {at}, last seen {seen}"), at=_moment(device.at), seen=_moment(device.seen_at))
    words = el("div", el("b", named(device.about)), el("small", told))
    label = f"{_('Sign out')}: {device.about}, {invitation.name}"
    return el("li", words, _act(invitation, "sign-out", _("Sign out"), label, device=device.account))


def _act(invitation: Invitation, act: str, words: str, label: str = "", **hidden: str) -> Html:
    given = {"invitation": invitation.id, **hidden}.items()
    inputs = [el("input", type="hidden", name=name, value=value) for name, value in given]
    label = label or f"{words}: {invitation.name}"
    button = el("button", words, name="act", value=act, class_="button", aria_label=label)
    return el("form", *inputs, button, method="post", action="invitations")


def _day(moment: float) -> Html:
    """The day of a moment; an end at midnight is that of the day before."""
    return ltr(datetime.fromtimestamp(moment - 1, UTC).strftime("%Y-%m-%d"))


def _moment(moment: float) -> Html:
    return ltr(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC"))
