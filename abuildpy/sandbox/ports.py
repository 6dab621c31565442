# SPDX-License-Identifier: GPL-3.0-or-later
"""Landlock's rules for TCP ports: a ruleset of their own, made once and laid around each stage.

Landlock takes ports one by one, and those that the kernel hands out are some 14,000: to tell it all of them takes as long as
to start Python. A stage's paths are in another ruleset; both hold. Numbers are those of <linux/landlock.h>.
"""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache
from pathlib import Path
from threading import Lock

from abuildpy.errors import SandboxError

BIND_TCP, CONNECT_TCP = 1, 2

PortRange = tuple[int, int, int, int]
"""The first and the last port, the step from one to the next, and what is allowed."""

_CREATE_RULESET, _ADD_RULE = 444, 445
_RULE_NET_PORT = 2
_HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_making = Lock()


def ports_for_tests() -> tuple[PortRange, ...]:
    """What a test suite's servers and clients need: ports that the kernel hands out, to bind to and to connect to."""
    first, last = _handed_out()
    # Every other one: bind() is given those, while connect() uses the others up (Linux 4.2, inet_csk_get_port).
    return (0, 0, 1, BIND_TCP), (first + 1, last, 2, CONNECT_TCP)


def port_ruleset(ranges: tuple[PortRange, ...]) -> int:
    """An open ruleset that allows these ports and no others; it stays open, for the next stage too.

    Whoever has it could add to it: it is closed in a stage before that begins. Raises SandboxError.
    """
    with _making:
        return _port_ruleset(ranges)


@cache
def _port_ruleset(ranges: tuple[PortRange, ...]) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = struct.pack("<QQ", 0, BIND_TCP | CONNECT_TCP)
    ruleset: int = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if ruleset < 0:
        raise _failed()
    try:
        port = (ctypes.c_uint64 * 2)()  # struct landlock_net_port_attr: rights, port
        # Made once, not anew for each call.
        call, number, handle = libc.syscall, ctypes.c_long(_ADD_RULE), ctypes.c_int(ruleset)
        kind, flags = ctypes.c_int(_RULE_NET_PORT), ctypes.c_uint32(0)
        for first, last, step, rights in ranges:
            port[0] = rights
            for port[1] in range(first, last + 1, step):
                if call(number, handle, kind, port, flags):
                    raise _failed()
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def _failed() -> SandboxError:
    return SandboxError(f"Landlock's ports: {os.strerror(ctypes.get_errno())}")


def _handed_out() -> tuple[int, int]:
    """The ports of which a program gets one that asks for any."""
    try:
        first, last = map(int, _HANDED_OUT.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return 32768, 60999
    return first, last
