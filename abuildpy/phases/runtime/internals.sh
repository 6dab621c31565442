# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=ash
#
# The parts of a build that run outside the recipe's shell, under the names by which recipes call or redefine them
# (abuild 3.18: its verbs and the steps of its packaging). Sourced after helpers.sh and prepare.sh.
#
# Calling one of these asks the driver to do the step ("call_back VERB ARGUMENT...", whose status is the step's).
# Redefining one makes the driver run the recipe's function in place of its own step.

# --- steps and verbs that a recipe may call ---------------------------------------------------------------------

fetch() { default_fetch; }
verify() { fetch; }

# The caller downloads, verifies and links all sources. Before it does, a recipe's own uri_fetch or uri_fetch_mirror gets each
# address; ours have nothing to do then.
default_fetch() {
	local _ab_each _ab_all_at_once=yes
	for _ab_each in $source; do
		! is_remote "$_ab_each" || uri_fetch_mirror "$_ab_each" || return 1
	done
	call_back fetch
}
uri_fetch_mirror() { uri_fetch "$1"; }
uri_fetch() { [ -n "$_ab_all_at_once" ] || call_back uri_fetch "$1"; }

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

# --- the steps of packaging -------------------------------------------------------------------------------------
#
# As long as a recipe leaves all of them alone, the driver's caller does them by itself and none of these functions runs.
# Where a recipe has its own version of one, they all run, in abuild's order and with what abuild gives them: the package's
# files below pkgbasedir, and in .control.NAME/ what earlier steps found. Ours ask the caller, whose answer is that step's
# files; a recipe's own writes such files, or changes them.

# _ab_step STEP FILE...: has the caller do a step for the package that subpkgname names (none: the main one), and puts the
# FILEs that it answers with into controldir, one written "+FILE" behind what is there. Fails if the step does. The caller sees
# all variables; _ab_flags_on holds the options that options_has answers for.
_ab_step() {
	[ -n "$_ab_plan" ] || return 0 # called by package() or a split function: all of it is done later anyway
	local _ab_each _ab_step="$1" _ab_flags_on='' _ab_answer=''
	shift
	for _ab_each in '!archcheck' bigdocs charset.alias '!check' '!fhs' keepdirs ldpath-recursive lib64 libtool net \
		setcap sover-namecheck '!spdx' '!strip' suid textrels toolchain '!tracedeps' '!usrmerge'; do
		! options_has "$_ab_each" || _ab_flags_on="$_ab_flags_on $_ab_each"
	done
	{
		printf '5\0call\0step\0%s\0%s\0' "$_ab_step" "${subpkgname:-$pkgname}"
		set
		printf '\0'
	} >&8
	read -r _ab_answer <&9 || _ab_answer=
	[ "$_ab_answer" = ok ] || return 1
	[ $# -eq 0 ] || [ -d "$controldir" ] || mkdir -p "$controldir"
	for _ab_each; do
		[ -f "$_ab_plan/${_ab_each#+}" ] || continue
		case "$_ab_each" in
			+*) cat "$_ab_plan/${_ab_each#+}" >>"$controldir/${_ab_each#+}" ;;
			*) cat "$_ab_plan/$_ab_each" >"$controldir/$_ab_each" ;;
		esac
	done
}

_ab_traces() {
	! options_has '!tracedeps'
}

# One split function after the other, each in a shell of its own, which also prepares the package.
prepare_subpackages() {
	local _ab_word
	cd "$startdir"
	for _ab_word in $subpackages; do
		subpkg_set "$_ab_word"
		msg "Running split function $subpkgsplit..."
		subpkgdir="$pkgbasedir/$subpkgname" subpkgname="$subpkgname" subpkgarch="$subpkgarch" \
			subpkgtriplet="$subpkgtriplet" "$abuild_path" pre_split "$subpkgsplit" prepare_package
		postcheck "$pkgbasedir/$subpkgname" "$subpkgname"
	done
	subpkg_unset
	postcheck "$pkgdir" "$pkgname"
}

pre_split() {
	provides='' install_if=''
	cd "$pkgdir"
}

