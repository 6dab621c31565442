# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages for another machine, made with a real compiler for it: Debian's gcc for arm64, under the names that Alpine's has."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buildkit import KEY_NAME, PATH, Place

pytest_plugins = ["buildfixtures"]

NATIVE = "x86_64-alpine-linux-musl"
FOREIGN = "aarch64-alpine-linux-musl"
DEBIAN = "aarch64-linux-gnu"
TOOLS = ("gcc", "ar", "ld", "objcopy", "readelf", "strip")

X86_64, AARCH64 = 62, 183
"""ELF's numbers for the machines."""

MARK = b"\nstripped for the other machine\n"
"""What our wrapper of the foreign strip adds to each file, to tell which program it was."""

GREET_C = '#include <stdio.h>\n#include "greet.h"\nint greet(const char *who) { return printf("hello %s\\n", who); }\n'
GREET_H = "int greet(const char *who);\n"
MAIN_C = '#include "greet.h"\nint main(void) { return greet("you") < 0; }\n'
PC = """\
Name: {0}
Description: {0}
Version: 1.2.3
Libs: -L${{prefix}}/lib -l{0}
Cflags: -I${{prefix}}/include -DPKG_CONFIG_{0}
"""

GREET = """
    build() {
        $CC $CPPFLAGS $CFLAGS -fPIC -c greet.c
        $CC $CFLAGS $LDFLAGS -shared -Wl,-soname,libgreet.so.1 -o libgreet.so.1.2.3 greet.o
        ln -s libgreet.so.1.2.3 libgreet.so.1
        ln -s libgreet.so.1 libgreet.so
        ${CROSS_COMPILE}ar crD libgreet.a greet.o
        $CC $CPPFLAGS $CFLAGS $LDFLAGS -L. -o greet main.c -lgreet
    }
    check() { echo "the tests of another machine's programs ran"; exit 1; }
    package() {
        install -Dm755 greet "$pkgdir"/usr/bin/greet
        install -Dm755 -t "$pkgdir"/usr/lib libgreet.so.1.2.3
        cp -P libgreet.so.1 libgreet.so "$pkgdir"/usr/lib/
        install -Dm644 -t "$pkgdir"/usr/lib libgreet.a
        install -Dm644 -t "$pkgdir"/usr/include greet.h
        install -Dm644 -t "$pkgdir"/usr/lib/pkgconfig greet.pc
        mkdir -p "$pkgdir"/usr/share/doc/greet
        echo words >"$pkgdir"/usr/share/doc/greet/words
    }
"""
GREET_FILES = {
    "greet.c": GREET_C,
    "greet.h": GREET_H,
    "main.c": MAIN_C,
    "greet.pc": "prefix=/usr\n" + PC.format("greet"),
}


class Cross:
    """A place with a foreign compiler, a folder of the other machine's libraries, and what apk has installed on both."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sysroot = place.home / "sysroot-aarch64"
        """Where it is looked for by default."""
        self.tools = place.aports / "main/tools"  # recipes see what lies beside them
        self.tools.mkdir(parents=True)
        for tool in (*TOOLS, "cc"):
            self._tool(tool)
        (self.sysroot / "usr/lib/pkgconfig").mkdir(parents=True)
        (self.sysroot / "usr/include").mkdir()
        self.install(self.sysroot, "libc", "so:libc.so.6=6")
        native = place.base / "native"
        self.install(native, "libc", "so:libc.so.6=6")
        (place.base / "apk.config").write_text(f"root {native}\n")
        place.environment.update(
            PATH=f"{self.tools}:{PATH}", CBUILD=NATIVE, APK_CONFIG=str(place.base / "apk.config"), CFLAGS="-O1"
        )
        self.host = {"CHOST": "aarch64"}
        """The environment that asks for packages for the other machine."""
        self.target = {"CTARGET": "aarch64"}
        """The one that asks for a compiler for it."""

    def _tool(self, name: str) -> None:
        path = self.tools / f"{FOREIGN}-{name}"
        path.write_text(f'#!/bin/sh\nexec {DEBIAN}-{"gcc" if name == "cc" else name} "$@"\n')
        if name == "strip":  # called as: strip -o TO FROM
            path.write_text(f'#!/bin/sh\n{DEBIAN}-strip "$@" && printf \'{MARK.decode()}\' >>"$2"\n')
        path.chmod(0o755)

    def install(self, root: Path, name: str, *provides: str) -> None:
        """Writes a package into the database of a root, as apk would."""
        database = root / "lib/apk/db/installed"
        database.parent.mkdir(parents=True, exist_ok=True)
        with open(database, "a", encoding="utf-8") as file:
            identity = base64.b64encode(hashlib.sha1(name.encode()).digest()).decode()
            file.write(f"C:Q1{identity}\nP:{name}\nV:1.2.3-r0\nA:aarch64\np:{' '.join(provides)}\n\n")

    def install_greet(self) -> None:
        """Puts the library with its header and pkg-config module where the other machine's are."""
        source = self.place.base / "greet.c"
        source.write_text(GREET_C)
        (self.sysroot / "usr/include/greet.h").write_text(GREET_H)
        command = [f"{DEBIAN}-gcc", "-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", f"-I{self.sysroot}/usr/include"]
        subprocess.run([*command, "-o", str(self.sysroot / "usr/lib/libgreet.so"), str(source)], check=True)
        (self.sysroot / "usr/lib/pkgconfig/greet.pc").write_text("prefix=/usr\n" + PC.format("greet"))
        self.install(self.sysroot, "greet-dev", "so:libgreet.so.1=1.2.3", "pc:greet=1.2.3")


