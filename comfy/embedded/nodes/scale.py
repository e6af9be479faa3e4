"""Pictures made larger and smaller."""

from __future__ import annotations

import math

import numpy as np

from comfy.embedded.node import Image, node
from comfy.embedded.nodes.resample import METHODS, resize

_MOST = 16384
_METHOD = ("COMBO", {"multiselect": False, "options": METHODS})
_SIZE = {"default": 512, "min": 0, "max": _MOST, "step": 1}


@node(
    "ImageScale",
    "Upscale Image",
    category="image/upscaling",
    inputs={
        "image": ("IMAGE", {}),
        "upscale_method": (METHODS, {}),
        "width": ("INT", _SIZE),
        "height": ("INT", _SIZE),
        "crop": (["disabled", "center"], {}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_scale(image: Image, upscale_method: str, width: int, height: int, crop: str) -> Image:
    """A size of 0 follows from the other one; both 0 leave the picture alone."""
    old_height, old_width = image.shape[1:3]
    if width == 0 and height == 0:
        return image
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    return resize(image, width, height, upscale_method, crop)


@node(
    "ImageScaleBy",
    "Upscale Image By",
    category="image/upscaling",
    inputs={
        "image": ("IMAGE", {}),
        "upscale_method": (METHODS, {}),
        "scale_by": ("FLOAT", {"default": 1.0, "min": 0.01, "max": 8.0, "step": 0.01}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_scale_by(image: Image, upscale_method: str, scale_by: float) -> Image:
    height, width = image.shape[1:3]
    return resize(image, max(1, round(width * scale_by)), max(1, round(height * scale_by)), upscale_method)


@node(
    "ImageScaleToTotalPixels",
    "Scale Image to Total Pixels",
    category="image/upscaling",
    inputs={
        "image": ("IMAGE", {}),
        "upscale_method": _METHOD,
        "megapixels": ("FLOAT", {"default": 1.0, "min": 0.01, "max": 16.0, "step": 0.01}),
        "resolution_steps": ("INT", {"advanced": True, "default": 1, "min": 1, "max": 256}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_scale_to_total_pixels(
    image: Image, upscale_method: str, megapixels: float, resolution_steps: int = 1
) -> Image:
    height, width = image.shape[1:3]
    factor = math.sqrt(megapixels * 1024 * 1024 / (width * height))
    new_width, new_height = (
        max(1, round(size * factor / resolution_steps)) * resolution_steps for size in (width, height)
    )
    return resize(image, new_width, new_height, upscale_method)


@node(
    "ImageScaleToMaxDimension",
    "Scale Image to Max Dimension",
    category="image/upscaling",
    inputs={
        "image": ("IMAGE", {}),
        "upscale_method": (
            "COMBO",
            {
                "multiselect": False,
                "options": ["area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic"],
            },
        ),
        "largest_size": ("INT", _SIZE),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_scale_to_max_dimension(image: Image, upscale_method: str, largest_size: int) -> Image:
    height, width = image.shape[1:3]
    if height > width:
        width, height = max(1, round(width / height * largest_size)), largest_size
    elif width > height:
        width, height = largest_size, max(1, round(height / width * largest_size))
    else:
        width = height = largest_size
    return resize(image, width, height, upscale_method)


@node(
    "ResizeAndPadImage",
    "Resize And Pad Image",
    category="image/transform",
    inputs={
        "image": ("IMAGE", {}),
        "target_width": ("INT", {**_SIZE, "min": 1}),
        "target_height": ("INT", {**_SIZE, "min": 1}),
        "padding_color": ("COMBO", {"advanced": True, "multiselect": False, "options": ["white", "black"]}),
        "interpolation": (
            "COMBO",
            {
                "advanced": True,
                "multiselect": False,
                "options": ["area", "bicubic", "nearest-exact", "bilinear", "lanczos"],
            },
        ),
    },
    outputs={"IMAGE": "IMAGE"},
)
def resize_and_pad_image(
    image: Image, target_width: int, target_height: int, padding_color: str, interpolation: str
) -> Image:
    batch, height, width, channels = image.shape
    factor = min(target_width / width, target_height / height)
    new_width, new_height = max(1, int(width * factor)), max(1, int(height * factor))
    value = 1.0 if padding_color == "white" else 0.0
    padded = np.full((batch, target_height, target_width, channels), value, np.float32)
    top, left = (target_height - new_height) // 2, (target_width - new_width) // 2
    padded[:, top : top + new_height, left : left + new_width] = resize(image, new_width, new_height, interpolation)
    return padded
