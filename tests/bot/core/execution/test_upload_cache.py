"""The names that a server gave to our files are remembered within a bound."""

from __future__ import annotations

import pytest

from bot.core.execution.attempt import UploadCache


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
