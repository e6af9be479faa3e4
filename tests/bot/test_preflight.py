"""Whatever `darkroom start` would refuse, `darkroom check` finds, and neither leaves anything behind."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy
from click.testing import CliRunner

from bot.app import App
from bot.core.execution.worker_lock import held
from bot.core.storage.database import Database
from bot.platforms.terminal.commands import cli
from bot.preflight import examine
from bot.settings import Role, Secret, Settings, names
from tests.bot.databases import new_postgres


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and no settings."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def darkroom(*words: str, **environ: str) -> tuple[int, str, str]:
    result = CliRunner(env=environ).invoke(cli, list(words), obj=App(), prog_name="darkroom")
    return result.exit_code, result.stdout, result.stderr


def _missing_table(path: Path) -> str:
    """Make a database that a newer version has upgraded, and return its address."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(sqlalchemy.text("INSERT INTO alembic_version VALUES ('9999')"))
    engine.dispose()
    return f"sqlite:///{path}"


def _no_database(path: Path) -> str:
    path.write_text("This is a letter, not a database. " * 100)
    return f"sqlite:///{path}"


def _made(folder: Path) -> Path:
    folder.mkdir()
    (folder / "workflows").mkdir()
    return folder


_REFUSED: dict[str, tuple[Callable[[Path, int], dict[str, str]], str]] = {
    "a page that others can reach without a token": (
        lambda _folder, _port: {"DARKROOM_WEB_HOST": "0.0.0.0"},  # noqa: S104 - refused
        "set DARKROOM_WEB_TOKEN",
    ),
    "a page at a port that is in use": (
        lambda _folder, port: {"DARKROOM_WEB_PORT": str(port)},
        "Set DARKROOM_WEB_PORT to another port",
    ),
    "a page at an address that is not here": (
        lambda _folder, _port: {"DARKROOM_WEB_HOST": "192.0.2.1", "DARKROOM_WEB_TOKEN": "hush"},
        "192.0.2.1:0: Cannot assign requested address. Set DARKROOM_WEB_HOST to another address",
    ),
    "a webhook at a port that is in use": (
        lambda _folder, port: {
            "TELEGRAM_TOKEN": "1:hush",
            "TELEGRAM_API_URL": "http://127.0.0.1:1",
            "TELEGRAM_WEBHOOK_URL": "https://host/telegram",
            "TELEGRAM_WEBHOOK_PORT": str(port),
        },
        "Set TELEGRAM_WEBHOOK_PORT to another port",
    ),
    "a database server that is not there": (
        lambda _folder, _port: {"DARKROOM_DATABASE_URL": "postgresql://me:hush@127.0.0.1:1/darkroom"},
        "The database postgresql://me:***@127.0.0.1:1/darkroom cannot be used: ",
    ),
    "a database in a folder that is not there": (
        lambda folder, _port: {"DARKROOM_DATABASE_URL": f"sqlite:///{folder}/none/darkroom.db"},
        "cannot be used: ",
    ),
    "a file that is no database": (
        lambda folder, _port: {"DARKROOM_DATABASE_URL": _no_database(folder / "letter")},
        "file is not a database",
    ),
    "tables of the engine that are none": (
        lambda folder, _port: {
            "DARKROOM_DATA_DIR": str(Path(_no_database(_made(folder / "mine") / "engine.db")[10:]).parent)
        },
        "file is not a database",
    ),
    "a database of a newer version": (
        lambda folder, _port: {"DARKROOM_DATABASE_URL": _missing_table(folder / "newer.db")},
        "update Darkroom",
    ),
    "an address that is no database's": (
        lambda _folder, _port: {"DARKROOM_DATABASE_URL": "mysql://db/darkroom"},
        "postgresql://USER:PASSWORD@HOST/NAME",
    ),
    "a media store that does not exist": (
        lambda _folder, _port: {"DARKROOM_MEDIA_URL": "nonsense://bucket"},
        "The media store cannot be used: ",
    ),
    "a data folder that cannot be written": (
        lambda folder, _port: {"DARKROOM_DATA_DIR": _no_database(folder / "letter")[10:] + "/data"},
        "letter/data cannot be written: ",
    ),
    "a file where temporary files go": (
        lambda folder, _port: {
            "DARKROOM_DATA_DIR": str(Path(_no_database(_made(folder / "mine") / "tmp")[10:]).parent)
        },
        "mine/tmp cannot be written: File exists",
    ),
    "a folder for backups that cannot be made": (
        lambda folder, _port: {"DARKROOM_BACKUP_DIR": _no_database(folder / "letter")[10:] + "/backups"},
        "DARKROOM_BACKUP_DIR: ",
    ),
    "a lock that cannot be opened": (
        lambda folder, _port: {"DARKROOM_DATA_DIR": str(_made(_made(folder / "mine") / "darkroom.lock").parent)},
        "mine/darkroom.lock cannot be written: Is a directory",
    ),
}


