#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
rm -rf shelf
mkdir shelf
printf 'A title\ntext\n' >shelf/one.txt
export BOOKSHELF_DIR=shelf BOOKSHELF_INDEX=shelf/state/index
sh ./bookshelf index
[ "$(sh ./bookshelf list)" = "$(printf 'one\tA title')" ]
[ "$(sh ./bookshelf list | ./bookshelf-lookup on)" = "$(printf 'one\tA title')" ]
[ "$(sh ./bookshelf show one | tail -n 1)" = text ]
echo "bookshelf: all tests passed"
