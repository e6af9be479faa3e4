from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.core.errors import BadPicture, BadValue, CannotRun, DeliveryFailed, UnknownWorkflow
from bot.core.execution.one_shot import OneShotRunner
from bot.core.media.content import fault_in
from bot.core.media.images import PictureLimits
from bot.core.model import (
    Cancelled,
    Delivering,
    Done,
    Failed,
    Person,
    Place,
    Queued,
    Result,
    Running,
    RunRequest,
    Status,
    UploadedFile,
)
from bot.core.port import Limits
from bot.core.runs.validation import safe_name
from bot.core.workflows.catalog import Catalog, bundled_folder
from comfy.client import ComfyClient
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import Host, NodeType, Shown
from comfy.messages.files import MEDIA, kind_of
from comfy.server import Server

ANN = Person("test", "1", "Ann")
RESULTS = Path(__file__).parents[3] / "data" / "results"


@dataclass
class RecordingReply:
    """Remembers a whole run as a list of statuses."""

    limits: Limits = field(default_factory=lambda: Limits(1 << 30, 10, 4000, 0.0))
    shown: list[Status] = field(default_factory=list)
    result: Result | None = None
    refuses: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def show(self, status: Status) -> None:
        self.shown.append(status)
        self.news.set()
        if self.refuses:
            raise DeliveryFailed("The message is gone.")

    async def deliver(self, result: Result) -> None:
        self.result = result
        if self.refuses:
            raise DeliveryFailed("The message is gone.")

    def kinds(self) -> list[type[Status]]:
        """The kinds of the statuses in their order, each once."""
        return list(dict.fromkeys(type(status) for status in self.shown))


@asynccontextmanager
async def opened(pace: float = 0.0, limits: PictureLimits | None = None) -> AsyncIterator[OneShotRunner]:
    async with EmbeddedServer(pace=pace) as engine, ComfyClient(Server(engine.url)) as client:
        yield OneShotRunner(Catalog.read(bundled_folder()), client, limits or PictureLimits())


@pytest.fixture
def photo(tmp_path: Path) -> UploadedFile:
    path = tmp_path / "My cat.png"
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(path)
    return UploadedFile(path, path.name)


def asked(workflow: str, **values: Any) -> RunRequest:
    return RunRequest(workflow, values, ANN, Place("test", "here"))


async def test_from_a_request_to_the_delivered_picture(tmp_path: Path, photo: UploadedFile) -> None:
    reply = RecordingReply()
    async with opened() as bench:
        run = await bench.take(asked("negative", photo=photo), tmp_path)
        assert await bench.develop(run, reply, tmp_path) == Done()
    assert reply.kinds()[0] is Queued
    assert reply.kinds()[-2:] == [Delivering, Done]
    assert reply.result is not None
    (file,) = reply.result.files
    assert (file.filename, file.kind) == ("My-cat-negative.png", "image")
    with Image.open(file.path) as picture:
        assert picture.size == (64, 48)
        assert "prompt" not in picture.info
    assert not reply.result.nothing_new


async def test_the_same_again_says_that_nothing_is_new(tmp_path: Path, photo: UploadedFile) -> None:
    async with opened() as bench:
        for again in (False, True):
            reply = RecordingReply()
            run = await bench.take(asked("negative", photo=photo), tmp_path)
            await bench.develop(run, reply, tmp_path)
            assert reply.result is not None
            assert len(reply.result.files) == 1
            assert reply.result.nothing_new is again


async def test_cancelling_stops_the_server_and_goes_on(tmp_path: Path, photo: UploadedFile) -> None:
    reply = RecordingReply()
    async with opened(pace=5.0) as bench:
        run = await bench.take(asked("negative", photo=photo), tmp_path)
        task = asyncio.create_task(bench.develop(run, reply, tmp_path))
        while Running not in reply.kinds():
            reply.news.clear()
            await reply.news.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert reply.shown[-1] == Cancelled(ANN)
        assert reply.result is None


async def test_shows_that_fail_do_not_stop_a_run_but_a_lost_result_is_told(tmp_path: Path, photo: UploadedFile) -> None:
    reply = RecordingReply(refuses=True)
    async with opened() as bench:
        run = await bench.take(asked("negative", photo=photo), tmp_path)
        assert await bench.develop(run, reply, tmp_path) == Failed("The message is gone.")
    assert reply.result is not None


async def test_a_server_that_goes_away(tmp_path: Path, photo: UploadedFile) -> None:
    reply = RecordingReply()
    async with EmbeddedServer() as engine:
        client = ComfyClient(Server(engine.url))
        await client.__aenter__()
        bench = OneShotRunner(Catalog.read(bundled_folder()), client, PictureLimits())
        run = await bench.take(asked("negative", photo=photo), tmp_path)
    end = await bench.develop(run, reply, tmp_path)
    await client.__aexit__(None, None, None)
    assert isinstance(end, Failed)
    assert "cannot be reached" in end.sentence
    assert reply.shown[-1] == end


