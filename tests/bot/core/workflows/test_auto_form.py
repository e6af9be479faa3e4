"""The form that a workflow gets by itself, on small graphs of the kinds that people share."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.workflows.auto_form import AutoField, auto_form
from comfy.prompt import Prompt

_SAMPLER = {"seed": 1, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "denoise": 1.0}


def graph(**nodes: tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], str]) -> Prompt:
    """A node is (class_type, inputs) or (class_type, inputs, title); `n1` is node 1."""
    made = {}
    for name, (class_type, inputs, *title) in nodes.items():
        made[name[1:]] = {"class_type": class_type, "inputs": inputs, "_meta": {"title": title[0] if title else ""}}
    return Prompt(made)


def painting(**changed: Any) -> dict[str, Any]:
    """Text to picture, as the editor starts with it."""
    return {
        "n1": ("CheckpointLoaderSimple", {"ckpt_name": "m.safetensors"}),
        "n3": ("CLIPTextEncode", {"text": "bad", "clip": ["1", 1]}),
        "n2": ("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}),
        "n4": ("EmptyLatentImage", {"width": 512, "height": 768, "batch_size": 1}),
        "n5": (
            "KSampler",
            {**_SAMPLER, "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]},
        ),
        "n6": ("VAEDecode", {"samples": ["5", 0], "vae": ["1", 2]}),
        "n7": ("SaveImage", {"images": ["6", 0], "filename_prefix": "x"}),
        **changed,
    }


def titles(prompt: Prompt, *, more: bool = False) -> dict[str, list[str]]:
    return {each.title: [str(target) for target in each.targets] for each in auto_form(prompt) if each.more is more}


def field(prompt: Prompt, title: str) -> AutoField:
    return next(each for each in auto_form(prompt) if each.title == title)


def test_text_to_picture() -> None:
    prompt = graph(**painting())
    assert titles(prompt) == {
        "Prompt": ["2.text"],
        "Avoid": ["3.text"],
        "Width": ["4.width"],
        "Height": ["4.height"],
        "Steps": ["5.steps"],
        "Seed": ["5.seed"],
    }
    assert titles(prompt, more=True) == {"Guidance": ["5.cfg"], "Model": ["1.ckpt_name"]}
    assert field(prompt, "Seed").seed


def test_what_leads_to_no_result_is_not_asked_for() -> None:
    prompt = graph(**painting(n9=("CLIPTextEncode", {"text": "unused", "clip": ["1", 1]})))
    assert titles(prompt)["Prompt"] == ["2.text"]


def test_equal_texts_are_one_field_and_the_second_sampler_draws_no_noise() -> None:
    second = {**_SAMPLER, "noise_seed": 2, "add_noise": "disable", "model": ["1", 0]}
    nodes = painting(
        n8=("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}),
        n9=("KSamplerAdvanced", {**second, "positive": ["8", 0], "negative": ["3", 0], "latent_image": ["5", 0]}),
        n6=("VAEDecode", {"samples": ["9", 0], "vae": ["1", 2]}),
    )
    form = titles(graph(**nodes))
    assert form["Prompt"] == ["2.text", "8.text"]
    assert form["Steps"] == ["5.steps", "9.steps"]
    assert form["Seed"] == ["5.seed"]


def test_a_guider_with_noise_and_sigmas_of_their_own() -> None:
    nodes = painting(
        n5=(
            "SamplerCustomAdvanced",
            {"noise": ["10", 0], "guider": ["11", 0], "sigmas": ["12", 0], "latent_image": ["4", 0]},
        ),
        n10=("RandomNoise", {"noise_seed": 3}),
        n11=("BasicGuider", {"conditioning": ["13", 0], "model": ["1", 0]}),
        n12=("BasicScheduler", {"steps": 28, "denoise": 1.0, "model": ["1", 0]}),
        n13=("FluxGuidance", {"conditioning": ["2", 0], "guidance": 3.5}),
    )
    form = titles(graph(**nodes))
    assert (form["Prompt"], form["Steps"], form["Seed"]) == (["2.text"], ["12.steps"], ["10.noise_seed"])
    assert "Avoid" not in form


def test_a_negative_that_is_only_the_positive_set_to_zero() -> None:
    nodes = painting(n3=("ConditioningZeroOut", {"conditioning": ["2", 0]}))
    assert "Avoid" not in titles(graph(**nodes))


def test_a_node_that_passes_both_sides_on_keeps_them_apart() -> None:
    sampler = {**_SAMPLER, "model": ["1", 0], "positive": ["8", 0], "negative": ["8", 1], "latent_image": ["4", 0]}
    control = {"positive": ["2", 0], "negative": ["3", 0], "image": ["9", 0], "strength": 1.0}
    nodes = painting(
        n5=("KSampler", sampler),
        n8=("ControlNetApplyAdvanced", control),
        n9=("LoadImage", {"image": "a.png"}, "Your sketch"),
    )
    form = titles(graph(**nodes))
    assert (form["Prompt"], form["Avoid"], form["Your sketch"]) == (["2.text"], ["3.text"], ["9.image"])


def test_a_text_is_followed_to_the_node_that_has_it() -> None:
    nodes = painting(
        n2=("CLIPTextEncode", {"text": ["8", 0], "clip": ["1", 1]}),
        n8=("StringConcatenate", {"string_a": ["9", 0], "string_b": ["10", 0]}),
        n9=("PrimitiveStringMultiline", {"value": "words"}),
        n10=("PrimitiveString", {"value": "style"}, "Style"),
    )
    form = titles(graph(**nodes))
    assert (form["Prompt"], form["Style"]) == (["9.value"], ["10.value"])


@pytest.mark.parametrize(("on", "steps"), [(True, "9.value"), (False, "8.value")])
def test_of_a_switch_the_side_that_is_on_comes_first(on: bool, steps: str) -> None:
    nodes = painting(
        n5=("KSampler", {**painting()["n5"][1], "steps": ["11", 0]}),
        n8=("PrimitiveInt", {"value": 20}),
        n9=("PrimitiveInt", {"value": 4}),
        n10=("PrimitiveBoolean", {"value": on}, "Fast"),
        n11=("ComfySwitchNode", {"switch": ["10", 0], "on_false": ["8", 0], "on_true": ["9", 0]}),
    )
    prompt = graph(**nodes)
    assert titles(prompt)["Steps"] == [steps]
    assert titles(prompt)["Fast"] == ["10.value"]
    assert "Steps 2" in titles(prompt, more=True)


def test_a_seed_behind_the_other_side_of_a_switch_is_no_step() -> None:
    nodes = painting(
        n8=("PrimitiveInt", {"value": 4}),
        n9=("PrimitiveInt", {"value": 5}),
        n10=("ComfySwitchNode", {"switch": False, "on_false": ["8", 0], "on_true": ["9", 0]}),
    )
    nodes["n5"][1]["seed"] = ["10", 0]
    prompt = graph(**nodes)
    assert (titles(prompt)["Seed"], titles(prompt)["Steps"]) == (["8.value"], ["5.steps"])
    assert titles(prompt, more=True) == {"Guidance": ["5.cfg"], "Model": ["1.ckpt_name"]}


def test_a_picture_that_is_changed_has_a_strength_and_no_size() -> None:
    nodes = painting(
        n4=("VAEEncode", {"pixels": ["8", 0], "vae": ["1", 2]}),
        n5=("KSampler", {**painting()["n5"][1], "denoise": 0.6}),
        n8=("LoadImage", {"image": "a.png"}),
    )
    form = titles(graph(**nodes))
    assert (form["Picture"], form["Strength"]) == (["8.image"], ["5.denoise"])
    assert "Width" not in form


def test_texts_for_parts_of_a_picture_come_after_that_for_all_of_it() -> None:
    nodes = painting(
        n5=("KSampler", {**painting()["n5"][1], "positive": ["10", 0]}),
        n8=("CLIPTextEncode", {"text": "a tree", "clip": ["1", 1]}),
        n9=("ConditioningSetArea", {"conditioning": ["8", 0], "width": 64}),
        n10=("ConditioningCombine", {"conditioning_1": ["9", 0], "conditioning_2": ["2", 0]}),
    )
    form = titles(graph(**nodes))
    assert (form["Prompt"], form["Prompt 2"]) == (["2.text"], ["8.text"])


def test_a_workflow_without_a_sampler_has_its_texts_by_their_names() -> None:
    prompt = graph(
        n1=("SomeApi", {"prompt": "a cat", "negative_prompt": "bad", "seed": 4, "model": "x"}),
        n2=("SaveImage", {"images": ["1", 0], "filename_prefix": "text"}),
    )
    assert titles(prompt) == {"Prompt": ["1.prompt"], "Avoid": ["1.negative_prompt"], "Seed": ["1.seed"]}


def test_marks_for_other_programs_stand_for_values() -> None:
    marked = {**painting()["n5"][1], "seed": "{{seed}}", "steps": "%steps%"}
    form = titles(graph(**painting(n5=("KSampler", marked))))
    assert (form["Seed"], form["Steps"]) == (["5.seed"], ["5.steps"])


def test_the_words_for_a_language_model_are_not_the_main_text() -> None:
    nodes = painting(n2=("CLIPTextEncode", {"text": ["8", 0], "clip": ["1", 1]}, ""))
    nodes["n8"] = ("TextGenerate", {"prompt": ["9", 0], "string": ["10", 0]})
    nodes["n9"] = ("PrimitiveString", {"value": "a cat"})
    nodes["n10"] = ("PrimitiveString", {"value": "You write prompts"}, "System Prompt")
    prompt = graph(**nodes)
    assert next(iter(titles(prompt).values())) == ["9.value"]
    assert titles(prompt, more=True)["System Prompt"] == ["10.value"]


def test_links_in_a_circle_end() -> None:
    nodes = painting(n2=("CLIPTextEncode", {"text": ["8", 0]}), n8=("StringTrim", {"string": ["8", 0]}))
    form = titles(graph(**nodes))
    assert (form["Avoid"], "Prompt" in form) == (["3.text"], False)


def test_a_node_whose_inputs_belong_to_a_choice() -> None:
    inputs = {"model": "v2", "model.prompt": "a cat", "model.ratio": "1:1", "model.duration": 5, "model.seed": 3}
    prompt = graph(n1=("SomeApi", inputs), n2=("SaveVideo", {"video": ["1", 0], "filename_prefix": "x"}))
    assert titles(prompt) == {
        "Prompt": ["1.model.prompt"],
        "Size": ["1.model.ratio"],
        "Seconds": ["1.model.duration"],
        "Seed": ["1.model.seed"],
    }


def test_the_size_to_which_a_picture_is_scaled_and_a_second_pass_are_under_more() -> None:
    second = {**_SAMPLER, "seed": 2, "denoise": 0.4, "model": ["1", 0]}
    nodes = painting(
        n4=("VAEEncode", {"pixels": ["8", 0], "vae": ["1", 2]}),
        n8=("ImageScale", {"image": ["9", 0], "width": 512, "height": 512}),
        n9=("LoadImage", {"image": "a.png"}),
        n10=("KSampler", {**second, "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["5", 0]}),
        n6=("VAEDecode", {"samples": ["10", 0], "vae": ["1", 2]}),
    )
    prompt = graph(**nodes)
    assert list(titles(prompt)) == ["Prompt", "Avoid", "Picture", "Steps", "Seed"]
    more = titles(prompt, more=True)
    assert (more["Width"], more["Strength"], more["Seed 2"]) == (["8.width"], ["10.denoise"], ["10.seed"])


def test_a_form_with_very_few_fields_has_what_is_likeliest_of_more() -> None:
    nodes = painting()
    del nodes["n5"][1]["steps"], nodes["n5"][1]["negative"], nodes["n4"][1]["width"]
    assert list(titles(graph(**nodes))) == ["Prompt", "Guidance", "Seed"]


def test_of_very_many_fields_those_that_can_wait_are_under_more() -> None:
    switches = {f"n{30 + number}": ("PrimitiveBoolean", {"value": True}, f"Way {number}") for number in range(5)}
    uses = {f"way{number}": [str(30 + number), 0] for number in range(5)}
    nodes = painting(**switches, n7=("SaveImage", {"images": ["6", 0], "filename_prefix": "x", **uses}))
    form = list(titles(graph(**nodes)))
    assert form == ["Prompt", "Avoid", "Way 0", "Way 1", "Way 2", "Width", "Height", "Steps", "Seed"]


@pytest.mark.parametrize(
    ("class_type", "title", "wanted"),
    [
        ("LoadImage", "Load Image", "Picture"),
        ("LoadImage", "Load Subject Image", "Subject Image"),
        ("LoadImage", "Load Image 2", "Picture"),
        ("LoadImage", "My photo", "My photo"),
        ("LoadImage", "LoadImage (Your face)", "Your face"),
        ("LoadImageMask", "Load Image (as Mask)", "Mask"),
        ("LoadVideo", "Load Video", "Video"),
        ("LoadAudio", "", "Sound"),
    ],
)
def test_the_title_of_a_file(class_type: str, title: str, wanted: str) -> None:
    name = {"LoadVideo": "file", "LoadAudio": "audio"}.get(class_type, "image")
    prompt = graph(n1=(class_type, {name: "a.png"}, title), n2=("SaveAny", {"it": ["1", 0]}))
    assert list(titles(prompt)) == [wanted]


def test_a_loader_whose_mask_alone_is_used_is_asked_for_a_mask() -> None:
    load, save = ("LoadImage", {"image": "a.png"}), {"images": ["1", 0], "mask": ["2", 1], "filename_prefix": "x"}
    assert list(titles(graph(n1=load, n2=load, n3=("SaveImage", save)))) == ["Picture", "Mask"]


def test_a_title_that_an_author_gave_a_text_names_its_field() -> None:
    nodes = painting(n2=("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}, "What to draw"))
    assert titles(graph(**nodes))["What to draw"] == ["2.text"]
    nodes = painting(n2=("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}, "Positive Prompt"))
    assert titles(graph(**nodes))["Prompt"] == ["2.text"]
