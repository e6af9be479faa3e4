"""Any bytes in place of a workflow's files: a workflow that can be asked for, or mistakes in words."""

from __future__ import annotations

import io
import json
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.core.errors import UserError
from bot.core.workflows.catalog import Catalog, bundled_folder
from bot.core.workflows.sidecar import Faults, read_sidecar
from bot.core.workflows.workflow import Workflow
from comfy import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import UnreadableWorkflow, convert, is_saved_workflow
from comfy.saved.files import is_prompt, read_workflow, with_defaults
from tests.comfy.saved.graphs import DEFINITIONS, graph, node, subgraph
from tests.foreign import as_json, changed, check, cut_up, how_much, values

INFO = ObjectInfo(json.loads((Path(__file__).parents[3] / "data" / "object_info.json").read_bytes()))
PAIRS = [
    (json.loads(path.read_bytes()), path.with_suffix(".toml").read_bytes())
    for path in sorted(bundled_folder().glob("*.json"))
]
GIVEN = ["", "x", "-1", "1e400", "5 %", "\0", "\ud800", "NaN", "yes", "9" * 5000, 7, None, True, 1.5, [], {}]
_SAMPLE = (5, "fixed", 20, 8.0, "euler")
_INNER = subgraph(
    "inner",
    node(5, "Sample", _SAMPLE, inputs=[("image", None), ("*steps", 1, "INT"), ("*seed", 2, "INT")], outputs=["IMAGE"]),
    links=[(1, -10, 0, 5, 1), (2, -10, 0, 5, 2), (3, 5, 0, -20, 0)],
    inputs=[("n", "INT", [1, 2])],
    outputs=[("IMAGE", "IMAGE", [3])],
)
_GROUP = {
    "nodes": [
        {**node(-1, "Blank", (64, 64)), "index": 0, "outputs": [{"name": "IMAGE", "type": "IMAGE"}]},
        {**node(-1, "SaveImage", ("p",), inputs=[("images", None)]), "index": 1},
    ],
    "links": [[0, 0, 1, 0, 1, "IMAGE"]],
    "external": [],
}
SAVED = [
    graph(
        node(1, "Blank", (64, 64), outputs=["IMAGE"]),
        node(2, "Sample", _SAMPLE, inputs=[("image", 1)], outputs=["IMAGE"]),
        node(3, "Reroute", inputs=[("", 2, "*")], outputs=["IMAGE"]),
        node(4, "SaveImage", ("%date:yyyy%_%Blank.width%",), inputs=[("images", 3)]),
        node(5, "PrimitiveNode", (7, "fixed"), outputs=["INT"]),
        node(6, "Batch", inputs=[("images.image0", 4)], mode=4),
        node(7, "Model", ("large", 1, "fixed", "bold", "n"), inputs=[("model.pictures", None)]),
        node(8, "Text", ("a {b|c{d|e}} f",)),
        node(9, "Switch", (True,), inputs=[("no", None, "*"), ("yes", 4, "*")], outputs=["*"]),
        links=[(1, 1, 0, 2, 0), (2, 2, 0, 3, 0), (3, 3, 0, 4, 0), (4, 1, 0, 6, 0)],
    ),
    graph(
        node(2, "inner", (33,), inputs=[("n", None, "INT")], properties={"proxyWidgets": [["5", "seed"]]}),
        node(3, "SaveImage", ("x",), inputs=[("images", 9)]),
        links=[(9, 2, 0, 3, 0)],
        definitions={"subgraphs": [_INNER]},
    ),
    graph(node(1, "workflow>Ours", (32, 32, "q")), extra={"groupNodes": {"Ours": _GROUP}}),
]


def use(workflow: Workflow) -> None:
    """All that is done with a workflow before it is sent to a server."""
    for info in (None, INFO):
        form = workflow.form(info)
        for given in GIVEN:
            form.faults(dict.fromkeys(form.names, given))
            with suppress(UserError):
                checked = form.check(dict.fromkeys(form.names, given))
                workflow.kind(form, checked)
                workflow.fill(checked, info).to_json()  # type: ignore[arg-type]
    workflow.verdict(INFO)


@how_much
@pytest.mark.long
def test_files_in_a_folder(tried: settings, tmp_path: Path) -> None:
    graphs = [as_json(graph) for graph, _ in PAIRS]
    sidecars = [sidecar for _, sidecar in PAIRS]
    anything = st.binary(max_size=300)

    def read(files: tuple[bytes, bytes]) -> None:
        (tmp_path / "odd.json").write_bytes(files[0])
        (tmp_path / "odd.toml").write_bytes(files[1])
        catalog = Catalog.read(tmp_path)
        assert catalog.faults or catalog.workflows
        assert all("\n" not in str(fault).rstrip() for fault in catalog.faults), catalog.faults
        for workflow in catalog.workflows.values():
            use(workflow)

    own = st.sampled_from(list(zip(graphs, sidecars, strict=True))).flatmap(
        lambda pair: st.tuples(st.just(pair[0]) | cut_up([pair[0]]), cut_up([pair[1]]))
    )
    check(tried, own | st.tuples(cut_up(graphs) | anything, cut_up(sidecars) | anything), read)


@how_much
@pytest.mark.long
def test_documents_of_a_workflow_for_the_api(tried: settings) -> None:
    """The graph and the sidecar are JSON and TOML, but not what they should be."""
    pairs = [[graph, tomllib.loads(sidecar.decode())] for graph, sidecar in PAIRS]

    def read(pair: Any) -> None:
        match pair:
            case [graph, dict(data), *_]:
                with suppress(PromptRejected):
                    prompt = Prompt.loads(as_json(graph).decode())
                    faults = Faults()
                    workflow = read_sidecar("odd", prompt, data, faults)
                    if not faults.found:
                        use(workflow)

    check(tried, changed(pairs), read)


@how_much
def test_documents_of_the_editor(tried: settings) -> None:
    definitions = changed([DEFINITIONS]) if tried.max_examples > 100 else st.just(DEFINITIONS)

    def read(pair: tuple[Any, dict[str, Any]]) -> None:
        data, nodes = pair
        if is_saved_workflow(data):
            with suppress(UnreadableWorkflow, PromptRejected):
                Prompt(convert(data, nodes, choose=lambda _count: 0).prompt)

    check(tried, st.tuples(changed(SAVED) | values, definitions | st.just(DEFINITIONS)), read)


def in_a_picture(document: Any, *, packed: bool) -> bytes:
    body, info = io.BytesIO(), PngInfo()
    info.add_text("workflow", json.dumps(document), zip=packed)
    Image.new("L", (4, 4)).save(body, "PNG", pnginfo=info)
    return body.getvalue()


@how_much
def test_files_with_a_workflow_in_them(tried: settings, tmp_path: Path) -> None:
    whole = [as_json(document) for document in SAVED] + [as_json({"prompt": json.dumps(PAIRS[0][0])})]
    whole += [in_a_picture(SAVED[1], packed=packed) for packed in (False, True)]
    whole += [path.read_bytes()[:64_000] for path in sorted((Path(__file__).parents[3] / "data/results").iterdir())]
    documents = changed([*SAVED, PAIRS[0][0], {"extra_data": {"workflow": SAVED[0]}}]).map(as_json)
    path = tmp_path / "odd.bin"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(UnreadableWorkflow, PromptRejected):
            found = read_workflow(path).data
            if is_prompt(found):
                Prompt(with_defaults(found, DEFINITIONS))

    check(tried, cut_up(whole) | documents, read)
