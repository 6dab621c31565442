# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a new recipe: fetches and unpacks the source, looks at it, and writes what it takes to build it.

Nothing of the source is run, and nothing is written unless the source could be had.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.errors import AbuildError, RecipeError
from abuildpy.maintain.detect import BuildType, build_type, source_folder
from abuildpy.maintain.origin import Origin
from abuildpy.maintain.quoting import in_comment, in_quotes
from abuildpy.maintain.render import render, write
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.maintain.survey.licensing import Licensing, license_of
from abuildpy.maintain.survey.metadata import Stated
from abuildpy.maintain.survey.patience import LONGEST_LOOK, bounded
from abuildpy.maintain.survey.plan import Plan, Subject, plan_for, unseen_plan
from abuildpy.maintain.survey.stated import stated_in
from abuildpy.maintain.survey.tree import SourceTree
from abuildpy.maintain.upstreamversion import with_version
from abuildpy.messages import Messages
from abuildpy.repository import version

_SAMPLES = ("initd", "confd", "pre-install", "post-install")
_WIDTH = 80
Fetch = Callable[[str, Path], Path]
"""Downloads a word of ``source`` form into a folder and gives the file; raises FetchError."""


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
class Workplace:
    """Where recipes are made. ``sample_folders`` are searched in turn for the sample files; downloads go to ``distfiles``
    (None: beside the recipe).
    """

    sample_folders: tuple[Path, ...]
    fetch: Fetch
    known: KnownPackages
    log: Messages
    distfiles: Path | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a source told."""

    kind: BuildType
    builddir: str
    plan: Plan
    stated: Stated
    licensing: Licensing


def create(wish: Wish, parent: Path, place: Workplace) -> Path:
    """Makes ``<parent>/<pkgname>/APKBUILD`` and gives its path.

    RecipeError if the recipe exists already (unless ``force``); FetchError and UnpackError if the source cannot be had:
    then nothing was written.
    """
    from abuildpy.scratch import Scratch

    origin = wish.origin
    recipe = parent / origin.pkgname / "APKBUILD"
    if os.path.lexists(recipe) and not wish.force:
        raise RecipeError(f"{origin.pkgname}/APKBUILD already exists", hint="-f writes it anew")
    if origin.pkgver and not version.is_valid(f"{origin.pkgver}-r0"):
        place.log.warning(f"'{origin.pkgver}' is no version that apk can order")
        place.log.warning2("change pkgver to one that it can, and source and builddir to match")
    samples = _samples(origin.pkgname, place.sample_folders) if wish.samples else {}
    if not origin.entry:
        _settle(recipe, _text(wish, _unseen(wish, place.known)), samples)
        return recipe
    with Scratch(_writable(parent), hidden=True) as stage:
        archive = place.fetch(origin.entry, place.distfiles or stage)
        srcdir = stage / "src"
        srcdir.mkdir()
        _unpack(archive, srcdir)
        with bounded(LONGEST_LOOK):
            seen = look(wish, srcdir, place.known)
        text = _with_checksums(_text(wish, seen), archive, samples)
        _settle(recipe, text, samples)
        if place.distfiles is None:
            os.replace(archive, recipe.parent / archive.name)
        _move_folder(srcdir, recipe.parent / "src")
    _tell(wish, seen, place.log)
    return recipe


def preview(wish: Wish, place: Workplace) -> bytes:
    """The recipe's text, of which nothing stays but a download in a folder of distfiles; errors as for :func:`create`."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        quiet = replace(wish, force=True)
        recipe = create(quiet, Path(folder), place)
        return recipe.read_bytes()


