# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source says about itself, as a recipe has it: description, home page and licence, from metadata or the README."""

from __future__ import annotations

import re

from abuildpy.maintain.survey.metadata import Stated, metadata_of
from abuildpy.maintain.survey.tree import SourceTree

_LONGEST = 127
"""abuild 3.18: pkgdesc must be shorter than 128 letters."""


def stated_in(tree: SourceTree) -> Stated:
    """What the source's own metadata says; the more careful kinds of files count before the others."""
    description = homepage = license_ = where = ""
    for file, found in metadata_of(tree):
        description = description or _one_line(found.description)
        homepage = homepage or _page(found.homepage)
        if found.license and not license_:
            license_, where = found.license.strip(), file
    return Stated(description or _from_readme(tree), homepage, license_, where)


def _page(url: str) -> str:
    from abuildpy.lint.rules.sources import SECURE

    url = url.strip()
    if url.startswith("http://") and url[7:].partition("/")[0].lower() in SECURE:
        url = f"https{url[4:]}"
    return url if re.fullmatch(r"https?://[^\s\"'$`\\]+", url) and not re.search(r"@\w+@", url) else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split()).rstrip(".").strip()
    line = re.sub(r"^(?:an?|the) (\w)", lambda match: match[1].upper(), line, flags=re.IGNORECASE)
    if not line or re.search(r"@\w+@|\$\{|<%|[\x00-\x1f]", line):
        return ""
    if len(line) > _LONGEST:
        first = re.split(r"(?<=[a-z])[.;] ", line)[0]
        line = first if len(first) <= _LONGEST else line[:_LONGEST].rpartition(" ")[0].rstrip(",;:-")
    return line


def _from_readme(tree: SourceTree) -> str:
    """The first whole sentence of the README that is no heading, badge or list."""
    for name in tree.at_top(r"(?i)readme(?:\.(?:md|rst|txt|adoc|org))?"):
        first, *rest = tree.text(name)[:6000].split("<!--")
        text = re.sub(r"<[^<>]+>", " ", " ".join([first, *(part.partition("-->")[2] for part in rest)]))
        for block in re.split(r"\n[ \t]*\n", text):
            lines = [line.strip() for line in block.strip().splitlines()]
            if (
                not lines
                or re.match(r"[#=*\-.:|!\[`>~+\d]|[=~^\"-]{3,}", lines[0])
                or any(set(line) <= set("=-~*^#") for line in lines)
            ):
                continue
            plain = re.sub(r"!?\[([^][]*)\]\([^()]*\)|`([^`]*)`_?", lambda m: m[1] or m[2] or "", " ".join(lines))
            plain = re.sub(r"[*_]{1,2}(\S[^*_]*)[*_]{1,2}", r"\1", plain)
            sentence = re.split(r"(?<=[a-z)])[.!:](?:\s|$)", plain)[0]
            if (
                len(sentence) >= 12
                and " " in sentence
                and not re.match(r"(?i)(copyright|version|please|see |note|this file)", sentence)
            ):
                what = re.match(r"(?:\S+ ){1,2}?is (?:an?|the) (.+)", sentence)
                return _one_line(what[1][:1].upper() + what[1][1:] if what else sentence)
    return ""
