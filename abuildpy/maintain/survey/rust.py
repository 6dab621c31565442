# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""Looks at sources that cargo builds."""

from __future__ import annotations

import re

from abuildpy.maintain.survey.documents import table, toml_of, words_of
from abuildpy.maintain.survey.plan import Plan, Subject
from abuildpy.maintain.survey.splits import completions_of
from abuildpy.maintain.survey.tree import SourceTree

_NATIVE = {
    "openssl-sys": "openssl-dev", "libgit2-sys": "libgit2-dev", "libz-sys": "zlib-dev", "zstd-sys": "zstd-dev", "curl-sys": "curl-dev", "libssh2-sys": "libssh2-dev", "libsqlite3-sys": "sqlite-dev", "onig_sys": "oniguruma-dev", "libdbus-sys": "dbus-dev",
    "alsa-sys": "alsa-lib-dev", "lzma-sys": "xz-dev", "bzip2-sys": "bzip2-dev", "freetype-sys": "freetype-dev", "fontconfig-sys": "fontconfig-dev", "yeslogic-fontconfig-sys": "fontconfig-dev", "servo-fontconfig-sys": "fontconfig-dev", "gtk-sys": "gtk+3.0-dev",
    "gtk4-sys": "gtk4.0-dev", "libadwaita-sys": "libadwaita-dev", "glib-sys": "glib-dev", "cairo-sys-rs": "cairo-dev", "pango-sys": "pango-dev", "gdk-pixbuf-sys": "gdk-pixbuf-dev", "libudev-sys": "eudev-dev", "udev": "eudev-dev", "libpulse-sys": "pulseaudio-dev", "rdkafka-sys": "librdkafka-dev", "pq-sys": "libpq-dev",
    "prost-build": "protoc", "protobuf-codegen": "protoc", "clang-sys": "clang-dev", "jemalloc-sys": "jemalloc-dev", "tikv-jemalloc-sys": "jemalloc-dev", "libsodium-sys": "libsodium-dev", "pcap": "libpcap-dev", "xkbcommon": "libxkbcommon-dev", "wayland-sys": "wayland-dev", "x11": "libx11-dev", "gstreamer-sys": "gstreamer-dev", "libseccomp-sys": "libseccomp-dev",
}  # fmt: skip


def rust(subject: Subject) -> Plan:
    """A source with Cargo.toml."""
    tree = subject.tree
    manifest = toml_of(tree, "Cargo.toml")
    locked = tree.has("Cargo.lock")
    programs = _programs(tree, manifest)
    sources = tree.anywhere(r".*\.rs", 8)
    tested = tree.any_text(sources, r"#\[(?:\w+::)?test\]") or any("/tests/" in f"/{name}" for name in sources)
    crates = set(re.findall(r'(?m)^name = "([^"]+)"', tree.text("Cargo.lock")))
    native = tuple(dict.fromkeys(package for crate, package in _NATIVE.items() if crate in crates))
    manuals = [name for name in tree.anywhere(r"[a-z][\w.-]*\.[1-8]", 4) if "test" not in name.rpartition("/")[0]]
    remarks = [] if programs else ["no program was found in Cargo.toml: see what package() installs"]
    if not locked:
        remarks.append("the source has no Cargo.lock: cargo chooses the newest crates")
    if completions_of(tree):
        remarks.append("package() installs programs only, the source has completions too")
    return Plan(
        makedepends=("cargo", "cargo-auditable", *native),
        options=(("net", "cargo fetch"), *(() if tested else (("!check", "no tests in the source"),))),
        check=(f"cargo test{' --frozen' if locked else ''}",) if tested else (),
        facts={"locked": locked, "programs": programs, "manuals": manuals},
        subpackages=("doc",) if manuals else (),
        remarks=tuple(remarks),
    )


def _programs(tree: SourceTree, manifest: dict[str, object]) -> list[str]:
    """What cargo names the programs that it builds, of all members of a workspace."""
    found: dict[str, None] = {}
    members = words_of(table(manifest.get("workspace")).get("members"))
    default = words_of(table(manifest.get("workspace")).get("default-members"))
    folders = [""] + [
        folder
        for member in (default or members)
        for folder in (sorted(_matching(tree, member)) if "*" in member else [member.strip("./")])
    ]
    for folder in folders:
        prefix = f"{folder}/" if folder else ""
        said = manifest if not folder else toml_of(tree, f"{prefix}Cargo.toml")
        name = table(said.get("package")).get("name")
        if not isinstance(name, str) or (
            folder and table(said.get("package")).get("publish") is False and "xtask" in folder
        ):
            continue
        listed = said.get("bin")
        named = [entry.get("name") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        found.update((text, None) for text in named if isinstance(text, str))
        if tree.has(f"{prefix}src/main.rs") and not named:
            found[name] = None
        found.update(
            (path.rpartition("/")[2].removesuffix(".rs"), None)
            for path in tree.files
            if re.fullmatch(rf"{re.escape(prefix)}src/bin/[^/]+\.rs", path)
        )
    return list(found)


def _matching(tree: SourceTree, pattern: str) -> list[str]:
    from fnmatch import fnmatchcase

    return [
        folder
        for folder in tree.folders
        if fnmatchcase(folder, pattern.strip("./")) and tree.has(f"{folder}/Cargo.toml")
    ]
