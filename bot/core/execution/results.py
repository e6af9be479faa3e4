"""The result of a run, from its record and the stored files, ready to be delivered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Result, ResultFile
from bot.core.run import Outcome, RunRecord


async def result_of(
    run: RunRecord,
    outcome: Outcome,
    media: BlobStore,
    links: SignedLinks,
    folder: Path,
    here: Mapping[str, Path] | None = None,
) -> Result:
    """Fetch the files of an outcome into a folder, but for those that are `here`, by their keys. Raises
    `StorageFailed`.
    """

    async def fetched(key: str, number: int) -> Path:
        at_hand = (here or {}).get(key)
        return at_hand or await media.fetch(key, folder / f"result-{number}{Path(key).suffix}")

    files = [
        ResultFile(
            await fetched(file.key, number),
            file.filename,
            file.kind,
            await links.url(run.id, number, file.filename),
        )
        for number, file in enumerate(outcome.files, 1)
    ]
    texts, warnings, nothing_new = outcome.texts, outcome.warnings, outcome.nothing_new
    return Result(run.id, run.workflow, run.values, tuple(files), texts, warnings, nothing_new, run.waited, run.took)
