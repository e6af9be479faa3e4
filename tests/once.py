"""What is made once in a test run, and which all its workers use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import fasteners
import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this test run that `make` has filled. The first worker that asks fills it, while others wait."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # each worker has a folder of its own in it
    folder, made = root / name, root / f"{name}.made"
    with fasteners.InterProcessLock(root / f"{name}.lock"):
        if not made.exists():
            folder.mkdir(mode=0o700)
            make(folder)
            made.touch()
    return folder
