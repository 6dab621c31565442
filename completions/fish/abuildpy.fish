# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuildpy

complete -c abuildpy -n __fish_use_subcommand -f
complete -c abuildpy -n __fish_use_subcommand -a cache -d 'What is kept of evaluated recipes'
complete -c abuildpy -n __fish_use_subcommand -a info -d 'What a recipe says, once evaluated'
complete -c abuildpy -n __fish_use_subcommand -a lint -d 'What is wrong or unusual in recipes'
complete -c abuildpy -n __fish_use_subcommand -a paths -d 'Where abuildpy keeps what scripts may want'
complete -c abuildpy -n __fish_use_subcommand -a sandbox -d 'Which walls can be had around builds'
complete -c abuildpy -n __fish_use_subcommand -a shell -d 'A shell where a function of the recipe runs'
complete -c abuildpy -n __fish_use_subcommand -a verify -d 'Check signature and content of packages'
complete -c abuildpy -n __fish_use_subcommand -a why -d 'The first real error of a log'
complete -c abuildpy -n __fish_use_subcommand -a help -d 'The usage'
complete -c abuildpy -n __fish_use_subcommand -a version -d 'The version'
complete -c abuildpy -n '__fish_seen_subcommand_from cache' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from cache' -l all -d 'Delete everything'
complete -c abuildpy -n '__fish_seen_subcommand_from cache' -a prune -f
complete -c abuildpy -n '__fish_seen_subcommand_from info' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from info' -l static -d 'Run nothing of the recipe'
complete -c abuildpy -n '__fish_seen_subcommand_from sandbox' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from sandbox' -x -a '(__fish_complete_directories)'
complete -c abuildpy -n '__fish_seen_subcommand_from verify' -l keys-dir -x \
    -a '(__fish_complete_directories)' -d 'Folder of trusted keys'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -s c -x -d 'Command to run'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -l net -x -a 'recipe always never' -d 'Network'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -l sandbox -x -a 'auto bwrap landlock none' -d 'Walls'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -f -a 'prepare build check package'
complete -c abuildpy -n '__fish_seen_subcommand_from why' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from cache info sandbox shell verify why' -s h -l help -d 'Show help'
complete -c abuildpy -n '__fish_seen_subcommand_from paths help version' -f
