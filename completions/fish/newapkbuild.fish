# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for newapkbuild. Made by completions/generate.py, which is the place to change it.

complete -c newapkbuild -f
complete -c newapkbuild -s a -d 'Built with ./configure (autotools)'
complete -c newapkbuild -s C -d 'Built with CMake'
complete -c newapkbuild -s m -d 'Built with Meson'
complete -c newapkbuild -s p -d 'A Perl module with Makefile.PL'
complete -c newapkbuild -s y -d 'A Python package with pyproject.toml or setup.py'
complete -c newapkbuild -s e -d 'A Python package with pyproject.toml or setup.py'
complete -c newapkbuild -s r -d 'Rust, built with cargo'
complete -c newapkbuild -s n -x -d 'Name of the package'
complete -c newapkbuild -s d -x -d 'Description'
complete -c newapkbuild -s l -x -a 'Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later ISC LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-or-later MIT MPL-2.0 Unlicense Zlib' -d 'Licence, as an SPDX expression'
complete -c newapkbuild -s u -x -d 'Home page'
complete -c newapkbuild -s s -d 'The source is on SourceForge'
complete -c newapkbuild -s c -d 'Also make an OpenRC service, its configuration and install scripts, to be adapted'
complete -c newapkbuild -s f -d 'Write over a recipe that exists'
complete -c newapkbuild -s h -d 'Show a summary and exit'
complete -c newapkbuild -l aports -x -a '(__fish_complete_directories)' -d 'Tree of aports that tells which packages there are'
complete -c newapkbuild -l print -d 'Write the recipe to standard output and nothing else'
