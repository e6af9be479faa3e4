"""A ComfyUI-compatible server inside the process: for the demo, for trying workflows, and for tests."""

from comfy.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer"]