@pytest.mark.parametrize(
    ("workflow", "values", "error", "words"),
    [
        ("nothing", {}, UnknownWorkflow, "nothing"),
        ("negative", {}, BadValue, "photo"),
        ("negative", {"photo": None}, BadValue, "photo"),
        ("poster", {"photo": ..., "colors": "99"}, BadValue, "2 to 32"),
        ("poster", {"photo": ..., "colours": "9"}, BadValue, "colours"),
        ("polaroid", {"photo": ..., "caption": "x" * 61}, BadValue, "60"),
        ("imagine", {"text": "a cat"}, CannotRun, "cannot run"),
    ],
)
async def test_bad_requests(
    tmp_path: Path, photo: UploadedFile, workflow: str, values: dict[str, Any], error: type[Exception], words: str
) -> None:
    given = {name: photo if value is ... else value for name, value in values.items()}
    async with opened() as bench:
        with pytest.raises(error, match=words):
            await bench.take(asked(workflow, **given), tmp_path)


async def test_a_bad_picture_names_its_field(tmp_path: Path) -> None:
    path = tmp_path / "a1b2"
    path.write_text("words")
    async with opened() as bench:
        with pytest.raises(BadPicture, match=r"photo: words\.jpg is not a picture") as caught:
            await bench.take(asked("negative", photo=UploadedFile(path, "words.jpg")), tmp_path)
    assert caught.value.field == "photo"


@pytest.mark.parametrize(
    ("text", "name"), [("My cat", "My-cat"), ("../../etc", "etc"), ("a/b\\c:d", "a-b-c-d"), (".x", "x"), ("…", "")]
)
def test_safe_names(text: str, name: str) -> None:
    assert safe_name(text) == name


SIZES = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 6, "batch_size": 1, "color": 0}},
    "2": {"class_type": "GetImageSize", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}, "_meta": {"title": "Width"}},
    "4": {"class_type": "PreviewAny", "inputs": {"source": ["2", 1]}, "_meta": {"title": "Height"}},
    "5": {
        "class_type": "SaveImage",
        "inputs": {"images": ["1", 0], "filename_prefix": "x"},
        "_meta": {"title": "Save"},
    },
}


@pytest.mark.parametrize(
    ("outputs", "texts", "files"), [([], ["6", "8"], 1), (["Height"], ["6"], 0), (["Save"], [], 1)]
)
async def test_only_the_outputs_that_a_workflow_names_are_delivered(
    outputs: list[str], texts: list[str], files: int, tmp_path: Path
) -> None:
    (tmp_path / "sizes.json").write_text(json.dumps(SIZES))
    (tmp_path / "sizes.toml").write_text(f"outputs = {json.dumps(outputs)}")
    reply = RecordingReply()
    async with EmbeddedServer() as engine, ComfyClient(engine.url) as client:
        bench = OneShotRunner(Catalog.read(tmp_path), client, PictureLimits())
        assert await bench.develop(await bench.take(asked("sizes"), tmp_path), reply, tmp_path) == Done()
    assert reply.result is not None
    assert sorted(reply.result.texts) == texts
    assert len(reply.result.files) == files


async def test_texts_choose_in_a_single_run_too(photo: UploadedFile, tmp_path: Path) -> None:
    async with opened() as bench:
        run = await bench.take(asked("polaroid", photo=photo, caption="{one|two} __list__"), tmp_path)
    assert run.values["caption"] in ("one __list__", "two __list__")


async def test_a_remembered_result_whose_file_is_gone_is_made_anew(photo: UploadedFile, tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / "engine") as engine, ComfyClient(engine.url) as client:
        bench = OneShotRunner(Catalog.read(bundled_folder()), client, PictureLimits())
        results = []
        for _ in range(2):
            reply = RecordingReply()
            run = await bench.take(asked("negative", photo=photo), tmp_path)
            assert await bench.develop(run, reply, tmp_path) == Done()
            assert reply.result is not None
            results.append((reply.result.files[0].path.read_bytes(), reply.result.nothing_new))
            for path in (tmp_path / "engine" / "output").rglob("*.png"):
                path.unlink()
    assert results == [(results[0][0], nothing_new) for nothing_new in (False, True)]


def giver(folder: Path) -> dict[str, NodeType]:
    """A node that saves all files of a folder."""

    def give(host: Host) -> Shown:
        shown = []
        for path in sorted(folder.iterdir()):
            (saved,) = host.next_files(path.stem, "output", 1, path.suffix)
            shutil.copyfile(path, saved.path)
            shown.append(saved.as_json())
        return Shown({"files": shown})

    wants = frozenset({"host"})
    return {"Give": NodeType("Give", "Give", "test", give, {}, {}, {}, (), output_node=True, wants=wants)}


