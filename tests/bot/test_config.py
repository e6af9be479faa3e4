from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.config import Secret, Settings, names
from bot.core.errors import ConfigError

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
            "COMFYUI_URLS": "http://a:1, https://b/comfy",
            "COMFYUI_TOKEN": "hush",
            "COMFYUI_VERIFY_TLS": "no",
            "COMFYUI_STALL_LIMIT": "60",
            "DARKROOM_WORKFLOWS": str(tmp_path),
            "DARKROOM_MAX_UPLOAD_MB": "5",
            "DARKROOM_MAX_MEGAPIXELS": "2.5",
            "DARKROOM_KEEP_METADATA": "Yes",
        },
        None,
    )
    assert settings == Settings(("http://a:1", "https://b/comfy"), Secret("hush"), False, 60, tmp_path, 5, 2.5, True)
    assert settings.server("http://a:1")["headers"] == {"Authorization": "Bearer hush"}


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
        ("COMFYUI_URLS", "http://a:99999", "no server's address"),
        ("COMFYUI_URLS", "http://", "no server's address"),
        ("COMFYUI_TOKEN", "two words", "without spaces"),
        ("COMFYUI_STALL_LIMIT", "-1", "from 1"),
        ("COMFYUI_STALL_LIMIT", "nan", "from 1"),
        ("DARKROOM_MAX_MEGAPIXELS", "900", "to 80"),
        ("DARKROOM_WORKFLOWS", "nowhere-at-all", "no folder"),
        ("COMFYUI_URL_S", "http://a", "did you mean COMFYUI_URLS?"),
        ("DARKROOM_KEEP_METADTA", "yes", "did you mean DARKROOM_KEEP_METADATA?"),
        ("DARKROOM_XYZZY", "1", "no such setting"),
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
