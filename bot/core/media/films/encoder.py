"""Films as MP4 with H.264 and AAC, which every chat plays; within a size, if there is one."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.media.films.source import Film, Source, opened

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame

_AIMED = 0.97  # of the size: the container takes some, and an encoder does not hit it exactly
_SOUND = (128_000, 96_000, 64_000, 32_000)  # bits a second
_SOUND_SHARE = 0.15  # of the film, at most
_LEAST_SOUND = 24_000
_POOR, _FAIR = 0.012, 0.03  # bits for a pixel: with less it is made smaller, so that it has this many
_LEAST_SIDE = 64
_LEAST_BITS = 8_000  # a second, of pictures
_TRIES = 3
_RATE = 48_000
_GRAIN = Fraction(1, 90_000)
_NICE = 10  # so that the bot, and other programs, go first


@dataclass(frozen=True)
class _Plan:
    """The size of a film in pixels, and the bits for a second of its pictures and its sound. No bits for pictures: as
    many as they need.
    """

    width: int
    height: int
    bits: int | None
    sound: int


def fitted(path: Path, target: Path, most: int) -> Film | None:
    """Write a film of at most so many bytes; None if it cannot be made so small. Raises what decoders raise."""
    _be_nice()
    return _fitted(opened(path), target, most)


def rewritten(path: Path, target: Path, most: int) -> Film | None:
    """Write a film as well as it was; smaller if that has more than so many bytes, and None if it cannot be."""
    _be_nice()
    source = opened(path)
    width, height = _even(source.film.width), _even(source.film.height)
    _write(source, target, _Plan(width, height, None, _SOUND[0]), None)
    if target.stat().st_size <= most:
        return replace(source.film, width=width, height=height)
    return _fitted(source, target, most)


def _be_nice() -> None:
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))


def _fitted(source: Source, target: Path, most: int) -> Film | None:
    """Look at all of it first, and then write it with bits where they are needed."""
    notes = target.with_suffix(".passes")
    aimed, looked = most * _AIMED, None
    for _try in range(_TRIES):
        plan = _plan(source.film, aimed)
        if plan is None:
            return None
        if looked != (plan.width, plan.height):
            _write(source, target, plan, (1, notes))
            looked = (plan.width, plan.height)
        _write(source, target, plan, (2, notes))
        size = target.stat().st_size
        if size <= most:
            return replace(source.film, width=plan.width, height=plan.height)
        aimed *= _AIMED * most / size
    return None


def _plan(film: Film, most: float) -> _Plan | None:
    """Share the bytes out; None if there are too few."""
    every = most * 8 / max(film.seconds, 0.1)
    sound = next((bits for bits in _SOUND if bits <= every * _SOUND_SHARE), _LEAST_SOUND) if film.sound else 0
    bits = every - sound
    if bits < _LEAST_BITS:
        return None
    pixels = film.width * film.height * float(film.rate)
    scale = 1.0 if bits >= pixels * _POOR else math.sqrt(bits / (pixels * _FAIR))
    width, height = _even(film.width * scale), _even(film.height * scale)
    if min(width, height) < min(_LEAST_SIDE, _even(film.width), _even(film.height)):
        return None
    return _Plan(width, height, int(bits), sound)


def _even(side: float) -> int:
    return max(2, int(side) // 2 * 2)


def _write(source: Source, target: Path, plan: _Plan, passing: tuple[int, Path] | None) -> None:
    """Encode a film. The first of two passes writes only notes; the second reads them."""
    import av

    first = passing is not None and passing[0] == 1
    place, form = (os.devnull, "null") if first else (str(target), "mp4")
    with av.open(place, "w", format=form, options={} if first else {"movflags": "+faststart"}) as container:
        _encode(source, container, plan, passing, sound=source.film.sound and not first)


def _encode(
    source: Source, container: OutputContainer, plan: _Plan, passing: tuple[int, Path] | None, *, sound: bool
) -> None:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.codec.context import Flags

    options: dict[str, object] = {"preset": "veryfast", "profile": "high"}
    video = container.add_stream("libx264", rate=source.film.rate.limit_denominator(60_000))
    video.width, video.height, video.pix_fmt = plan.width, plan.height, "yuv420p"
    video.codec_context.time_base = _GRAIN
    video.codec_context.thread_count = os.cpu_count() or 1
    if plan.bits is None:
        options["crf"] = "20"
    else:
        video.bit_rate = plan.bits
    if passing is not None:
        number, notes = passing
        options["stats"] = str(notes)
        video.codec_context.flags |= Flags.pass1 if number == 1 else Flags.pass2
    video.options = options
    audio = container.add_stream("aac", rate=_RATE, layout="stereo") if sound else None
    if audio is not None:
        audio.bit_rate = plan.sound
    resampler, seen = AudioResampler("fltp", "stereo", _RATE, 1024), -1
    for frame in source.frames():
        if not isinstance(frame, AudioFrame):
            if (time := _time(frame)) > seen:  # there may be two at the same moment
                container.mux(video.encode(_fitting(frame, plan, time)))
                seen = time
        elif audio is not None:
            for part in resampler.resample(frame):
                container.mux(audio.encode(part))
    container.mux(video.encode(None))
    if audio is not None:
        for part in resampler.resample(None):
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))


def _time(frame: VideoFrame) -> int:
    return round((frame.pts or 0) * (frame.time_base or _GRAIN) / _GRAIN)


def _fitting(frame: VideoFrame, plan: _Plan, time: int) -> VideoFrame:
    """A picture in the size of the film, at its time."""
    from av.video.frame import PictureType

    made = frame.reformat(plan.width, plan.height, "yuv420p", interpolation="BICUBIC")
    made.pts, made.time_base = time, _GRAIN
    made.pict_type = PictureType.NONE
    return made
