"""The result of a run, from its record and the stored files, ready to be delivered."""

from __future__ import annotations

from pathlib import Path

from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Result, ResultFile
from bot.core.run import Outcome, RunRecord


async def result_of(run: RunRecord, outcome: Outcome, media: BlobStore, links: SignedLinks, folder: Path) -> Result:
    """Fetch the files of an outcome into a folder. Raises `StorageFailed`."""
    files = [
        ResultFile(
            await media.fetch(file.key, folder / f"result-{number}{Path(file.key).suffix}"),
            file.filename,
            file.kind,
            await links.url(run.id, number, file.filename),
        )
        for number, file in enumerate(outcome.files, 1)
    ]
    texts, warnings, nothing_new = outcome.texts, outcome.warnings, outcome.nothing_new
    return Result(run.id, run.workflow, run.values, tuple(files), texts, warnings, nothing_new, run.waited, run.took)
