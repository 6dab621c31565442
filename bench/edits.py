#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits every recipe of a tree and looks whether what it says changed as intended, and nothing else did.

For each recipe: another pkgver and pkgrel, and new checksums for the same names; then a secfixes entry and a word more in
each list; then the words are taken out again. The text is compared line by line (for checksums, with what abuild's own
sed script leaves), and both edits are evaluated, together with the recipe as it was and as abump's and apkgrel's own
sed lines make it. A variable may differ only as the intention explains it: it is the same with the new version in
the place of the old, or the same as in the recipe that sed made. Edited recipes stand beside the original ones, in a copy of
the tree made of symbolic links.

The exit status is 1 if there is any exception. Edits that are refused are listed by reason and are none.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.config import load_config
from abuildpy.errors import RecipeError
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.recipe.answer import Answer
from abuildpy.recipe.edit import add_secfix, add_to_list, remove_from_list, replace_checksums, set_through, set_variable
from abuildpy.recipe.edit.effect import certain_values
from abuildpy.recipe.syntax import parse
from abuildpy.ui.console import Console

PKGVER, PKGREL, SECFIX = "98.7.6", "54", "CVE-2031-98765"
LISTS = {
    "makedepends": "edits-py-make",
    "depends": "edits-py-run",
    "checkdepends": "edits-py-check",
    "source": "edits-py.patch",
    "subpackages": "$pkgname-edits",
    "options": "edits",
}
SURROUNDINGS = frozenset(
    "_ PPID RANDOM LINENO SECONDS EPOCHREALTIME EPOCHSECONDS OPTIND IFS HOME PATH PWD OLDPWD SHLVL PS4".split()
)
"""The shell's own, not the recipe's."""
SUMS = re.compile(rb"^sha[0-9]+sums=[\"']")
REFUSALS_SHOWN = 12


@dataclass(slots=True)
class Report:
    """Counts, and by class what is not as it should be."""

    counts: Counter[str] = field(default_factory=Counter)
    exceptions: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def expect(self, good: bool, kind: str, what: str) -> None:
        """Counts a check; ``what`` says where, if it fails."""
        self.counts[kind] += 1
        if not good:
            self.exceptions[kind].append(what)

    def refused(self, kind: str, where: str, error: RecipeError) -> None:
        """Counts an edit that is not made."""
        reason = re.sub(r"'[^']*'", "'…'", re.sub(r"^line \d+: ", "", error.message))
        self.refusals[f"{kind}: {reason}"].append(f"{where}: {error.message}")

    def show(self) -> bool:
        """Prints everything; whether there are no exceptions."""
        for kind, count in sorted(self.counts.items()):
            print(f"{count:8} {kind}: {len(self.exceptions.get(kind, ()))} exceptions")
        for title, found in (("REFUSED", self.refusals), ("EXCEPTION", self.exceptions)):
            for kind, places in sorted(found.items()):
                print(f"{title} {kind} ({len(places)})")
                for place in places[:REFUSALS_SHOWN]:
                    print(f"    {place}")
        return not any(self.exceptions.values())


@dataclass(frozen=True, slots=True)
class Job:
    """A recipe: where its edited copies are evaluated, and their texts by name."""

    name: str
    place: Path
    texts: Mapping[str, bytes]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--from", dest="tree", type=Path, required=True, help="a tree of recipes")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="edit only each N-th recipe")
    parser.add_argument("--text-only", action="store_true", help="evaluate nothing")
    parser.add_argument(
        "--scratch", type=Path, default=Path("/var/tmp"), help="where the copy is made (default: %(default)s)"
    )
    options = parser.parse_args()
    paths = sorted(options.tree.resolve().glob("*/*/APKBUILD"))
    if not paths:
        sys.exit(f"no recipes below {options.tree}")
    report = Report()
    scratch = Path(tempfile.mkdtemp(prefix="edits-", dir=options.scratch)).resolve()
    try:
        jobs = [edited(path, scratch, report) for path in paths[:: options.every]]
        if not options.text_only:
            copy_tree(paths, scratch)
            compare_evaluated(jobs, scratch, report)
    finally:
        shutil.rmtree(scratch)
    print(f"{len(jobs)} recipes")
    return 0 if report.show() else 1


def copy_tree(paths: Sequence[Path], scratch: Path) -> None:
    """Links to all folders of recipes, at the same depth."""
    for path in paths:
        folder = scratch / path.parent.parent.name
        folder.mkdir(exist_ok=True)
        (folder / path.parent.name).symlink_to(path.parent)


# --- texts ----------------------------------------------------------------------------------------------------------


