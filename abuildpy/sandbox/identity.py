# SPDX-License-Identifier: GPL-3.0-or-later
"""Who exists inside the sandbox: the users and groups that a recipe may name, and the account that it runs under.

The recipe's ``install -o minio`` and ``chown :video`` must mean the same on every machine, so ``/etc/passwd`` and
``/etc/group`` are replaced by Alpine's base accounts, the recipe's ``pkgusers`` and ``pkggroups``, and the build
user. The packer outside turns ids into names by the same lists.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser

BUILD_ID = 65525
"""Id of recipe code wherever we may choose.

Between systemd's ranges (61184 to 65519 is for dynamic users; 65520 to 65533 is given to nobody) and below 65536, so
that a container that maps 65536 ids has it; Debian reserves it, Alpine gives out 100 to 999 and 1000 upwards. No
recipe has it either.
"""

VIEW_ID = 1000
"""Id of recipe code in a clean root, where there are no other people."""

NOLOGIN = "/sbin/nologin"
NOGROUP = 65533

# Alpine's base accounts (alpine-baselayout): name → (uid, gid, home, shell).
BASE_USERS: Mapping[str, tuple[int, int, str, str]] = {
    "root": (0, 0, "/root", "/bin/sh"),
    "bin": (1, 1, "/bin", NOLOGIN),
    "daemon": (2, 2, "/sbin", NOLOGIN),
    "lp": (4, 7, "/var/spool/lpd", NOLOGIN),
    "sync": (5, 0, "/sbin", "/bin/sync"),
    "shutdown": (6, 0, "/sbin", "/sbin/shutdown"),
    "halt": (7, 0, "/sbin", "/sbin/halt"),
    "mail": (8, 12, "/var/mail", NOLOGIN),
    "news": (9, 13, "/usr/lib/news", NOLOGIN),
    "uucp": (10, 14, "/var/spool/uucppublic", NOLOGIN),
    "cron": (16, 16, "/var/spool/cron", NOLOGIN),
    "ftp": (21, 21, "/var/lib/ftp", NOLOGIN),
    "sshd": (22, 22, "/dev/null", NOLOGIN),
    "games": (35, 35, "/usr/games", NOLOGIN),
    "ntp": (123, 123, "/var/empty", NOLOGIN),
    "guest": (405, 100, "/dev/null", NOLOGIN),
    "nobody": (65534, 65534, "/", NOLOGIN),
}
BASE_GROUPS: Mapping[str, tuple[int, str]] = {
    "root": (0, "root"),
    "bin": (1, "root,bin,daemon"),
    "daemon": (2, "root,bin,daemon"),
    "sys": (3, "root,bin"),
    "adm": (4, "root,daemon"),
    "tty": (5, ""),
    "disk": (6, "root"),
    "lp": (7, "lp"),
    "kmem": (9, ""),
    "wheel": (10, "root"),
    "floppy": (11, "root"),
    "mail": (12, "mail"),
    "news": (13, "news"),
    "uucp": (14, "uucp"),
    "cron": (16, "cron"),
    "audio": (18, ""),
    "cdrom": (19, ""),
    "dialout": (20, "root"),
    "ftp": (21, ""),
    "sshd": (22, ""),
    "input": (23, ""),
    "tape": (26, "root"),
    "video": (27, "root"),
    "netdev": (28, ""),
    "kvm": (34, "kvm"),
    "games": (35, ""),
    "shadow": (42, ""),
    "www-data": (82, ""),
    "users": (100, "games"),
    "ntp": (123, ""),
    "abuild": (300, ""),
    "utmp": (406, ""),
    "ping": (999, ""),
    "nogroup": (NOGROUP, ""),
    "nobody": (65534, ""),
}

_FIRST_USER = 100  # as Alpine's adduser -S and addgroup -S count
_FIRST_GROUP = 101


@dataclass(frozen=True, slots=True)
class Identity:
    """The accounts of one build: the text of the two files, and the names that ids have in them."""

    passwd_text: str
    group_text: str
    users: Mapping[int, str]
    groups: Mapping[int, str]

    @classmethod
    def build(
        cls,
        users: Iterable[str],
        groups: Iterable[str],
        uid: int,
        gid: int,
        *,
        home: str = "/home/builder",
        base: tuple[str, str] | None = None,
    ) -> Identity:
        """Accounts for a recipe with these ``pkgusers`` and ``pkggroups``, built by ``uid``:``gid``.

        System users get ids from 100 and groups from 101, in the order given, as Alpine's ``adduser -S`` would on a
        fresh system; a user belongs to the group of its own name if there is one, else to nogroup. ``base`` holds the
        texts of a passwd and a group file to add to, None for Alpine's base system; names in them keep their ids. None
        of the new ids is the build user's. Raises SandboxError for a name that would break the files.
        """
        user_lines, group_lines = (text.splitlines() for text in base) if base else _base_lines()
        gids, uids = _ids(group_lines), _ids(user_lines)
        taken = {*gids.values(), gid}
        for name in dict.fromkeys(groups):
            if _checked(name) not in gids:
                gids[name] = _next_free(_FIRST_GROUP, taken)
                taken.add(gids[name])
                group_lines.append(f"{name}:x:{gids[name]}:")

        taken = {*uids.values(), uid}
        for name in dict.fromkeys(users):
            if _checked(name) not in uids:
                uids[name] = _next_free(_FIRST_USER, taken)
                taken.add(uids[name])
                user_lines.append(f"{name}:x:{uids[name]}:{gids.get(name, NOGROUP)}:{name}:/dev/null:{NOLOGIN}")

        builder = os.path.basename(home)
        builder = next(name for name in (builder, "abuilder", "_builder_") if name not in uids and name not in gids)
        if gid not in gids.values():
            gids[builder] = gid
            group_lines.append(f"{builder}:x:{gid}:")
        if uid not in uids.values():
            uids[builder] = uid
            user_lines.append(f"{builder}:x:{uid}:{gid}:{builder}:{home}:/bin/sh")
        return cls(
            "\n".join(user_lines) + "\n",
            "\n".join(group_lines) + "\n",
            {number: name for name, number in reversed(uids.items())},
            {number: name for name, number in reversed(gids.items())},
        )

    def user_name(self, uid: int) -> str:
        """The name of a user id; empty if it has none."""
        return self.users.get(uid, "")

    def group_name(self, gid: int) -> str:
        """The name of a group id; empty if it has none."""
        return self.groups.get(gid, "")

    def write(self, folder: Path) -> tuple[tuple[Path, Path], ...]:
        """Write both files into ``folder`` (ours, out of the recipe's reach); returns them as ``Request.files``."""
        pairs = []
        for name, text in (("passwd", self.passwd_text), ("group", self.group_text)):
            target = folder / name
            target.write_text(text, encoding="utf-8")
            target.chmod(0o644)
            pairs.append((target, Path("/etc") / name))
        return tuple(pairs)


def _base_lines() -> tuple[list[str], list[str]]:
    """Lines of /etc/passwd and /etc/group of Alpine's base system."""
    users = [
        f"{name}:x:{number}:{group}:{name}:{folder}:{shell}"
        for name, (number, group, folder, shell) in BASE_USERS.items()
    ]
    return users, [f"{name}:x:{number}:{members}" for name, (number, members) in BASE_GROUPS.items()]


def _ids(lines: Iterable[str]) -> dict[str, int]:
    """Numbers by name, of lines of either file; lines without a number are left out."""
    fields = (line.split(":") for line in lines)
    return {field[0]: int(field[2]) for field in fields if len(field) > 2 and field[2].isascii() and field[2].isdigit()}


def _checked(name: str) -> str:
    if not name or name.startswith(("-", "+")) or any(c in ":/,\n" or c.isspace() for c in name):
        raise SandboxError(f"No possible name of a user or group: {name!r}", hint="see pkgusers and pkggroups")
    return name


def _next_free(first: int, taken: Container[int]) -> int:
    number = first
    while number in taken:
        number += 1
    return number


def build_user(startdir: Path, *, chosen: int | None = None) -> BuildUser:
    """The account for recipe code inside full walls.

    An ordinary caller's stages stay the caller for the system, and see themselves as :data:`BUILD_ID`. For root it is
    the owner of the recipe's folder, so that what the build leaves behind is theirs; where that is root too,
    ``chosen`` or else :data:`BUILD_ID`. Raises SandboxError if ``chosen`` is root.
    """
    if os.geteuid() != 0:
        return BuildUser(BUILD_ID, BUILD_ID, os.geteuid(), os.getegid())
    if chosen is not None:
        if chosen <= 0:
            raise SandboxError("Recipes are not built as root", hint="choose another build user id")
        return BuildUser(chosen, chosen, chosen, chosen, drops=True)
    owner = os.stat(startdir).st_uid
    if owner != 0:
        gid = _primary_group(owner)
        return BuildUser(owner, gid, owner, gid, drops=True)
    number = _unused_id()
    return BuildUser(number, number, number, number, drops=True)


def _primary_group(uid: int) -> int:
    """The user's own group; never root's, and never the recipe folder's, which may be a mighty one."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid or uid
    except KeyError:
        return uid


def _unused_id() -> int:
    """BUILD_ID, or the next one below that no account of this machine has."""
    import grp
    import pwd

    for number in range(BUILD_ID, 65519, -1):
        try:
            pwd.getpwuid(number)
        except KeyError:
            try:
                grp.getgrgid(number)
            except KeyError:
                return number
    return BUILD_ID


def may_enter(folder: Path, user: BuildUser) -> bool:
    """Whether the mode bits let the user pass through ``folder`` (access lists are not looked at)."""
    return _allowed(os.stat(folder), user, 0o1)


def may_read(path: Path, user: BuildUser) -> bool:
    """Whether the mode bits let the user read the file, or list and enter the folder."""
    info = os.stat(path)
    return _allowed(info, user, 0o5 if os.path.isdir(path) else 0o4)


def reachable(path: Path, user: BuildUser) -> bool:
    """Whether the user can get to ``path`` from the root of the host's file system, and read it."""
    real = Path(os.path.realpath(path))
    return all(may_enter(parent, user) for parent in real.parents) and may_read(real, user)


def _allowed(info: os.stat_result, user: BuildUser, bits: int) -> bool:
    if user.host_uid == 0:
        return True
    if info.st_uid == user.host_uid:
        return (info.st_mode >> 6) & bits == bits
    if info.st_gid == user.host_gid:
        return (info.st_mode >> 3) & bits == bits
    return info.st_mode & bits == bits
