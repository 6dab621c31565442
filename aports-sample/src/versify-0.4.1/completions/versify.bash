# SPDX-License-Identifier: GPL-3.0-or-later
complete -W "--rhymes --version" versify
