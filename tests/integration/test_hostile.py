# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives, recipes and repositories as attackers: what is unpacked, planted, or changed on the disk behind our back."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from buildkit import Package, Place

from abuildpy.repository import apkfile
from abuildpy.source.unpack import USUAL_MOST, USUAL_RATIO, TooLarge, unpack, usual_most

pytest_plugins = ["buildfixtures"]

PACKAGE = 'package() { mkdir -p "$pkgdir"/usr/share; echo x >"$pkgdir"/usr/share/foo; }\n'
MIB = 1 << 20


# --- bombs --------------------------------------------------------------------------------------------------------


def zeros_tar(path: Path) -> None:
    """One file of zeros, a thousandth of which is stored."""
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("zeros")
        info.size = 30 * MIB
        tar.addfile(info, io.BytesIO(bytes(info.size)))


def names_tar(path: Path) -> None:
    """Nothing but names."""
    with tarfile.open(path, "w:gz") as tar:
        for number in range(8000):
            tar.addfile(tarfile.TarInfo(str(number)))


def tail_tar(path: Path) -> None:
    """A small archive, and then zeros that nobody would ever write."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    path.write_bytes(gzip.compress(content.getvalue() + bytes(30 * MIB)))


def packed_tar(path: Path) -> None:
    """The file of zeros in a compression that makes nearly nothing of them."""
    zeros_tar(path)
    plain = gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        if shutil.which("zstd") is None:
            pytest.skip("no zstd here")
        path.write_bytes(subprocess.run(("zstd", "-cq"), input=plain, stdout=subprocess.PIPE, check=True).stdout)
    else:
        path.write_bytes((bz2 if path.suffix == ".bz2" else lzma).compress(plain))


def zeros_zip(path: Path) -> None:
    """The method stands before the suffix, if it is not the usual one."""
    method = {".bz2": zipfile.ZIP_BZIP2, ".lzma": zipfile.ZIP_LZMA}.get(Path(path.stem).suffix, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "w", method) as zipped:
        zipped.writestr("zeros", bytes(30 * MIB))


def overlapping_zip(path: Path) -> None:
    """Fifty names for the same compressed bytes."""
    zeros_zip(path)
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry, number = content[start:end], 50
    tail = bytearray(content[end:])
    tail[8:12] = number.to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * number).to_bytes(4, "little")
    entries = [entry[:46] + b"%05d" % n + entry[51:] for n in range(number)]
    path.write_bytes(content[:start] + b"".join(entries) + bytes(tail))


BOMBS: Mapping[str, Callable[[Path], None]] = {
    "zeros.tar.gz": zeros_tar,
    "names.tar.gz": names_tar,
    "tail.tar.gz": tail_tar,
    "zeros.tar.bz2": packed_tar,
    "zeros.tar.xz": packed_tar,
    "zeros.tar.zst": packed_tar,
    "zeros.zip": zeros_zip,
    "zeros.bz2.zip": zeros_zip,
    "zeros.lzma.zip": zeros_zip,
}


def on_disk(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stops_where_it_shall(tmp_path: Path, name: str) -> None:
    BOMBS[name](tmp_path / name)
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(TooLarge, match=f"{name} holds more than {20 * MIB} bytes"):
        unpack(tmp_path / name, into, 20 * MIB)
    assert on_disk(into) <= 22 * MIB
    assert unpack(tmp_path / name, into, 80 * MIB), "it is none for who allows that much"


MEMORY = """
import resource, sys
from pathlib import Path
from abuildpy.source.unpack import TooLarge, unpack
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[2]), 100 << 20)
except TooLarge:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("method", ["DEFLATED", "BZIP2", "LZMA"])
def test_a_bomb_in_a_zip_takes_no_memory(place: Place, method: str) -> None:
    """A step of decompressing yields a bounded number of bytes, whatever is in the chunk that was read."""
    path, into = place.base / "bomb.zip", place.base / "into"
    into.mkdir()
    with (
        zipfile.ZipFile(path, "w", getattr(zipfile, f"ZIP_{method}")) as zipped,
        zipped.open("zeros", "w", force_zip64=True) as member,
    ):
        for _ in range(120):
            member.write(bytes(MIB))
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, path, into], env=place.environment, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    assert int(done.stdout) < 50 << 10, "KiB"


def test_overlapping_members_never_get_by(tmp_path: Path) -> None:
    overlapping_zip(tmp_path / "o.zip")
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(Exception, match=r"o\.zip"):
        unpack(tmp_path / "o.zip", into, 80 * MIB)
    assert on_disk(into) <= 90 * MIB


