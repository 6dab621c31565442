# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about source and url: AL29, AL62, AP3, AP4."""

from __future__ import annotations

import re
from collections.abc import Iterator

from abuildpy.lint.model import Problem, Rule
from abuildpy.lint.subject import Subject
from abuildpy.source.uri import file_name, is_remote, remote_uri

_PKGNAME = re.compile(rb"\$(?:\{pkgname\b[^}]*\}|pkgname\b)")
_VOLATILE = re.compile(
    r"https?://(?:"
    r"github\.com/[^/]+/[^/]+/(?:commit|compare|pull)/"
    r"|patch-diff\.githubusercontent\.com/"
    r"|git(?:lab|hub)?\.[^/]+/.*/(?:commit|compare|merge_requests)/"
    r"|invent\.kde\.org/.*/(?:commit|merge_requests)/"
    r"|bitbucket\.org/[^/]+/[^/]+/commits/"
    r"|[^/]+/.*/(?:patch|rawdiff)/?\?(?:[^/]*&)?id="
    r").*"
)
_PATCH = re.compile(r"\.(?:patch|diff)(?:[?#]|$)|/(?:patch|rawdiff)/?\?|/raw$")
SECURE = frozenset(
    "archive.apache.org bitbucket.org codeberg.org download.gnome.org download.kde.org download.savannah.gnu.org "
    "downloads.apache.org downloads.sourceforge.net downloads.xiph.org ftp.gnu.org git.kernel.org git.savannah.gnu.org "
    "github.com gitlab.com gitlab.freedesktop.org gitlab.gnome.org invent.kde.org kernel.org launchpad.net "
    "cdn.kernel.org mirrors.edge.kernel.org savannah.gnu.org savannah.nongnu.org sourceforge.net www.alpinelinux.org "
    "www.apache.org www.bluez.org www.debian.org www.fftw.org www.freedesktop.org www.gnome.org www.gnu.org www.kernel.org "
    "www.libsdl.org www.mozilla.org www.nongnu.org www.python.org www.samba.org www.sourceforge.net "
    "www.videolan.org www.xapian.org www.x.org xorg.freedesktop.org gnupg.org www.gnupg.org "
    "www.openssl.org www.sqlite.org sqlite.org www.postgresql.org ftp.postgresql.org www.isc.org ftp.isc.org "
    "raw.githubusercontent.com".split()
)
"""Hosts that are known to serve the same over https."""
_HTTP = re.compile(r"http://([^/:]+)")


def _pkgname_in_url(subject: Subject) -> Iterator[Problem]:
    for entry in subject.script.source_entries:
        name, separator, url = entry.text.partition(b"::")
        url, offset = (url, len(name) + 2) if separator else (name, 0)
        scheme = url.find(b"://")
        if scheme < 0:
            continue
        match = _PKGNAME.search(url, scheme)
        if match and not (b"/archive/" in url[: match.start()] and match.start() > url.rfind(b"/")):
            # Behind /archive/VERSION/ code hosts take any name, so that is the local one.
            start = entry.span.start + offset + match.start()
            end = start + len(match[0])
            yield Problem(start, end, "$pkgname should not be used in the source url")


def _volatile(subject: Subject) -> Iterator[Problem]:
    for word in dict.fromkeys(subject.words("source") or ()):
        url = remote_uri(word)
        if not is_remote(word) or "full_index=1" in url:
            continue
        if _VOLATILE.match(url) and (_PATCH.search(url) or file_name(word).endswith((".patch", ".diff"))):
            yield subject.at_variable("source", word, "volatile source: the patch is made anew for each download")


def _http(subject: Subject) -> Iterator[Problem]:
    words = [("source", word) for word in subject.words("source") or ()]
    words += [("url", word) for word in subject.words("url") or ()]
    for variable, word in words:
        match = _HTTP.match(remote_uri(word))
        host = match[1].lower() if match else ""
        if host in SECURE:
            message = f"{host} serves https as well"
            yield subject.at_variable(variable, word, message)


def _no_version(subject: Subject) -> Iterator[Problem]:
    name = subject.values.value("pkgname")
    if not name:
        return
    for word in subject.words("source") or ():
        if not is_remote(word) or "::" in word:
            continue
        stored = file_name(word)
        if stored and not re.search("[0-9]", stored.replace(name, "")):
            yield subject.at_variable(
                "source", word, f"the source is stored as {stored}, which is the same for every version"
            )


RULES: tuple[Rule, ...] = (
    Rule(
        "AL29", "pkgname-used-in-source", "M", "C", "atools",
        "URLs in source have the project's name written out, not $pkgname.",
        "When the package is renamed, or a variant is made of it, the URL must stay what it is.",
        "Write the name out, or keep it in a variable of its own; before '::' $pkgname is right.",
        _pkgname_in_url,
    ),
    Rule(
        "AL62", "volatile-source", "S", "P", "atools",
        "Patches that a code host makes when they are asked for are kept beside the recipe.",
        "Their bytes change with the host's software, so the checksum is wrong one day.",
        "Download the patch, put it beside the recipe and name the file in source.",
        _volatile,
    ),
    Rule(
        "AP3", "plain-http", "M", "C", "abuildpy",
        "Hosts that serve https are asked by https.",
        "Without it anybody between can see and change what is fetched.",
        "Write https:// instead of http://.",
        _http,
    ),
    Rule(
        "AP4", "source-without-version", "I", "P", "abuildpy",
        "The file that a source is stored as has a version in its name.",
        "All versions, and other recipes, share one folder of downloads: an old file is taken for the new one.",
        "Rename it: $pkgname-$pkgver.tar.gz::https://…",
        _no_version,
    ),
)  # fmt: skip
