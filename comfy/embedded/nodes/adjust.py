"""Pictures made brighter, darker, inverted, noisy, poorer in colours, and mixed with each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from comfy.embedded.node import Image, node
from comfy.embedded.nodes.resample import resize, to_bytes

_FACTOR = {"default": 1.0, "min": 0.0, "max": 2.0}


@node(
    "ImageInvert",
    "Invert Image Colors",
    category="image/color",
    inputs={"image": ("IMAGE", {})},
    outputs={"IMAGE": "IMAGE"},
)
def image_invert(image: Image) -> Image:
    return 1.0 - image


@node(
    "AdjustBrightness",
    "Adjust Brightness",
    category="image/adjustments",
    inputs={"images": ("IMAGE", {}), "factor": ("FLOAT", _FACTOR)},
    outputs={"images": "IMAGE"},
)
def adjust_brightness(images: Image, factor: float) -> Image:
    return np.clip(images * np.float32(factor), 0.0, 1.0)


@node(
    "AdjustContrast",
    "Adjust Contrast",
    category="image/adjustments",
    inputs={"images": ("IMAGE", {}), "factor": ("FLOAT", _FACTOR)},
    outputs={"images": "IMAGE"},
)
def adjust_contrast(images: Image, factor: float) -> Image:
    return np.clip((images - np.float32(0.5)) * np.float32(factor) + np.float32(0.5), 0.0, 1.0)


@node(
    "ImageAddNoise",
    "Add Noise to Image",
    category="image/filters",
    inputs={
        "image": ("IMAGE", {}),
        "seed": ("INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}),
        "strength": ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.01}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_add_noise(image: Image, seed: int, strength: float) -> Image:
    noise = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
    return np.clip(image + np.float32(strength) * noise, 0.0, 1.0)


def _overlay(a: Image, b: Image) -> Image:
    return np.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))


def _soft_light(a: Image, b: Image) -> Image:
    dodge = np.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, np.sqrt(np.maximum(a, 0)))
    return np.where(b <= 0.5, a - (1 - 2 * b) * a * (1 - a), a + (2 * b - 1) * (dodge - a))


_MODES: dict[str, Callable[[Image, Image], Image]] = {
    "normal": lambda a, b: b,
    "multiply": lambda a, b: a * b,
    "screen": lambda a, b: 1 - (1 - a) * (1 - b),
    "overlay": _overlay,
    "soft_light": _soft_light,
    "difference": lambda a, b: a - b,
}


@node(
    "ImageBlend",
    "Blend Images",
    category="image/filters",
    inputs={
        "image1": ("IMAGE", {}),
        "image2": ("IMAGE", {}),
        "blend_factor": ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.01}),
        "blend_mode": ("COMBO", {"multiselect": False, "options": list(_MODES)}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_blend(image1: Image, image2: Image, blend_factor: float, blend_mode: str) -> Image:
    channels = min(image1.shape[3], image2.shape[3])
    image1, image2 = image1[..., :channels], image2[..., :channels]
    if image1.shape[1:3] != image2.shape[1:3]:
        image2 = resize(image2, image1.shape[2], image1.shape[1], "bicubic", "center")
    blended = _MODES[blend_mode](image1, image2)
    return np.clip(image1 * np.float32(1 - blend_factor) + blended * np.float32(blend_factor), 0.0, 1.0)


@node(
    "ImageQuantize",
    "Quantize Image",
    category="image/filters",
    inputs={
        "image": ("IMAGE", {}),
        "colors": ("INT", {"default": 256, "min": 1, "max": 256, "step": 1}),
        "dither": (
            "COMBO",
            {
                "multiselect": False,
                "options": ["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"],
            },
        ),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_quantize(image: Image, colors: int, dither: str) -> Image:
    frames = [_quantized(Pillow.fromarray(frame[..., :3]), colors, dither) for frame in to_bytes(image)]
    return np.stack(frames).astype(np.float32) / 255.0


def _quantized(picture: Pillow.Image, colors: int, dither: str) -> npt.NDArray[np.uint8]:
    palette = picture.quantize(colors=colors)
    if dither.startswith("bayer"):
        reduced = _bayer(picture, palette, int(dither.partition("-")[2]))
    else:
        how = Pillow.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Pillow.Dither.NONE
        reduced = picture.quantize(colors=colors, palette=palette, dither=how)
    return np.asarray(reduced.convert("RGB"))


def _bayer(picture: Pillow.Image, palette: Pillow.Image, order: int) -> Pillow.Image:
    """Apply ordered dithering: add a regular pattern, scaled to the distance between the palette's colours."""
    count = max(1, len(palette.getpalette() or ()) // 3)
    spread = 2 * 256 / count
    pixels = np.asarray(picture, np.float32)
    pattern = ((_bayer_matrix(order) + 0.5) / (order * order) - 0.5) * spread
    height, width = pixels.shape[:2]
    tiled = np.tile(pattern, (-(-height // order), -(-width // order)))[:height, :width, None]
    shifted = np.clip(np.round(pixels + tiled), 0, 255).astype(np.uint8)
    return Pillow.fromarray(shifted).quantize(palette=palette, dither=Pillow.Dither.NONE)


def _bayer_matrix(order: int) -> npt.NDArray[np.float32]:
    matrix = np.zeros((1, 1), np.float32)
    while len(matrix) < order:
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return matrix.astype(np.float32)
