"""Several pictures become one picture, or one batch."""

from __future__ import annotations

import numpy as np

from comfy.embedded.node import Image, Mask, node
from comfy.embedded.nodes.resample import resize

_COLORS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}
_DIRECTIONS = ["right", "down", "left", "up"]
_OFFSET = {"default": 0, "min": 0, "max": 16384, "step": 1}


@node(
    "ImageStitch",
    "Stitch Images",
    category="image/transform",
    inputs={
        "image1": ("IMAGE", {}),
        "direction": ("COMBO", {"default": "right", "multiselect": False, "options": _DIRECTIONS}),
        "match_image_size": ("BOOLEAN", {"default": True}),
        "spacing_width": ("INT", {"advanced": True, "default": 0, "min": 0, "max": 1024, "step": 2}),
        "spacing_color": (
            "COMBO",
            {"advanced": True, "default": "white", "multiselect": False, "options": list(_COLORS)},
        ),
    },
    optional={"image2": ("IMAGE", {})},
    outputs={"IMAGE": "IMAGE"},
)
def image_stitch(
    image1: Image,
    direction: str,
    match_image_size: bool,
    spacing_width: int,
    spacing_color: str,
    image2: Image | None = None,
) -> Image:
    if image2 is None:
        return image1
    first, second = _same_channels(*_same_batch(image1, image2))
    axis = 2 if direction in ("left", "right") else 1
    if match_image_size:
        second = _matched(second, first, axis)
    else:
        first, second = _centered(first, second, 3 - axis)
    parts = [first, second] if direction in ("right", "down") else [second, first]
    if spacing_width:
        parts.insert(1, _spacing(first, axis, spacing_width + spacing_width % 2, spacing_color))
    return np.concatenate(parts, axis=axis)


def _matched(second: Image, first: Image, axis: int) -> Image:
    height, width = first.shape[1:3]
    proportion = second.shape[2] / second.shape[1]
    if axis == 2:
        return resize(second, max(1, int(height * proportion)), height, "lanczos")
    return resize(second, width, max(1, int(width / proportion)), "lanczos")


def _centered(first: Image, second: Image, axis: int) -> tuple[Image, Image]:
    """The smaller one gets black borders along `axis`."""
    size = max(first.shape[axis], second.shape[axis])

    def padded(image: Image) -> Image:
        missing = size - image.shape[axis]
        borders = [(0, 0)] * image.ndim
        borders[axis] = (missing // 2, missing - missing // 2)
        return np.pad(image, borders)

    return padded(first), padded(second)


def _spacing(like: Image, axis: int, width: int, color: str) -> Image:
    shape = list(like.shape)
    shape[axis] = width
    spacing = np.ones(shape, np.float32)
    spacing[..., :3] = _COLORS[color]
    return spacing


@node(
    "ImageBatch",
    "Batch Images (DEPRECATED)",
    category="image/batch",
    inputs={"image1": ("IMAGE", {}), "image2": ("IMAGE", {})},
    outputs={"IMAGE": "IMAGE"},
)
def image_batch(image1: Image, image2: Image) -> Image:
    image1, image2 = _same_channels(image1, image2)
    if image1.shape[1:3] != image2.shape[1:3]:
        image2 = resize(image2, image1.shape[2], image1.shape[1], "bilinear", "center")
    return np.concatenate([image1, image2])


@node(
    "ImageFromBatch",
    "Get Image from Batch",
    category="image/batch",
    inputs={
        "image": ("IMAGE", {}),
        "batch_index": ("INT", {"default": 0, "min": -16384, "max": 16384}),
        "length": ("INT", {"default": 1, "min": 1, "max": 4096}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_from_batch(image: Image, batch_index: int, length: int) -> Image:
    """A negative index counts from the end; one beyond the end means the last picture."""
    start = batch_index + len(image) if batch_index < 0 else batch_index
    start = min(max(start, 0), len(image) - 1)
    return image[start : start + length].copy()


@node(
    "RepeatImageBatch",
    "Repeat Image Batch",
    category="image/batch",
    inputs={"image": ("IMAGE", {}), "amount": ("INT", {"default": 1, "min": 1, "max": 4096})},
    outputs={"IMAGE": "IMAGE"},
)
def repeat_image_batch(image: Image, amount: int) -> Image:
    return np.tile(image, (amount, 1, 1, 1))


@node(
    "ImageCompositeMasked",
    "Image Composite Masked",
    category="image/compositing",
    inputs={
        "destination": ("IMAGE", {}),
        "source": ("IMAGE", {}),
        "x": ("INT", _OFFSET),
        "y": ("INT", _OFFSET),
        "resize_source": ("BOOLEAN", {"default": False}),
    },
    optional={"mask": ("MASK", {})},
    outputs={"IMAGE": "IMAGE"},
)
def image_composite_masked(
    destination: Image, source: Image, x: int, y: int, resize_source: bool, mask: Mask | None = None
) -> Image:
    destination, source = _same_channels(destination, source)
    batch, height, width, _ = destination.shape
    if resize_source:
        source = resize(source, width, height, "bilinear")
    source = _repeated(source, batch)
    x, y = min(x, width), min(y, height)
    source = source[:, : height - y, : width - x]
    weights = _weights(mask, source, batch)[:, : source.shape[1], : source.shape[2]]
    result = destination.copy()
    under = result[:, y : y + source.shape[1], x : x + source.shape[2]]
    under[:] = source * weights + under * (1.0 - weights)
    return result


def _weights(mask: Mask | None, source: Image, batch: int) -> Image:
    if mask is None:
        return np.ones((1, *source.shape[1:3], 1), np.float32)
    masks = resize(mask.reshape(-1, *mask.shape[-2:])[..., None], source.shape[2], source.shape[1], "bilinear")
    return _repeated(masks, batch)


def _repeated(image: Image, batch: int) -> Image:
    return np.tile(image, (-(-batch // len(image)), 1, 1, 1))[:batch]


def _same_batch(first: Image, second: Image) -> tuple[Image, Image]:
    """The shorter batch goes on with its last picture."""
    size = max(len(first), len(second))
    return tuple(  # type: ignore[return-value]
        np.concatenate([image, np.repeat(image[-1:], size - len(image), axis=0)]) for image in (first, second)
    )


def _same_channels(first: Image, second: Image) -> tuple[Image, Image]:
    """A picture without alpha gets one that is opaque where the other has one."""
    most = max(first.shape[3], second.shape[3])

    def widened(image: Image) -> Image:
        missing = most - image.shape[3]
        return np.concatenate([image, np.ones((*image.shape[:3], missing), np.float32)], axis=3) if missing else image

    return widened(first), widened(second)
