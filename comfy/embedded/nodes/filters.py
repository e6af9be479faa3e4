"""Blur, sharpen, edges and morphology."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from comfy.embedded.node import Image, Mask, node

_BAND = 32  # rows
_RADIUS = {"default": 1, "min": 1, "max": 31, "step": 1}


@node(
    "ImageBlur",
    "Blur Image",
    category="image/filters",
    inputs={
        "image": ("IMAGE", {}),
        "blur_radius": ("INT", _RADIUS),
        "sigma": ("FLOAT", {"default": 1.0, "min": 0.1, "max": 10.0, "step": 0.1}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_blur(image: Image, blur_radius: int, sigma: float) -> Image:
    return _convolved(image, _gaussian(blur_radius, sigma))


@node(
    "ImageSharpen",
    "Sharpen Image",
    category="image/filters",
    inputs={
        "image": ("IMAGE", {}),
        "sharpen_radius": ("INT", {**_RADIUS, "advanced": True}),
        "sigma": ("FLOAT", {"advanced": True, "default": 1.0, "min": 0.1, "max": 10.0, "step": 0.01}),
        "alpha": ("FLOAT", {"advanced": True, "default": 1.0, "min": 0.0, "max": 5.0, "step": 0.01}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def image_sharpen(image: Image, sharpen_radius: int, sigma: float, alpha: float) -> Image:
    """Sharpen like ComfyUI: `alpha` and the kernel's scale (ten times sigma) set the strength."""
    return np.clip(image + np.float32(alpha * 10) * (image - _convolved(image, _gaussian(sharpen_radius, sigma))), 0, 1)


def _gaussian(radius: int, sigma: float) -> npt.NDArray[np.float32]:
    """On points from -1 to 1, so that `sigma` is in units of the radius."""
    points = np.linspace(-1, 1, 2 * radius + 1)
    weights = np.exp(-(points**2) / (2 * sigma * sigma))
    return (weights / weights.sum()).astype(np.float32)


def _convolved(image: Image, kernel: npt.NDArray[np.float32]) -> Image:
    """Filter columns, then rows, with mirrored borders; in bands of rows that fit into a cache."""
    radius = len(kernel) // 2
    padded = _mirrored(_mirrored(image, 1, radius), 2, radius)
    result = np.empty_like(image, np.float32)
    for top in range(0, image.shape[1], _BAND):
        band = padded[:, top : min(top + _BAND, image.shape[1]) + 2 * radius]
        result[:, top : top + _BAND] = _along(_along(band, 1, kernel), 2, kernel)
    return result


def _mirrored(image: Image, axis: int, radius: int) -> Image:
    borders = [(radius, radius) if at == axis else (0, 0) for at in range(image.ndim)]
    return np.pad(image, borders, mode="reflect" if radius < image.shape[axis] else "symmetric")


def _along(image: Image, axis: int, kernel: npt.NDArray[np.float32]) -> Image:
    lines = np.moveaxis(image, axis, 0)
    size = len(lines) - len(kernel) + 1
    return np.moveaxis(sum(weight * lines[tap : tap + size] for tap, weight in enumerate(kernel)), 0, axis)


