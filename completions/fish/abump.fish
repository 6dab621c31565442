# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abump

# section/name-, for the new version to be typed
function __abuildpy_bumpable
    set -l top $APORTSDIR
    test -n "$top"; or set top (git rev-parse --show-toplevel 2>/dev/null)
    test -n "$top"; or return
    for recipe in $top/*/*/APKBUILD
        string replace -r '^.*/([^/]+/[^/]+)/APKBUILD$' '$1-' -- $recipe
    end
end

complete -c abump -f -a '(__abuildpy_bumpable)' -d 'Recipe'
complete -c abump -s s -l security -x -d 'Security upgrade: CVEs, with commas'
complete -c abump -s m -l message -x -d 'Body of the commit message'
complete -c abump -s f -l fixes -x -d 'Issue that is fixed'
complete -c abump -s p -l push -x -a '(git remote 2>/dev/null)' -d 'Push the commit to this remote'
complete -c abump -s b -l branch -d 'Make a branch first'
complete -c abump -s k -l keep -d 'Run abuild with -k'
complete -c abump -s r -l rootbld -d 'Build in a clean root'
complete -c abump -s q -l quiet -d 'No messages'
complete -c abump -s h -l help -d 'Show help'
