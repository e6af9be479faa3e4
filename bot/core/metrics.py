"""Counters for the platforms of this process, by the platform's name."""

from __future__ import annotations

from collections import Counter

#: Messages sent or edited to show a status or a result.
edits: Counter[str] = Counter()

#: The number of answers that told us to wait.
rate_limits: Counter[str] = Counter()


def edited(platform: str) -> None:
    """Count a sent or edited message."""
    edits[platform] += 1


def rate_limited(platform: str) -> None:
    """Count an answer that told us to wait."""
    rate_limits[platform] += 1
