# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuildpy

complete -c abuildpy -n __fish_use_subcommand -f
complete -c abuildpy -n __fish_use_subcommand -a batch -d 'Build many recipes in the right order'
complete -c abuildpy -n __fish_use_subcommand -a cache -d 'What is kept of evaluated recipes'
complete -c abuildpy -n __fish_use_subcommand -a check-changed -d 'Which changed recipes lack a new version'
complete -c abuildpy -n __fish_use_subcommand -a diff -d 'What differs between packages'
complete -c abuildpy -n __fish_use_subcommand -a follows -d 'Which recipes have to be rebuilt'
complete -c abuildpy -n __fish_use_subcommand -a info -d 'What a recipe says, once evaluated'
complete -c abuildpy -n __fish_use_subcommand -a lint -d 'What is wrong or unusual in recipes'
complete -c abuildpy -n __fish_use_subcommand -a paths -d 'Where abuildpy keeps what scripts may want'
complete -c abuildpy -n __fish_use_subcommand -a reproduce -d 'Do packages come out the same again'
complete -c abuildpy -n __fish_use_subcommand -a sandbox -d 'Which walls can be had around builds'
complete -c abuildpy -n __fish_use_subcommand -a shell -d 'A shell where a function of the recipe runs'
complete -c abuildpy -n __fish_use_subcommand -a verify -d 'Check packages and what stands beside them'
complete -c abuildpy -n __fish_use_subcommand -a why -d 'The first real error of a log'
complete -c abuildpy -n __fish_use_subcommand -a worker -d 'Build for batches of other machines'
complete -c abuildpy -n __fish_use_subcommand -a help -d 'The usage'
complete -c abuildpy -n __fish_use_subcommand -a version -d 'The version'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l changed-since -x -d 'What changed since a git revision'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l status -x -a 'failed outdated unbuilt' -d 'What failed, is outdated or unbuilt'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l rebuild-of -x -d 'What depends on this'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l rebuild-dependants -d 'Also what would lose a library'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l plan -d 'Only show the order and why'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -s j -l jobs -x -d 'Packages at once'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l load -x -d 'Start nothing above this load'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l exclusive -x -d 'Nothing else beside this recipe'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l priority -x -d 'Higher numbers come first'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l keep-going -d 'Go on after a failure'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l fail-fast -d 'Start nothing after a failure'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l retry -x -d 'Tries after failures of network or machine'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l timeout -x -d 'The longest that a function may take'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l no-output-timeout -x -d 'The longest that it may be silent'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l require-sandbox -x -a 'bwrap landlock' -d 'Refuse to build behind less'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l no-deps-install -d 'Dependencies only order the batch'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -s P -l repodest -x \
    -a '(__fish_complete_directories)' -d 'Where the repositories are'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l executor -x -a 'local dask' -d 'Where packages are built'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l scheduler -x -d 'Of dask'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l store -x -d 'Where packages travel between machines'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l tls-ca -x \
    -a '(__fish_complete_path)' -d 'Certificate of the authority'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l tls-cert -x \
    -a '(__fish_complete_path)' -d 'Certificate of this machine'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l tls-key -x \
    -a '(__fish_complete_path)' -d 'The key to it'
complete -c abuildpy -n '__fish_seen_subcommand_from batch' -l report -x \
    -a '(__fish_complete_path)' -d 'Write a report'
