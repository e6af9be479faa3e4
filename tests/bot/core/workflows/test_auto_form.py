"""The form that a workflow gets by itself, on small graphs of the kinds that people share."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.workflows.auto_form import AutoField, auto_form, declared_fields
from bot.core.workflows.form import MEDIA, FieldKind
from bot.core.workflows.workflow import Workflow
from comfy.object_info import ObjectInfo
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
        "Size": ["4.width", "4.height"],
        "Steps": ["5.steps"],
        "Seed": ["5.seed"],
    }
    assert titles(prompt, more=True) == {
        "Width": ["4.width"],
        "Height": ["4.height"],
        "Guidance": ["5.cfg"],
        "Model": ["1.ckpt_name"],
    }
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
    assert list(titles(prompt, more=True)) == ["Width", "Height", "Guidance", "Model"]


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


def test_a_mark_is_never_sent_and_no_example() -> None:
    nodes = painting(n5=("KSampler", {**painting()["n5"][1], "steps": "%steps%"}))
    nodes["n2"][1]["text"], nodes["n3"][1]["text"] = "{{prompt}}", "%negative%"
    prompt = graph(**nodes)
    form = Workflow("w", "W", "", prompt, declared_fields(prompt)).form()
    assert (form["prompt"].help, form["avoid"].default, form["steps"].default) == ("", "", 20)


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
    switches = {f"n{30 + number}": ("PrimitiveBoolean", {"value": True}, f"Way {number}") for number in range(6)}
    uses = {f"way{number}": [str(30 + number), 0] for number in range(6)}
    nodes = painting(**switches, n7=("SaveImage", {"images": ["6", 0], "filename_prefix": "x", **uses}))
    form = list(titles(graph(**nodes)))
    assert form == ["Prompt", "Avoid", "Way 0", "Way 1", "Way 2", "Way 3", "Size", "Steps", "Seed"]


@pytest.mark.parametrize(
    ("own", "shapes"),
    [
        (
            (1024, 1024),
            {"square": (1024, 1024), "portrait": (896, 1152), "landscape": (1152, 896), "wide": (1344, 768)},
        ),
        ((768, 512), {"square": (640, 640), "portrait": (512, 704), "landscape": (768, 512), "wide": (832, 448)}),
        ((1280, 720), {"square": (960, 960), "portrait": (832, 1104), "landscape": (1104, 832), "wide": (1280, 720)}),
    ],
)
def test_a_size_in_words_has_as_many_pixels_as_the_graphs_own(
    own: tuple[int, int], shapes: dict[str, tuple[int, int]]
) -> None:
    nodes = painting(n4=("EmptyLatentImage", {"width": own[0], "height": own[1], "batch_size": 1}))
    prompt = graph(**nodes)
    assert dict(field(prompt, "Size").sets) == shapes
    workflow = Workflow("w", "W", "", prompt, declared_fields(prompt))
    assert shapes[str(workflow.form()["size"].default)] == own
    sent = workflow.fill({"size": "wide", "width": 640})["4"].inputs
    assert (sent["width"], sent["height"]) == (640, shapes["wide"][1])


def test_a_size_that_is_not_written_as_numbers_has_no_words_and_neither_has_one_beside_a_ratio() -> None:
    marked = painting(n4=("EmptyLatentImage", {"width": "%w%", "height": "%h%", "batch_size": 1}))
    assert "Size" not in titles(graph(**marked))
    ratio = painting(n4=("EmptyLatentImage", {"width": 512, "height": 512, "aspect_ratio": "1:1"}))
    assert field(graph(**ratio), "Size").sets == ()


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


@pytest.mark.parametrize(
    ("class_type", "inputs", "kinds"),
    [
        ("VHS_LoadVideo", {"video": "a.mp4", "force_rate": 0}, [FieldKind.VIDEO]),
        ("LoadImageWithMetadata", {"image": "photo.webp"}, [FieldKind.IMAGE]),
        ("VHS_LoadAudioUpload", {"audio": "a.flac"}, [FieldKind.AUDIO]),
        ("LoadMesh", {"mesh": "3d/a.glb"}, [FieldKind.MODEL_3D]),
        ("LoadImageFromUrl", {"image": "a.png"}, []),
        ("UpscaleModelLoader", {"model_name": "a.pth"}, []),
        ("SaveText", {"file": "a.png"}, []),
    ],
)
def test_loaders_of_packs_are_known_by_the_files_that_they_name(
    class_type: str, inputs: dict[str, Any], kinds: list[FieldKind]
) -> None:
    prompt = graph(n1=(class_type, inputs), n2=("SaveAny", {"it": ["1", 0]}))
    assert [each.kind for each in auto_form(prompt) if each.kind in MEDIA] == kinds


def test_a_server_says_which_input_takes_a_file() -> None:
    listed: dict[str, Any] = {"pick": ["COMBO", {"options": ["a.png"], "image_upload": True}], "name": ["STRING", {}]}
    info = ObjectInfo({"LoadAny": {"input": {"required": listed}, "output": ["IMAGE"]}})
    prompt = graph(n1=("LoadAny", {"pick": "a.png", "name": "b.png"}), n2=("SaveAny", {"it": ["1", 0]}))
    assert [str(each.targets[0]) for each in auto_form(prompt, info) if each.kind in MEDIA] == ["1.pick"]


def test_loras_and_how_strong_they_are_stand_under_more() -> None:
    lora = {"lora_name": "a.safetensors", "strength_model": 0.8, "strength_clip": 0.8, "model": ["1", 0]}
    stack = {"lora_1": "b.safetensors", "lora_name_2": "c.safetensors", "model": ["8", 0]}
    nodes = painting(n8=("LoraLoader", lora), n9=("Lora Stack", stack))
    nodes["n5"][1]["model"] = ["9", 0]
    more = titles(graph(**nodes), more=True)
    assert more["LoRA strength"] == ["8.strength_model", "8.strength_clip"]
    assert [more[name] for name in ("LoRA", "LoRA 2", "LoRA 3")] == [["8.lora_name"], ["9.lora_1"], ["9.lora_name_2"]]


def test_a_loader_whose_mask_alone_is_used_is_asked_for_a_mask() -> None:
    load, save = ("LoadImage", {"image": "a.png"}), {"images": ["1", 0], "mask": ["2", 1], "filename_prefix": "x"}
    assert list(titles(graph(n1=load, n2=load, n3=("SaveImage", save)))) == ["Picture", "Mask"]


def test_a_title_that_an_author_gave_a_text_names_its_field() -> None:
    nodes = painting(n2=("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}, "What to draw"))
    assert titles(graph(**nodes))["What to draw"] == ["2.text"]
    nodes = painting(n2=("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}, "Positive Prompt"))
    assert titles(graph(**nodes))["Prompt"] == ["2.text"]
