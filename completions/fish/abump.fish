# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abump. Made by completions/generate.py, which is the place to change it.

# section/name- or name-, for the new version to be typed
function __abuildpy_abump_recipes
    set -l top $APORTSDIR
    test -n "$top"; or set top (git rev-parse --show-toplevel 2>/dev/null)
    test -n "$top"; or return
    set -l recipes $top/*/*/APKBUILD
    set -l part '[^/]+'
    string match -q '*/*' -- (commandline -ct); and set part '[^/]+/[^/]+'
    printf '%s\n' $recipes | string replace -rf "^.*/($part)/APKBUILD\$" '$1-'
end

complete -c abump -f
complete -c abump -s s -l security -x -d 'It is a security upgrade: the subject says so and names these'
complete -c abump -s m -l message -x -d 'Body of the commit message'
complete -c abump -s f -l fixes -x -d 'Add "fixes #ISSUE" to the message'
complete -c abump -s p -l push -x -a '(git remote 2>/dev/null)' -d 'Push the commit there'
complete -c abump -s b -l branch -d 'First make the branch bump-NAME-VERSION from HEAD, named after the first argument'
complete -c abump -s k -l keep -d 'Run abuild with -k, which keeps existing packages'
complete -c abump -s r -l rootbld -d 'Build with the verb rootbld instead of all, which the program named by ABUILD must have'
complete -c abump -s q -l quiet -d 'No messages'
complete -c abump -s h -l help -d 'Show a summary and exit'
complete -c abump -a '(__abuildpy_abump_recipes)' -d 'Name-version'
