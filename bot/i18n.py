"""Translate the texts that people read. English is in the source, other languages in `bot/locale`."""

from __future__ import annotations

import gettext
from pathlib import Path


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
