"""Workflows as ComfyUI's editor saves them, made into prompts for its API."""

from comfy.saved.convert import Conversion, convert
from comfy.saved.document import UnreadableWorkflow, is_saved_workflow
from comfy.saved.surface import ShownWidget, Surface

__all__ = ["Conversion", "ShownWidget", "Surface", "UnreadableWorkflow", "convert", "is_saved_workflow"]
