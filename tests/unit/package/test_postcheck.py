# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from package_trees import MUSL, File, Folder, Item, Link, Program, elf, make_tree

from abuildpy.package.elf import find_elf
from abuildpy.package.model import list_has
from abuildpy.package.postcheck import (
    STDERR,
    STDOUT,
    Finding,
    Postcheck,
    libtool_archives,
    postcheck,
    removable_directories,
)
from abuildpy.package.tree import scan

ERROR, WARNING = "error", "warning"


def check(
    root: Path,
    items: dict[str, Item],
    name: str = "foo",
    options: str = "",
    capabilities: dict[bytes, bytes] | None = None,
) -> Postcheck:
    tree = make_tree(root, items, capabilities)
    return postcheck(tree, name, lambda flag: list_has(flag, tuple(options.split())), find_elf(tree))


def said(result: Postcheck) -> list[tuple[str, str]]:
    return [(finding.level, finding.lines[0]) for finding in result.findings]


def only(result: Postcheck) -> Finding:
    assert len(result.findings) == 1, result.findings
    return result.findings[0]


def test_ordinary_package_passes(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/bin/foo": Program(elf(interpreter=MUSL)),
        "usr/lib/libfoo.so.1": File(elf()),
        "etc/foo.conf": File(),
        "usr/share/foo/__pycache__/x.pyc": File(),
        "var/lib/foo": Folder(0o1755),
    }
    result = check(tmp_path / "p", items)
    assert result == Postcheck(())
    assert not result.failed


@pytest.mark.parametrize(
    "folder",
    [
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
    ],
)
def test_fhs_folders_must_be_empty(tmp_path: Path, folder: str) -> None:
    assert check(tmp_path / "empty", {folder: Folder()}).findings == ()
    expected = [(ERROR, f"Packages must not put anything under /{folder}")]
    assert said(check(tmp_path / "full", {f"{folder}/x": File(), f"{folder}/y": File()})) == expected
    assert said(check(tmp_path / "hidden", {f"{folder}/.x": Link("dangling")})) == expected
    assert check(tmp_path / "allowed", {f"{folder}/x": File()}, options="!fhs").findings == ()


def test_usr_var(tmp_path: Path) -> None:
    finding = only(check(tmp_path / "p", {"usr/var/lib/x": File()}))
    assert finding.is_error
    assert "/usr/var" in finding.lines[0]
    assert check(tmp_path / "p", {}, options="!fhs").findings == ()


def test_lib64(tmp_path: Path) -> None:
    both: dict[str, Item] = {"lib64/x": File(), "usr/lib64/x": File()}
    assert said(check(tmp_path / "p", both)) == [
        (ERROR, "Packages must not put anything under /lib64, use /usr/lib instead")
    ]
    assert said(check(tmp_path / "q", {"usr/lib64/x": File()})) == [
        (ERROR, "Packages must not put anything under /usr/lib64, use /usr/lib instead")
    ]
    assert check(tmp_path / "p", {}, options="lib64").findings == ()
    # as with abuild a link that leads nowhere in the package passes
    assert check(tmp_path / "r", {"lib64": Link("usr/lib")}).findings == ()


def test_usr_merge(tmp_path: Path) -> None:
    items: dict[str, Item] = {"bin/x": File(), "sbin": Link("nowhere"), "lib": Folder()}
    assert said(check(tmp_path / "p", items)) == [
        (WARNING, "Packages must not put anything under /bin, use /usr/bin instead"),
        (WARNING, "Packages must not put anything under /sbin, use /usr/bin instead"),
        (WARNING, "Packages must not put anything under /lib, use /usr/lib instead"),
    ]
    assert check(tmp_path / "p", {}, options="!usrmerge").findings == ()


def test_usr_merge_of_a_folder_that_was_removed_because_it_is_empty(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {})
    result = postcheck(tree, "foo", lambda _: False, {}, emptied=(b"usr/lib", b"etc", b"lib"))
    assert said(result) == [(WARNING, "Packages must not put anything under /lib, use /usr/lib instead")]
    assert postcheck(tree, "foo", lambda flag: flag == "!usrmerge", {}, emptied=(b"lib",)).findings == ()