# _ab_part names what fails.
prepare_package() {
	_ab_need_tree "${subpkgdir:-$pkgdir}"
	msg "Preparing ${subpkgname:+sub}package ${subpkgname:-$pkgname}..."
	for _ab_part in stripbin prepare_metafiles prepare_trace_rpaths prepare_symlinks prepare_pkgconfig_provides \
		prepare_command_provides prepare_py_provides archcheck; do
		"$_ab_part"
	done
	_ab_part=prepare_package
}

stripbin() {
	_ab_step stripbin
	[ -z "$_ab_plan" ] || _ab_strip
}

# The scripts go beside .PKGINFO, and .metafiles lists what is to be packed of all that.
prepare_metafiles() {
	cd "${subpkgdir:-$pkgdir}"
	get_maintainer
	_ab_step prepare_metafiles .PKGINFO .metafiles .pre-install .post-install .pre-upgrade .post-upgrade \
		.pre-deinstall .post-deinstall .trigger
}

prepare_trace_rpaths() {
	[ "${subpkgarch:-$pkgarch}" = noarch ] || ! _ab_traces || _ab_step prepare_trace_rpaths .rpaths
}
prepare_symlinks() { ! _ab_traces || _ab_step prepare_symlinks +.symlinks; }
prepare_pkgconfig_provides() { ! _ab_traces || _ab_step prepare_pkgconfig_provides .provides-pc; }
prepare_command_provides() { ! _ab_traces || _ab_step prepare_command_provides +.provides-command; }
prepare_py_provides() { ! _ab_traces || _ab_step prepare_py_provides .provides-py; }

archcheck() {
	[ -n "$_ab_plan" ] && ! options_has '!archcheck' || return 0
	if dir_has_arch_binaries "${subpkgdir:-$pkgdir}"; then
		[ "${subpkgarch:-$pkgarch}" = noarch ] || return 0
		error "${subpkgname:-$pkgname} has architecture specific files, so its arch must not be noarch"
		return 1
	fi
	case "${subpkgarch:-$pkgarch}:$subpkgname" in
		noarch:* | *-dev | *-static) ;;
		*) warning "${subpkgname:-$pkgname} has no architecture specific files: should its arch be noarch?" ;;
	esac
}

# postcheck DIR NAME: here only what it changes, libtool's files. The caller looks at the trees as they will be packed.
postcheck() {
	[ -n "$_ab_plan" ] || return 0
	local subpkgname="$2"
	_ab_step postcheck
	[ ! -s "$_ab_plan/delete" ] || command xargs -0 -r rm -f -- <"$_ab_plan/delete"
}

# What follows is called as SCAN NAME CONTROLDIR DATADIR, for one package after the other when all are prepared.

scan_shared_objects() {
	[ "$subpkgarch" != noarch ] || return 0
	local controldir="$2" _ab_paths=''
	_ab_paths="$(find_scanelf_paths "$3")"
	_ab_step scan_shared_objects .provides-so .needs-so
}
scan_symlink_targets() {
	local controldir="$2"
	_ab_step scan_symlink_targets .needs-symlinks
}
scan_python3_dependency() {
	local controldir="$2"
	_ab_step scan_python3_dependency +.needs-python3
}
scan_pkgconfig_depends() {
	local controldir="$2"
	_ab_step scan_pkgconfig_depends .needs-pc
}

# trace_apk_deps CONTROLDIR: adds to .PKGINFO what the files beside it say. A recipe's own way to find libraries is asked for
# those that no package names as provided.
trace_apk_deps() {
	local controldir="$1" _ab_so_files='' _ab_missing=''
	case " $ABUILDPY_OVERRIDDEN " in
		*' real_so_path '* | *' find_so_files '*)
			_ab_step missing
			if [ -f "$_ab_plan/missing" ]; then
				read -r _ab_missing <"$_ab_plan/missing" || :
				_ab_so_files="$(find_so_files "$controldir/.rpaths" $_ab_missing)"
			fi
			;;
	esac
	_ab_step trace_apk_deps +.PKGINFO
}

# find_so_files RPATHS SONAME...: prints the path of each library, looked for in the folders that the file RPATHS lists as well.
find_so_files() {
	local _ab_rpaths='' _ab_soname
	_ab_rpaths="$(cat "$1")"
	shift
	for _ab_soname; do
		real_so_path "$_ab_soname" /usr/lib /lib $_ab_rpaths || return 1
	done
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
