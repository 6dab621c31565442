# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""The licence of a source as one SPDX expression: what its makers state, what the licence files are, what its files' heads say."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from abuildpy.maintain.pylicense import spdx_license
from abuildpy.maintain.survey.licensetext import PERL, gnu_notice, licenses_in
from abuildpy.maintain.survey.tree import SourceTree
from abuildpy.records.licenses import is_listed

_FILE = re.compile(
    r"(?i)(?:.*[-_.])?(?:li[cs]en[cs]es?|copying|unlicense|copyright|mit-license|notice)(?:[-_.].*)?(?<!\.[ch])(?<!\.py)"
)
_CODE = re.compile(
    r"(?i).*\.(?:c|h|cc|cpp|cxx|hpp|hh|py|pl|pm|rs|go|js|ts|java|vala|rb|lua|sh|hs|ml|d|zig|nim|s|am|ac|in|el|tcl|m|cmake|qml)"
)
_VENDORED = re.compile(
    r"(?i)(?:^|/)(?:m4|test|tests|vendor|third[_-]?party|3rd[_-]?party|contrib|external|extern|deps|examples?|po|doc|docs|build-aux"
    r"|gnulib|lib/gl|debian|subprojects|submodules|bundled|thirdparty)/"
)
_NOT_OURS = re.compile(
    r"(?i)(?:^|/)(?:configure|aclocal\.m4|ltmain\.sh|compile|missing|depcomp|install-sh|config\.(?:guess|sub|rpath)|ylwrap"
    r"|test-driver|mdate-sh|py-compile|makefile\.in|.*\.m4|getopt.*|.*\.tab\.[ch])$"
)
_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+ ()-]+)")
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_HEAD = 4000
_MOST_HEADS = 250
_OLD_NAMES = {
    f"{name}{sign}": f"{name}{suffix}"
    for name in "GPL-1.0 GPL-2.0 GPL-3.0 LGPL-2.0 LGPL-2.1 LGPL-3.0 AGPL-3.0 GFDL-1.1 GFDL-1.2 GFDL-1.3".split()
    for sign, suffix in (("", "-only"), ("+", "-or-later"))
}
_NAMED = re.compile(r"(?i)mit|apache|bsd|gpl|lib|lesser|isc|mpl|zlib|boost|cc0|\d|copyright")
_GNU = ("GPL-", "LGPL-", "AGPL-", "GFDL-")


@dataclass(frozen=True, slots=True)
class Licensing:
    """An SPDX expression (empty: not known), and where it is from, for people."""

    expression: str
    reason: str


def license_of(tree: SourceTree, stated: str, where: str) -> Licensing:
    """The licence of a source; ``stated`` is what its metadata calls it (may be empty) and ``where`` the file that does."""
    said = _modern(stated) if _is_spdx(stated) else _modern(spdx_license("", stated, ()))
    if said and _is_spdx(said) and not _bare_gnu(stated):
        return Licensing(said, where)
    files = _license_files(tree)
    reused = _reuse(tree)
    heads = _heads(tree)
    tags = _tags(heads)
    notices = Counter(filter(None, (gnu_notice(text) for text in heads)))
    texts: dict[str, str] = {}
    for name in files:
        held = licenses_in(tree.text(name))
        # Behind its own text such a file may have those of parts that came from elsewhere.
        for identifier in ("Apache-2.0",) if "Apache-2.0" in held else held:
            texts.setdefault(identifier, name)
    if reused and tags:
        most = [tag for tag, count in tags.most_common(3) if count * 5 >= sum(tags.values())]
        return Licensing(_joined(most), "SPDX-License-Identifier in its files")
    if tags and sum(tags.values()) >= 3 and not (set(texts) - {_family(tag) for tag in tags} - set(tags)):
        best = [tag for tag, count in tags.most_common(3) if count * 5 >= sum(tags.values())]
        return Licensing(_joined(best), "SPDX-License-Identifier in its files")
    if PERL not in texts and tree.has("Makefile.PL", "Build.PL"):
        terms = _perl_terms(tree)
        if terms is not None:
            return terms
    if texts:
        return Licensing(_from_texts(texts, notices, tags, tree), ", ".join(dict.fromkeys(texts.values())))
    if reused:
        return Licensing(_joined(reused), "LICENSES")
    if tags:
        return Licensing(_joined([tags.most_common(1)[0][0]]), "SPDX-License-Identifier in its files")
    found = _in_readme(tree)
    if found is None and notices and sum(notices.values()) * 3 >= len(heads):
        found = Licensing(notices.most_common(1)[0][0], "the heads of its files")
    unknown = f"{files[0]} is no licence that is known" if files else ""
    return found or _in_heads(heads) or Licensing("", unknown)


