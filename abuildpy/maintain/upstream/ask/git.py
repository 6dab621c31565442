# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags of a git repository, asked as git itself asks over http (gitprotocol-http, gitprotocol-v2).

One request of some hundred bytes, which no forge counts against the limits of its API.
"""

from __future__ import annotations

from abuildpy.maintain.upstream.ask.asking import Asking, Named, Published
from abuildpy.maintain.upstream.web import Answer, Unanswered, Web

_TAGS = "refs/tags/"
_VERSION = {"Git-Protocol": "version=2"}
_ACCEPT = "application/x-git-upload-pack-result"


def ask(asking: Asking) -> Published:
    """All tags of the repository at the upstream's address."""
    return asking.published((Named(tag) for tag in tags(asking.web, asking.upstream.address)), complete=True)


def of_project(asking: Asking) -> Published:
    """The same at a forge, which has the repository beside the project's page, with another ending."""
    return asking.published((Named(tag) for tag in project_tags(asking)), complete=True)


def project_tags(asking: Asking) -> tuple[str, ...]:
    """The names of all tags of a forge's project. Raises FetchError."""
    return tags(asking.web, f"{asking.upstream.address.removesuffix('.git')}.git")


def tags(web: Web, address: str) -> tuple[str, ...]:
    """The names of all tags of a repository. Raises FetchError."""
    body = b"".join((_packet(b"command=ls-refs\n"), b"0001", _packet(b"ref-prefix refs/tags/\n"), b"0000"))
    headers = {**_VERSION, "Content-Type": "application/x-git-upload-pack-request"}
    try:
        return web.parsed(f"{address}/git-upload-pack", _read, accept=_ACCEPT, body=body, headers=headers)
    except Unanswered as error:
        if error.status not in (400, 403, 405, 415, 500):
            raise
    # An old server, which knows only the first protocol and tells all that it has.
    return web.parsed(f"{address}/info/refs?service=git-upload-pack", _read, headers=_VERSION)


def _packet(data: bytes) -> bytes:
    return b"%04x" % (len(data) + 4) + data


def _read(answer: Answer) -> tuple[str, ...]:
    """The tags in an answer of either protocol. Raises Unanswered if it is none."""
    found: dict[str, None] = {}
    data, at, lines = answer.body, 0, 0
    while at + 4 <= len(data):
        try:
            length = int(data[at : at + 4], 16)
        except ValueError:
            raise Unanswered(f"{answer.url}: the answer is not a git repository's") from None
        if length < 4:  # a mark between parts
            at += 4
            continue
        line = data[at + 4 : at + length].partition(b"\0")[0].decode("utf-8", "replace").rstrip("\n")
        at += length
        lines += 1
        if line.startswith("ERR "):
            raise Unanswered(f"{answer.url}: {line[4:]}", status=400)
        name = line.split(" ")[1] if " " in line else ""
        if name.startswith(_TAGS):
            found.setdefault(name[len(_TAGS) :].removesuffix("^{}"))
    if at == 0:  # without tags there is a mark at least
        raise Unanswered(f"{answer.url}: the answer is not a git repository's", status=400)
    return tuple(found)
