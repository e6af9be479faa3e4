"""Follow a prompt's links backwards, from what it makes to the widgets that people want to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.workflows.automatic.prompt_graph import (
    has_size,
    in_order,
    is_literal,
    is_sampler,
    is_text_node,
    makes_no_text,
)
from bot.core.workflows.workflow import Target
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

_TEXTS = (
    *("text", "prompt", "wildcard_text", "positive", "positive_prompt", "text_g", "text_l", "clip_l", "clip_g"),
    *("t5xxl", "tags", "caption", "string", "value", "Text", "STRING", "description", "instruction"),
)
_CONDITIONINGS = (
    *("conditioning", "cond1", "cond2", "conditioning_1", "conditioning_2", "conditioning_to", "conditioning_from"),
)
_LATENTS = ("latent_image", "latent", "samples", "video_latent", "samples1", "pixels", "image", "images", "pipe")
_ON, _OFF = ("on_true", "input1", "true"), ("on_false", "input2", "false")
_DEEPEST = 200


@dataclass
class Found:
    """The widgets that a trace has found; each of the lists in the order in which the prompt runs."""

    positive: list[list[Target]] = field(default_factory=list)
    negative: list[list[Target]] = field(default_factory=list)
    size: tuple[Target, Target] | None = None
    seeds: list[Target] = field(default_factory=list)
    steps: list[Target] = field(default_factory=list)
    cfg: list[Target] = field(default_factory=list)
    denoise: list[Target] = field(default_factory=list)
    length: Target | None = None


class Tracer:
    """Traces one prompt, with the definitions of a server or without."""

    def __init__(self, prompt: Prompt, info: ObjectInfo | None = None) -> None:
        self._prompt, self._info = prompt, info
        self.order = in_order(prompt, info)
        self._in_part = set[Target]()  # texts for a part of the picture

    def trace(self) -> Found:
        """Find the texts, the size, the seed and the steps of the samplers, in the order in which they run."""
        found = Found()
        positive: list[Target] = []
        negative: list[Target] = []
        for sampler in filter(is_sampler, self.order):
            guider = self._source(sampler, "guider") or sampler
            self._conditionings(sampler, guider, positive, negative)
            self._numbers(sampler, guider, found)
            found.size = found.size or self._size(sampler)
            found.length = found.length or self._length(sampler)
        if not positive:
            named, more = self._untraced()
            positive = [each for each in named if each not in negative]
            negative = negative or more
        found.seeds = found.seeds or self._all_seeds()
        positive.sort(key=self._in_part.__contains__)  # those for the whole picture come first
        found.positive = self._equal(positive)
        found.negative = [group for group in self._equal(negative) if not any(each in positive for each in group)]
        return found

    def number(self, node: Node, name: str, others: list[Target] | None = None) -> Target | None:
        """Find the widget that an input's number comes from; None if it is computed. `others` takes those on the sides
        of switches that are not passed on.
        """
        return self._widget(node, name, (int, float), others)

    def _conditionings(self, sampler: Node, guider: Node, positive: list[Target], negative: list[Target]) -> None:
        for into, side in ((positive, "positive"), (negative, "negative")):
            if is_link(guider.inputs.get(side)):
                self._texts(guider.inputs[side], side, into, set())
        if guider is not sampler or "conditioning" in sampler.inputs:
            for name in _CONDITIONINGS:
                if is_link(guider.inputs.get(name)):
                    self._texts(guider.inputs[name], "positive", positive, set())

    def _all_seeds(self) -> list[Target]:
        return [
            target
            for node in self.order
            for name in node.inputs
            if name.rpartition(".")[2] in ("seed", "noise_seed") and (target := self.number(node, name)) is not None
        ]

    def _numbers(self, sampler: Node, guider: Node, found: Found) -> None:
        scheduler = self._source(sampler, "sigmas") or sampler
        noise = self._source(sampler, "noise") or sampler
        if str(sampler.inputs.get("add_noise", "enable")) != "disable":
            for name in ("seed", "noise_seed"):
                _append(found.seeds, self.number(noise, name) if name in noise.inputs else None)
        others: list[Target] = []
        _append(found.steps, self._upstream(scheduler, "steps", others), *others)
        others = []
        _append(found.cfg, self.number(guider, "cfg", others) if "cfg" in guider.inputs else None, *others)
        denoise = scheduler.inputs.get("denoise")
        if isinstance(denoise, int | float) and denoise < 1:
            _append(found.denoise, Target(scheduler.id, "denoise"))

    def _upstream(self, node: Node, name: str, others: list[Target]) -> Target | None:
        """Find a number of this name at a node, or at one that its sigmas go through."""
        for _step in range(10):
            if name in node.inputs:
                return self.number(node, name, others)
            before = self._source(node, "sigmas")
            if before is None:
                return None
            node = before
        return None

    def _texts(self, link: Any, side: str, into: list[Target], seen: set[tuple[str, int, str]]) -> None:
        """Collect the texts that a conditioning or a string is made of."""
        source, slot = str(link[0]), link[1]
        if (source, slot, side) in seen or source not in self._prompt or len(seen) > _DEEPEST:
            return
        seen.add((source, slot, side))
        node = self._prompt[source]
        before = len(into)
        self._texts_of(node, slot, side, into, seen)
        if "SetArea" in node.class_type or "SetMask" in node.class_type:
            self._in_part.update(into[before:])

    def _texts_of(self, node: Node, slot: int, side: str, into: list[Target], seen: set[tuple[str, int, str]]) -> None:
        if "ZeroOut" in node.class_type:
            return
        if (branch := self._branch(node)) is not None:
            if is_link(node.inputs.get(branch)):
                self._texts(node.inputs[branch], side, into, seen)
            return
        if "positive" in node.inputs and "negative" in node.inputs:
            name = self._side(node, slot, side)
            self._text_input(node, name, side, into, seen)
            return
        own = [] if "lora" in node.class_type.lower() else [name for name in node.inputs if name in _TEXTS]
        for name in sorted(own, key=_TEXTS.index):
            self._text_input(node, name, side, into, seen)
        if not own or any(is_link(node.inputs.get(name)) for name in _CONDITIONINGS):
            for name, value in node.inputs.items():
                if is_link(value) and (name in _CONDITIONINGS or self._is_text_link(node, name, value)):
                    self._texts(value, side, into, seen)

    def _text_input(
        self, node: Node, name: str, side: str, into: list[Target], seen: set[tuple[str, int, str]]
    ) -> None:
        value = node.inputs.get(name)
        if is_link(value):
            self._texts(value, side, into, seen)
        elif isinstance(value, str):
            _append(into, Target(node.id, name))

    def _side(self, node: Node, slot: int, side: str) -> str:
        """Tell which of its two conditionings a node passes on by an output."""
        kinds = self._outputs(node)
        sides = [index for index, kind in enumerate(kinds) if kind == "CONDITIONING"]
        if len(sides) >= 2 and slot in sides[:2]:
            return ("positive", "negative")[sides.index(slot)]
        return side

    def _outputs(self, node: Node) -> Sequence[str]:
        known = self._info.node(node.class_type) if self._info is not None else None
        return known.outputs if known is not None else ()

    def _branch(self, node: Node) -> str | None:
        """The input that a switch passes on; None for any other node."""
        if "switch" not in node.class_type.lower():
            return None
        value = self._value(node, "switch") if "switch" in node.inputs else self._value(node, "boolean")
        names = _ON if value else _OFF
        return next((name for name in names if name in node.inputs), None)

    def _value(self, node: Node, name: str) -> Any:
        target = self._widget(node, name, (bool,), None)
        return self._prompt[target.node_id].inputs.get(target.input) if target is not None else None

    def _is_text_link(self, node: Node, name: str, link: Any) -> bool:
        if str(link[0]) not in self._prompt:
            return False
        source = self._prompt[str(link[0])]
        outputs = self._outputs(source)
        if outputs and link[1] < len(outputs):
            return outputs[link[1]] in ("CONDITIONING", "STRING", "*")
        lowered = name.lower()
        return any(word in lowered for word in ("cond", "text", "string", "prompt"))

    def _widget(
        self, node: Node, name: str, kinds: tuple[type, ...], others: list[Target] | None, depth: int = 0
    ) -> Target | None:
        value: Any = node.inputs.get(name)
        if not is_link(value):
            return Target(node.id, name) if is_literal(value, kinds) else None
        if depth > _DEEPEST or str(value[0]) not in self._prompt:
            return None
        source = self._prompt[str(value[0])]
        if (branch := self._branch(source)) is not None:
            if others is not None:
                for other in source.inputs:
                    if other != branch and other in (*_ON, *_OFF):
                        _append(others, self._widget(source, other, kinds, others, depth + 1))
            return self._widget(source, branch, kinds, others, depth + 1)
        if name in source.inputs:
            return self._widget(source, name, kinds, others, depth + 1)
        fitting = [each for each, literal in source.inputs.items() if is_literal(literal, kinds)]
        for each in ("value", "number", "int", "float", "boolean"):
            if each in source.inputs:
                return self._widget(source, each, kinds, others, depth + 1)
        return Target(source.id, fitting[0]) if len(fitting) == 1 and len(source.inputs) <= 2 else None

    def _size(self, sampler: Node) -> tuple[Target, Target] | None:
        for node in self._latent_chain(sampler):
            for wide, high in (("width", "height"), ("empty_latent_width", "empty_latent_height")):
                if wide in node.inputs and high in node.inputs:
                    width, height = self.number(node, wide), self.number(node, high)
                    if width is not None and height is not None and width != height:
                        return width, height
                    return self._sized_above(node, wide)
        return None

    def _sized_above(self, node: Node, wide: str) -> tuple[Target, Target] | None:
        """Find the size where a node takes it from another one that has both, or that measures a picture."""
        link: Any = node.inputs.get(wide)
        for _step in range(10):
            if not is_link(link) or str(link[0]) not in self._prompt:
                return None
            source = self._prompt[str(link[0])]
            width, height = source.inputs.get("width"), source.inputs.get("height")
            if isinstance(width, int) and isinstance(height, int):
                return Target(source.id, "width"), Target(source.id, "height")
            link = next((value for value in source.inputs.values() if is_link(value)), None)
        return None

    def _length(self, sampler: Node) -> Target | None:
        for node in self._latent_chain(sampler):
            for name in ("length", "seconds", "duration", "num_frames", "frames_number", "frames"):
                if name in node.inputs and (target := self.number(node, name)) is not None:
                    return target
        return None

    def _latent_chain(self, sampler: Node) -> Iterator[Node]:
        """The nodes that a sampler's latent goes through, the nearest first."""
        waiting, seen = [sampler], {sampler.id}
        while waiting:
            node = waiting.pop(0)
            if node is not sampler:
                yield node
            names = [name for name in _LATENTS if is_link(node.inputs.get(name))]
            if "switch" in node.class_type.lower():
                names = [name for name, value in node.inputs.items() if is_link(value)]
            elif not names and node is not sampler and not has_size(node):
                names = [name for name, value in node.inputs.items() if is_link(value) and "latent" in name]
            for name in names:
                link: Any = node.inputs[name]
                if node is sampler and name not in ("latent_image", "latent", "samples", "pipe"):
                    continue
                if str(link[0]) in self._prompt and str(link[0]) not in seen:
                    seen.add(str(link[0]))
                    waiting.append(self._prompt[str(link[0])])

    def _source(self, node: Node, name: str) -> Node | None:
        link: Any = node.inputs.get(name)
        return self._prompt[str(link[0])] if is_link(link) and str(link[0]) in self._prompt else None

    def _untraced(self) -> tuple[list[Target], list[Target]]:
        """Find texts where there is no sampler that is known: by their names, those nearest to the result first."""
        positive: list[Target] = []
        negative: list[Target] = []
        for node in reversed(self.order):
            if makes_no_text(node) or "lora" in node.class_type.lower():
                continue
            for name in node.inputs:
                if name in ("negative", "negative_prompt") and not is_link(node.inputs[name]):
                    self._text_input(node, name, "negative", negative, set())
            for name in sorted((each for each in node.inputs if each in _TEXTS), key=_TEXTS.index):
                if not is_link(node.inputs[name]) and name in ("value", "string", "STRING") and not is_text_node(node):
                    continue
                self._text_input(node, name, "positive", positive, set())
        return positive, negative

    def _equal(self, targets: Sequence[Target]) -> list[list[Target]]:
        """Group texts with the same words: one field sets them all."""
        groups: dict[Any, list[Target]] = {}
        for number, target in enumerate(targets):
            words = self._prompt[target.node_id].inputs.get(target.input)
            key: Any = words.strip() if isinstance(words, str) and words.strip() else number
            if target not in groups.setdefault(key, []):
                groups[key].append(target)
        return list(groups.values())


def _append(targets: list[Target], *found: Target | None) -> None:
    targets += [each for each in dict.fromkeys(found) if each is not None and each not in targets]
