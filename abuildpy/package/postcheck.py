# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that every finished tree is held to (abuild 3.18: ``postcheck``), in abuild's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from abuildpy.package.elf import ElfInfo
from abuildpy.package.model import Entry, Tree
from abuildpy.package.tree import TreeIndex, show

ERROR = "error"
WARNING = "warning"

STDOUT = "stdout"
STDERR = "stderr"

_FORBIDDEN = (
    "srv",
    "usr/local",
    "opt",
    "tmp",
    "var/tmp",
    "var/lock",
    "var/empty",
    "home",
    "sys",
    "proc",
    "mnt",
    "dev",
)
_MERGED = (("bin", "/usr/bin"), ("sbin", "/usr/bin"), ("lib", "/usr/lib"))

# Folders that belong into a package of their own: (folder, what it holds, suffix of that package's name, exempt names).
_OWN_PACKAGE = {
    "usr/lib/systemd": ("systemd files", "-systemd", ("systemd",)),
    "usr/lib/udev": ("udev rules", "-udev", ("udev",)),
    "usr/share/doc": ("documentation", "-doc", ()),
    "usr/share/devhelp": ("devhelp files", "-devhelp", ()),
    "usr/share/man": ("manual pages", "-doc", ()),
    "usr/share/locale": ("translations", "-lang", ()),
    "usr/share/bash-completion": ("bash completions", "-bash-completion", ()),
    "usr/share/zsh/site-functions": ("zsh completions", "-zsh-completion", ()),
    "usr/share/fish/vendor_completions.d": ("fish completions", "-fish-completion", ()),
}

_KEEP_ORDER = (b"usr/lib", b"usr/bin", b"usr/share", b"usr", b"etc", b"lib")
"""The standard folders that abuild removes when they are empty, in its order (a parent after its children)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint: ``lines[0]`` as error or warning, further ones as its continuation, then ``listing``
    line by line, unchanged, to ``stream``.
    """

    level: str
    lines: tuple[str, ...]
    listing: tuple[str, ...] = ()
    stream: str = STDOUT

    @property
    def is_error(self) -> bool:
        """Whether the package is refused for it."""
        return self.level == ERROR


@dataclass(frozen=True, slots=True)
class Postcheck:
    """What was found, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether some finding is an error."""
        return any(finding.is_error for finding in self.findings)


def postcheck(
    tree: Tree,
    name: str,
    has_option: Callable[[str], bool],
    elf: Mapping[bytes, ElfInfo],
    *,
    emptied: Iterable[bytes] = (),
) -> Postcheck:
    """Check the tree of the package ``name``; ``has_option`` answers for its ``options`` (``Metadata.has_option``).

    ``emptied`` are folders that package() made and that were removed because they were empty: abuild looks before.
    """
    index = TreeIndex(tree)
    findings = (
        *_layout(index, has_option, frozenset(emptied)),
        *_services(index, name),
        *_placement(index, name),
        *_names_and_modes(tree),
        *_privileges(tree, elf, has_option),
        *_textrels(elf, has_option),
    )
    return Postcheck(findings)


def removable_directories(
    tree: Tree, has_option: Callable[[str], bool], *, deleted: Iterable[bytes] = ()
) -> tuple[bytes, ...]:
    """Empty standard folders of a main package, in the order in which they can be removed; none with
    ``keepdirs``.

    ``deleted`` are paths that will be gone by then.
    """
    if has_option("keepdirs"):
        return ()
    gone = set(deleted)
    members: dict[bytes, int] = {}
    directories = set()
    for entry in tree.entries:
        if entry.path not in gone:
            parent = entry.path.rpartition(b"/")[0]
            members[parent] = members.get(parent, 0) + 1
        if entry.kind == "d":
            directories.add(entry.path)
    removable = []
    for path in _KEEP_ORDER:
        if path in directories and not members.get(path):
            removable.append(path)
            members[path.rpartition(b"/")[0]] -= 1
    return tuple(removable)


def _error(*lines: str, listing: Iterable[bytes] = (), stream: str = STDOUT) -> Finding:
    return Finding(ERROR, lines, _listed(listing), stream)


def _warning(*lines: str, listing: Iterable[bytes] = ()) -> Finding:
    return Finding(WARNING, lines, _listed(listing))


