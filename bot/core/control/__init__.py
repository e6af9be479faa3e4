"""The control room: all that operators see of a running installation, and what they do about it."""
