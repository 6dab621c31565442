# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from abuildpy.source.uri import file_name, is_remote, remote_uri


@pytest.mark.parametrize(
    ("entry", "remote", "name", "uri"),
    [
        ("https://example.org/a/foo-1.tar.gz", True, "foo-1.tar.gz", "https://example.org/a/foo-1.tar.gz"),
        ("foo.tgz::http://example.org/x?y=1", True, "foo.tgz", "http://example.org/x?y=1"),
        ("foo::ftp://host/a::b", True, "foo", "ftp://host/a::b"),
        ("http://host/get?file=a.zip", True, "get?file=a.zip", "http://host/get?file=a.zip"),
        ("http://host/", True, "", "http://host/"),
        ("fix.patch", False, "fix.patch", "fix.patch"),
        ("sub/fix.patch", False, "fix.patch", "sub/fix.patch"),
        ("file:///etc/passwd", False, "passwd", "file:///etc/passwd"),
        ("HTTPS://host/x", False, "x", "HTTPS://host/x"),
    ],
)
def test_parts_of_a_source_word(entry: str, remote: bool, name: str, uri: str) -> None:
    assert (is_remote(entry), file_name(entry), remote_uri(entry)) == (remote, name, uri)
