"""The errors of reading a saved workflow."""

from __future__ import annotations

from comfy.errors import ComfyError


class UnreadableWorkflow(ComfyError):
    """A file cannot be read as a workflow; the text says why, and completes "this file cannot be used: …"."""
