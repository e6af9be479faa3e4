"""A film to be read: a video, or an animated picture. PyAV, which reads videos, is the extra `media`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.core.extras import has
from bot.core.media.metadata.pictures import PNG_SIGNATURE
from bot.core.media.plain import FAULTS

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from PIL.Image import Image

_MILLISECONDS = Fraction(1, 1000)
_USUAL = 100  # milliseconds of a frame that does not say
_THREADS = 2
#: What is read: no lists of other files or addresses, which a file may have in it whatever its name says.
_READ = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,ivf,h264,hevc",
    "protocol_whitelist": "file",
}
_END = 2.0  # seconds before the end at which its last picture is looked for


@dataclass(frozen=True)
class Film:
    """The size of a film in pixels, its duration in seconds, its frames in a second, and whether it has sound."""

    width: int
    height: int
    seconds: float
    rate: Fraction
    sound: bool


def is_installed() -> bool:
    """True if videos can be read and written here."""
    return has("media")


def faults() -> tuple[type[Exception], ...]:
    """The errors of decoders and encoders."""
    from av.error import FFmpegError

    return (*FAULTS, FFmpegError)


class Source(Protocol):
    """A film. Each call of `frames` begins at its first frame."""

    film: Film

    def frames(self, *, at_end: bool = False) -> Iterator[VideoFrame | AudioFrame]:
        """Yield pictures and sound in the order of their times; `at_end` only the last of them."""


def opened(path: Path) -> Source:
    """Open a film. Raises `faults` if it is none."""
    with path.open("rb") as file:
        head = file.read(12)
    is_picture = head.startswith((b"GIF8", PNG_SIGNATURE)) or head[8:] == b"WEBP"
    return _Animation(path) if is_picture else _Video(path)


class _Video:
    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as container:
            if not container.streams.video:
                raise ValueError("it has no pictures")
            stream = container.streams.video[0]
            length = stream.duration * stream.time_base if stream.duration and stream.time_base else None
            seconds = float(length or Fraction(container.duration or 0, 1_000_000))
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            self.film = Film(stream.width, stream.height, seconds, Fraction(rate), bool(container.streams.audio))

    def frames(self, *, at_end: bool = False) -> Iterator[VideoFrame | AudioFrame]:
        with self._open() as container:
            if at_end and self.film.seconds > _END:
                container.seek(int((self.film.seconds - _END) * 1_000_000))
            streams = [container.streams.video[0], *container.streams.audio[:1]]
            container.streams.video[0].thread_type = "AUTO"
            container.streams.video[0].codec_context.thread_count = _THREADS
            yield from container.decode(*streams)  # type: ignore[misc]

    def _open(self) -> InputContainer:
        import av

        return av.open(str(self._path), options=_READ)


class _Animation:
    """An animated picture, on white where it is transparent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._times = [_milliseconds(frame) for frame in _shown(path)]
        seconds = Fraction(sum(self._times), 1000)
        width, height = next(_shown(path)).size
        rate = (len(self._times) / seconds).limit_denominator(1000)
        self.film = Film(width, height, float(seconds), rate, sound=False)

    def frames(self, *, at_end: bool = False) -> Iterator[VideoFrame]:
        from av.video.frame import VideoFrame
        from PIL import Image

        at = 0
        for number, (frame, time) in enumerate(zip(_shown(self._path), self._times, strict=False), 1):
            if not at_end or number == len(self._times):
                whole = Image.new("RGBA", frame.size, "white")
                whole.alpha_composite(frame.convert("RGBA"))
                made = VideoFrame.from_image(whole.convert("RGB"))  # type: ignore[no-untyped-call]
                made.pts, made.time_base = at, _MILLISECONDS
                yield made
            at += time


def _shown(path: Path) -> Iterator[Image]:
    from PIL import Image, ImageSequence

    with Image.open(path, formats=("GIF", "WEBP", "PNG")) as picture:
        yield from ImageSequence.Iterator(picture)


def _milliseconds(frame: Image) -> int:
    return max(10, round(float(frame.info.get("duration") or _USUAL)))
