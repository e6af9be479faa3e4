"""How long a test waits for what has to come. Only what never comes takes that long, on a busy machine too."""

from __future__ import annotations

PATIENCE = 200.0  #: seconds; less than pytest's own limit, which tells less of what did not come
