"""The names that a server gave to our files are remembered within a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.execution.attempt import UploadCache
from bot.core.run import State
from tests.bot.harness import ANN, house, picture, renamed


@pytest.mark.parametrize("count", [200, pytest.param(100_000, marks=pytest.mark.long)])
def test_the_files_that_were_used_last_are_remembered(count: int) -> None:
    uploads = UploadCache(most=count // 10)
    uploads.note("often.png", "often")
    for number in range(count):
        uploads.note(f"{number}.png", f"name {number}")
        assert uploads.name("often.png") == "often"
    assert len(uploads) == count // 10
    assert uploads.name("0.png") is None
    assert uploads.name(f"{count - 1}.png") == f"name {count - 1}"


def test_a_server_is_given_every_file_again_after_its_folder_was_emptied() -> None:
    uploads = UploadCache()
    uploads.note("a.png", "a")
    uploads.forget()
    assert uploads.name("a.png") is None


def test_a_file_is_left_to_the_attempt_that_still_needs_it() -> None:
    uploads, first, second = UploadCache(), object(), object()
    for user, keys in ((first, ("a.png", "b.png")), (second, ("b.png",))):
        for key in keys:
            uploads.use(key, user)
    assert uploads.leave(first) == ["a.png"]
    assert uploads.leave(first) == []
    assert uploads.leave(second) == ["b.png"]


@pytest.mark.long
async def test_people_who_give_the_same_picture_at_once_all_have_their_result(tmp_path: Path) -> None:
    given = picture(tmp_path)
    async with house(tmp_path, servers=[]) as home:  # the built-in engine forgets what a run has brought to it
        asked = [await home.ask("negative", renamed(ANN, number), photo=given) for number in range(12)]
        ended = await home.ended(*(run_id for run_id, _message in asked))
    assert [(run.state, run.sentence) for run in ended] == [(State.DONE, None)] * 12
