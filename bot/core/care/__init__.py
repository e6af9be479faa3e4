"""The GPUs of a worker: models that are no longer needed leave them, and servers that fail again and again rest."""
