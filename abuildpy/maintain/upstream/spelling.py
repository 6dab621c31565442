# SPDX-License-Identifier: GPL-3.0-or-later
"""Between upstreams' spellings of versions and apk's: 1.2-rc1, 1.2.0b3, release-1_2, v1.2 ↔ 1.2_rc1, 1.2.0_beta3, 1.2."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from abuildpy.maintain.upstream.model import Form
from abuildpy.repository.version import is_valid

_APK = re.compile(r"(?P<numbers>\d+(?:\.\d+)*)(?P<letter>[a-z]?)(?P<suffixes>(?:_[a-z]+\d*)*)")
_SUFFIX = re.compile(r"_([a-z]+)(\d*)")
_TOKEN = re.compile(r"[._~+-]*([A-Za-z]+|(?<=[+~_.-])(?=\d))[._-]*(\d*)")
_HASH = re.compile(r"[._+~-]?g?[0-9a-f]{7,40}\Z")

_SUFFIX_OF = {
    **dict.fromkeys(("a", "alpha"), "alpha"),
    **dict.fromkeys(("b", "beta", "betas"), "beta"),
    **dict.fromkeys(
        (
            *(
                "pre",
                "preview",
                "prerelease",
                "dev",
                "devel",
                "development",
                "snapshot",
                "nightly",
                "canary",
                "milestone",
            ),
            *("m", "ea", "eap", "test", "testing", "unstable", "draft", "next", "insiders", "trial"),
        ),
        "pre",
    ),
    **dict.fromkeys(("rc", "c", "cr", "candidate"), "rc"),
    **dict.fromkeys(
        ("p", "pl", "patch", "post", "update", "u", "sp", "hotfix", "fix", "patchlevel", "rev", "r", ""), "p"
    ),
}
_DATE = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_MACHINE = re.compile(r"x86|x64|amd64|i[3-6]86|arm|win32|s390|linux")
_FINAL = frozenset("final stable release released ga lts esr source src orig full all".split())
_SPELLED = {
    "alpha": r"(?:alpha|a)",
    "beta": r"(?:beta|b)",
    "pre": r"(?:pre|preview|prerelease|dev|devel|m|milestone)",
    "rc": r"(?:rc|cr|c)",
    "p": r"(?:p|pl|patch|post|update|u|sp|hotfix|rev|r|)",
    "git": r"(?:git|g|)",
    "svn": r"(?:svn|r|)",
    "cvs": r"(?:cvs|)",
    "hg": r"(?:hg|)",
}
_UNFINISHED = ("_alpha", "_beta", "_pre", "_rc")
_SNAPSHOT = re.compile(r"_(?:git|svn|cvs|hg)")
_LOOSE = re.compile(r"(?:(?P<word>\D.*?)(?:(?<=[A-Za-z])|[-_./]+))?[vV]?(?P<version>\d.*)", re.DOTALL)
_USUAL = frozenset("v ver version release releases rel r tag tags stable prod production upstream".split())
_LONG = 6
_LONGEST = 100
"""No version has so many characters."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """A version in apk's spelling. ``unfinished`` is said of it by its own spelling: a test release, a candidate."""

    version: str
    unfinished: bool = False


def is_unfinished(version: str) -> bool:
    """Whether a version (apk's spelling) comes before a release: ``1.2_rc1``."""
    return any(suffix in version for suffix in _UNFINISHED)


def numbers_of(version: str) -> tuple[int, ...]:
    """The numbers before any suffix: (1, 2) of ``1.2_rc1``; none of what is no version."""
    match = _APK.match(version)
    return tuple(int(number) for number in match["numbers"].split(".")) if match else ()


def find_form(text: str, version: str) -> Form | None:
    """How a version (apk's spelling) stands in a text; None if it does not.

    The last place counts, for what is before it may hold other numbers. A version's last zeros may be missing in the text.
    """
    form = _find_form(text, version)
    if form is not None and form.after and (said := to_apk(f"1{form.after}")) and said.unfinished:
        # A recipe may leave out that it is a candidate; other tags tell it of themselves.
        return replace(form, after="")
    return form


