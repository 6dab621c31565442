# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for apkgrel

complete -c apkgrel -s z -l zero -d 'Set pkgrel to 0'
complete -c apkgrel -s a -l add -d 'Add 1 to pkgrel'
complete -c apkgrel -s g -l clean-git -d 'Add 1, but leave alone what has changed in git'
complete -c apkgrel -s s -l set -x -d 'Set pkgrel'
complete -c apkgrel -s t -l test -d 'Only check that pkgrel is proper'
complete -c apkgrel -s f -l force -d 'Do without that check'
complete -c apkgrel -s h -l help -d 'Show help'
