"""Masks, and pictures that become masks and come back."""

from __future__ import annotations

import numpy as np

from comfy.embedded.node import Image, Mask, node

_SIDE = {"default": 512, "min": 1, "max": 16384, "step": 1}
_CHANNELS = ["red", "green", "blue", "alpha"]


@node(
    "MaskToImage",
    "Convert Mask to Image",
    category="image/mask",
    inputs={"mask": ("MASK", {})},
    outputs={"IMAGE": "IMAGE"},
)
def mask_to_image(mask: Mask) -> Image:
    return np.repeat(mask.reshape(-1, *mask.shape[-2:])[..., None], 3, axis=3)


@node(
    "ImageToMask",
    "Convert Image to Mask",
    category="image/mask",
    inputs={"image": ("IMAGE", {}), "channel": ("COMBO", {"multiselect": False, "options": _CHANNELS})},
    outputs={"MASK": "MASK"},
)
def image_to_mask(image: Image, channel: str) -> Mask:
    return image[..., _CHANNELS.index(channel)].copy()


@node("InvertMask", "Invert Mask", category="image/mask", inputs={"mask": ("MASK", {})}, outputs={"MASK": "MASK"})
def invert_mask(mask: Mask) -> Mask:
    return 1.0 - mask


@node(
    "SolidMask",
    "Create Solid Mask",
    category="image/mask",
    inputs={
        "value": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}),
        "width": ("INT", _SIDE),
        "height": ("INT", _SIDE),
    },
    outputs={"MASK": "MASK"},
)
def solid_mask(value: float, width: int, height: int) -> Mask:
    return np.full((1, height, width), value, np.float32)
