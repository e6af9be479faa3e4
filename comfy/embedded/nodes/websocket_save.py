"""Send pictures over the websocket, and save none."""

from __future__ import annotations

import io
from typing import Any
from uuid import uuid4

from PIL import Image as Pillow

from comfy.embedded.node import Host, Image, Shown, node
from comfy.embedded.nodes.resample import to_bytes


def _never_the_same(_host: Host, **_given: Any) -> str:
    return uuid4().hex


@node(
    "SaveImageWebsocket",
    "Save Image (Websocket)",
    category="image",
    inputs={"images": ("IMAGE", {})},
    output_node=True,
    fingerprint=_never_the_same,
)
def save_image_websocket(images: Image, host: Host) -> Shown:
    for number, frame in enumerate(to_bytes(images)):
        body = io.BytesIO()
        Pillow.fromarray(frame.squeeze() if frame.shape[2] == 1 else frame).save(body, "PNG", compress_level=1)
        host.send_picture(body.getvalue(), number, len(images))
    return Shown({})