@pytest.mark.parametrize("kind", _REFUSED)
def test_whatever_start_would_refuse_check_finds(folder: Path, taken: int, kind: str) -> None:
    make, words = _REFUSED[kind]
    settings = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": "0", "DARKROOM_DATA_DIR": str(folder / "data")}
    settings |= make(folder, taken)
    before = sorted(folder.rglob("*"))
    code, said, complained = darkroom("check", **settings)
    assert code == 1
    assert words in complained
    assert "hush" not in complained
    assert "settings: “darkroom start” would refuse them" in said
    refused, _said, complained = darkroom("start", **settings)
    assert refused == 2
    assert words in complained
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_TOKEN", "AAF12"),
        ("DISCORD_TOKEN", "two words"),
        ("DARKROOM_WORKFLOWS", "none"),
        ("DARKROOM_XYZZY", "1"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_by_both(name: str, value: str) -> None:
    for command in ("check", "start"):
        code, _said, complained = darkroom(command, **{name: value})
        assert code == 2
        assert f"{name}: " in complained


def test_all_mistakes_are_told_at_once(folder: Path, taken: int) -> None:
    settings = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": str(taken), "DARKROOM_DATA_DIR": str(folder / "data")}
    settings["DARKROOM_DATABASE_URL"] = "postgresql://127.0.0.1:1/darkroom"
    for command in ("check", "start"):
        complained = darkroom(command, **settings)[2]
        assert "cannot be used" in complained
        assert "cannot listen" in complained


def test_nobody_has_to_know_the_example_file_to_turn_a_platform_on(folder: Path) -> None:
    """Who installed a wheel has no such file."""
    data = {"DARKROOM_DATA_DIR": str(folder / "data")}
    code, _said, complained = darkroom("start", **data)
    assert code == 2
    assert "No platform is on. Set DISCORD_TOKEN, TELEGRAM_TOKEN or DARKROOM_WEB=on" in complained
    assert ".env.example" not in complained
    code, said, _complained = darkroom("check", **data)
    assert code == 0
    assert "settings: good" in said
    assert "note: No platform is on." in said
    assert darkroom("settings")[1] == (Path(__file__).parents[2] / ".env.example").read_text()


def test_a_name_that_is_almost_a_setting_is_told_and_refuses_nothing() -> None:
    code, said, _complained = darkroom("check", TELEGRAM_BOT_TOKEN="1:x", DISCORD_WEBHOOK_URL="https://discord.com/x")
    assert code == 0
    assert "note: TELEGRAM_BOT_TOKEN is set, but is not a setting of Darkroom" in said
    assert "DISCORD_WEBHOOK_URL" not in said


def test_what_cannot_run_is_listed_with_why() -> None:
    said = darkroom("check")[1]
    (line,) = [line for line in said.splitlines() if "upscale cannot run here." in line]
    assert "UpscaleModelLoader" in line


@pytest.mark.parametrize("shared", [False, True])
async def test_a_process_that_is_running_is_found_and_its_port_is_left_alone(
    folder: Path, taken: int, shared: bool, request: pytest.FixtureRequest
) -> None:
    url = new_postgres(request.getfixturevalue("postgres")) if shared else f"sqlite:///{folder}/darkroom.db"
    settings = Settings(web=True, web_port=taken, data_dir=folder, database=Secret(url) if shared else None)
    async with Database(url) as database:
        async with held(database, folder, "darkroom"):
            found = await examine(settings, Role(), App()._trials)
        assert found.faults == ()
        assert "another folder" in str(found.busy) or "its own name" in str(found.busy)
        assert (await examine(settings, Role(), App()._trials)).busy is None


async def test_a_database_that_may_not_be_changed_is_found(folder: Path, postgres: str) -> None:
    url = sqlalchemy.make_url(new_postgres(postgres))
    async with Database(url.render_as_string(hide_password=False)):
        pass
    admin = sqlalchemy.create_engine(url.set(drivername="postgresql+psycopg"))
    with admin.begin() as connection:
        connection.execute(sqlalchemy.text(f'ALTER DATABASE "{url.database}" SET default_transaction_read_only = on'))
    admin.dispose()
    found = await examine(
        Settings(web=True, web_port=0, data_dir=folder, database=Secret(url.render_as_string(hide_password=False))),
        Role(),
        lambda _listens: (),
    )
    assert "read-only transaction" in found.faults[0]


async def test_a_database_whose_tables_another_user_made_is_good(folder: Path, postgres: str) -> None:
    url = sqlalchemy.make_url(new_postgres(postgres))
    async with Database(url.render_as_string(hide_password=False)):
        pass
    admin = sqlalchemy.create_engine(url.set(drivername="postgresql+psycopg"))
    with admin.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE ROLE writer LOGIN"))
        connection.execute(sqlalchemy.text("GRANT SELECT, UPDATE ON alembic_version TO writer"))
    admin.dispose()
    database = Secret(url.set(username="writer").render_as_string(hide_password=False))
    assert (
        await examine(Settings(web=True, data_dir=folder, database=database), Role(), lambda _listens: ())
    ).faults == ()


def test_a_new_database_is_left_unmade(folder: Path) -> None:
    settings = {"DARKROOM_WEB": "on", "DARKROOM_WEB_PORT": "0", "DARKROOM_DATA_DIR": str(folder / "a" / "data")}
    assert darkroom("check", **settings)[0] == 0
    assert sorted(folder.iterdir()) == [folder / "here"]
    (folder / "a").mkdir()
    (folder / "a" / "data").mkdir(mode=0o755)
    assert darkroom("check", **settings)[0] == 0
    assert not list((folder / "a" / "data").iterdir())
    assert stat.S_IMODE((folder / "a" / "data").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("operators", "told"),
    [("", True), ("discord:1", True), ("discord:1, web:abc", False)],
)
def test_a_page_with_a_token_whose_control_room_no_browser_reaches(tmp_path: Path, operators: str, told: bool) -> None:
    environ = {"DARKROOM_WEB": "on", "DARKROOM_DATA_DIR": str(tmp_path), "DARKROOM_OPERATORS": operators}
    hint = "open /moderate on the page, and add the ID that it shows"
    assert (hint in darkroom("check", **environ, DARKROOM_WEB_TOKEN="a-long-enough-token")[1]) is told
    assert hint not in darkroom("check", **environ)[1]
