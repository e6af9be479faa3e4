"""The settings, read from the environment and `.env`. `Settings.read` reports all mistakes at once."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.core.errors import BadValue, ConfigError
from bot.i18n import _
from bot.server_settings import NamedServer, secret, servers
from bot.server_settings import Secret as Secret

_OURS = "DARKROOM_"  # no other program has settings that begin like this
_ALIKE = 0.75  # of two names, from which on one may be a slip for the other
_SHARED = ("COMFYUI_", "DISCORD_", "TELEGRAM_")  # other programs may have settings that begin like these
TEXT_LOG, JSON_LOG = "text", "json"
LEVELS = ("debug", "info", "warning", "error")
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _setting(env: str, parse: Callable[[str], Any], default: Any, text: str) -> Any:
    return field(default=default, metadata={"env": env, "parse": parse, "help": text})


def _telegram_token(text: str) -> Secret:
    if not re.fullmatch(r"\d+:[!-~]+", text):
        raise ValueError(_("it must look like 123456:AAF…, as @BotFather gives it"))
    return Secret(text)


def _hook_secret(text: str) -> Secret:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", text):
        raise ValueError(_("it must be 1 to 256 letters, digits, “_” and “-”"))
    return Secret(text)


def _switch(text: str) -> bool:
    if text.lower() not in _WORDS:
        raise ValueError(_("“{text}” is not yes or no").format(text=text))
    return _WORDS[text.lower()]


def _log_format(text: str) -> str:
    if text not in (TEXT_LOG, JSON_LOG):
        raise ValueError(_("“{text}” is neither text nor json").format(text=text))
    return text


def _log_level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise ValueError(_("“{text}” is none of {words}").format(text=text, words=", ".join(LEVELS)))
    return text.lower()


def _seconds(text: str) -> float:
    return _number(text, 1, 86_400)


def _number(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        sentence = _("“{text}” is not a number from {least:.9g} to {most:.9g}")
        raise ValueError(sentence.format(text=text, least=least, most=most))
    return number


def _megabytes(text: str) -> float:
    return _number(text, 0.1, 1000)


def _large(text: str) -> float:
    return _number(text, 0.1, 1_000_000)


def _megapixels(text: str) -> float:
    return _number(text, 0.1, 80)


def _days(text: str) -> float:
    return _number(text, 0.01, 36_500)


def _count(text: str) -> int:
    return int(_number(text, 1, 10_000))


def _backups(text: str) -> int:
    return int(_number(text, 0, 1000))


def _people(text: str) -> tuple[str, ...]:
    people = tuple(text.replace(",", " ").split())
    wrong = [person for person in people if not person.partition(":")[0] or not person.partition(":")[2]]
    if wrong:
        raise ValueError(_("“{text}” does not name a person: it should look like discord:1234").format(text=wrong[0]))
    return people


def _notices(text: str) -> tuple[str, ...]:
    return () if text.lower() in ("none", "off", "no") else _people(text)


def _header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", text):
        raise ValueError(_("“{text}” is not the name of a header: it should look like X-Real-IP").format(text=text))
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _saved_folder(text: str) -> str:
    parts = text.replace("\\", "/").strip("/").split("/")
    if not text.isprintable() or any(not part.strip() or part.startswith(".") for part in parts):
        raise ValueError(_("“{text}” is not the name of a folder: it should look like darkroom").format(text=text))
    return "/".join(parts)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(_("“{text}” is not an address: it should look like https://host").format(text=text))
    return text.rstrip("/")


def _receiver(text: str) -> Secret:
    return secret(_address(text))


def _gateway(text: str) -> str:
    if urlsplit(text).scheme not in ("ws", "wss") or not urlsplit(text).hostname:
        raise ValueError(_("“{text}” is not a gateway's address: it should look like wss://host").format(text=text))
    return text


def _ping_after(text: str) -> int | None:
    from bot.core.pings.wishes import after_of  # it brings the database's library

    try:
        return after_of(text)
    except BadValue as fault:
        raise ValueError(fault.reason) from fault


def _port(text: str) -> int:
    return int(_number(text, 0, 65_535))


def _folder(text: str) -> Path:
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise ValueError(_("there is no folder “{text}”: make it, or name another one").format(text=text))
    return folder


@dataclass(frozen=True)
class Settings:
    """All settings of the operator. `Settings()` has the defaults."""

    servers: tuple[NamedServer, ...] = _setting(
        "COMFYUI_URLS", servers, (), "ComfyUI servers as NAME=URL*COUNT, or a .toml file; default: the built-in engine."
    )
    token: Secret | None = _setting(  # noqa: RUF009 - a field
        "COMFYUI_TOKEN", secret, None, "A token for the servers, sent as “Authorization: Bearer …”."
    )
    account_key: Secret | None = _setting(  # noqa: RUF009 - a field
        "COMFYUI_ACCOUNT_KEY", secret, None, "The key of your account at comfy.org, for nodes that cost money."
    )
    verify_tls: bool = _setting(
        "COMFYUI_VERIFY_TLS", _switch, True, "Verify the certificates of https servers: yes or no."
    )
    clear_history: bool = _setting(
        "COMFYUI_CLEAR_HISTORY",
        _switch,
        False,
        "Remove runs that have ended from the history of servers: yes or no.",
    )
    manager: bool = _setting(
        "COMFYUI_MANAGER",
        _switch,
        False,
        "Let “darkroom models install” use ComfyUI-Manager at servers: yes or no.",
    )
    stall_limit: float | None = _setting(
        "COMFYUI_STALL_LIMIT", _seconds, None, "Stop a run after this many seconds without progress; default: never."
    )
    time_limit: float | None = _setting(
        "COMFYUI_TIME_LIMIT", _seconds, None, "Stop a run after this many seconds at a server; default: never."
    )
    unload_after: float | None = _setting(
        "COMFYUI_UNLOAD_AFTER",
        _seconds,
        None,
        "Unload a server's models after this many seconds without work; default: never.",
    )
    workflows: Path | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_WORKFLOWS", _folder, None, "A folder with your own workflows, in addition to the bundled ones."
    )
    saved_folder: str = _setting(
        "DARKROOM_SAVED_FOLDER",
        _saved_folder,
        "darkroom",
        "The folder, below a server's saved workflows, in which people save what they want to offer.",
    )
    saved_users: tuple[str, ...] = _setting(
        "DARKROOM_SAVED_USERS",
        _names,
        (),
        "The users with saved workflows that count, where there are several: NAME, or SERVER/NAME for one server.",
    )
    models_dir: Path | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_MODELS_DIR",
        _folder,
        None,
        "The folder “models” of a ComfyUI on this machine, for “darkroom models fetch”.",
    )
    model_hosts: tuple[str, ...] = _setting(
        "DARKROOM_MODEL_HOSTS",
        _names,
        (),
        "The hosts from which models may be fetched, such as huggingface.co, *.hf.co; default: none.",
    )
    max_upload_mb: float = _setting(
        "DARKROOM_MAX_UPLOAD_MB", _megabytes, 20.0, "The largest file that people may send, in megabytes."
    )
    max_megapixels: float = _setting(
        "DARKROOM_MAX_MEGAPIXELS", _megapixels, 50.0, "Larger pictures are made smaller, to so many megapixels."
    )
    max_result_mb: float = _setting(
        "DARKROOM_MAX_RESULT_MB", _large, 2000.0, "The largest result of a run that is fetched, in megabytes."
    )
    keep_metadata: bool = _setting(
        "DARKROOM_KEEP_METADATA", _switch, False, "Keep the workflow that ComfyUI writes into results: yes or no."
    )
    data_dir: Path = _setting(  # noqa: RUF009 - a field
        "DARKROOM_DATA_DIR", Path, Path("~/.darkroom"), "The folder for runs and their files."
    )
    database: Secret | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_DATABASE_URL",
        secret,
        None,
        "A PostgreSQL that several processes share; default: SQLite in that folder.",
    )
    media: Secret | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_MEDIA_URL", secret, None, "An object store for the files, such as s3://bucket; default: that folder."
    )
    shared_media: bool = _setting(
        "DARKROOM_SHARED_MEDIA", _switch, False, "Let the folder's group read the files of runs: yes or no."
    )
    retention_days: float = _setting(
        "DARKROOM_RETENTION_DAYS", _days, 30.0, "Delete runs and their files after this many days."
    )
    media_gb: float | None = _setting(
        "DARKROOM_MEDIA_GB", _large, None, "Keep at most this many gigabytes of files of runs; default: no limit."
    )
    free_gb: float | None = _setting(
        "DARKROOM_FREE_GB",
        _large,
        None,
        "Keep this many gigabytes free on the disk with the files of runs; default: no limit.",
    )
    backups_kept: int = _setting(
        "DARKROOM_BACKUPS", _backups, 0, "Make a backup each night, and keep so many of them; default: 0, none."
    )
    backup_media: bool | None = _setting(
        "DARKROOM_BACKUP_MEDIA",
        _switch,
        None,
        "Put the files of runs into nightly backups: yes or no; default: yes if they are in a folder.",
    )
    backup_dir: Path | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_BACKUP_DIR",
        Path,
        None,
        "The folder for nightly backups and the ledger of erasures; default: backups in the data folder.",
    )
    running_per_person: int = _setting(
        "DARKROOM_RUNNING_PER_PERSON", _count, 2, "How many runs of one person may run at a time."
    )
    waiting_per_person: int = _setting(
        "DARKROOM_WAITING_PER_PERSON", _count, 20, "How many runs of one person may wait."
    )
    operators: tuple[str, ...] = _setting(
        "DARKROOM_OPERATORS",
        _people,
        (),
        "The operators, as discord:ID: their runs go first, and they moderate everywhere.",
    )
    notices: tuple[str, ...] | None = _setting(
        "DARKROOM_NOTICES",
        _notices,
        None,
        "Who is told in their chat what is wrong: people as discord:ID, or none; default: the operators.",
    )
    trusted: tuple[str, ...] = _setting(
        "DARKROOM_TRUSTED", _people, (), "People who may add workflows in the chat, as discord:ID or telegram:ID."
    )
    default_workflows: str = _setting(
        "DARKROOM_DEFAULT_WORKFLOWS",
        str,
        "all",
        "What may be run where moderators decided nothing: all, none, or names.",
    )
    allowed_nodes: tuple[str, ...] = _setting(
        "DARKROOM_ALLOWED_NODES",
        _names,
        (),
        "Packs of custom nodes that workflows from the chat may use.",
    )
    discord_token: Secret | None = _setting(  # noqa: RUF009 - a field
        "DISCORD_TOKEN", secret, None, "The token of your Discord bot; it turns Discord on."
    )
    discord_previews: bool = _setting(
        "DISCORD_PREVIEWS", _switch, True, "Show the picture on Discord while it develops: yes or no."
    )
    discord_api_base: str = _setting(
        "DISCORD_API_BASE", _address, "", "Another address for Discord's API, for tests and proxies."
    )
    discord_gateway_url: str = _setting(
        "DISCORD_GATEWAY_URL", _gateway, "", "Another address for Discord's gateway, for tests and proxies."
    )
    telegram_token: Secret | None = _setting(  # noqa: RUF009 - a field
        "TELEGRAM_TOKEN",
        _telegram_token,
        None,
        "The token of your Telegram bot, from @BotFather; it turns Telegram on.",
    )
    telegram_allowed: tuple[str, ...] = _setting(
        "TELEGRAM_ALLOWED", _names, (), "Who may use the bot: ids or @names of people and chats, or * for everyone."
    )
    telegram_api_url: str = _setting(
        "TELEGRAM_API_URL", _address, "https://api.telegram.org", "The address of your own Bot API server."
    )
    telegram_local: bool = _setting(
        "TELEGRAM_LOCAL",
        _switch,
        False,
        "Your Bot API server runs with --local and shares this machine's files: yes or no.",
    )
    telegram_previews: bool = _setting(
        "TELEGRAM_PREVIEWS", _switch, True, "Show the picture on Telegram while it develops: yes or no."
    )
    telegram_webhook_url: str | None = _setting(
        "TELEGRAM_WEBHOOK_URL", _address, None, "The address that Telegram calls, such as https://host/telegram."
    )
    telegram_webhook_secret: Secret | None = _setting(  # noqa: RUF009 - a field
        "TELEGRAM_WEBHOOK_SECRET",
        _hook_secret,
        None,
        "The secret that Telegram sends; default: one made from the token.",
    )
    telegram_webhook_host: str = _setting(
        "TELEGRAM_WEBHOOK_HOST", str, "127.0.0.1", "The address to listen at for Telegram's calls."
    )
    telegram_webhook_port: int = _setting(
        "TELEGRAM_WEBHOOK_PORT", _port, 8443, "The port to listen at for Telegram's calls, behind your proxy."
    )

    web: bool = _setting("DARKROOM_WEB", _switch, False, "Serve the page in the browser: on or off.")
    web_host: str = _setting(
        "DARKROOM_WEB_HOST",
        str,
        "127.0.0.1",
        "The address to listen at; if other computers reach it, set the token too.",
    )
    web_port: int = _setting("DARKROOM_WEB_PORT", _port, 8420, "The port to listen at.")
    web_token: Secret | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_WEB_TOKEN", secret, None, "A token that visitors of the page must enter."
    )
    metrics_token: Secret | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_METRICS_TOKEN", secret, None, "A token for /metrics alone; default: that of the page."
    )
    otlp_url: Secret | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_OTLP_URL",
        _receiver,
        None,
        "The OTLP receiver that gets the traces of runs, such as http://127.0.0.1:4318; default: none.",
    )
    web_proxy_header: str = _setting(
        "DARKROOM_WEB_PROXY_HEADER",
        _header,
        "",
        "The header in which your proxy names the visitor's address, such as X-Real-IP.",
    )
    log_format: str = _setting(
        "DARKROOM_LOG_FORMAT", _log_format, TEXT_LOG, "How the log is written: text for people, json for programs."
    )
    pulse_file: Path | None = _setting(  # noqa: RUF009 - a field
        "DARKROOM_PULSE_FILE",
        Path,
        None,
        "A file that is touched every 10 seconds, for health checks; default: none.",
    )
    log_level: str = _setting(
        "DARKROOM_LOG_LEVEL", _log_level, "info", "What the log tells at least: debug, info, warning or error."
    )
    ping_after: int | None = _setting(
        "DARKROOM_PING_AFTER",
        _ping_after,
        None,
        "Tell people of an end after this many minutes, where nobody chose: always, never or a number; default: 1.",
    )
    public_url: str = _setting(
        "DARKROOM_PUBLIC_URL",
        _address,
        "",
        "The page's public address; chats link there if a file is too large for them, and to draw masks.",
    )

    #: Names in the environment that are almost those of settings; they may be slips, or belong to other programs.
    doubts: tuple[str, ...] = ()

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
        """Read all settings; the environment wins over the file. Raises `ConfigError` with every mistake."""
        file = _from_file(env_file)
        given = {**file, **(os.environ if environ is None else environ)}
        faults = [_no_such(name) for name in sorted(given) if name.startswith(_OURS) and name not in names()]
        faults += [_no_such(name) for name in sorted(file) if _near(name)]
        slips = [name for name in sorted(given) if name not in file and not given.keys() & set(_near(name))]
        doubts = [*_unreadable(env_file), *(_doubt(name, _near(name)) for name in slips if _near(name))]
        doubts += [_doubt(name, near) for name in sorted(file) if (near := _misspelt(name))]
        values: dict[str, Any] = {"doubts": tuple(doubts)}
        for each in (one for one in fields(cls) if "env" in one.metadata):
            name, text = each.metadata["env"], given.get(each.metadata["env"], "").strip()
            try:
                values[each.name] = each.metadata["parse"](text) if text else each.default
            except ValueError as fault:
                faults.append(f"{name}: {fault}")
        if faults:
            raise ConfigError("\n".join(faults))
        return cls(**values)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.data_dir.expanduser()

    @property
    def backups(self) -> Path:
        """The folder for nightly backups."""
        return (self.backup_dir or self.folder / "backups").expanduser()

    @property
    def ledger(self) -> Path:
        """The ledger of what was deleted, which no backup contains."""
        return self.backups / "erased.jsonl"

    def database_limits(self) -> dict[str, float]:
        """The limits of `Database` that differ from its own."""
        return {}

    @property
    def own_workflows(self) -> Path:
        """The folder for the operator's workflows."""
        return self.workflows or self.folder / "workflows"

    @property
    def added_workflows(self) -> Path:
        """The folder for workflows that people add in the chat."""
        return self.folder / "added"

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(server.url for server in self.servers)

    @property
    def notified(self) -> tuple[str, ...]:
        """The people who are told what is wrong, as "platform:id"."""
        return self.operators if self.notices is None else self.notices

    def notified_on(self, platform: str) -> list[str]:
        """Return the ids of these people on a platform."""
        return [each.partition(":")[2] for each in self.notified if each.partition(":")[0] == platform]

    @property
    def level(self) -> int:
        """The level of the log, as `logging` counts it."""
        return logging.getLevelNamesMapping()[self.log_level.upper()]

    def users_of(self, server: NamedServer) -> tuple[str, ...]:
        """Return the users with saved workflows that count at a server, if it has several."""
        named = (each.rpartition("/") for each in self.saved_users)
        return (*server.users, *(user for of, _slash, user in named if of in ("", server.name)))

    def server(self, url: str) -> dict[str, Any]:
        """Return the arguments of `comfy.server.Server` for one address."""
        own = next((server for server in self.servers if server.url == url), NamedServer("", url))
        token = None if "@" in urlsplit(url).netloc else self.token  # the address's own user and password win
        headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
        key = own.account_key or self.account_key
        return {
            "url": url,
            "headers": {**headers, **own.headers},
            "verify_tls": self.verify_tls,
            "stall_limit": self.stall_limit,
            "time_limit": self.time_limit,
            "clears_history": self.clear_history,
            "largest_file": int(self.max_result_mb * 1e6),
            "files_elsewhere": own.files_elsewhere,
            "account_key": key.reveal() if key else "",
        }