@pytest.fixture
def cross(place: Place) -> Cross:
    """A place for builds for arm64; skips the test where there is no compiler."""
    missing = [f"{DEBIAN}-{tool}" for tool in TOOLS if shutil.which(f"{DEBIAN}-{tool}", path=PATH) is None]
    if missing:
        pytest.skip(f"no compiler for arm64 here: {', '.join(missing)} (Debian: gcc-aarch64-linux-gnu)")
    if platform.machine() != "x86_64":
        pytest.skip("these tests build on x86_64")
    return Cross(place)


def machine(content: bytes) -> int:
    """The machine that an ELF file is for."""
    assert content.startswith(b"\x7fELF")
    (number,) = struct.unpack_from("<H", content, 18)
    return int(number)


def stripped(content: bytes) -> bool:
    """Whether an ELF file has lost its table of symbols."""
    return b"\0.symtab\0" not in content


def variables(out: str) -> dict[str, str]:
    """What a recipe printed as ``VAR name=value``."""
    pairs = (line[4:].partition("=") for line in out.splitlines() if line.startswith("VAR "))
    return {name: value for name, _, value in pairs}


# --- CHOST: packages for another machine -----------------------------------------------------------------------------


def test_packages_for_another_machine(cross: Cross, sandbox: str) -> None:
    place = cross.place
    folder = place.recipe(
        GREET,
        name="greet",
        arch="all",
        options="",
        files=GREET_FILES,
        subpackages="greet-dbg greet-static greet-dev greet-libs greet-doc",
    )
    done = place.build(folder, sandbox, env=cross.host)
    assert "the tests of another machine's programs ran" not in done.out
    assert os.listdir(place.repodest / "main") == ["aarch64"]
    made = {name: place.package(name, arch="aarch64") for name in ("greet", "greet-dbg", "greet-dev", "greet-libs")}
    assert {package.info("arch") for package in made.values()} == {("aarch64",)}
    assert place.package("greet-doc", arch="aarch64").info("arch") == ("noarch",)
    assert {entry.arch for entry in place.index(arch="aarch64").values()} == {"aarch64"}

    program = made["greet"].contents["usr/bin/greet"]
    library = made["greet-libs"].contents["usr/lib/libgreet.so.1.2.3"]
    debug = made["greet-dbg"].contents["usr/lib/debug/usr/bin/greet.debug"]
    assert machine(program) == machine(library) == machine(debug) == AARCH64
    assert b"\0.debug_info\0" in debug
    assert stripped(program)
    assert stripped(library)
    assert program.endswith(MARK)
    assert library.endswith(MARK)
    assert not debug.endswith(MARK)
    static = place.package("greet-static", arch="aarch64").contents["usr/lib/libgreet.a"]
    assert machine(static[static.index(b"\x7fELF") :]) == AARCH64

    assert made["greet-libs"].info("provides") == ("so:libgreet.so.1=1.2.3",)
    assert made["greet"].info("depend") == ("so:libc.so.6", "so:libgreet.so.1")
    assert made["greet-dev"].info("provides") == ("pc:greet=1.2.3",)


