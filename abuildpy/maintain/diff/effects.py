# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different when a package is installed: rights, configuration, services, accounts, and the scripts that run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from abuildpy.errors import RecipeError
from abuildpy.maintain.diff.contents import Contents, File
from abuildpy.maintain.diff.files import Matched, is_text, unified
from abuildpy.maintain.diff.model import Change

_SERVICES: Final = "etc/init.d/"
_JOBS: Final = ("etc/periodic/", "etc/cron.d/", "etc/crontabs/")
_RIGHTS: Final = (
    "etc/sudoers.d/",
    "etc/doas.d/",
    "etc/pam.d/",
    "etc/polkit-1/",
    "etc/security/",
    "usr/share/polkit-1/",
    "usr/share/dbus-1/system.d/",
    "usr/share/dbus-1/system-services/",
)
_BOOT: Final = (
    "etc/modules-load.d/",
    "usr/lib/modules-load.d/",
    "lib/modules-load.d/",
    "etc/sysctl.d/",
    "usr/lib/sysctl.d/",
    "lib/udev/rules.d/",
    "usr/lib/udev/rules.d/",
)
_ACCOUNTS: Final = {"adduser": "user", "useradd": "user", "addgroup": "group", "groupadd": "group"}
_SETUID, _SETGID, _STICKY, _BY_ALL = 0o4000, 0o2000, 0o1000, 0o2
_LARGEST_SCRIPT: Final = 1 << 20
_LARGEST_PARSED: Final = 1 << 17
"""Far above real ones; the parser takes seconds for more."""


def effects(old: Contents, new: Contents, matched: Matched) -> Iterator[Change]:
    """What installing the new package does that the old one did not, or the other way round; scripts themselves apart."""
    yield from _rights(matched)
    yield from _special_folders(matched)
    yield from _configuration(matched)
    yield from _accounts(old, new)


def _rights(matched: Matched) -> Iterator[Change]:
    for old, new in matched.pairs:
        yield from _more_rights(new, _powers(old), _powers(new))
    for file in matched.came:
        yield from _more_rights(file, {}, _powers(file))
    for file in matched.went:
        for power, value in _powers(file).items():
            yield Change("-", file.path, value, "", where=power)


def _more_rights(file: File, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for power in dict.fromkeys((*before, *after)):
        old, new = before.get(power, ""), after.get(power, "")
        if old != new:
            yield Change("~" if old and new else "+" if new else "-", file.path, old, new, where=power)


def _powers(file: File) -> dict[str, str]:
    """What a file lets people do that others do not."""
    found = {}
    if file.kind in "lcb":
        return {} if file.kind == "l" else {"device": file.target}
    user, _, group = file.owner.partition(":")
    if file.kind == "f" and file.mode & _SETUID:
        found["setuid"] = user
    if file.kind == "f" and file.mode & _SETGID:
        found["setgid"] = group
    if file.capability:
        found["capabilities"] = file.capability
    if file.mode & _BY_ALL and not (file.kind == "d" and file.mode & _STICKY):
        found["writable by all"] = f"{file.mode:04o}"
    return found


def _special_folders(matched: Matched) -> Iterator[Change]:
    places: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("service", (_SERVICES,)),
        ("regular job", _JOBS),
        ("rights of others", _RIGHTS),
        ("when the system starts", _BOOT),
    )
    for where, prefixes in places:
        for sign, files in (("+", matched.came), ("-", matched.went)):
            for file in files:
                if file.kind != "d" and file.path.startswith(prefixes):
                    name = file.path.removeprefix(_SERVICES)
                    if sign == "+":
                        yield Change("+", name, "", file.path, where=where)
                    else:
                        yield Change("-", name, file.path, "", where=where)


def _configuration(matched: Matched) -> Iterator[Change]:
    """Files in /etc, which apk protects: those that somebody changed stay, and the new one lies beside as ``.apk-new``."""
    for old, new in matched.pairs:
        if _is_configuration(new) and old.digest != new.digest:
            note = "where it was changed, the new one comes as .apk-new"
            yield Change("~", new.path, f"{old.size:,} B", f"{new.size:,} B", note, where="configuration")
    for file in matched.came:
        if _is_configuration(file):
            yield Change("+", file.path, "", f"{file.size:,} B", where="configuration")
    for file in matched.went:
        if _is_configuration(file):
            yield Change("-", file.path, f"{file.size:,} B", "", where="configuration")


