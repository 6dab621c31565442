# SPDX-License-Identifier: GPL-3.0-or-later
"""Run with: python3 -m unittest discover -s tests"""

import unittest

from syllab import split_word


class SplitTest(unittest.TestCase):
    """What split_word promises."""

    def test_joins_back(self) -> None:
        """Nothing of the word is lost."""
        for word in ("banana", "winter", "rhythm", "xyz", "tst"):
            self.assertEqual("".join(split_word(word)), word)

    def test_counts(self) -> None:
        """The number of syllables is right for easy words."""
        self.assertEqual(len(split_word("banana")), 3)
        self.assertEqual(len(split_word("winter")), 2)


if __name__ == "__main__":
    unittest.main()
