# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a recipe's functions: ash -e driver.sh RUNTIME-DIR FLAGS TASK ARGUMENT...
#
# FLAGS is a word of option letters (those of abuild: c d f F k K q r v; a dash for none). Tasks:
#   verbs NAME...                 run these functions in this shell, then hand over the environment
#   fakeroot FOLDER TASK...       run another task of this driver in a fakeroot session; FOLDER/state tells ownership
#   package NAME:FUNC:ARCH:TRIPLET...  package(), then one split after the other, then what the trees need
#   split FUNC                    one split function, its subpackage described by subpkg* in the environment
#   steps NAME...                 the same, with the steps of packaging as functions
#   shell HOW FUNCTION            a shell where that function runs: see shell.sh
#
# Descriptor 8 carries events to the caller: a count, then that many fields, each ended by a NUL. Descriptor 9 carries
# one-line answers. The caller believes none of it more than it believes the recipe.
#
# Everything here is named _ab_*, locals too: the recipe's functions run inside, and ash's locals are seen by callees.

_ab_runtime=$1 _ab_flags=$2
shift 2
umask 022

# Everything this shell knows, for the caller to pick from. $1: event, $2: package
_ab_tell_variables() {
	{
		printf '3\0%s\0%s\0' "$1" "$2"
		set
		printf '\0'
	} >&8
}

_ab_tell_environment() {
	{
		printf '2\0environment\0'
		export -p
		printf '\0'
	} >&8
}

# Starts this driver afresh: an environment is all that passes on.
_ab_start_afresh() {
	$ABUILDPY_ASH -e "$_ab_runtime/driver.sh" "$_ab_runtime" "$_ab_flags" "$@"
}

case "$1" in
fakeroot)
	_ab_folder=$2
	shift 2
	. "$_ab_runtime/fakeroot.sh"
	fakeroot_begin "$_ab_folder"
	_ab_status=0
	_ab_start_afresh "$@" || _ab_status=$?
	fakeroot_end || _ab_status=1
	exit $_ab_status
	;;
esac

. "$_ab_runtime/load.sh"

_ab_part_ended() {
	_ab_tell failed "$_ab_part" "$1" "${subpkgname:-$pkgname}"
}

# Runs one function of the recipe; whatever ends the shell meanwhile is a failure of that function.
_ab_run_part() {
	_ab_part=$1
	if ! is_function "$1"; then
		_ab_tell missing "$1"
		exit 1
	fi
	trap 'exit 129' HUP
	trap '_ab_part_ended $?' EXIT
	case "$1" in
	prepare | build | check | package)
		export GIT_CEILING_DIRECTORIES="$startdir"
		! [ -d "$builddir" ] || cd "$builddir"
		;;
	esac
	_ab_tell start "$1" "${subpkgname:-$pkgname}"
	read -r _ab_answer <&9 || : # what was written so far belongs to what ran before
	case "$_ab_flags" in *v*) set -x ;; esac
	"$1"
	set +x
	trap - EXIT HUP
	_ab_tell done "$1"
}

_ab_need_tree() {
	[ ! -d "$1" ] || return 0
	_ab_tell failed rootpkg 1 "$pkgname"
	die "Missing ${subpkgname:+sub}pkgdir for ${subpkgname:-$pkgname}"
}

# In a session whose library has no effect, everything would be owned by the builder without anybody noticing.
case "$1:$FAKEROOTKEY" in split:* | steps:* | *:) ;; *) fakeroot_check ;; esac

_ab_task_verbs() {
	for _ab_verb; do
		_ab_run_part "$_ab_verb"
	done
	_ab_tell_environment
}

_ab_task_package() {
	cd "$startdir"
	_ab_run_part package
	if [ -n "$ABUILDPY_OVERRIDDEN" ]; then
		_ab_package_in_steps
	else
		_ab_package_at_once "$@"
	fi
	_ab_finish_trees
}

