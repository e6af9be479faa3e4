"""Results without the workflow in them. The files in `results` were made by a ComfyUI 0.33 and by PyAV, as it does."""

from __future__ import annotations

import json
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.core.media.metadata.strip import strip, without_metadata

RESULTS = Path(__file__).parents[3] / "data" / "results"
WORKFLOW = json.dumps({"1": {"class_type": "KSampler", "inputs": {"seed": 7}}})
#: What of a file must be where it was, byte for byte: its pictures and its sound.
CONTENT = {
    "film.mp4": b"mdat",
    "fragments.mp4": b"mdat",
    "film.mov": b"mdat",
    "sound.m4a": b"mdat",
    "film.mkv": b"\x1fC\xb6u",
    "film.webm": b"\x1fC\xb6u",
    "live.mkv": b"\x1fC\xb6u",
    "sound.mp3": b"\xff\xfb",
    "sound.flac": b"\xff\xf8",
    "sound.wav": b"data",
    "light.exr": b"\xad\xb7;q",
}


@pytest.mark.parametrize("name", sorted(path.name for path in RESULTS.iterdir()))
async def test_no_kind_of_file_that_comfyui_makes_keeps_the_workflow(name: str, tmp_path: Path) -> None:
    before = (RESULTS / name).read_bytes()
    assert b"class_type" in before
    path = Path(shutil.copy(RESULTS / name, tmp_path))
    assert await without_metadata(path)
    after = path.read_bytes()
    assert b"class_type" not in after
    assert b"KSampler" not in after
    if path.suffix not in (".png", ".webp", ".latent"):
        assert len(after) == len(before)
    if name in CONTENT:
        at = before.index(CONTENT[name])
        assert same_but_for_texts(before[at:], after[at:])
    assert await without_metadata(path)
    assert path.read_bytes() == after


def same_but_for_texts(before: bytes, after: bytes) -> bool:
    """True if all bytes are the same, but for a stretch at the end with what the file says of itself."""
    end = next((at for at, (one, other) in enumerate(zip(before, after, strict=True)) if one != other), len(before))
    return end == len(before) or b"class_type" in before[end - 400 :] or b"comment" in before[end - 400 :]


@pytest.mark.parametrize("name", ["animated.png", "animated.webp", "deep.png"])
async def test_pictures_are_the_same_after_it(name: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(RESULTS / name, tmp_path))
    await without_metadata(path)
    with Image.open(RESULTS / name) as before, Image.open(path) as after:
        assert getattr(after, "n_frames", 1) == getattr(before, "n_frames", 1)
        assert (after.mode, after.size, after.tobytes()) == (before.mode, before.size, before.tobytes())


def drawn(path: Path) -> None:
    """Save a picture with a workflow in it, as nodes that people write do."""
    picture = Image.linear_gradient("L").resize((16, 16)).convert("RGB")
    exif = picture.getexif()
    exif[0x010E] = WORKFLOW
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + WORKFLOW.encode("utf-16-le")
    match path.suffix:
        case ".gif":
            picture.quantize().save(path, comment=WORKFLOW, save_all=True, append_images=[picture.rotate(90)], loop=0)
        case ".tiff":
            picture.save(path, description=WORKFLOW, exif=exif)
        case _:
            picture.save(path, exif=exif, xmp=WORKFLOW.encode())


