# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe's patches against its new source: dropped where upstream has them, refreshed where they fit only loosely."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.maintain.bumping.errors import BumpError
from abuildpy.maintain.bumping.patches.folder import Files
from abuildpy.maintain.bumping.patches.judge import IS_UPSTREAM, Verdict, judge, upstream_has
from abuildpy.maintain.bumping.patches.unified import NotUnderstood
from abuildpy.messages import Messages
from abuildpy.recipe.edit import remove_from_list
from abuildpy.recipe.model import Recipe, Source
from abuildpy.recipe.syntax import parse
from abuildpy.source.acquire import unpack_all
from abuildpy.source.unpack import usual_most

_MOST = 4
_STRIP = re.compile(r"-p ?(\d)|--strip=(\d)")
_HARMLESS = frozenset(("-N", "--forward", "-s", "--quiet", "--silent", "-t", "-f", "-E", "--no-backup-if-mismatch"))


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of it. ``files`` are new contents by name (None: deleted); ``notes`` are lines for the user."""

    dropped: tuple[str, ...] = ()
    refreshed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def has_patches(recipe: Recipe) -> bool:
    """Whether abuild would apply any (3.18, default_prepare: those whose name ends so, local or not)."""
    return any(source.name.endswith(".patch") for source in recipe.source)


def look_after(recipe: Recipe, text: bytes, srcdest: Path, log: Messages) -> Looked:
    """Looks at the patches of a recipe (``text`` is its APKBUILD), whose sources are unpacked beside it for that.

    Raises BumpError for a patch that does not apply, naming file and hunk; UnpackError.
    """
    if "unpack" in recipe.functions:
        return Looked(notes=("it unpacks its sources by itself: the patches are left to the build",))
    own = _own_prepare(text) if "prepare" in recipe.functions else ""
    if own == "alone":
        return Looked(notes=("its prepare() does without default_prepare: the patches are left to it",))
    strip = _strip_of(recipe)
    if strip is None:
        return Looked(
            notes=(f"patch_args is '{recipe.variables.get('patch_args')}': the patches are left to the build",)
        )
    unpack_all(recipe, srcdest=srcdest, srcdir=recipe.startdir / "src", log=log, most=usual_most)
    builddir = Path(recipe.builddir)
    if not builddir.is_dir():
        if own:
            return Looked(notes=("builddir is not there before prepare(): the patches are left to the build",))
        raise _no_builddir(recipe, builddir)
    return _look(recipe, text, builddir, strip, srcdest, certain=not own)


def _look(recipe: Recipe, text: bytes, builddir: Path, strip: int, srcdest: Path, *, certain: bool) -> Looked:
    found = _Found(text, recipe.startdir)
    patches = [source for source in recipe.source if source.name.endswith(".patch")]
    texts = [_read(source, recipe, srcdest) for source in patches]
    upstream = upstream_has(texts, Files(builddir), strip)
    files = Files(builddir)
    failed: list[tuple[Source, Verdict]] = []
    for place, (source, content) in enumerate(zip(patches, texts, strict=True)):
        try:
            verdict = judge(content, files, strip, known=place in upstream)
        except NotUnderstood as why:
            found.notes.append(f"{source.name} is left to the build: {why}")
            certain = False
            continue
        if verdict.kind == "fails" and certain:
            failed.append((source, verdict))
        elif verdict.kind == "fails":
            found.notes.append(f"{source.name} does not apply to the source as it is unpacked: {verdict.troubles[0]}")
        else:
            found.take(source, verdict)
    if failed:
        raise _do_not_fit(failed, found)
    if found.dropped:
        found.changed[recipe.path.name] = found.text
    return Looked(tuple(found.dropped), found.refreshed, found.changed, tuple(found.notes))


def _read(source: Source, recipe: Recipe, srcdest: Path) -> bytes:
    path = srcdest / source.name if source.remote else recipe.startdir / source.entry
    try:
        return path.read_bytes()
    except OSError as error:
        raise BumpError("patch", f"{source.name}: {error.strerror}") from error


@dataclass(slots=True)
class _Found:
    """What was found out so far; ``text`` is the recipe without what was dropped."""

    text: bytes
    folder: Path
    dropped: list[str] = field(default_factory=list)
    refreshed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    changed: dict[str, bytes | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, source: Source, verdict: Verdict) -> None:
        """A patch that is good, or can go."""
        if verdict.kind == "upstream":
            self.dropped.append(source.name)
            self.text = _without(self.text, source)
            if self._lies_here(Path(source.entry).parent, source):
                self.changed[source.entry] = None
            self.notes += _mentions(self.text, source.name)
        elif verdict.kind == "refreshed" and not self._lies_here(Path(source.entry), source):
            what = "is a download" if source.remote else "lies outside of the recipe's folder"
            self.notes.append(f"{source.name} fits with {'; '.join(verdict.notes)}: it {what}, and stays as it is")
        elif verdict.kind == "refreshed":
            self.refreshed[source.name] = verdict.notes
            self.changed[source.entry] = verdict.text

    def _lies_here(self, place: Path, source: Source) -> bool:
        """Whether it is one of the recipe's own files: what others share, or a path or link leads to, is not ours to write."""
        folder = self.folder.resolve()
        return not source.remote and (folder / place).resolve().is_relative_to(folder)


