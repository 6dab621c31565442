# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile recipe tries: a program that test_walls.py puts into a recipe, to be run by its build().

Usage: wall_attempts.py PLAN FOUND. PLAN is a JSON object that names what there is outside; into FOUND goes one that says of
each attempt ``open``, or ``shut`` and why. An attempt is a function that does it: what it returns tells whether the door was
open, an error that it was not. What is written may have gone to a place of the sandbox's own, so PLANTED says where test_walls.py
has to look for it. It needs nothing but Python's library.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

Attempt = Callable[[], object]
ATTEMPTS: dict[str, Attempt] = {}
PLAN: dict[str, Any] = {}
PLANTED: list[str] = []
LIBC = ctypes.CDLL(None, use_errno=True)


def attempt(title: str) -> Callable[[Attempt], Attempt]:
    def note(function: Attempt) -> Attempt:
        ATTEMPTS[title] = function
        return function

    return note


def call(*arguments: object) -> int:
    """A system call by number; raises OSError."""
    result: int = LIBC.syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def libc(name: str, *arguments: object) -> int:
    result: int = getattr(LIBC, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def has_secret(data: bytes) -> bool:
    return PLAN["secret"].encode() in data


def plant(path: str) -> bool:
    """Makes a file, to be looked for outside."""
    Path(path).write_text("x")
    PLANTED.append(path)
    return True


def victims() -> list[str]:
    """Folders in /proc of the process outside, by its number and by whatever number it has here."""
    found = [f"/proc/{PLAN['victim']}"]
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and int(name) != os.getpid() and PLAN["mark"].encode() in read(f"/proc/{name}/cmdline"):
                found.append(f"/proc/{name}")
        except OSError:
            continue
    return found


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def any_secret(paths: list[str]) -> bool:
    for path in paths:
        try:
            if has_secret(read(path)):
                return True
        except OSError:
            continue
    return False


# --- keys, homes, secrets -----------------------------------------------------------------------------------------


@attempt("read the private key by its path")
def key_by_path() -> object:
    return has_secret(read(PLAN["key"]))


@attempt("read the key that a variable names")
def key_by_variable() -> object:
    return b"PRIVATE KEY" in read(os.environ["PACKAGER_PRIVKEY"])


@attempt("read the key through a symbolic link")
def key_by_symlink() -> object:
    os.symlink(PLAN["key"], "link-to-key")
    return has_secret(read("link-to-key"))


@attempt("read the key through a hard link")
def key_by_hard_link() -> object:
    os.link(PLAN["key"], "hard-link-to-key")
    return has_secret(read("hard-link-to-key"))


@attempt("read the key through a process that has it open")
def key_by_descriptor() -> object:
    return any_secret([f"{folder}/fd/{number}" for folder in victims() for number in range(20)])


@attempt("read the key through a process's root or folder")
def key_by_root() -> object:
    paths = [f"{folder}/root{PLAN['key']}" for folder in victims()]
    return any_secret([*paths, *(f"{folder}/cwd/.abuild/{Path(PLAN['key']).name}" for folder in victims())])


@attempt("move the key away")
def move_key() -> object:
    os.rename(PLAN["decoy"], "moved-key")
    return True


@attempt("list the home")
def list_home() -> object:
    return ".netrc" in os.listdir(PLAN["home"])


@attempt("read ~/.netrc")
def read_home() -> object:
    return has_secret(read(f"{PLAN['home']}/.netrc"))


@attempt("write to the home")
def write_home() -> object:
    return plant(f"{PLAN['home']}/planted")


@attempt("find a token in the environment")
def token() -> object:
    return any(PLAN["secret"] in value for value in os.environ.values())


@attempt("take a key from the kernel's key ring")
def key_ring() -> object:
    add, ask, control = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}.get(os.uname().machine, (0, 0, 0))
    if not add:
        raise OSError("no numbers for this machine")
    del ask
    serial = call(control, 10, ctypes.c_int(-3), b"user", b"abuildpy-walls", 0)  # search the session's ring
    buffer = ctypes.create_string_buffer(200)
    call(control, 11, serial, buffer, 200)  # read
    return has_secret(buffer.raw)


# --- sockets ------------------------------------------------------------------------------------------------------


def connect(family: int, kind: int, address: Any, protocol: int = 0) -> object:
    with socket.socket(family, kind, protocol) as mine:
        mine.settimeout(2)
        mine.connect(address)
        return True


@attempt("ask ssh-agent")
def ssh_agent() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, PLAN["ssh_agent"])


@attempt("ask gpg-agent")
def gpg_agent() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, PLAN["gpg_agent"])


@attempt("connect to a UNIX socket that anybody may use")
def public_socket() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, PLAN["public_socket"])


@attempt("connect to an abstract UNIX socket")
def abstract_socket() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{PLAN['abstract']}")


