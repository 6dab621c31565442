# SPDX-License-Identifier: GPL-3.0-or-later
"""The system call filter, instruction by instruction in a small machine of our own, and once in the kernel."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys

import pytest

from abuildpy.sandbox import guard
from abuildpy.sandbox.seccomp import Inet, has_filter, namespace_filter, socket_filter

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
ALLOWED, ACCES, NOSYS, PERM = 0, errno.EACCES, errno.ENOSYS, errno.EPERM
FASTOPEN = 0x20000000


def verdict(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """0 where the filter allows a call, else the error number it fails with."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *(*arguments, *[0] * (6 - len(arguments))))
    instructions = list(struct.iter_unpack("<HBBI", program))
    place, value = 0, 0
    while True:
        code, yes, no, operand = instructions[place]
        place += 1
        if code == 0x20:
            value = struct.unpack_from("<I", data, operand)[0]
        elif code == 0x54:
            value &= operand
        elif code == 0x06:
            return ALLOWED if operand == 0x7FFF0000 else operand & 0xFFFF
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            place += yes if holds else no


SOCKETS = {"x86_64": (X86_64, 41), "i386": (I386, 359), "aarch64": (AARCH64, 198), "arm": (ARM, 281)}
MACHINE = {"x86_64": "x86_64", "i386": "x86_64", "aarch64": "aarch64", "arm": "aarch64"}

# domain, type, protocol → what each kind of filter says
KINDS = {
    "TCP": ((2, 1, 0), {"none": ACCES, "tcp": ALLOWED, "any": ALLOWED}),
    "TCP, named, with flags": ((10, 1 | 0o2000000 | 0o4000, 6), {"none": ACCES, "tcp": ALLOWED, "any": ALLOWED}),
    "MPTCP": ((2, 1, 262), {"none": ACCES, "tcp": ACCES, "any": ALLOWED}),
    "SCTP": ((2, 1, 132), {"none": ACCES, "tcp": ACCES, "any": ALLOWED}),
    "UDP": ((2, 2, 0), {"none": ACCES, "tcp": ACCES, "any": ALLOWED}),
    "UDP, IPv6, with flags": ((10, 2 | 0o2000000, 17), {"none": ACCES, "tcp": ACCES, "any": ALLOWED}),
    "raw": ((2, 3, 1), {"none": ACCES, "tcp": ACCES, "any": ALLOWED}),
    "netlink for routes": ((16, 3, 0), {"none": ALLOWED, "tcp": ALLOWED, "any": ALLOWED}),
    "netlink for audit": ((16, 3, 9), {"none": ACCES, "tcp": ACCES, "any": ACCES}),
    "packets": ((17, 3, 0), {"none": ACCES, "tcp": ACCES, "any": ACCES}),
    "crypto": ((38, 5, 0), {"none": ACCES, "tcp": ACCES, "any": ACCES}),
    "vsock": ((40, 1, 0), {"none": ACCES, "tcp": ACCES, "any": ACCES}),
}


@pytest.mark.parametrize("program", SOCKETS)
@pytest.mark.parametrize("kind", KINDS)
def test_sockets_by_kind(program: str, kind: str) -> None:
    arch, number = SOCKETS[program]
    arguments, expected = KINDS[kind]
    found = {
        inet.value: verdict(socket_filter(MACHINE[program], inet, unix=False), arch, number, *arguments)
        for inet in Inet
    }
    assert found == expected


@pytest.mark.parametrize("program", SOCKETS)
@pytest.mark.parametrize("inet", Inet)
def test_unix_sockets_as_asked_for(program: str, inet: Inet) -> None:
    arch, number = SOCKETS[program]
    for unix, expected in ((True, ALLOWED), (False, ACCES)):
        assert verdict(socket_filter(MACHINE[program], inet, unix=unix), arch, number, 1, 1, 0) == expected


@pytest.mark.parametrize(
    ("machine", "arch", "sendto", "sendmsg", "sendmmsg"),
    [
        ("x86_64", X86_64, 44, 46, 307),
        ("x86_64", I386, 369, 370, 345),
        ("aarch64", AARCH64, 206, 211, 269),
        ("aarch64", ARM, 290, 296, 374),
    ],
)
def test_a_connection_with_the_first_packet_is_no_way_round(
    machine: str, arch: int, sendto: int, sendmsg: int, sendmmsg: int
) -> None:
    for inet, expected in ((Inet.TCP, ACCES), (Inet.NONE, ACCES), (Inet.ANY, ALLOWED)):
        program = socket_filter(machine, inet, unix=True)
        for flags, said in ((FASTOPEN | 0x40, expected), (0x40, ALLOWED)):
            assert verdict(program, arch, sendto, 3, 0, 1, flags) == said
            assert verdict(program, arch, sendmmsg, 3, 0, 1, flags) == said
            assert verdict(program, arch, sendmsg, 3, 0, flags) == said