complete -c abuildpy -n '__fish_seen_subcommand_from cache' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from cache' -l all -d 'Delete everything'
complete -c abuildpy -n '__fish_seen_subcommand_from cache' -a prune -f
complete -c abuildpy -n '__fish_seen_subcommand_from check-changed' -l since -x -d 'The branch to merge into'
complete -c abuildpy -n '__fish_seen_subcommand_from check-changed' -l format -x -a 'text json github gitlab' -d 'How it is told'
complete -c abuildpy -n '__fish_seen_subcommand_from check-changed' -l paths -d 'Only which recipes changed'
complete -c abuildpy -n '__fish_seen_subcommand_from check-changed' -f
complete -c abuildpy -n '__fish_seen_subcommand_from diff' -l contents -d 'Also changed lines of text files'
complete -c abuildpy -n '__fish_seen_subcommand_from diff' -l follows -d 'Also which recipes to rebuild'
complete -c abuildpy -n '__fish_seen_subcommand_from diff' -l full -d 'Leave nothing out'
complete -c abuildpy -n '__fish_seen_subcommand_from diff' -l format -x -a 'text json html' -d 'How it is told'
complete -c abuildpy -n '__fish_seen_subcommand_from diff' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from diff' -s o -l output -x \
    -a '(__fish_complete_path)' -d 'Write to this file'
complete -c abuildpy -n '__fish_seen_subcommand_from follows' -l names -d 'Only the names of those to rebuild'
complete -c abuildpy -n '__fish_seen_subcommand_from follows' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from info' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from info' -l static -d 'Run nothing of the recipe'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l vary -x \
    -a 'all none time zone locale umask user cores order host environment path' -d 'What to vary'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l no-vary -x \
    -a 'time zone locale umask user cores order host environment path' -d 'What not to vary'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l no-bisect -d 'Do not look for the variation'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l check -d 'Run check as well'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l recipe -x \
    -a '(__fish_complete_directories)' -d 'What the package was built from'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l keep -x \
    -a '(__fish_complete_directories)' -d 'Leave packages and logs there'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -s d -d 'Do not look at build dependencies'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -s r -d 'Install missing build dependencies'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l sandbox -x -a 'auto bwrap landlock none' -d 'Walls'
complete -c abuildpy -n '__fish_seen_subcommand_from reproduce' -l net -x -a 'recipe always never' -d 'Network'
complete -c abuildpy -n '__fish_seen_subcommand_from sandbox' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from sandbox' -x -a '(__fish_complete_directories)'
complete -c abuildpy -n '__fish_seen_subcommand_from verify' -l keys-dir -x \
    -a '(__fish_complete_directories)' -d 'Folder of trusted keys'
complete -c abuildpy -n '__fish_seen_subcommand_from verify' -l index -x -a '(__fish_complete_suffix .tar.gz)' -d 'The index that they are to be in'
complete -c abuildpy -n '__fish_seen_subcommand_from verify' -l require -x -a 'index provenance spdx buildinfo all' -d 'What must be there'
complete -c abuildpy -n '__fish_seen_subcommand_from verify' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -s c -x -d 'Command to run'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -l net -x -a 'recipe always never' -d 'Network'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -l sandbox -x -a 'auto bwrap landlock none' -d 'Walls'
complete -c abuildpy -n '__fish_seen_subcommand_from shell' -f -a 'prepare build check package'
complete -c abuildpy -n '__fish_seen_subcommand_from why' -l json -d 'As JSON'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l scheduler -x -d 'Scheduler of dask'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l store -x -d 'Where packages travel between machines'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l tls-ca -x \
    -a '(__fish_complete_path)' -d 'Certificate of the authority'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l tls-cert -x \
    -a '(__fish_complete_path)' -d 'Certificate of this machine'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l tls-key -x \
    -a '(__fish_complete_path)' -d 'The key to it'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l slots -x -d 'Builds at once'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -s j -l jobs -x -d 'JOBS of each build'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l arch -x -d 'What it builds for'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l name -x -d 'What it is called'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -l folder -x \
    -a '(__fish_complete_directories)' -d 'Its folders'
complete -c abuildpy -n '__fish_seen_subcommand_from worker' -s q -l quiet -d 'No messages'
complete -c abuildpy -n '__fish_seen_subcommand_from batch cache check-changed diff follows info sandbox shell verify why worker' -s h -l help -d 'Show help'
complete -c abuildpy -n '__fish_seen_subcommand_from paths help version' -f
