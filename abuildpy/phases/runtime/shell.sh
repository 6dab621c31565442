# SPDX-License-Identifier: GPL-3.0-or-later
# A shell in the place of one function of the recipe, for looking and trying. driver.sh sources it with HOW FUNCTION as
# arguments; an interactive ash reads it once more, as its ENV, as nothing but an environment passes on to that.
#
# HOW is "terminal" (descriptor 0 is one that nobody else has), "command" (ABUILDPY_COMMAND) or "script" (standard input).
# ABUILDPY_SHELL is "RUNTIME-DIR FLAGS FUNCTION"; ABUILDPY_FUNCTIONS names what the recipe defines.

# A function that is typed runs as in a build: in a shell of its own that ends with the first failure.
_ab_alone() (
	set -e
	"$@"
)

_ab_go_to() {
	set +e
	case "$1" in
	prepare | build | check | package)
		export GIT_CEILING_DIRECTORIES="$startdir"
		! [ -d "$builddir" ] || cd "$builddir"
		;;
	*) [ -z "$subpkgname" ] || ! [ -d "$pkgdir" ] || cd "$pkgdir" ;;
	esac
	for _ab_name in $ABUILDPY_FUNCTIONS; do
		alias "$_ab_name=_ab_alone $_ab_name"
	done
}

case "$-" in
*i*)
	unset ENV
	_ab_runtime=${ABUILDPY_SHELL%% *} _ab_flags=${ABUILDPY_SHELL#* }
	_ab_function=${_ab_flags#* } _ab_flags=${_ab_flags%% *}
	. "$_ab_runtime/load.sh"
	_ab_go_to "$_ab_function"
	PS1="${subpkgname:-$pkgname} $_ab_function:\\w\\$ "
	;;
*)
	_ab_go_to "$2"
	case "$1" in
	command) eval "$ABUILDPY_COMMAND" ;;
	script)
		_ab_script=$(cat)
		eval "$_ab_script"
		;;
	terminal)
		export ENV="$_ab_runtime/shell.sh" ABUILDPY_SHELL="$_ab_runtime $_ab_flags $2"
		_ab_setsid=setsid
		case "$ABUILDPY_ASH" in *' '*) _ab_setsid="${ABUILDPY_ASH% *} setsid" ;; esac
		# In a session of its own the shell can have the terminal for its own; not the leader of a group, it needs no fork.
		( exec $_ab_setsid -c $ABUILDPY_ASH -i )
		;;
	esac
	exit $?
	;;
esac