def test_libtool_archives_are_to_be_deleted(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/lib/libx.la": File(),
        "usr/lib/y/z.la": File(),
        "usr/lib/link.la": Link("libx.la"),
        "usr/lib/d.la": Folder(),
    }
    assert libtool_archives(make_tree(tmp_path / "p", items)) == (b"usr/lib/libx.la", b"usr/lib/y/z.la")
    assert check(tmp_path / "p", {}) == Postcheck(())


def test_charset_alias(tmp_path: Path) -> None:
    finding = only(check(tmp_path / "p", {"usr/lib/charset.alias": File()}))
    assert finding.is_error
    assert "Found /usr/lib/charset.alias" in finding.lines[0]
    assert check(tmp_path / "p", {}, options="charset.alias").findings == ()


def test_service_files_modes(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "etc/init.d/good": Program(),
        "etc/init.d/bad": File(),
        "etc/init.d/link": Link("bad"),
        "etc/init.d/user/bad": File(),
        "etc/conf.d/good": File(),
        "etc/conf.d/bad": Program(),
        "etc/conf.d/user/bad": Program(),
    }
    findings = said(check(tmp_path / "p", items, name="foo-openrc"))
    assert [(level, text.split()[0]) for level, text in findings] == [
        (ERROR, "/etc/init.d/bad"),
        (ERROR, "/etc/init.d/user/bad"),
        (WARNING, "/etc/conf.d/bad"),
        (WARNING, "/etc/conf.d/user/bad"),
    ]
    assert "must have" in findings[0][1]
    assert "should not have" in findings[2][1]


@pytest.mark.parametrize(
    ("path", "suffix", "exempt"),
    [
        ("etc/init.d", "-openrc", None),
        ("etc/conf.d", "-openrc", None),
        ("usr/lib/systemd", "-systemd", "systemd"),
        ("usr/lib/udev", "-udev", "udev"),
        ("usr/share/doc", "-doc", None),
        ("usr/share/devhelp", "-devhelp", None),
        ("usr/share/man", "-doc", None),
        ("usr/lib/python3.12/site-packages/x/__pycache__", "-pyc", None),
        ("usr/share/locale", "-lang", None),
        ("usr/share/bash-completion", "-bash-completion", None),
        ("usr/share/zsh/site-functions", "-zsh-completion", None),
        ("usr/share/fish/vendor_completions.d", "-fish-completion", None),
    ],
)
def test_what_belongs_into_subpackages(tmp_path: Path, path: str, suffix: str, exempt: str | None) -> None:
    items: dict[str, Item] = {path: Folder()}
    finding = only(check(tmp_path / "p", items))
    assert finding.level == WARNING
    assert suffix in finding.lines[0]
    assert check(tmp_path / "p", {}, name=f"foo{suffix}").findings == ()
    if exempt:
        assert check(tmp_path / "p", {}, name=exempt).findings == ()
    else:
        assert check(tmp_path / "p", {}, name=suffix.removeprefix("-")).findings != ()


def test_old_fish_folder(tmp_path: Path) -> None:
    finding = only(check(tmp_path / "p", {"usr/share/fish/completions/foo.fish": File()}, name="foo-fish-completion"))
    assert finding.level == WARNING
    assert finding.lines[1] == (
        "fish completions for programs should be located in /usr/share/fish/vendor_completions.d"
    )


def test_uncompressed_manuals(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/share/man/man1/foo.1": File(),
        "usr/share/man/man3/foo.3.gz": File(),
        "usr/share/man/man1/link.1": Link("foo.1"),
        "usr/share/man/man9/foo.9": File(),
        "usr/share/doc/foo.1": File(),
    }
    finding = only(check(tmp_path / "p", items, name="foo-doc"))
    assert finding == Finding(ERROR, ("Found uncompressed man pages:",), ("\t/usr/share/man/man1/foo.1",), STDOUT)


def test_newline_in_a_name(tmp_path: Path) -> None:
    finding = only(check(tmp_path / "p", {"usr/bin/a\nb": File(), "usr/c\nd/e": File()}))
    assert finding.level == ERROR
    assert finding.lines == ("Found filenames with newline:",)
    assert finding.listing == ("\t/usr/bin/a\\nb", "\t/usr/c\\nd")
    assert finding.stream == STDERR


