# SPDX-License-Identifier: GPL-3.0-or-later
# Prepares a shell that reads many recipes, one subshell each (or one for a group of plain ones); what it is to do comes
# on its standard input afterwards (see conversation.py). _ab_runtime is set.
#
# Descriptor 8 receives NUL-ended fields: first all variables, then all exported ones, before any recipe was read.

umask 022
ulimit -v 1048576 # KiB: a recipe that uses up memory shall not use up the machine's
. "$ABUILD_SHAREDIR/functions.sh"
. "$_ab_runtime/helpers.sh"
. "$_ab_runtime/../../recipe/telling.sh"
{
	set
	printf '\0'
	export -p
	printf '\0'
} >&8
