"""The nodes that only the editor knows: they draw, or pass something on, and are not sent."""

from __future__ import annotations

REROUTE, PRIMITIVE, SETTER, GETTER = "Reroute", "PrimitiveNode", "SetNode", "GetNode"
NOTES = frozenset({"Note", "MarkdownNote"})
VIRTUAL = NOTES | {REROUTE, PRIMITIVE, SETTER, GETTER}
