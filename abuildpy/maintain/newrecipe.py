# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a new recipe: writes it, lets abuild fetch and unpack the source, and completes it with what is seen there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.errors import AbuildError, RecipeError
from abuildpy.maintain.abuildrun import Abuild
from abuildpy.maintain.detect import BuildType, build_type, has_headers, source_folder
from abuildpy.maintain.origin import Origin
from abuildpy.maintain.pybuild import build_requirements
from abuildpy.maintain.quoting import in_quotes
from abuildpy.maintain.render import render, write
from abuildpy.messages import Messages
from abuildpy.repository import version

_SAMPLES = ("initd", "confd", "pre-install", "post-install")
_MAKEDEPENDS = {
    BuildType.CMAKE: ("cmake", "samurai"),
    BuildType.MESON: ("meson",),
    BuildType.RUST: ("cargo", "cargo-auditable"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. ``kind`` None: to be found out. ``samples``: with files for a service and its account."""

    origin: Origin
    kind: BuildType | None = None
    pkgdesc: str = ""
    url: str = ""
    license: str = ""
    maintainer: str = ""
    samples: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the unpacked source showed. ``headers`` decides about ``depends_dev``; unknown counts as yes."""

    kind: BuildType
    builddir: str
    headers: bool
    python: tuple[str, ...]


def create(wish: Wish, parent: Path, *, sample_folders: tuple[Path, ...], abuild: Abuild, log: Messages) -> Path:
    """Makes ``<parent>/<pkgname>/APKBUILD`` and gives its path.

    ``sample_folders`` are searched in turn for the sample files. RecipeError if the recipe exists already (unless
    ``force``), or if abuild could not get the source: then the recipe is there all the same, without what the source
    would have told.
    """
    origin = wish.origin
    folder = parent / origin.pkgname
    recipe = folder / "APKBUILD"
    if recipe.exists() and not wish.force:
        raise RecipeError(f"{origin.pkgname}/APKBUILD already exists", hint="-f writes it anew")
    if origin.pkgver and not version.is_valid(f"{origin.pkgver}-r0"):
        log.warning(f"'{origin.pkgver}' is no version that apk can order")
        log.warning2("change pkgver to one that it can, and source and builddir to match")
    folder.mkdir(parents=True, exist_ok=True)
    if wish.samples:
        _copy_samples(folder, origin.pkgname, sample_folders)
    unseen = _Seen(wish.kind or BuildType.EMPTY, "$srcdir", True, build_requirements(None))
    write(recipe, _text(wish, unseen))
    if not origin.source and not wish.samples:
        write(recipe, _text(wish, _look(wish, None)))
        return recipe
    unpacked = abuild(folder, "-f", "checksum", "unpack") == 0
    seen = _look(wish, folder / "src" if unpacked else None)
    if not unpacked and origin.source:
        # What abuild expects of a source that nobody has seen.
        seen = replace(seen, builddir="$srcdir/$pkgname-$pkgver")
    write(recipe, _text(wish, seen))
    # Once more, because the checksums' place is at the end.
    if not unpacked or abuild(folder, "-f", "checksum") != 0:
        raise RecipeError(
            f"{origin.pkgname}/APKBUILD is written, but its source could not be fetched and unpacked",
            hint="correct source=, look over the rest, then run 'abuild checksum' there",
        )
    return recipe


def _look(wish: Wish, srcdir: Path | None) -> _Seen:
    origin = wish.origin
    folder = None if srcdir is None else source_folder(srcdir, f"{origin.pkgname}-{origin.pkgver}")
    kind = wish.kind or build_type(folder, (origin.stem, origin.pkgname))
    builddir = "$srcdir"
    if folder is not None:
        name = in_quotes(folder.name)
        if origin.pkgver:
            name = _with_version(name, in_quotes(origin.pkgver))
        builddir = f"$srcdir/{name}"
    headers = folder is not None and has_headers(folder)
    return _Seen(kind, builddir, headers, build_requirements(folder))


def _with_version(name: str, pkgver: str) -> str:
    before, found, after = name.rpartition(pkgver)
    if not found:
        return name
    variable = "${pkgver}" if after[:1] == "_" or after[:1].isalnum() else "$pkgver"
    return f"{before}{variable}{after}"


def _text(wish: Wish, seen: _Seen) -> bytes:
    origin = wish.origin
    source = origin.source
    if wish.samples:
        source += "\n\t$pkgname.initd\n\t$pkgname.confd\n\t"
    text = render(
        seen.kind.value,
        maintainer=" ".join(wish.maintainer.split()),
        pkgname=origin.pkgname,
        pkgver=origin.pkgver,
        pkgdesc=wish.pkgdesc,
        url=wish.url,
        license=wish.license,
        depends="perl" if seen.kind is BuildType.PERL else "",
        headers=seen.headers,
        makedepends=_makedepends(seen),
        checkdepends="py3-pytest" if seen.kind is BuildType.PYTHON else "",
        install="$pkgname.pre-install $pkgname.post-install" if wish.samples else "",
        source=source,
        builddir=seen.builddir,
        samples=wish.samples,
    )
    return text.encode("utf-8", "surrogateescape")


def _makedepends(seen: _Seen) -> str:
    if seen.kind is BuildType.PYTHON:
        return " ".join(seen.python)
    if seen.kind in _MAKEDEPENDS:
        return " ".join(_MAKEDEPENDS[seen.kind])
    return "$depends_dev" if seen.headers else ""


def _copy_samples(folder: Path, pkgname: str, places: tuple[Path, ...]) -> None:
    for kind in _SAMPLES:
        for place in places:
            try:
                content = (place / f"sample.{kind}").read_bytes()
            except FileNotFoundError:
                continue
            break
        else:
            raise AbuildError(f"sample.{kind}: not found", details=tuple(str(place) for place in places))
        write(folder / f"{pkgname}.{kind}", content.replace(b"@pkgname@", pkgname.encode()))
