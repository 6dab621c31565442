# SPDX-License-Identifier: GPL-3.0-or-later
"""System call filters for what other walls do not hold.

Namespaces do not hold sockets to the machine that runs this one (vsock), nor the kernel's key rings, which a stage
inherits. A filter for stages behind bubblewrap refuses those two, and nothing else of use.

Landlock (ABI 7) knows TCP's bind() and connect(), and nothing of UDP, of UNIX sockets with a name in the file system, of
MPTCP, or of a connection that sendto(MSG_FASTOPEN) makes. A filter sees a call's numbers but no memory, so it goes by the
kind of socket that is asked for; and it keeps others' limits (prlimit) from a stage.

What is refused fails with EACCES, as socket(2) documents; what a kernel might as well not have (io_uring, which makes sockets
by another way; key rings) fails with ENOSYS.

A filter is classic BPF (seccomp(2)), for x86_64 and aarch64 with their 32-bit programs. Numbers are those of the
kernel's system call tables.
"""

from __future__ import annotations

import enum
import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass


class Inet(enum.Enum):
    """Which sockets for IPv4 and IPv6 there are."""

    NONE = "none"
    TCP = "tcp"
    """Plain TCP, for Landlock to judge by ports."""
    ANY = "any"


@dataclass(frozen=True, slots=True)
class _Calls:
    """The system calls in question, as one kind of program numbers them. ``beyond`` is the first number of another kind."""

    arch: int
    socket: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    ioctl: int
    prlimit: int
    keys: tuple[int, ...]
    """add_key, request_key, keyctl."""
    io_uring: int = 425
    refused: tuple[int, ...] = ()
    """socketcall: one call for all, whose arguments are out of a filter's sight."""
    beyond: int | None = None


_X86_64 = _Calls(0xC000003E, 41, 44, 46, 307, 16, 302, (248, 249, 250), beyond=0x4000_0000)
_I386 = _Calls(0x40000003, 359, 369, 370, 345, 54, 340, (286, 287, 288), refused=(102,))
_AARCH64 = _Calls(0xC00000B7, 198, 206, 211, 269, 29, 261, (217, 218, 219))
_ARM = _Calls(0x40000028, 281, 290, 296, 374, 54, 369, (309, 310, 311), refused=(102,))

_MACHINES = {"x86_64": (_X86_64, _I386), "aarch64": (_AARCH64, _ARM)}

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _AF_VSOCK = 1, 2, 10, 16, 40
_SOCK_STREAM, _SOCK_TYPES = 1, 0xF
_IPPROTO_TCP = 6
_MSG_FASTOPEN = 0x2000_0000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_NUMBER, _ARCH = 0, 4  # offsets in struct seccomp_data; arguments follow at 16, eight bytes each
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_ALLOW, _ERRNO = 0x7FFF_0000, 0x0005_0000

