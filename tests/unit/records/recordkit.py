# SPDX-License-Identifier: GPL-3.0-or-later
"""A small build made by hand: two signed packages, their index, and their records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from plain_trees import tree_of

from abuildpy.package.apk import write_apk
from abuildpy.package.sign import Signer
from abuildpy.records.buildinfo import (
    BuildInfo,
    BuiltRecipe,
    Dependencies,
    InstalledPackage,
    Machine,
    Result,
    Surrounding,
    UsedSource,
)
from abuildpy.records.making import make_records
from abuildpy.records.spdx import Finished
from abuildpy.repository.apkfile import parse_pkginfo, read
from abuildpy.repository.index import INDEX_NAME, compress_index, format_index
from abuildpy.repository.indexing import entry_of
from abuildpy.repository.trust import Keys

EPOCH = 1_700_000_000
NAME = "me-1.rsa.pub"
SURROUNDING = Surrounding(
    variables={"CFLAGS": "-Os"},
    others=("EDITOR",),
    umask="0022",
    jobs="2",
    path="/x",
    wall="bwrap",
    user="caller",
    options=("-d",),
    network=False,
    checked=True,
    whole=True,
)


def signer(name: str = NAME) -> Signer:
    """A new key."""
    return Signer(rsa.generate_private_key(public_exponent=65537, key_size=2048), name)


def pkginfo(name: str, *lines: str) -> str:
    """The .PKGINFO of a package of ``tool``, with further lines."""
    head = (
        f"pkgname = {name}\npkgver = 1.0-r0\npkgdesc = a tool\nurl = https://example.org/tool\n"
        "builddate = 1700000000\npackager = Me <me@example.org>\nsize = 1\narch = x86_64\norigin = tool\nlicense = MIT\n"
    )
    return head + "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Build:
    """What stands in a folder after a build."""

    folder: Path
    signer: Signer
    info: BuildInfo
    packages: tuple[Finished, ...]

    @property
    def keys(self) -> Keys:
        """The packager's public key."""
        return Keys({self.signer.name: self.signer.public_pem})

    def path(self, name: str) -> Path:
        """A file of it."""
        return self.folder / name


def build_info(results: tuple[Result, ...]) -> BuildInfo:
    """A buildinfo with something of everything."""
    return BuildInfo(
        recipe=BuiltRecipe("tool", "1.0-r0", "main", "c0ffee" * 6 + "c0ff", False, {"APKBUILD": "sha512:" + "0" * 128}),
        arch="x86_64",
        epoch=EPOCH,
        program="abuild 3.18",
        abuildpy="0.1.0",
        sources=(
            UsedSource("tool-1.0.tar.gz", "https://example.org/tool-1.0.tar.gz", True, "sha512", "1" * 128, 3),
            UsedSource("fix.patch", "fix.patch", False, "sha512", "2" * 128, 4),
        ),
        dependencies=Dependencies(
            "host",
            ("build-base",),
            (
                InstalledPackage("build-base", "0.5-r3", "x86_64", "build-base", "", True),
                InstalledPackage("g++", "13.2.1_git20231014-r0", "x86_64", "gcc", "Q1abc="),
            ),
        ),
        surrounding=SURROUNDING,
        machine=Machine("6.1.0", "x86_64", "musl 1.2.5"),
        packages=results,
    )


def make_build(folder: Path, key: Signer, *, license_: str = "MIT") -> Build:
    """Builds ``tool`` and ``tool-doc`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    finished = []
    texts = {
        "tool": pkginfo("tool", "provides = cmd:tool=1.0-r0", "depend = tool-doc", "depend = so:libc.musl-x86_64.so.1"),
        "tool-doc": pkginfo("tool-doc", "depend = cmd:tool"),
    }
    for name, text in texts.items():
        said = text.replace("license = MIT", f"license = {license_}")
        root = folder / f".{name}"
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin" / name).write_text(f"{name}\n")
        (root / "usr/bin" / f"{name}-again").symlink_to(name)
        written = write_apk(
            folder / f"{name}-1.0-r0.apk",
            pkginfo=said,
            scripts={},
            tree=tree_of(root),
            epoch=EPOCH,
            signer=key,
            on_step=lambda _: None,
            list_files=True,
        )
        result = Result(written.path.name, name, "x86_64", written.size, written.sha256, written.datahash)
        finished.append(Finished(parse_pkginfo(said.encode()), written.files, result))
        for path in sorted(root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        root.rmdir()
    info = build_info(tuple(each.result for each in finished))
    for name, content in make_records(info, finished, key).items():
        (folder / name).write_bytes(content)
    entries = [entry_of(read(folder / f"{name}-1.0-r0.apk"), arch="x86_64") for name in texts]
    index = key.sign_index(compress_index(format_index(entries, "main", EPOCH)), epoch=EPOCH)
    (folder / INDEX_NAME).write_bytes(index)
    return Build(folder, key, info, tuple(finished))
