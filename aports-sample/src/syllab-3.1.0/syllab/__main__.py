# SPDX-License-Identifier: GPL-3.0-or-later
"""``python3 -m syllab WORD…`` prints the words with hyphens."""

import sys

from syllab import split_words


def main() -> int:
    """Print each argument, split."""
    for syllables in split_words(sys.argv[1:]):
        print("-".join(syllables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