_ENDS = {
    "allow": _ALLOW,
    "refuse": _ERRNO | errno.EACCES,
    "absent": _ERRNO | errno.ENOSYS,
    "forbid": _ERRNO | errno.EPERM,
}


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction; jumps name labels, None goes on with the next."""

    code: int
    value: int
    yes: str | None = None
    no: str | None = None
    label: str | None = None


def has_filter(machine: str) -> bool:
    """Whether there is a filter for this kind of machine (``os.uname().machine``)."""
    return machine in _MACHINES


def socket_filter(machine: str, inet: Inet, *, unix: bool) -> bytes:
    """The filter as the kernel wants it, an array of ``struct sock_filter``; empty for a machine that has none.

    Besides sockets of ``inet``'s kind there are UNIX sockets if ``unix`` says so (socketpair() always works) and
    netlink's for routes and addresses; no others.
    """
    if machine not in _MACHINES:
        return b""
    return _assembled([*_program(_MACHINES[machine], inet, unix=unix)])


def namespace_filter(machine: str) -> bytes:
    """The filter for stages that have namespaces of their own; empty for a machine that has none."""
    if machine not in _MACHINES:
        return b""
    kinds = _MACHINES[machine]
    steps = [_Step(_LOAD, _ARCH), *(_Step(_EQUAL, calls.arch, f"calls {calls.arch}") for calls in kinds)]
    steps.append(_Step(_RETURN, _ALLOW))  # a program of yet another machine, which is emulated, comes as one of this
    for calls in kinds:
        steps.append(_Step(_LOAD, _NUMBER, label=f"calls {calls.arch}"))
        if calls.beyond is not None:
            steps.append(_Step(_AT_LEAST, calls.beyond, "absent"))
        steps += (_Step(_EQUAL, number, "absent") for number in calls.keys)
        steps += (_Step(_EQUAL, calls.socket, "socket"), _Step(_EQUAL, calls.ioctl, "ioctl"), _Step(_RETURN, _ALLOW))
    steps += _terminal()
    steps += (_Step(_LOAD, _argument(0), label="socket"), _Step(_EQUAL, _AF_VSOCK, "refuse", "allow"))
    return _assembled([*steps, *_ends()])


def _terminal() -> Iterator[_Step]:
    """Nobody types into a terminal."""
    yield _Step(_LOAD, _argument(1), label="ioctl")
    yield _Step(_EQUAL, _TIOCSTI, "forbid")
    yield _Step(_EQUAL, _TIOCLINUX, "forbid", "allow")


def _ends() -> Iterator[_Step]:
    yield from (_Step(_RETURN, value, label=name) for name, value in _ENDS.items())


def _program(kinds: tuple[_Calls, ...], inet: Inet, *, unix: bool) -> Iterator[_Step]:
    yield _Step(_LOAD, _ARCH)
    for calls in kinds:
        yield _Step(_EQUAL, calls.arch, f"calls {calls.arch}")
    yield _Step(_RETURN, _ENDS["forbid"])
    for calls in kinds:
        yield _Step(_LOAD, _NUMBER, label=f"calls {calls.arch}")
        if calls.beyond is not None:
            yield _Step(_AT_LEAST, calls.beyond, "absent")
        yield from (_Step(_EQUAL, number, "absent") for number in (calls.io_uring, *calls.keys))
        yield from (_Step(_EQUAL, number, "refuse") for number in calls.refused)
        yield _Step(_EQUAL, calls.socket, "socket")
        yield _Step(_EQUAL, calls.ioctl, "ioctl")
        yield _Step(_EQUAL, calls.prlimit, "prlimit")
        if inet is not Inet.ANY:
            yield from (_Step(_EQUAL, number, "flags 3") for number in (calls.sendto, calls.sendmmsg))
            yield _Step(_EQUAL, calls.sendmsg, "flags 2")
        yield _Step(_RETURN, _ALLOW)
    yield from _terminal()
    yield _Step(_LOAD, _argument(0), label="prlimit")
    yield _Step(_EQUAL, 0, "allow", "forbid")
    if inet is not Inet.ANY:
        yield _Step(_LOAD, _argument(3), label="flags 3")
        yield _Step(_ANY_BIT, _MSG_FASTOPEN, "refuse", "allow")
        yield _Step(_LOAD, _argument(2), label="flags 2")
        yield _Step(_ANY_BIT, _MSG_FASTOPEN, "refuse", "allow")
    yield _Step(_LOAD, _argument(0), label="socket")
    yield _Step(_EQUAL, _AF_UNIX, "allow" if unix else "refuse")
    yield _Step(_EQUAL, _AF_NETLINK, "netlink")
    for family in (_AF_INET, _AF_INET6):
        yield _Step(_EQUAL, family, {Inet.NONE: "refuse", Inet.TCP: "tcp", Inet.ANY: "allow"}[inet])
    yield _Step(_RETURN, _ENDS["refuse"])
    yield _Step(_LOAD, _argument(2), label="netlink")
    yield _Step(_EQUAL, 0, "allow", "refuse")
    if inet is Inet.TCP:
        yield _Step(_LOAD, _argument(1), label="tcp")
        yield _Step(_AND, _SOCK_TYPES)
        yield _Step(_EQUAL, _SOCK_STREAM, None, "refuse")
        yield _Step(_LOAD, _argument(2))
        yield _Step(_EQUAL, 0, "allow")
        yield _Step(_EQUAL, _IPPROTO_TCP, "allow", "refuse")
    yield from _ends()


def _argument(number: int) -> int:
    """Offset of the lower half of an argument: the kernel takes these as 32-bit numbers (both machines: low byte first)."""
    return 16 + 8 * number


def _assembled(steps: list[_Step]) -> bytes:
    places = {step.label: place for place, step in enumerate(steps) if step.label}

    def distance(place: int, label: str | None) -> int:
        return 0 if label is None else places[label] - place - 1

    return b"".join(
        struct.pack("<HBBI", step.code, distance(place, step.yes), distance(place, step.no), step.value)
        for place, step in enumerate(steps)
    )
