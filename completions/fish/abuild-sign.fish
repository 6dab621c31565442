# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuild-sign. Made by completions/generate.py, which is the place to change it.

complete -c abuild-sign -f
complete -c abuild-sign -s e -l installed -d 'Only look whether both key files exist'
complete -c abuild-sign -s k -l private -x -k -a '(__fish_complete_suffix .rsa)' -d 'Private key file'
complete -c abuild-sign -s p -l public -x -k -a '(__fish_complete_suffix .pub)' -d 'Public key'
complete -c abuild-sign -s t -l type -x -a 'RSA RSA256' -d 'RSA, which is SHA-1 and the default, or RSA256, which is SHA-256'
complete -c abuild-sign -s q -l quiet -d 'No messages'
complete -c abuild-sign -s h -l help -d 'Show a summary and exit'
complete -c abuild-sign -k -a '(__fish_complete_suffix .tar.gz)' -d 'Index'
