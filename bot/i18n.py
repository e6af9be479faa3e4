"""Translate the texts that people read. English is in the source, other languages in `bot/locale`."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # signs that turn the direction of what follows


def translated(folder: Path) -> gettext.NullTranslations:
    """Return the translation in a folder for the environment's language; English if there is none."""
    return gettext.translation("darkroom", folder, fallback=True)


def language_of(translation: gettext.NullTranslations) -> str:
    """Return the language code of a translation, for a web page."""
    return translation.info().get("language", "en").replace("_", "-")


_translation = translated(Path(__file__).parent / "locale")

_ = _translation.gettext
ngettext = _translation.ngettext
language = language_of(_translation)


def unturned(name: str) -> str:
    """Return a name that a person chose without signs that would turn the letters around it."""
    return _TURNS.sub("", name)


def isolated(name: str) -> str:
    """Return a name as it stands in a sentence, so that neither turns the other where one is written right-to-left."""
    return f"\u2068{unturned(name)}\u2069"