def _listed(paths: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(f"\t/{show(path)}" for path in paths)


def libtool_archives(tree: Tree) -> tuple[bytes, ...]:
    """libtool's ``*.la`` files, which no package needs unless its options say ``libtool``: they are to be deleted."""
    return tuple(e.path for e in tree.entries if e.kind == "f" and e.path.endswith(b".la"))


def _layout(index: TreeIndex, has_option: Callable[[str], bool], emptied: frozenset[bytes]) -> Iterator[Finding]:
    """Checks 1 to 6: where files may lie at all."""
    if not has_option("!fhs"):
        for folder in _FORBIDDEN:
            if index.children(folder.encode(), hidden=True):
                yield _error(f"Packages must not put anything under /{folder}")
        if index.is_directory(b"usr/var"):
            yield _error("Found /usr/var; the build's localstatedir should be /var")
    if not has_option("lib64"):
        for folder in ("lib64", "usr/lib64"):
            if index.exists(folder.encode()):
                yield _error(f"Packages must not put anything under /{folder}, use /usr/lib instead")
                break
    if not has_option("!usrmerge"):
        for folder, merged in _MERGED:
            if index.present(folder.encode()) or folder.encode() in emptied:
                yield _warning(f"Packages must not put anything under /{folder}, use {merged} instead")
    if index.exists(b"usr/lib/charset.alias") and not has_option("charset.alias"):
        yield _error("Found /usr/lib/charset.alias, which would collide between packages")


def _services(index: TreeIndex, name: str) -> Iterator[Finding]:
    """Checks 7 to 9: OpenRC's folders."""

    def files(folder: str) -> Iterator[Entry]:
        for part in (folder, f"{folder}/user"):
            yield from (e for e in index.children(part.encode()) if e.kind == "f")

    for entry in files("etc/init.d"):
        if not entry.mode & 0o111:
            yield _error(f"/{show(entry.path)} must have the executable bit set")
    for entry in files("etc/conf.d"):
        if entry.mode & 0o111:
            yield _warning(f"/{show(entry.path)} should not have the executable bit set")
    if (index.exists(b"etc/init.d") or index.exists(b"etc/conf.d")) and not name.endswith("-openrc"):
        yield _warning(f"Found an OpenRC directory (/etc/init.d or /etc/conf.d) but {name} does not end with -openrc")


def _placement(index: TreeIndex, name: str) -> Iterator[Finding]:
    """Checks 10 to 21: what belongs into a subpackage of its own."""

    def misplaced(*folders: str) -> Iterator[Finding]:
        for folder in folders:
            what, suffix, exempt = _OWN_PACKAGE[folder]
            if index.exists(folder.encode()) and not name.endswith(suffix) and name not in exempt:
                yield _warning(f"Found {what} (/{folder}) but {name} does not end with {suffix}")

    yield from misplaced("usr/lib/systemd", "usr/lib/udev", "usr/share/doc", "usr/share/devhelp", "usr/share/man")
    manuals = [
        e.path
        for e in index.below(b"usr/share/man")
        if e.kind == "f" and e.path[-2:-1] == b"." and b"0" <= e.path[-1:] <= b"8"
    ]
    if manuals:
        yield _error("Found uncompressed man pages:", listing=manuals)
    if not name.endswith("-pyc") and any(
        e.kind == "d" and e.path.startswith(b"usr/lib/python") and e.path.endswith(b"/__pycache__")
        for e in index.tree.entries
    ):
        yield _warning(f"Found __pycache__ but {name} does not end with -pyc")
    yield from misplaced("usr/share/locale", "usr/share/bash-completion", "usr/share/zsh/site-functions")
    if index.exists(b"usr/share/fish/completions"):
        yield _warning(
            "Found /usr/share/fish/completions",
            "fish completions for programs should be located in /usr/share/fish/vendor_completions.d",
        )
    yield from misplaced("usr/share/fish/vendor_completions.d")


def _names_and_modes(tree: Tree) -> Iterator[Finding]:
    """Checks 22 and 23."""
    broken = [entry.path for entry in tree.entries if b"\n" in entry.path.rpartition(b"/")[2]]
    if broken:
        yield _error("Found filenames with newline:", listing=broken, stream=STDERR)
    writable = [entry.path for entry in tree.entries if entry.kind == "d" and entry.mode & 0o777 == 0o777]
    if writable:
        yield _warning("Found directories that everybody can write to:", listing=writable)


def _privileges(tree: Tree, elf: Mapping[bytes, ElfInfo], has_option: Callable[[str], bool]) -> Iterator[Finding]:
    """Checks 24 to 27: files that give rights to whoever runs them."""
    privileged = [entry for entry in tree.entries if entry.kind == "f" and entry.mode & 0o6000]
    fixed = [e.path for e in privileged if e.path in elf and elf[e.path].etype == "ET_EXEC"]
    if fixed:
        yield _warning("Found setuid or setgid files that are not PIE:", listing=fixed)
        yield _warning("setuid programs should be built as PIE where possible")
    public = [entry.path for entry in privileged if entry.mode & 0o001]
    if public and not has_option("suid"):
        yield _error("Found executable files with SUID bit set:", listing=public)
    for entry in tree.entries:
        if not entry.capability:
            continue
        if not has_option("setcap"):
            yield _error(f"Found binary with extra capabilities: /{show(entry.path)}")
        if entry.mode & 0o001:
            yield _warning(f"Found setcap binary executable by others: /{show(entry.path)}")


def _textrels(elf: Mapping[bytes, ElfInfo], has_option: Callable[[str], bool]) -> Iterator[Finding]:
    """Check 28."""
    relocated = sorted(path for path, info in elf.items() if info.textrel)
    if relocated and not has_option("textrels"):
        yield _error("Found textrels (relocations in the code of):", listing=relocated)
