# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells licences by their text: each has sentences that no other has.

Texts are compared as rows of words, so that wrapping, punctuation and comment signs do not matter. Identifiers are SPDX's;
the sentences are those of the licences themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NO_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Rule:
    """``has`` must all be in the text, ``lacks`` must not."""

    name: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()


def words(text: str) -> str:
    """The text as a row of words in small letters with a blank around each."""
    return f" {_NO_WORD.sub(' ', text.lower()).strip()} "


_REDISTRIBUTION = "redistribution and use"
_MIT = "permission is hereby granted free of charge to any person obtaining a copy"
_SUPPORTING = "supporting documentation"
_ADVERTISING = "all advertising materials mentioning features"
_BINARY = "in binary form must reproduce"
_GRANT = "for any purpose with or without fee is hereby granted"

_RULES = (
    _Rule("AGPL-3.0", ("gnu affero general public license version 3 19 november 2007",)),
    _Rule("LGPL-3.0", ("gnu lesser general public license version 3 29 june 2007",)),
    _Rule("LGPL-2.1", ("gnu lesser general public license version 2 1 february 1999",)),
    _Rule("LGPL-2.0", ("gnu library general public license version 2 june 1991",)),
    _Rule("GPL-3.0", ("gnu general public license version 3 29 june 2007",)),
    _Rule("GPL-2.0", ("gnu general public license version 2 june 1991",)),
    _Rule("GPL-1.0", ("gnu general public license version 1 february 1989",)),
    _Rule("GFDL-1.3", ("gnu free documentation license version 1 3 3 november 2008",)),
    _Rule("GFDL-1.2", ("gnu free documentation license version 1 2 november 2002",)),
    _Rule("GFDL-1.1", ("gnu free documentation license version 1 1 march 2000",)),
    _Rule("Apache-2.0 WITH LLVM-exception", ("llvm exceptions to the apache 2 0 license",)),
    _Rule("Apache-2.0", ("apache license version 2 0 january 2004",), ("llvm exceptions to the apache 2 0",)),
    _Rule("Apache-1.1", ("apache software license version 1 1",)),
    _Rule("MPL-2.0", ("mozilla public license version 2 0", "covered software")),
    _Rule("MPL-1.1", ("mozilla public license version 1 1",), ("mozilla public license version 2 0",)),
    _Rule("EPL-2.0", ("eclipse public license v 2 0",)),
    _Rule("EPL-1.0", ("eclipse public license v 1 0",)),
    _Rule("EUPL-1.2", ("european union public licence v 1 2",)),
    _Rule("CDDL-1.0", ("common development and distribution license", "version 1 0")),
    _Rule("BSL-1.0", ("boost software license version 1 0",)),
    _Rule("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    _Rule("CC0-1.0", ("cc0 1 0 universal",)),
    _Rule("CC-BY-SA-4.0", ("attribution sharealike 4 0 international",)),
    _Rule("CC-BY-SA-3.0", ("attribution sharealike 3 0 unported",)),
    _Rule("CC-BY-4.0", ("attribution 4 0 international",)),
    _Rule("CC-BY-3.0", ("attribution 3 0 unported",)),
    _Rule("Artistic-2.0", ("artistic license 2 0", "copyright c 2000 2006 the perl foundation")),
    _Rule("OFL-1.1", ("sil open font license version 1 1",)),
    _Rule("WTFPL", ("do what the fuck you want to public license",)),
    _Rule("Zlib", ("altered source versions must be plainly marked as such", "this notice may not be removed")),
    _Rule("NCSA", (_MIT, "redistributions of source code must retain", "with the software")),
    _Rule("X11", (_MIT, "the name of the x consortium shall not be used")),
    _Rule("MIT-0", (_MIT, "sublicense and or sell copies"), ("shall be included", "redistributions of source code")),
    _Rule(
        "MIT",
        (_MIT, "notice", "shall be included in"),
        ("redistributions of source code must retain", "the name of the x consortium shall not be used"),
    ),
    _Rule("curl", (_GRANT, "appear in all copies", "the name of a copyright holder shall not be used")),
    _Rule(
        "ISC",
        (_GRANT, "notice appear in all copies", "author"),
        ("the name of a copyright holder shall not be used", _SUPPORTING),
    ),
    _Rule("0BSD", (f"{_GRANT} the software is provided as is",)),
    _Rule("HPND-sell-variant", ("permission to use copy modify distribute and sell this software", _SUPPORTING)),
    _Rule("HPND", ("permission to use copy modify and distribute this software", _SUPPORTING)),
    _Rule("BSD-4-Clause", (_REDISTRIBUTION, _BINARY, _ADVERTISING)),
    _Rule("BSD-3-Clause", (_REDISTRIBUTION, _BINARY, "endorse or promote products"), (_ADVERTISING,)),
    _Rule("BSD-2-Clause", (_REDISTRIBUTION, _BINARY), ("endorse or promote products", _ADVERTISING)),
    _Rule("BSD-1-Clause", (_REDISTRIBUTION, "redistributions of source code must retain"), (_BINARY,)),
    _Rule("PSF-2.0", ("python software foundation license version 2",)),
    _Rule("Ruby", ("you may make and give away verbatim copies of the source form of the software without restriction",)),
    _Rule("PHP-3.01", ("the php license version 3 01",)),
    _Rule("PostgreSQL", ("permission to use copy modify and distribute this software and its documentation for any "
                         "purpose without fee and without a written agreement is hereby granted",)),
    _Rule("Vim", ("vim license", "by bram moolenaar")),
    _Rule("FTL", ("the freetype project license",)),
    _Rule("IJG", ("this software is based in part on the work of the independent jpeg group",)),
    _Rule("BlueOak-1.0.0", ("blue oak model license", "version 1 0 0")),
    _Rule("Beerware", ("the beer ware license",)),
    _Rule("LPPL-1.3c", ("the latex project public license", "lppl version 1 3c")),
    _Rule("UPL-1.0", ("universal permissive license upl version 1 0",)),
)  # fmt: skip

_PERL = (
    "same terms as perl itself",
    "same terms as the perl 5 programming language system itself",
    "same terms as the perl5 programming language system itself",
    "same terms as the perl programming language itself",
    "same terms as perl5 itself",
    "same license as perl",
    "under the terms of either the gnu general public license or the artistic license",
    "terms of either a the gnu general public license",
    "terms of perl itself",
    "terms as the perl 5 programming language",
)
PERL = "GPL-1.0-or-later OR Artistic-1.0-Perl"
"""What "the same terms as Perl itself" means, as Alpine's recipes write it."""

_LATER = re.compile(
    r" (?:any|or) later version | or at your option any later | version 2 or later | v2 or later | version 3 or later "
    r"| or newer | any later version "
)


def licenses_in(text: str) -> tuple[str, ...]:
    """The licences whose text this is, or holds; those of the GNU family without ``-only`` or ``-or-later``."""
    row = words(text)
    if any(sentence in row for sentence in _PERL):
        return (PERL,)
    if "the artistic license" in row and "gnu general public license version 1 february 1989" in row:
        return (PERL,)
    found = [rule.name for rule in _RULES if all(s in row for s in rule.has) and not any(s in row for s in rule.lacks)]
    if len(found) > 1 and "GPL-3.0" in found and "LGPL-3.0" in found and len(row) < 12_000:
        found.remove("GPL-3.0")  # the Lesser one names it
    return tuple(found)


_NOTICES = (
    (re.compile(r" gnu affero general public license "), "AGPL"),
    (re.compile(r" gnu (?:lesser|library)(?: or library)? general public license | lgpl "), "LGPL"),
    (re.compile(r" gnu general public license | gpl "), "GPL"),
)
_NUMBER = re.compile(r" (?:version|v|gpl|gplv|lgpl|lgplv|agpl|agplv) ?([123])(?: ([01]))?(?: 0)? ")


def gnu_notice(text: str) -> str:
    """The licence of the GNU family that a file's head says it is under, as SPDX writes it; empty if it says none."""
    row = words(text)
    for pattern, family in _NOTICES:
        name = pattern.search(row)
        if name is None:
            continue
        place = row[max(0, name.start() - 300) : name.end() + 300]
        number = _NUMBER.search(place)
        if number is None:
            return ""
        version = f"{number[1]}.{number[2] or '0'}" if number[1] != "3" else "3.0"
        if family == "GPL" and version == "2.1":
            version = "2.0"
        return f"{family}-{version}-{'or-later' if _LATER.search(place) else 'only'}"
    return ""