def test_what_is_usual(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(1000))
    assert usual_most(path) == USUAL_MOST + 1000 * USUAL_RATIO


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (("--max-unpacked=5M",), 1, "holds more than 5242880 bytes"),
        (("--max-disk=5M",), 124, "foo: unpack was ended: disk"),
        (("--max-unpacked=5M", "--max-disk=1G"), 1, "--max-unpacked=SIZE"),
        (("--max-unpacked=0",), 0, ""),
        ((), 0, ""),
    ],
    ids=["unpacked", "disk", "both", "any", "usual"],
)
def test_a_bomb_among_the_sources(stocked: Place, options: tuple[str, ...], status: int, says: str) -> None:
    path = stocked.base / "distfiles/foo-1.0.tar.gz"
    zeros_tar(path)
    line = f"{hashlib.sha512(path.read_bytes()).hexdigest()}  {path.name}\n"
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    before = stocked.repository_bytes()
    done = stocked.run(folder, "-d", *options)
    assert (done.status, says in done.err) == (status, True), str(done)
    if status:
        assert len(done.errors) == 1 and stocked.repository_bytes() == before, str(done)


def test_an_archive_gives_nobody_rights(stocked: Place) -> None:
    info = tarfile.TarInfo("tool")
    info.mode = 0o6777
    folder_info = tarfile.TarInfo("folder")
    folder_info.type, folder_info.mode = tarfile.DIRTYPE, 0o3777
    path, line = stocked.archive("foo-1.0.tar.gz", {"tool": info, "folder": folder_info})
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    stocked.build(folder, "-K")
    for name in ("tool", "folder"):
        assert stat.S_IMODE((folder / "src" / name).stat().st_mode) == 0o755, name


# --- what phases plant --------------------------------------------------------------------------------------------

PLANTS = {
    "a link to a secret in the tree": 'mkdir -p "$pkgdir"/usr; ln -s SECRET "$pkgdir"/usr/foo',
    "a link to a folder in the tree": 'mkdir -p "$pkgdir"/usr; ln -s OUTSIDE "$pkgdir"/usr/foo',
    "the tree is a link": 'rm -rf "$pkgdir"; ln -s OUTSIDE "$pkgdir"',
    "the tree of a subpackage is a link": 'mkdir -p "$pkgdir"; ln -s OUTSIDE "$pkgbasedir"/foo-doc',
    "the description is a link": 'mkdir -p "$pkgdir"; ln -sf SECRET "$pkgbasedir"/.control.foo',
    "the description's file is a link": 'mkdir -p "$pkgdir" "$pkgdir"/../.control.foo; '
    'ln -s SECRET "$pkgdir"/../.control.foo/.PKGINFO',
    "the session is a link": 'mkdir -p "$pkgdir"; rm -rf "$tmpdir"/.session; ln -s OUTSIDE "$tmpdir"/.session',
    "the home is a link": 'mkdir -p "$pkgdir"; rm -rf "$tmpdir"/.home; ln -s OUTSIDE "$tmpdir"/.home',
    "the sources are a link": 'mkdir -p "$pkgdir"; cd /; rm -rf "$srcdir"; ln -s OUTSIDE "$srcdir"',
    "all trees are a link": 'cd /; rm -rf "$pkgbasedir"; ln -s OUTSIDE "$pkgbasedir"; mkdir -p "$pkgdir"',
    "a pipe": 'mkdir -p "$pkgdir"/usr; mkfifo "$pkgdir"/usr/foo',
    "a hard link": 'mkdir -p "$pkgdir"/usr; ln SECRET "$pkgdir"/usr/foo || :',
}


@pytest.mark.parametrize("phase", ["build", "package"])
@pytest.mark.parametrize("plant", PLANTS)
def test_what_a_phase_plants_leads_nowhere(stocked: Place, walls: None, plant: str, phase: str) -> None:
    """The packer outside reads nothing and writes nothing but the work folders."""
    outside = stocked.base / "outside"
    outside.mkdir(mode=0o755)
    (outside / "secret").write_text("my secret\n")
    (outside / "secret").chmod(0o644)
    (outside / "foo").mkdir()
    before = _listing(outside)
    script = PLANTS[plant].replace("SECRET", str(outside / "secret")).replace("OUTSIDE", str(outside))
    first = f"build() {{\n{script}\n}}\n" if phase == "build" else "build() { :; }\n"
    second = 'mkdir -p "$pkgdir"/usr; ' + (script if phase == "package" else ":")
    folder = stocked.recipe(
        f'{first}package() {{\n{second}\n}}\ndoc() {{ mkdir -p "$subpkgdir"; }}', subpackages="foo-doc"
    )
    done = stocked.run(folder, "-d", "-K", "--sandbox=bwrap")
    assert "Traceback" not in done.err, str(done)
    assert done.status in (0, 1) and len(done.errors) <= 2, str(done)
    assert _listing(outside) == before, str(done)
    for path in stocked.repository().glob("foo*.apk"):
        package = Package.read(path)
        assert not any(b"my secret" in content for content in package.contents.values()), str(done)
        assert not any(member.name.startswith("secret") for member in package.members.values()), str(done)
    done = stocked.run(folder, "-d", "clean")
    assert "Traceback" not in done.err, str(done)
    assert _listing(outside) == before, "cleaning up follows no link either"


def test_terabytes_of_holes_are_not_packed(stocked: Place) -> None:
    """They take no room, so that no limit on the disk is reached."""
    folder = stocked.recipe('package() { mkdir -p "$pkgdir"/usr; truncate -s 4T "$pkgdir"/usr/image; }')
    done = stocked.fails(folder, "--max-disk=100M")
    assert "/usr/image: files that are nearly all holes" in done.errors[0], str(done)


