"""Transfer the colours of one picture to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from comfy.embedded.node import Image, node

_Pixels = npt.NDArray[np.float32]  # [pixels, 3]
_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float32
)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_WHITE = np.array([0.95047, 1.0, 1.08883], np.float32)
_BLOCK = 2**16  # pixels converted at a time, because photos are large and every step makes a copy
_BINS = 256
_Matrix = npt.NDArray[np.float64]


def _mean_and_spread(target: _Pixels, reference: _Pixels, stats: _Pixels) -> _Pixels:
    scale = (_deviation(reference) / np.maximum(_deviation(stats), 1e-6)).astype(np.float32)
    return (target - _mean(stats)) * scale + _mean(reference)


def _mean(pixels: _Pixels) -> _Pixels:
    return pixels.mean(axis=0, dtype=np.float64).astype(np.float32)


def _deviation(pixels: _Pixels) -> _Matrix:
    return pixels.std(axis=0, dtype=np.float64)


def _covariance(target: _Pixels, reference: _Pixels, stats: _Pixels) -> _Pixels:
    """Apply the linear map from one covariance to the other that moves colours the least."""
    here, there = _spread(stats), _spread(reference)
    root = _root(here)
    inverse = np.linalg.inv(root)
    change = (inverse @ _root(root @ there @ root) @ inverse).astype(np.float32)
    return np.asarray((target - _mean(stats)) @ change.T + _mean(reference), np.float32)


def _spread(pixels: _Pixels) -> _Matrix:
    """Return the covariance of the three channels; zero for a picture with one pixel."""
    return np.cov(pixels.T, ddof=min(1, len(pixels) - 1)) + 1e-6 * np.eye(3)


def _root(matrix: _Matrix) -> _Matrix:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def _histogram(target: _Pixels, reference: _Pixels, stats: _Pixels) -> _Pixels:
    """Match each channel's histogram to that of the other picture."""
    edges = np.linspace(0, 1, _BINS)
    result = np.empty_like(target)
    for channel in range(3):
        own, other = (_cumulative(pixels[:, channel]) for pixels in (stats, reference))
        moved = np.interp(own, other, edges)
        result[:, channel] = np.interp(target[:, channel], edges, moved)
    return result


def _cumulative(values: _Pixels) -> _Pixels:
    counts = np.bincount(np.clip(np.round(values * (_BINS - 1)), 0, _BINS - 1).astype(int), minlength=_BINS)
    return np.asarray(np.cumsum(counts) / len(values))


_METHODS: dict[str, tuple[Callable[[_Pixels, _Pixels, _Pixels], _Pixels], bool]] = {
    "reinhard_lab": (_mean_and_spread, True),
    "mkl_lab": (_covariance, True),
    "histogram": (_histogram, False),
}


@node(
    "ColorTransfer",
    "Transfer Color",
    category="image/filters",
    inputs={
        "image_target": ("IMAGE", {}),
        "image_ref": ("IMAGE", {}),
        "method": ("COMBO", {"multiselect": False, "options": list(_METHODS)}),
        "source_stats": (
            "COMFY_DYNAMICCOMBO_V3",
            {
                "options": [
                    {"key": "per_frame", "inputs": {"required": {}}},
                    {"key": "uniform", "inputs": {"required": {}}},
                    {
                        "key": "target_frame",
                        "inputs": {"required": {"target_index": ["INT", {"default": 0, "min": 0, "max": 10000}]}},
                    },
                ]
            },
        ),
        "strength": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 10.0, "step": 0.01}),
    },
    outputs={"image": "IMAGE"},
)
def color_transfer(
    image_target: Image, image_ref: Image, method: str, source_stats: dict[str, Any] | str, strength: float
) -> Image:
    """`source_stats` says which frames give the target's colours: each its own, all, or one of them."""
    stats = source_stats if isinstance(source_stats, dict) else {"source_stats": source_stats}
    frames = [
        _transferred(frame, image_ref[index % len(image_ref)], _source(image_target, frame, stats), method)
        for index, frame in enumerate(image_target[..., :3])
    ]
    result = np.stack(frames)
    return np.clip(image_target[..., :3] + np.float32(strength) * (result - image_target[..., :3]), 0, 1)


def _source(target: Image, frame: Image, stats: dict[str, Any]) -> Image:
    match stats["source_stats"]:
        case "uniform":
            return target
        case "target_frame":
            return target[min(int(stats.get("target_index", 0)), len(target) - 1)]
        case _:
            return frame


def _transferred(frame: Image, reference: Image, source: Image, method: str) -> Image:
    transfer, in_lab = _METHODS[method]
    read = _to_lab if in_lab else np.asarray
    own, other = (_blockwise(read, each[..., :3].reshape(-1, 3)) for each in (frame, reference))
    stats = own if source is frame else _blockwise(read, source[..., :3].reshape(-1, 3))
    moved = transfer(own, other, stats)
    return (_blockwise(_from_lab, moved) if in_lab else moved).reshape(frame.shape)


def _blockwise(change: Callable[[_Pixels], _Pixels], pixels: _Pixels) -> _Pixels:
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), _BLOCK):
        result[start : start + _BLOCK] = change(pixels[start : start + _BLOCK])
    return result


def _to_lab(rgb: _Pixels) -> _Pixels:
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def _from_lab(lab: _Pixels) -> _Pixels:
    fy = (lab[:, 0] + 16) / 116
    f = np.stack([lab[:, 1] / 500 + fy, fy, np.maximum(fy - lab[:, 2] / 200, 0)], 1)
    xyz = np.where(f > 0.2068966, f**3, (f - 4 / 29) / 7.787) * _WHITE
    linear = xyz @ _FROM_XYZ.T
    rgb = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 1e-12) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.clip(rgb, 0, 1)
