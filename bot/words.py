"""The words that people read, in their language: English in the source, others from `bot/locale`."""

from __future__ import annotations

import gettext
from pathlib import Path

_translation = gettext.translation("darkroom", Path(__file__).parent / "locale", fallback=True)

_ = _translation.gettext
ngettext = _translation.ngettext
