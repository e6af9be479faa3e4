"""Films: made to fit, made to play, and looked at. They have grain, which makes them as large as real ones."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from bot.core.media.films import making
from bot.core.media.films.making import as_mp4, fit_film, last_picture, look_at, poster


def make_film(path: Path, seconds: float = 2, size: tuple[int, int] = (320, 240), *, sound: bool = True) -> Path:
    """A film of moving waves with grain, and a tone; its last pictures are red."""
    width, height = size
    codec = "libvpx-vp9" if path.suffix == ".webm" else "libx264"
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            codec, rate=24, options={"preset": "ultrafast", "crf": "12", "deadline": "realtime"}
        )
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48_000) if sound else None
        grain, count = np.random.default_rng(1), round(seconds * 24)
        for number in range(count):
            across, down = np.meshgrid(np.linspace(0, 9, width), np.linspace(0, 6, height))
            wave = np.sin(across + down + number / 5) * 80 + 128
            pixels = np.dstack([wave, wave[::-1], wave[:, ::-1]]) + grain.normal(0, 12, (height, width, 3))
            if number > count - 4:
                pixels[:] = (220, 30, 30)
            frame = av.VideoFrame.from_ndarray(pixels.clip(0, 255).astype(np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            tone = (np.sin(np.arange(int(48_000 * seconds)) / 17) * 0.2).astype(np.float32)
            resampler = av.AudioResampler(audio.format.name, audio.layout.name, 48_000, audio.frame_size or 960)
            given = av.AudioFrame.from_ndarray(tone[None], "flt", "mono")
            given.sample_rate, given.pts = 48_000, 0
            for part in [*resampler.resample(given), *resampler.resample(None)]:
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))
    return path


def make_animation(path: Path, grain: float = 0) -> Path:
    """Six pictures of 49 times 33 pixels, which no film can have; 120 milliseconds each."""
    noise = np.random.default_rng(1).normal(0, grain, (6, 33, 49, 3))
    colors = (np.array((40 * number, 200 - 30 * number, 90)) + noise[number] for number in range(6))
    first, *rest = [Image.fromarray(each.clip(0, 255).astype(np.uint8)) for each in colors]
    first.save(path, save_all=True, append_images=rest, duration=120, loop=0)
    return path


def streams_of(path: Path) -> list[tuple[str, str]]:
    with av.open(str(path)) as container:
        return [(stream.type, stream.codec_context.name) for stream in container.streams]


@pytest.mark.long
async def test_a_film_is_made_to_fit_with_its_sound(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "whole.mp4")
    most = whole.stat().st_size // 4
    made = await fit_film(whole, tmp_path, most)
    assert made is not None
    assert most * 0.7 < made.path.stat().st_size <= most
    assert (made.film.width, made.film.height) == (320, 240)  # the bits alone do it
    assert streams_of(made.path) == [("video", "h264"), ("audio", "aac")]
    assert made.path.read_bytes().index(b"moov") < made.path.read_bytes().index(
        b"mdat"
    )  # it plays before it is all there
    looked = await look_at(made.path)
    assert looked is not None
    assert looked.sound
    assert abs(looked.seconds - 2) < 0.1


@pytest.mark.long
async def test_a_film_is_scaled_where_bits_alone_do_not_do(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "whole.mp4", 1, (640, 480), sound=False)
    made = await fit_film(whole, tmp_path, 10_000)
    assert made is not None
    assert made.path.stat().st_size <= 10_000
    assert made.film.width < 640
    assert made.film.width % 2 == made.film.height % 2 == 0
    assert await fit_film(whole, tmp_path, 1_000) is None


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
async def test_an_animated_picture_becomes_a_film(tmp_path: Path, suffix: str) -> None:
    made = await as_mp4(make_animation(tmp_path / f"cat{suffix}"), tmp_path, 10_000_000)
    assert made is not None
    looked = await look_at(made.path)
    assert looked is not None
    assert (looked.width, looked.height, looked.sound) == (48, 32, False)
    assert abs(looked.seconds - 0.72) < 0.13  # the last picture may count less
    assert streams_of(made.path) == [("video", "h264")]


async def test_a_webm_becomes_a_film_that_every_chat_plays(tmp_path: Path) -> None:
    made = await as_mp4(make_film(tmp_path / "cat.webm", 0.5, (96, 64)), tmp_path, 10_000_000)
    assert made is not None
    assert streams_of(made.path) == [("video", "h264"), ("audio", "aac")]


@pytest.mark.long
async def test_pictures_of_a_film(tmp_path: Path) -> None:
    film = make_film(tmp_path / "cat.mp4", 3, (480, 270))
    small, last = await poster(film, tmp_path), await last_picture(film, tmp_path)
    assert small is not None
    assert last is not None
    with Image.open(small) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 180))
    with Image.open(last) as picture:
        assert picture.size == (480, 270)
        assert np.abs(np.asarray(picture).mean((0, 1)) - (220, 30, 30)).max() < 12


@pytest.mark.parametrize("data", [b"", b"words", b"\0\0\0\x20ftypisom" + bytes(90), b"GIF89a", b"RIFF\0\0\0\0WEBP"])
async def test_what_is_no_film_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd.mp4").write_bytes(data)
    odd = tmp_path / "odd.mp4"
    assert await look_at(odd) is None
    assert await fit_film(odd, tmp_path, 1_000_000) is None
    assert await poster(odd, tmp_path) is None
    assert await last_picture(odd, tmp_path) is None


async def test_a_list_of_other_files_is_no_film_whatever_its_name_says(tmp_path: Path) -> None:
    other = make_film(tmp_path / "other.mp4", 0.3, sound=False)
    path = tmp_path / "film.mp4"
    path.write_text(f"ffconcat version 1.0\nfile {other.name}\n")
    assert await look_at(other) is not None
    assert await look_at(path) is None
    assert await poster(path, tmp_path) is None


@pytest.mark.long
async def test_without_pyav_nothing_is_made_and_a_sentence_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(tmp_path / "cat.mp4", 1)
    assert making.missing() == ""
    monkeypatch.setattr("bot.core.media.films.making.is_installed", lambda: False)
    assert await fit_film(film, tmp_path, 1000) is None
    assert await look_at(film) is None
    assert "pip install" in making.missing()