def test_what_a_recipe_is_told(cross: Cross, sandbox: str) -> None:
    place = cross.place
    names = (
        "CBUILD CHOST CTARGET CBUILD_ARCH CARCH CTARGET_ARCH CBUILDROOT CROSS_COMPILE CC LD CFLAGS LDFLAGS BUILDCC BUILDCFLAGS "
        "HOSTCC HOSTCFLAGS HOSTLDFLAGS PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR"
    )
    folder = place.recipe(
        f"""
        build() {{
            for name in {names}; do eval "echo VAR $name=\\$$name"; done
            cross_compiling && echo VAR compiling=yes
            cross_creating || echo VAR creating=no
            want_check || echo VAR check=no
        }}
        package() {{ mkdir -p "$pkgdir"/usr/share; echo >"$pkgdir"/usr/share/a; }}
        """,
        options="",
        arch="all",
    )
    env = {**cross.host, "LDFLAGS": "-Wl,-O1"}
    root = f"{cross.sysroot}/"
    assert variables(place.build(folder, sandbox, env=env).out) == {
        "CBUILD": NATIVE,
        "CHOST": FOREIGN,
        "CTARGET": FOREIGN,
        "CBUILD_ARCH": "x86_64",
        "CARCH": "aarch64",
        "CTARGET_ARCH": "aarch64",
        "CBUILDROOT": root,
        "CROSS_COMPILE": f"{FOREIGN}-",
        "CC": f"{FOREIGN}-cc",
        "LD": f"{FOREIGN}-ld",
        "CFLAGS": f"--sysroot={root} -O1",
        "LDFLAGS": f"--sysroot={root} -Wl,-O1",
        "BUILDCC": "cc",
        "BUILDCFLAGS": "-O1",
        "HOSTCC": "cc",
        "HOSTCFLAGS": "-O1",
        "HOSTLDFLAGS": "-Wl,-O1",
        "PKG_CONFIG_PATH": f"{root}/usr/lib/pkgconfig/:{root}/usr/share/pkgconfig/",
        "PKG_CONFIG_SYSROOT_DIR": root,
        "compiling": "yes",
        "creating": "no",
        "check": "no",
    }


def test_a_library_of_the_other_machine(cross: Cross, sandbox: str) -> None:
    """It is found by pkg-config, linked, and traced in the other machine's database."""
    if shutil.which("pkg-config", path=PATH) is None:
        pytest.skip("pkg-config is not installed")
    place = cross.place
    cross.install_greet()
    folder = place.recipe(
        """
        build() {
            printf '#include "main.c"\\n#ifndef PKG_CONFIG_greet\\n#error not asked\\n#endif\\n' >user.c
            $CC $CPPFLAGS $CFLAGS $(pkg-config --cflags greet) -o user user.c $LDFLAGS $(pkg-config --libs greet)
        }
        package() {
            install -Dm755 -t "$pkgdir"/usr/bin user
            install -Dm644 -t "$pkgdir"/usr/lib/pkgconfig user.pc
        }
        """,
        name="user",
        arch="all",
        options="",
        files={"main.c": MAIN_C, "user.pc": PC.format("user") + "Requires: greet >= 1.1\nRequires.private: never\n"},
        subpackages="user-dev",
        depends_dev="greet-dev",
        makedepends_host="greet-dev",
    )
    done = place.build(folder, sandbox, env=cross.host)
    assert place.package("user", arch="aarch64").info("depend") == ("so:libc.so.6", "so:libgreet.so.1")
    dev = place.package("user-dev", arch="aarch64").info("depend")
    assert dev == ("greet-dev", "pc:greet>=1.1", "pkgconfig")
    assert any("no package provides pc:never" in warning for warning in done.warnings)
    assert any("greet-dev can be removed from depends_dev" in warning for warning in done.warnings)


def test_the_building_machines_libraries_do_not_count(cross: Cross) -> None:
    """What is installed on the building machine is no provider for the other one, nor the other way round."""
    place = cross.place
    cross.install(place.base / "native", "greet", "so:libgreet.so.1=1.2.3")
    folder = place.recipe(GREET, name="greet", arch="all", files=GREET_FILES, somask="libgreet.so.1")
    place.build(folder, env=cross.host)  # somask: its own library is neither provided nor needed
    text = (folder / "APKBUILD").read_text()
    away = text.replace("somask=", "somsk=").replace(
        "package() {", "package() {\nrm libgreet.so.1.2.3; cp greet.o libgreet.so.1.2.3"
    )
    (folder / "APKBUILD").write_text(away)
    done = place.fails(folder, "-f", env=cross.host, errors=2)
    assert "greet*: libgreet.so.1: path not found" in done.errors[0]


