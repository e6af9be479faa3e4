"""The words that people read, in their language: English in the source, others from `bot/locale`."""

from __future__ import annotations

import gettext
from pathlib import Path


def translated(folder: Path) -> gettext.NullTranslations:
    """The words of a folder in the language that the environment names; English where they are not there in it."""
    return gettext.translation("darkroom", folder, fallback=True)


def language_of(translation: gettext.NullTranslations) -> str:
    """The language of words, as a page names its own."""
    return translation.info().get("language", "en").replace("_", "-")


_translation = translated(Path(__file__).parent / "locale")

_ = _translation.gettext
ngettext = _translation.ngettext
language = language_of(_translation)
