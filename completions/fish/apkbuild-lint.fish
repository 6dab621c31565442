# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for apkbuild-lint. Made by completions/generate.py, which is the place to change it.

complete -c apkbuild-lint -f
complete -c apkbuild-lint -l fix -d 'Mend what can be mended mechanically, then tell what is left'
complete -c apkbuild-lint -l format -x -a 'text json github gitlab sarif' -d 'How findings are told: text, json, github (annotations of GitHub Actions), gitlab (a Code Quality report) or sarif (SARIF 2.1.0)'
complete -c apkbuild-lint -l severity -x -a 'S I M T' -d 'Only findings that are at least serious (S), important (I), minor (M) or a matter of style (T, the default)'
complete -c apkbuild-lint -l certain -d 'Only findings that are certain'
complete -c apkbuild-lint -l only -x -d 'Apply only these rules: tags or labels, with commas between'
complete -c apkbuild-lint -l skip -x -d 'Apply all but these rules'
complete -c apkbuild-lint -l explain -x -d 'Tell what a rule asks for, why, and how to mend what breaks it'
complete -c apkbuild-lint -l list -d 'List all rules with tag, severity and certainty, and label'
complete -c apkbuild-lint -s h -l help -d 'Show a summary and exit'
complete -c apkbuild-lint -k -a '(__fish_complete_suffix APKBUILD)' -d 'Recipe'
