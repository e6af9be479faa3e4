"""Resizing as ComfyUI's `upscale_method`s do it: sampled at pixel centres, without smoothing before a reduction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from comfy.embedded.node import Image

METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]

_Weights = tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]  # [out, taps] source positions and weights
_CUBIC = -0.75


def resize(image: Image, width: int, height: int, method: str, crop: str = "disabled") -> Image:
    """Resize a batch; `crop` "center" first cuts away what would change the proportions."""
    if crop == "center":
        image = _center(image, width, height)
    if image.shape[1:3] == (height, width) and method != "lanczos":
        return image
    if method == "lanczos":
        return _lanczos(image, width, height)
    if method == "nearest-exact":
        rows, columns = _nearest(image.shape[1], height), _nearest(image.shape[2], width)
        return np.ascontiguousarray(image[:, rows][:, :, columns])
    weigh = {"bilinear": _linear, "bicubic": _cubic, "area": _area}[method]
    return _along(_along(image, 1, height, weigh), 2, width, weigh)


def to_bytes(image: Image) -> npt.NDArray[np.uint8]:
    """8 bits a channel, cut off and not rounded, as ComfyUI saves pictures."""
    return np.clip(image * 255.0, 0, 255).astype(np.uint8)


def _center(image: Image, width: int, height: int) -> Image:
    _, old_height, old_width, _ = image.shape
    x = y = 0
    if old_width / old_height > width / height:
        x = round((old_width - old_width * ((width / height) / (old_width / old_height))) / 2)
    elif old_width / old_height < width / height:
        y = round((old_height - old_height * ((old_width / old_height) / (width / height))) / 2)
    return image[:, y : old_height - y, x : old_width - x]


def _lanczos(image: Image, width: int, height: int) -> Image:
    frames = [
        np.asarray(
            Pillow.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame).resize(
                (width, height), Pillow.Resampling.LANCZOS
            )
        )
        for frame in to_bytes(image)
    ]
    return (np.stack(frames).astype(np.float32) / 255.0).reshape(len(image), height, width, image.shape[3])


def _nearest(old: int, new: int) -> npt.NDArray[np.intp]:
    return np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.intp), old - 1)


def _along(image: Image, axis: int, new: int, weigh: Callable[[int, int], _Weights]) -> Image:
    if image.shape[axis] == new:
        return image
    positions, weights = weigh(image.shape[axis], new)
    shape = [1] * image.ndim
    shape[axis] = new
    result = np.zeros([new if at == axis else size for at, size in enumerate(image.shape)], np.float32)
    for tap in range(positions.shape[1]):
        result += np.take(image, positions[:, tap], axis=axis) * weights[:, tap].reshape(shape)
    return result


def _linear(old: int, new: int) -> _Weights:
    at = np.maximum((np.arange(new) + 0.5) * (old / new) - 0.5, 0)
    left = at.astype(np.intp)
    part = (at - left).astype(np.float32)
    return np.stack([left, np.minimum(left + 1, old - 1)], 1), np.stack([1 - part, part], 1)


def _cubic(old: int, new: int) -> _Weights:
    at = (np.arange(new) + 0.5) * (old / new) - 0.5
    left = np.floor(at).astype(np.intp)
    part = at - left
    a = _CUBIC

    def near(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    weights = np.stack([far(part + 1), near(part), near(1 - part), far(2 - part)], 1).astype(np.float32)
    return np.clip(left[:, None] + np.arange(-1, 3), 0, old - 1), weights


def _area(old: int, new: int) -> _Weights:
    """Each new pixel is the mean of the old ones that it touches."""
    starts = np.arange(new) * old // new
    ends = -(-(np.arange(1, new + 1) * old) // new)
    taps = int((ends - starts).max())
    positions = starts[:, None] + np.arange(taps)
    inside = positions < ends[:, None]
    weights = inside / (ends - starts)[:, None]
    return np.minimum(positions, old - 1), weights.astype(np.float32)
