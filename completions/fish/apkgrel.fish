# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for apkgrel. Made by completions/generate.py, which is the place to change it.

# names of the tree
function __abuildpy_apkgrel_recipes
    set -l top $APORTSDIR
    test -n "$top"; or set top (git rev-parse --show-toplevel 2>/dev/null)
    test -n "$top"; or return
    set -l recipes $top/*/*/APKBUILD
    set -l part '[^/]+'
    string match -q '*/*' -- (commandline -ct); and set part '[^/]+/[^/]+'
    printf '%s\n' $recipes | string replace -rf "^.*/($part)/APKBUILD\$" '$1'
end

complete -c apkgrel -s z -l zero -d 'Set pkgrel to 0'
complete -c apkgrel -s a -l add -d 'Add 1 to pkgrel'
complete -c apkgrel -s g -l clean-git -d 'Add 1 to pkgrel, but leave alone recipes in whose folders git sees changes that are not staged'
complete -c apkgrel -s s -l set -x -d 'Set pkgrel to NUM'
complete -c apkgrel -s t -l test -d 'Only check that every recipe has a proper pkgrel'
complete -c apkgrel -s f -l force -d 'Do without that check'
complete -c apkgrel -s h -l help -d 'Show a summary and exit'
complete -c apkgrel -a '(__abuildpy_apkgrel_recipes)' -d 'Recipe'
