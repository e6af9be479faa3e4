"""Attempts under way, and the engine in which those go on that an earlier process left behind."""
