"""Make README.md readable outside the repository: package indexes show it, and know none of our folders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)(\[[^]]*\])\((?!https?://|#)([^)]+)\)")
_PICTURE = re.compile(r'\b(src|srcset)="(?!https?://)([^" ]+)"')


class Readme(MetadataHookInterface):
    """Gives each link into the repository its whole address."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": whole(text, metadata["urls"]["Source"])}


def whole(text: str, source: str) -> str:
    def address(link: re.Match[str]) -> str:
        picture, words, path = link.groups()
        return f"{picture}{words}({source}/{'raw' if picture else 'blob'}/main/{path})"

    return _PICTURE.sub(rf'\1="{source}/raw/main/\2"', _LINK.sub(address, text))
