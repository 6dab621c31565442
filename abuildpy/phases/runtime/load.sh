# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced at top level by driver.sh and shell.sh: everything a recipe's functions may call, then the recipe. _ab_runtime is the
# folder of all this, _ab_flags a word of abuild's option letters.

_ab_tell() {
	printf '%s\0' $# "$@" >&8
}

# Asks the caller to do something and fails if it could not: call_back VERB ARGUMENT...
call_back() {
	_ab_tell call "$@"
	read -r _ab_answer <&9 || _ab_answer=
	[ "$_ab_answer" = ok ]
}

. "$ABUILD_SHAREDIR/functions.sh"
unset force forceroot keep keep_build quiet verbose color_opt nodeps install_deps
case "$_ab_flags" in *c*) enable_colors; color_opt=-c ;; *) disable_colors; color_opt=-m ;; esac
case "$_ab_flags" in *f*) force=-f ;; esac
case "$_ab_flags" in *F*) forceroot=-F ;; esac
case "$_ab_flags" in *d*) nodeps=-d ;; esac
case "$_ab_flags" in *k*) keep=-k ;; esac
case "$_ab_flags" in *K*) keep_build=-K ;; esac
case "$_ab_flags" in *q*) quiet=-q ;; esac
case "$_ab_flags" in *r*) install_deps=-r ;; esac
case "$_ab_flags" in *v*) verbose=-v ;; esac
. "$_ab_runtime/fakeroot.sh"
. "$_ab_runtime/helpers.sh"
. "$_ab_runtime/splitters.sh"
. "$_ab_runtime/prepare.sh"
. "$_ab_runtime/internals.sh"
. "$_ab_runtime/messages.sh"
. "$_ab_runtime/recipe.sh" 8>&- 9>&-
