# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for checkapk. Made by completions/generate.py, which is the place to change it.

complete -c checkapk -f
complete -c checkapk -s h -l help -d 'Show a summary and exit'