def _find_form(text: str, version: str) -> Form | None:
    exact = _exact(text, version)
    if exact is not None:
        return exact
    match = _APK.fullmatch(version)
    if match is None:
        spelled = to_apk(version)  # a recipe may have upstream's spelling, which apk does not accept
        return _search(text, spelled.version) if spelled else None
    found = _search(text, version)
    if found is not None:
        return found
    numbers, tail = match["numbers"], match["letter"] + match["suffixes"]
    if (
        not tail
        and (date := _DATE.fullmatch(numbers))
        and (dated := _last(rf"{date[1]}(?P<between>[._-]?){date[2]}(?P=between){date[3]}", text))
    ):
        between = dated["between"]
        return Form(text[: dated.start()], text[dated.end() :], between or ".", glued=bool(between))
    if _SNAPSHOT.search(tail) or re.fullmatch(r"_p\d+", tail):
        return _find_form(text, numbers + match["letter"])
    if "." in numbers and (longer := _exact(text, f"{numbers}.0{tail}")):
        return longer
    while numbers.endswith(".0"):
        numbers = numbers[:-2]
        shorter = _exact(text, numbers + tail)
        if shorter is not None:
            return shorter
    return None


def _last(pattern: str, text: str) -> re.Match[str] | None:
    found = list(re.finditer(rf"(?<!\d){pattern}(?!\d)", text))
    return found[-1] if found else None


def _exact(text: str, version: str) -> Form | None:
    at = len(text)
    while version and (at := text.rfind(version, 0, at)) >= 0:
        end = at + len(version)
        if _stands_alone(text, at, end):
            return Form(text[:at], text[end:])
        at = end - 1
    return None


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a version's neighbours are no further numbers of it."""
    before, after = text[:start], text[end:]
    if before[-1:].isdigit() or after[:1].isdigit():
        return False
    return not (re.search(r"\d\.\Z", before) or re.match(r"\.\d", after))


def _search(text: str, version: str) -> Form | None:
    pattern = _pattern(version)
    places = list(pattern.finditer(text)) if pattern is not None else []
    if not places:
        return None
    last = places[-1]
    match = _APK.fullmatch(version)
    assert match is not None  # noqa: S101 -- there is a pattern
    numbers = match["numbers"].split(".")
    spelled = last["numbers"]
    widths: tuple[int, ...] = ()
    if len(numbers) > 1 and spelled.isdigit():
        widths = tuple(len(number) for number in numbers)
        separators = ""
    else:
        separators = "".join(sorted(set(re.sub(r"\d", "", spelled)))) or "."
    return Form(text[: last.start()], text[last.end() :], separators, widths)


@lru_cache(maxsize=64)
def _pattern(version: str) -> re.Pattern[str] | None:
    """Finds a version (apk's spelling) however it is usually spelled."""
    match = _APK.fullmatch(version)
    if match is None:
        return None
    numbers = match["numbers"].split(".")
    joined = "|" + "".join(numbers) if len(numbers) > 1 else ""
    body = f"(?P<numbers>{'[._-]'.join(numbers)}{joined})"
    if match["letter"]:
        body += f"[._-]?{match['letter']}"
    for name, number in _SUFFIX.findall(match["suffixes"]):
        body += rf"[._~+-]?{_SPELLED[name]}[._-]?{number}" if name in _SPELLED else f"_{name}{number}"
    return re.compile(rf"(?<![0-9])(?<![0-9]\.){body}(?![0-9])(?!\.[0-9])", re.IGNORECASE)


def read(text: str, form: Form, names: frozenset[str] = frozenset()) -> Spelled | None:
    """The version that a tag or a name holds if it has a form; else None.

    ``names`` are words (lower case) that may stand before a version where the form is loose. Where a recipe's tag was a bare
    version or ``v`` and a version, the other of the two will do.
    """
    if form.loose:
        return _read_loosely(text, names)
    middle = _between(text, form)
    return None if middle is None else to_apk(middle, form)


