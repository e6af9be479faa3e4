"""A server as a library: the workflows that people saved there, and its templates."""
