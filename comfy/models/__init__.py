"""Models of a prompt that its author did not name: LoRAs behind its loaders."""