@node(
    "Morphology",
    "Apply Morphology",
    category="image/filters",
    inputs={
        "image": ("IMAGE", {}),
        "operation": (
            "COMBO",
            {
                "multiselect": False,
                "options": ["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"],
            },
        ),
        "kernel_size": ("INT", {"default": 3, "min": 3, "max": 999, "step": 1}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def morphology(image: Image, operation: str, kernel_size: int) -> Image:
    return _OPERATIONS[operation](image, kernel_size)


def _dilate(image: Image, size: int) -> Image:
    return _extreme(_extreme(image, 1, size, np.maximum), 2, size, np.maximum)


def _erode(image: Image, size: int) -> Image:
    return _extreme(_extreme(image, 1, size, np.minimum), 2, size, np.minimum)


def _opened(image: Image, size: int) -> Image:
    return _dilate(_erode(image, size), size)


def _closed(image: Image, size: int) -> Image:
    return _erode(_dilate(image, size), size)


_OPERATIONS: dict[str, Callable[[Image, int], Image]] = {
    "erode": _erode,
    "dilate": _dilate,
    "open": _opened,
    "close": _closed,
    "gradient": lambda image, size: _dilate(image, size) - _erode(image, size),
    "bottom_hat": lambda image, size: _closed(image, size) - image,
    "top_hat": lambda image, size: image - _opened(image, size),
}


def _extreme(image: Image, axis: int, size: int, better: np.ufunc) -> Image:
    """Return the largest or smallest value in a window, with windows that double in size."""
    worst = -np.inf if better is np.maximum else np.inf
    before = size // 2
    borders = [(before, size - 1 - before) if at == axis else (0, 0) for at in range(image.ndim)]
    window = np.moveaxis(np.pad(image, borders, constant_values=worst), axis, 0)
    width = 1
    while width < size:
        step = min(width, size - width)
        window = better(window[:-step], window[step:])
        width += step
    return np.moveaxis(window, 0, axis)


@node(
    "Canny",
    "Detect Edges (Canny)",
    category="image/filters",
    inputs={
        "image": ("IMAGE", {}),
        "low_threshold": ("FLOAT", {"default": 0.4, "min": 0.01, "max": 0.99, "step": 0.01}),
        "high_threshold": ("FLOAT", {"default": 0.8, "min": 0.01, "max": 0.99, "step": 0.01}),
    },
    outputs={"IMAGE": "IMAGE"},
)
def canny(image: Image, low_threshold: float, high_threshold: float) -> Image:
    grey = image[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    edges = [_edges(frame, low_threshold, high_threshold) for frame in grey]
    return np.repeat(np.stack(edges)[..., None], 3, axis=3)


def _edges(grey: Mask, low: float, high: float) -> Mask:
    blurred = np.pad(_blurred5(grey), 1, mode="edge")
    down = blurred[2:] - blurred[:-2]
    across = blurred[:, 2:] - blurred[:, :-2]
    dy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    dx = across[:-2] + 2 * across[1:-1] + across[2:]
    magnitude = np.sqrt(dx * dx + dy * dy + 1e-6)
    thin = np.where(_is_ridge(magnitude, dx, dy), magnitude, 0)
    return _joined(thin > low, thin > high)


def _blurred5(grey: Mask) -> Mask:
    weights = np.exp(-(np.arange(-2, 3) ** 2) / 2).astype(np.float32)
    return _convolved(grey[None, :, :, None], weights / weights.sum())[0, :, :, 0]


def _is_ridge(magnitude: Mask, dx: Mask, dy: Mask) -> npt.NDArray[np.bool_]:
    """True for pixels that are larger than both neighbours along the gradient, in one of four directions."""
    height, width = magnitude.shape
    padded = np.pad(magnitude, 1)
    direction = np.round(np.degrees(np.arctan2(dy, dx)) / 45).astype(int) % 4
    ridge = np.zeros(magnitude.shape, bool)
    for index, (y, x) in enumerate([(0, 1), (1, 1), (1, 0), (1, -1)]):
        ahead = padded[1 + y : 1 + y + height, 1 + x : 1 + x + width]
        behind = padded[1 - y : 1 - y + height, 1 - x : 1 - x + width]
        ridge |= (direction == index) & (magnitude > ahead) & (magnitude > behind)
    return ridge


def _joined(weak: npt.NDArray[np.bool_], strong: npt.NDArray[np.bool_]) -> Mask:
    """Return strong edges, and the weak edges connected to them."""
    edges = strong.copy()
    height, width = weak.shape
    todo = deque(zip(*np.nonzero(strong), strict=True))
    while todo:
        y, x = todo.popleft()
        for near_y in range(max(y - 1, 0), min(y + 2, height)):
            for near_x in range(max(x - 1, 0), min(x + 2, width)):
                if weak[near_y, near_x] and not edges[near_y, near_x]:
                    edges[near_y, near_x] = True
                    todo.append((near_y, near_x))
    return edges.astype(np.float32)
