"""The frame of a place: which places and sections there are, and how a section is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from bot.core.model import Place
from bot.core.platform import asked_in
from bot.i18n import _
from bot.platforms.web.admin.html import Child, Html, el, group
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.admin.parts import answer, press

FIRST = "access"  #: the section that is shown first


@dataclass(frozen=True)
class Frame:
    """A section of a place that is shown. `waiting` are so many results that moderators have to look at there."""

    here: Place
    places: Sequence[Place]
    section: str = FIRST
    said: Said | None = None
    waiting: int = 0

    @property
    def sections(self) -> Mapping[str, str]:
        """The sections of this place, each with its title."""
        everywhere = not self.here.community
        reviews = _("Reviews") if not self.waiting else _("Reviews ({count})").format(count=self.waiting)
        return {
            "access": _("Who may run what"),
            "reviews": reviews,
            "people": _("People"),
            "limits": _("Limits"),
            "fields": _("Fields"),
            "words": _("Blocked words"),
            "texts": _("Lists of texts"),
            "styles": _("Styles"),
            "models": _("LoRAs, embeddings and models"),
            "manner": _("How results are shown"),
            "money": _("Nodes that cost money"),
            **({"saved": _("Saved in ComfyUI")} if everywhere else {}),
            "decisions": _("All decisions"),
            "stats": _("Statistics"),
            "log": _("Log"),
        }


def name_of(place: Place) -> str:
    """The name of a place on this page."""
    platform = {"discord": "Discord", "telegram": "Telegram"}.get(place.platform, place.platform)
    if place.platform == "web":
        return _("Everywhere, and the page")
    if not place.community:
        return _("{platform}, in private").format(platform=platform)
    number = f"{platform} {place.community}"
    return f"{place.name} · {number}" if place.name else number


def link(path: str, place: Place, **given: str) -> str:
    """The address of something about a place."""
    asked = {"place": asked_in(place), **{name: value for name, value in given.items() if value}}
    return f"{path}?{urlencode(asked)}"


def draw(frame: Frame, *inside: Child) -> Html:
    """The inside of `<main>`: the places, the contents of this one, and the section."""
    chips = [
        el("a", name_of(each), href=link("moderate", each), aria_current="page" if each == frame.here else None)
        for each in frame.places
    ]
    about = _(
        "What you decide here applies everywhere. A decision for one place replaces it there, but what you deny here "
        "stays denied."
    )
    contents = [
        el("a", title, href=link("moderate", frame.here, section=name), aria_current=_current(name == frame.section))
        for name, title in frame.sections.items()
    ]
    toc = el("nav", el("ul", *(el("li", each) for each in contents)), aria_label=_("Sections"), class_="ctl-toc")
    return group(
        el("nav", el("ul", *(el("li", each) for each in chips)), aria_label=_("Places"), class_="places"),
        el("h2", name_of(frame.here), id="place"),
        None if frame.here.community else el("p", about, class_="about"),
        el("div", el("div", toc, class_="ctl-side"), el("div", *inside, class_="ctl-section"), class_="ctl-now"),
    )


def section(frame: Frame, name: str, title: str, *children: Child) -> Html:
    """A part of the screen, with the answer to the last press, or what that would change."""
    head = el("h3", title, id=name)
    told = group(answer(frame.said, name), _preview(frame, name))
    return el("section", head, told, *children, class_=f"easel {name}", aria_labelledby=name)


def form(frame: Frame, *children: Child, class_: str = "buttons", enctype: str | None = None, **hidden: str) -> Html:
    """A form about this place."""
    return press("moderate", {"place": asked_in(frame.here), **hidden}, *children, class_=class_, enctype=enctype)


def deciding(frame: Frame, inputs: Iterable[Html], act: str, words: str) -> Html:
    """A form for a rule, with a button that only says what the rule would change."""
    look = el("button", _("What would change?"), name="preview", value=act, class_="button")
    keep = el("button", words, name="act", value=act, class_="button act")
    return form(frame, *inputs, el("div", keep, look, class_="buttons"), class_="fields")


def lines(told: Sequence[str]) -> Html:
    """The effects of a decision."""
    return el("ul", *(el("li", each) for each in told), class_="ctl-list")


def _preview(frame: Frame, name: str) -> Html | None:
    said = frame.said
    if said is None or said.section != name or said.preview is None:
        return None
    head = el("p", el("b", _("Nothing is kept yet. If you keep this:")))
    kept = {"role": "status", "tabindex": "-1"}
    return el("div", head, lines(said.preview), class_="note ctl-preview", id=f"said-{name}", autofocus=True, **kept)


def _current(is_current: bool) -> str | None:
    return "page" if is_current else None
