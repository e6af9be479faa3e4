"""How many workflow files of other people become what ComfyUI itself makes of them.

python -m benchmarks.workflows CONVERSION FORMS TEMPLATES [SERVER]

CONVERSION has truth.json.xz, changed.json.xz and object_info.json.xz: prompts that ComfyUI's own editor made of
official templates, of changed ones, and the definitions that it saw. FORMS has files/ with workflows in the API's
format. TEMPLATES is the folder of the official templates. SERVER is the address of a ComfyUI without other users, which
is sent every prompt.
"""

from __future__ import annotations

import json
import lzma
import struct
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.core.workflows.catalog import Catalog
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import UnreadableWorkflow, convert
from comfy.saved.files import read_workflow, with_defaults
from comfy.verdict import judge

#: What only a browser draws.
_VIEWS = frozenset(
    {
        *("Load3D", "Load3DAdvanced", "Preview3DAdvanced", "Save3DAdvanced", "PreviewGaussianSplat"),
        *("SaveGaussianSplat", "PreviewPointCloud", "SavePointCloud"),
    }
)


def _packed(path: Path) -> Any:
    return json.loads(lzma.decompress(path.read_bytes()))


def _bare(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prompt without titles and views, with numbers as JavaScript writes them."""
    made = {}
    for node_id, node in prompt.items():
        hidden = ("image", "viewport_state") if node["class_type"] in _VIEWS else ()
        inputs = {name: "view" if name in hidden else _plain(value) for name, value in node["inputs"].items()}
        made[node_id] = (node["class_type"], inputs)
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def _pairs(conversion: Path, templates: Path) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield the set, the name, the saved workflow and the editor's own prompt of each."""
    for name, prompt in _packed(conversion / "truth.json.xz").items():
        path = templates / (name if name.endswith(".json") else f"{name}.json")
        if path.is_file():
            yield "official templates", name, json.loads(path.read_text(encoding="utf-8")), prompt
        else:
            print(f"could not find the template {path}")
    for name, each in _packed(conversion / "changed.json.xz").items():
        yield "changed templates", name, each["file"], each["prompt"]


def _converted(conversion: Path, templates: Path, definitions: Mapping[str, Any]) -> None:
    same, count = Counter[str](), Counter[str]()
    for group, name, data, wanted in _pairs(conversion, templates):
        count[group] += 1
        made = convert(data, definitions, lambda _count: 0).prompt
        if _bare(made) == _bare(wanted):
            same[group] += 1
        else:
            print(f"not what the editor makes of it: {name}")
    for group, number in count.items():
        print(f"{group}: {same[group]} of {number} are converted to what the editor sends, node ids included")


def _listed(forms: Path, templates: Path) -> list[Path]:
    return [*sorted((forms / "files").glob("*.json")), *sorted(templates.glob("*.json"))]


def _as_people_have_them(path: Path, definitions: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield a file as it is, wrapped, within a picture, and as a prompt for the API."""
    text = path.read_bytes()
    yield "w.json", text
    read = read_workflow(path)
    data = read.data
    yield "w.json", json.dumps({"input": {"workflow": data}}).encode()
    body = b"workflow\0" + json.dumps(data).encode()
    yield "w.png", b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(body)) + b"tEXt" + body + b"\0\0\0\0"
    prompt = convert(data, definitions, lambda _count: 0).prompt if read.is_saved else data
    yield "w.json", json.dumps({**prompt, "_remark": "mine"}).encode()


def _catalog(paths: list[Path], definitions: Mapping[str, Any]) -> None:
    info, good, count, told = ObjectInfo(definitions), 0, 0, Counter[str]()
    for path in paths:
        try:
            variants = list(_as_people_have_them(path, definitions))
        except (UnreadableWorkflow, PromptRejected) as fault:
            told[f"{fault}"] += 1
            continue
        for name, content in variants:
            with TemporaryDirectory() as folder:
                (Path(folder) / name).write_bytes(content)
                catalog = Catalog.read(Path(folder), info=info)
            count += 1
            good += len(catalog.workflows)
            told.update(fault.reason for fault in catalog.faults)
    print(f"{good} of {count} files become a workflow: as they are, wrapped, within a picture, and for the API")
    for reason, number in told.items():
        print(f"  {number} do not: {reason}")


def _asked(server: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server + path, data, {"Content-Type": "application/json"})  # noqa: S310 - as asked
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as fault:
        return fault.code, json.loads(fault.read() or b"null")


def _verdicts(server: str, conversion: Path, forms: Path, templates: Path) -> None:
    _status, definitions = _asked(server, "/object_info")
    info, agreed = ObjectInfo(definitions), Counter[tuple[str, str]]()
    saved = [
        (name, convert(data, definitions, lambda _n: 0).prompt) for _g, name, data, _p in _pairs(conversion, templates)
    ]
    others = [
        (path.name, with_defaults(read_workflow(path).data, definitions))
        for path in sorted((forms / "files").glob("*"))
    ]
    for name, prompt in (*saved, *others):
        verdict = judge(Prompt(prompt), info)
        status, answer = _asked(server, "/prompt", {"prompt": prompt})
        _asked(server, "/queue", {"clear": True})
        if status == 200:
            _asked(server, "/interrupt", {"prompt_id": answer["prompt_id"]})
        ours = "in part" if verdict.runs and verdict.faults else "taken" if verdict.runs else "refused"
        theirs = "refused" if status != 200 else "in part" if answer["node_errors"] else "taken"
        agreed[ours, theirs] += 1
        if ours != theirs:
            print(f"the server says {theirs}, and we say {ours}: {name}: {verdict.faults[:2]}")
    right = sum(number for (ours, theirs), number in agreed.items() if ours == theirs)
    each = ", ".join(f"{number} {ours}" for (ours, theirs), number in sorted(agreed.items()) if ours == theirs)
    print(f"{right} of {agreed.total()} verdicts are the server's own: {each}")


def main(conversion: Path, forms: Path, templates: Path, server: str | None) -> None:
    for folder in (conversion, forms / "files", templates):
        if not folder.is_dir():
            print(f"could not find the folder {folder}")
            return
    definitions = _packed(conversion / "object_info.json.xz")
    _converted(conversion, templates, definitions)
    _catalog(_listed(forms, templates), definitions)
    if server is None:
        print("no server was named, so no verdict was compared")
    else:
        _verdicts(server.rstrip("/"), conversion, forms, templates)


if __name__ == "__main__":
    given = [*sys.argv[1:], None]
    if len(given) < 4:
        sys.exit(__doc__)
    main(Path(str(given[0])), Path(str(given[1])), Path(str(given[2])), given[3])
