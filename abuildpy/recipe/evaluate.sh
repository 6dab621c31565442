# SPDX-License-Identifier: GPL-3.0-or-later
# Evaluates one recipe in this shell: ash -e evaluate.sh RUNTIME-DIR CANDIDATE...
#
# Descriptor 8 receives three NUL-ended fields: the two of telling.sh, and the word "complete", which a recipe that ends
# the shell never gets to. The descriptor is closed while the recipe's own code runs. Standard error gets a trace of that
# code, and nothing else where all goes well.

_ab_runtime=$1
shift
_ab_names=
for _ab_word; do
	_ab_names="$_ab_names '$_ab_word'"
done
set -- # for the recipe to find
umask 022
ulimit -v 1048576 # KiB: a recipe that uses up memory shall not use up the machine's
. "$ABUILD_SHAREDIR/functions.sh"
. "$_ab_runtime/helpers.sh"
. "$_ab_runtime/../../recipe/telling.sh"
_ab_trace=1 PS4='+ABUILDPY:$LINENO: '
. "$_ab_runtime/recipe.sh" 8>&-
eval "_ab_tell_recipe $_ab_names" # quoted, whatever the recipe made of IFS
printf 'complete\0' >&8
