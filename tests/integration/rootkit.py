# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of ``abuild rootbld`` share: a stand-in for apk that fills a root from this machine, and places with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from buildkit import Done, Place

# Lays out what a small Alpine has, in dynamically linked form (fakeroot needs that), and notes how it was called.
APK = """\
#!/bin/sh
case "$1" in --print-arch) echo "$NATIVE"; exit 0;; esac
printf '%s\\n' "$*" >>"$CALLS"
for word; do
	[ "$previous" != --root ] || root=$word
	[ "$word" != missing-package ] || { echo "ERROR: unable to select packages: missing-package" >&2; exit 4; }
	previous=$word
done
[ -n "$root" ] || exit 0 # never this machine
case "$*" in *--no-scripts*) mkdir -p "$root/usr/include"; echo >"$root/usr/include/host.h"; exit 0;; esac
cp "$root/etc/apk/repositories" "$CALLS.repositories"
ls "$root/etc/apk/keys" >"$CALLS.keys"
mkdir -p "$root/usr/bin" "$root/bin" "$root/sbin" "$root/lib/apk/db" "$root/etc" "$root/usr/lib" "$root/var/tmp" "$root/tmp"
take() {
	for file; do
		mkdir -p "$root${file%/*}"
		[ -e "$root$file" ] || cp -L "$file" "$root$file"
		for library in $(ldd "$file" | grep -o '/[^ ]*'); do
			mkdir -p "$root${library%/*}"
			[ -e "$root$library" ] || cp -L "$library" "$root$library"
		done
	done
}
busybox=$(command -v busybox)
take "$busybox" $TOOLS
[ "$busybox" = /bin/busybox ] || cp "$root$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do
	[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
cat >"$root/etc/passwd" <<-X
	root:x:0:0:root:/root:/bin/sh
	lead:x:77:77:lead:/:/bin/sh
	nobody:x:65534:65534:nobody:/:/sbin/nologin
X
cat >"$root/etc/group" <<-X
	root:x:0:root
	lead:x:77:
	nobody:x:65534:
X
echo packages >"$root/etc/marker"
cat >"$root/lib/apk/db/installed" <<-X
	C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=
	P:libc
	V:1-r0
	A:x86_64
	p:so:libc.so.6=6 so:libresolv.so.2=2

X
# What a package's script might do, or leave running.
for word; do
	case $word in
		link-*) at=${word#link-}; rm -rf "$root/$at"; ln -s "$CALLS.outside" "$root/$at" ;;
		pipe-*) at=${word#pipe-}; rm -f "$root/$at"; mkfifo "$root/$at" ;;
		daemon | slow) sleep 3600 & echo $! >"$CALLS.pid"; [ "$word" = daemon ] || wait ;;
	esac
done
"""

PACKAGE = 'package() { install -Dm644 "$srcdir"/data "$pkgdir"/usr/share/foo/data; }\n'


@dataclass(frozen=True)
class RootPlace:
    """A place with a stand-in for apk and a template."""

    place: Place
    calls: Path

    def called(self) -> list[str]:
        """The command lines of apk so far."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def rootbld(self, folder: Path, *arguments: str, **how: object) -> Done:
        """Builds in a clean root, which must succeed."""
        done = self.place.run(folder, *arguments, "rootbld", **how)
        assert done.status == 0, str(done)
        assert not done.errors, str(done)
        assert self.leftovers() == [], "the clean root is still there"
        return done

    def leftovers(self) -> list[Path]:
        """Clean roots in this place's name."""
        return [
            path
            for path in Path("/var/tmp").glob("abuild.*")
            if (path / "root/etc/apk/repositories").is_file()
            and str(self.place.repodest) in (path / "root/etc/apk/repositories").read_text()
        ]


def _tools() -> str:
    """fakeroot's parts and what BusyBox may lack, wherever this machine has them."""
    from abuildpy.sandbox.fakeroot import find_fakeroot
    from abuildpy.sandbox.process import find_system_program

    fakeroot = find_fakeroot()
    more = [find_system_program(name) for name in ("getcap", "setcap", "install")]
    return " ".join([fakeroot.faked, fakeroot.library, *(tool for tool in more if tool)])


def prepare(place: Place) -> RootPlace:
    """Adds the stand-in for apk and a template to a place."""
    programs = place.base / "programs"
    programs.mkdir()
    (programs / "apk").write_text(APK)
    (programs / "apk").chmod(0o755)
    calls = place.base / "calls"
    place.environment["PATH"] = f"{programs}:{place.environment['PATH']}"
    place.environment |= {"CALLS": str(calls), "TOOLS": _tools(), "NATIVE": os.uname().machine}
    (place.aports / "main").mkdir()
    (place.aports / "main/.rootbld-repositories").write_text("$mirror/$version/main\n${mirror}/${version}/community\n")
    if place.owner is not None:
        place.give_away()
    return RootPlace(place, calls)


def rooted_recipe(rooted: RootPlace, functions: str = PACKAGE, **how: object) -> Path:
    """A recipe with one source, in the repository that has a template."""
    folder = rooted.place.aports / "main"
    template = (folder / ".rootbld-repositories").read_text()
    recipe = rooted.place.recipe(functions, **{"files": {"data": "data\n"}, **how})  # type: ignore[arg-type]
    assert (folder / ".rootbld-repositories").read_text() == template
    return recipe


def rootbld_fails(ours: RootPlace, folder: Path, *arguments: str, **how: object) -> Done:
    """A build in a clean root that has to fail, clearly and without leftovers in the repository."""
    before = ours.place.repository_bytes()
    done = ours.place.run(folder, *arguments, "rootbld", **how)
    ours.place.assert_failed_well(done, before)
    return done
