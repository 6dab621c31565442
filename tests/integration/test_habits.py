# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and scripts around abuild rely on besides packages: files left behind, verbs nobody documents."""

from __future__ import annotations

import pytest
from buildkit import Place

pytest_plugins = ["buildfixtures"]


def test_descriptions_stay_beside_the_trees_with_k(place: Place, sandbox: str) -> None:
    folder = place.recipe(
        'package() { mkdir -p "$pkgdir"; echo > "$pkgdir"/file; }\ntwo() { mkdir -p "$subpkgdir"; pkgdesc=other; }\n',
        subpackages="foo-two:two",
    )
    place.build(folder, "-K", sandbox)
    for name, line in (("foo", "pkgdesc = Something to test with"), ("foo-two", "pkgdesc = other")):
        text = (folder / f"pkg/.control.{name}/.PKGINFO").read_text()
        assert line in text.splitlines()
        assert text.splitlines()[-1] == f"datahash = {place.package(name).info('datahash')[0]}"
    assert place.run(folder, "clean").status == 0
    assert not (folder / "pkg").exists()


def test_an_empty_lib_is_removed_but_not_passed_over(place: Place) -> None:
    folder = place.recipe('package() { mkdir -p "$pkgdir"/lib "$pkgdir"/usr/bin; }')
    done = place.build(folder)
    assert any("under /lib, use /usr/lib" in line for line in done.warnings), str(done)
    assert place.package("foo").members == {}
    assert place.package("foo").info("size") == ("1",)


@pytest.mark.parametrize(
    ("comment", "status"),
    [("Foo O'Brian <n@example.com>", 0), ("Łukasz <s@example.com>", 0), ("Foo<u@example.com>", 1), ("foo", 1)],
)
def test_check_maintainer(place: Place, comment: str, status: int) -> None:
    folder = place.recipe("")
    (folder / "APKBUILD").write_text(f"# Maintainer: {comment}\npkgname=foo\n")
    done = place.run(folder, "check_maintainer")
    assert (done.status, len(done.errors)) == (status, status), str(done)
    assert status or done.err == ""


def test_the_tools_that_recipes_may_call_by_variable(place: Place) -> None:
    folder = place.recipe(
        """
        _top="$program $FAKEROOT"
        build() { echo "$_top, $APK, $SUDO_APK, $ADDUSER, $ADDGROUP"; do_fakeroot id -u; }
        """
    )
    done = place.run(folder, "build", env={"FAKEROOT": "", "SUDO_APK": "sudo apk"})
    assert done.out == "abuild fakeroot, apk, sudo apk, abuild-adduser, abuild-addgroup\n0\n", str(done)


def test_check_license(place: Place) -> None:
    done = place.run(place.recipe("", options="!spdx", license="no such"), "check_license")
    assert (done.status, done.err) == (0, "")


def test_check_in_fakeroot_by_name(place: Place) -> None:
    done = place.run(place.recipe('check() { echo "as $(id -u)"; }'), "check_fakeroot")
    assert (done.status, done.out) == (0, "as 0\n"), str(done)