def _between(text: str, form: Form) -> str | None:
    if form.before in ("", "v", "V"):
        text = text[1:] if re.match(r"[vV]\d", text) else text
    elif text.startswith(form.before):
        text = text[len(form.before) :]
    else:
        return None
    if not form.after:
        return text
    if text.endswith(form.after):
        return text[: -len(form.after)]
    if any(character.isdigit() for character in form.after) and not _MACHINE.search(form.after):
        # A revision, a date or a commit of its own, which other versions have another of; or no revision.
        ending = re.search(rf"(?<=\w){_varied(form.after)}\Z", text)
        if ending is not None:
            return text[: ending.start()]
        return text if to_apk(f"1{form.after}") else None
    # An "-rc1" may stand where other tags have "-final".
    return text if form.after.strip("._-").lower() in _FINAL else None


def _varied(after: str) -> str:
    """A pattern for what follows a version, with other numbers and commits in it."""
    parts = re.split(r"((?:(?<=[^0-9A-Za-z])|(?<=g))(?=[0-9a-f]*\d)[0-9a-f]{7,40}(?![0-9A-Za-z])|\d+)", after)
    return "".join(
        re.escape(part) if place % 2 == 0 else "[0-9a-f]{7,40}" if re.search("[a-f]", part) else r"\d+"
        for place, part in enumerate(parts)
    )


def _read_loosely(text: str, names: frozenset[str]) -> Spelled | None:
    *above, last = text.split("/")
    if above and all(part.lower() in _USUAL or part.lower() in names for part in above):
        text = last
    lower = text.lower()
    for name in sorted(names, key=len, reverse=True):
        if lower.startswith(name) and re.match(r"[-_./]?v?\d|[-_./]", lower[len(name) :]):
            text = text[len(name) :].lstrip("-_./")
            break
    match = _LOOSE.fullmatch(text)
    if match is None or (match["word"] and match["word"].lower().strip("-_./") not in _USUAL):
        return None
    version = match["version"]
    separators = "." if "." in version else "_" if re.match(r"\d+_\d", version) else "-"
    return to_apk(version, Form(separators=separators))


def to_apk(text: str, form: Form = Form()) -> Spelled | None:  # noqa: B008 (immutable)
    """Upstream's spelling of a version in apk's; None if it is none, or one of a day's state rather than a release."""
    read_numbers = _numbers(text, form) if len(text) <= _LONGEST else None
    if read_numbers is None:
        return None
    numbers, rest = read_numbers
    version, unfinished = ("" if form.glued else ".").join(numbers), False
    if re.match(r"[a-z](?![A-Za-z0-9])", rest):
        version, rest = version + rest[0], rest[1:]
    while rest:
        token = _TOKEN.match(rest)
        if token is None:
            return None
        word, number = token[1].lower(), token[2]
        if word not in _FINAL or number:
            suffix = _SUFFIX_OF.get(word)
            if suffix is None or len(number) >= _LONG or _HASH.fullmatch(rest):
                return None
            if suffix == "p" and (not number or (not word and token.end() < len(rest))):
                return None
            version += f"_{suffix}{number}"
            unfinished = unfinished or suffix != "p"
        rest = rest[token.end() :]
    return Spelled(version, unfinished) if is_valid(version) else None


def _numbers(text: str, form: Form) -> tuple[list[str], str] | None:
    if form.widths:
        digits = re.match(r"\d+", text)
        more = len(digits[0]) - sum(form.widths) if digits else -1
        if digits is None or not 0 <= more <= 1:
            return None
        numbers, at = [], 0
        for place, width in enumerate(form.widths):
            end = at + width + (more if place == 0 else 0)
            numbers.append(digits[0][at:end])
            at = end
        return numbers, text[digits.end() :]
    between = re.escape(form.separators or ".")
    found = re.match(rf"\d+(?:[{between}.]\d+)*", text)
    if found is None:
        return None
    return re.split(rf"[{between}.]", found[0]), text[found.end() :]