@dataclass(frozen=True)
class Role:
    """The role of a process: it talks to the platforms, or runs workflows under a worker's name, or both.

    `pace` is the number of seconds that the built-in engine takes for each node, so that people can watch.
    """

    chat: bool = True
    worker: str | None = "darkroom"
    pace: float = 0.0


def _from_file(env_file: Path | None) -> dict[str, str]:
    if env_file is None or not env_file.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return {name: value or "" for name, value in dotenv_values(env_file, interpolate=False).items()}
    except (OSError, UnicodeDecodeError):
        raise ConfigError(_("{file} cannot be read as text").format(file=env_file.name)) from None


def _unreadable(env_file: Path | None) -> Iterator[str]:
    """Say which lines of the file are no settings. The rest of the file counts."""
    if env_file is None or not env_file.is_file():
        return
    from dotenv.parser import parse_stream

    words = _("{file}, line {line}, is not a setting, and is ignored: write NAME=VALUE, or # before a remark.")
    with env_file.open(encoding="utf-8") as lines:
        for each in parse_stream(lines):
            if each.error or (each.key in names() and each.value is None):
                yield words.format(file=env_file.name, line=each.original.line)


def example() -> str:
    """Return a `.env` file that explains all settings, each commented out."""
    inside = Path(__file__).parent / "settings.example"  # in the installed package
    return (inside if inside.is_file() else Path(__file__).parents[1] / ".env.example").read_text(encoding="utf-8")


