"""Texts of an author in several languages: `title.ru` beside `title`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from bot.i18n import _

#: A key such as "title", a language such as "zh-CN", and the text.
Translations: TypeAlias = tuple[tuple[str, str, str], ...]

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_DOTTED = re.compile(r"^([ \t]*)(title|description|help)\.([\w-]+)([ \t]*=)", re.MULTILINE)


def with_quoted_languages(text: str) -> str:
    """Let a sidecar have `title.ru = …` beside `title = …`, which TOML takes only with quotes around the key."""
    return _DOTTED.sub(r'\1"\2.\3"\4', text)


def split_languages(
    data: Mapping[str, Any], keys: Container[str], faults: list[str]
) -> tuple[dict[str, Any], Translations]:
    """Take the translations of some keys out of a table. Mistakes are added to `faults`."""
    plain = {name: value for name, value in data.items() if not _is_translated(name, value, keys)}
    found: list[tuple[str, str, str]] = []
    for name, value in _flat({name: value for name, value in data.items() if name not in plain}):
        key, _dot, language = name.partition(".")
        if _LANGUAGE.fullmatch(language) is None:
            words = _("“{key}” names no language; write it as {example}")
            faults.append(words.format(key=name, example=f"{key}.zh-CN"))
        elif not isinstance(value, str):
            faults.append(_("{key} must be a text").format(key=name))
        else:
            found.append((key, language, value.strip()))
    return plain, tuple(found)


def _is_translated(name: str, value: object, keys: Container[str]) -> bool:
    key, dot, _language = name.partition(".")
    return key in keys and (bool(dot) or isinstance(value, Mapping))


def _flat(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`title = {ru = …}` says the same as `title.ru = …`."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{language}", text) for language, text in value.items())
        else:
            yield name, value


def in_language(translations: Translations, key: str, language: str) -> str:
    """Return the text in a person's language, else in one that is close to it; empty if there is none."""
    texts = {own.lower(): text for name, own, text in translations if name == key and text}
    found = best_language(language, texts)
    return texts[found] if found is not None else ""


def best_language(wanted: str, known: Iterable[str]) -> str | None:
    """Return what fits a language best: itself, the language without its country, or with another one."""
    names, wanted = list(known), wanted.replace("_", "-").lower()
    first = wanted.partition("-")[0]
    exact = [each for each in (wanted, first) if each in names]
    return next(iter((*exact, *(each for each in names if first and each.partition("-")[0] == first))), None)
