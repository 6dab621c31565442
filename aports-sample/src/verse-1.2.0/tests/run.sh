#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu

same() {
	[ "$1" = "$2" ] || { echo "FAIL: got '$1', want '$2'" >&2; exit 1; }
}

same "$(./verse count 'Winter is a singing season')" 8
same "$(./verse count '')" 0
same "$(./verse --version)" "verse $(sh ./verse-config --version)"
./verse rhyme 'the cat' 'a hat.'
if ./verse rhyme 'the cat' 'a dog'; then
	echo "FAIL: cat does not rhyme with dog" >&2
	exit 1
fi
echo "verse: all tests passed"
