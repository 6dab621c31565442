# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a package besides ``postcheck``: does its arch fit its files, is its metadata usable, is it
reasonable.
"""

from __future__ import annotations

from collections.abc import Mapping

from abuildpy.package.elf import ElfInfo
from abuildpy.package.model import Metadata, Tree
from abuildpy.package.postcheck import ERROR, WARNING, Finding
from abuildpy.package.size import human_size
from abuildpy.package.tree import TreeReader, show
from abuildpy.repository.depends import check_depver

_LARGE_DOC = 2 * 1024 * 1024
_LISTED = 20


def arch_binaries(tree: Tree, elf: Mapping[bytes, ElfInfo]) -> tuple[bytes, ...]:
    """Paths of files that work on one architecture only: ELF files, static libraries, precompiled Lua."""
    compiled = (b".lua", b".luac")
    found = [e.path for e in tree.entries if e.path in elf or (e.kind == "f" and e.path.endswith(b".a"))]
    with TreeReader(tree.root) as reader:
        for entry in tree.entries:
            if entry.kind == "f" and entry.size >= 4 and entry.path.endswith(compiled):
                head = reader.read(entry.path, 4)
                # PUC Lua's and LuaJIT's bytecode
                if head == b"\x1bLua" or head.startswith(b"\x1bLJ"):
                    found.append(entry.path)
    return tuple(sorted(found))


def archcheck(tree: Tree, metadata: Metadata, elf: Mapping[bytes, ElfInfo]) -> tuple[Finding, ...]:
    """Compare the package's arch with what is in it."""
    if metadata.has_option("!archcheck"):
        return ()
    binaries = arch_binaries(tree, elf)
    if metadata.arch == "noarch":
        if not binaries:
            return ()
        listing = tuple(f"\t/{show(path)}" for path in binaries[:_LISTED])
        more = (f"\t... and {len(binaries) - _LISTED} more",) if len(binaries) > _LISTED else ()
        return (
            Finding(
                ERROR,
                (f"{metadata.name} has architecture specific files, so its arch must not be noarch:",),
                listing + more,
            ),
        )
    if binaries or metadata.name.endswith(("-dev", "-static")):
        return ()
    return (Finding(WARNING, (f"{metadata.name} has no architecture specific files: should its arch be noarch?",)),)


def check_metadata(metadata: Metadata) -> tuple[Finding, ...]:
    """Refuse dependencies and priorities that apk does not understand."""
    findings = []
    for kind, words in (("dependency", metadata.depends), ("provides", metadata.provides)):
        for word in words:
            problem = check_depver(word)
            if problem:
                findings.append(Finding(ERROR, (f"{problem} ({kind} of {metadata.name})",)))
    for kind, value in (
        ("provider_priority", metadata.provider_priority),
        ("replaces_priority", metadata.replaces_priority),
    ):
        if value and not (value.isascii() and value.isdigit()):
            findings.append(Finding(ERROR, (f"{kind} of {metadata.name} must be a number, not {value!r}",)))
    return tuple(findings)


def check_doc_size(metadata: Metadata, size: int) -> tuple[Finding, ...]:
    """Warn of documentation packages above 2 MiB."""
    if not metadata.name.endswith("-doc") or size <= _LARGE_DOC or metadata.has_main_option("bigdocs"):
        return ()
    return (Finding(WARNING, (f"{metadata.name}: -doc subpackage is unusually large: {human_size(size)}",)),)
