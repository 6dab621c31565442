# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for apkbuild-pypi. Made by completions/generate.py, which is the place to change it.

complete -c apkbuild-pypi -f
complete -c apkbuild-pypi -s h -l help -d 'Show a summary and exit'
complete -c apkbuild-pypi -n __fish_use_subcommand -a create -d 'Make py3-NAME/APKBUILD'
complete -c apkbuild-pypi -n '__fish_seen_subcommand_from create; and test (count (commandline -opc)) -eq 3' -a 'homepage'
complete -c apkbuild-pypi -n __fish_use_subcommand -a recreate -d 'Make the recipe again for the newest version; with deps, its dependencies too'
complete -c apkbuild-pypi -n '__fish_seen_subcommand_from recreate; and test (count (commandline -opc)) -eq 2' -a 'deps'
complete -c apkbuild-pypi -n __fish_use_subcommand -a upgrade -d 'Put the newest version\'s number into the recipe, and the dependencies that changed'
complete -c apkbuild-pypi -n __fish_use_subcommand -a check -d 'Say what is newest and what is packaged'
complete -c apkbuild-pypi -n __fish_use_subcommand -a update -d 'Run abuild checksum unpack prepare'