@attempt("TCP to the machine's loopback, a fixed port")
def tcp_fixed() -> object:
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PLAN["tcp_fixed"]))


@attempt("TCP to the machine's loopback, a port that the kernel chose")
def tcp_chosen() -> object:
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PLAN["tcp_chosen"]))


@attempt("TCP with data in the first packet (fast open)")
def tcp_fast() -> object:
    with socket.socket() as mine:
        mine.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", PLAN["tcp_fixed"]))
        return mine.getpeername()


@attempt("MPTCP")
def mptcp() -> object:
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PLAN["tcp_fixed"]), 262)


def asked(payload: bytes) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.settimeout(0.5)
        mine.sendto(payload, ("127.0.0.1", PLAN["udp"]))
        return bool(mine.recv(100))


@attempt("UDP")
def udp() -> object:
    return asked(b"ping")


@attempt("ask a name server")
def dns() -> object:
    return asked(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x07invalid\x00\x00\x01\x00\x01")


@attempt("a raw socket")
def raw_socket() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
        return True


@attempt("a packet socket")
def packet_socket() -> object:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)):
        return True


@attempt("a socket to the machine that runs this virtual one (vsock)")
def vsock() -> object:
    with socket.socket(40, socket.SOCK_STREAM):
        return True


@attempt("serve and connect on a loopback (tests do)")
def own_loopback() -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return connect(socket.AF_INET, socket.SOCK_STREAM, server.getsockname())


# --- files outside ------------------------------------------------------------------------------------------------


@attempt("read a file of the machine's /tmp")
def read_tmp() -> object:
    return has_secret(read(f"{PLAN['outside']}/file"))


@attempt("change the recipe")
def write_recipe() -> object:
    with open(f"{PLAN['startdir']}/APKBUILD", "ab") as file:
        return file.write(b"\n")


@attempt("make a file in the recipe's folder")
def write_recipe_folder() -> object:
    return plant(f"{PLAN['startdir']}/planted")


@attempt("plant a git hook in the tree")
def git_hook() -> object:
    return plant(f"{PLAN['aports']}/.git/hooks/post-checkout")


@attempt("change a file in SRCDEST")
def write_distfiles() -> object:
    return plant(f"{PLAN['distfiles']}/planted")


@attempt("put a package into the repository")
def write_packages() -> object:
    return plant(f"{PLAN['packages']}/planted")


@attempt("make a file in the machine's /tmp")
def write_tmp() -> object:
    return plant(f"{PLAN['outside']}/planted")


@attempt("write to /etc")
def write_etc() -> object:
    return plant("/etc/abuildpy-planted")


@attempt("write to /usr")
def write_usr() -> object:
    return plant("/usr/abuildpy-planted")


@attempt("change a file outside")
def write_outside() -> object:
    return Path(PLAN["outside"], "file").open("ab").write(b"x")


@attempt("empty a file outside")
def truncate_outside() -> object:
    os.truncate(f"{PLAN['outside']}/emptied", 0)
    return True


@attempt("change a mode outside")
def chmod_outside() -> object:
    os.chmod(f"{PLAN['outside']}/file", 0o666)
    return True


@attempt("change the mode of the key")
def chmod_key() -> object:
    os.chmod(PLAN["key"], 0o600)
    return True


@attempt("change times outside")
def utime_outside() -> object:
    os.utime(f"{PLAN['outside']}/file", (1, 1))
    return True


@attempt("change an owner outside")
def chown_outside() -> object:
    os.chown(f"{PLAN['outside']}/file", -1, os.getgid())
    return True


@attempt("change an attribute outside")
def xattr_outside() -> object:
    os.setxattr(f"{PLAN['outside']}/file", "user.abuildpy", b"x")
    return True


@attempt("rename outside")
def rename_outside() -> object:
    os.rename(f"{PLAN['outside']}/renamed", f"{PLAN['outside']}/renamed too")
    return True


@attempt("delete outside")
def unlink_outside() -> object:
    os.unlink(f"{PLAN['outside']}/deleted")
    return True


@attempt("make a folder outside")
def mkdir_outside() -> object:
    os.mkdir(f"{PLAN['outside']}/made")
    return True


@attempt("make a symbolic link outside")
def symlink_outside() -> object:
    os.symlink("/", f"{PLAN['outside']}/link")
    return True


@attempt("link a file of its own to outside")
def link_to_outside() -> object:
    Path("own").write_text("x")
    os.link("own", f"{PLAN['outside']}/hard")
    return True


@attempt("see the size and times of a file in the home")
def stat_home() -> object:
    return os.stat(f"{PLAN['home']}/.netrc").st_size > 0


@attempt("read shared memory of the machine (/dev/shm)")
def dev_shm() -> object:
    return has_secret(read(PLAN["dev_shm"]))


