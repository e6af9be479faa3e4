"""List what a lock pins, and what the page brings along, as a bill of materials in CycloneDX's JSON, version 1.6."""

from __future__ import annotations

import tomllib
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement


def bill_of_materials(lock: Path, version: str) -> str:
    """Return the components of Darkroom in this version. Those for other systems alone have the marker that says so."""
    bom = Bom(components=[*(_component(each) for each in _pinned(lock)), *_brought_along()])
    bom.metadata.component = Component(name="darkroom", version=version, type=ComponentType.APPLICATION)
    bom.register_dependency(bom.metadata.component, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _pinned(lock: Path) -> list[str]:
    """Return the entries of a lock, each with its hashes in one line."""
    return [line for line in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines() if line.strip()]


def _brought_along() -> list[Component]:
    """Return the components whose code is among our own files."""
    pins = tomllib.loads((Path(__file__).parent / "vendor" / "pins.toml").read_text(encoding="utf-8"))
    return [
        Component(
            name=name,
            version=pin["version"],
            type=ComponentType.LIBRARY,
            licenses=[DisjunctiveLicense(id=pin["license"])],
            purl=(address := PackageURL("npm", None, name, pin["version"])),
            bom_ref=address.to_string(),
        )
        for name, pin in pins.items()
        if "built" in pin
    ]


def _component(entry: str) -> Component:
    pinned = Requirement(entry.partition("--hash=")[0].strip())
    [only] = pinned.specifier
    name = PackageURL("pypi", None, pinned.name, only.version)
    return Component(
        name=pinned.name,
        version=only.version,
        type=ComponentType.LIBRARY,
        description=f"only where {pinned.marker}" if pinned.marker is not None else None,
        purl=name,
        bom_ref=name.to_string(),
    )
