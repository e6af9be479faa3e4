"""The steps of the first setup, drawn: what was found and checked, what can be changed, and the way on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.i18n import _
from bot.platforms.web.admin.html import Child, Html, el, group, ltr, named, told
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.qr import qr_code
from bot.setup.draft import SetupDraft
from bot.setup.service import BundledWorkflow, SetupEnd
from bot.setup.workflows import OfferedWorkflow

STEPS = ("servers", "chats", "workflows", "page", "start")
_ADDRESS = "http://192.168.1.20:8188"
_CHATS = {"discord": "Discord", "telegram": "Telegram"}


@dataclass(frozen=True)
class SetupView:
    """One step as it is shown. `saved` are the workflows that people saved at the servers; `found` is what the search
    for `find` found in their libraries. `lacking` says what the servers lack for bundled workflows, by their names.
    `has_engine` says that there is a built-in engine; `fault`, why the settings cannot be written.
    """

    step: str
    draft: SetupDraft
    bundled: Sequence[BundledWorkflow]
    said: Said | None = None
    saved: Sequence[OfferedWorkflow] = ()
    find: str = ""
    found: Sequence[OfferedWorkflow] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    has_engine: bool = True
    fault: str = ""


def draw(view: SetupView) -> Html:
    """The page, as the inside of `<main>`."""
    steps = {"servers": _servers, "chats": _chats, "workflows": _workflows, "page": _page, "start": _start}
    blocked = el("p", told(view.fault), class_="note fault", role="alert") if view.fault else None
    return group(_steps(view), blocked, *steps[view.step](view))


def refusal(*, is_used: bool) -> Html:
    """The page for a browser that may not see the setup."""
    words = _(
        "Open the whole address that stands in the terminal in which “darkroom start” runs: it ends with a key, which "
        "works once."
    )
    if is_used:
        words = _(
            "This key was used by another browser. If that was not you, press Ctrl-C in the terminal and type "
            "“darkroom start” again: you get a new key, and nothing that was checked is lost."
        )
    return el("p", words, class_="note fault", role="alert")


def ending(end: SetupEnd) -> Html:
    """The page while the bot starts."""
    return group(el("p", _waits(end), role="status", class_="note"), el("p", el("a", _("Next"), href="../")))


def _waits(end: SetupEnd) -> str:
    if end is SetupEnd.DEMO:
        return _("One moment: the built-in engine starts.")
    return _("One moment: the settings are written, and the bot starts.")


def _names() -> Mapping[str, str]:
    return {
        "servers": _("ComfyUI"),
        "chats": _("Chats"),
        "workflows": _("Workflows"),
        "page": _("Page"),
        "start": _("Start"),
    }


def _steps(view: SetupView) -> Html:
    items = [
        el("li", el("a", name, href=_to(step), aria_current="step" if step == view.step else None))
        for step, name in _names().items()
    ]
    return el("nav", el("ol", *items), aria_label=_("Steps"), class_="setup-steps")


def _servers(view: SetupView) -> list[Html]:
    rows = [
        _row(view, "drop-server", each.label, each.label.removesuffix("/"), each.about) for each in view.draft.servers
    ]
    nothing = _("There is no ComfyUI yet. Start yours and look again, or write its address.")
    if view.has_engine:
        nothing += " " + _("Without one, the built-in engine runs the workflows that need no model.")
    add = _form(
        view,
        _field(view, "address", _("Address of a ComfyUI"), dir="ltr", placeholder=_ADDRESS, inputmode="url"),
        _server_token(view),
        _button("add", _("Check and add")),
    )
    later = _("That keeps nothing. The setup goes on here when you start again.")
    demo = _form(
        view,
        el("button", _("Just try it with the built-in engine"), class_="quiet"),
        action="setup/demo",
        **_while_it_starts(SetupEnd.DEMO),
    )
    return [
        _head(_("Where is your ComfyUI?"), _("Darkroom sends it the workflows that people ask for.")),
        _card(
            view, "servers", _list(rows, nothing), _form(view, _button("look", _("Look on this computer again"))), add
        ),
        _onward(view, el("a", _("Next"), href=_to("chats"), class_="main")),
        *([el("div", demo, _about(later), _waiting(), class_="setup-demo")] if view.has_engine else []),
    ]


def _server_token(view: SetupView) -> Html:
    """A token is wanted by few servers, most of them behind a proxy."""
    kept = bool(view.draft.server_token)
    words = _("Another token of the ComfyUI (there is one)") if kept else _("Token of the ComfyUI")
    about = _("It is sent as “Authorization: Bearer …” to all servers of this list.")
    return el(
        "details",
        el("summary", _("It asks for a token")),
        _secret(view, "server_token", words),
        el("p", about, class_="about"),
        open=view.said is not None and view.said.at == "server_token",
    )


def _chats(view: SetupView) -> list[Html]:
    discord = _(
        "At discord.com/developers/applications: New Application, then Bot, then Reset Token. It needs no other switch."
    )
    telegram = _("On Telegram, write /newbot to @BotFather. It asks for a name, and gives you the token.")
    who = _("Who may use it: ids and @names with commas, or * for everyone")
    return [
        _head(_("Who shall reach it in a chat?"), _("Both can wait: the page in the browser works without.")),
        _chat(view, "discord", discord),
        _chat(view, "telegram", telegram, _field(view, "allowed", who, "*", dir="ltr")),
        _onward(view, el("a", _("Next"), href=_to("workflows"), class_="main"), back="servers"),
    ]


def _chat(view: SetupView, platform: str, help_: str, *more: Html) -> Html:
    name, bot = _CHATS[platform], view.draft.bots.get(platform)
    title = el("h3", name)
    if bot is None:
        words = _("Token of your {platform} bot").format(platform=name)
        token = _secret(view, platform, words)
        return _card(view, platform, title, _about(help_), _form(view, token, *more, _check(platform)))
    invite = _("Invite {name}: {link}") if platform == "discord" else _("Open {name}: {link}")
    about, address = invite.partition("{name}")[0], bot.account.invitation
    link = el("a", address, href=address, rel="noreferrer", target="_blank", dir="ltr")
    lacks = [el("p", told(each), class_="warning") for each in bot.account.lacks]
    way = el("div", el("b", about, named(bot.account.name)), link, *lacks)
    shown = el("div", way, qr_code(address, about + bot.account.name), class_="setup-invite")
    good = el("p", _("The token works."), class_="setup-good")
    return _card(view, platform, title, good, shown, _form(view, _button(f"drop-{platform}", _("Use another token"))))


def _check(platform: str) -> Html:
    return _button(platform, _("Check the token"))


def _workflows(view: SetupView) -> list[Html]:
    bundled = view.draft.bundled
    boxes = [
        _box(f"bundled-{each.name}", each.title, _described(view, each), bundled is None or each.name in bundled)
        for each in view.bundled
    ]
    legend = el("legend", _("Bundled, for everyone"))
    chosen = _form(
        view, el("fieldset", legend, *boxes), _onward(view, _button("choose", _("Next"), main=True), back="chats"),
        id="bundled-form", then="page",
    )  # fmt: skip
    parts: list[Child] = []
    if view.draft.servers:
        parts = [*_picking(view)]
    else:
        parts = [
            el("p", _("With a ComfyUI, its saved workflows and its library can be picked here too."), class_="about")
        ]
    return [
        _head(_("What may people run?"), _("You can change all of this later, in the chat and on the page.")),
        _card(view, "picked", *parts),
        _card(view, "bundled", chosen),
    ]


def _described(view: SetupView, bundled: BundledWorkflow) -> str:
    lacks = view.lacking.get(bundled.name)
    if lacks is None:
        return bundled.description
    return " ".join((bundled.description, lacks, _("People do not see it until then.")))


def _picking(view: SetupView) -> list[Child]:
    taken = {each.key for each in view.draft.picked}
    picked = [
        _row(view, "drop", each.key, each.title, each.remarks or _("The server can run it."))
        for each in view.draft.picked
    ]
    saved = [_offer(view, each) for each in view.saved if each.key not in taken]
    found = [_offer(view, each) for each in view.found if each.key not in taken]
    search = el(
        "form",
        el("input", type="hidden", name="step", value="workflows"),
        _field(view, "find", _("Search the library of your ComfyUI"), view.find, type="search", dir="auto"),
        el("button", _("Search"), class_="button"),
        method="get",
        action="setup",
        role="search",
        class_="setup-form",
    )
    none = el("p", _("Nothing has these words."), class_="about", role="status") if view.find and not found else None
    return [
        el("h3", _("From your ComfyUI")),
        el("ul", *picked, class_="setup-rows", aria_label=_("Picked")) if picked else None,
        _fault_of(view, "library"),
        search,
        el("ul", *found, class_="setup-rows", aria_label=_("Found")) if found else none,
        el(
            "details",
            el("summary", _("Saved in your ComfyUI ({count})").format(count=len(saved))),
            el(
                "p",
                _("What you save in its folder “darkroom” need not be picked: it is there by itself."),
                class_="about",
            ),
            el("ul", *saved, class_="setup-rows")
            if saved
            else el("p", _("Nothing else is saved there."), class_="about"),
        ),
    ]


def _offer(view: SetupView, each: OfferedWorkflow) -> Html:
    return _row(view, "pick", each.key, each.title, each.about, _("Pick"))


def _page(view: SetupView) -> list[Html]:
    token = view.draft.token or secrets.token_urlsafe(12)
    wrong = view.said is not None and view.said.wrong
    others = bool(view.draft.token) or (view.said is not None and wrong and view.said.given.get("others") == "yes")
    ways = (
        ("no", _("This computer alone"), _("It needs no token. The person who sits here is the operator."), not others),
        (
            "yes",
            _("Other computers and phones too"),
            _("They need the token below, or an invitation. This browser becomes the operator's."),
            others,
        ),
    )
    radios = [_box("others", title, about, on, "radio", value) for value, title, about, on in ways]
    form = _form(
        view,
        el("fieldset", el("legend", _("The page opens for")), *radios),
        el(
            "div",
            _field(view, "token", _("Token of the page"), token, dir="ltr", autocomplete="off", spellcheck="false"),
            class_="setup-token",
        ),
        _onward(view, _button("protect", _("Next"), main=True), back="workflows"),
        then="start",
    )
    return [
        _head(_("Who may open the page?"), _("It shows the same workflows as the chats.")),
        _card(view, "page", form),
    ]


def _start(view: SetupView) -> list[Html]:
    draft = view.draft
    count = len(view.bundled if draft.bundled is None else draft.bundled) + len(draft.picked)
    servers = [group(ltr(each.label), " (", el("bdi", each.about), ")") for each in draft.servers]
    bots = [el("bdi", f"{_CHATS[name]}: ", named(bot.account.name)) for name, bot in draft.bots.items()]
    rows = {
        "servers": _joined(servers) or _("the built-in engine"),
        "chats": _joined(bots) or _("none yet"),
        "workflows": str(count),
        "page": _("for other computers too, with a token") if draft.token else _("for this computer alone"),
    }
    names = _names()
    listed = [
        group(el("dt", names[step]), el("dd", words, " ", _change(step, names[step]))) for step, words in rows.items()
    ]
    go = _form(
        view,
        _onward(view, el("button", _("Start Darkroom"), class_="main"), back="page"),
        action="setup/finish",
        **_while_it_starts(SetupEnd.WRITTEN),
    )
    about = _("This writes a file .env in the folder of the terminal. Then the page opens, for your first picture.")
    return [_head(_("All is ready"), about), _card(view, "start", el("dl", *listed), _waiting(), go)]


def _joined(parts: Sequence[Html]) -> Html:
    return Html(", ".join(parts))


def _change(step: str, name: str) -> Html:
    words = _("Change")
    return el("a", words, href=_to(step), aria_label=f"{words}: {name}")


def _while_it_starts(end: SetupEnd) -> dict[str, str]:
    return {
        "data_ends": _waits(end),
        "data_gone": _("The setup no longer answers. Look at the terminal, and type “darkroom start” again."),
        "data_long": _("It takes longer than usual. The terminal says why."),
    }


def _waiting() -> Html:
    return el("p", id="setup-end", role="status", tabindex="-1", class_="about")


def _head(title: str, about: str) -> Html:
    return el("div", el("h2", title), _about(about), class_="setup-head")


def _about(words: str) -> Html:
    return el("p", told(words), class_="about")


def _card(view: SetupView, name: str, *children: Child) -> Html:
    return el("section", _fault_of(view, name), *children, class_="setup-card")


def _fault_of(view: SetupView, name: str) -> Html | None:
    """The answer to the last press, in its section; one about an input stands beside that."""
    if (said := view.said) is None or said.section != name or said.at:
        return None
    kind, role = ("note fault", "alert") if said.wrong else ("note", "status")
    return el("p", told(said.words), class_=kind, role=role, tabindex="-1", autofocus=True)


def _list(rows: Sequence[Html], nothing: str) -> Html:
    return el("ul", *rows, class_="setup-rows") if rows else el("p", nothing, class_="about")


def _row(view: SetupView, act: str, key: str, name: str, about: str, words: str = "") -> Html:
    words = words or _("Remove")
    button = _button(act, words, label=f"{words}: {name}")
    form = _form(view, el("input", type="hidden", name="key", value=key), button)
    return el("li", el("div", el("b", named(name)), el("small", el("bdi", told(about)))), form)


def _form(view: SetupView, *children: Child, action: str = "setup", then: str = "", **attributes: str) -> Html:
    hidden = {"step": view.step, "then": then or view.step}
    inputs = [el("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    return el("form", *inputs, *children, method="post", action=action, class_="setup-form", **attributes)


def _field(view: SetupView, name: str, label: str, value: str = "", **attributes: str) -> Html:
    """An input with its label, and below it what is wrong with what was given."""
    said, fault = view.said, ""
    if said is not None and said.wrong and name in said.given:
        value = said.given[name] if attributes.get("type") != "password" else ""
        fault = said.words if said.at == name else ""
    marks = {"aria_invalid": "true", "aria_describedby": f"{name}-fault"} if fault else {}
    shown = el("input", id=name, name=name, value=value or None, autofocus=bool(fault), **marks, **attributes)
    words = el("p", told(fault), id=f"{name}-fault", class_="fault", role="alert") if fault else None
    return el("div", el("label", label, for_=name), shown, words, class_="setup-field")


def _secret(view: SetupView, name: str, label: str) -> Html:
    """An input for a secret, which is never sent back."""
    return _field(view, name, label, type="password", dir="ltr", autocomplete="off", spellcheck="false")


def _box(name: str, title: str, about: str, on: bool, kind: str = "checkbox", value: str = "yes") -> Html:
    id_ = f"{name}-{value}"
    box = el("input", type=kind, name=name, value=value, id=id_, checked=on, aria_describedby=f"{id_}-about")
    words = el("span", el("label", named(title), for_=id_), el("small", el("bdi", about), id=f"{id_}-about"))
    return el("div", box, words, class_="setup-box")


def _button(act: str, words: str, *, main: bool = False, label: str | None = None) -> Html:
    return el("button", words, name="act", value=act, class_="main" if main else "button", aria_label=label)


def _onward(view: SetupView, way: Html, back: str = "") -> Html:
    before = el("a", _("Back"), href=_to(back), class_="button") if back else None
    return el("div", before, way, class_="setup-onward")


def _to(step: str) -> str:
    return f"setup?step={step}"