def _without(text: bytes, source: Source) -> bytes:
    try:
        changed = remove_from_list(text, "source", source.entry)
    except RecipeError as error:
        raise BumpError(
            "patch",
            f"{source.name} is upstream by now, but cannot be taken out of source: {error.message}",
            hint="remove it by hand, then run this again",
        ) from error
    if changed == text:
        raise BumpError(
            "patch",
            f"{source.name} is upstream by now, but where source= gets it from cannot be told",
            hint="remove it by hand, then run this again",
        )
    return changed


def _mentions(text: bytes, name: str) -> list[str]:
    """Where a recipe without its checksums still names a patch."""
    body = text.partition(b"\nsha512sums=")[0]
    lines = [number for number, line in enumerate(body.split(b"\n"), 1) if name.encode() in line]
    return [f"line {lines[0]} of the recipe still names {name}"] if lines else []


def _own_prepare(text: bytes) -> str:
    """``alone`` where prepare() never comes to default_prepare, ``first`` where something may happen before it."""
    script = parse(text)
    bodies = [text[f.span.start : f.span.end] for f in script.functions if f.name == "prepare"]
    if not bodies or b"default_prepare" not in bodies[-1]:
        return "alone"
    before = bodies[-1].partition(b"default_prepare")[0].partition(b"{")[2]
    lines = [line for line in before.split(b"\n") if line.strip() and not line.strip().startswith(b"#")]
    return "first" if lines else ""


def _strip_of(recipe: Recipe) -> int | None:
    """How many leading folders patch(1) is told to take off; None if it is told anything else."""
    words = (recipe.variables.get("patch_args_cfg", "") + " " + (recipe.variables.get("patch_args") or "-p1")).split()
    strip = 1
    for word in words:
        match = _STRIP.fullmatch(word)
        if match:
            strip = int(match[1] or match[2])
        elif word not in _HARMLESS:
            return None
    return strip


def _do_not_fit(failed: Sequence[tuple[Source, Verdict]], found: _Found) -> BumpError:
    """All patches that do not apply at once, and what is known of the others."""
    lines = []
    for source, verdict in failed:
        others = [trouble for trouble in verdict.troubles if trouble.why != IS_UPSTREAM]
        upstream = len(verdict.troubles) - len(others)
        lines += [f"{source.name} does not apply: {trouble}" for trouble in others[:_MOST]]
        more = [f"{len(others) - _MOST} more do not fit"] if len(others) > _MOST else []
        if upstream:
            more.append(f"{upstream} {'hunk is' if upstream == 1 else 'hunks are'} upstream by now, as it seems")
        lines += [f"{source.name}: {', '.join(more)}"] if more and others else []
        if not others:
            lines.append(f"{source.name} does not apply: {', '.join(more)}, with other lines around")
    lines += [f"{name} is upstream by now, and would be dropped" for name in found.dropped]
    lines += [f"{name} would be refreshed" for name in found.refreshed]
    names = "it" if len(failed) == 1 else "them"
    return BumpError(
        "patch",
        lines[0],
        hint=f"rebase {names} by hand (or drop {names}), commit that, then run this again",
        details=tuple(lines[1:]),
    )


def _no_builddir(recipe: Recipe, builddir: Path) -> BumpError:
    srcdir = recipe.startdir / "src"
    try:
        there = sorted(path.name for path in srcdir.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        there = []
    shown = builddir.relative_to(srcdir) if builddir.is_relative_to(srcdir) else builddir
    return BumpError(
        "patch",
        f"builddir {shown} is not in the new source",
        hint=f"which has {' '.join(there[:5])}: set builddir" if there else "set builddir",
    )
