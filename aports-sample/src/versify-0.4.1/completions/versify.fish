# SPDX-License-Identifier: GPL-3.0-or-later
complete -c versify -f -l rhymes -d 'mark lines that rhyme with the line before'
complete -c versify -f -l version -d 'print the version'
