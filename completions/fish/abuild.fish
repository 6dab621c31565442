# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuild

# Maintainers' helpers: functions whose definitions begin a line of the recipe.
function __abuildpy_own_functions
    set -l words (commandline -opc)
    set -l place (contains -i -- -C $words); and set -l folder $words[(math $place + 1)]; or set -l folder .
    test -r $folder/APKBUILD; and string replace -rf '^([A-Za-z][A-Za-z0-9_]*)\s*\(\).*' '$1' <$folder/APKBUILD
end

complete -c abuild -f
complete -c abuild -s A -d 'Print CARCH and exit'
complete -c abuild -s c -d 'Colours on'
complete -c abuild -s C -x -a '(__fish_complete_directories)' -d 'Change to this folder first'
complete -c abuild -s d -d 'Do not look at build dependencies'
complete -c abuild -s D -x -d 'Description of the index'
complete -c abuild -s f -d 'Build even if up to date or the arch is not listed'
complete -c abuild -s F -d 'Allow root'
complete -c abuild -s h -d 'Show help'
complete -c abuild -s k -d 'Keep existing packages whatever their age'
complete -c abuild -s K -d 'Keep src, pkg, tmp and build dependencies'
complete -c abuild -s m -d 'Colours off'
complete -c abuild -s P -x -a '(__fish_complete_directories)' -d 'Folder for the repositories'
complete -c abuild -s q -d 'Quiet'
complete -c abuild -s r -d 'Install missing build dependencies, remove them afterwards'
complete -c abuild -s s -x -a '(__fish_complete_directories)' -d 'Folder for sources'
complete -c abuild -s v -d 'Trace every command of the recipe'
complete -c abuild -s V -d 'Print the version and exit'
complete -c abuild -l sandbox -x -a 'auto bwrap none' -d 'Walls around the functions'
complete -c abuild -l net -x -a 'recipe always never' -d 'Network for the functions'
complete -c abuild -l clean-env -d 'Let only documented variables through'
complete -c abuild -l pass-env -x -a '(set -nx)' -d 'Let this variable through'

complete -c abuild -a '(__abuildpy_own_functions)' -d 'Function of the recipe'
complete -c abuild -a all -d 'Everything, from validate to the signed index'
complete -c abuild -a build -d 'Run build()'
complete -c abuild -a builddeps -d 'See whether the build dependencies are there'
complete -c abuild -a check -d 'Run check()'
complete -c abuild -a checksum -d 'Write the checksums into the APKBUILD'
complete -c abuild -a clean -d 'Remove src, pkg and tmp'
complete -c abuild -a cleancache -d 'Remove the downloads from SRCDEST'
complete -c abuild -a cleanoldpkg -d 'Remove packages of other versions'
complete -c abuild -a cleanpkg -d 'Remove packages of this version'
complete -c abuild -a deps -d 'Install the build dependencies'
complete -c abuild -a fetch -d 'Download, verify and link the sources'
complete -c abuild -a index -d 'Update and sign the index'
complete -c abuild -a listpkg -d 'Print the names of the package files'
complete -c abuild -a package -d 'Run package()'
complete -c abuild -a prepare -d 'Run prepare(), which applies patches'
complete -c abuild -a rootbld -d 'Build in a clean root'
complete -c abuild -a rootpkg -d 'Package and splits, then the packages'
complete -c abuild -a snapshot -d 'Archive the newest state of giturl'
complete -c abuild -a sourcecheck -d 'Ask upstream whether the sources are still there'
complete -c abuild -a srcpkg -d 'Pack the recipe with its sources'
complete -c abuild -a symlinksrc -d 'Link the sources into src as they are'
complete -c abuild -a targz -d 'Pack what package() has installed as it is'
complete -c abuild -a undeps -d 'Remove the build dependencies'
complete -c abuild -a unpack -d 'Extract the sources'
complete -c abuild -a up2date -d 'Succeed if nothing is to be done'
complete -c abuild -a validate -d 'Check the recipe'
complete -c abuild -a verify -d 'Same as fetch'
