"""Pictures cut, turned, mirrored and framed."""

from __future__ import annotations

import numpy as np

from comfy.embedded.node import Image, Mask, node

_MOST = 16384
_SIDE = {"default": 512, "min": 1, "max": _MOST, "step": 1}
_OFFSET = {"default": 0, "min": 0, "max": _MOST, "step": 1}
_BORDER = {"default": 0, "min": 0, "max": _MOST, "step": 8}


@node(
    "EmptyImage",
    "Empty Image",
    category="image",
    inputs={
        "width": ("INT", _SIDE),
        "height": ("INT", _SIDE),
        "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
        "color": ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def empty_image(width: int, height: int, batch_size: int = 1, color: int = 0) -> Image:
    channels = [(color >> shift & 0xFF) / 255.0 for shift in (16, 8, 0)]
    return np.broadcast_to(np.array(channels, np.float32), (batch_size, height, width, 3)).copy()


@node(
    "ImageCrop",
    "Crop Image (DEPRECATED)",
    category="image/transform",
    inputs={
        "image": ("IMAGE", {}),
        "width": ("INT", _SIDE),
        "height": ("INT", _SIDE),
        "x": ("INT", _OFFSET),
        "y": ("INT", _OFFSET),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_crop(image: Image, width: int, height: int, x: int, y: int) -> Image:
    x, y = min(x, image.shape[2] - 1), min(y, image.shape[1] - 1)
    return image[:, y : y + height, x : x + width]


@node(
    "ImageFlip",
    "Flip Image",
    category="image/transform",
    inputs={
        "image": ("IMAGE", {}),
        "flip_method": ("COMBO", {"multiselect": False, "options": ["x-axis: vertically", "y-axis: horizontally"]}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_flip(image: Image, flip_method: str) -> Image:
    return np.flip(image, axis=1 if flip_method.startswith("x") else 2)


@node(
    "ImageRotate",
    "Rotate Image",
    category="image/transform",
    inputs={
        "image": ("IMAGE", {}),
        "rotation": ("COMBO", {"multiselect": False, "options": ["none", "90 degrees", "180 degrees", "270 degrees"]}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_rotate(image: Image, rotation: str) -> Image:
    """Clockwise."""
    turns = {"90": 1, "180": 2, "270": 3}.get(rotation.partition(" ")[0], 0)
    return np.rot90(image, k=turns, axes=(2, 1))


@node(
    "ImagePadForOutpaint",
    "Pad Image for Outpainting",
    category="image/transform",
    inputs={
        "image": ("IMAGE", {}),
        "left": ("INT", _BORDER),
        "top": ("INT", _BORDER),
        "right": ("INT", _BORDER),
        "bottom": ("INT", _BORDER),
        "feathering": ("INT", {"default": 40, "min": 0, "max": _MOST, "step": 1, "advanced": True}),
    },
    outputs={"IMAGE": "IMAGE", "MASK": "MASK"},
)
def image_pad_for_outpaint(
    image: Image, left: int, top: int, right: int, bottom: int, feathering: int
) -> tuple[Image, Mask]:
    """The new border is grey; the mask is 1 there and fades out over `feathering` pixels into the picture."""
    batch, height, width, channels = image.shape
    padded = np.full((batch, height + top + bottom, width + left + right, channels), 0.5, np.float32)
    padded[:, top : top + height, left : left + width] = image
    mask = np.ones(padded.shape[1:3], np.float32)
    mask[top : top + height, left : left + width] = _feather((left, top, right, bottom), width, height, feathering)
    return padded, mask[None]


def _feather(borders: tuple[int, int, int, int], width: int, height: int, feathering: int) -> Mask:
    if feathering == 0 or feathering * 2 >= min(width, height):
        return np.zeros((height, width), np.float32)
    left, top, right, bottom = borders
    across = np.minimum(_distance(width, left), _distance(width, right)[::-1])
    down = np.minimum(_distance(height, top), _distance(height, bottom)[::-1])
    nearest = np.minimum(across[None, :], down[:, None])
    return np.where(nearest < feathering, ((feathering - nearest) / feathering) ** 2, 0).astype(np.float32)


def _distance(size: int, border: int) -> Mask:
    """Return the distance of each pixel from a border; infinite if there is none."""
    return np.arange(size, dtype=np.float32) if border else np.full(size, size, np.float32)