def names() -> tuple[str, ...]:
    """Return the names of all settings."""
    return tuple(each.metadata["env"] for each in fields(Settings) if "env" in each.metadata)


def _near(name: str) -> list[str]:
    """Return the setting that a name with a prefix of ours and other programs' was probably meant for."""
    prefix = next((prefix for prefix in _SHARED if name.startswith(prefix)), None)
    if prefix is None or name in names():
        return []
    ours = {each.removeprefix(prefix): each for each in names() if each.startswith(prefix)}
    own = name.removeprefix(prefix).removeprefix("BOT_")  # others say BOT_TOKEN
    return [ours[each] for each in difflib.get_close_matches(own, ours, 1, _ALIKE)]


def _no_such(name: str) -> str:
    near = _near(name) or difflib.get_close_matches(name, names(), 1)
    hint = _("did you mean {name}?").format(name=near[0]) if near else _("“darkroom settings” lists all settings")
    return _("{name}: there is no such setting; {hint}").format(name=name, hint=hint)


def _misspelt(name: str) -> list[str]:
    """Return the setting that a name in the file was probably meant for, although its prefix is none of ours."""
    if name.startswith((_OURS, *_SHARED)) or name in names():
        return []
    return difflib.get_close_matches(name, names(), 1, _ALIKE)


def _doubt(name: str, near: Sequence[str]) -> str:
    words = _("{name} is set, but is not a setting of Darkroom: did you mean {near}?")
    return words.format(name=name, near=near[0])
