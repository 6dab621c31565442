#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
tmp=tests/tmp
rm -rf "$tmp"
mkdir -p "$tmp/de/LC_MESSAGES"
cp po/de.msg "$tmp/de/LC_MESSAGES/versify.msg"
printf 'the cat\na hat\n' >"$tmp/poem"
VERSIFY_LOCALEDIR=$tmp LANG=de_DE.UTF-8 ./versify --rhymes <"$tmp/poem" >"$tmp/out"
printf 'Silben\n  2  the cat\n  2* a hat\n' | cmp - "$tmp/out"
VERSIFY_LOCALEDIR=$tmp LANG=C ./versify --bad </dev/null 2>/dev/null && exit 1
echo "versify: all tests passed"