@pytest.mark.parametrize("keep", [False, True])
async def test_results_are_delivered_without_the_workflow_or_not_at_all(tmp_path: Path, *, keep: bool) -> None:
    folder, made = tmp_path / "workflows", tmp_path / "made"
    for path in (folder, made):
        path.mkdir()
    (folder / "give.json").write_text(json.dumps({"1": {"class_type": "Give", "inputs": {}}}))
    for name in ("film.mp4", "sound.flac", "tensors.latent"):
        shutil.copy(RESULTS / name, made)
    (made / "strange.bin").write_bytes(b'\0\0"class_type"')
    (made / "words.json").write_text('{"class_type": "a word of the answer"}')
    reply = RecordingReply()
    async with EmbeddedServer(nodes=giver(made)) as engine, ComfyClient(engine.url) as client:
        bench = OneShotRunner(Catalog.read(folder), client, PictureLimits(), keep_metadata=keep)
        assert await bench.develop(await bench.take(asked("give"), tmp_path), reply, tmp_path) == Done()
    assert reply.result is not None
    found = [(file.path.suffix, b"class_type" in file.path.read_bytes()) for file in reply.result.files]
    kinds = [".mp4", ".flac", *([".bin"] if keep else []), ".latent", ".json"]
    assert sorted(found) == sorted((kind, keep or kind == ".json") for kind in kinds)
    warnings = () if keep else ("give-3.bin is not sent: it contains the workflow.",)
    assert [each.partition(" The operator")[0] for each in reply.result.warnings] == list(warnings)


async def given(tmp_path: Path, files: dict[str, bytes]) -> tuple[Status, Result | None]:
    """A run whose server made these files: its end, and what was delivered."""
    folder, made = tmp_path / "workflows", tmp_path / "made"
    for path in (folder, made):
        path.mkdir()
    (folder / "give.json").write_text(json.dumps({"1": {"class_type": "Give", "inputs": {}}}))
    for name, content in files.items():
        (made / name).write_bytes(content)
    reply = RecordingReply()
    async with EmbeddedServer(nodes=giver(made)) as engine, ComfyClient(engine.url) as client:
        bench = OneShotRunner(Catalog.read(folder), client, PictureLimits())
        return await bench.develop(await bench.take(asked("give"), tmp_path), reply, tmp_path), reply.result


FAULTY = [
    ("a.png", b"", "it is empty"),
    ("a.bin", b"", "it is empty"),
    ("a.png", b"Traceback (most recent call last):", "its content is not a picture, a video or a sound"),
    ("a.mp4", b'{"error": "quota"}', "its content is not a picture, a video or a sound"),
    ("a.svg", b"<!doctype html><html><body>Sign in</body></html>", "its content is not a picture, a video or a sound"),
    ("a.flac", bytes(5000), "its content is not a picture, a video or a sound"),
]


@pytest.mark.parametrize(("name", "content", "reason"), FAULTY)
async def test_a_result_that_is_not_what_its_name_says_is_not_done(
    name: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    end, result = await given(tmp_path, {name: content})
    assert isinstance(end, Failed)
    assert (
        end.sentence
        == f"The workflow ran, but its result cannot be used. give{Path(name).suffix} is not sent: {reason}."
    )
    assert result is None


async def test_what_can_be_used_is_delivered_and_the_rest_is_told(tmp_path: Path) -> None:
    good = (RESULTS / "film.mp4").read_bytes()
    end, result = await given(tmp_path, {"a.mp4": good, "b.png": b"", "c.txt": b"words", "d.png": good})
    assert end == Done()
    assert result is not None
    assert [file.filename for file in result.files] == ["give-1.mp4", "give-3.txt", "give-4.png"]
    assert result.warnings == ("give-2.png is not sent: it is empty.",)


async def test_files_with_the_same_fault_are_told_in_one_sentence(tmp_path: Path) -> None:
    good = (RESULTS / "film.mp4").read_bytes()
    files = {"a.mp4": good, "b.png": b"", "c.png": b"", "d.bin": b'\0\0"class_type"', "e.bin": b'\0\0"class_type"'}
    _end, result = await given(tmp_path, files)
    assert result is not None
    assert result.warnings == (
        "give-4.bin, give-5.bin are not sent: they contain the workflow. The operator can allow that with "
        "DARKROOM_KEEP_METADATA=yes.",
        "give-2.png, give-3.png are not sent. The reason for each: it is empty.",
    )


@pytest.mark.parametrize("path", sorted(RESULTS.iterdir()), ids=lambda path: path.name)
def test_every_kind_of_real_result_is_known_by_its_content(path: Path) -> None:
    assert fault_in(path, is_media=kind_of(path.name) in MEDIA) is None


@pytest.mark.parametrize("most", [1200, 1999])
async def test_the_files_of_a_run_share_one_limit(most: int, tmp_path: Path) -> None:
    folder, made = tmp_path / "workflows", tmp_path / "made"
    for path in (folder, made):
        path.mkdir()
    (folder / "give.json").write_text(json.dumps({"1": {"class_type": "Give", "inputs": {}}}))
    for name in ("a.txt", "b.txt"):
        (made / name).write_bytes(b"x" * 1000)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(EmbeddedServer(nodes=giver(made)))
        client = await stack.enter_async_context(ComfyClient(Server(engine.url, largest_file=most)))
        bench = OneShotRunner(Catalog.read(folder), client, PictureLimits())
        end = await bench.develop(await bench.take(asked("give"), tmp_path), RecordingReply(), tmp_path)
    assert isinstance(end, Failed)
    assert f"The result is larger than {most / 1e6:g} MB." in end.sentence
