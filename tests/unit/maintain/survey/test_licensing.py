# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.maintain.survey.licensetext import PERL, gnu_notice, licenses_in
from abuildpy.maintain.survey.licensing import license_of
from abuildpy.maintain.survey.tree import SourceTree

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy ... "
    "this permission notice shall be included in all"
)
BSD2 = "Redistribution and use in source and binary forms ... Redistributions in binary form must reproduce the above"
BSD3 = f"{BSD2} ... may be used to endorse or promote products derived"
APACHE = "Apache License\n Version 2.0, January 2004"
GPL2 = "GNU GENERAL PUBLIC LICENSE\n\t\tVersion 2, June 1991"
GPL3 = "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"
LGPL21 = "GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999"
LATER = (
    "/* under the terms of the GNU General Public License as published by the FSF; "
    "either version 2 of the License, or\n * (at your option) any later version. */"
)
ONLY = "/* under the terms of the GNU General Public License version 2 as published by the FSF. */"


def _tree(folder: Path, files: dict[str, str]) -> SourceTree:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SourceTree(folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MIT, ("MIT",)),
        (BSD2, ("BSD-2-Clause",)),
        (BSD3, ("BSD-3-Clause",)),
        (f"{BSD3}\n3. All advertising materials mentioning features", ("BSD-4-Clause",)),
        (APACHE, ("Apache-2.0",)),
        (GPL2, ("GPL-2.0",)),
        (LGPL21, ("LGPL-2.1",)),
        ("This is free software; you can redistribute it under the same terms as Perl itself.", (PERL,)),
        ("# This is free and\n# unencumbered software released into the public domain.", ("Unlicense",)),
        ("nothing that is known", ()),
    ],
)
def test_texts(text: str, expected: tuple[str, ...]) -> None:
    assert licenses_in(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LATER, "GPL-2.0-or-later"),
        (ONLY, "GPL-2.0-only"),
        ("GNU Lesser General Public License, version 2.1 or (at your option) any later version", "LGPL-2.1-or-later"),
        ("under the GNU Affero General Public License version 3", "AGPL-3.0-only"),
        ("the GNU General Public License", ""),
        ("nothing", ""),
    ],
)
def test_notices(text: str, expected: str) -> None:
    assert gnu_notice(text) == expected


@pytest.mark.parametrize(
    ("files", "stated", "expected"),
    [
        ({"LICENSE": MIT}, "", "MIT"),
        ({"COPYING": GPL2, "a.c": LATER}, "", "GPL-2.0-or-later"),
        ({"COPYING": GPL2, "a.c": ONLY}, "", "GPL-2.0-only"),
        ({"COPYING": GPL2, "a.c": ONLY}, "GPL-2.0", "GPL-2.0-only"),
        ({"COPYING": GPL2, "a.c": LATER}, "GPL-2.0", "GPL-2.0-or-later"),
        ({"COPYING": GPL3}, "", "GPL-3.0-only"),
        ({"COPYING": GPL3}, "GPL-3.0-or-later", "GPL-3.0-or-later"),
        ({"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE}, "", "Apache-2.0 OR MIT"),
        ({"LICENSE": MIT, "COPYING.bsd": BSD2}, "", "BSD-2-Clause AND MIT"),
        ({"LICENSE": MIT}, "Apache-2.0 OR MIT", "Apache-2.0 OR MIT"),
        ({"LICENSE": MIT}, "some licence of ours", "MIT"),
        ({"LICENSE": MIT}, "EUPL-1.1 OR Python-2.0", "EUPL-1.1 OR Python-2.0"),
        ({"LICENSE": MIT}, "GFDL-1.3", "MIT"),
        ({"LICENSES/ISC.txt": "", "a.c": "// SPDX-License-Identifier: ISC\n"}, "", "ISC"),
        ({f"{name}.c": "// SPDX-License-Identifier: GPL-2.0+\n" for name in "abc"}, "", "GPL-2.0-or-later"),
        ({"a.c": LATER}, "", "GPL-2.0-or-later"),
        ({"README": "Under the MIT license."}, "", "MIT"),
        ({"README": "no word"}, "", ""),
        ({"LICENSE": f"{APACHE}\n{MIT}"}, "", "Apache-2.0"),
        (
            {
                "LICENSES/CC0-1.0.txt": "CC0 1.0 Universal",
                "LICENSES/LGPL-2.1-only.txt": LGPL21,
                "a.c": "// SPDX-License-Identifier: LGPL-2.1-only OR LGPL-3.0-only OR LicenseRef-KDE-Accepted-LGPL\n",
            },
            "",
            "LGPL-2.1-only OR LGPL-3.0-only",
        ),
        ({"Makefile.PL": "", "lib/A.pm": "under the same terms as Perl itself", "LICENSE": GPL2}, "", PERL),
        ({"Makefile.PL": "", "META.yml": "license: perl\n"}, "", PERL),
        ({"COPYING": "odd words"}, "", ""),
        ({"LICENSE": "This is under the same terms as Perl itself.", "COPYING": GPL2}, "", PERL),
    ],
)
def test_the_licence_of_a_source(tmp_path: Path, files: dict[str, str], stated: str, expected: str) -> None:
    assert license_of(_tree(tmp_path, files), stated, "metadata").expression == expected


def test_files_of_others_in_the_source_do_not_count(tmp_path: Path) -> None:
    files = {"COPYING": GPL2, "a.c": LATER, **{f"vendor/{n}.c": ONLY for n in "abcdefgh"}}
    assert license_of(_tree(tmp_path, files), "", "").expression == "GPL-2.0-or-later"


def test_links_out_of_the_source_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(MIT)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/LICENSE").symlink_to("../outside")
    (tmp_path / "src/COPYING").symlink_to("/dev/zero")
    assert license_of(SourceTree(tmp_path / "src"), "", "").expression == ""