def _is_configuration(file: File) -> bool:
    others = (_SERVICES, *_JOBS, *_RIGHTS, *_BOOT)
    return file.kind == "f" and file.path.startswith("etc/") and not file.path.startswith(others)


# --- scripts -----------------------------------------------------------------------------------------------------


def scripts(old: Contents, new: Contents) -> Iterator[Change]:
    """Scripts that came, went or changed, with what changed in them."""
    before, after = old.apk.scripts, new.apk.scripts
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one != other:
            sign = "+" if one is None else "-" if other is None else "~"
            lines, note = _lines(one or b"", other or b"")
            what = name.removeprefix(".")
            yield Change("+" if sign == "+" else "-" if sign == "-" else "~", what, note=note, lines=lines)


def _lines(old: bytes, new: bytes) -> tuple[tuple[str, ...], str]:
    if max(len(old), len(new)) > _LARGEST_SCRIPT:
        return (), f"{len(old):,} B -> {len(new):,} B: too large to be compared line by line"
    if not (is_text(old) and is_text(new)):
        return (), f"{len(old):,} B -> {len(new):,} B: not text"
    return unified(old, new), ""


def _accounts(old: Contents, new: Contents) -> Iterator[Change]:
    before, after = _made(old), _made(new)
    for kind, name in sorted({*before, *after}):
        if (kind, name) not in before:
            yield Change("+", name, "", f"by {after[kind, name]}", where=f"new {kind}")
        elif (kind, name) not in after:
            yield Change("-", name, f"by {before[kind, name]}", "", where=f"new {kind}")


def _made(contents: Contents) -> dict[tuple[str, str], str]:
    """Users and groups that scripts make, each with the script."""
    found: dict[tuple[str, str], str] = {}
    for script, content in contents.apk.scripts.items():
        if len(content) <= _LARGEST_PARSED:
            for account in accounts_in(content):
                found.setdefault(account, script.removeprefix("."))
    return found


def accounts_in(script: bytes) -> list[tuple[str, str]]:
    """(``user`` or ``group``, name) of each account that a script makes, as far as the names are written out.

    The forms are those of BusyBox (``addgroup [-g GID] [-S] [USER] GROUP``, ``adduser [OPTIONS] USER [GROUP]``) and of
    shadow. Nothing is run, and a script that is no shell script has none.
    """
    from abuildpy.recipe.syntax import parse

    try:
        found: list[tuple[str, str]] = []
        commands(parse(script).commands, lambda words: found.extend(_account(words)))
    except (RecipeError, RecursionError):
        return []
    return list(dict.fromkeys(found))


_WITH_VALUE: Final = {
    "adduser": "hgsGuku",
    "addgroup": "g",
    "useradd": "bcdefgGkKpPRsuZ",
    "groupadd": "gKpPRU",
}


def _account(words: list[str | None]) -> Iterator[tuple[str, str]]:
    name = (words[0] or "").rpartition("/")[2] if words else ""
    kind = _ACCOUNTS.get(name)
    if kind is None:
        return
    rest, names = iter(words[1:]), []
    for word in rest:
        if word is not None and word.startswith("-") and word != "-":
            if not word.startswith("--") and word[-1] in _WITH_VALUE[name]:
                next(rest, None)
        else:
            names.append(word)
    if len(names) == 1 and names[0]:  # with two of them, a user is put into a group
        yield kind, names[0]


def commands(items: object, see: Callable[[list[str | None]], None]) -> None:
    """Calls ``see`` with the words of each plain command of a script's tree; None for words that only running it can tell."""
    from dataclasses import fields, is_dataclass

    from abuildpy.recipe.syntax.nodes import Assign, Simple

    waiting = [items]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Simple):
            see([word.constant if not isinstance(word, Assign) else None for word in item.words])
        if isinstance(item, tuple):
            waiting.extend(reversed(item))
        elif is_dataclass(item) and not isinstance(item, type):
            waiting.extend(getattr(item, each.name) for each in reversed(fields(item)))
