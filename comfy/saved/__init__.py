"""Workflows as ComfyUI's editor saves them, made into prompts for its API."""

from comfy.saved.convert import Conversion, convert
from comfy.saved.document import UnreadableWorkflow, is_saved_workflow

__all__ = ["Conversion", "UnreadableWorkflow", "convert", "is_saved_workflow"]
