"""The file of a backup is read back as it was written, and refused in a sentence if it is anything else."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bot.core.backup.archive import FORMAT, BadBackup, Manifest, look, unpack, writing

RECORDS = b"SQLite format 3\0" + bytes(range(256)) * 400
PICTURE = b"\x89PNG" + bytes(9000)
KEY = hashlib.sha256(PICTURE).hexdigest()
MANIFEST = Manifest(FORMAT, "0.1.0", "0015", 1_764_000_000.5, len(RECORDS), "included")

Member = tuple[str, bytes]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A whole backup."""
    (tmp_path / "records").write_bytes(RECORDS)
    (tmp_path / "picture").write_bytes(PICTURE)
    (tmp_path / "sidecar").write_text('title = "Größe"')
    with (tmp_path / "kept.tar").open("wb") as file, writing(file) as writer:
        writer.begin(MANIFEST, tmp_path / "records")
        writer.add("workflows/deep/größe.toml", tmp_path / "sidecar")
        writer.add(f"media/{KEY[:2]}/{KEY}.png", tmp_path / "picture")
    return tmp_path / "kept.tar"


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_what_was_written_is_read(backup: Path, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    assert look(backup) == unpack(backup, folder) == MANIFEST
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {
        "records.db": RECORDS,
        "workflows/deep/größe.toml": 'title = "Größe"'.encode(),
        f"media/{KEY[:2]}/{KEY}.png": PICTURE,
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_dir()} == {0o700}


def _made(path: Path, *members: Member | tarfile.TarInfo, end: bool = True) -> Path:
    """An archive with a good beginning and a good end, and with these files in between."""
    head = ("darkroom-backup.json", json.dumps(asdict(MANIFEST)).encode())
    records = ("records.db.gz", gzip.compress(RECORDS))
    digest, count = hashlib.sha256(), 0
    with tarfile.open(path, "w") as tar:
        for each in (head, records, *members):
            info = each if isinstance(each, tarfile.TarInfo) else tarfile.TarInfo(each[0])
            content = b"" if isinstance(each, tarfile.TarInfo) else each[1]
            info.size = len(content)
            digest.update(f"{info.name}\n{info.size}\n".encode() + content)
            count += 1
            tar.addfile(info, io.BytesIO(content))
        if end:
            told = json.dumps({"files": count, "sha256": digest.hexdigest()}).encode()
            info = tarfile.TarInfo("end.json")
            info.size = len(told)
            tar.addfile(info, io.BytesIO(told))
    return path


def _link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.linkname, info.type = target, kind
    return info


@pytest.mark.parametrize(
    "member",
    [
        ("../outside.toml", b""),
        ("workflows/../../outside.toml", b""),
        ("/etc/outside.toml", b""),
        ("workflows//outside.toml", b""),
        ("workflows/./outside.toml", b""),
        ("workflows/a\\..\\outside.toml", b""),
        ("workflows/c:outside.toml", b""),
        ("workflows/new\nline.toml", b""),
        ("workflows", b""),
        ("telegram.db", b""),
        ("records.db", b""),
        (f"media/ff/{KEY}.png", PICTURE),
        (f"media/{KEY[:2]}/{KEY}.a/b", PICTURE),
        _link("workflows/link.toml", "/etc/passwd", tarfile.SYMTYPE),
        _link(f"media/{KEY[:2]}/{KEY}.png", "records.db.gz", tarfile.LNKTYPE),
        _link("workflows/fifo.toml", "", tarfile.FIFOTYPE),
        _link("workflows/folder", "", tarfile.DIRTYPE),
    ],
    ids=lambda member: repr(member.name if isinstance(member, tarfile.TarInfo) else member[0]),
)
def test_no_name_in_it_leads_elsewhere(tmp_path: Path, member: Member | tarfile.TarInfo) -> None:
    folder = _folder(tmp_path)
    with pytest.raises(BadBackup, match="a part that no backup of Darkroom has"):
        unpack(_made(tmp_path / "bad.tar", member), folder)
    assert {path.name for path in tmp_path.iterdir()} == {"bad.tar", "out"}
    assert {path.name for path in folder.iterdir()} == {"records.db"}


def _twice(path: Path) -> Path:
    return _made(path, ("workflows/a.toml", b"1"), ("workflows/a.toml", b"2"))


def _wrong_picture(path: Path) -> Path:
    return _made(path, (f"media/{KEY[:2]}/{KEY}.png", PICTURE + b"!"))


def _without_end(path: Path) -> Path:
    return _made(path, ("workflows/a.toml", b"1"), end=False)


def _records_of_another_length(path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        head = json.dumps(asdict(replace(MANIFEST, records_bytes=10))).encode()
        for name, content in (("darkroom-backup.json", head), ("records.db.gz", gzip.compress(RECORDS))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def _endless_lists(path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("darkroom-backup.json")
        info.size = 500_000
        tar.addfile(info, io.BytesIO(b"[" * info.size))
    return path


@pytest.mark.parametrize("make", [_twice, _wrong_picture, _without_end, _records_of_another_length, _endless_lists])
def test_one_that_is_not_what_it_says_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(BadBackup, match="is damaged, or only a part of a backup"):
        unpack(make(tmp_path / "bad.tar"), _folder(tmp_path))


def test_one_that_is_cut_anywhere_is_refused(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    for number, length in enumerate([*range(0, len(whole), 1500), 1, 511, 513, 2000]):
        backup.write_bytes(whole[:length])
        (tmp_path / str(number)).mkdir()
        end = whole.index(b'"sha256"')
        if length < end:
            with pytest.raises(BadBackup, match=r"is damaged|is not a backup"):
                unpack(backup, tmp_path / str(number))


@pytest.mark.long
def test_one_with_another_byte_anywhere_is_refused(backup: Path, tmp_path: Path) -> None:
    """Padding between the files is no part of them, and says nothing."""
    whole = bytearray(backup.read_bytes())
    with tarfile.open(backup) as tar:
        content = [at for member in tar for at in range(member.offset_data, member.offset_data + member.size, 97)]
    for number, at in enumerate(content):
        changed = bytearray(whole)
        changed[at] ^= 0x01
        backup.write_bytes(changed)
        (tmp_path / str(number)).mkdir()
        with pytest.raises(BadBackup):
            unpack(backup, tmp_path / str(number))


@pytest.mark.parametrize("content", [b"", b"\0" * 20_000, b"PK\3\4" * 5000, b"a text"])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(BadBackup, match="foreign is not a backup of Darkroom"):
        look(tmp_path / "foreign")


def test_a_foreign_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with tarfile.open(tmp_path / "foreign", "w") as tar:
        tar.add(tmp_path / "a", "a")
    with pytest.raises(BadBackup, match="foreign is not a backup of Darkroom"):
        look(tmp_path / "foreign")


def test_one_of_a_later_format_is_refused_with_the_version_that_made_it(tmp_path: Path) -> None:
    told = {**asdict(MANIFEST), "format": FORMAT + 1, "darkroom": "7.1", "more": True}
    with tarfile.open(tmp_path / "later", "w") as tar:
        content = json.dumps(told).encode()
        info = tarfile.TarInfo("darkroom-backup.json")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    with pytest.raises(BadBackup, match=r"made by a newer Darkroom \(7\.1\): update this one first"):
        look(tmp_path / "later")


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match=r"nowhere\.tar cannot be read: No such file"):
        look(tmp_path / "nowhere.tar")
