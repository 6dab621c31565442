# SPDX-License-Identifier: GPL-3.0-or-later
"""The licence of a Python project as an SPDX expression, from the several ways in which projects state it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

_LICENSE_NAMES = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache-2.0 license": "Apache-2.0",
    "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "2-clause bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "mit license": "MIT",
    "the mit license": "MIT",
    "isc license": "ISC",
    "mpl 2.0": "MPL-2.0",
    "gplv2": "GPL-2.0-only",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "lgplv3": "LGPL-3.0-only",
    "lgplv3+": "LGPL-3.0-or-later",
    "psf": "PSF-2.0",
    "unlicense": "Unlicense",
}
_CLASSIFIED = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
}
_AMBIGUOUS = frozenset({"apache", "bsd", "gpl", "lgpl", "agpl", "mpl", "gnu", "proprietary", "unknown"})
_OPERATORS = frozenset({"AND", "OR", "WITH"})
_LONGEST = 80


def spdx_license(expression: str, text: str, classifiers: Iterable[object]) -> str:
    """An SPDX expression where one can be had, else what the project calls its licence; never the licence's own text.

    ``expression`` and ``text`` are the metadata's License-Expression and License, ``classifiers`` its trove classifiers.
    """
    if expression:
        return expression
    short = text if "\n" not in text and len(text) <= _LONGEST else ""
    known = _LICENSE_NAMES.get(short.lower())
    if known is not None:
        return known
    if short and (any(word in short.split() for word in _OPERATORS) or _is_identifier(short)):
        return short
    words = short.split()
    operators = [word.upper() for word in words[1::2]]
    if len(words) % 2 and operators and all(map(_is_identifier, words[::2])) and _OPERATORS.issuperset(operators):
        return " ".join([*chain.from_iterable(zip(words[::2], operators, strict=False)), words[-1]])
    classified = dict.fromkeys(_CLASSIFIED[name] for name in _names(classifiers) if name in _CLASSIFIED)
    return next(iter(classified)) if len(classified) == 1 else short or " OR ".join(classified)


def _is_identifier(text: str) -> bool:
    return " " not in text and text.lower() not in _AMBIGUOUS


def _names(classifiers: Iterable[object]) -> list[str]:
    licenses = [c for c in classifiers if isinstance(c, str) and c.startswith("License :: ")]
    return [classifier.rpartition(" :: ")[2] for classifier in licenses]
