# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=ash
#
# The parts of a build that run outside the recipe's shell, under the names by which recipes call or redefine them
# (abuild 3.18: its verbs and the steps of its packaging). Sourced after helpers.sh and prepare.sh.
#
# Calling one of these asks the driver to do the step ("call_back VERB ARGUMENT...", whose status is the step's).
# Redefining one makes the driver run the recipe's function in place of its own step, through run_overridden.

# --- steps and verbs that a recipe may call ---------------------------------------------------------------------

fetch() { default_fetch; }
default_fetch() { call_back fetch; }
verify() { fetch; }
uri_fetch() { call_back uri_fetch "$1"; }
uri_fetch_mirror() { call_back uri_fetch "$1"; }

validate() { default_validate; }
default_validate() { call_back validate; }

# With the lists as they are just now: recipes call "makedepends='git rsync' deps".
deps() { call_back deps "$depends" "$makedepends" "$checkdepends"; }
undeps() { call_back undeps; }
builddeps() { call_back builddeps; }
checksum() { call_back checksum; }
clean() { cleanup srcdir pkgdir tmpdir; }

# cleanup WHAT...: of srcdir, pkgdir, tmpdir, bldroot, deps. The folders are emptied here, behind the walls; they
# themselves stay until the build is over. A recipe's own cleanup_srcdir is asked for srcdir.
cleanup() {
	local _ab_each
	[ -z "$keep_build" ] || return 0
	for _ab_each; do
		case "$_ab_each" in
			srcdir)
				msg 'Cleaning up srcdir'
				cleanup_srcdir
				;;
			pkgdir) _ab_empty "$pkgbasedir" ;;
			tmpdir) _ab_empty "$tmpdir" ;;
		esac
	done
}
cleanup_srcdir() { default_cleanup_srcdir; }
default_cleanup_srcdir() { _ab_empty "$srcdir"; }

_ab_empty() {
	[ -d "$1" ] || return 0
	find "$1" -mindepth 1 -type d ! -perm -700 -exec chmod u+rwx '{}' ';'
	find "$1" -mindepth 1 ! -path "$tmpdir/.*" -delete # those are the stage's own HOME and /tmp
}

# These are done for every package when package() and the split functions have run, called here or not.
stripbin() { :; }
archcheck() { :; }
postcheck() { :; }

# --- steps that a recipe redefines ------------------------------------------------------------------------------

# run_overridden NAME DATADIR CONTROLDIR FUNCTION [ARGUMENT...]
#
# Runs FUNCTION, one of abuild's packaging steps that the recipe redefines, for the package NAME whose tree is DATADIR,
# with what it finds in abuild:
#
#   prepare_*, stripbin, archcheck   for a subpackage subpkgname, subpkgdir, subpkgarch and subpkgtriplet are set, for
#                                    the main package none of them
#   postcheck                        the same; called as FUNCTION DATADIR NAME
#   dir_has_arch_binaries            the same; called as FUNCTION DATADIR
#   scan_*                           all of these but subpkgdir are set, for the main package too; called as
#                                    FUNCTION NAME CONTROLDIR DATADIR
#   trace_apk_deps                   as scan_*; called as FUNCTION CONTROLDIR
#   real_so_path, anything else      as scan_*; called with the ARGUMENTs
#
# cwd is DATADIR, controldir is CONTROLDIR (made if need be); pkgdir, pkgbasedir, startdir and the recipe's variables are
# the calling shell's. FUNCTION runs in a subshell: what it changes there is lost, what it found it writes to files in
# CONTROLDIR (.provides-py, .needs-python3, .symlinks, …). Status: FUNCTION's.
run_overridden() {
	local _ab_name="$1" _ab_data="$2" _ab_control="$3" _ab_function="$4"
	shift 4
	[ -d "$_ab_control" ] || mkdir -p "$_ab_control"
	(
		controldir="$_ab_control"
		case "$_ab_function" in
			prepare_* | stripbin | archcheck | dir_has_arch_binaries | postcheck) _ab_set_package main ;;
			*) _ab_set_package all ;;
		esac
		cd "$_ab_data"
		case "$_ab_function" in
			prepare_* | stripbin | archcheck) "$_ab_function" ;;
			scan_*) "$_ab_function" "$_ab_name" "$_ab_control" "$_ab_data" ;;
			trace_apk_deps) trace_apk_deps "$_ab_control" ;;
			postcheck) postcheck "$_ab_data" "$_ab_name" ;;
			dir_has_arch_binaries) dir_has_arch_binaries "$_ab_data" ;;
			*) "$_ab_function" "$@" ;;
		esac
	)
}

# _ab_set_package main|all: sets subpkgname and its companions for the package $_ab_name. With "main" the main
# package has none of them.
_ab_set_package() {
	local _ab_each
	unset subpkgdir
	if [ "$_ab_name" = "$pkgname" ]; then
		subpkg_unset
		[ "$1" = main ] || subpkg_set "$pkgname"
		return 0
	fi
	for _ab_each in $subpackages; do
		[ "${_ab_each%%:*}" != "$_ab_name" ] || subpkg_set "$_ab_each"
	done
	export subpkgname subpkgarch subpkgtriplet
	if [ "$1" = main ]; then
		export subpkgdir="$_ab_data"
	fi
}

# find_scanelf_paths DATADIR: prints, separated by colons, where the package keeps shared objects that others may use: the
# standard folders, those of ldpath, and those of its folders that an rpath of any package of this build names.
find_scanelf_paths() {
	local _ab_rest="$ldpath:" _ab_paths="$1/lib:$1/usr/lib" _ab_file _ab_dir
	while [ -n "${_ab_rest%%:}" ]; do
		_ab_dir="${_ab_rest%%:*}"
		_ab_rest="${_ab_rest#*:}"
		[ -z "$_ab_dir" ] || _ab_paths="$_ab_paths:$1$_ab_dir"
	done
	for _ab_file in "$pkgbasedir"/.control.*/.rpaths; do
		[ -f "$_ab_file" ] || continue
		while IFS= read -r _ab_dir; do
			case ":$_ab_paths:" in
				*":$1$_ab_dir:"*) ;;
				*) [ ! -d "$1$_ab_dir" ] || _ab_paths="$_ab_paths:$1$_ab_dir" ;;
			esac
		done <"$_ab_file"
	done
	printf '%s\n' "$_ab_paths"
}

# real_so_path SONAME DIR...: prints the path of the file that the dynamic linker would find in the DIRs.
real_so_path() {
	local _ab_soname="$1" _ab_dir
	shift
	for _ab_dir; do
		if [ -e "$_ab_dir/$_ab_soname" ]; then
			realpath "$_ab_dir/$_ab_soname"
			return
		fi
	done
	error "$_ab_soname: path not found"
	return 1
}

subpkg_provides_so() { _ab_provides so "$1"; }
subpkg_provides_pc() { _ab_provides pc "${1%%[<>=~]*}"; }

# _ab_provides KIND NAME: whether a package of this build was found to provide KIND:NAME.
_ab_provides() {
	local _ab_file _ab_line
	for _ab_file in "$pkgbasedir"/.control.*/.provides-"$1"; do
		[ -f "$_ab_file" ] || continue
		while IFS= read -r _ab_line; do
			case "$_ab_line" in
				"$1:$2" | "$1:$2="*) return 0 ;;
			esac
		done <"$_ab_file"
	done
	return 1
}
