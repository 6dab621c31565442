# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild rootbld`` with a stand-in for apk that fills a root from this machine: what is inside, and what is not."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from buildkit import wait_for
from rootkit import PACKAGE, RootPlace, rootbld_fails, rooted_recipe

pytest_plugins = ("buildfixtures", "rootfixtures")
pytestmark = pytest.mark.usefixtures("walls")

# --- what it makes ---------------------------------------------------------------------------------------------------


def test_a_package_comes_out(rooted: RootPlace) -> None:
    functions = 'build() { cat /etc/marker > made; }\npackage() { install -Dm644 made "$pkgdir"/usr/share/foo/made; }\n'
    done = rooted.rootbld(rooted_recipe(rooted, functions, makedepends="zlib-dev lead", depends="bar"))
    package = rooted.place.package()
    assert package.contents["usr/share/foo/made"] == b"packages\n"
    assert package.owner("usr/share/foo/made") == ("root", "root", 0, 0)
    assert "foo" in rooted.place.index()
    lines = [line.removeprefix(">>> foo: ") for line in done.err.splitlines()]
    mirror = "http://dl-cdn.alpinelinux.org/alpine/edge"
    assert [line for line in lines if line.startswith("Using repository")] == [
        f"Using repository {rooted.place.repodest}/main",
        f"Using repository {mirror}/main",
        f"Using repository {rooted.place.repodest}/main",
        f"Using repository {mirror}/community",
        f"Using repository {rooted.place.repodest}/community",
    ]
    assert lines.index("Preparing build chroot...") < lines.index("Cleaning up build chroot")
    (call,) = rooted.called()
    usermode = [] if os.geteuid() == 0 and rooted.place.owner is None else ["--usermode"]
    found = re.fullmatch(r"(.*) --cache-dir (\S+) (--initdb --update --arch \S+) --root (\S+) (.*)", call)
    assert found, call
    assert found[1].split() == ["--no-interactive", *usermode, "add"]
    assert found[2] == str(rooted.place.home / ".cache/apk")
    assert Path(found[2]).is_dir()
    assert found[3].split()[-1] == rooted.place.arch
    assert found[5] == "abuild alpine-base build-base bar zlib-dev lead"
    assert Path(f"{rooted.calls}.repositories").read_text() == "".join(
        line.removeprefix("Using repository ") + "\n" for line in lines if line.startswith("Using repository")
    )


