"""Load pictures from files, and save them to files."""

from __future__ import annotations

import hashlib
import io
import json
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps, ImageSequence, PngImagePlugin

from comfy.embedded.folders import make_private
from comfy.embedded.node import Host, Image, Mask, Shown, Spec, node
from comfy.embedded.nodes.resample import to_bytes

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
_HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
_WEBP_METHODS = {"default": 4, "fastest": 0, "slowest": 6}


def _choices(host: Host) -> Spec:
    names = sorted(path.name for path in host.folder("input").iterdir() if path.suffix.lower() in _PICTURES)
    return names, {"image_upload": True}


def _check(host: Host, **given: Any) -> str | None:
    image = given.get("image")
    if isinstance(image, str):
        try:
            if host.input_file(image).is_file():
                return None
        except ValueError:
            pass
    return f"image - Invalid image file: {image}"


def _fingerprint(host: Host, **given: Any) -> str:
    return hashlib.sha256(host.input_file(given["image"]).read_bytes()).hexdigest()


@node(
    "LoadImage",
    "Load Image",
    category="image",
    inputs={"image": _choices},
    outputs={"IMAGE": "IMAGE", "MASK": "MASK"},
    check=_check,
    fingerprint=_fingerprint,
)
def load_image(image: str, host: Host) -> tuple[Image, Mask]:
    pictures, masks = zip(*_frames(host.input_file(image)), strict=True)
    return np.stack(pictures), np.stack(masks)


@node(
    "LoadImageMask",
    "Load Image (as Mask)",
    category="image",
    inputs={"image": _choices, "channel": (["alpha", "red", "green", "blue"], {})},
    outputs={"MASK": "MASK"},
    check=_check,
    fingerprint=_fingerprint,
)
def load_image_mask(image: str, channel: str, host: Host) -> Mask:
    with _opened(host.input_file(image)) as file:
        pixels = np.asarray(ImageOps.exif_transpose(file).convert("RGBA"), np.float32) / 255.0
        has_alpha = "A" in file.getbands()
    if channel == "alpha":
        return (1.0 - pixels[None, :, :, 3]) if has_alpha else np.zeros((1, 64, 64), np.float32)
    return pixels[None, :, :, ["red", "green", "blue"].index(channel)]


def _frames(path: Path) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Yield all frames with the size of the first one, upright, and the mask of each: transparent is 1."""
    size = None
    with _opened(path) as file:
        for frame in ImageSequence.Iterator(file):
            upright = ImageOps.exif_transpose(frame)
            size = size or upright.size
            if upright.size == size:
                yield _pixels(upright), _transparency(upright)
            if file.format == "MPO":
                return


def _pixels(frame: Pillow.Image) -> npt.NDArray[np.float32]:
    if frame.mode.startswith("I"):
        grey = np.clip(np.asarray(frame, np.float32) / (65535.0 if frame.mode != "I" or _deep(frame) else 255.0), 0, 1)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(frame.convert("RGB"), np.float32) / 255.0


def _deep(frame: Pillow.Image) -> bool:
    return int(np.asarray(frame).max(initial=0)) > 255


def _transparency(frame: Pillow.Image) -> npt.NDArray[np.float32]:
    if "A" in frame.getbands():
        return 1.0 - np.asarray(frame.getchannel("A"), np.float32) / 255.0
    if frame.mode == "P" and "transparency" in frame.info:
        return 1.0 - np.asarray(frame.convert("RGBA").getchannel("A"), np.float32) / 255.0
    return np.zeros((64, 64), np.float32)


def _opened(path: Path) -> Pillow.Image:
    """Open a picture so that an incomplete one still loads, as on the real server."""
    file = Pillow.open(io.BytesIO(path.read_bytes()))
    try:
        file.load()
    except OSError:
        file = Pillow.open(io.BytesIO(path.read_bytes() + bytes(1 << 16)))
        _load_what_is_there(file)
    return file


def _load_what_is_there(file: Pillow.Image) -> None:
    try:
        file.load()
    except (OSError, SyntaxError, ValueError):
        if file.im is None:
            raise


@node(
    "SaveImage",
    "Save Image",
    category="image",
    inputs={"images": ("IMAGE", {}), "filename_prefix": ("STRING", {"default": "ComfyUI"})},
    hidden=_HIDDEN,
    outputs={"images": "IMAGE"},
    output_node=True,
)
def save_image(images: Image, filename_prefix: str, host: Host) -> Shown:
    return Shown(_save(images, host, filename_prefix, "output", 4), (images,))


@node(
    "PreviewImage",
    "Preview Image",
    category="image",
    inputs={"images": ("IMAGE", {})},
    hidden=_HIDDEN,
    outputs={"images": "IMAGE"},
    output_node=True,
)
def preview_image(images: Image, host: Host) -> Shown:
    letters = "".join(random.choices(string.ascii_lowercase, k=5))  # noqa: S311  # a name, not a secret
    return Shown(_save(images, host, f"ComfyUI_temp_{letters}", "temp", 1), (images,))


def _save(images: Image, host: Host, prefix: str, kind: str, level: int) -> dict[str, list[dict[str, str]]]:
    height, width = images.shape[1:3]
    prefix = prefix.replace("%width%", str(width)).replace("%height%", str(height))
    saved = host.next_files(prefix, kind, len(images), ".png")
    for file, frame in zip(saved, to_bytes(images), strict=True):
        picture = Pillow.fromarray(frame.squeeze() if frame.shape[2] == 1 else frame)
        picture.save(make_private(file.path), pnginfo=_metadata(host), compress_level=level)
    return {"images": [file.as_json() for file in saved]}


def _metadata(host: Host) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps(host.prompt))
    for key, value in host.extra_pnginfo.items():
        info.add_text(key, json.dumps(value))
    return info


@node(
    "SaveAnimatedWEBP",
    "Save Animated WEBP",
    category="image",
    inputs={
        "images": ("IMAGE", {}),
        "filename_prefix": ("STRING", {"default": "ComfyUI", "multiline": False}),
        "fps": ("FLOAT", {"default": 6.0, "min": 0.01, "max": 1000.0, "step": 0.01}),
        "lossless": ("BOOLEAN", {"default": True}),
        "quality": ("INT", {"default": 80, "min": 0, "max": 100}),
        "method": ("COMBO", {"multiselect": False, "options": list(_WEBP_METHODS)}),
    },
    hidden=_HIDDEN,
    outputs={"images": "IMAGE"},
    output_node=True,
)
def save_animated_webp(
    images: Image, filename_prefix: str, fps: float, lossless: bool, quality: int, method: str, host: Host
) -> Shown:
    (file,) = host.next_files(filename_prefix, "output", 1, ".webp")
    first, *rest = [Pillow.fromarray(frame) for frame in to_bytes(images)]
    first.save(
        make_private(file.path),
        save_all=True,
        append_images=rest,
        duration=int(1000.0 / fps),
        lossless=lossless,
        quality=quality,
        method=_WEBP_METHODS[method],
        exif=_exif(first, host),
    )
    return Shown({"images": [file.as_json()], "animated": [True]}, (images,))


def _exif(picture: Pillow.Image, host: Host) -> Pillow.Exif:
    exif = picture.getexif()
    exif[0x0110] = f"prompt:{json.dumps(host.prompt)}"
    for tag, (key, value) in zip(range(0x010F, 0, -1), host.extra_pnginfo.items(), strict=False):
        exif[tag] = f"{key}:{json.dumps(value)}"
    return exif
