# SPDX-License-Identifier: GPL-3.0-or-later
# Strips files in place: ash -e strip.sh PROGRAM TEMPORARY-FILE FILE...
# Only the content is replaced, so hard links, owner, mode and capabilities stay.
program=$1 stripped=$2
shift 2
for file; do
	"$program" -o "$stripped" "$file"
	cat "$stripped" >"$file"
done
rm -f "$stripped"