def _listing(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        state = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
        found[str(path)] = (state.st_mode, state.st_uid, state.st_nlink, content)
    return found


def test_a_folder_that_becomes_a_link_while_it_is_handed_over(place: Place) -> None:
    """What lies in src/ before the build, planted by whoever could write the recipe's folder."""
    outside = place.base / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    folder = place.recipe(PACKAGE)
    for name in ("src", "pkg", "tmp"):
        (folder / name).mkdir()
        for inner in ("foo", ".home", ".tmp", ".session", ".control.foo"):
            (folder / name / inner).symlink_to(outside)
    before = _listing(outside)
    for verbs in (("-K", "build"), ("-K", "rootpkg"), ("clean",)):
        done = place.run(folder, "-d", *verbs)
        assert "Traceback" not in done.err, str(done)
        assert _listing(outside) == before, str(done)


# --- repositories -------------------------------------------------------------------------------------------------


def changed_control(path: Path) -> None:
    """The description says something else; the signature is as it was."""
    apk = apkfile.read(path)
    content = path.read_bytes()
    rest = content[apk.data_offset :]
    front = content[: content.index(apk.control)]
    control = gzip.decompress(apk.control).replace(b"pkgdesc = Something", b"pkgdesc = Sometime!")
    path.write_bytes(front + gzip.compress(control) + rest)


def unsigned(path: Path) -> None:
    apk = apkfile.read(path)
    content = path.read_bytes()
    path.write_bytes(content[content.index(apk.control) :])


def sign(path: Path, name: str) -> bytes:
    """Puts the signature of a new key in place of the package's own; returns the public key."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    from abuildpy.package.sign import Signer, signature_member

    control = apkfile.read(path).control
    unsigned(path)
    signer = Signer(rsa.generate_private_key(65537, 2048), name, "RSA256")
    path.write_bytes(signature_member(signer, hashlib.sha256(control).digest(), epoch=1) + path.read_bytes())
    return signer.public_pem


def of_another(path: Path) -> None:
    """Signed with a key that nobody trusts, under a name of its own."""
    sign(path, "stranger.rsa.pub")


def in_our_name(path: Path) -> None:
    """Signed with another key, under the name of ours."""
    sign(path, apkfile.read(path).signatures[0].key)


def bomb(path: Path) -> None:
    path.write_bytes(gzip.compress(bytes(200 * MIB), 1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed_control, "BAD signature"),
        (unsigned, "not signed"),
        (of_another, "UNTRUSTED signature by stranger.rsa.pub"),
        (in_our_name, "BAD signature"),
        (bomb, "absurdly large"),
    ],
)
def test_our_index_vouches_for_nothing_that_was_changed(
    stocked: Place, change: Callable[[Path], None], says: str
) -> None:
    path = next(stocked.repository().glob("stock-*.apk"))
    change(path)
    altered = path.read_bytes()
    folder = stocked.recipe(PACKAGE)
    done = stocked.build(folder)
    assert sorted(stocked.index()) == ["foo"]
    assert any(path.name in line and says in line for line in done.warnings), str(done)
    assert path.read_bytes() == altered


def test_a_key_that_is_trusted_may_have_signed_it(stocked: Place) -> None:
    public = sign(next(stocked.repository().glob("stock-*.apk")), "friend.rsa.pub")
    stocked.key.with_name("friend.rsa.pub").write_bytes(public)
    done = stocked.build(stocked.recipe(PACKAGE))
    assert sorted(stocked.index()) == ["foo", "stock"], str(done)


def test_the_private_key_alone_is_enough_to_trust_ones_own(stocked: Place) -> None:
    public = stocked.public.read_bytes()
    stocked.public.unlink()
    done = stocked.build(stocked.recipe(PACKAGE))
    assert not done.warnings, str(done)
    stocked.public.write_bytes(public)
    assert sorted(stocked.index()) == ["foo", "stock"]


def test_dependencies_are_not_traced_in_an_index_that_was_changed(place: Place) -> None:
    from abuildpy.config import load_config
    from abuildpy.package.providers import NoLookup
    from abuildpy.phases.providers import _indexed
    from abuildpy.repository.index import compress_index, format_index, parse_index

    first = place.recipe(PACKAGE.replace("package() {", "package() { provides=so:libx.so.1=1;"), name="libx")
    place.build(first)
    config = load_config({**place.environment, "HOME": str(place.home)})

    class Nobody:
        variables: Mapping[str, str] = {"repo": "main"}

    looked = _indexed(config, Nobody(), config.carch)  # type: ignore[arg-type]
    assert looked.available and looked.provides("libx") == "libx"
    index = place.repository() / "APKINDEX.tar.gz"
    entries = parse_index(index.read_bytes()).entries
    index.write_bytes(compress_index(format_index(entries, "D", 1)))
    assert isinstance(_indexed(config, Nobody(), config.carch), NoLookup)  # type: ignore[arg-type]
    index.write_bytes(os.urandom(100))
    assert isinstance(_indexed(config, Nobody(), config.carch), NoLookup)  # type: ignore[arg-type]
