# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits English words into syllables, roughly."""

from syllab.split import split_word, split_words

__all__ = ["__version__", "split_word", "split_words"]
__version__ = "3.1.0"