@attempt("read System V shared memory of the machine")
def system_v() -> object:
    LIBC.shmat.restype = ctypes.c_void_p
    address = LIBC.shmat(PLAN["shmid"], None, 0o10000)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "shmat")
    return has_secret(ctypes.string_at(address, 200))


# --- processes ----------------------------------------------------------------------------------------------------


@attempt("see processes outside and their command lines")
def see_processes() -> object:
    return len(victims()) > 1


@attempt("read the environment of a process outside")
def environment_of_others() -> object:
    return any_secret([f"{folder}/environ" for folder in victims()])


@attempt("signal a process outside")
def signal_outside() -> object:
    os.kill(PLAN["victim"], signal.SIGCONT)
    return True


@attempt("trace a process outside")
def trace() -> object:
    libc("ptrace", 0x4206, ctypes.c_long(PLAN["victim"]), 0, 0)  # seize
    return True


@attempt("read the memory of a process outside")
def memory_of_others() -> object:
    for folder in victims():
        try:
            start = int(read(f"{folder}/maps").split(b"-")[0], 16)
            with open(f"{folder}/mem", "rb") as memory:
                memory.seek(start)
                return memory.read(1)
        except OSError:
            continue
    return False


@attempt("limit a process outside")
def limit_outside() -> object:
    import resource

    resource.prlimit(PLAN["victim"], resource.RLIMIT_CORE, (0, 0))
    return True


@attempt("slow a process outside down")
def renice() -> object:
    os.setpriority(os.PRIO_PROCESS, PLAN["victim"], 19)
    return True


@attempt("leave a process running")
def leave_running() -> object:
    code = "import signal,time\nfor n in (1,2,15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(300)"
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", code, PLAN["left_mark"]], stdin=subprocess.DEVNULL)
        os._exit(0)
    os.wait()
    return False  # test_walls.py looks


# --- rights and the system ----------------------------------------------------------------------------------------


@attempt("become root through a setuid program")
def setuid() -> object:
    done = subprocess.run([PLAN["setuid"], "-u"], capture_output=True, text=True, check=False)
    return done.stdout.strip() == "0"


@attempt("mount a file system")
def mount() -> object:
    libc("mount", b"none", b"/mnt", b"tmpfs", 0, None)
    return True


@attempt("remount / writable")
def remount() -> object:
    libc("mount", None, b"/", None, 32 | 4096, None)
    return True


@attempt("uncover what is mounted over")
def umount() -> object:
    libc("umount2", b"/home", 2)
    return True


@attempt("undo the walls in a namespace of its own")
def unshare() -> object:
    if os.fork() == 0:
        try:
            libc("unshare", 0x10000000 | 0x00020000)
            LIBC.mount(None, b"/", None, 32 | 4096, None)
            LIBC.umount2(b"/home", 2)
            Path("/usr/abuildpy-planted").write_text("x")
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.wait()[1] == 0


@attempt("change the root folder")
def chroot() -> object:
    os.chroot(".")
    return True


@attempt("make a device")
def mknod() -> object:
    os.mknod("device", 0o20666, os.makedev(1, 1))
    return True


@attempt("type into the terminal")
def type_into_terminal() -> object:
    for number in (0, 1, 2):
        try:
            fcntl.ioctl(number, termios.TIOCSTI, b"x")
            return True
        except OSError:
            continue
    return False


@attempt("open the terminal")
def open_terminal() -> object:
    os.close(os.open("/dev/tty", os.O_RDWR))
    return True


@attempt("write to /proc/sys")
def proc_sys() -> object:
    with open("/proc/sys/kernel/core_pattern", "r+b", buffering=0) as file:
        return file.write(file.read())


@attempt("write to /sys")
def sys_fs() -> object:
    with open("/sys/kernel/uevent_helper" if os.path.exists("/sys/kernel/uevent_helper") else "/sys/power/state", "wb"):
        return True


@attempt("write to the kernel's log")
def kmsg() -> object:
    with open("/dev/kmsg", "wb") as file:
        return stat.S_ISCHR(os.fstat(file.fileno()).st_mode)


@attempt("open the machine's memory")
def dev_mem() -> object:
    with open("/dev/mem", "rb") as file:
        return stat.S_ISCHR(os.fstat(file.fileno()).st_mode)


@attempt("name the machine")
def hostname() -> object:
    libc("sethostname", b"planted", 7)
    return True


def main(plan: str, found: str) -> None:
    PLAN.update(json.loads(Path(plan).read_text()))
    PLAN["victim"] = int(Path(PLAN["victim_file"]).read_text())
    answers = {}
    for title, act in ATTEMPTS.items():
        try:
            PLANTED.clear()
            answers[title] = ("open" if act() else "shut") + "".join(f" {path}" for path in PLANTED)
        except Exception as error:
            answers[title] = f"shut: {type(error).__name__}: {error}"
    Path(found).write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
