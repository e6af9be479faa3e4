"""ComfyUI's references to files, in the answers of `/upload`, in outputs, and in requests to `/view`."""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any


class Kind(StrEnum):
    """The kind of a file, as people see it."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    MODEL_3D = "3d"
    FILE = "file"


MEDIA = frozenset({Kind.IMAGE, Kind.VIDEO, Kind.AUDIO})  #: what has pixels or samples

_BY_SUFFIX = {
    Kind.IMAGE: "png jpg jpeg webp gif bmp tif tiff avif heic heif apng svg exr hdr jxl",
    Kind.VIDEO: "mp4 webm mkv mov avi m4v mpg mpeg ogv",
    Kind.AUDIO: "flac mp3 opus wav ogg oga m4a aac",
    Kind.TEXT: "txt md json csv tsv xml yaml yml srt vtt log",
    Kind.MODEL_3D: "glb gltf obj stl ply fbx usd usdz splat spz ksplat",
}
_KIND_OF_SUFFIX = {f".{suffix}": kind for kind, suffixes in _BY_SUFFIX.items() for suffix in suffixes.split()}
_KIND_OF_TYPE = {
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "audio": Kind.AUDIO,
    "text": Kind.TEXT,
    "model": Kind.MODEL_3D,
}


def kind_of(filename: str, content_type: str | None = None) -> Kind:
    """Return the kind of a file by its extension, or else by its Content-Type."""
    by_suffix = _KIND_OF_SUFFIX.get(PurePosixPath(filename).suffix.lower())
    if by_suffix is not None:
        return by_suffix
    guessed = content_type or mimetypes.guess_type(filename)[0] or ""
    return _KIND_OF_TYPE.get(guessed.partition("/")[0].strip().lower(), Kind.FILE)


def input_folder(kind: str) -> str:
    """Return the folder of inputs in which ComfyUI's loaders look for files of a kind."""
    return "3d" if kind == Kind.MODEL_3D else ""


@dataclass(frozen=True)
class FileRef:
    """A file on a ComfyUI server: `type` is the folder ("input", "output" or "temp") and `subfolder` lies inside it."""

    filename: str
    subfolder: str = ""
    type: str = "output"

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FileRef:
        """Read an entry of an upload's answer (`name`) or of an output (`filename`). Other keys are optional."""
        return cls(
            str(data.get("filename") or data.get("name") or ""),
            str(data.get("subfolder") or ""),
            str(data.get("type") or "output"),
        )

    def to_json(self) -> str:
        """Return the reference for a form field (`original_ref` of `/upload/mask`)."""
        return json.dumps(self.query)

    @property
    def kind(self) -> Kind:
        return kind_of(self.filename)

    @property
    def input_value(self) -> str:
        """The value for a LoadImage input: `subfolder/name`, and the folder's name if it is not "input"."""
        path = f"{self.subfolder}/{self.filename}" if self.subfolder else self.filename
        return path if self.type == "input" else f"{path} [{self.type}]"

    @property
    def query(self) -> dict[str, str]:
        """The query of the `/view` request for the file."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}
