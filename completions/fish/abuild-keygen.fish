# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuild-keygen. Made by completions/generate.py, which is the place to change it.

complete -c abuild-keygen -f
complete -c abuild-keygen -s a -l append -d 'Write PACKAGER_PRIVKEY with the new key into the user\'s abuild.conf(5)'
complete -c abuild-keygen -s i -l install -d 'Copy the public key to /etc/apk/keys, so that apk trusts what the key signs'
complete -c abuild-keygen -s n -d 'Ask nothing, take the defaults'
complete -c abuild-keygen -l kernel -d 'Make a self-signed certificate with its key for signing kernel modules instead, and write KERNEL_SIGNING_KEY into the user\'s settings'
complete -c abuild-keygen -s b -l numbits -x -a '2048 3072 4096 8192' -d 'Size of the private key'
complete -c abuild-keygen -s q -l quiet -d 'No messages'
complete -c abuild-keygen -s h -l help -d 'Show a summary and exit'
