# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuild-tar. Made by completions/generate.py, which is the place to change it.

complete -c abuild-tar -f
complete -c abuild-tar -l hash -f -a 'sha1 sha256 sha512' -d 'Add the checksum of every file and symbolic link to its pax header, where apk looks for it'
complete -c abuild-tar -l cut -d 'Leave out the blocks that end an archive, so that others can follow'
complete -c abuild-tar -l help -d 'Show a summary and exit'
