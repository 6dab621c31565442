# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for ap. Made by completions/generate.py, which is the place to change it.

complete -c ap -f
complete -c ap -s d -l dir -x -a '(__fish_complete_directories)' -d 'Read the recipes of the repository DIR'
complete -c ap -l json -d 'Answer with a JSON array'
complete -c ap -s h -l help -d 'Show a summary and exit'
complete -c ap -n __fish_use_subcommand -a apk-list -d 'List the file names of all packages for this architecture'
complete -c ap -n __fish_use_subcommand -a build-list -d 'List the folders of aports whose packages are not all built, in build order'
complete -c ap -n __fish_use_subcommand -a builddirs -d 'List the folders of the aports that make these packages, in build order'
complete -c ap -n __fish_use_subcommand -a circular-aports -d 'Find circles of aports that want each other, among all or among what these packages want'
complete -c ap -n __fish_use_subcommand -a dump-json -d 'Print what all recipes say, as a JSON object by pkgname'
complete -c ap -n __fish_use_subcommand -a list -d 'List all packages'
complete -c ap -n __fish_use_subcommand -a recursive-deps -d 'List what these packages want, what that wants, and so on'
complete -c ap -n __fish_use_subcommand -a recursive-revdeps -d 'List the packages of the aports that want these packages, what wants those, and so on'
complete -c ap -n __fish_use_subcommand -a revdep -d 'List the aports that depend on these names, once for each time they do'
complete -c ap -n __fish_use_subcommand -a sources -d 'List remote sources'
complete -c ap -n __fish_use_subcommand -a toplevel-aports -d 'List the aports whose own name nothing depends on'
