# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps stages that have the machine's network from UNIX sockets of that network.

A UNIX socket with an abstract name has no file that could be covered: it belongs to the network, and whoever has that can
connect. Desktops' message buses, X servers and container daemons have such sockets, and take the user's programs for the user.
From version 6 on Landlock can limit a process to those that itself and its children made, and nothing else. It wants
no_new_privs, which a setuid bubblewrap could not be started with. Numbers are those of <linux/landlock.h>.
"""

from __future__ import annotations

import os
import stat
import sys

from abuildpy.sandbox.process import find_system_program

VERSION = 6
"""The version of Landlock's interface that can do it (Linux 6.12)."""

_SCOPE = """\
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
rules = libc.syscall(444, (ctypes.c_uint64 * 3)(0, 0, 1), ctypes.c_size_t(24), ctypes.c_uint32(0))
if rules < 0 or libc.prctl(38, 1, 0, 0, 0) or libc.syscall(446, rules, ctypes.c_uint32(0)):
    sys.exit("Landlock: " + os.strerror(ctypes.get_errno()))
os.close(rules)
os.execv(sys.argv[1], sys.argv[1:])
"""


def scoped(program: str, version: int) -> tuple[str, ...]:
    """Start of a command line that runs the rest, with ``program`` in it, without the machine's abstract sockets.

    Empty where that cannot be: with ``version`` of Landlock's interface, or for a setuid program.
    """
    python = sys.executable if os.access(sys.executable, os.X_OK) else find_system_program("python3")
    if version < VERSION or python is None:
        return ()
    if os.geteuid() != 0 and os.stat(program).st_mode & stat.S_ISUID:
        return ()
    return python, "-I", "-S", "-c", _SCOPE
