from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.core.model import Person, Place, Queued, Result, ResultFile, RunSummary
from bot.core.run import State
from bot.platforms.discord.message_ref import MessageRef
from bot.platforms.discord.presence import presence
from bot.platforms.discord.rest import DiscordRest
from bot.platforms.discord.runs.attachments import pack
from bot.platforms.discord.runs.reply import DiscordReply
from bot.platforms.discord.runs.text import result_text, status_text
from tests.bot.core.media.test_films import make_animation, make_film
from tests.bot.platforms.discord.harness import noise

BRIEF = RunSummary(
    "run", "flow", "Flow *", Person("discord", "1", "Al_ice_"), Place("discord", "2"), {"text": "a\n**b**"}
)


def result(*files: ResultFile, texts: tuple[str, ...] = ()) -> Result:
    return Result("run", "flow", BRIEF.values, files, texts, took=3.0)


def file(folder: Path, name: str, content: bytes, kind: str = "image") -> ResultFile:
    path = folder / name
    path.write_bytes(content)
    return ResultFile(path, name, kind)


async def test_ten_files_fit_and_the_others_are_counted(tmp_path: Path) -> None:
    files = [file(tmp_path, f"{number}.png", b"x") for number in range(12)]
    packed = await pack(result(*files), BRIEF, 1000)
    assert len(packed.pieces) == 10
    assert packed.notes == ("2 more files did not fit here.",)
    assert packed.reduced


async def test_the_files_of_a_message_share_a_request(tmp_path: Path) -> None:
    files = [file(tmp_path, f"{number}.mp4", b"x" * 6 * 2**20, "video") for number in range(5)]
    assert len((await pack(result(*files[:4]), BRIEF, 10 * 2**20)).pieces) == 4
    packed = await pack(result(*files), BRIEF, 10 * 2**20)
    assert [piece.filename for piece in packed.pieces] == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
    assert packed.reduced
    small = [file(tmp_path, f"{number}.png", b"x") for number in range(9)]
    assert len((await pack(result(files[0], *small), BRIEF, 10 * 2**20)).pieces) == 10
    assert len((await pack(result(*files), BRIEF, 50 * 2**20)).pieces) == 5  # a server that takes large files


async def test_a_video_too_large_is_named_with_its_size(tmp_path: Path) -> None:
    packed = await pack(result(file(tmp_path, "film.mp4", b"x" * 3 * 2**20, "video")), BRIEF, 2 * 2**20)
    assert packed.pieces == ()
    assert packed.notes == ("film.mp4 has 3.0 MB, more than Discord takes here.",)


async def test_a_video_too_large_is_made_smaller(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", 1, (160, 120))
    most = film.stat().st_size // 2
    packed = await pack(result(ResultFile(film, "film.mp4", "video")), BRIEF, most)
    (piece,) = packed.pieces
    assert piece.filename == "film.mp4"
    assert isinstance(piece.source, Path)
    assert piece.source.stat().st_size <= most
    assert packed.notes == (f"film.mp4 is smaller than it was made, to fit into Discord's {most / 2**20:.2g} MB.",)
    assert packed.reduced  # so Original is there


async def test_without_pyav_it_says_what_would_make_a_video_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.media.films.making.is_installed", lambda: False)
    packed = await pack(result(file(tmp_path, "film.mp4", b"x" * 3 * 2**20, "video")), BRIEF, 2 * 2**20)
    assert packed.notes == (
        "film.mp4 has 3.0 MB, more than Discord takes here. "
        "Videos can be changed where PyAV is installed: pip install 'darkroom[media]'.",
    )


@pytest.mark.parametrize("suffix", [".webp", ".png", ".webm"])
async def test_what_discord_does_not_play_becomes_a_video(tmp_path: Path, suffix: str) -> None:
    moving = make_animation if suffix != ".webm" else partial(make_film, seconds=0.3, size=(96, 64))
    kind = "video" if suffix == ".webm" else "image"
    packed = await pack(result(ResultFile(moving(tmp_path / f"cat{suffix}"), f"cat{suffix}", kind)), BRIEF, 10**7)
    assert [piece.filename for piece in packed.pieces] == ["cat.mp4"]
    assert packed.notes == ()
    assert packed.reduced


async def test_a_small_gif_stays_one(tmp_path: Path) -> None:
    packed = await pack(result(ResultFile(make_animation(tmp_path / "cat.gif"), "cat.gif", "image")), BRIEF, 10**7)
    assert [piece.filename for piece in packed.pieces] == ["cat.gif"]
    large = make_animation(tmp_path / "dog.gif", 40)
    packed = await pack(result(ResultFile(large, "dog.gif", "image")), BRIEF, large.stat().st_size - 1)
    assert [piece.filename for piece in packed.pieces] == ["dog.mp4"]


async def test_a_picture_too_large_is_made_smaller(tmp_path: Path) -> None:
    packed = await pack(result(file(tmp_path, "big.png", noise(300, 200))), BRIEF, 60_000, spoiler=True)
    (piece,) = packed.pieces
    assert piece.filename == "big.webp"
    assert isinstance(piece.source, Path)
    assert piece.source.stat().st_size <= 60_000
    assert piece.spoiler
    assert piece.description.startswith("Flow *: ")


def test_a_link_is_never_cut() -> None:
    note = "film.mp4 has 3.0 MB, more than Discord takes here: https://example.org/" + "x_" * 60
    many = replace(BRIEF, values={"text": "word " * 500})
    lines = result_text(many, result(), (note,) * 20).split("\n")
    assert [line for line in lines if "film" in line] == [note] * 6
    assert len("\n".join(lines)) <= 2000


async def test_a_long_text_is_a_file(tmp_path: Path) -> None:
    text = "word " * 1000
    packed = await pack(result(texts=(text,)), BRIEF, 10_000)
    (piece,) = packed.pieces
    assert (piece.filename, piece.source) == ("flow.txt", text.encode())
    assert len(result_text(BRIEF, result(texts=(text,)), packed.notes)) <= 2000


def test_what_people_wrote_is_no_markup() -> None:
    assert "\\*\\*b\\*\\*" in status_text(BRIEF, Queued(3))
    assert "Al\\_ice\\_" in result_text(BRIEF, result(), ())
    assert result_text(BRIEF, result(texts=("```evil",)), ()).count("```") == 2


def test_a_spot_is_an_address_and_back() -> None:
    spot = MessageRef(1, 2, "token", 3.5, 10, False, True)
    assert MessageRef.at(spot.address) == spot
    assert spot.link("9") == "https://discord.com/channels/9/1/2"


def test_presence() -> None:
    assert presence({State.RUNNING: 1, State.DELIVERING: 1, State.WAITING: 5}) == "2 developing, 5 waiting"
    assert presence({}) == ""


def test_a_server_makes_previews_only_if_they_are_shown() -> None:
    brief = RunSummary("r", "plain", "Plain", Person("discord", "1"), Place("discord", "2"))
    for shown in (True, False):
        reply = DiscordReply(DiscordRest("x"), MessageRef(2, 3), brief, previews=shown)
        assert reply.limits.previews is shown