def test_world_writable_folders(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "var/a": Folder(0o777),
        "var/b": Folder(0o1777),
        "var/c": Folder(0o775),
        "var/d": File(b"", 0o777),
    }
    finding = only(check(tmp_path / "p", items))
    assert (finding.level, finding.listing, finding.stream) == (WARNING, ("\t/var/a", "\t/var/b"), STDOUT)


def test_setuid_programs(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/bin/fixed": File(elf(etype=2), 0o4710),
        "usr/bin/pie": File(elf(interpreter=MUSL), 0o2711),
        "usr/bin/plain": File(elf(etype=2), 0o755),
    }
    findings = check(tmp_path / "p", items).findings
    assert [f.level for f in findings] == [WARNING, WARNING, ERROR]
    assert findings[0].listing == ("\t/usr/bin/fixed",)
    assert findings[2].lines[0] == "Found executable files with SUID bit set:"
    assert findings[2].listing == ("\t/usr/bin/pie",)
    assert [f.level for f in check(tmp_path / "p", {}, options="suid").findings] == [WARNING, WARNING]


def test_capabilities(tmp_path: Path) -> None:
    items: dict[str, Item] = {"usr/bin/a": Program(), "usr/bin/b": File(b"", 0o750)}
    capabilities = {b"usr/bin/a": b"\1", b"usr/bin/b": b"\1"}
    assert said(check(tmp_path / "p", items, capabilities=capabilities)) == [
        (ERROR, "Found binary with extra capabilities: /usr/bin/a"),
        (WARNING, "Found setcap binary executable by others: /usr/bin/a"),
        (ERROR, "Found binary with extra capabilities: /usr/bin/b"),
    ]
    assert said(check(tmp_path / "p", {}, options="setcap", capabilities=capabilities)) == [
        (WARNING, "Found setcap binary executable by others: /usr/bin/a"),
    ]


def test_textrels(tmp_path: Path) -> None:
    finding = only(check(tmp_path / "p", {"usr/lib/libx.so": File(elf(textrel=True)), "usr/lib/liby.so": File(elf())}))
    assert finding.is_error
    assert finding.lines[0].startswith("Found textrels")
    assert finding.listing == ("\t/usr/lib/libx.so",)
    assert check(tmp_path / "p", {}, options="textrels").findings == ()


def test_findings_keep_abuilds_order(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "opt/x": File(),
        "usr/lib64/x": File(),
        "lib/x": File(),
        "etc/init.d/x": File(),
        "usr/share/man/x.1": File(),
        "usr/lib/python3/__pycache__/x": File(),
        "var/x": Folder(0o777),
        "usr/lib/x.so": File(elf(textrel=True)),
    }
    result = check(tmp_path / "p", items)
    assert result.failed
    assert [text.split()[0:3] for _, text in said(result)] == [
        ["Packages", "must", "not"],
        ["Packages", "must", "not"],
        ["Packages", "must", "not"],
        ["/etc/init.d/x", "must", "have"],
        ["Found", "an", "OpenRC"],
        ["Found", "manual", "pages"],
        ["Found", "uncompressed", "man"],
        ["Found", "__pycache__", "but"],
        ["Found", "directories", "that"],
        ["Found", "textrels", "(relocations"],
    ]


def test_empty_standard_folders(tmp_path: Path) -> None:
    root = tmp_path / "p"
    items: dict[str, Item] = {
        "usr/lib/x.la": File(),
        "usr/bin": Folder(),
        "usr/share": Folder(),
        "etc": Folder(),
        "lib": Link("usr/lib"),
        "var": Folder(),
    }
    tree = make_tree(root, items)
    assert removable_directories(tree, lambda flag: False) == (b"usr/bin", b"usr/share", b"etc")
    order = removable_directories(tree, lambda flag: False, deleted=[b"usr/lib/x.la"])
    assert order == (b"usr/lib", b"usr/bin", b"usr/share", b"usr", b"etc")
    assert removable_directories(tree, lambda flag: flag == "keepdirs") == ()
    os.unlink(root / "usr/lib/x.la")
    for path in order:
        os.rmdir(root / path.decode())
    assert [e.path for e in scan(root, {}, str, str, frozenset(), frozenset(), {}).entries] == [b"lib", b"var"]
