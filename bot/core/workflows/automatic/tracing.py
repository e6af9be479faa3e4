"""Follow a prompt's links backwards, from what it makes to the widgets that people want to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.workflows.automatic.links import DEEPEST, LinkReader, append
from bot.core.workflows.automatic.prompt_graph import (
    has_size,
    in_order,
    is_sampler,
    is_template,
    is_text_node,
    last_part,
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
_LENGTHS = ("length", "seconds", "duration", "num_frames", "frames_number", "frames")


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
    behind: set[Target] = field(default_factory=set)  # texts that others are put into, or that are for a model
    is_scaled: bool = False  # the size is that of a picture which is given
    refined: list[Target] = field(default_factory=list)  # how far later samplers change what an earlier one has drawn


class Tracer(LinkReader):
    """Traces one prompt, with the definitions of a server or without."""

    def __init__(self, prompt: Prompt, info: ObjectInfo | None = None) -> None:
        super().__init__(prompt, info)
        self.order = in_order(prompt, info)
        self._in_part = set[Target]()  # texts for a part of the picture
        self._templates = set[Target]()  # texts into which another is put

    def trace(self) -> Found:
        """Find the texts, the size, the seed and the steps of the samplers, in the order in which they run."""
        found = Found()
        positive: list[Target] = []
        negative: list[Target] = []
        for sampler in filter(is_sampler, self.order):
            guider = self.source(sampler, "guider") or sampler
            self._conditionings(sampler, guider, positive, negative)
            self._numbers(sampler, guider, found)
            if found.size is None:
                found.size, found.is_scaled = self._size(sampler)
            found.length = found.length or self._length(sampler)
        found.length = found.length or self._any_length()
        if not positive:
            named, more = self._untraced()
            positive = [each for each in named if each not in negative]
            negative = negative or more
        found.seeds = found.seeds or self._all_seeds()
        positive, negative = self._by_titles(positive, negative)
        positive.sort(key=self._is_behind)
        found.behind = {each for each in positive if self._is_behind(each)[0]}
        found.positive = self._equal(positive)
        found.negative = [group for group in self._equal(negative) if not any(each in positive for each in group)]
        return found

    def _is_behind(self, text: Target) -> tuple[bool, bool]:
        """The texts that people write come first, and those for the whole picture before those for a part of it."""
        return is_template(self._prompt[text.node_id]) or text in self._templates, text in self._in_part

    def _by_titles(self, positive: list[Target], negative: list[Target]) -> tuple[list[Target], list[Target]]:
        """Believe a node's title where it says that its text is negative, unless that leaves no other text."""
        said = [each for each in positive if "negative" in self._prompt[each.node_id].title.lower().split()]
        kept = [each for each in positive if each not in said]
        return (kept, [*negative, *said]) if kept else (positive, negative)

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
            if last_part(name) in ("seed", "noise_seed") and (target := self.number(node, name)) is not None
        ]

    def _numbers(self, sampler: Node, guider: Node, found: Found) -> None:
        scheduler = self.source(sampler, "sigmas") or sampler
        noise = self.source(sampler, "noise") or sampler
        if str(sampler.inputs.get("add_noise", "enable")) != "disable":
            for name in ("seed", "noise_seed"):
                append(found.seeds, self.number(noise, name) if name in noise.inputs else None)
        others: list[Target] = []
        append(found.steps, self._upstream(scheduler, "steps", others), *others)
        others = []
        append(found.cfg, self.number(guider, "cfg", others) if "cfg" in guider.inputs else None, *others)
        denoise = scheduler.inputs.get("denoise")
        if isinstance(denoise, int | float) and denoise < 1:
            is_later = any(is_sampler(node) for node in self._latent_chain(sampler))
            append(found.refined if is_later else found.denoise, Target(scheduler.id, "denoise"))

    def _upstream(self, node: Node, name: str, others: list[Target]) -> Target | None:
        """Find a number of this name at a node, or at one that its sigmas go through."""
        for _step in range(10):
            if name in node.inputs:
                return self.number(node, name, others)
            before = self.source(node, "sigmas")
            if before is None:
                return None
            node = before
        return None

    def _texts(self, link: Any, side: str, into: list[Target], seen: set[tuple[str, int, str]]) -> None:
        """Collect the texts that a conditioning or a string is made of."""
        source, slot = str(link[0]), link[1]
        if (source, slot, side) in seen or source not in self._prompt or len(seen) > DEEPEST:
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
        if (branch := self.branch(node)) is not None:
            if is_link(node.inputs.get(branch)):
                self._texts(node.inputs[branch], side, into, seen)
            return
        if "positive" in node.inputs and "negative" in node.inputs:
            name = self._side(node, slot, side)
            self._text_input(node, name, side, into, seen)
            return
        if "string" in node.inputs and (is_link(node.inputs.get("replace")) or "regex_pattern" in node.inputs):
            if is_link(node.inputs.get("replace")):
                self._text_input(node, "replace", side, into, seen)
            self._templates.add(Target(node.id, "string"))
        own = [] if "lora" in node.class_type.lower() else _text_names(node)
        for name in own:
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
            append(into, Target(node.id, name))

    def _side(self, node: Node, slot: int, side: str) -> str:
        """Tell which of its two conditionings a node passes on by an output."""
        kinds = self.outputs(node)
        sides = [index for index, kind in enumerate(kinds) if kind == "CONDITIONING"]
        if len(sides) >= 2 and slot in sides[:2]:
            return ("positive", "negative")[sides.index(slot)]
        return side

    def _is_text_link(self, node: Node, name: str, link: Any) -> bool:
        if str(link[0]) not in self._prompt:
            return False
        source = self._prompt[str(link[0])]
        outputs = self.outputs(source)
        if outputs and link[1] < len(outputs):
            return outputs[link[1]] in ("CONDITIONING", "STRING", "*")
        lowered = name.lower()
        return any(word in lowered for word in ("cond", "text", "string", "prompt"))

    def _size(self, sampler: Node) -> tuple[tuple[Target, Target] | None, bool]:
        """Find width and height; with true if they are those to which a picture is scaled."""
        for node in self._latent_chain(sampler):
            is_scaled = any(is_link(node.inputs.get(name)) for name in ("image", "images", "pixels"))
            for wide, high in (("width", "height"), ("empty_latent_width", "empty_latent_height")):
                if wide in node.inputs and high in node.inputs:
                    width, height = self.number(node, wide), self.number(node, high)
                    if width is not None and height is not None and width != height:
                        return (width, height), is_scaled
                    return self._sized_above(node, wide), is_scaled
        return None, False

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
            for name in _LENGTHS:
                if name in node.inputs and (target := self.number(node, name)) is not None:
                    return target
        return None

    def _any_length(self) -> Target | None:
        """Find how long a video or a sound is where a single node makes it."""
        found = [
            target
            for node in reversed(self.order)
            for name in node.inputs
            if last_part(name) in ("seconds", "duration") and (target := self.number(node, name)) is not None
        ]
        return found[0] if found else None

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

    def _untraced(self) -> tuple[list[Target], list[Target]]:
        """Find texts where there is no sampler that is known: by their names, those nearest to the result first."""
        positive: list[Target] = []
        negative: list[Target] = []
        for node in reversed(self.order):
            if makes_no_text(node) or "lora" in node.class_type.lower():
                continue
            for name in node.inputs:
                if last_part(name) in ("negative", "negative_prompt") and not is_link(node.inputs[name]):
                    self._text_input(node, name, "negative", negative, set())
            for name in _text_names(node):
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


def _text_names(node: Node) -> list[str]:
    """The inputs that may have a text, the likeliest first."""
    named = [each for each in node.inputs if last_part(each) in _TEXTS]
    return sorted(named, key=lambda each: _TEXTS.index(last_part(each)))
