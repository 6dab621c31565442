# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from unpack_samples import MTIME, run, tar

from abuildpy.errors import UnpackError
from abuildpy.source import inside
from abuildpy.source.decompress import Ahead
from abuildpy.source.unpack import is_archive, unpack


def entry(name: str, data: bytes | None = None, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member: a file with ``data``, or what ``type`` says."""
    info = tarfile.TarInfo(name)
    info.mtime, info.mode, info.size = MTIME, 0o644, len(data or b"")
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data or b""


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def lzip(data: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 2}]
    raw = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)
    sizes = len(data).to_bytes(8, "little") + (len(raw) + 26).to_bytes(8, "little")
    return b"LZIP\x01\x14" + raw + zlib.crc32(data).to_bytes(4, "little") + sizes


def zstd(data: bytes) -> bytes:
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.lz": lzip,
    ".tar.lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ".tar.xz": lzma.compress,
    ".tar.zst": zstd,
}


def refused(into: Path, members: Sequence[tuple[tarfile.TarInfo, bytes]], match: str) -> UnpackError:
    """The archive is refused by one error that names it, and nothing appears outside ``into``."""
    outside = into.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "victim").write_bytes(b"precious")
    with pytest.raises(UnpackError, match=match) as caught:
        run(into, members)
    assert "a-1.0.tar" in caught.value.message
    assert sorted(p.name for p in into.parent.iterdir()) == ["a-1.0.tar", "outside", "src"]
    assert [p.name for p in outside.iterdir()] == ["victim"]
    assert (outside / "victim").read_bytes() == b"precious"
    assert stat.S_IMODE((outside / "victim").stat().st_mode) == 0o644
    return caught.value


@pytest.mark.parametrize("suffix", PACKERS)
def test_every_kind_of_archive(tmp_path: Path, into: Path, suffix: str) -> None:
    big = os.urandom(3 << 20) + bytes(5 << 20)
    archive = tmp_path / f"foo-1.0{suffix}"
    archive.write_bytes(PACKERS[suffix](tar([entry("foo/README", b"hello"), entry("foo/big", big)])))
    assert unpack(archive, into) is True
    assert (into / "foo/README").read_bytes() == b"hello"
    assert (into / "foo/big").read_bytes() == big


@pytest.mark.parametrize("name", ["a.tbz2", "a.txz", "a.7z", "a.gz", "a.patch", "a.tar.gz.sig", "a.crate"])
def test_other_files_are_left_alone(tmp_path: Path, into: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"whatever")
    assert unpack(tmp_path / name, into) is False
    assert not is_archive(name)


def test_real_lzip(tmp_path: Path, into: Path) -> None:
    if not shutil.which("lzip"):
        pytest.skip("lzip is not installed")
    data = tar([entry("a", os.urandom(100_000) + bytes(3 << 20))])
    two = [subprocess.run(["lzip", "-c"], input=d, stdout=-1, check=True).stdout for d in (data[:5000], data[5000:])]
    (tmp_path / "a.tar.lz").write_bytes(b"".join(two))
    unpack(tmp_path / "a.tar.lz", into)
    assert (into / "a").stat().st_size == 100_000 + (3 << 20)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz", ".tar.lz"])
@pytest.mark.parametrize("tail", [b"", bytes(512)])
def test_several_compressed_members_and_padding(tmp_path: Path, into: Path, suffix: str, tail: bytes) -> None:
    data = tar([entry("a", b"x" * 100_000)])
    pack = PACKERS[suffix]
    (tmp_path / f"a{suffix}").write_bytes(pack(data[:777]) + pack(data[777:]) + tail)
    unpack(tmp_path / f"a{suffix}", into)
    assert (into / "a").read_bytes() == b"x" * 100_000


def test_modes_times_and_links(into: Path) -> None:
    run(
        into,
        [
            folder("./", 0o700),
            folder("d", 0o777),
            entry("d/script", b"#!", mode=0o777),
            entry("d/plain", b"p", mode=0o664),
            entry("d/secret", b"s", mode=0o600),
            entry("d/set-id", b"s", mode=0o6755),
            symlink("d/link", "plain"),
            hardlink("d/hard", "./d/plain"),
            folder("d/locked", 0o555),
            entry("d/locked/inner", b"i"),
            folder("sticky", 0o3777),
        ],
    )

    def mode(name: str) -> int:
        return stat.S_IMODE((into / name).lstat().st_mode)

    assert {n: oct(mode(n)) for n in ("d", "d/script", "d/plain", "d/secret", "d/set-id", "d/locked", "sticky")} == {
        "d": "0o755",
        "d/script": "0o755",
        "d/plain": "0o644",
        "d/secret": "0o600",
        "d/set-id": "0o755",
        "d/locked": "0o555",
        "sticky": "0o755",
    }
    for name in ("d", "d/plain", "d/link", "d/locked", "d/locked/inner"):
        assert (into / name).lstat().st_mtime == MTIME
    assert os.readlink(into / "d/link") == "plain"
    assert (into / "d/hard").stat().st_ino == (into / "d/plain").stat().st_ino
    (into / "d/locked").chmod(0o755)


def test_the_callers_umask_does_not_matter(into: Path) -> None:
    old = os.umask(0o077)
    try:
        run(into, [entry("a", b"", mode=0o755)])
    finally:
        os.umask(old)
    assert stat.S_IMODE((into / "a").stat().st_mode) == 0o755


def test_times_finer_than_a_second_survive(into: Path) -> None:
    info, data = entry("a", b"x", pax_headers={"mtime": "1500000000.123456789"})
    run(into, [(info, data)], tarfile.PAX_FORMAT)
    assert (into / "a").stat().st_mtime_ns == 1_500_000_000_123_456_789


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_and_odd_names(into: Path, format: int) -> None:
    deep = "/".join(["d" * 60] * 6) + "/" + "f" * 200
    odd = os.fsdecode(b"caf\xe9 \xff")
    with_errors = io.BytesIO()
    with tarfile.open(fileobj=with_errors, mode="w", format=format, errors="surrogateescape") as archive:
        for name in (deep, odd, "new\nline", "ünï"):
            archive.addfile(entry(name, b"x")[0], io.BytesIO(b"x"))
    (into.parent / "a.tar").write_bytes(with_errors.getvalue())
    unpack(into.parent / "a.tar", into)
    names = os.listdir(os.fsencode(into))
    assert (into / deep).read_bytes() == b"x"
    assert {b"caf\xe9 \xff", b"new\nline", "ünï".encode()} < set(names)


def test_a_sparse_file(tmp_path: Path, into: Path) -> None:
    if b"GNU tar" not in subprocess.run(["tar", "--version"], stdout=subprocess.PIPE, check=False).stdout:
        pytest.skip("needs GNU tar to make one")
    with (tmp_path / "holes").open("wb") as file:
        file.write(b"start")
        file.seek(1 << 20)
        file.write(b"middle")
        file.truncate(3 << 20)
    (tmp_path / "after").write_bytes(b"after")
    for style in ("gnu", "posix"):
        archive = tmp_path / f"{style}.tar"
        subprocess.run(["tar", "-S", f"--format={style}", "-cf", archive, "holes", "after"], cwd=tmp_path, check=True)
        unpack(archive, into)
        assert (into / "holes").read_bytes() == (tmp_path / "holes").read_bytes()
        assert (into / "after").read_bytes() == b"after"


def test_later_members_and_later_archives_replace_files(into: Path) -> None:
    run(into, [entry("a", b"old"), hardlink("b", "a"), entry("a", b"new")])
    run(into, [entry("c", b"c"), symlink("c", "a"), symlink("c", "b")])
    assert (into / "a").read_bytes() == b"new"
    assert (into / "b").read_bytes() == b"old"
    assert os.readlink(into / "c") == "b"


def test_a_link_that_is_replaced_leads_elsewhere_from_then_on(into: Path) -> None:
    run(into, [symlink("l", "one"), entry("l/x", b"x"), symlink("l", "two"), entry("l/y", b"y")])
    assert (into / "one/x").read_bytes() == b"x"
    assert (into / "two/y").read_bytes() == b"y"


def test_hard_links_in_the_place_of_something_else(into: Path) -> None:
    run(
        into,
        [
            entry("a/f", b"f"),
            symlink("b/l", "x"),
            hardlink("b/l", "a/f"),
            hardlink("a/f", "a/f"),
            hardlink("b/l", "a/f"),
        ],
    )
    assert (into / "a/f").stat().st_nlink == 2
    assert (into / "b/l").read_bytes() == b"f"


def test_folders_that_nobody_may_enter(into: Path) -> None:
    run(into, [folder("p", 0o600), folder("p/q", 0o500), entry("p/q/r", b"r"), folder("p/q/s", 0o000)])
    assert (into / "p").stat().st_mode & 0o777 == 0o600
    (into / "p").chmod(0o700)
    assert (into / "p/q").stat().st_mode & 0o777 == 0o500
    (into / "p/q").chmod(0o700)
    assert (into / "p/q/s").stat().st_mode & 0o777 == 0
    (into / "p/q/s").chmod(0o700)


def test_links_to_anywhere_may_exist(into: Path) -> None:
    """Real archives have them: config.guess -> /usr/share/automake/config.guess."""
    run(into, [symlink("a/config.guess", "/usr/share/automake/config.guess"), symlink("a/up", "../../../x")])
    assert os.readlink(into / "a/config.guess") == "/usr/share/automake/config.guess"


def test_files_may_be_written_through_links_that_stay_inside(into: Path) -> None:
    run(
        into,
        [
            folder("p-1.0"),
            symlink("p", "p-1.0"),
            folder("p-1.0/sub"),
            symlink("p-1.0/sub/back", "../../p/./other"),
            entry("p/sub/back/f", b"x"),
        ],
    )
    assert (into / "p-1.0/other/f").read_bytes() == b"x"


def test_a_file_replaces_a_link_instead_of_writing_through_it(into: Path) -> None:
    """The links that stand for sources in src/ must not let an archive change SRCDEST."""
    source = into.parent / "fix.patch"
    source.write_bytes(b"original")
    (into / "fix.patch").symlink_to(source)
    run(into, [entry("fix.patch", b"evil")])
    assert source.read_bytes() == b"original"
    assert (into / "fix.patch").read_bytes() == b"evil"


OUT = [
    ([entry("/etc/evil", b"x")], "absolute"),
    ([entry("ok", b"x"), entry("/evil", b"x")], "absolute"),
    ([folder("d"), entry("d/f", b"x"), folder("/d")], "absolute"),
    ([entry("../outside/evil", b"x")], r"'\.\.'"),
    ([entry("ok/x", b"x"), entry("ok/../../outside/evil", b"x")], r"'\.\.'"),
    ([folder("../outside/evil")], r"'\.\.'"),
    ([symlink("../outside/evil", "x")], r"'\.\.'"),
    ([symlink("l", "../outside"), entry("l/victim", b"x")], "leads outside"),
    ([symlink("l", "../outside"), folder("l/evil")], "leads outside"),
    ([symlink("l", "../outside"), folder("l", 0o777)], "leads outside"),
    ([symlink("l", "../outside"), symlink("l/evil", "x")], "leads outside"),
    ([symlink("l", "../outside"), hardlink("h", "l/victim")], "leads outside"),
    ([symlink("a", "."), symlink("a/b", ".."), entry("a/b/outside/evil", b"x")], "leads outside"),
    ([folder("d"), symlink("d/e", ".."), symlink("f", "d/e/.."), entry("f/outside/evil", b"x")], "leads outside"),
    ([symlink("l", "l"), entry("l/x", b"x")], "leads outside"),
    ([folder("d"), entry("d/x", b"x"), hardlink("h", "../outside/victim")], r"'\.\.'"),
    ([hardlink("h", "/etc/passwd")], "absolute"),
    ([hardlink("h", "nowhere")], "not in the archive"),
    ([hardlink("h", "no/where")], "not in the archive"),
    ([entry("f", b"x"), entry("f/g", b"x")], "is a file"),
    ([folder("d"), entry("d", b"x")], "in its way"),
    ([symlink("l", "")], "to nothing"),
    ([entry("dev", type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "a device"),
    ([entry("dev", type=tarfile.BLKTYPE, devmajor=8)], "a device"),
    ([entry("fifo", type=tarfile.FIFOTYPE)], "a named pipe"),
]


@pytest.mark.parametrize(("members", "match"), OUT, ids=range(len(OUT)))
def test_attacks_are_refused(into: Path, members: list[tuple[tarfile.TarInfo, bytes]], match: str) -> None:
    error = refused(into, members, match)
    assert members[-1][0].name in error.message


def test_absolute_link_target_with_file_through_it(into: Path) -> None:
    outside = into.parent / "outside"
    refused(into, [symlink("l", str(outside)), entry("l/victim", b"x")], "leads outside")


def test_a_hard_link_to_an_outward_link_touches_only_the_link(into: Path) -> None:
    victim = into.parent / "victim"
    victim.write_bytes(b"precious")
    run(into, [symlink("l", "../victim"), hardlink("h", "l"), entry("h", b"evil"), entry("l", b"evil")])
    assert victim.read_bytes() == b"precious"


def test_names_cannot_confuse_the_terminal(into: Path) -> None:
    error = refused(into, [entry("../\x1b[2Jx", b"")], r"\\x1b\[2Jx")
    assert "\x1b" not in error.message


def test_many_folders_need_few_descriptors(into: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    run(into, [entry(f"d{i}/e/f", b"x") for i in range(3 * inside._KEPT_OPEN)])
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(list(into.glob("*/e/f"))) == 3 * inside._KEPT_OPEN


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.97])
def test_cut_archives_are_called_damaged(tmp_path: Path, into: Path, suffix: str, share: float) -> None:
    data = tar([entry(f"f{i}", os.urandom(20_000)) for i in range(10)])[: 10 * 20_992]
    whole = PACKERS[suffix](data)
    cut = int(len(whole) * share)
    archive = tmp_path / f"a{suffix}"
    archive.write_bytes(whole[: cut - cut % 512 + 100 if cut else 0])
    threads = threading.active_count()
    with pytest.raises(UnpackError, match=rf"a{suffix} is damaged") as caught:
        unpack(archive, into)
    assert str(archive) in (caught.value.hint or "")
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    ("suffix", "place"), [(".tar.gz", -8), (".tar.bz2", -8), (".tar.xz", -26), (".tar.lz", -20), (".tar.zst", -1)]
)
def test_checksums_of_the_compression_are_checked(tmp_path: Path, into: Path, suffix: str, place: int) -> None:
    """They come last, far behind the end of the tar archive."""
    data = bytearray(PACKERS[suffix](tar([entry("f", os.urandom(50_000))]) + bytes(3 << 20)))
    data[place] ^= 0x10
    (tmp_path / f"a{suffix}").write_bytes(data)
    with pytest.raises(UnpackError, match="damaged"):
        unpack(tmp_path / f"a{suffix}", into)


def test_zeros_between_compressed_members(tmp_path: Path, into: Path) -> None:
    data = tar([entry("a", b"x" * 100_000)])
    (tmp_path / "a.tar.xz").write_bytes(lzma.compress(data[:777]) + bytes(8) + lzma.compress(data[777:]))
    unpack(tmp_path / "a.tar.xz", into)
    assert (into / "a").read_bytes() == b"x" * 100_000


def test_decompression_stops_with_the_reader() -> None:
    made: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(5000):
            made.append(number)
            yield b"x"

    with Ahead(blocks()) as received:
        next(received)
    assert len(made) < 1000


@pytest.mark.parametrize("suffix", PACKERS)
def test_something_else_entirely(tmp_path: Path, into: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"<html>Log in first</html>" * 100)
    with pytest.raises(UnpackError, match="damaged"):
        unpack(tmp_path / f"a{suffix}", into)


def test_rubbish_between_members_is_not_the_end(tmp_path: Path, into: Path) -> None:
    first, second = tar([entry("a", b"x")])[:1024], tar([entry("b", b"x")])
    (tmp_path / "a.tar").write_bytes(first + b"rubbish!" * 64 + second)
    with pytest.raises(UnpackError, match="damaged"):
        unpack(tmp_path / "a.tar", into)


def test_an_archive_without_end_blocks_is_fine(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar([entry("a", b"x" * 512)])[:1024])
    unpack(tmp_path / "a.tar", into)
    assert (into / "a").read_bytes() == b"x" * 512


def test_a_header_of_absurd_length(tmp_path: Path, into: Path) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    with pytest.raises(UnpackError, match="absurd length"):
        unpack(tmp_path / "a.tar", into)


def pax_records(fields: dict[str, str]) -> bytes:
    """An extended header's records: each begins with its own length."""
    out = b""
    for key, value in fields.items():
        body = f" {key}={value}\n".encode()
        size = len(body) + 1
        while len(str(size)) + len(body) != size:
            size += 1
        out += str(size).encode() + body
    return out


def extended(records: bytes, kind: bytes) -> bytes:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = kind, len(records)
    return info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1500000000.5", 1_500_000_000_500_000_000),
        ("-5", 0),
        *((odd, 0) for odd in ("1e999999", "1e999999999999", "inf", "nan", "9" * 30, "", "x", "1_0")),
    ],
)
def test_times_that_make_no_sense(tmp_path: Path, into: Path, text: str, expected: int) -> None:
    """Among them numbers that take as long to write out as they are large."""
    header = extended(pax_records({"mtime": text}), tarfile.XHDTYPE)
    (tmp_path / "a.tar").write_bytes(header + tarfile.TarInfo("a").tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    assert unpack(tmp_path / "a.tar", into)
    assert (into / "a").stat().st_mtime_ns == expected


def test_a_header_for_all_members_with_too_much_in_it(tmp_path: Path, into: Path) -> None:
    """Each member would get a copy."""
    fields = {"comment": "x" * 5000}
    for count, fine in ((900, True), (1100, False)):
        header = extended(pax_records({**fields, **{f"k{n}": "" for n in range(count)}}), tarfile.XGLTYPE)
        (tmp_path / "a.tar").write_bytes(header + tarfile.TarInfo("a").tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
        if fine:
            assert unpack(tmp_path / "a.tar", into)
        else:
            with pytest.raises(UnpackError, match="absurd length"):
                unpack(tmp_path / "a.tar", into)


def test_the_headers_of_one_member_come_to_an_end(tmp_path: Path, into: Path) -> None:
    """Also where each of them is small: here the map of a sparse file."""
    fields = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a", "GNU.sparse.realsize": "10"}
    regions = b"99999999\n" + b"0\n" * (3 << 20)
    info = tarfile.TarInfo("a")
    info.size = len(regions)
    header = extended(pax_records(fields), tarfile.XHDTYPE) + info.tobuf(tarfile.USTAR_FORMAT)
    (tmp_path / "a.tar").write_bytes(header + regions + bytes(-len(regions) % 512 + 1024))
    with pytest.raises(UnpackError, match="absurd length"):
        unpack(tmp_path / "a.tar", into)


def test_many_members_with_headers(tmp_path: Path, into: Path) -> None:
    """They are counted for each by itself."""
    run(into, [entry(str(n), b"x", pax_headers={"comment": "x" * 9000}) for n in range(600)], tarfile.PAX_FORMAT)
    assert len(os.listdir(into)) == 600


@pytest.mark.parametrize("digits", [255, 256])
def test_numbers_that_tarfile_would_brood_over(tmp_path: Path, into: Path, digits: int) -> None:
    header = extended(pax_records({"comment": "1" * digits + "x" * 300}), tarfile.XHDTYPE)
    (tmp_path / "a.tar").write_bytes(header + tarfile.TarInfo("a").tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    if digits == 255:
        assert unpack(tmp_path / "a.tar", into)
    else:
        with pytest.raises(UnpackError, match="absurd length"):
            unpack(tmp_path / "a.tar", into)


@pytest.mark.parametrize("size", [1 << 40, -512])
def test_members_of_impossible_size(tmp_path: Path, into: Path, size: int) -> None:
    info = tarfile.TarInfo("a")
    info.size = size
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    with pytest.raises(UnpackError, match="damaged"):
        unpack(tmp_path / "a.tar", into)


def test_a_full_disk_is_named(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(inside, "write_all", full)
    with pytest.raises(UnpackError, match="No space left") as caught:
        run(into, [entry("a", b"x")])
    assert "Free some space" in (caught.value.hint or "")


def test_a_missing_program_is_named(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.tar.zst").write_bytes(b"x")
    with pytest.raises(UnpackError, match="program zstd is missing"):
        unpack(tmp_path / "a.tar.zst", into)


def test_a_missing_archive(tmp_path: Path, into: Path) -> None:
    for name in ("a.tar", "a.zip"):
        with pytest.raises(UnpackError, match=r"a\.(tar|zip).*No such file"):
            unpack(tmp_path / name, into)
