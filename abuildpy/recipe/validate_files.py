# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules about the files of a recipe: install scripts, triggers, sources, checksums, and what lies about."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.package.model import list_has
from abuildpy.recipe.finding import Finding, Subject, error, warning
from abuildpy.recipe.model import Source
from abuildpy.regular import read_regular, regular

INSTALL_KINDS = frozenset("pre-install post-install pre-upgrade post-upgrade pre-deinstall post-deinstall".split())
"""What install scripts are named after: PACKAGE.KIND."""
_NOT_SOURCES = frozenset(("APKBUILD", "src", "pkg", "tmp"))


def _filename(name: str, about: str) -> Iterator[Finding]:
    invalid = re.sub(r"[A-Za-z0-9+@~._-]", "", name)
    if invalid:
        yield error(f"Forbidden character(s) in filename {name}: {invalid}", code="file-name", about=about, word=name)


def install_scripts(subject: Subject) -> Iterator[Finding]:
    """Each is of a kind that there is, belongs to a package, is there, and leaves permissions alone."""
    recipe = subject.recipe
    for script in recipe.install:
        owner, _, kind = script.rpartition(".")
        if kind not in INSTALL_KINDS:
            kinds = f"it must end in one of: {_list(INSTALL_KINDS)}"
            yield error(
                f"{script}: unknown kind of install script", kinds, code="install-kind", about="install", word=script
            )
        if owner not in recipe.package_names:
            yield error(
                f"{script}: this install script belongs to no package of this recipe",
                code="install-owner",
                about="install",
                word=script,
            )
        yield from _filename(script, "install")
        try:
            content = read_regular(recipe.startdir / script)
        except FileNotFoundError:
            yield error(f"the install script {script} is missing", code="install-missing", about="install", word=script)
            continue
        except OSError as problem:
            yield error(
                f"cannot read the install script {script}: {problem.strerror}",
                code="install-missing",
                about="install",
                word=script,
            )
            continue
        for command in ("chown", "chmod", "chgrp"):
            if command.encode() in content:
                advice = "permissions should be fixed in package() instead"
                yield warning(f"{script}: found {command}", advice, code="install-chmod", about="install", word=script)


def _list(words: Collection[str]) -> str:
    return " ".join(sorted(words))


def triggers(subject: Subject) -> Iterator[Finding]:
    """Each names its paths, belongs to a package, and its script is there."""
    recipe = subject.recipe
    for trigger in recipe.triggers:
        script, equals, _ = trigger.rpartition("=")
        if not equals:
            yield error(
                f"{trigger}: a trigger must contain '=', followed by the folders it watches",
                code="trigger-folders",
                about="triggers",
                word=trigger,
            )
            continue
        owner = script.removesuffix(".trigger")
        if owner == script:
            yield error(
                f"{script}: trigger scripts must be called NAME.trigger",
                code="trigger-name",
                about="triggers",
                word=trigger,
            )
        if owner not in recipe.package_names:
            yield error(
                f"{script}: this trigger script belongs to no package of this recipe",
                code="trigger-owner",
                about="triggers",
                word=trigger,
            )
        if any(_is_source(script, source) for source in recipe.source):
            yield warning(
                "You should not have $triggers in source", code="trigger-in-source", about="source", word=script
            )
        yield from _filename(script, "triggers")
        if not os.path.exists(recipe.startdir / script):
            yield error(
                f"the trigger script {script} is missing", code="trigger-missing", about="triggers", word=trigger
            )


def _is_source(name: str, source: Source) -> bool:
    return name in (source.entry.rpartition("/")[2], source.entry.partition("::")[0])


def sources(subject: Subject) -> Iterator[Finding]:
    """What ``source`` lists has a name of its own and a version in it, and its files are there."""
    recipe = subject.recipe
    listed = subject.checksum_words
    for source in recipe.source:
        if list_has(source.entry, recipe.install):
            yield warning(
                "You should not have $install in source", code="install-in-source", about="source", word=source.entry
            )
        yield from _filename(source.name, "source")
        if source.remote:
            # Such a name says nothing about the project, and many share one folder of downloads.
            if re.match(rf"v?{re.escape(recipe.pkgver)}\.tar\.", source.name):
                yield error(
                    f"source {source.name} needs to be renamed to avoid possible collisions",
                    f"for example: $pkgname-$pkgver.tar.gz::{source.uri}",
                    code="source-name",
                    about="source",
                    word=source.entry,
                )
        elif source.entry.endswith(".initd"):
            yield from _initd(recipe.startdir, source.entry)
        if source.name not in listed:
            advice = "use 'abuild checksum' to add it"
            yield error(
                f"{source.name} is missing in checksums",
                advice,
                code="checksum-missing",
                about="source",
                word=source.entry,
            )
    if not subject.raw("sha512sums") and subject.raw("sha256sums"):
        text = "Found old (sha256) checksum, use 'abuild checksum' to regenerate"
        yield warning(text, code="checksum-old", about="sha256sums")


def _initd(startdir: Path, name: str) -> Iterator[Finding]:
    try:
        with open(regular(startdir / name), "rb") as stream:
            line = stream.readline(4096).replace(b"\0", b"")  # which the shell does not see
    except OSError as problem:
        yield error(f"cannot read {name}: {problem.strerror}", code="initd-invalid", about="source", word=name)
        return
    if not fnmatchcase(line.decode("utf-8", "surrogateescape"), "#!*/sbin/openrc-run\n"):
        yield error(
            f"{name} is not an openrc script: its first line must be #!/sbin/openrc-run, and end",
            code="initd-invalid",
            about="source",
            word=name,
        )


def stray_files(subject: Subject) -> Iterator[Finding]:
    """Nothing lies in the folder that the recipe does not name."""
    recipe = subject.recipe
    try:
        names = sorted(os.listdir(recipe.startdir), key=os.fsencode)
    except OSError as problem:
        raise RecipeError(f"cannot read {recipe.startdir}: {problem.strerror}") from problem
    used = {source.entry for source in recipe.source if not source.remote}
    used |= {trigger.rpartition("=")[0] for trigger in recipe.triggers}
    for name in names:
        if name.startswith(".") or name in _NOT_SOURCES or name in used or list_has(name, recipe.install):
            continue
        yield warning(f"{name} is not in $source/$install/$triggers", code="stray-file")


def checksums(subject: Subject) -> Iterator[Finding]:
    """As many as sources, and none of something else."""
    recipe = subject.recipe
    words = subject.checksum_words
    if len(words) != 2 * len(recipe.source):
        yield error(
            f"Number of checksums({len(words)} / 2) does not correspond to number of sources({len(recipe.source)})",
            "use 'abuild checksum' to regenerate them",
            code="checksum-count",
            about="sha512sums",
        )
    for name in words[1::2]:
        if not any(_is_source(name, source) for source in recipe.source):
            yield error(
                f"{name} exists in checksums but is missing in $source",
                code="checksum-stray",
                about="sha512sums",
                word=name,
            )
