"""A draft: a person's request so far, kept between their messages and over restarts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from time import time
from typing import Any

from bot.core.model import RunRequest, StoredFile
from bot.core.platform import Field, FieldKind, Form, eased, main_field, missing, one_each
from bot.platforms.telegram.forms.files import Source, from_json, to_json


@dataclass(frozen=True)
class FormState:
    """`workflow` is empty until one is chosen; until then files wait in `spare`, and words in `words`.

    `message` is the one that asks, `asking` the field that it asks for, `search` what its choices are searched for, and
    `page` that of the choices; `wide` says that all fields are shown, and `more` those too that few people change. `at`
    is when it asked last. All fields are shown below the `news`. The files that wait are results of the workflow
    `after`, if of any. A `private` one is for its person alone. Files that wait go into the field `each` too, with a
    run for each of them.
    """

    workflow: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Source] = field(default_factory=dict)
    spare: tuple[Source, ...] = ()
    words: str = ""
    message: int = 0
    asking: str = ""
    search: str = ""
    page: int = 0
    at: float = 0.0
    wide: bool = False
    more: bool = False
    hidden: bool = False
    news: str = ""
    after: str = ""
    private: bool = False
    each: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(4))

    @classmethod
    def of(cls, request: RunRequest) -> FormState:
        """A draft that asks for what a request does, with all its fields to be seen."""
        files = {name: value for name, value in request.values.items() if isinstance(value, StoredFile)}
        values = {name: str(value) for name, value in request.values.items() if name not in files}
        return cls(request.workflow, values, files, wide=True, private=request.private)

    def filled(self, form: Form) -> FormState:
        """With the files and words that wait put into the fields that take them, in order."""
        files, spare = dict(self.files), list(self.spare)
        for rule, each in product((takes, may_take), form.fields):
            if each.is_media and each.name not in files:
                fitting = next((source for source in spare if rule(each, source)), None)
                if fitting is not None:
                    files[each.name] = fitting
                    spare.remove(fitting)
        values, main = dict(self.values), main_field(form)
        if self.words and main is not None:
            values.setdefault(main.name, self.words)
        return replace(self, values=values, files=files, spare=tuple(spare), words="")

    def given(self, form: Form) -> dict[str, Any]:
        """The values and files for a request; several files for a field with a run each."""
        files: dict[str, Any] = {name: source for name, source in self.files.items() if name in form.names}
        if self.each in files and self.spare:
            files[self.each] = (files[self.each], *self.spare)
        return {**{name: text for name, text in self.values.items() if name in form.names}, **files}

    def may_be_each(self, form: Form) -> str:
        """The field that takes one of several files that the draft has, if there can be a run for each of them."""
        name = one_each(form, len(self.spare) + 1)
        fits = name in self.files and all(may_take(form[name], source) for source in self.spare)
        return name if fits else ""

    def missing(self, form: Form) -> Field | None:
        """The first field that is needed and not there."""
        fields = eased(form, self.values).fields
        return next((each for each in fields if each.required and not self.has(each)), None)

    def has(self, each: Field) -> bool:
        return each.name in self.files if each.is_media else bool(self.values.get(each.name, "").strip())

    def with_value(self, name: str, value: str | None) -> FormState:
        """With a field set, or left to its default; nothing is asked for then."""
        values = {key: text for key, text in self.values.items() if key != name}
        if value is not None:
            values[name] = value
        return replace(self, values=values, asking="", search="", page=0)

    def with_newest(self, form: Form, found: Sequence[Source], asked: str = "") -> tuple[FormState, list[Source]]:
        """With the files that a person has just sent, each in the first field that takes it and is empty, else in the
        first one; and those that no field takes. The first is for the field that they were `asked` for. Several for a
        workflow that takes one wait until it is said if each shall have a run.
        """
        one = one_each(form, len(found))
        if one and all(may_take(form[one], source) for source in found):
            return replace(self, files={one: found[0]}, spare=tuple(found[1:]), each=""), []
        files, left = {name: file for name, file in self.files.items() if name != asked}, list[Source]()
        for source in found:
            fitting = [each.name for rule in (takes, may_take) for each in form.fields if rule(each, source)]
            if fitting:
                wanted = (name for name in (asked, *fitting) if name in fitting and name not in files)
                files[next(wanted, fitting[0])] = source
            else:
                left.append(source)
        return replace(self, files=files, spare=(), each=""), left

    def without(self, name: str) -> FormState:
        """Without the value, or the file, of a field."""
        values = {key: text for key, text in self.values.items() if key != name}
        if name == self.each:
            return replace(self, values=values, files={}, spare=(), each="")
        return replace(self, values=values, files={key: file for key, file in self.files.items() if key != name})

    def to_json(self) -> dict[str, Any]:
        files = {name: to_json(source) for name, source in self.files.items()}
        data = {**vars(self), "values": dict(self.values), "files": files, "spare": [*map(to_json, self.spare)]}
        return {
            name: value
            for name, value in data.items()
            if value or name not in ("more", "news", "after", "private", "each")
        }  # new since 0.1

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FormState:
        """Read the data that `to_json` writes."""
        files = {name: from_json(source) for name, source in data["files"].items()}
        # Version 0.1 did not note when it asked: there is still an hour for the answer.
        return cls(**{"at": time(), **data, "files": files, "spare": tuple(map(from_json, data["spare"]))})


def may_take(field: Field, source: Source) -> bool:
    """True if a field can use a file, such as the last picture of a video."""
    continues = field.kind is FieldKind.IMAGE and source.kind == FieldKind.VIDEO and not missing()
    return continues or takes(field, source)


def takes(field: Field, source: Source) -> bool:
    """True if a field is for files of this kind. A file that says nothing of itself may be a picture."""
    may_be_picture = field.kind is FieldKind.IMAGE and source.kind == FieldKind.FILE
    return field.is_media and (source.kind in ("", field.kind) or field.kind is FieldKind.FILE or may_be_picture)
