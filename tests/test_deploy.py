"""The files for containers, systemd and Kubernetes: what can be checked of them without any of these.

Other programs look at them too, where they are installed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.platforms.terminal.commands import cli
from bot.pulse import EVERY
from bot.settings import Settings, names
from tests.wheels import ROOT, environ

DEPLOY = ROOT / "deploy"
COMPOSE = [ROOT / "compose.yaml", DEPLOY / "compose.comfyui.yaml", DEPLOY / "compose.postgres.yaml"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
UNIT = DEPLOY / "darkroom.service"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = {  #: what compose files take from .env
    "DARKROOM_WEB_TOKEN": "token",
    "POSTGRES_PASSWORD": "password",
    "COMFYUI_IMAGE": "comfyui",
    "SERVERS_ONE": "http://a:8188",
    "SERVERS_TWO": "http://b:8188",
    "TAG": "latest",
}


def services(path: Path) -> dict[str, dict[str, Any]]:
    """The services of a compose file that are Darkroom."""
    read = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    return {name: each for name, each in read.items() if str(each.get("image", "")).startswith("darkroom:")}


def objects() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def pods() -> list[dict[str, Any]]:
    return [each["spec"]["template"]["spec"] for each in objects() if "template" in each["spec"]]


def is_a_command(words: list[str]) -> bool:
    name, *options = words
    context = cli.make_context("darkroom", [name, *options])
    command = cli.get_command(context, name)
    return command is not None and bool(command.make_context(name, options))


def test_the_image_has_no_rights_and_one_volume() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.*)", last, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^VOLUME (.*)", last, re.MULTILINE) == ["/data"]
    assert "apt-get" not in last
    assert set(re.findall(r"\b(DARKROOM_\w+)=", DOCKERFILE)) <= set(names())
    (command,) = re.findall(r"^CMD (.*)", last, re.MULTILINE)
    assert is_a_command(json.loads(command))


@pytest.mark.parametrize("where", ["Dockerfile", "kubernetes"])
def test_the_check_of_health_knows_a_process_that_stands_still(tmp_path: Path, where: str) -> None:
    if where == "Dockerfile":
        (text,) = re.findall(r"HEALTHCHECK .*?CMD (\[.*\])", DOCKERFILE)
        commands = [json.loads(text)]
    else:
        probes = [each for pod in pods() for each in pod["containers"][0].values() if isinstance(each, dict)]
        commands = [each["exec"]["command"] for each in probes if "exec" in each]
    file = tmp_path / "pulse"
    for command in commands:
        check = [sys.executable, *command[1:]]
        assert command[0] == "python"
        assert subprocess.run(check, env=environ(DARKROOM_PULSE_FILE=str(file)), check=False, stderr=-3).returncode == 1
        file.touch()
        assert subprocess.run(check, env=environ(DARKROOM_PULSE_FILE=str(file)), check=False).returncode == 0
        os.utime(file, (1, 1))
        assert subprocess.run(check, env=environ(DARKROOM_PULSE_FILE=str(file)), check=False).returncode == 1
        file.unlink()
        (limit,) = re.findall(r"> (\d+)", command[2])
        assert int(limit) >= 3 * EVERY


def test_what_the_image_is_built_from_is_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert {*packed, "pyproject.toml", "README.md", "LICENSE", "requirements"} <= let_in
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert all((ROOT / each).exists() for line in copied for each in line.split())


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_containers_are_shut_in_and_have_settings_that_there_are(tmp_path: Path, path: Path) -> None:
    for name, each in services(path).items():
        assert each["read_only"], name
        assert each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert each["volumes"] == ["data:/data"], name
        assert all(port.startswith("127.0.0.1:") for port in each.get("ports", ())), name
        assert is_a_command(each.get("command", ["start"])), name
        assert {key for key in each["environment"] if key.startswith("DARKROOM_")} <= set(names())
    taken = set(re.findall(r"\$\{(\w+)", path.read_text(encoding="utf-8")))
    assert taken <= set(WANTED)
    (tmp_path / ".env").write_text("\n".join(f"{name}={WANTED[name]}" for name in taken), encoding="utf-8")
    assert Settings.read({}, tmp_path / ".env").doubts == ()


def test_pods_are_shut_in_and_have_settings_that_there_are() -> None:
    assert len(pods()) == 3
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert not pod["enableServiceLinks"]  # DARKROOM_PORT and others would be taken for settings
        for each in pod["containers"]:
            assert each["securityContext"]["readOnlyRootFilesystem"]
            assert each["securityContext"]["capabilities"]["drop"] == ["ALL"]
            assert {entry["name"] for entry in each["env"]} <= {*names(), "WORKER", "NUMBER"}
            assert is_a_command(each.get("args", ["start"]))
            assert each["image"] == f"darkroom:{PYPROJECT['project']['version']}"
            probed = [
                each[kind]["httpGet"]["path"] for kind in each if kind.endswith("Probe") and "httpGet" in each[kind]
            ]
            assert set(probed) <= {"/healthz", "/readyz"}


def test_the_unit_starts_a_command_and_knows_the_settings() -> None:
    lines = [line.partition("=")[::2] for line in UNIT.read_text(encoding="utf-8").splitlines() if "=" in line]
    values: dict[str, list[str]] = {}
    for name, value in lines:
        values.setdefault(name, []).append(value)
    (command,) = values["ExecStart"]
    assert is_a_command(shlex.split(command)[1:])
    assert {each.partition("=")[0] for each in values["Environment"]} <= set(names())
    assert float(values["WatchdogSec"][0]) >= 3 * EVERY


def _tried(*command: str | Path, folder: Path = ROOT, **environ: str) -> None:
    """Run another program's check of a file, or skip the test where it is not installed."""
    program = shutil.which(
        str(command[0]), path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    )
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    words = [program, *map(str, command[1:])]
    ran = subprocess.run(words, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_hadolint_finds_nothing() -> None:
    _tried("hadolint", ROOT / "Dockerfile")


def test_shellcheck_finds_nothing() -> None:
    _tried("shellcheck", ROOT / "tools" / "setup")


@pytest.mark.long
def test_prometheus_takes_the_alerts_and_they_fire_when_they_should() -> None:
    folder = DEPLOY / "prometheus"
    _tried("promtool", "check", "config", "prometheus.yaml", folder=folder)
    _tried("promtool", "check", "rules", "alerts.yaml", folder=folder)
    _tried("promtool", "test", "rules", "alerts.test.yaml", folder=folder)


def test_each_alert_has_a_test_in_which_it_fires() -> None:
    rules, tests = (
        yaml.safe_load((DEPLOY / "prometheus" / name).read_text()) for name in ("alerts.yaml", "alerts.test.yaml")
    )
    fired = {each["alertname"] for test in tests["tests"] for each in test["alert_rule_test"] if "exp_alerts" in each}
    assert fired == {rule["alert"] for group in rules["groups"] for rule in group["rules"]}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_the_manifests_are_valid(path: Path) -> None:
    _tried("kubernetes-validate", "--strict", path)


@pytest.mark.parametrize(
    "files",
    [["compose.yaml"], ["compose.yaml", "deploy/compose.comfyui.yaml"], ["deploy/compose.postgres.yaml"]],
    ids=str,
)
def test_compose_takes_the_files(tmp_path: Path, files: list[str]) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / ".env").touch()
    named = [word for file in files for word in ("-f", file)]
    _tried("docker-compose", "--project-directory", ".", *named, "config", "--quiet", folder=tmp_path, **WANTED)


def test_systemd_takes_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    there = UNIT.read_text(encoding="utf-8").replace("/opt/darkroom/bin/darkroom", shutil.which("true") or "/bin/true")
    unit.write_text(there, encoding="utf-8")
    _tried("systemd-analyze", "verify", "--man=no", unit)
    _tried("systemd-analyze", "security", "--offline=yes", "--threshold=15", unit)