def test_a_package_for_the_building_machine(cross: Cross, sandbox: str) -> None:
    place = cross.place
    cross.install(place.base / "native", "libnative", "so:libnative.so.1=1")
    folder = place.recipe(
        """
        build() {
            echo 'int native(void) { return 0; }' >lib.c
            echo 'int native(void); int main(void) { return native(); }' >tool.c
            $BUILDCC -shared -fPIC -Wl,-soname,libnative.so.1 -o libnative.so lib.c
            $BUILDCC $BUILDCFLAGS -o tool tool.c -L. -lnative
            echo 'int main(void) { return 0; }' >main.c
            $CC $CFLAGS $LDFLAGS -o mixed main.c
        }
        package() {
            install -Dm755 -t "$pkgdir"/usr/bin mixed
            install -Dm755 -t "$pkgdir"/usr/bin tool
        }
        tools() { amove usr/bin/tool; echo "VAR split=$subpkgarch $subpkgtriplet"; }
        """,
        name="mixed",
        arch="all",
        subpackages="mixed-tools:tools:$CBUILD_ARCH",
    )
    done = place.build(folder, sandbox, env=cross.host)
    assert variables(done.out) == {"split": f"x86_64 {NATIVE}"}
    assert sorted(place.index(arch="x86_64")) == ["mixed-tools"]
    assert sorted(place.index(arch="aarch64")) == ["mixed"]
    tools = place.package("mixed-tools", arch="x86_64")
    tool = tools.contents["usr/bin/tool"]
    assert tools.info("arch") == ("x86_64",)
    assert tools.info("depend") == ("so:libc.so.6", "so:libnative.so.1")
    assert machine(tool) == X86_64
    assert stripped(tool)
    assert not tool.endswith(MARK)
    assert machine(place.package("mixed", arch="aarch64").contents["usr/bin/mixed"]) == AARCH64


def test_a_neighbour_from_the_right_repository(cross: Cross) -> None:
    """Without databases the repository is asked, that of the package's machine."""
    place = cross.place
    place.environment["APK_CONFIG"] = "/dev/null"
    place.environment["APK"] = "apk --root /nonexistent"
    shutil.rmtree(cross.sysroot / "lib")
    folder = place.recipe(GREET, name="greet", arch="all", files=GREET_FILES)
    place.build(folder, env=cross.host)
    user = """
        build() {
            echo 'int main(void) { return 0; }' >foreign.c
            echo 'int greet(const char *who) { return 0; }' >lib.c
            $CC $CFLAGS -o foreign foreign.c
            $BUILDCC -shared -fPIC -Wl,-soname,libgreet.so.1 -o libgreet.so lib.c
            $BUILDCC -o native main.c -L. -lgreet
        }
        package() { install -Dm755 -t "$pkgdir"/usr/bin foreign native; }
        tools() { amove usr/bin/native; }
    """
    folder = place.recipe(
        user,
        name="user",
        arch="all",
        files={"main.c": MAIN_C, "greet.h": GREET_H},
        subpackages="user-tools:tools:$CBUILD",
    )
    (warning,) = (line for line in place.build(folder, env=cross.host).warnings if "no database" in line)
    assert ": libc.so.6, libgreet.so.1 (needed by" in warning


# --- CTARGET: compilers for another machine --------------------------------------------------------------------------


