# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuild-rm. Made by completions/generate.py, which is the place to change it.

complete -c abuild-rm -f
complete -c abuild-rm -o rf -x -a '(__fish_complete_directories)' -d 'Delete this folder and everything below it'
