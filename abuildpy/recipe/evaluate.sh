# SPDX-License-Identifier: GPL-3.0-or-later
# Evaluates one recipe in this shell: ash -e evaluate.sh RUNTIME-DIR CANDIDATE...
#
# Descriptor 8 receives three NUL-framed fields: every shell variable (as "set" prints them), what "type" says of the
# candidates (names that may be functions), and the word "complete", which a recipe that ends the shell never gets to.
# The descriptor is closed while the recipe's own code runs. Standard error gets a trace of that code, and nothing else
# where all goes well.

_ab_runtime=$1
shift
umask 022
. "$ABUILD_SHAREDIR/functions.sh"
. "$_ab_runtime/helpers.sh"
_ab_trace=1 PS4='+ABUILDPY:$LINENO: '
. "$_ab_runtime/recipe.sh" 8>&-
# Split functions may have been made by eval, so that no line of the recipe shows their names.
for _ab_word in $subpackages; do
	case "$_ab_word" in
	*:[!:]*) _ab_word=${_ab_word#*:} && set -- "$@" "${_ab_word%%:*}" ;;
	*) _ab_word=${_ab_word%%:*} && set -- "$@" "${_ab_word##*-}" ;;
	esac
done
{
	set
	printf '\0'
	type "$@" 2>/dev/null || :
	printf '\0complete\0'
} >&8
