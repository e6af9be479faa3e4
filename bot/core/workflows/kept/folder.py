"""A folder with what was made of the workflow files at an earlier start. Without it the same is made again.

What it has belongs to a file's content, to this program's own code and to the language. It is used only if it is whole.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

from bot.core.storage import private
from bot.core.workflows.kept import entries
from bot.core.workflows.source import SavedSource
from bot.i18n import language

_log = logging.getLogger(__name__)
_DIGEST = 32  # bytes
_PROGRAM = Path(__file__).parents[4]
_CODE = ("comfy", "bot/core/workflows", "bot/locale")


class KeptWorkflows:
    """All methods take long, and belong into threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, object] = {}  # by the name of the file: what is in it

    def find(self, digest: str) -> SavedSource | None:
        """Return the workflow of a file whose content has this digest, if it is kept."""
        if not self._may_have_any:
            return None
        name = _name(digest)
        try:
            content = (self._folder / name).read_bytes()
        except OSError:
            return None
        if sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return None
        found = entries.read(digest, content[_DIGEST:])
        if found is not None:
            self._written[name] = _state(found)
        return found

    @cached_property
    def _may_have_any(self) -> bool:
        """True unless this is the first start."""
        try:
            return any(self._folder.iterdir())
        except OSError:
            return False

    def keep(self, sources: Iterable[SavedSource]) -> None:
        """Keep what was made of these, and nothing else."""
        wanted = {_name(each.digest): each for each in sources if each.is_whole_file}
        try:
            private.make_folder(self._folder)
            for path in self._folder.iterdir():
                if path.name not in wanted:
                    path.unlink(missing_ok=True)
            for name, source in wanted.items():
                self._write(name, source)
        except OSError as fault:  # the next start takes longer
            _log.warning("what was made of workflows cannot be kept: %s", fault)
        self._written = {name: state for name, state in self._written.items() if name in wanted}

    def _write(self, name: str, source: SavedSource) -> None:
        state = _state(source)
        if self._written.get(name) == state:
            return
        self._written[name] = state
        if (text := entries.written(source)) is not None:
            fresh = self._folder / f"{name}.new"
            fresh.write_bytes(sha256(text).digest() + text)
            fresh.replace(self._folder / name)


def _state(source: SavedSource) -> object:
    return [(each.shape, each.form is not None) for each in source.made]


def _name(digest: str) -> str:
    return sha256(f"{_program()} {language} {digest}".encode()).hexdigest()


@cache
def _program() -> str:
    """Return a digest of the code that makes workflows, so that none is kept beyond a change of it."""
    found = sha256(sys.version.encode())
    for folder in _CODE:
        for path in sorted((_PROGRAM / folder).rglob("*")):
            if path.suffix in (".py", ".mo", ".so"):
                with suppress(OSError):
                    found.update(f"{path.name}\n".encode() + path.read_bytes())
    return found.hexdigest()
