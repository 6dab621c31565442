# SPDX-License-Identifier: GPL-3.0-or-later
"""fakeroot: finding it, and reading what a session recorded (``phases/runtime/fakeroot.sh`` runs the session).

fakeroot's daemon saves one line per file that was given an owner, a device number or a mode; a file that is not named
belongs to root. Capabilities are not saved; they are asked for before the session ends.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from glob import escape, glob

from abuildpy.errors import SandboxError
from abuildpy.package.model import Owner
from abuildpy.sandbox.process import find_system_program


@dataclass(frozen=True, slots=True)
class FakerootTools:
    """The daemon and the preloaded library: a pair that talks over System V message queues."""

    faked: str
    library: str

    @property
    def environment(self) -> Mapping[str, str]:
        """What ``fakeroot.sh`` expects in the environment."""
        return {"ABUILDPY_FAKED": self.faked, "ABUILDPY_LIBFAKEROOT": self.library}


# Where distributions put the library; Debian has both variants, under telling names.
_LIBRARY_FOLDERS = (
    "/usr/lib/*/libfakeroot",
    "/usr/lib/libfakeroot",
    "/usr/lib64/libfakeroot",
    "/usr/lib",
    "/usr/lib64",
)
_PAIRS = (
    ("faked-sysv", ("libfakeroot-sysv.so",)),
    ("faked", ("libfakeroot-sysv.so", "libfakeroot-0.so", "libfakeroot.so")),
)


def find_fakeroot(root: str = "") -> FakerootTools:
    """fakeroot's daemon and library, on this machine or below ``root`` (then as paths below that). Raises SandboxError if
    they are not installed."""
    for program, names in _PAIRS:
        faked = _find_below(root, program) if root else find_system_program(program)
        if faked is None:
            continue
        for name in names:
            for folder in _LIBRARY_FOLDERS:
                for library in sorted(glob(f"{escape(root)}{folder}/{name}"), key=_foreign):
                    return FakerootTools(faked, library.removeprefix(root))
    raise SandboxError(
        "fakeroot is not installed (no faked with its library found)" + (f" in {root}" if root else ""),
        hint="do its repositories hold fakeroot? abuild depends on it" if root else "install fakeroot",
    )


def _find_below(root: str, program: str) -> str | None:
    for folder in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        if os.path.lexists(f"{root}{folder}/{program}"):
            return f"{folder}/{program}"
    return None


def _foreign(library: str) -> tuple[bool, str]:
    """Sort key: the library for this machine before those of other architectures."""
    return os.uname().machine not in library, library


_LINE = re.compile(
    rb"dev=([0-9a-f]+),ino=([0-9]+),mode=([0-7]+),uid=([0-9]+),gid=([0-9]+),nlink=([0-9]+),rdev=([0-9]+)"
)


def parse_state(state: bytes) -> dict[tuple[int, int], Owner]:
    """Owners from fakeroot's saved state, by (st_dev, st_ino); a file that is absent belongs to root with its real
    mode.

    Raises SandboxError if the state is damaged (a recipe can reach it).
    """
    return dict(_records(state))


def without_builder(owners: Mapping[tuple[int, int], Owner], uid: int, gid: int) -> dict[tuple[int, int], Owner]:
    """The owners with the build user's own ids turned into root's.

    fakeroot records the real owner when the first thing that happens to a file is a change of its extended attributes
    (setcap, cp -a); the recipe meant root, as for every file it did not chown. The build user's id is not one that
    recipes use.
    """
    return {
        inode: replace(owner, uid=0 if owner.uid == uid else owner.uid, gid=0 if owner.gid == gid else owner.gid)
        for inode, owner in owners.items()
    }


def _records(state: bytes) -> Iterator[tuple[tuple[int, int], Owner]]:
    if state and not state.endswith(b"\n"):
        raise SandboxError("fakeroot's state is incomplete", hint="does package() kill processes or fill the disk?")
    for line in state.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise SandboxError(f"fakeroot's state is damaged: {line[:100]!r}")
        dev, ino, mode, uid, gid, _, rdev = match.groups()
        number, form = _limited(rdev), int(mode, 8) >> 12
        device = (os.major(number), os.minor(number)) if form in (0o2, 0o6) else (0, 0)
        yield (int(dev, 16), int(ino)), Owner(_limited(uid), _limited(gid), int(mode, 8), device)


def _limited(number: bytes) -> int:
    value = int(number)
    if value > 0xFFFF_FFFE:
        raise SandboxError(f"fakeroot's state names an impossible number: {value}")
    return value


# Linux's capabilities in the order of their bits (capabilities(7)).
CAPABILITIES = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
    "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct "
    "sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control "
    "setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split()
_ALL = (1 << len(CAPABILITIES)) - 1
_REVISION_2, _REVISION_3, _EFFECTIVE = 0x02000000, 0x03000000, 1


def parse_capabilities(listing: bytes) -> dict[bytes, bytes]:
    """``security.capability`` values (20 bytes, revision 2) by path, from what ``fakeroot_capabilities`` wrote.

    Raises SandboxError for anything that is no capability set.
    """
    fields = listing.split(b"\0")
    if fields.pop() or len(fields) % 2:
        raise SandboxError("The list of file capabilities is incomplete")
    return {path: _value(text.strip(), path) for path, text in zip(fields[::2], fields[1::2], strict=True)}


def _value(text: bytes, path: bytes) -> bytes:
    problem = f"Capabilities of {os.fsdecode(path)} make no sense: {text[:100]!r}"
    try:
        if text.startswith(b"0x"):
            return _revision_2(bytes.fromhex(text[2:].decode("ascii")))
        return pack_capabilities(text.decode("ascii").removeprefix("= "))
    except (ValueError, struct.error) as error:
        raise SandboxError(problem) from error


def _revision_2(raw: bytes) -> bytes:
    """A value as read from a file, without the namespace's root id that revision 3 adds."""
    magic, *sets = struct.unpack("<5I", raw[:20])
    if magic & 0xFF000000 not in (_REVISION_2, _REVISION_3) or len(raw) not in (20, 24):
        raise ValueError(raw)
    return struct.pack("<5I", _REVISION_2 | (magic & _EFFECTIVE), *sets)


def pack_capabilities(text: str) -> bytes:
    """The attribute's value for libcap's text form, e.g. ``cap_net_raw,cap_net_admin=ep``; raises ValueError."""
    flags = {"e": 0, "i": 0, "p": 0}
    for clause in text.split():
        match = re.fullmatch(r"([a-z0-9_,]*)((?:[=+-][eip]*)+)", clause)
        if match is None:
            raise ValueError(clause)
        bits = _bits(match[1])
        for operator, letters in re.findall(r"([=+-])([eip]*)", match[2]):
            if operator == "=":
                flags = {letter: held & ~bits for letter, held in flags.items()}
            for letter in letters:
                flags[letter] = flags[letter] & ~bits if operator == "-" else flags[letter] | bits
    permitted, inheritable = flags["p"], flags["i"]
    low = 0xFFFF_FFFF
    magic = _REVISION_2 | (_EFFECTIVE if flags["e"] else 0)
    return struct.pack("<5I", magic, permitted & low, inheritable & low, permitted >> 32, inheritable >> 32)


def _bits(names: str) -> int:
    if names in ("", "all"):
        return _ALL
    bits = 0
    for name in names.split(","):
        if name.isdigit() and int(name) < 64:
            bits |= 1 << int(name)
        else:
            bits |= 1 << CAPABILITIES.index(name.removeprefix("cap_"))
    return bits
