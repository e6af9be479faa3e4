"""Inputs: those of a form, each with its label; where something was at fault, with what had been given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.platforms.web.admin.html import Html, el


@dataclass(frozen=True)
class Said:
    """The answer to the last press, and its section. If it was `wrong`, `given` holds the values filled in, and `at`
    names the input to change, if it was one of them. If nothing was kept yet, `preview` says what would change.
    """

    section: str
    words: str
    wrong: bool = False
    at: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    preview: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Inputs:
    """The inputs of a section's form. `defaults` are what they show at first."""

    section: str
    said: Said | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, label: str, **attributes: str | bool) -> Html:
        marks = {**self._marks(name), **attributes}
        return _labelled(label, el("input", name=name, value=self._value(name) or None, **marks))

    def area(self, name: str, label: str, **attributes: str | bool) -> Html:
        return _labelled(label, el("textarea", self._value(name), name=name, **self._marks(name), **attributes))

    def choice(self, name: str, label: str, options: Iterable[tuple[str, str]]) -> Html:
        """`options` are values, each with its words."""
        shown = [self._option(name, value, words) for value, words in options]
        return _labelled(label, el("select", *shown, name=name, **self._marks(name)))

    def grouped(self, name: str, label: str, groups: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> Html:
        """The same with options in groups, each group with its words."""
        shown = [
            el("optgroup", *(self._option(name, value, words) for value, words in options), label=title)
            for title, options in groups
        ]
        return _labelled(label, el("select", *shown, name=name, **self._marks(name)))

    def switch(self, name: str, label: str) -> Html:
        box = el("input", type="checkbox", name=name, value="yes", checked=self._value(name) == "yes")
        return el("label", box, el("span", label), class_="switch")

    def _option(self, name: str, value: str, words: str) -> Html:
        return el("option", words, value=value, selected=self._value(name) == value)

    def _value(self, name: str) -> str:
        said = self.said
        is_open = said is not None and said.section == self.section and (said.wrong or said.preview is not None)
        return (said.given if said is not None and is_open else self.defaults).get(name, "")

    def _marks(self, name: str) -> dict[str, str]:
        if self._fault is None or self._fault.at != name:
            return {}
        return {"aria_invalid": "true", "aria_describedby": f"said-{self.section}"}

    @property
    def _fault(self) -> Said | None:
        return self.said if self.said is not None and self.said.wrong and self.said.section == self.section else None


def _labelled(label: str, control: Html) -> Html:
    return el("label", el("span", label), control)
