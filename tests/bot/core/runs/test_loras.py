"""LoRAs in words and as a field, from the request to the server; moderators decide which, and embeddings and models."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import BadValue, DeniedValue, NotAllowed
from bot.core.model import Done, Failed
from bot.core.platform import ModelNames, Style, WordList
from bot.core.policy.audit import REFUSED
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from comfy.embedded.nodes.transform import empty_image
from tests.bot.harness import ANN, BEN, HERE, MOD, House, house, node_of, running, write_workflows
from tests.patience import PATIENCE

FILES = ["anime.safetensors", "sub/film.safetensors", "denied.safetensors"]


class Easel:
    """Nodes that load a checkpoint and LoRAs, and paint: `painted` is what each picture was painted with."""

    def __init__(self) -> None:
        self.painted: list[str] = []
        self.free = threading.Event()
        self.free.set()

    def nodes(self) -> dict[str, NodeType]:
        def load(ckpt_name: str) -> Any:
            return ckpt_name, ckpt_name

        def add(model: str, clip: str, lora_name: str, strength_model: float, strength_clip: float) -> Any:
            return f"{model} + {lora_name} {strength_model:g}", f"{clip} + {lora_name} {strength_clip:g}"

        def paint(model: str, clip: str, text: str) -> Any:
            if not self.free.wait(PATIENCE):
                raise TimeoutError(text)
            self.painted.append(f"{model} | {clip} | {text}")
            return empty_image(16, 16, 1, len(self.painted))

        strength: Any = ("FLOAT", {"default": 1.0, "min": -100.0, "max": 100.0})
        both = {"model": "MODEL", "clip": "CLIP"}
        lora: dict[str, Any] = {"model": ("MODEL", {}), "clip": ("CLIP", {}), "lora_name": (FILES, {})}
        lora |= {"strength_model": strength, "strength_clip": strength}
        checkpoints: dict[str, Any] = {"ckpt_name": (["a.ckpt", "b.ckpt"], {})}
        easel: dict[str, Any] = {"model": ("MODEL", {}), "clip": ("CLIP", {}), "text": ("STRING", {"default": ""})}
        return {
            "CheckpointLoaderSimple": node_of("CheckpointLoaderSimple", load, checkpoints, both),
            "LoraLoader": node_of("LoraLoader", add, lora, both),
            "Easel": node_of("Easel", paint, easel),
        }


def write_easel(folder: Path) -> None:
    made = write_workflows(folder)
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.ckpt"}},
        "2": {"class_type": "Easel", "inputs": {"model": ["1", 0], "clip": ["1", 1], "text": ""}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }
    (made / "easel.json").write_text(json.dumps(graph))
    fields = {"words": "#2.text", "model": "#1.ckpt_name"}
    (made / "easel.toml").write_text("".join(f'[fields.{name}]\ntarget = "{to}"\n' for name, to in fields.items()))


async def painted(home: House, **values: str) -> str:
    """What a run is painted with."""
    run_id, _message = await home.ask("easel", **values)
    (run,) = await home.ended(run_id)
    assert run.sentence is None
    return run_id


@pytest.mark.long
async def test_loras_are_taken_out_of_the_words_and_put_behind_the_loader(tmp_path: Path) -> None:
    write_easel(tmp_path)
    easel = Easel()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=easel.nodes())]) as home:
        runs = home.services.runs
        run_id, message = await home.ask("easel", words="a <lora:FILM:0.5> {cat|cat} <lora:anime:1:0.25>")
        (run,) = await home.ended(run_id)
        film, anime = "sub/film.safetensors", "anime.safetensors"
        assert easel.painted == [f"a.ckpt + {film} 0.5 + {anime} 1 | a.ckpt + {film} 0.5 + {anime} 0.25 | a cat"]
        assert run.models >= {"a.ckpt", film, anime}
        await home.platform.until(lambda: message.last == Done())
        assert message.brief is not None
        assert film in str(message.brief.values["<lora>"])
        assert (await runs.again(run_id, BEN, HERE, {})).values[
            "words"
        ] == "a <lora:FILM:0.5> {cat|cat} <lora:anime:1:0.25>"
        form = await home.services.workflows.form("easel", ANN, HERE)
        assert form["lora"].choices == tuple(FILES)
        assert "lora" not in (await home.services.workflows.form("plain", ANN, HERE)).names
        run_id = await painted(home, words="a dog", lora="ANIME.safetensors", lora_strength="0.75")
        assert easel.painted[-1] == f"a.ckpt + {anime} 0.75 | a.ckpt + {anime} 0.75 | a dog"
        again = (await runs.again(run_id, BEN, HERE, {})).values
        assert (again["lora"], again["lora_strength"]) == (anime, 0.75)
        faults = {
            "<lora:anme:1>": "no LoRA “anme”. Did you mean: anime.safetensors",
            "<lora:FLIM:1>": "no LoRA “FLIM”. Did you mean: sub/film.safetensors",
            "<lora:anime:much>": "is a number",
            "<lora:anime:11>": "from -10 to 10",
            "<lora:anime>" * 11: "at most 10 LoRAs",
        }
        for words, fault in faults.items():
            with pytest.raises(BadValue, match=fault):
                await home.ask("easel", words=words)
        plain, _message = await home.ask("plain", BEN)
        assert (await home.ended(plain))[0].wording is None


@pytest.mark.long
async def test_moderators_allow_and_deny_models_in_words_and_in_fields(tmp_path: Path) -> None:
    write_easel(tmp_path)
    easel = Easel()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=easel.nodes())]) as home:
        acts, presets, flows = home.services.moderation, home.services.presets, home.services.workflows
        await painted(home, words="a <lora:denied:1> cat", lora="denied.safetensors", model="b.ckpt")
        (run,) = await home.services.runs.last_of(ANN, 1)
        await presets.keep(ANN, run, "mine")
        code = (await presets.share(ANN, "mine")).split("code ")[1].split()[0]
        await presets.take(BEN, code)
        told = await acts.models(MOD, HERE, "lora", ModelNames(denied=("DEN*",)))
        assert told == "Allowed everywhere here: LoRAs: not DEN*."
        await acts.style(MOD, HERE, "Bad", Style(after="<lora:{denied|denied}:1>"))
        for values in ({"words": "a <lora:denied:1> cat"}, {"words": "a cat", "style": "Bad"}):
            with pytest.raises(DeniedValue, match=r"words: the LoRA “denied\.safetensors” is blocked everywhere here"):
                await home.ask("easel", **values)
        with pytest.raises(BadValue, match=r"lora: “denied\.safetensors” is not one of the choices"):
            await home.ask("easel", words="a cat", lora="denied.safetensors")
        with pytest.raises(BadValue, match="there is no LoRA “denyed”") as fault:
            await home.ask("easel", words="a cat <lora:denyed>")
        assert "denied" not in str(fault.value)
        assert (await flows.form("easel", ANN, HERE))["lora"].choices == tuple(FILES[:2])
        filled = await presets.fill(BEN, HERE, "mine")
        assert "lora: “denied.safetensors” is not one of the choices" in filled.news
        with pytest.raises(DeniedValue):
            await home.ask(filled.workflow, BEN, **filled.values)
        assert len([entry for entry in await acts.log(MOD, HERE) if entry.act == REFUSED]) >= 3

        await acts.models(MOD, HERE, "embedding", ModelNames(denied=("bad-*",)))
        for words in (
            "(embedding:BAD-hands:1.2)",
            "an embedding:sub/bad-hands.pt, cat",
            "{embedding:bad|embedding:bad}-x",
        ):
            with pytest.raises(DeniedValue, match="the embedding"):
                await home.ask("easel", words=words)
        await acts.models(MOD, HERE, "model", ModelNames(allowed=("b*",)))
        assert (await flows.form("easel", ANN, HERE))["model"].choices == ("b.ckpt",)
        with pytest.raises(BadValue, match=r"model: “a\.ckpt” is not one of the choices"):
            await home.ask("easel", words="a cat", model="a.ckpt")
        await painted(home, words="a cat")
        assert easel.painted[-1] == "b.ckpt | b.ckpt | a cat"
        await acts.words(MOD, HERE, "rude", WordList(("nude",)))
        with pytest.raises(NotAllowed, match="rude"):
            await home.ask("easel", words="nu<lora:anime:1>de")
        assert "models everywhere here: only b*" in (await acts.overview(MOD, HERE)).lines


@pytest.mark.long
async def test_a_lora_that_is_denied_is_refused_where_only_a_node_of_the_workflow_may_read_it(tmp_path: Path) -> None:
    made = write_workflows(tmp_path)
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (made / "named.json").write_text(json.dumps(graph))
    (made / "named.toml").write_text('[fields.words]\ntarget = "#2.filename_prefix"\n')
    async with house(tmp_path) as home:
        await home.services.moderation.models(MOD, HERE, "lora", ModelNames(denied=("den*",)))
        with pytest.raises(DeniedValue, match="the LoRA “Denied” is blocked"):
            await home.ask("named", words="a cat <lora:Denied:0.5>")
        run_id, _message = await home.ask("named", words="a cat <lora:film>")
        assert (await home.run(run_id)).values["words"] == "a cat <lora:film>"


@pytest.mark.long
async def test_a_waiting_run_ends_when_its_lora_is_denied(tmp_path: Path) -> None:
    write_easel(tmp_path)
    easel = Easel()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=easel.nodes())]) as home:
        easel.free.clear()
        begun, at_work = await home.ask("easel", BEN, words="a cat")
        await home.platform.until(running(at_work))
        run_id, message = await home.ask("easel", words="a dog <lora:denied>")
        await home.services.moderation.models(MOD, HERE, "lora", ModelNames(denied=("denied",)))
        await home.platform.until(lambda: isinstance(message.last, Failed))
        assert "the LoRA “denied.safetensors” is blocked" in str(message.last)
        easel.free.set()
        await home.ended(begun, run_id)