def test_a_compiler_for_another_machine(cross: Cross, sandbox: str) -> None:
    place = cross.place
    folder = place.recipe(
        """
        pkgname="toy-$CTARGET_ARCH"
        subpackages="$pkgname-dev libtoy-$CTARGET_ARCH:libtoy:$CTARGET_ARCH"
        build() {
            for name in CC CBUILDROOT CROSS_COMPILE PKG_CONFIG_SYSROOT_DIR; do eval "echo VAR $name=\\$$name"; done
            cross_creating && echo VAR creating=yes
            cross_compiling || echo VAR compiling=no
            echo 'int main(void) { return 0; }' >main.c
            echo 'int toy(void) { return 0; }' >toy.c
            $CC $CFLAGS -o toy main.c
            $CTARGET-gcc $CFLAGS -shared -fPIC -Wl,-soname,libtoy.so.1 -Wl,--no-as-needed -o libtoy.so.1 toy.c
        }
        check() { echo VAR check=yes; }
        package() {
            install -Dm755 toy "$pkgdir"/usr/bin/$CTARGET-toy
            install -Dm755 -t "$pkgdir"/usr/$CTARGET/lib libtoy.so.1
            install -Dm644 toy.c "$pkgdir"/usr/include/toy.h
        }
        libtoy() {
            mkdir -p "$subpkgdir"/usr
            mv "$pkgdir"/usr/$CTARGET/lib "$subpkgdir"/usr/lib
            rmdir "$pkgdir"/usr/$CTARGET
            echo "VAR split=$subpkgarch $subpkgtriplet"
        }
        """,
        name="toy",
        arch="all",
        options="",
        pkgname="toy",
    )
    done = place.build(folder, sandbox, env=cross.target)
    assert variables(done.out) == {
        "CC": "cc",
        "CBUILDROOT": f"{cross.sysroot}/",
        "CROSS_COMPILE": "",
        "PKG_CONFIG_SYSROOT_DIR": "",
        "creating": "yes",
        "compiling": "no",
        "check": "yes",
        "split": f"aarch64 {FOREIGN}",
    }
    assert sorted(place.index(arch="x86_64")) == ["toy-aarch64", "toy-aarch64-dev"]
    assert sorted(place.index(arch="aarch64")) == ["libtoy-aarch64"]
    toy, library = place.package("toy-aarch64", arch="x86_64"), place.package("libtoy-aarch64", arch="aarch64")
    assert toy.info("arch") == ("x86_64",)
    program = toy.contents[f"usr/bin/{FOREIGN}-toy"]
    assert (machine(program), program.endswith(MARK)) == (X86_64, False)
    content = library.contents["usr/lib/libtoy.so.1"]
    assert (machine(content), content.endswith(MARK)) == (AARCH64, True)
    assert library.info("depend") == ("so:libc.so.6",)
    assert library.info("provides") == ("so:libtoy.so.1=1",)


# --- CBUILDROOT ------------------------------------------------------------------------------------------------------


def test_the_sysroot_can_be_read_and_not_written(cross: Cross, walls: None) -> None:
    place = cross.place
    (cross.sysroot / "usr/include/there.h").write_text("#define THERE 1\n")
    (place.home / "private").write_text("mine")
    place.home.chmod(0o700)
    folder = place.recipe(
        """
        build() {
            echo '#include <there.h>' | $CC $CPPFLAGS -E -dM - | grep THERE
            ls -A "${CBUILDROOT%/*/}/" || :
            ! touch "$CBUILDROOT"/usr/include/planted.h
        }
        package() { mkdir -p "$pkgdir"/usr/share; echo >"$pkgdir"/usr/share/a; }
        """,
        arch="all",
    )
    done = place.build(folder, "--sandbox=bwrap", env=cross.host)
    assert "#define THERE 1" in done.out
    assert "private" not in done.out
    assert not (cross.sysroot / "usr/include/planted.h").exists()


def test_a_sysroot_elsewhere(cross: Cross, sandbox: str) -> None:
    place = cross.place
    other = place.base / "other root"
    cross.sysroot.rename(other)
    folder = place.c_recipe()
    env = {**cross.host, "CBUILDROOT": str(other), "CFLAGS": "", "LDFLAGS": ""}
    # A blank in its name breaks the flags, in abuild as well, so the recipe puts them in order itself.
    text = (folder / "APKBUILD").read_text().replace("$CC $CFLAGS $LDFLAGS", '$CC --sysroot="$CBUILDROOT"')
    (folder / "APKBUILD").write_text(text)
    place.build(folder, sandbox, env=env)
    package = place.package("foo", arch="aarch64")
    assert machine(package.contents["usr/bin/foo"]) == AARCH64
    assert package.info("depend") == ("so:libc.so.6",)


def test_without_a_sysroot(cross: Cross, sandbox: str) -> None:
    """Debian's compiler finds its own libraries; that nobody knows who provides them is told, and where it was looked."""
    place = cross.place
    missing = place.base / "missing"
    done = place.build(place.c_recipe(), sandbox, env={**cross.host, "CBUILDROOT": str(missing)})
    (warning,) = (line for line in done.warnings if "no database" in line)
    assert f"no database of installed packages in {missing}," in warning
    assert place.package("foo", arch="aarch64").info("depend") == ("so:libc.so.6",)


