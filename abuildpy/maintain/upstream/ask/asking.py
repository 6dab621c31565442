# SPDX-License-Identifier: GPL-3.0-or-later
"""A question to an upstream, and what its answer is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from abuildpy.maintain.upstream.model import Form, Release, Upstream
from abuildpy.maintain.upstream.spelling import read
from abuildpy.maintain.upstream.web import Answer, Web


@dataclass(frozen=True, slots=True)
class Named:
    """A tag or a file as upstream names it. ``unfinished`` is what upstream itself says of it."""

    name: str
    date: str = ""
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What an upstream was heard to have; ``complete`` tells whether that is all of it."""

    releases: tuple[Release, ...]
    complete: bool = False
    unread: tuple[str, ...] = ()
    """Names in which no version was read."""


@dataclass(frozen=True, slots=True)
class Asking:
    """``names`` (lower case) may stand before a version where the form is not known; ``packaged`` is the recipe's version."""

    upstream: Upstream
    web: Web
    names: frozenset[str]
    packaged: str

    def published(self, found: Iterable[Named], *, complete: bool, form: Form | None = None) -> Published:
        """The versions among some names."""
        releases: dict[str, Release] = {}
        unread = []
        for each in found:
            spelled = read(each.name, form or self.upstream.form, self.names)
            if spelled is not None:
                release = Release(spelled.version, each.name, each.date, each.unfinished or spelled.unfinished)
                releases.setdefault(spelled.version, release)
            else:
                unread.append(each.name)
        return Published(tuple(releases.values()), complete, tuple(unread))

    def of(self, upstream: Upstream) -> Asking:
        """The same question to another upstream."""
        return replace(self, upstream=upstream)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("a", "option"):
            self.found += [value for name, value in attrs if name in ("href", "value") and value]


def links(answer: Answer) -> tuple[str, ...]:
    """The addresses that a page links to, whole, without query and fragment where these are no part of a file's name.

    A listing for machines (a name in each line) is read as well.
    """
    text = answer.text()
    if re.search(r"<a\s", text, re.IGNORECASE) is None:
        lines = [line.rsplit(None, 1)[-1] for line in text.splitlines() if line.strip() and "<" not in line]
        return tuple(urljoin(answer.url, line) for line in lines if re.fullmatch(r"[\w.+~%/-]+", line))
    parser = _Links()
    with suppress(ValueError, AssertionError):  # of what makes no sense, what was found before it will do
        parser.feed(text)
    found: dict[str, None] = {}
    for link in parser.found:
        try:
            whole = urljoin(answer.url, link.strip())
            found.setdefault(whole.partition("#")[0])
        except ValueError:
            continue
    return tuple(found)


def last_part(url: str) -> str:
    """The last part of an address's path, unquoted, a folder's without its slash; ``download`` and the like left out."""
    path = urlsplit(url).path.rstrip("/")
    if path.endswith("/download"):
        path = path[: -len("/download")]
    return unquote(path.rpartition("/")[2])


def elements(answer: Answer, tag: str) -> list[str]:
    """The texts of a tag's elements in an XML document that holds no such element in another."""
    return elements_in(answer.text(), tag)


def elements_in(text: str, tag: str) -> list[str]:
    """The same of a part of a document."""
    found: list[str] = []
    start = -1
    for match in re.finditer(rf"<(/?){tag}(?:\s[^<>]*)?>", text):  # in one pass, however many are never closed
        if not match[1] and start < 0:
            start = match.end()
        elif match[1] and start >= 0:
            found.append(text[start : match.start()].strip())
            start = -1
    return [re.sub(r"\A<!\[CDATA\[(.*)\]\]>\Z", r"\1", each, flags=re.DOTALL) for each in found]