def edited(path: Path, scratch: Path, report: Report) -> Job:
    """Makes all edits of one recipe and checks them as texts."""
    name = f"{path.parent.parent.name}/{path.parent.name}"
    text = path.read_bytes()
    texts = {"original": text, "sed": by_sed(text)}
    bumped = text
    for variable, value in (("pkgver", PKGVER), ("pkgrel", PKGREL)):
        try:
            before, bumped = bumped, set_variable(bumped, variable, value)
        except RecipeError as error:
            report.refused(variable, name, error)
            continue
        check_lines(before, bumped, variable, name, report)
    sums = new_sums(text)
    try:
        before, bumped = bumped, replace_checksums(bumped, sums)
        report.expect(bumped == sums_by_sed(before, sums), "checksums as abuild's script leaves them", name)
    except RecipeError as error:
        report.refused("checksums", name, error)
    texts["bumped"] = bumped
    texts["through"] = through(text, name, report)
    extended = check_secfix(text, name, report)
    for variable, word in LISTS.items():
        extended = check_list(extended, variable, word, name, report)
    texts["extended"] = extended
    return Job(name, scratch / path.parent.parent.name / f"{path.parent.name}.edited", texts)


def next_version(version: str) -> str:
    """A version of the same form."""
    numbers = list(re.finditer(r"[0-9]+", version))
    number = numbers[0 if "git" in version else -1]
    return f"{version[: number.start()]}{int(number[0]) + 1}{version[number.end() :]}"


def through(text: bytes, name: str, report: Report) -> bytes:
    """The next version set by what pkgver is computed from; the text itself where it is a constant."""
    script = parse(text)
    own = script.assigned("pkgver")
    old = certain_values(script).value("pkgver")
    if not own or own[-1].value.constant is not None or not old:
        return text
    try:
        after = set_through(text, "pkgver", next_version(old))
    except RecipeError as error:
        report.refused("pkgver by what it is computed from", name, error)
        return text
    literals = [(a.name, a.raw) for a in script.assignments if a.value.constant is None]
    report.expect(
        len(text.split(b"\n")) == len(after.split(b"\n"))
        and literals == [(a.name, a.raw) for a in parse(after).assignments if a.value.constant is None],
        "pkgver by what it is computed from: only constants changed",
        name,
    )
    return after


def check_lines(before: bytes, after: bytes, variable: str, name: str, report: Report) -> None:
    """Whether only lines that set the variable are others."""
    old, new = before.split(b"\n"), after.split(b"\n")
    start = re.compile(rb"\s*(?:export )?" + variable.encode() + b"=")
    wrong = [a for a, b in zip(old, new, strict=False) if a != b and not start.match(a)]
    report.expect(len(old) == len(new) and not wrong, f"lines of {variable}", f"{name} {wrong[:1]}")


def new_sums(text: bytes) -> list[tuple[str, str]]:
    """Other hashes for the names that the recipe has sums of, as written."""
    script = parse(text)
    own = script.assigned("sha512sums")
    constant = own[-1].value.constant if own else ""
    if constant is None:
        known = certain_values(script).value("sha512sums") or ""
    else:
        known = constant.encode("latin-1").decode("utf-8", "surrogateescape")
    names = known.split()[1::2]
    return [(f"{number:0128x}", name) for number, name in enumerate(names)]


def sums_by_sed(text: bytes, sums: Sequence[tuple[str, str]]) -> bytes:
    """What abuild 3.18 makes of a recipe: its deletions, line by line, and the block at the end."""
    kept: list[bytes] = []
    closing = b""
    lines = text.split(b"\n")
    final = lines.pop()
    for line in lines:
        if closing:
            closing = b"" if line.endswith(closing) else closing
        elif SUMS.match(line):
            quote = line[line.index(b"=") + 1 :][:1]
            closing = b"" if line.endswith(quote) and line.count(quote) > 1 else quote
        else:
            kept.append(line + b"\n")
    result = b"".join(kept) + final
    if not sums:
        return result
    block = "".join(f"{hash_}  {name}\n" for hash_, name in sums).encode("utf-8", "surrogateescape")
    return result + (b"\n" if final else b"") + b'sha512sums="\n' + block + b'"\n'


def by_sed(text: bytes) -> bytes:
    """Version and release as abump and apkgrel 3.18 set them."""
    text = re.sub(rb"^pkgver=[^ \n]*", b"pkgver=" + PKGVER.encode(), text, flags=re.MULTILINE)
    return re.sub(rb"^pkgrel=.*", b"pkgrel=" + PKGREL.encode(), text, flags=re.MULTILINE)