def _is_spdx(text: str) -> bool:
    if _EXPRESSION.fullmatch(text.replace("(", "").replace(")", "")) is None:
        return False
    names = re.split(r" (?:AND|OR|WITH) ", text.replace("(", "").replace(")", ""))
    return all(is_listed(name) or name in _OLD_NAMES or "-exception" in name or name == "custom" for name in names)


def _bare_gnu(text: str) -> bool:
    """Whether a statement leaves open if later versions are meant: ``GPL-2.0`` is deprecated, and used for both."""
    return text in _OLD_NAMES and not text.endswith("+")


def _modern(text: str) -> str:
    return re.sub(r"[A-Za-z0-9.+-]+", lambda match: _OLD_NAMES.get(match[0], match[0]), text.strip())


def _family(identifier: str) -> str:
    return identifier.removesuffix("-only").removesuffix("-or-later")


def _license_files(tree: SourceTree) -> list[str]:
    near = [
        name for name in tree.files if name.count("/") == 0 or re.match(r"(?!LICENSES/)(?i:licen[cs]es?)/[^/]+$", name)
    ]
    found = [name for name in near if _FILE.fullmatch(name.rpartition("/")[2]) or "/" in name]
    plain = [name for name in found if re.fullmatch(r"(?i)(?:licen[cs]e|copying)(?:\.(?:txt|md|rst))?", name)]
    # Beside the one for all of it there may be those of parts, each named after what it is for.
    return [name for name in found if name in plain or _NAMED.search(name)] if plain else found


def _reuse(tree: SourceTree) -> list[str]:
    names = [name[9:].rpartition(".")[0] for name in tree.files if re.fullmatch(r"LICENSES/[^/]+\.txt", name)]
    usual = [_modern(name) for name in names if name.startswith("LicenseRef") or _is_spdx(_modern(name))]
    return [name for name in usual if name != "CC0-1.0"] or usual