def look(wish: Wish, srcdir: Path, known: KnownPackages) -> Seen:
    """Looks at what was unpacked into ``srcdir``."""
    origin = wish.origin
    folder = source_folder(srcdir, f"{origin.pkgname}-{origin.pkgver}")
    kind = wish.kind or build_type(folder, (origin.stem, origin.pkgname))
    tree = SourceTree(folder or srcdir)
    stated = stated_in(tree)
    builddir = "$srcdir"
    if folder is not None and folder != srcdir:
        name = folder.relative_to(srcdir).as_posix()
        usual = f"{origin.pkgname}-{origin.pkgver}"
        builddir = (
            "" if name == usual and origin.pkgver else f"$srcdir/{with_version(name, origin.pkgver, origin.upstream)}"
        )
    return Seen(
        kind,
        builddir,
        plan_for(kind, Subject(tree, known, origin.pkgname, origin.stem)),
        stated,
        license_of(tree, stated.license, stated.where),
    )


def _unseen(wish: Wish, known: KnownPackages) -> Seen:
    """What can be said of a source that there is none of yet."""
    origin = wish.origin
    kind = wish.kind or build_type(None, (origin.stem, origin.pkgname))
    subject = Subject(SourceTree(Path(os.devnull)), known, origin.pkgname, origin.stem)
    return Seen(kind, "", unseen_plan(kind, subject), Stated(), Licensing("", ""))


def _text(wish: Wish, seen: Seen) -> bytes:
    origin, plan = wish.origin, seen.plan
    source = origin.source
    splits = plan.subpackages
    if wish.samples:
        source = "\n\t".join([*filter(None, [source]), "$pkgname.initd", "$pkgname.confd", ""])
        splits = splits if "openrc" in splits else (*splits, "openrc")
    options = " ".join(name for name, _ in plan.options)
    reasons = "; ".join(reason for _, reason in plan.options if reason)
    values = [
        ("pkgname", in_quotes(origin.pkgname)),
        ("pkgver", origin.pkgver if version.is_valid(f"{origin.pkgver}-r0") else f'"{in_quotes(origin.pkgver)}"'),
        ("_pkgver", origin.expression),
        ("pkgrel", "0"),
        ("pkgdesc", f'"{in_quotes(wish.pkgdesc or seen.stated.description)}"'),
        ("url", f'"{in_quotes(wish.url or seen.stated.homepage or origin.page)}"'),
        ("arch", '"noarch"' if plan.noarch else '"all"'),
        ("license", f'"{in_quotes(wish.license or seen.licensing.expression)}"'),
        ("depends", _words(plan.depends)),
        ("#", in_comment(f"TODO: makedepends lacks what gives {' '.join(plan.unknown)}") if plan.unknown else ""),
        ("makedepends", _words([name for name in plan.makedepends if name not in plan.depends])),
        ("checkdepends", _words(plan.checkdepends)),
        ("install", '"$pkgname.pre-install $pkgname.post-install"' if wish.samples else ""),
        ("subpackages", _words([f"$pkgname-{split}" for split in splits])),
        ("source", f'"{source}"' if source else '""'),
        ("builddir", f'"{seen.builddir}"' if seen.builddir else ""),
        ("options", f'"{options}"{f" # {in_comment(reasons)}" if reasons else ""}' if options else ""),
    ]
    text = render(
        seen.kind.value,
        maintainer=" ".join(wish.maintainer.split()),
        assignments=[(name, text) for name, text in values if text],
        facts=plan.facts,
        check=plan.check,
        source=source,
        samples=wish.samples,
    )
    return text.encode("utf-8", "surrogateescape")


def _words(names: tuple[str, ...] | list[str]) -> str:
    """A list as the right side of an assignment, one name a line where one line would be too long; empty for none."""
    words = [name if name.startswith("$pkgname-") else in_quotes(name) for name in names]
    if not words:
        return ""
    line = " ".join(words)
    if len(line) < _WIDTH - len('makedepends=""'):
        return f'"{line}"'
    return '"\n\t' + "\n\t".join(words) + '\n\t"'


def _with_checksums(text: bytes, archive: Path, samples: dict[str, bytes]) -> bytes:
    import hashlib

    from abuildpy.recipe.edit import replace_checksums
    from abuildpy.source.checksum import file_hash

    sums = [(file_hash(archive, "sha512"), archive.name)]
    sums += [
        (hashlib.sha512(data).hexdigest(), name) for name, data in samples.items() if name.endswith(("initd", "confd"))
    ]
    return replace_checksums(text, sums)