def test_the_recipes_folder_stays_clean(rooted: RootPlace) -> None:
    folder = rooted_recipe(rooted)
    rooted.rootbld(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["APKBUILD", "data"]


def test_inside(rooted: RootPlace) -> None:
    """The paths and the environment are abuild's, the same for everybody."""
    functions = """\
        note() { printf '%s\\n' "$1 $2" >> /tmp/tmp/notes; }
        prepare() {
            default_prepare
            note pwd "$PWD"; note startdir "$startdir"; note srcdir "$srcdir"; note pkgdir "$pkgdir"; note home "$HOME"
            note srcdest "$SRCDEST"; note repodest "$REPODEST"; note aports "$APORTSDIR"
            note user "$(id -un):$(id -u):$(id -g)"; note host "$(hostname)"; note link "$(readlink "$srcdir"/data)"
            note path "$PATH"; note stray "${STRAY-unset}"; note builddir "$builddir"
            note epoch "$SOURCE_DATE_EPOCH"; note list "$(ls /home/user/aports/main/foo | tr '\\n' ' ')"
            note homes "$(ls /home)"; note root "$(ls -d /root/* 2>/dev/null)"; note conf "$FROM_SYSTEM $FROM_USER"
            echo kept > "$HOME"/mark
        }
        build() { note mark "$(cat "$HOME"/mark)"; touch /etc/x 2>/dev/null || note readonly yes; }
        check() { note checked yes; }
        package() { install -Dm644 /tmp/tmp/notes "$pkgdir"/usr/share/foo/notes; }
        """
    place = rooted.place
    system = place.base / "system.conf"
    system.write_text("FROM_SYSTEM=system\n")
    user = place.home / ".abuild/abuild.conf"
    user.write_text(user.read_text() + "FROM_USER=user\n")
    folder = rooted_recipe(rooted, functions, options="")
    env = {"STRAY": "x", "ABUILD_CONF": str(system), "SOURCE_DATE_EPOCH": "1700000000", "builddir": "/nowhere"}
    rooted.rootbld(folder, env=env)
    notes = dict(line.split(" ", 1) for line in place.package().contents["usr/share/foo/notes"].decode().splitlines())
    assert notes == {
        "pwd": "/tmp/src",
        "startdir": "/home/user/aports/main/foo",
        "srcdir": "/tmp/src",
        "builddir": "/tmp/src",
        "pkgdir": "/tmp/pkg/foo",
        "home": "/home/user",
        "srcdest": "/tmp/distfiles",
        "repodest": "/home/user/packages",
        "aports": "/home/user/aports",
        "user": "user:1000:1000",
        "host": f"build-edge-{place.arch}",
        "link": "/home/user/aports/main/foo/data",
        "path": "/bin:/usr/bin:/sbin:/usr/sbin:/run/abuildpy/runtime/bin",
        "stray": "unset",
        "epoch": "1700000000",
        "list": "APKBUILD data src ",
        "homes": "user",
        "root": "",
        "conf": "system user",
        "mark": "kept",
        "readonly": "yes",
        "checked": "yes",
    }


def test_accounts(rooted: RootPlace) -> None:
    """The root's own accounts come first, then the recipe's, counted as Alpine counts."""
    functions = """\
        package() {
            mkdir -p "$pkgdir"/var/lib/a "$pkgdir"/var/lib/b "$pkgdir"/var/lib/c
            chown minio:video "$pkgdir"/var/lib/a
            chown lead:lead "$pkgdir"/var/lib/b
            grep -E '^(minio|lead|user)' /etc/passwd > "$pkgdir"/var/lib/c/passwd
            grep -E '^(minio|video|lead|user)' /etc/group > "$pkgdir"/var/lib/c/group
        }
        """
    rooted.rootbld(rooted_recipe(rooted, functions, pkgusers="minio", pkggroups="minio video"))
    package = rooted.place.package()
    assert package.owner("var/lib/a") == ("minio", "video", 0, 0)
    assert package.owner("var/lib/b") == ("lead", "lead", 77, 77)
    assert package.contents["var/lib/c/passwd"].decode().splitlines() == [
        "lead:x:77:77:lead:/:/bin/sh",
        "minio:x:100:101:minio:/dev/null:/sbin/nologin",
        "user:x:1000:1000:user:/home/user:/bin/sh",
    ]
    assert sorted(package.contents["var/lib/c/group"].decode().splitlines()) == [
        "lead:x:77:",
        "minio:x:101:",
        "user:x:1000:",
        "video:x:102:",
    ]


def test_no_key_inside(rooted: RootPlace) -> None:
    """Neither by its path, nor in the home, nor in /proc, nor anywhere else that can be read."""
    place = rooted.place
    functions = f"""\
        build() {{
            ! ls {place.key} 2>/dev/null
            ! ls "$ABUILD_USERDIR" 2>/dev/null
            ! grep -rl 'PRIVATE [K]EY' /home /tmp /run /etc /var 2>/dev/null
        }}
        {PACKAGE}"""
    rooted.rootbld(rooted_recipe(rooted, functions))
    assert place.public.name in Path(f"{rooted.calls}.keys").read_text().splitlines()
    assert place.key.name not in Path(f"{rooted.calls}.keys").read_text().splitlines()


def test_a_token_in_a_checkout_is_not_inside(rooted: RootPlace) -> None:
    functions = """
        package() {
            ! grep -r "basic tok" "$startdir"/.git || return 1
            install -Dm644 "$startdir"/.git/config "$pkgdir"/usr/share/foo/config
        }
        """
    folder = rooted_recipe(rooted, functions)
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("[core]\n\tbare = false\n[http]\n\textraheader = AUTHORIZATION: basic tok-1\n")
    (folder / ".git/config").chmod(0o644)
    rooted.rootbld(folder)
    assert b"bare = false" in rooted.place.package().contents["usr/share/foo/config"]


def test_subpackages_scripts_and_splits(rooted: RootPlace) -> None:
    functions = """\
        package() {
            install -Dm644 "$srcdir"/data "$pkgdir"/usr/share/doc/foo/data
            mkdir -p "$pkgdir"/usr/bin
            echo x > "$pkgdir"/usr/bin/x
        }
        more() { depends=bar; amove usr/bin; }
        """
    folder = rooted_recipe(
        rooted,
        functions,
        subpackages="$pkgname-doc $pkgname-more",
        install="$pkgname.post-install",
        extra={"foo.post-install": "#!/bin/sh\nexit 0\n"},
    )
    rooted.rootbld(folder)
    assert rooted.place.package("foo-more").files == ["usr/bin/x"]
    assert rooted.place.package("foo-more").info("depend") == ("bar",)
    assert rooted.place.package("foo-doc").files == ["usr/share/doc/foo/data"]
    assert ".post-install" in rooted.place.package().apk.scripts


def test_providers_are_the_roots(rooted: RootPlace) -> None:
    """What a binary needs is looked up in what was installed inside, not on this machine."""
    functions = """\
        package() { install -Dm755 /bin/busybox "$pkgdir"/usr/bin/foo; }
        """
    done = rooted.rootbld(rooted_recipe(rooted, functions, arch="all", options="!check !strip"))
    assert "so:libc.so.6" in rooted.place.package().info("depend")
    assert not done.warnings or "so:libc.so.6" not in " ".join(done.warnings)


def test_network_only_with_the_option(rooted: RootPlace) -> None:
    functions = """\
        build() {
            ! test -e /etc/resolv.conf
            wc -l < /proc/net/route > net
        }
        package() { install -Dm644 net "$pkgdir"/net; }
        """
    rooted.rootbld(rooted_recipe(rooted, functions))
    assert rooted.place.package().contents["net"] == b"1\n"  # the table's head line alone


# --- files that say how ----------------------------------------------------------------------------------------------


def test_the_commit_is_not_made_dirty_by_fetching(ours: RootPlace) -> None:
    folder = rooted_recipe(ours)
    git = ["git", "-C", str(ours.place.aports), "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for words in ("init -q", "add -A", "commit -qm recipes"):
        subprocess.run(
            [*git, *words.split()], check=True, env={**ours.place.environment, "GIT_CONFIG_GLOBAL": "/dev/null"}
        )
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    ours.rootbld(folder)
    assert ours.place.package().info("commit") == (commit,)
    ours.place.build(folder, "-f")
    assert ours.place.package().info("commit") == (commit,)


def test_release_and_mirror_from_git(ours: RootPlace) -> None:
    place = ours.place
    folder = rooted_recipe(ours)
    git = ["git", "-C", str(place.aports)]
    for words in (
        ["init", "-q", "-b", "3.21-stable"],
        ["config", "abuild.mirror", "/srv/mirror"],
        ["config", "abuild.flavour", "x"],
    ):
        subprocess.run([*git, *words], check=True, env={**place.environment, "GIT_CONFIG_GLOBAL": "/dev/null"})
    (place.aports / "main/.rootbld-repositories").write_text("# ours\n$mirror/$version/$flavour\n\n")
    done = ours.rootbld(folder)
    assert "Using repository /srv/mirror/v3.21/x\n" in done.err
    assert f"Using repository {place.repodest}/x\n" in done.err
    assert "#" not in Path(f"{ours.calls}.repositories").read_text()


def test_package_cache(ours: RootPlace) -> None:
    cache = ours.place.base / "apk-cache"
    ours.rootbld(rooted_recipe(ours), env={"ABUILD_PACKAGE_CACHE": str(cache)})
    assert cache.is_dir()
    ours.rootbld(rooted_recipe(ours, name="bar"), env={"ABUILD_PACKAGE_CACHE": ""})
    first, second = ours.called()
    assert f"--cache-dir {cache} " in first
    assert "--cache-dir" not in second


def test_own_command(ours: RootPlace) -> None:
    ours.rootbld(rooted_recipe(ours), env={"ROOTBLD_APK": f"{ours.place.base}/programs/apk --verbose"})
    assert ours.called()[0].startswith("--verbose add ")


def test_merged_usr(ours: RootPlace) -> None:
    functions = 'build() { readlink /bin > link; }\npackage() { install -Dm644 link "$pkgdir"/link; }\n'
    ours.rootbld(rooted_recipe(ours, functions), env={"BOOTSTRAP_USR_MERGED": "1"})
    assert ours.place.package().contents["link"] == b"usr/bin\n"


def test_sysroot_of_another_machine(ours: RootPlace) -> None:
    """With CHOST set there are two roots; the second is built against and can only be read."""
    functions = """\
        build() { ls "$CBUILDROOT"usr/include > seen; echo "$CBUILDROOT $CHOST $CC" >> seen; ! touch "$CBUILDROOT"x 2>/dev/null; }
        package() { install -Dm644 seen "$pkgdir"/seen; }
        """
    other = "aarch64" if ours.place.arch != "aarch64" else "x86_64"
    folder = rooted_recipe(ours, functions, makedepends_host="zlib-dev", makedepends_build="meson")
    ours.rootbld(folder, env={"CHOST": other, "CROSS_COMPILE": None})
    base, sysroot = ours.called()
    assert base.endswith(f"abuild alpine-base build-base-{other} meson")
    assert "--no-scripts --keys-dir " in sysroot
    assert f"--arch {other}" in sysroot
    assert sysroot.endswith("/etc/apk/repositories zlib-dev")
    package = ours.place.package(arch=other)
    assert package.contents["seen"].decode().splitlines() == [
        "host.h",
        f"/home/user/sysroot-{other}/ {other}-alpine-linux-musl {other}-alpine-linux-musl-cc",
    ]


def test_ccache(ours: RootPlace) -> None:
    functions = """\
        build() { echo used > "$CCACHE_DIR"/mark; echo "$PATH" > p; }
        package() { install -Dm644 p "$pkgdir"/p; }
        """
    cache = ours.place.base / "ccache"
    cache.mkdir()
    cache.chmod(0o777)
    ours.rootbld(rooted_recipe(ours, functions), env={"USE_CCACHE": "1", "CCACHE_DIR": str(cache)})
    assert (cache / "mark").read_text() == "used\n"
    assert ours.place.package().contents["p"].startswith(b"/usr/lib/ccache/bin:/bin:")
    assert " ccache" in ours.called()[0]


# --- nothing to do, and failures -------------------------------------------------------------------------------------


def test_up_to_date_and_other_architectures(ours: RootPlace) -> None:
    folder = rooted_recipe(ours)
    ours.rootbld(folder)
    done = ours.place.run(folder, "rootbld")
    assert (done.status, len(ours.called())) == (0, 1)
    assert done.err.endswith("foo: Package is up to date\n")
    ours.rootbld(folder, "-f")
    assert len(ours.called()) == 2
    done = ours.place.run(rooted_recipe(ours, name="bar", arch="s390x"), "rootbld")
    assert done.status == 0
    assert done.err.endswith(f"bar: Package not available for the target architecture ({ours.place.arch}). Skipping.\n")


def test_no_template(ours: RootPlace) -> None:
    folder = rooted_recipe(ours)
    (ours.place.aports / "main/.rootbld-repositories").unlink()
    done = rootbld_fails(ours, folder)
    assert ".rootbld-repositories" in done.errors[0]
    assert ours.called() == []


def test_no_apk(ours: RootPlace) -> None:
    (ours.place.base / "programs/apk").unlink()
    done = rootbld_fails(ours, rooted_recipe(ours), env={"APK": "no-such-apk", "CBUILD": ours.place.arch})
    assert "no-such-apk" in done.errors[0]


def test_apkrootbld_fails(ours: RootPlace) -> None:
    done = rootbld_fails(ours, rooted_recipe(ours, makedepends="missing-package"))
    assert "the clean root could not be made" in done.errors[0]
    assert "unable to select packages: missing-package" in done.err
    assert ours.leftovers() == []


def test_a_dependency_that_is_an_option(ours: RootPlace) -> None:
    done = rootbld_fails(ours, rooted_recipe(ours, makedepends="--allow-untrusted"))
    assert "'--allow-untrusted' is no dependency" in done.errors[0]
    assert ours.called() == []


def test_a_phaserootbld_fails(ours: RootPlace) -> None:
    folder = rooted_recipe(ours, "build() { echo half > half; return 3; }\npackage() { :; }\n")
    done = rootbld_fails(ours, folder)
    assert done.errors == ["foo: build failed"]
    assert ours.leftovers() == []
    conf = ours.place.home / ".abuild/abuild.conf"
    conf.write_text(conf.read_text() + "ERROR_CLEANUP=\n")
    done = rootbld_fails(ours, folder)
    (left,) = ours.leftovers()
    assert f"its tree is kept in {left}/src for looking" in done.err
    assert (left / "src/half").read_text() == "half\n"
    subprocess.run(["chmod", "-R", "u+rwX", str(left)], check=True)
    subprocess.run(["rm", "-rf", str(left)], check=True)


def test_the_root_of_a_killed_build_goes_with_the_next(ours: RootPlace) -> None:
    """One that was left for looking at stays."""
    conf = ours.place.home / ".abuild/abuild.conf"
    own = conf.read_text()
    conf.write_text(own + "ERROR_CLEANUP=\n")
    rootbld_fails(ours, rooted_recipe(ours, "build() { false; }\npackage() { :; }\n", name="failed"))
    conf.write_text(own)
    (kept,) = ours.leftovers()
    folder = rooted_recipe(ours, "build() { sleep 600; }\npackage() { :; }\n", name="killed")
    process = ours.place.start(folder, "rootbld", stdout=subprocess.DEVNULL)
    wait_for(lambda: [os.path.lexists(path / "src/data") for path in ours.leftovers()] == [True, True], "the root", 30)
    second = rooted_recipe(ours, name="second")
    assert ours.place.run(second, "rootbld").status == 0
    assert len(ours.leftovers()) == 2, "the root of a build that is at work"
    process.kill()
    process.communicate()
    assert len(ours.leftovers()) == 2
    assert ours.place.run(second, "-f", "rootbld").status == 0
    assert ours.leftovers() == [kept]
    subprocess.run(["rm", "-rf", str(kept)], check=True)


def test_keeping_the_root(ours: RootPlace) -> None:
    folder = rooted_recipe(ours)
    done = ours.place.run(folder, "-K", "rootbld")
    assert done.status == 0, str(done)
    (left,) = ours.leftovers()
    assert (left / "pkg/foo/usr/share/foo/data").exists()
    subprocess.run(["rm", "-rf", str(left)], check=True)


def test_no_walls_no_root(ours: RootPlace) -> None:
    """Where bubblewrap cannot be used, nothing is downloaded or made; --sandbox=none does not change that."""
    folder = rooted_recipe(ours)
    broken = ours.place.base / "programs/bwrap"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    if Path("/usr/local/sbin/bwrap").exists() or os.geteuid() != 0:
        pytest.skip("bubblewrap cannot be hidden here")
    covered = f'mount --bind {broken} "$(command -v bwrap)" && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", covered, "sh", *ours.place.command("rootbld")],
        cwd=folder,
        env={**ours.place.environment, "PATH": ours.place.environment["PATH"].partition(":")[2]},
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr:
        pytest.skip("no mount namespace here")
    assert done.returncode == 1
    assert "rootbld needs a sandbox" in done.stderr
    assert ours.called() == []


def test_planted_links_lead_nowhere(rooted: RootPlace) -> None:
    """What one stage leaves in HOME and /tmp does not decide what the next one's mounts cover."""
    functions = f"""\
        prepare() {{
            default_prepare
            rmdir /home/user/aports/main/foo 2>/dev/null || :
            mv /home/user/aports /home/user/elsewhere 2>/dev/null || :
            ln -s {rooted.place.base} /tmp/here
            mv /tmp/src /tmp/old 2>/dev/null && ln -s /etc /tmp/src || :
        }}
        build() {{ test -d /home/user/aports/main/foo; test ! -L /tmp/src; ! ls /tmp/here/ 2>/dev/null; }}
        {PACKAGE}"""
    rooted.rootbld(rooted_recipe(rooted, functions))
    assert rooted.place.package().contents["usr/share/foo/data"] == b"data\n"


def test_foreign_machine_without_interpreter(ours: RootPlace) -> None:
    """Said at once, before anything is fetched; where the kernel's list is out of sight, it is only a warning."""
    other = "s390x" if ours.place.arch != "s390x" else "x86_64"
    if Path(f"/proc/sys/fs/binfmt_misc/qemu-{other}").exists():
        pytest.skip(f"this machine runs {other}")
    folder = rooted_recipe(ours)
    if Path("/proc/sys/fs/binfmt_misc/status").exists():
        done = rootbld_fails(ours, folder, env={"CBUILD": other})
        assert f"this kernel runs no programs for {other}" in done.errors[0]
        assert ours.called() == []
    else:
        done = ours.place.run(folder, "rootbld", env={"CBUILD": other})
        assert "is not mounted" in done.warnings[0]