def check_secfix(text: bytes, name: str, report: Report) -> bytes:
    """Adds a vulnerability and checks that nothing but lines of a valid comment came in."""
    try:
        after = add_secfix(text, f"{PKGVER}-r0", [SECFIX])
        once_more = add_secfix(after, f"{PKGVER}-r0", [SECFIX])
        second = add_secfix(after, f"{PKGVER}-r0", ["CVE-2031-2"])
    except RecipeError as error:
        report.refused("secfixes", name, error)
        return text
    report.expect(once_more == after, "secfixes once only", name)
    report.expect(len(second) - len(after) == len("#     - CVE-2031-2\n"), "secfixes appended", name)
    ours = [b"# secfixes:", f"#   {PKGVER}-r0:".encode(), f"#     - {SECFIX}".encode()]
    rest = [line for line in after.splitlines() if line not in ours]
    before = [line for line in text.splitlines() if line not in ours]
    more = [line for line in after.splitlines() if line in ours and (line != ours[0] or line not in text.splitlines())]
    fresh = len(more) == 3
    report.expect(
        more == ours[-len(more) :] and (rest == before or (fresh and without_empty(rest) == without_empty(before))),
        "secfixes lines",
        name,
    )
    report.expect(same_commands(text, after), "secfixes without effect", name)
    report.expect(valid_secfixes(after) or not valid_secfixes(text), "secfixes valid for abuild", name)
    return after


def without_empty(lines: Sequence[bytes]) -> list[bytes]:
    """The lines but the empty ones."""
    return [line for line in lines if line]


def same_commands(text: bytes, after: bytes) -> bool:
    """Whether two texts have the same assignments and functions."""
    old, new = parse(text), parse(after)
    return [(a.name, a.raw, a.inside) for a in old.assignments] == [
        (a.name, a.raw, a.inside) for a in new.assignments
    ] and [old.text(f.body_span) for f in old.functions] == [new.text(f.body_span) for f in new.functions]


def valid_secfixes(text: bytes) -> bool:
    """abuild's own check of the comment."""
    inside, good = False, True
    for line in text.split(b"\n"):
        inside = inside or line.startswith(b"# secfixes:")
        if inside and not line.startswith(b"#"):
            inside = False
        if inside:
            good = good and bool(re.search(rb"(^# secfixes:|^#  +- [A-Z0-9-]+|^#   [0-9]+.*:$|^#$)", line))
    return good


def inserted(text: bytes, after: bytes) -> bytes | None:
    """What has been inserted, if that is all that was done, at one place."""
    length = len(after) - len(text)
    at = next((i for i, (a, b) in enumerate(zip(text, after, strict=False)) if a != b), len(text))
    return after[at : at + length] if length >= 0 and text[at:] == after[at + length :] else None


def check_list(text: bytes, variable: str, word: str, name: str, report: Report) -> bytes:
    """Adds a word to a list and takes it out again; gives the text with it."""
    try:
        after = add_to_list(text, variable, word)
        report.expect(add_to_list(after, variable, word) == after, f"{variable}: once only", name)
        back = remove_from_list(after, variable, word)
    except RecipeError as error:
        report.refused(variable, name, error)
        return text
    added = inserted(text, after)
    places = after.count(word.encode()) - text.count(word.encode())
    good = len(added.split(word.encode())) == 2 if added is not None else False
    fine = good or places > 1 or unquoted(text, variable)
    report.expect(fine, f"{variable}: one word more", f"{name} {added!r}")
    report.expect(text.splitlines() == back.splitlines() or same_but_layout(text, back), f"{variable}: and back", name)
    return after


def unquoted(text: bytes, variable: str) -> bool:
    """Whether a list is written without quotes, so that a word more needs some."""
    return any(a.name == variable and a.raw[:1] not in (b'"', b"'") for a in parse(text).assignments)


def same_but_layout(text: bytes, back: bytes) -> bool:
    """Whether only quotes and blanks of lists, and empty lists, differ."""

    def essence(data: bytes) -> list[tuple[str, list[str]]]:
        found = [(a.name, a.raw.decode("latin-1").strip("\"'").split()) for a in parse(data).assignments]
        return [(name, words) for name, words in found if words]

    return essence(text) == essence(back)


# --- evaluation -----------------------------------------------------------------------------------------------------


