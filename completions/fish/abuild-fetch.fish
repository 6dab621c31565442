# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuild-fetch. Made by completions/generate.py, which is the place to change it.

complete -c abuild-fetch -f
complete -c abuild-fetch -s d -x -a '(__fish_complete_directories)' -d 'Folder for the file'
complete -c abuild-fetch -s k -d 'Accept any certificate'
complete -c abuild-fetch -s h -d 'Show a summary and exit'
