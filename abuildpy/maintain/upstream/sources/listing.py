# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that a server lists, in which upstream puts its archives: the way most projects without a forge publish.

The recipe's own source tells where the version stands: in the file's name, and in folders on the way, where it may be
the first numbers alone (``/1.2/foo-1.2.3.tar.gz``). The first folder above all of these is where the search starts.
"""

from __future__ import annotations

import re

from abuildpy.maintain.upstream.facts import Facts, Place, is_commit, stem
from abuildpy.maintain.upstream.model import LOOSE, Form, Upstream
from abuildpy.maintain.upstream.spelling import find_form, numbers_of

_KINDS = (
    ("kde", ("download.kde.org",)),
    ("xfce", ("archive.xfce.org",)),
    (
        "gnu",
        (
            "ftp.gnu.org",
            "ftpmirror.gnu.org",
            "alpha.gnu.org",
            "download.savannah.gnu.org",
            "download.savannah.nongnu.org",
        ),
    ),
    ("xorg", ("www.x.org", "xorg.freedesktop.org", "xcb.freedesktop.org", "ftp.x.org", "wayland.freedesktop.org")),
    ("kernel.org", ("www.kernel.org", "cdn.kernel.org", "kernel.org", "mirrors.edge.kernel.org")),
    ("mate", ("pub.mate-desktop.org",)),
    ("gstreamer", ("gstreamer.freedesktop.org",)),
)
_NOT_THERE = {
    "ftpmirror.gnu.org": "ftp.gnu.org",
    "download.savannah.gnu.org": "download-mirror.savannah.gnu.org",
}
_COPIES = frozenset(
    (
        *("dev.alpinelinux.org", "distfiles.alpinelinux.org", "sources.archlinux.org", "src.fedoraproject.org"),
        *("pkgs.fedoraproject.org", "distfiles.gentoo.org", "sources.buildroot.net", "sources.openwrt.org"),
        *(
            "distfiles.macports.org",
            "distcache.freebsd.org",
            "repo.manjaro.org",
            "pkgs.rpmfusion.org",
            "sources.voidlinux.org",
        ),
        *(
            "dist.alpinelinux.org",
            "mirror.alpinelinux.org",
            "data.wolfsden.cz",
            "web.archive.org",
            "archive.org",
            "www.archive.org",
        ),
        *("osdn.dl.osdn.net", "s3.sakamoto.pl", "archive.ubuntu.com", "old-releases.ubuntu.com"),
    )
)
"""What distributions keep for themselves tells nothing of upstream."""
_FORGES = frozenset(
    ("github.com", "raw.githubusercontent.com", "gitlab.com", "codeberg.org", "bitbucket.org", "launchpad.net")
)
"""Where these have no project to name, there is no folder either."""
_STORES = re.compile(
    r"(?:storage\.googleapis\.com|(?:.*\.)?amazonaws\.com|(?:.*\.)?cloudfront\.net|(?:.*\.)?dropbox(?:usercontent)?\.com|"
    r"(?:drive|sites)\.google\.com|.*\.googleapis\.com|.*\.appspot\.com|.*\.azureedge\.net|.*\.(?:github|gitlab)\.io|"
    r"(?:.*\.)?googlecode\.com|(?:.*\.)?blob\.core\.windows\.net)"
)
"""Stores that give a file to whom knows its name, and list nothing."""


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The folder above an address's version; None where no version stands in it, or nothing can be listed there."""
    if (
        place.is_home
        or place.host in _COPIES
        or place.host in _FORGES
        or _STORES.fullmatch(place.host)
        or is_commit(place.url)
    ):
        return None
    if len(place.parts) > 1 and re.fullmatch(r"\d{3,}", place.parts[-2]) and place.parts[-2] not in facts.version:
        return None  # the number of a file in somebody's store
    kind = next((kind for kind, hosts in _KINDS if place.host in hosts), "listing")
    host = _NOT_THERE.get(place.host, place.host)
    file = _file_form(place, facts)
    steps = [_step(part, facts) for part in place.parts[:-1]]
    first = next((at for at, step in enumerate(steps) if step), len(steps))
    if file.loose:
        whole = next((at for at, step in enumerate(steps) if step and "{}" in step), None)
        if whole is None:
            return None
        # The folder alone bears the version: its name is what is read.
        steps, form = steps[: whole + 1], facts.form_in(place.parts[whole])
        template = "/".join(step or part for step, part in zip(steps, place.parts, strict=False))
    else:
        form = file
        template = "/".join((*(step or part for step, part in zip(steps, place.parts, strict=False)), _braced(form)))
    if place.query and not is_file_query(place):
        return None
    root = f"{'https' if place.scheme == 'ftp' else place.scheme}://{host}"
    address = "/".join((root, *place.parts[:first], ""))
    project = facts.form_in(stem(place.name)).before.rstrip("-_.") or facts.pkgname
    return Upstream(kind, project, address, form, f"{root}/{template}")


def is_file_query(place: Place) -> bool:
    """Whether a query behind an address changes nothing about where the file is: ``?download``, ``?raw=true``."""
    return "/" not in place.query and not re.search(r"\d", place.query)


def _file_form(place: Place, facts: Facts) -> Form:
    return facts.form_in(stem(place.name)) if place.parts else LOOSE


def _braced(form: Form) -> str:
    return f"{form.before}{{}}{form.after}"


def _step(part: str, facts: Facts) -> str | None:
    """A folder's name with a placeholder for the version or its first numbers; None if it holds neither."""
    form = find_form(part, facts.version)
    numbers = numbers_of(facts.version)
    for count in range(len(numbers), 0, -1):
        if form is not None:
            return (
                f"{form.before}{{}}{form.after}" if count == len(numbers) else f"{form.before}{{{count}}}{form.after}"
            )
        if count > 1:
            form = find_form(part, ".".join(map(str, numbers[: count - 1])))
            if form is not None and count - 1 == 1 and not _means_series(part, numbers[0]):
                form = None
    return None


def _means_series(part: str, number: int) -> bool:
    """Whether a folder named by one number is that of a series: ``v6.x``, ``6``, ``5.0``, ``foo-6``; not ``lib64``."""
    return re.fullmatch(rf"(?:v|V|.*[-_])?{number}(?:\.[x0])?", part) is not None