# --- dependencies ----------------------------------------------------------------------------------------------------


def test_dependencies_are_looked_for_where_they_belong(cross: Cross) -> None:
    place = cross.place
    (cross.tools / "apk").write_text('#!/bin/sh\necho "apk was run: $*" >&2\nexit 99\n')
    (cross.tools / "apk").chmod(0o755)
    folder = place.c_recipe(makedepends_build="tool", makedepends_host="library", checkdepends="never", options="")
    native = place.base / "native"
    cross.install(native, "library")
    cross.install(cross.sysroot, "tool")
    needed = "Missing dependencies (use -r to autoinstall them): "
    done = place.run(folder, "builddeps", env=cross.host)
    assert done.errors == [f"foo: {needed}build-base-aarch64 tool library"]
    cross.install(native, "tool")
    cross.install(native, "build-base-aarch64")
    assert place.run(folder, "builddeps", env=cross.host).errors == [f"foo: {needed}library"]
    cross.install(cross.sysroot, "library")
    done = place.run(folder, "builddeps", env=cross.host)
    assert done.status == 0, str(done)
    assert place.run(folder, "builddeps").errors == [f"foo: {needed}build-base never"]


@pytest.fixture
def apk_roots(cross: Cross) -> Iterator[Callable[[], Cross]]:
    """Turns both roots into such as the real apk works on; our key is trusted in them."""

    def make() -> Cross:
        apk = shutil.which("apk", path=f"{os.environ.get('PATH', '')}:{PATH}")
        if apk is None:
            pytest.skip("apk is not installed")
        place = cross.place
        base = Path(place.base)
        (cross.tools / "apk").symlink_to(apk)
        (base / "keys").mkdir()
        (base / "keys" / f"{KEY_NAME}.pub").write_bytes(place.public.read_bytes())
        for root, arch in ((base / "native", "x86_64"), (cross.sysroot, "aarch64")):
            shutil.rmtree(root / "lib")
            command = [apk, "add", "--root", str(root), "--initdb", "--arch", arch, "--no-network"]
            done = subprocess.run(command, env={"APK_CONFIG": "/dev/null"}, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"this apk cannot make a root: {done.stderr.strip()}")
        place.environment["SUDO_APK"] = f"apk --keys-dir {base}/keys --no-interactive --force-non-repository"
        return cross

    yield make


@pytest.mark.needs_apk
def test_dependencies_are_installed_and_removed(apk_roots: Callable[[], Cross]) -> None:
    """The whole way: a library is built for the other machine, then installed there to build what uses it."""
    if os.geteuid() != 0:
        pytest.skip("apk wants to be root")
    cross = apk_roots()
    place = cross.place
    for name in ("build-base-aarch64", "libc"):
        arch, provides = ("noarch", "") if name != "libc" else ("all", "so:libc.so.6=6 pkgconfig=1")
        stub = place.recipe('package() { mkdir -p "$pkgdir"; }', name=name, arch=arch, provides=provides)
        place.build(stub, env=cross.host if name == "libc" else {})
    options = "!check !tracedeps"  # nobody provides the C library yet
    library = place.recipe(
        GREET,
        name="greet",
        arch="all",
        options=options,
        files=GREET_FILES,
        subpackages="greet-dev",
        provides="so:libgreet.so.1=1",
    )
    place.build(library, env=cross.host)
    folder = place.recipe(
        """
        build() { $CC $CPPFLAGS $CFLAGS $LDFLAGS -o user main.c -lgreet; }
        package() { install -Dm755 -t "$pkgdir"/usr/bin user; }
        """,
        name="user",
        arch="all",
        files={"main.c": MAIN_C},
        makedepends_host="greet-dev greet libc",
    )
    done = place.run(folder, "-r", env=cross.host)
    assert done.status == 0, str(done)
    assert ">>> user: Installing for build: build-base-aarch64" in done.err
    assert ">>> user: Installing for host: greet-dev greet libc" in done.err
    assert place.package("user", arch="aarch64").info("depend") == ("so:libc.so.6", "so:libgreet.so.1")
    assert not (cross.sysroot / "usr/include/greet.h").exists()
    for root in (place.base / "native", cross.sysroot):
        assert (root / "lib/apk/db/installed").read_text().strip() == ""
