from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.core.care.hooks import CommandHook, UrlHook
from bot.core.care.machine import Machine
from bot.core.errors import ConfigError
from bot.core.model import Publish
from bot.server_settings import NamedServer, servers
from bot.settings import Secret, Settings, names

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def faults(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.read(environ, None)
    return str(caught.value).splitlines()


def test_nothing_set() -> None:
    assert Settings.read({"PATH": "/bin"}, None) == Settings()


def test_everything_set(tmp_path: Path) -> None:
    settings = Settings.read(
        {
            "COMFYUI_URLS": "http://a:1, big=https://b/comfy*2",
            "COMFYUI_TOKEN": "hush",
            "COMFYUI_ACCOUNT_KEY": "comfyui-hush",
            "COMFYUI_VERIFY_TLS": "no",
            "COMFYUI_STALL_LIMIT": "60",
            "DARKROOM_WORKFLOWS": str(tmp_path),
            "DARKROOM_MAX_UPLOAD_MB": "5",
            "DARKROOM_MAX_MEGAPIXELS": "2.5",
            "DARKROOM_KEEP_METADATA": "Yes",
            "DARKROOM_DATA_DIR": str(tmp_path),
            "DARKROOM_DATABASE_URL": "postgresql://me:hush@db/x",
            "DARKROOM_MEDIA_URL": "s3://bucket",
            "DARKROOM_RETENTION_DAYS": "7",
            "DARKROOM_RUNNING_PER_PERSON": "3",
            "DARKROOM_WAITING_PER_PERSON": "5",
            "DARKROOM_OPERATORS": "discord:1, telegram:2",
            "TELEGRAM_TOKEN": "5:hush",
            "TELEGRAM_ALLOWED": "1, @ann, -100",
            "TELEGRAM_API_URL": "http://127.0.0.1:8081/",
            "TELEGRAM_LOCAL": "yes",
            "TELEGRAM_PREVIEWS": "no",
            "TELEGRAM_WEBHOOK_URL": "https://host/telegram",
            "TELEGRAM_WEBHOOK_SECRET": "hush",
            "TELEGRAM_WEBHOOK_HOST": "10.0.0.1",
            "TELEGRAM_WEBHOOK_PORT": "80",
            "DISCORD_TOKEN": "hush",
            "DISCORD_PREVIEWS": "no",
            "DISCORD_API_BASE": "http://127.0.0.1:1/api",
            "DISCORD_GATEWAY_URL": "ws://127.0.0.1:1",
        },
        None,
    )
    assert settings == Settings(
        servers=(NamedServer("a:1", "http://a:1"), NamedServer("big", "https://b/comfy", 2)),
        token=Secret("hush"),
        account_key=Secret("comfyui-hush"),
        verify_tls=False,
        stall_limit=60,
        workflows=tmp_path,
        max_upload_mb=5,
        max_megapixels=2.5,
        keep_metadata=True,
        data_dir=tmp_path,
        database=Secret("postgresql://me:hush@db/x"),
        media=Secret("s3://bucket"),
        retention_days=7,
        running_per_person=3,
        waiting_per_person=5,
        operators=("discord:1", "telegram:2"),
        telegram_token=Secret("5:hush"),
        telegram_allowed=("1", "@ann", "-100"),
        telegram_api_url="http://127.0.0.1:8081",
        telegram_local=True,
        telegram_previews=False,
        telegram_webhook_url="https://host/telegram",
        telegram_webhook_secret=Secret("hush"),
        telegram_webhook_host="10.0.0.1",
        telegram_webhook_port=80,
        discord_token=Secret("hush"),
        discord_previews=False,
        discord_api_base="http://127.0.0.1:1/api",
        discord_gateway_url="ws://127.0.0.1:1",
    )
    assert settings.server("http://a:1")["headers"] == {"Authorization": "Bearer hush"}
    assert settings.server("http://me:own@a:1")["headers"] == {}


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("COMFYUI_URLS=http://file:1\nDARKROOM_MAX_UPLOAD_MB=7\nUNRELATED\n")
    settings = Settings.read({"COMFYUI_URLS": "http://env:1"}, file)
    assert (settings.urls, settings.max_upload_mb) == (("http://env:1",), 7)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        Settings.read({}, file)


def test_lines_of_the_file_that_are_no_settings_are_told_and_the_others_count(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nDARKROOM_WEB=on\nthis is no setting\nDARKROOM_WEB_PORT\nDARKROM_DATA_DIR=x\nEDITOR=vi\n")
    settings = Settings.read({}, file)
    assert settings.web
    assert [doubt.partition(": ")[0] for doubt in settings.doubts] == [
        ".env, line 3, is not a setting, and is ignored",
        ".env, line 4, is not a setting, and is ignored",
        "DARKROM_DATA_DIR is set, but is not a setting of Darkroom",
    ]


def test_an_unknown_key_of_a_server_is_named(tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text('[a]\nurl = "http://a"\natonce = 2\n')
    with pytest.raises(ValueError, match="“a” has an unknown key “atonce”; keys: url, at_once"):
        servers(str(file))


def test_an_address_needs_no_scheme() -> None:
    read = Settings.read({"COMFYUI_URLS": "127.0.0.1:8188, [::1]:8000"}, None)
    assert read.urls == ("http://127.0.0.1:8188", "http://[::1]:8000")


def test_every_fault_in_one_message() -> None:
    lines = faults(COMFYUI_URLS="localhost", DARKROOM_MAX_UPLOAD_MB="lots", DARKROOM_KEEP_METADATA="maybe")
    assert [line.partition(":")[0] for line in lines] == [
        "COMFYUI_URLS",
        "DARKROOM_MAX_UPLOAD_MB",
        "DARKROOM_KEEP_METADATA",
    ]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("COMFYUI_URLS", "ftp://a", "http://127.0.0.1:8188"),
        ("COMFYUI_URLS", "http://a:99999", "not a server's address"),
        ("COMFYUI_URLS", "http://", "not a server's address"),
        ("COMFYUI_URLS", "http://a http://a", "two servers are called “a”"),
        ("DARKROOM_SAVED_FOLDER", "../x", "not the name of a folder"),
        ("COMFYUI_URLS", "http://a*99", "1 to 16"),
        ("COMFYUI_URLS", "none.toml", "does not exist"),
        ("DARKROOM_OPERATORS", "ann", "discord:1234"),
        ("DARKROOM_RETENTION_DAYS", "0", "from 0.01"),
        ("COMFYUI_TOKEN", "two words", "without spaces"),
        ("COMFYUI_ACCOUNT_KEY", "two words", "without spaces"),
        ("COMFYUI_STALL_LIMIT", "-1", "from 1"),
        ("COMFYUI_STALL_LIMIT", "nan", "from 1"),
        ("DARKROOM_MAX_MEGAPIXELS", "900", "to 80"),
        ("DARKROOM_WORKFLOWS", "nowhere-at-all", "make it"),
        ("DARKROOM_KEEP_METADTA", "yes", "did you mean DARKROOM_KEEP_METADATA?"),
        ("DARKROOM_XYZZY", "1", "no such setting"),
        ("TELEGRAM_API_URL", "localhost:8081", "https://host"),
        ("DISCORD_API_BASE", "localhost", "https://host"),
        ("DISCORD_GATEWAY_URL", "https://host", "wss://host"),
        ("DARKROOM_MAX_RESULT_MB", "2GB", "from 0.1 to 1000000"),
        ("TELEGRAM_WEBHOOK_SECRET", "a b", "letters, digits"),
        ("TELEGRAM_TOKEN", "AAF1234", "as @BotFather gives it"),
    ],
)
def test_a_fault_names_the_setting_and_what_would_do(name: str, value: str, words: str) -> None:
    (line,) = faults(**{name: value})
    assert line.startswith(name)
    assert words in line


def test_secrets_show_nowhere() -> None:
    settings = Settings.read({"COMFYUI_TOKEN": "hush-hush"}, None)
    assert "hush" not in f"{settings} {settings!r} {settings.token!s}"
    assert "hush" not in faults(COMFYUI_TOKEN="hush hush")[0]
    assert "hush" not in faults(COMFYUI_URLS="ftp://me:hush@host")[0]


def test_the_example_lists_exactly_the_settings(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert tuple(re.findall(r"^# ?([A-Z_]+)=", text, re.MULTILINE)) == names()


def test_servers_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(
        '[big]\nurl = "http://big:1"\nat_once = 2\nheaders = {"X-Key" = "hush"}\nfiles_elsewhere = true\n[small]\nurl = "http://small:1"'
    )
    big, small = servers(str(file))
    assert (big.name, big.at_once, big.headers) == ("big", 2, {"X-Key": "hush"})
    assert small == NamedServer("small", "http://small:1")
    assert "hush" not in repr(big)
    settings = Settings.read({"COMFYUI_URLS": str(file), "COMFYUI_TOKEN": "token"}, None)
    assert [settings.server(server.url)["files_elsewhere"] for server in settings.servers] == [True, False]
    assert settings.server("http://big:1")["headers"] == {"Authorization": "Bearer token", "X-Key": "hush"}


def test_a_server_may_have_an_account_key_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text('[own]\nurl = "http://own"\naccount_key = "comfyui-hush"\n[other]\nurl = "http://other"')
    settings = Settings.read({"COMFYUI_URLS": str(file), "COMFYUI_ACCOUNT_KEY": "comfyui-for-all"}, None)
    assert settings.server("http://own")["account_key"] == "comfyui-hush"
    assert settings.server("http://other")["account_key"] == "comfyui-for-all"
    assert Settings(servers=settings.servers).server("http://other")["account_key"] == ""
    assert "comfyui" not in f"{settings!r} {settings.servers!r} {settings}"
    file.write_text('[own]\nurl = "http://own"\naccount_key = "comfyui hush"')
    assert "hush" not in faults(COMFYUI_URLS=str(file))[0]


def test_what_is_saved_at_a_server_is_published_as_its_settings_say(tmp_path: Path) -> None:
    near, far, off = servers(
        "http://127.0.0.1:8188, big=http://10.0.0.5:8188*2;publish=open, http://[::1]:1;publish=off"
    )
    assert (near.publish, near.is_on_this_machine) == (None, True)
    assert (far.name, far.at_once, far.publish, far.is_on_this_machine) == ("big", 2, Publish.OPEN, False)
    assert (off.url, off.publish, off.is_on_this_machine) == ("http://[::1]:1", Publish.OFF, True)
    file = tmp_path / "servers.toml"
    file.write_text('[big]\nurl = "http://localhost:1"\npublish = "trial"\nusers = ["ann"]\n[b]\nurl = "http://b"')
    settings = Settings.read({"COMFYUI_URLS": str(file), "DARKROOM_SAVED_USERS": "bob, b/cy, big/di"}, None)
    big, other = settings.servers
    assert (big.publish, big.is_on_this_machine, settings.users_of(big)) == (Publish.TRIAL, True, ("ann", "bob", "di"))
    assert settings.users_of(other) == ("bob", "cy")
    assert "publish is one of open, trial, off" in faults(COMFYUI_URLS="http://a;publish=maybe")[0]


def test_a_server_may_have_hooks_for_its_machine(tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(
        '[a]\nurl = "http://a"\non_wanted = "https://b/start?key=hush"\non_idle = ["stop", "a b"]\nidle_after = 60'
    )
    [server] = servers(str(file))
    wanted = UrlHook("https://b/start?key=hush")
    assert server.machine == Machine(wanted, CommandHook(("stop", "a b")), 60.0, 600.0)
    assert "hush" not in repr(server)


_GOOD = "[a]\nurl = 'http://a'\n"


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "x = 1",
        "[a]",
        f"{_GOOD}uri = 1",
        f"{_GOOD}headers = 1",
        f"{_GOOD}files_elsewhere = 1",
        f"{_GOOD}at_once = 0",
        f"{_GOOD}account_key = 7",
        f"{_GOOD}account_key = ''",
        f"{_GOOD}publish = 'maybe'",
        f"{_GOOD}publish = 1",
        f"{_GOOD}users = 'ann'",
        f"{_GOOD}on_wanted = 'start it'",
        f"{_GOOD}on_wanted = []",
        f"{_GOOD}on_idle = ['stop']",
        f"{_GOOD}on_wanted = ['start']\nidle_after = 0",
    ],
)
def test_a_faulty_file_of_servers(text: str, tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(text)
    assert faults(COMFYUI_URLS=str(file))[0].startswith("COMFYUI_URLS: ")


_SLIPS = [
    ("COMFYUI_URL", "COMFYUI_URLS"),
    ("COMFYUI_URL_S", "COMFYUI_URLS"),
    ("TELEGRAM_TOKN", "TELEGRAM_TOKEN"),
    ("TELEGRAM_BOT_TOKN", "TELEGRAM_TOKEN"),
    ("TELEGRAM_ALOWED", "TELEGRAM_ALLOWED"),
    ("DISCORD_BOT_TOKEN", "DISCORD_TOKEN"),
    ("DISCORD_PREVIEW", "DISCORD_PREVIEWS"),
]


@pytest.mark.parametrize(("name", "meant"), _SLIPS)
def test_a_slip_is_refused_in_the_file_and_told_in_the_environment(tmp_path: Path, name: str, meant: str) -> None:
    (tmp_path / ".env").write_text(f"{name}=1")
    with pytest.raises(ConfigError, match=f"{name}: .* did you mean {meant}?"):
        Settings.read({}, tmp_path / ".env")
    (doubt,) = Settings.read({name: "1"}, None).doubts
    assert name in doubt
    assert f"did you mean {meant}?" in doubt


_OF_OTHER_PROGRAMS = {
    "COMFYUI_PATH": "/opt/comfyui",
    "DISCORD_CLIENT_ID": "1",
    "DISCORD_GUILD_ID": "1",
    "DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/1/x",
    "TELEGRAM_API_HASH": "x",
    "TELEGRAM_API_ID": "1",
    "TELEGRAM_CHAT_ID": "1",
}


@pytest.mark.parametrize("name", _OF_OTHER_PROGRAMS)
def test_a_setting_of_another_program_is_none_of_ours(tmp_path: Path, name: str) -> None:
    assert Settings.read({name: _OF_OTHER_PROGRAMS[name]}, None) == Settings()
    (tmp_path / ".env").write_text(f"{name}={_OF_OTHER_PROGRAMS[name]}")
    assert Settings.read({}, tmp_path / ".env") == Settings()


def test_another_programs_token_beside_ours_is_not_told() -> None:
    assert Settings.read({"TELEGRAM_BOT_TOKEN": "other", "TELEGRAM_TOKEN": "1:ours"}, None).doubts == ()
