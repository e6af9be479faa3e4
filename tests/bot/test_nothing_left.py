"""What people have deleted is on no disk of ours: files are looked for by their content, in all folders."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.app import App
from bot.core.model import Person, UploadedFile
from bot.core.run import RunRecord, State
from bot.core.storage.data_folder import clear_engine
from bot.settings import Role, Settings
from bot.stores import forget, key_value
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, BEN, Gates, House, failing, house, running, until

RED, BLUE = (211, 17, 34), (12, 34, 222)


def photo(folder: Path, color: tuple[int, int, int]) -> UploadedFile:
    path = folder / f"{color[0]}.png"
    Image.new("RGB", (40, 30), color).save(path)
    return UploadedFile(path, path.name)


def pictures(folder: Path, color: tuple[int, int, int]) -> list[str]:
    """The files that show a colour, or its negative, whatever their names are."""
    wanted = (color, tuple(255 - each for each in color))
    found = []
    for path in folder.rglob("*"):
        with suppress(OSError), Image.open(path) as picture:  # it is none, or is deleted at this moment
            shown = picture.convert("RGB").tobytes()[:3]
            if any(max(abs(one - other) for one, other in zip(shown, each, strict=True)) < 3 for each in wanted):
                found.append(str(path.relative_to(folder)))
    return sorted(found)


async def negative(home: House, given: UploadedFile, person: Person = ANN) -> RunRecord:
    run_id, _shown = await home.ask("negative", person, photo=given)
    (run,) = await home.ended(run_id)
    assert run.state is State.DONE
    return run


async def gone(data: Path, color: tuple[int, int, int], but: int = 0) -> None:
    """Wait until so many files of a colour are left."""

    async def is_gone() -> bool:
        return len(await asyncio.to_thread(pictures, data, color)) == but

    await until(is_gone)


@pytest.mark.long
async def test_the_engine_keeps_nothing_of_a_run_that_has_ended(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with house(data, servers=()) as home:
        run = await negative(home, photo(tmp_path, RED))
        await gone(data, RED, but=2)
        assert all(name.startswith("media/") for name in pictures(data, RED))
        again = await negative(home, photo(tmp_path, RED))  # the same picture is sent once more
        assert len(again.shown.files) == len(run.shown.files) == 1
        await gone(data, RED, but=2)


@pytest.mark.long
async def test_nothing_is_left_after_delete(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with house(data, servers=()) as home:
        red, blue = await negative(home, photo(tmp_path, RED)), await negative(home, photo(tmp_path, BLUE))
        await home.services.runs.delete(red.id, ANN)
        await gone(data, RED)
        await gone(data, BLUE, but=2)
        await home.services.runs.delete(blue.id, ANN)
        await gone(data, BLUE)


@pytest.mark.long
async def test_nothing_is_left_after_forget_but_what_others_have_sent_too(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with house(data, servers=()) as home:
        await negative(home, photo(tmp_path, RED))
        await negative(home, photo(tmp_path, BLUE))
        await negative(home, photo(tmp_path, BLUE), BEN)
        await home.services.runs.forget(ANN)
        await gone(data, RED)
        await gone(data, BLUE, but=2)
        assert await forget(Settings(data_dir=data), BEN.key) == 1  # the command, beside the bot
        await gone(data, BLUE)


@pytest.mark.parametrize("way", ["delete", "forget"])
@pytest.mark.long
async def test_no_word_is_left_in_the_database(tmp_path: Path, way: str) -> None:
    data, named = tmp_path / "data", replace(photo(tmp_path, RED), filename="Ann at the beach.png")

    def found() -> list[str]:
        return [path.name for path in data.rglob("*.db*") if b"Ann at the beach" in path.read_bytes()]

    async with house(data, servers=()) as home:
        run = await negative(home, named)
        assert found()
        if way == "delete":
            await home.services.runs.delete(run.id, ANN)
        else:
            await home.services.runs.forget(ANN)

        async def is_gone() -> bool:
            await home.services.runs._records.scrub()  # as the hourly sweep does, if others were at work before
            return not found()

        await until(is_gone)
    assert not found()


@pytest.mark.long
async def test_nothing_is_left_of_a_run_that_is_cancelled_in_the_middle(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with house(data, servers=(), role=Role(pace=60)) as home:
        run_id, shown = await home.ask("negative", photo=photo(tmp_path, RED))
        await home.platform.until(running(shown))
        assert any("input" in name for name in pictures(data, RED))
        await home.services.runs.cancel(run_id, ANN)
        await home.ended(run_id)
        await home.services.runs.delete(run_id, ANN)
        await gone(data, RED)


@pytest.mark.long
async def test_nothing_is_left_after_the_days_that_files_are_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with house(data, servers=()) as home:
        await negative(home, photo(tmp_path, RED))
    assert len(pictures(data, RED)) == 2
    async with house(data, servers=(), retention_days=0):
        await gone(data, RED)


def test_what_the_engine_of_an_older_version_kept_is_deleted_and_an_operators_picture_stays(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    for name in ("input/logo.png", f"input/{20 * 'a'}.png", "output/cats/x_00001_.png", "temp/ComfyUI_temp_1.png"):
        (engine / name).parent.mkdir(parents=True, exist_ok=True)
        (engine / name).touch()
    clear_engine(tmp_path)
    assert [path for path in engine.rglob("*") if path.is_file()] == [engine / "input" / "logo.png"]
    (engine / "input" / "logo.png").unlink()
    clear_engine(tmp_path)
    assert not engine.exists()


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.long
async def test_the_history_of_a_server_is_cleared_where_the_operator_wants_it(tmp_path: Path, wanted: bool) -> None:
    gates = Gates()
    server = EmbeddedServer(nodes=gates.nodes())
    async with house(tmp_path / "data", servers=[server], clear_history=wanted) as home:
        gates.open("a")
        done, _shown = await home.ask("gated", gate="a")
        await home.ended(done)
        cancelled, shown = await home.ask("gated", gate="b")
        await home.platform.until(running(shown))
        await home.services.runs.cancel(cancelled, ANN)
        gates.open()
        await home.ended(cancelled)

        async def is_as_wanted() -> bool:
            return len(server._jobs.history) == (0 if wanted else 2)

        await until(is_as_wanted)
        assert len((await home.run(done)).shown.files) == 1


@pytest.mark.long
async def test_a_run_that_failed_leaves_no_word_in_the_history_of_a_server(tmp_path: Path) -> None:
    server = EmbeddedServer(nodes=failing())
    async with house(tmp_path / "data", servers=[server], clear_history=True) as home:
        failed, _shown = await home.ask("gated", gate="a")
        (run,) = await home.ended(failed)
        assert run.state is State.FAILED

        async def is_empty() -> bool:
            return not server._jobs.history

        await until(is_empty)


@pytest.mark.long
async def test_the_command_forgets_what_platforms_have_noted_of_a_person(tmp_path: Path) -> None:
    app = App()
    app.__dict__["settings"] = settings = Settings(data_dir=tmp_path)
    gone = {
        "telegram": ("telegram:draft:5:7", "telegram:draft:5:8", "telegram:stranger:5"),
        "discord": ("discord:sheet:5:a",),
    }
    kept = {"telegram": ("telegram:draft:55:7", "telegram:stranger:55"), "discord": ("discord:sheet:55:a",)}
    for name in gone:
        async with key_value(settings, name) as notes:
            for each in (*gone[name], *kept[name]):
                await notes.put(each, {"text": "Ann at the beach"})
    for name in gone:
        assert await app.forget(f"{name}:5") == 0
        async with key_value(settings, name) as notes:
            assert set(await notes.starting("")) == set(kept[name])
    assert await app.forget("discord:ann") == 0
