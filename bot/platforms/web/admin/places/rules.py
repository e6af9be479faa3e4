"""Draws the rules of a place: for each kind those that hold there, and a form for another; and all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.core.model import DisplayOptions
from bot.core.platform import (
    Budget,
    Limit,
    ModelNames,
    Narrowing,
    Overview,
    Review,
    Rule,
    RunPrice,
    SavedEntry,
    SavedOverview,
    Spending,
    Style,
    TextList,
    Trial,
    WordList,
    Workflow,
    community_of,
    describe,
)
from bot.i18n import _
from bot.platforms.web.admin.html import Child, Html, el, group
from bot.platforms.web.admin.inputs import Inputs
from bot.platforms.web.admin.parts import button
from bot.platforms.web.admin.places import forms
from bot.platforms.web.admin.places.frame import Frame, deciding, form, link, section


@dataclass(frozen=True)
class RulesView:
    """The rules of a place, and the workflows that they can be about."""

    frame: Frame
    overview: Overview
    workflows: Sequence[Workflow]

    def inputs(self, name: str) -> Inputs:
        return Inputs(name, self.frame.said)

    def of(self, *kinds: type) -> Html:
        """The rules of some kinds that hold here."""
        found = [rule for rule in self.overview.rules if isinstance(rule.body, kinds)]
        return _listed(self.frame, found)


def limits(view: RulesView) -> Html:
    about = el("p", _("For each person, or for everyone together."), class_="about")
    send = deciding(view.frame, forms.limits(view.inputs("limits"), view.workflows), "limit", _("Set the limit"))
    return section(view.frame, "limits", _("Limits"), about, view.of(Limit, Budget), send)


def money(view: RulesView) -> Html:
    """The operator's permission to spend money. The page for everywhere has the prices too, which hold everywhere."""
    inputs = view.inputs("money")
    about = _(
        "Some nodes cost money, through your account at comfy.org. They are off until you permit them, up to a "
        "ceiling. Leave it empty to remove the permission; 0 forbids them."
    )
    permit, prices = deciding(view.frame, forms.ceiling(inputs), "spend", _("Permit")), None
    if not view.frame.here.community:
        prices = deciding(view.frame, forms.own_price(inputs, view.workflows), "price", _("Set the price"))
    told = el("p", about, class_="about")
    return section(view.frame, "money", _("Nodes that cost money"), told, view.of(Spending, RunPrice), permit, prices)


def fields(view: RulesView) -> Html:
    send = deciding(view.frame, forms.narrowings(view.inputs("fields"), view.workflows), "narrow", _("Set the field"))
    return section(view.frame, "fields", _("Fields"), view.of(Narrowing), send)


def words(view: RulesView) -> Html:
    send = deciding(view.frame, forms.lists(view.inputs("words"), view.workflows), "words", _("Set the list"))
    return section(view.frame, "words", _("Blocked words"), view.of(WordList), send)


def texts(view: RulesView) -> Html:
    about = _("Who writes the name between underscores, as in __name__, gets one of the texts, at random.")
    send = deciding(view.frame, forms.texts(view.inputs("texts"), view.workflows), "texts", _("Set the list"))
    told = el("p", about, class_="about")
    return section(view.frame, "texts", _("Lists of texts"), told, view.of(TextList), send)


def styles(view: RulesView) -> Html:
    about = el("p", _("People choose a style in the form. Its texts go around what they write."), class_="about")
    send = deciding(view.frame, forms.styles(view.inputs("styles"), view.workflows), "style", _("Set the style"))
    return section(view.frame, "styles", _("Styles"), about, view.of(Style), send)


def models(view: RulesView) -> Html:
    about = _("This holds for what people write and for what they choose. Leave both empty to allow all.")
    send = deciding(view.frame, forms.models(view.inputs("models"), view.workflows), "models", _("Set this"))
    told = el("p", about, class_="about")
    return section(view.frame, "models", _("LoRAs, embeddings and models"), told, view.of(ModelNames), send)


def manner(view: RulesView) -> Html:
    inputs = forms.display_forms(view.inputs("manner"), view.workflows, view.frame.here)
    send = deciding(view.frame, inputs, "show", _("Save these settings"))
    return section(view.frame, "manner", _("How results are shown"), view.of(Review, DisplayOptions), send)


def decisions(view: RulesView) -> Html:
    frame = view.frame
    export = el("a", _("Export"), href=link("moderate/export", frame.here), class_="button", download=True)
    look = el("button", _("What would change?"), name="preview", value="undo", class_="button")
    row = form(frame, button("undo", _("Undo the last decision")), look, export)
    file = view.inputs("decisions").text(
        "file", _("Import an export"), type="file", accept=".json,application/json", required=True
    )
    give = form(frame, file, button("import", _("Import")), enctype="multipart/form-data", class_="fields")
    told = _listed(frame, view.overview.rules)
    return section(frame, "decisions", _("All decisions"), told, row, give if frame.here.community else None)


#: The sections of rules.
SECTIONS: dict[str, Callable[[RulesView], Html]] = {
    "limits": limits,
    "money": money,
    "fields": fields,
    "words": words,
    "texts": texts,
    "styles": styles,
    "models": models,
    "manner": manner,
    "decisions": decisions,
}


def saved(frame: Frame, found: SavedOverview) -> Html:
    """Draw what people saved at the servers: what waits for the operator, and what cannot be used."""
    rows = [_saved_entry(frame, each) for each in found.entries]
    faults = [el("li", each) for each in found.faults]
    told: list[Child] = [
        el("ul", *rows, class_="rows") if rows else el("p", _("Nothing is saved there."), class_="about")
    ]
    if faults:
        told += [el("p", _("These files cannot be used:"), class_="about"), el("ul", *faults)]
    told += [el("p", each, class_="about") for each in found.servers]
    return section(frame, "saved", _("Saved in ComfyUI"), *told)


def mark(rule: Rule) -> str:
    """The value that names a rule in a form."""
    return hashlib.sha256(repr(rule.slot).encode()).hexdigest()[:16]


def _saved_entry(frame: Frame, entry: SavedEntry) -> Html:
    words = _("waits for you") if entry.waits else entry.stage_words
    told = [el("b", entry.title), el("span", words, class_="pill no" if entry.waits else "pill")]
    told += [el("small", line) for line in entry.lines]
    if entry.waits:
        acts = {"publish": _("Open to others"), "decline": _("Keep closed")}
    else:
        acts = {"unpublish": _("Close")} if entry.is_open else {"reopen": _("Open to others")}
    buttons = [button(act, words, f"{words}: {entry.title}") for act, words in acts.items()]
    return el("li", el("div", *told), form(frame, *buttons, saved=entry.id, newest=entry.newest))


def _listed(frame: Frame, rules: Sequence[Rule]) -> Html:
    if not rules:
        return el("p", _("There are no decisions here."), class_="about")
    return group(el("ul", *(_decision(frame, rule) for rule in rules), class_="rows"))


def _decision(frame: Frame, rule: Rule) -> Html:
    words, drop = describe(rule), _("Remove")
    is_ours = rule.scope.community == community_of(frame.here) and not isinstance(rule.body, Trial)
    act = form(frame, button("drop", drop, f"{drop}: {words}"), rule=mark(rule)) if is_ours else None
    return el("li", el("div", words, forms.contents(rule)), act)
