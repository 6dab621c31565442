# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of another architecture: whether this kernel can run them, through QEMU if need be."""

from __future__ import annotations

import os
from pathlib import Path

from abuildpy.errors import SandboxError

BINFMT = Path("/proc/sys/fs/binfmt_misc")

_AT_HOME = {
    "x86": ("x86_64",),
    "armhf": ("aarch64", "armv7"),
    "armv7": ("aarch64",),
    "armel": ("aarch64", "armv7", "armhf"),
}
"""Architecture → those whose machines run it without help, or most of them do."""


_MACHINES = {"arm64": "aarch64", "armv7l": "armv7", "armv8l": "armv7", "armv6l": "armhf", "i586": "x86", "i686": "x86"}


def native_arch() -> str:
    """The apk architecture of this machine's own programs."""
    machine = os.uname().machine
    return _MACHINES.get(machine, machine)


def qemu_name(arch: str) -> str:
    """What QEMU calls an apk architecture (abuild 3.18, rootbld)."""
    for start, name in (
        ("arm", "arm"),
        ("loongarch", "loongarch64"),
        ("sh", "sh4eb" if arch.endswith("eb") else "sh4"),
    ):
        if arch.startswith(start):
            return name
    return "i386" if arch == "x86" else arch


def require_runnable(arch: str, native: str, binfmt: Path = BINFMT) -> str | None:
    """Raises SandboxError unless programs of ``arch`` can run in a clean root on this machine, which is ``native``.

    Returns a warning where only trying can tell: in a container the kernel's list of interpreters is often out of sight.
    """
    if arch == native or native in _AT_HOME.get(arch, ()):
        return None
    name = qemu_name(arch)
    if not (binfmt / "status").exists():
        return f"whether this kernel can run programs for {arch} is out of sight: {binfmt} is not mounted"
    hint = f"install qemu-user-static (Debian) or qemu-{name} and qemu-openrc (Alpine), and start the service that registers it"
    try:
        entry = (binfmt / f"qemu-{name}").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        raise SandboxError(f"rootbld for {arch} is not possible: this kernel runs no programs for {name}", hint=hint)
    if "disabled" in entry[:1]:
        raise SandboxError(
            f"rootbld for {arch} is not possible: {binfmt}/qemu-{name} is disabled",
            hint=f"echo 1 >{binfmt}/qemu-{name}",
        )
    flags = next((line.partition(":")[2].split() for line in entry if line.startswith("flags:")), [])
    if "F" not in "".join(flags):
        raise SandboxError(
            f"rootbld for {arch} is not possible: {binfmt}/qemu-{name} was registered without the flag F",
            hint="in a clean root the interpreter would not be found; register a static QEMU with that flag",
        )
    return None
