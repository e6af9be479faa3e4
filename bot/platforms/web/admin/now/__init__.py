"""The first screen of the control room: how everything is just now."""
