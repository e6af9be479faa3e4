"""Find where the value of an input comes from, through links and switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.core.workflows.automatic.prompt_graph import is_literal
from bot.core.workflows.workflow import Target
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

ON, OFF = ("on_true", "input1", "true"), ("on_false", "input2", "false")
DEEPEST = 200


class LinkReader:
    """Reads the links of one prompt, with the definitions of a server or without."""

    def __init__(self, prompt: Prompt, info: ObjectInfo | None = None) -> None:
        self._prompt, self._info = prompt, info

    def number(self, node: Node, name: str, others: list[Target] | None = None) -> Target | None:
        """Find the widget that an input's number comes from; None if it is computed. `others` takes those on the sides
        of switches that are not passed on.
        """
        return self.widget(node, name, (int, float), others)

    def source(self, node: Node, name: str) -> Node | None:
        link: Any = node.inputs.get(name)
        return self._prompt[str(link[0])] if is_link(link) and str(link[0]) in self._prompt else None

    def outputs(self, node: Node) -> Sequence[str]:
        known = self._info.node(node.class_type) if self._info is not None else None
        return known.outputs if known is not None else ()

    def branch(self, node: Node) -> str | None:
        """The input that a switch passes on; None for any other node."""
        if "switch" not in node.class_type.lower():
            return None
        value = self.value(node, "switch") if "switch" in node.inputs else self.value(node, "boolean")
        names = ON if value else OFF
        return next((name for name in names if name in node.inputs), None)

    def value(self, node: Node, name: str) -> Any:
        target = self.widget(node, name, (bool,), None)
        return self._prompt[target.node_id].inputs.get(target.input) if target is not None else None

    def widget(
        self, node: Node, name: str, kinds: tuple[type, ...], others: list[Target] | None, depth: int = 0
    ) -> Target | None:
        value: Any = node.inputs.get(name)
        if not is_link(value):
            return Target(node.id, name) if is_literal(value, kinds) else None
        if depth > DEEPEST or str(value[0]) not in self._prompt:
            return None
        source = self._prompt[str(value[0])]
        if (branch := self.branch(source)) is not None:
            if others is not None:
                for other in source.inputs:
                    if other != branch and other in (*ON, *OFF):
                        append(others, self.widget(source, other, kinds, others, depth + 1))
            return self.widget(source, branch, kinds, others, depth + 1)
        if name in source.inputs:
            return self.widget(source, name, kinds, others, depth + 1)
        fitting = [each for each, literal in source.inputs.items() if is_literal(literal, kinds)]
        for each in ("value", "number", "int", "float", "boolean"):
            if each in source.inputs:
                return self.widget(source, each, kinds, others, depth + 1)
        return Target(source.id, fitting[0]) if len(fitting) == 1 and len(source.inputs) <= 2 else None


def append(targets: list[Target], *found: Target | None) -> None:
    """Add what was found and is not there."""
    targets += [each for each in dict.fromkeys(found) if each is not None and each not in targets]
