"""The settings of a picture, from the notes that programs leave in it: A1111's parameters, ComfyUI's prompts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from unicodedata import category

from bot.i18n import _

MOST = 65_536  # characters of a text of settings
_WORDS = 8000  # characters of a prompt
_VALUE = 300  # characters of any other value
_DEEP = 30  # nodes between a sampler and its words
_NODES = 3000  # of a graph
_LAST_LINE = re.compile(r"^Steps: \d+", re.MULTILINE)
_LINE = 8000  # characters of the other settings
_SIZE = re.compile(r"(\d{1,5})\s*x\s*(\d{1,5})")
_NOISE = ("karras", "exponential", "simple", "beta", "ddim_uniform", "sgm_uniform")

#: How A1111 calls what is found, and how it is called here.
_PARAMETERS = {
    "steps": "steps",
    "sampler": "sampler",
    "schedule type": "scheduler",
    "cfg scale": "cfg",
    "distilled cfg scale": "guidance",
    "seed": "seed",
    "model": "model",
    "denoising strength": "strength",
}
#: The same for inputs of ComfyUI's nodes.
_INPUTS = {
    "steps": "steps",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "cfg": "cfg",
    "guidance": "guidance",
    "seed": "seed",
    "noise_seed": "seed",
    "ckpt_name": "model",
    "unet_name": "model",
    "denoise": "strength",
    "width": "width",
    "height": "height",
}
_TEXTS = ("text", "prompt", "text_g", "t5xxl", "clip_l", "value", "string")


@dataclass(frozen=True)
class FoundSettings:
    """The words of a picture, what it was to avoid, and the other settings by their names."""

    prompt: str = ""
    avoid: str = ""
    settings: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """The settings in words, a line each."""
        words = [(_("words"), self.prompt), (_("avoid"), self.avoid)]
        told = [f"{name}: {text}" for name, text in words if text]
        return [*told, *(f"{name}: {value}" for name, value in self.settings.items())]


def from_parameters(text: str) -> FoundSettings | None:
    """Read the text that A1111 and its kin write; None if it is none."""
    text = text[:MOST].replace("\r\n", "\n").strip("\0 \n")
    starts = [each.start() for each in _LAST_LINE.finditer(text)]
    if not starts:
        return None
    words, line = text[: starts[-1]], text[starts[-1] :].replace("\n", ", ")
    prompt, _mark, avoid = words.partition("Negative prompt:")
    pairs = dict(_pairs(line[:_LINE]))
    settings: dict[str, Any] = {ours: _number(pairs[name]) for name, ours in _PARAMETERS.items() if pairs.get(name)}
    if size := _SIZE.fullmatch(pairs.get("size", "")):
        settings |= {"width": int(size[1]), "height": int(size[2])}
    if isinstance(settings.get("sampler"), str):
        settings |= _sampler(settings["sampler"], settings.get("scheduler"))
    return _found(prompt, avoid, settings)


def _found(prompt: str, avoid: str, settings: Mapping[str, str | int | float]) -> FoundSettings:
    texts = {name: _sendable(value) if isinstance(value, str) else value for name, value in settings.items()}
    return FoundSettings(_sendable(prompt)[:_WORDS], _sendable(avoid)[:_WORDS], texts)


def _sendable(text: str) -> str:
    """A text without what no chat takes: halves of letters, which JSON can have, and control characters."""
    return "".join(each for each in text if each in "\n\t" or category(each) not in ("Cc", "Cs")).strip()


def from_graphs(objects: Iterable[Any]) -> FoundSettings | None:
    """Read the first prompt for ComfyUI's API among JSON objects; None if there is none."""
    for each in objects:
        if isinstance(each, dict) and 0 < len(each) <= _NODES and (nodes := _nodes(each)):
            return _from_graph(nodes)
    return None


def _nodes(graph: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The inputs of each node; none if this is no prompt."""
    found: dict[str, Mapping[str, Any]] = {}
    for number, node in graph.items():
        if not (isinstance(node, dict) and isinstance(node.get("class_type"), str)):
            return {}
        inputs = node.get("inputs")
        found[number] = inputs if isinstance(inputs, dict) else {}
    return found


def _from_graph(nodes: Mapping[str, Mapping[str, Any]]) -> FoundSettings:
    samplers = [inputs for inputs in nodes.values() if _is_link(inputs.get("positive"))]
    guided = [inputs for inputs in nodes.values() if _is_link(inputs.get("conditioning"))]
    words = [_words(nodes, inputs["positive"]) for inputs in samplers]
    words += [_words(nodes, inputs["conditioning"]) for inputs in guided]
    avoid = [_words(nodes, inputs["negative"]) for inputs in samplers if _is_link(inputs.get("negative"))]
    settings: dict[str, str | int | float] = {}
    for inputs in (*samplers, *nodes.values()):
        for name, value in inputs.items():
            ours = _INPUTS.get(name)
            if ours is not None and ours not in settings and (found := _literal(nodes, value)) is not None:
                settings[ours] = found[:_VALUE] if isinstance(found, str) else found
    return _found(next(filter(None, words), ""), next(filter(None, avoid), ""), settings)


def _words(nodes: Mapping[str, Mapping[str, Any]], link: Any) -> str:
    """The text nearest to a link, looked for in all that it is made of."""
    seen, ahead = set[str](), [str(link[0])]
    for _step in range(_DEEP):
        if not ahead:
            break
        name = ahead.pop(0)
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        inputs = nodes[name]
        for each in _TEXTS:
            found = _literal(nodes, inputs.get(each))
            if isinstance(found, str) and found.strip():
                return found.strip()[:_WORDS]
        ahead += [str(value[0]) for value in inputs.values() if _is_link(value)]
    return ""


def _literal(nodes: Mapping[str, Mapping[str, Any]], value: Any) -> str | int | float | None:
    """The value of an input, also where a node gives it that only holds it."""
    for _step in range(_DEEP):
        if not _is_link(value):
            break
        inputs = nodes.get(str(value[0]), {})
        value = next(
            (inputs[name] for name in ("value", "seed", "noise_seed", "text", "string") if name in inputs), None
        )
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int)


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """The names and values of a line; a value in quotes may have commas."""
    begun, is_quoted = 0, False
    for at, letter in enumerate(f"{line},"):
        if letter == '"':
            is_quoted = not is_quoted
        elif letter == "," and (not is_quoted or at == len(line)):
            name, colon, value = line[begun:at].partition(":")
            if colon:
                yield name.strip().lower(), value.strip().strip('"')
            begun = at + 1


def _number(text: str) -> str | int | float:
    try:
        return int(text) if len(text) < 30 else text
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text[:_VALUE]
    return number if abs(number) < 1e15 else text[:_VALUE]


def _sampler(name: str, scheduler: Any) -> dict[str, str]:
    """A1111's name of a sampler as ComfyUI has it: “DPM++ 2M Karras” is dpmpp_2m and karras."""
    words = name.lower().replace("++", "pp").split()
    noise = str(scheduler).lower() if scheduler is not None else ""
    if words and words[-1] in _NOISE:
        noise = words.pop()
    if words[-1:] == ["a"]:
        words[-1] = "ancestral"
    found = {"sampler": "_".join(words)}
    return found | {"scheduler": noise} if noise and noise != "automatic" else found
