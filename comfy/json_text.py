"""Read JSON that others wrote."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
_HALF_BYTES = re.compile(rb"\\ud[89a-f]|\xed[\xa0-\xbf]", re.IGNORECASE)


def read_json(text: str | bytes) -> Any:
    """Return what a text in JSON says. A `?` stands in for half a character, which JSON can name, but no file, database
    or chat takes. Raises `ValueError` and `RecursionError`.
    """
    return whole_characters(json.loads(text), text)


def whole_characters(data: Any, text: str | bytes) -> Any:
    """Return what a text in JSON says with a `?` for each half of a character in it."""
    if (_HALF.search(text) if isinstance(text, str) else _HALF_BYTES.search(text)) is None:
        return data
    return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