def compare_evaluated(jobs: Sequence[Job], scratch: Path, report: Report) -> None:
    """Evaluates every text of every recipe, and compares."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch / "home"),
        "CARCH": "x86_64",
        "ABUILD_CONF": "/dev/null",
    }
    evaluations = Evaluations(load_config(environment), Settings(quiet=True), Console())
    for job in jobs:
        original = job.place.with_name(job.place.name.removesuffix(".edited"))
        job.place.mkdir()
        for file in original.iterdir():
            if file.name != "APKBUILD":
                (job.place / file.name).symlink_to(file)
    answers = {
        kind: list(evaluated(jobs, kind, evaluations)) for kind in ("original", "sed", "bumped", "extended", "through")
    }
    for number, job in enumerate(jobs):
        of = {kind: found[number] for kind, found in answers.items()}
        if of["original"].error:
            report.counts["cannot be evaluated as they are"] += 1
            continue
        if of["bumped"].error and of["sed"].error:
            report.counts["cannot be evaluated with another version, however it is set"] += 1
            continue
        broken = [kind for kind in ("bumped", "extended") if of[kind].error]
        report.expect(not broken, "evaluated", f"{job.name} {[of[kind].error for kind in broken]}")
        if not broken:
            compare_bumped(job, of["original"], of["bumped"], of["sed"], report)
            compare_extended(job, of["original"], of["extended"], report)
        if job.texts["through"] != job.texts["original"]:
            wanted, found = next_version(of["original"].variables["pkgver"]), of["through"].variables.get("pkgver")
            report.expect(
                found == wanted, "pkgver by what it is computed from, evaluated", f"{job.name} {found} {wanted}"
            )


def evaluated(jobs: Sequence[Job], kind: str, evaluations: Evaluations) -> Iterator[Answer]:
    for job in jobs:
        (job.place / "APKBUILD").write_bytes(job.texts[kind])
    return evaluations.answers([str(job.place / "APKBUILD") for job in jobs])


def recipe_variables(old: Mapping[str, str], new: Mapping[str, str]) -> set[str]:
    """Names of variables that recipes are about."""
    return {name for name in (old.keys() | new.keys()) - SURROUNDINGS if not name.startswith("_ab_")}


def compare_bumped(job: Job, original: Answer, bumped: Answer, sed: Answer, report: Report) -> None:
    """Version, release and checksums are the new ones; all else follows from that."""
    old, new = original.variables, bumped.variables
    sums = "".join(f"\n{hash_}  {name}" for hash_, name in new_sums(job.texts["original"]))
    wanted = {"pkgver": PKGVER, "pkgrel": PKGREL}
    if sums:
        wanted["sha512sums"] = f"{sums}\n"
    for variable, value in wanted.items():
        report.expect(new.get(variable) == value, f"evaluated {variable}", f"{job.name}: {new.get(variable)!r}")
    for variable in recipe_variables(old, new) - wanted.keys():
        if old.get(variable) == new.get(variable):
            continue
        if re.fullmatch(r"sha(?:1|256)sums", variable) and not new.get(variable):
            continue
        if old.get(variable, "").replace(old.get("pkgver", ""), PKGVER) == new.get(variable):
            report.counts["variables with the new version"] += 1
            continue
        known = not sed.error and sed.variables.get(variable) == new.get(variable)
        report.expect(
            known,
            "other variables as sed's edit makes them",
            f"{job.name} {variable}: {old.get(variable)!r} {new.get(variable)!r} {sed.variables.get(variable)!r}",
        )
    report.expect(original.functions == bumped.functions, "functions", job.name)


def compare_extended(job: Job, original: Answer, extended: Answer, report: Report) -> None:
    """Each list has its word more, and what is made of lists has at most those more."""
    old, new = original.variables, extended.variables
    words = {word.replace("$pkgname", old.get("pkgname", "")) for word in LISTS.values()}
    for variable, written in LISTS.items():
        word = written.replace("$pkgname", old.get("pkgname", ""))
        listed = new.get(variable, "").split()
        if word in listed:
            listed.remove(word)
        elif word.encode() in job.texts["extended"]:
            report.expect(False, f"evaluated {variable}", f"{job.name}: {new.get(variable)!r}")
        rest = [other for other in listed if other not in words]
        report.expect(rest == old.get(variable, "").split(), f"evaluated {variable}", f"{job.name}: {listed}")
    for variable in recipe_variables(old, new) - LISTS.keys():
        if old.get(variable) != new.get(variable):
            rest = [word for word in new.get(variable, "").split() if word not in words]
            report.expect(
                rest == old.get(variable, "").split() or not rest,  # not rest: what a loop over the list leaves
                "other variables after the lists",
                f"{job.name} {variable}: {old.get(variable)!r} {new.get(variable)!r}",
            )
    report.expect(original.functions == extended.functions, "functions", job.name)


if __name__ == "__main__":
    sys.exit(main())
