"""Chooses the run that a free server takes next, for ComfyUI servers with different speeds and models."""