def _heads(tree: SourceTree) -> list[str]:
    ours = [
        name
        for name in tree.files
        if _CODE.fullmatch(name) and not _VENDORED.search(name) and not _NOT_OURS.search(name)
    ]
    step = max(1, len(ours) // _MOST_HEADS)
    return [tree.text(name)[:_HEAD] for name in ours[::step]]


def _tags(heads: list[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for text in heads:
        match = _SPDX.search(text)
        if match is not None:
            said = re.sub(r" OR LicenseRef-[\w.-]+", "", " ".join(match[1].split()))  # as KDE's files have it
            tag = _modern(said.strip("()"))
            if _is_spdx(tag) and tag not in ("CC0-1.0", "FSFAP"):
                found[tag] += 1
    return found


def _from_texts(texts: dict[str, str], notices: Counter[str], tags: Counter[str], tree: SourceTree) -> str:
    if PERL in texts:
        return PERL
    plain = [name for name in texts if not name.startswith(_GNU)]
    gnu = [name for name in texts if name.startswith(_GNU)]
    chosen = _gnu_part(gnu, notices, tags, tree)
    alternatives = {"MIT", "Apache-2.0"}
    if not chosen and set(plain) == alternatives and (texts["MIT"] != texts["Apache-2.0"] or _says_either(tree)):
        return "Apache-2.0 OR MIT"
    return _joined([*plain, *chosen])


def _says_either(tree: SourceTree) -> bool:
    return tree.any_text(
        tree.at_top(r"(?i)readme.*|licen[cs]e.*|copying.*"), r"(?i)dual[- ]licen|at your option|either "
    )


def _gnu_part(gnu: list[str], notices: Counter[str], tags: Counter[str], tree: SourceTree) -> list[str]:
    """What the licence files of the GNU family amount to: which of them, and whether with later versions."""
    if not gnu:
        return []
    counted = notices + tags
    total = sum(count for name, count in counted.items() if name.startswith(_GNU))
    if total:
        common = [name for name, count in counted.most_common() if name.startswith(_GNU) and count * 7 >= total]
        best: dict[str, str] = {}
        for name in common:
            best.setdefault(_family(name), name)
        return list(best.values())[:2]
    said = next(
        filter(None, (gnu_notice(tree.text(name)) for name in tree.at_top(r"(?i)(?:readme|copyright|authors).*"))), ""
    )
    if said and _family(said) in gnu:
        return [said]
    if "LGPL-3.0" in gnu and "GPL-3.0" in gnu:
        gnu = [name for name in gnu if name != "GPL-3.0"]
    later = tree.any_text(
        tree.at_top(r"(?i)readme.*|copyright|.*\.spec.*"), r"(?i)(?:any|or) (?:\(?at your option\)? )?later"
    )
    return [f"{name}-{'or-later' if later else 'only'}" for name in gnu]


def _perl_terms(tree: SourceTree) -> Licensing | None:
    """Perl modules say it in their documentation, or in metadata that is older than META.json."""
    if re.search(r"(?m)^license:\s*['\"]?perl(?:_5)?['\"]?\s*$", tree.text("META.yml")):
        return Licensing(PERL, "META.yml")
    for name, text in tree.texts(tree.anywhere(r".*\.(?:pm|pod|pl)|Makefile\.PL|Build\.PL", 6), 60):
        if PERL in licenses_in(text) or re.search(
            r"(?m)\bLICENSE['\"]?\s*=>\s*['\"]perl(?:_5)?['\"]", text, re.IGNORECASE
        ):
            return Licensing(PERL, name)
    return None


def _in_readme(tree: SourceTree) -> Licensing | None:
    for name in tree.at_top(r"(?i)readme.*|copyright.*|.*\.pod|.*\.md"):
        text = tree.text(name)
        identifiers = licenses_in(text)
        notice = gnu_notice(text)
        if identifiers and not identifiers[0].startswith(_GNU):
            return Licensing(_joined(list(identifiers)), name)
        if notice:
            return Licensing(notice, name)
        spoken = re.search(
            r"(?i)\b(MIT|BSD[- ][234][- ]clause|Apache(?:-| licen[cs]e,? (?:version )?)2\.0|ISC|zlib)\b", text
        )
        if spoken is not None:
            said = spdx_license("", spoken[1], ())
            if _is_spdx(said):
                return Licensing(said, name)
        if re.search(r"(?i)\bpublic domain\b", text):
            return Licensing("Public-Domain", name)
    return None


def _in_heads(heads: list[str]) -> Licensing | None:
    found = Counter(identifier for text in heads for identifier in licenses_in(text) if not identifier.startswith(_GNU))
    if not found or found.most_common(1)[0][1] * 3 < len(heads):
        return None
    return Licensing(found.most_common(1)[0][0], "the heads of its files")


def _joined(names: list[str]) -> str:
    unique = list(dict.fromkeys(names))
    if len(unique) == 1:
        return unique[0]
    return " AND ".join(f"({name})" if " OR " in name else name for name in unique)
