# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for buildrepo. Made by completions/generate.py, which is the place to change it.

complete -c buildrepo -f
complete -c buildrepo -s a -l aports -x -a '(__fish_complete_directories)' -d 'Take recipes from this tree instead of ~/aports'
complete -c buildrepo -s c -l config -x -k -a '(__fish_complete_suffix .lua)' -d 'Read this configuration instead of /etc/buildrepo/config.lua'
complete -c buildrepo -s d -l destdir -x -a '(__fish_complete_directories)' -d 'Put the repositories of packages here instead of into REPODEST, or ~/packages'
complete -c buildrepo -s l -l logdir -x -a '(__fish_complete_directories)' -d 'Keep logs as DIR/REPO/pkgname/pkgname-version.log, instead of printing them when a build ends'
complete -c buildrepo -s k -l keep-going -d 'Build what can be built after a failure, instead of nothing more'
complete -c buildrepo -s n -l dry-run -d 'Build and delete nothing, only tell what would be'
complete -c buildrepo -s p -l purge -d 'Delete packages of the repository that none of its recipes makes any more, and write its index'
complete -c buildrepo -s r -l deps-repo -x -d 'Accept this option and do nothing, as lua-aports does'
complete -c buildrepo -s s -l skip-failed -d 'Leave out recipes whose src folder is there and not older than the APKBUILD, and what needs them'
complete -c buildrepo -s R -l rootbld -d 'Build each recipe in a clean root'
complete -c buildrepo -l jobs -x -d 'Build this many packages at once, each in a clean root if dependencies are installed (the default is 1)'
complete -c buildrepo -l no-deps-install -d 'Install no dependencies, they only order the builds'
complete -c buildrepo -s h -l help -d 'Show a help text'
