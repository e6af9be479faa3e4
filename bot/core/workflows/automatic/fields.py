"""The fields of an automatic form, and their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.core.workflows.form import FieldKind, Value
from bot.core.workflows.workflow import Target

#: What people never set: names of files on the server, and how it computes.
_NEVER = re.compile(r"(^|_)(prefix|device|dtype|precision|quantization)$|^upload$|^weight_dtype$", re.IGNORECASE)
_OPTIONS = frozenset({"o", "out", "output", "server", "force", "help", "workflow", "defaults"})  # of the command line
_LONGEST_NAME = 24


@dataclass(frozen=True)
class AutoField:
    """A field of an automatic form. Those of `more` are what few people change. What is None or empty, the server's
    definitions and the graph decide.
    """

    name: str
    targets: tuple[Target, ...]
    kind: FieldKind
    title: str
    more: bool = False
    seed: bool = False
    help: str = ""
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None
    multiline: bool | None = None
    sets: tuple[tuple[str, tuple[Value, ...]], ...] = ()


def is_never_asked(name: str) -> bool:
    """True for an input that people never set: where files go, and on what device the server computes."""
    return _NEVER.search(name.rpartition(".")[2]) is not None


def field_name(*texts: str) -> str:
    """Make the name of a field from the first of these texts that has letters or digits."""
    for text in texts:
        name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST_NAME].strip("_")
        if name:
            return f"{name}_value" if name in _OPTIONS else name
    return "value"


def numbered(fields: Sequence[AutoField]) -> Iterator[AutoField]:
    """Number those of one name, and those of one title."""
    taken, titles = {each.name for each in fields}, Counter[str]()
    used = set[str]()
    for each in fields:
        titles[each.title] += 1
        count, name = titles[each.title], each.name
        for number in range(2, len(fields) + 2):
            if name not in used and (name == each.name or name not in taken):
                break
            name = f"{each.name}_{number}"
        used.add(name)
        yield replace(each, name=name, title=each.title if count == 1 else f"{each.title} {count}")


def each_input_once(fields: Iterable[AutoField]) -> Iterator[AutoField]:
    """Leave out the inputs that an earlier field sets, and fields without inputs. A choice that sets several inputs may
    stand beside the fields of these.
    """
    taken: set[Target] = set()
    for each in fields:
        if each.sets:
            yield each
        elif targets := tuple(target for target in each.targets if target not in taken):
            taken.update(targets)
            yield replace(each, targets=targets)