@pytest.mark.parametrize(
    ("machine", "arch", "absent", "ioctl", "harmless"),
    [
        ("x86_64", X86_64, (425, 248, 249, 250, 0x40000000 + 41, 0x40000000), 16, (0, 1, 53, 42, 49)),
        ("x86_64", I386, (425, 286, 287, 288), 54, (3, 4, 360)),
        ("aarch64", AARCH64, (425, 217, 218, 219), 29, (63, 64, 199)),
        ("aarch64", ARM, (425, 309, 310, 311), 54, (3, 4, 288)),
    ],
)
def test_other_calls(machine: str, arch: int, absent: tuple[int, ...], ioctl: int, harmless: tuple[int, ...]) -> None:
    program = socket_filter(machine, Inet.ANY, unix=True)
    assert {verdict(program, arch, number, 1, 1) for number in absent} == {NOSYS}
    assert {verdict(program, arch, number, 1, 1) for number in harmless} == {ALLOWED}
    assert [verdict(program, arch, ioctl, 0, what) for what in (0x5412, 0x541C, 0x5413)] == [PERM, PERM, ALLOWED]


@pytest.mark.parametrize(
    ("machine", "arch", "number"),
    [("x86_64", X86_64, 302), ("x86_64", I386, 340), ("aarch64", AARCH64, 261), ("aarch64", ARM, 369)],
)
def test_another_process_keeps_its_limits(machine: str, arch: int, number: int) -> None:
    program = socket_filter(machine, Inet.NONE, unix=False)
    assert [verdict(program, arch, number, pid, 7) for pid in (0, 1, 4711)] == [ALLOWED, PERM, PERM]


@pytest.mark.parametrize("program", SOCKETS)
def test_behind_namespaces_all_is_allowed_but_what_they_do_not_hold(program: str) -> None:
    arch, number = SOCKETS[program]
    calls = namespace_filter(MACHINE[program])
    assert verdict(calls, arch, number, 40, 1, 0) == ACCES
    for family in (1, 2, 10, 16, 17, 38):
        assert verdict(calls, arch, number, family, 1, 0) == ALLOWED
    keys = {X86_64: (248, 249, 250), I386: (286, 287, 288), AARCH64: (217, 218, 219), ARM: (309, 310, 311)}[arch]
    assert {verdict(calls, arch, key) for key in keys} == {NOSYS}
    ioctl = {X86_64: 16, I386: 54, AARCH64: 29, ARM: 54}[arch]
    assert [verdict(calls, arch, ioctl, 0, what) for what in (0x5412, 0x541C, 0x5413)] == [PERM, PERM, ALLOWED]
    assert verdict(calls, arch, 425, 1, 0) == ALLOWED
    assert verdict(calls, 0xC00000F3, 198, 40) == ALLOWED  # no program of this machine
    assert namespace_filter("riscv64") == b""


def test_the_one_call_for_all_of_old_32_bit_programs_is_refused() -> None:
    for machine, arch in (("x86_64", I386), ("aarch64", ARM)):
        assert verdict(socket_filter(machine, Inet.ANY, unix=True), arch, 102, 1) == ACCES


def test_programs_of_an_unknown_kind_may_call_nothing() -> None:
    assert verdict(socket_filter("x86_64", Inet.ANY, unix=True), AARCH64, 64) == PERM


def test_other_machines_have_no_filter() -> None:
    assert socket_filter("riscv64", Inet.NONE, unix=False) == b""
    assert (has_filter("riscv64"), has_filter("x86_64"), has_filter("aarch64")) == (False, True, True)


def test_the_kernel_takes_the_filter_and_means_the_same() -> None:
    if not has_filter(os.uname().machine) or sys.maxsize < 1 << 32:
        pytest.skip("no filter for this machine")
    import ctypes

    program = socket_filter(os.uname().machine, Inet.TCP, unix=False)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(guard.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            guard.filter_calls(program, libc)
            for domain, kind in ((2, 1), (2, 2), (1, 1)):
                try:
                    socket.socket(domain, kind).close()
                    said.append("0")
                except OSError as error:
                    said.append(str(error.errno))
            for end in socket.socketpair():
                end.close()
            said.append("pair")
        finally:
            os.write(write, " ".join(said).encode())
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    assert answer == f"0 {ACCES} {ACCES} pair"
