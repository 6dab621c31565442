# SPDX-License-Identifier: GPL-3.0-or-later
# What the shell tells of a recipe that it has read, on descriptor 8.

# _ab_tell_recipe CANDIDATE...: every shell variable (as "set" prints them) and what "type" says of the candidates (names
# that may be functions), each ended by a NUL.
_ab_tell_recipe() {
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
		PATH=/dev/null type "$@" 2>/dev/null || : # it need not look for programs
		printf '\0'
	} >&8
}