@pytest.mark.parametrize("name", ["a.gif", "a.tiff", "a.avif", "a.jpg", "a.webp"])
async def test_other_pictures_lose_what_they_say_and_keep_their_pixels(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    drawn(path)
    with Image.open(path) as picture:
        before = picture.convert("RGB").tobytes()
    assert b"class_type" in path.read_bytes()
    assert await without_metadata(path)
    assert b"class_type" not in path.read_bytes()
    assert b"c\0l\0a\0s\0s\0_" not in path.read_bytes()
    with Image.open(path) as picture:
        assert picture.convert("RGB").tobytes() == before
        assert getattr(picture, "n_frames", 1) == (2 if name == "a.gif" else 1)


def gltf(model: dict[str, Any]) -> bytes:
    text = json.dumps(model).encode()
    text += b" " * (-len(text) % 4)
    data = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", 4, b"BIN\0") + b"abcd"
    return struct.pack("<4sII", b"glTF", 2, 12 + len(data)) + data


MODEL = {
    "asset": {"version": "2.0", "extras": {"prompt": WORKFLOW}},
    "buffers": [{"byteLength": 4}],
    "nodes": [{"name": "ä", "extras": {"kind": 1}}, {"extras": {"workflow": json.loads(WORKFLOW)}}],
}


async def test_3d_models_lose_the_extras_with_the_workflow(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    path.write_bytes(gltf(MODEL))
    assert await without_metadata(path)
    data = path.read_bytes()
    magic, version, size, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, size, kind, data[20 + length + 8 :]) == (b"glTF", 2, len(data), b"JSON", b"abcd")
    kept = {
        "asset": {"version": "2.0"},
        "buffers": MODEL["buffers"],
        "nodes": [{"name": "ä", "extras": {"kind": 1}}, {}],
    }
    assert json.loads(data[20 : 20 + length]) == kept
    (tmp_path / "a.gltf").write_text(json.dumps(MODEL))
    assert await without_metadata(tmp_path / "a.gltf")
    assert json.loads((tmp_path / "a.gltf").read_text()) == kept


async def test_a_drawing_loses_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    about = f"<metadata><![CDATA[{WORKFLOW}</metadata>]]></metadata>"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{about}<path d="M0"/></svg>')
    assert await without_metadata(path)
    assert path.read_text() == '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0"/></svg>'


async def test_what_loaders_need_to_know_of_tensors_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    about = {"prompt": WORKFLOW, "workflow": "{}", "other": WORKFLOW, "modelspec.architecture": "x"}
    head = json.dumps({"__metadata__": about, "t": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"abcd")
    assert await without_metadata(path)
    data = path.read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    read = json.loads(data[8 : 8 + size])
    assert (read["__metadata__"], data[8 + size :]) == ({"modelspec.architecture": "x"}, b"abcd")
    assert read["t"] == {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}


def page(number: int, flags: int, segments: list[int], body: bytes) -> bytes:
    return struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, 5, number, 0, len(segments)) + bytes(segments) + body


async def test_comments_that_fill_several_pages_are_overwritten(tmp_path: Path) -> None:
    words = b"OpusTags" + struct.pack("<I", 4) + b"Lavf" + struct.pack("<II", 1, 60_000)
    words += (b"workflow=" + WORKFLOW.encode() * 2000)[:60_000]
    head = page(0, 2, [8], b"OpusHead")
    first, rest = words[: 255 * 200], words[255 * 200 :]
    pages = [page(1, 0, [255] * 200, first), page(2, 1, [*[255] * (len(rest) // 255), len(rest) % 255], rest)]
    sound = page(3, 4, [3], b"abc")
    path = tmp_path / "a.opus"
    path.write_bytes(head + b"".join(pages) + sound)
    assert await without_metadata(path)
    data = path.read_bytes()
    assert data.startswith(head + b"OggS")
    assert data.endswith(sound)
    blank = b"OpusTags" + struct.pack("<I", 4) + b"Lavf" + bytes(4)
    assert data[len(head) + 27 + 200 :].startswith(blank + bytes(1000))


@pytest.mark.parametrize(
    "data", [b"", b"x", b"ID3", b"OggS", b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0WAVE", b"glTF", b"v/1\x01"]
)
async def test_a_damaged_file_is_left_as_it_is(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    assert await without_metadata(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == data


@pytest.mark.parametrize("words", [WORKFLOW.encode(), WORKFLOW.encode("utf-16-le"), WORKFLOW.encode("utf-16-be")])
async def test_a_workflow_in_a_kind_that_is_not_known_is_found(words: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes((1 << 20) - 30) + words)
    assert not await without_metadata(tmp_path / "a")


#: A workflow as the editor saves it: it has no `class_type`.
EDITED = json.dumps({"last_node_id": 1, "nodes": [{"id": 1, "type": "KSampler", "widgets_values": [7]}]}).encode()


async def stripped(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    assert await without_metadata(path)
    return path.read_bytes()


def id3(words: bytes) -> bytes:
    """A tag as it stands at the end of a file: with a footer."""
    size = bytes((len(words) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0\x10" + size + words + b"3DI\4\0\x10" + size


def ape(words: bytes) -> bytes:
    head, foot = (
        struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(words) + 32, 1, flags) for flags in (5 << 29, 1 << 31)
    )
    return head + words + foot


@pytest.mark.parametrize("name", ["sound.mp3", "sound.flac"])
async def test_tags_at_either_end_of_a_sound_are_removed_in_any_order(name: str, tmp_path: Path) -> None:
    sound = await stripped(tmp_path / name, (RESULTS / name).read_bytes())
    lyrics = b"LYRICSBEGIN" + EDITED
    ends = (id3(EDITED), ape(EDITED), lyrics + b"%06dLYRICS200" % len(lyrics), b"TAG" + EDITED[:100].ljust(125))
    for end in (*ends, b"".join(ends), b"".join(ends[:3][::-1]) + ends[3]):
        after = await stripped(tmp_path / name, sound + end)
        assert after == sound + bytes(len(end))
    after = await stripped(tmp_path / "b.mp3", ape(EDITED) + b"\xff\xfb" + bytes(9))
    assert after == bytes(len(ape(EDITED))) + b"\xff\xfb" + bytes(9)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


@pytest.mark.parametrize("kind", [b"uuid", b"free", b"skip", b"meta"])
async def test_boxes_at_the_end_of_a_film_are_emptied(kind: bytes, tmp_path: Path) -> None:
    film = await stripped(tmp_path / "a.mp4", (RESULTS / "film.mp4").read_bytes())
    for extra in (box(kind, bytes(16) + EDITED), box(b"moov", box(b"trak", box(b"mdia", box(kind, EDITED))))):
        after = await stripped(tmp_path / "a.mp4", film + extra)
        assert after.startswith(film)
        assert b"KSampler" not in after


@pytest.mark.parametrize("brand", [b"avif", b"mif1", b"miaf", b"heim", b"avio"])
async def test_a_still_picture_of_any_brand_keeps_its_pixels(brand: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    drawn(path)
    data = path.read_bytes()
    after = await stripped(path, data[:8] + brand + data[12:])
    assert b"KSampler" not in after
    path.write_bytes(data[:12] + after[12:])
    with Image.open(path) as picture:
        assert picture.convert("RGB").size == (16, 16)


@pytest.mark.parametrize(
    ("name", "end"), [("a.webp", b"\0"), ("a.webp", b"\n\n\n\n\n"), ("a.png", b""), ("a.jpg", b"")]
)
async def test_a_picture_with_an_odd_end_or_an_odd_segment_loses_its_texts(
    name: str, end: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    drawn(path)
    data = path.read_bytes().replace(b"class_type", b"class_gone") + end
    if name == "a.png":
        data = data[: data.rindex(b"IEND") - 4]
    if name == "a.jpg":
        data = data[:2] + struct.pack(">HH", 0xFFE0, len(EDITED) + 2) + EDITED + data[2:]
    after = await stripped(path, data)
    assert b"KSampler" not in after
    with Image.open(path) as picture:
        assert picture.convert("RGB").size == (16, 16)


async def test_a_workflow_of_the_editor_in_a_place_that_is_not_known_is_found(tmp_path: Path) -> None:
    for words in (EDITED, EDITED.decode().encode("utf-16-le")):
        (tmp_path / "a.ply").write_bytes(b"ply\ncomment " + words)
        assert not await without_metadata(tmp_path / "a.ply")


async def test_a_workflow_of_the_editor_leaves_a_3d_model_too(tmp_path: Path) -> None:
    model = {"asset": {"version": "2.0"}, "scenes": [{"extras": {"workflow": {"nodes": ["KSampler"]}}}], "prompt": "a"}
    assert b"KSampler" not in (after := await stripped(tmp_path / "a.glb", gltf(model)))
    assert b"prompt" not in after


@pytest.mark.parametrize("name", sorted(path.name for path in RESULTS.iterdir()))
def test_damaged_files_of_every_kind_come_to_an_end(name: str, tmp_path: Path) -> None:
    """Bytes are changed, doubled or cut off at random places, the same in every run."""
    whole, chance, path = (RESULTS / name).read_bytes(), random.Random(name), tmp_path / name
    for _try in range(60):
        data = bytearray(whole)
        for _change in range(chance.randint(1, 8)):
            data[chance.randrange(min(len(data), 600))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.3:
            del data[chance.randrange(12, len(data)) :]
        path.write_bytes(data)
        assert strip(path) == (b"class_type" not in path.read_bytes())
