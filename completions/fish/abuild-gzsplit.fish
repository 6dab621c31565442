# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for abuild-gzsplit. Made by completions/generate.py, which is the place to change it.

complete -c abuild-gzsplit -f