def _unpack(archive: Path, srcdir: Path) -> None:
    from abuildpy.source.unpack import unpack, usual_most

    if not unpack(archive, srcdir, usual_most(archive)):
        (srcdir / archive.name).symlink_to(archive)


def _writable(parent: Path) -> Path:
    if not os.access(parent, os.W_OK | os.X_OK):
        raise AbuildError(f"{parent}: cannot write here", hint="change to the folder of a repository of yours")
    return parent


def _settle(recipe: Path, text: bytes, samples: dict[str, bytes]) -> None:
    try:
        recipe.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise AbuildError(f"{recipe.parent}: {error.strerror}", hint="change to the folder of a repository of yours")
    for name, data in samples.items():
        write(recipe.parent / name, data)
    write(recipe, text)


def _move_folder(srcdir: Path, to: Path) -> None:
    """Leaves the unpacked source where abuild unpacks it, in place of an older one."""
    from abuildpy.phases.workspace import remove_tree

    if os.path.lexists(to):
        remove_tree(to)
    os.replace(srcdir, to)


def _samples(pkgname: str, places: tuple[Path, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for kind in _SAMPLES:
        for folder in places:
            try:
                content = (folder / f"sample.{kind}").read_bytes()
            except FileNotFoundError:
                continue
            break
        else:
            raise AbuildError(f"sample.{kind}: not found", details=tuple(str(folder) for folder in places))
        found[f"{pkgname}.{kind}"] = content.replace(b"@pkgname@", pkgname.encode())
    return found


_NAMES = {
    BuildType.EMPTY: "nothing known",
    BuildType.MAKE: "a plain Makefile",
    BuildType.AUTOTOOLS: "configure (autotools)",
    BuildType.NPM: "npm",
    BuildType.CMAKE: "CMake",
    BuildType.OCAML: "dune (OCaml)",
}


_PREFIXES = {BuildType.PERL: "perl-", BuildType.PYTHON: "py3-", BuildType.RUBY: "ruby-"}


def _naming(pkgname: str, kind: BuildType, plan: Plan) -> tuple[str, ...]:
    """What is usual for the name of a library of such a kind."""
    prefix = _PREFIXES.get(kind, "")
    if not prefix or pkgname.startswith((prefix, "lua", "py3-")) or plan.facts.get("programs"):
        return ()
    name = f"{prefix}{pkgname.lower().removeprefix('python-').removeprefix('lib')}"
    return (f"it seems to be a library, for which aports have names with {prefix}: -f -n {name}",)


def _tell(wish: Wish, seen: Seen, log: Messages) -> None:
    """Says what was found, and what a person has to look at."""
    plan, license_ = seen.plan, seen.licensing
    log.msg(f"{wish.origin.pkgname}: written, from what its source shows")
    log.msg2(f"built with: {_NAMES.get(seen.kind, seen.kind.value.capitalize())}")
    log.msg2(f"tests: {plan.check[-1].removeprefix('.testenv/bin/') if plan.check else 'none found'}")
    if not wish.license:
        log.msg2(
            f"licence: {f'{license_.expression} ({license_.reason})' if license_.expression else license_.reason or 'not found'}"
        )
    for remark in (*plan.remarks, *_naming(wish.origin.pkgname, seen.kind, plan)):
        log.warning(remark)
    if plan.unknown:
        log.warning(f"no package is known for {' '.join(plan.unknown)}")
    empty = [
        name
        for name, text in (
            ("pkgdesc", wish.pkgdesc or seen.stated.description),
            ("url", wish.url or seen.stated.homepage or wish.origin.page),
            ("license", wish.license or license_.expression),
            ("pkgver", wish.origin.pkgver),
        )
        if not text
    ]
    if empty:
        log.warning(f"left for you to fill in: {' '.join(empty)}")