_ab_package_at_once() {
	cd "$startdir"
	for _ab_word; do
		_ab_name=${_ab_word%%:*} _ab_rest=${_ab_word#*:}
		_ab_split=${_ab_rest%%:*} _ab_rest=${_ab_rest#*:}
		(
			# An environment of its own, for the messages as well.
			export subpkgname="$_ab_name" subpkgdir="$pkgbasedir/$_ab_name"
			export subpkgarch="${_ab_rest%%:*}" subpkgtriplet="${_ab_rest#*:}"
			msg "Running split function $_ab_split..."
			_ab_start_afresh split "$_ab_split"
		)
	done
	_ab_need_tree "$pkgdir"
	msg "Preparing package $pkgname..."
	_ab_tell_variables metadata "$pkgname"
}

_ab_task_split() {
	# These are the main package's, not to be inherited.
	provides= install_if=
	_ab_need_tree "$pkgdir"
	cd "$pkgdir"
	_ab_run_part "$1"
	_ab_need_tree "$subpkgdir"
	msg "Preparing subpackage $subpkgname..."
	_ab_tell_variables metadata "$subpkgname"
}

# For recipes with packaging steps of their own (ABUILDPY_OVERRIDDEN names them): every step is a function, run in abuild's order.
_ab_package_in_steps() {
	_ab_tell trees # for the folder alone: there is nothing to list yet
	read -r _ab_plan <&9 || exit 1
	export _ab_plan
	abuild_path=_ab_abuild
	_ab_run_part prepare_subpackages
	_ab_run_part prepare_package
	_ab_tell_variables metadata "$pkgname"
	_ab_run_part _ab_trace_packages
}

# What abuild_path stands for: an abuild that runs the steps of one subpackage, which the environment describes.
_ab_abuild() {
	while [ "${1#-}" != "$1" ]; do
		shift
	done
	_ab_start_afresh steps "$@"
}

_ab_task_steps() {
	for _ab_step_name; do
		_ab_run_part "$_ab_step_name"
	done
	_ab_tell_variables metadata "$subpkgname"
}

_ab_trace_packages() {
	for _ab_word in $allpackages; do
		subpkg_set "$_ab_word"
		if ! options_has '!tracedeps'; then
			for _ab_part in scan_shared_objects scan_symlink_targets scan_python3_dependency scan_pkgconfig_depends; do
				"$_ab_part" "$subpkgname" "$pkgbasedir/.control.$subpkgname" "$pkgbasedir/$subpkgname"
			done
		fi
	done
	_ab_part=trace_apk_deps
	for _ab_word in $allpackages; do
		subpkg_set "$_ab_word"
		trace_apk_deps "$pkgbasedir/.control.$subpkgname"
	done
	subpkg_unset
	_ab_part=_ab_trace_packages
}

# Strips what the lists in the caller's folder name, each by its program.
_ab_strip() {
	for _ab_list in "$_ab_plan"/strip.*; do
		[ -e "$_ab_list" ] || continue
		# Only the content is replaced, so hard links, owner, mode and capabilities stay.
		while IFS= read -r -d '' _ab_file; do
			"${_ab_list##*/strip.}" -o "$ABUILDPY_STRIPPED" "$_ab_file"
			cat "$ABUILDPY_STRIPPED" >"$_ab_file"
		done <"$_ab_list"
	done
}

# The caller looks at the trees and leaves lists in a folder: what to strip with which program, what to delete, which
# folders to drop if empty, whose capabilities to read. Answers go to the session's own folder. Nothing touches the trees
# after this.
_ab_finish_trees() {
	_ab_tell trees
	read -r _ab_plan <&9 || exit 1
	_ab_strip
	[ ! -s "$_ab_plan/delete" ] || command xargs -0 -r rm -f -- <"$_ab_plan/delete"
	[ ! -s "$_ab_plan/rmdir" ] || command xargs -0 -r rmdir -- <"$_ab_plan/rmdir" 2>/dev/null || :
	[ ! -s "$_ab_plan/capabilities" ] || fakeroot_capabilities "$_ab_plan/capabilities" "$ABUILDPY_CAPABILITIES"
	_ab_tell finished
}

_ab_task=$1
shift
case "$_ab_task" in
shell) . "$_ab_runtime/shell.sh" ;;
verbs | package | split | steps) "_ab_task_$_ab_task" "$@" ;;
*) exit 2 ;;
esac
