# SPDX-License-Identifier: GPL-3.0-or-later
# Reads the configuration and hands it over: ash config.sh FUNCTIONS.SH. Descriptor 8 receives every shell variable (as
# "set" prints them) and the exported ones (as "export -p" prints them), a NUL after each.
. "$1"
{
	set
	printf '\0'
	export -p
	printf '\0'
} >&8
