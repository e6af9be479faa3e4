"""What the platforms of this process are counted by, for whoever measures it: a number each, by the platform's name."""

from __future__ import annotations

from collections import Counter

#: Messages that were sent or edited to show a status or a result.
edits: Counter[str] = Counter()

#: How often a platform asked for patience.
rate_limits: Counter[str] = Counter()


def edited(platform: str) -> None:
    """Count a message that was sent or edited."""
    edits[platform] += 1


def rate_limited(platform: str) -> None:
    """Count an answer that asked to wait."""
    rate_limits[platform] += 1
