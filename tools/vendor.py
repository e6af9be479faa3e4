"""Build `static/vendor/three.js`, which shows 3D results on the page, from the packages in tools/vendor/pins.toml.

    .venv/bin/python tools/vendor.py     # needs Node, npm and a network

For a newer version, change `version` in pins.toml, remove `integrity`, and run this: it says what to write there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS = ROOT / "tools" / "vendor" / "pins.toml"
PARTS = PINS.with_name("three.js")
BUILT = ROOT / "bot" / "platforms" / "web" / "static" / "vendor"


def pins() -> dict[str, dict[str, str]]:
    return tomllib.loads(PINS.read_text(encoding="utf-8"))


def main() -> None:
    """Install what is pinned into a folder of its own, compare it with the pins, and build one file of it."""
    pinned = pins()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "package.json").write_text("{}", encoding="utf-8")
        wanted = [f"{name}@{pin['version']}" for name, pin in pinned.items()]
        _run(home, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *wanted)
        _compare(json.loads((home / "package-lock.json").read_text(encoding="utf-8"))["packages"], pinned)
        entry = home / PARTS.name
        shutil.copy(PARTS, entry)
        version, license_ = pinned["three"]["version"], pinned["three"]["license"]
        banner = f"/* three.js {version}, {license_}: see three.LICENSE. Built by tools/vendor.py. */"
        options = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none")
        target = BUILT / "three.js"
        _run(home, "npx", "esbuild", entry.name, *options, f"--banner:js={banner}", f"--outfile={target}")
        shutil.copy(home / "node_modules" / "three" / "LICENSE", BUILT / "three.LICENSE")
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    if digest != pinned["three"]["built"]:
        raise SystemExit(f"Built, and it is not the file that pins.toml knows. If it should be: built = {digest!r}")


def _compare(installed: dict[str, Any], pinned: dict[str, dict[str, str]]) -> None:
    for name, pin in pinned.items():
        found = installed[f"node_modules/{name}"]["integrity"]
        if found != pin.get("integrity"):
            raise SystemExit(f"{name} {pin['version']} is not the package that was pinned: integrity = {found!r}")


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)  # noqa: S603 - our own words


if __name__ == "__main__":
    main()
