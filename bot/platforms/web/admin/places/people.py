"""Draws the people of a place: who asked lately, what they asked for, what they may run and why, and blocks."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.platform import Block, KnownPerson, Overview, PersonView, asked_in, block_words, community_of
from bot.i18n import _, ngettext
from bot.platforms.web.admin.faces import face
from bot.platforms.web.admin.html import Html, el, group
from bot.platforms.web.admin.inputs import Inputs
from bot.platforms.web.admin.now.words import state_title
from bot.platforms.web.admin.parts import button, moment
from bot.platforms.web.admin.places.frame import Frame, deciding, form, link, section

_SHOWN = 100


def people(
    frame: Frame, known: Sequence[KnownPerson], words: str, about: PersonView | None, overview: Overview
) -> Html:
    """The people who asked lately, the one who was chosen, and all blocks."""
    return group(
        _person(frame, about) if about is not None else None,
        section(frame, "people", _("Who asked within a month"), _search(frame, words), _known(frame, known)),
        _blocks(frame, overview),
    )


def _search(frame: Frame, words: str) -> Html:
    hidden = {"place": asked_in(frame.here), "section": "people"}
    fields = [el("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    find = Inputs("people", None, {"who": words}).text("who", _("Name or id"), autocomplete="off")
    return el(
        "form",
        *fields,
        find,
        el("button", _("Search"), class_="button"),
        action="moderate",
        class_="fields",
        role="search",
    )


def _known(frame: Frame, known: Sequence[KnownPerson]) -> Html:
    if not known:
        return el("p", _("There is no such person."), class_="about")
    rows = []
    for each in known[:_SHOWN]:
        person = each.person
        to = link("moderate", frame.here, section="people", person=person.key)
        count = ngettext("{count} run", "{count} runs", each.count).format(count=each.count)
        mark = el("span", _("blocked"), class_="pill no") if each.block is not None else None
        told = el("small", f"{person.key} · {count} · ", _("last"), " ", moment(each.asked_at))
        way = el("a", el("b", el("bdi", person.name or person.id)), href=f"{to}#person")
        rows.append(el("li", face(person), el("div", way, mark, told)))
    left = len(known) - _SHOWN
    more = ngettext("and {count} more: search for them", "and {count} more: search for them", left)
    return group(el("ul", *rows, class_="rows"), el("p", more.format(count=left), class_="about") if left > 0 else None)


def _person(frame: Frame, view: PersonView) -> Html:
    person = view.person
    name = person.name or person.id
    runs = [
        el(
            "li",
            el(
                "div",
                el("b", title),
                el("span", state_title(run.state), class_="pill"),
                el("small", moment(run.asked_at), f" · {run.id}"),
            ),
        )
        for run, title in zip(view.runs, view.titles, strict=True)
    ]
    why = [
        el(
            "tr",
            el("th", each.title, scope="row"),
            el("td", _("allowed") if each.decision.allowed else _("denied")),
            el("td", each.decision.why),
        )
        for each in view.reasons
    ]
    heads = el("tr", *(el("th", words, scope="col") for words in (_("Workflow"), _("May run it"), _("Why"))))
    table = el("table", el("thead", heads), el("tbody", *why))
    label = _("What {name} may run, and why").format(name=name)
    scroll = el("div", table, class_="scroll ctl-why", tabindex="0", role="group", aria_label=label)
    return group(
        el(
            "section",
            el("h3", face(person), el("bdi", name), id="person", tabindex="-1"),
            el("p", person.key, class_="about"),
            el("p", block_words(view.block), class_="note fault") if view.block is not None else None,
            el("h4", label),
            scroll,
            el("h4", _("The latest runs here")),
            el("ul", *runs, class_="rows") if runs else el("p", _("None that is not private."), class_="about"),
            class_="easel",
            aria_labelledby="person",
        ),
    )


def _blocks(frame: Frame, overview: Overview) -> Html:
    unblock, rows = _("Unblock"), []
    for rule in overview.rules:
        if not isinstance(rule.body, Block):
            continue
        label, who = f"{unblock}: {rule.scope.who}", rule.scope.who
        ours = rule.scope.community == community_of(frame.here)
        give_back = form(frame, button("unblock", unblock, label), person=who.id, name=who.name) if ours else None
        rows.append(el("li", el("div", block_words(rule)), give_back))
    inputs = Inputs("blocks", frame.said)
    example = f"{frame.here.platform}:12345"
    fields = [
        inputs.text("person", _("Person"), required=True, placeholder=example, spellcheck="false"),
        inputs.text("reason", _("Reason"), maxlength="500"),
        inputs.text("days", _("Days"), inputmode="decimal", placeholder=_("permanently")),
    ]
    told = el("ul", *rows, class_="rows") if rows else el("p", _("No one is blocked here."), class_="about")
    return section(frame, "blocks", _("Blocks"), told, deciding(frame, fields, "block", _("Block")))
