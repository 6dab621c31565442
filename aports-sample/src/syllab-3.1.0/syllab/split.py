# SPDX-License-Identifier: GPL-3.0-or-later
"""The splitting itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_SYLLABLE = re.compile(r"[^aeiouy]*[aeiouy]+(?:[^aeiouy]+$|[^aeiouy](?=[^aeiouy]))?", re.IGNORECASE)


def split_word(word: str) -> list[str]:
    """The syllables of one word; a word without a vowel is one syllable."""
    return _SYLLABLE.findall(word) or [word]


def split_words(words: Iterable[str]) -> Iterator[list[str]]:
    """The syllables of each word in turn."""
    return map(split_word, words)
