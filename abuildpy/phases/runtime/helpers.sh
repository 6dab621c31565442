# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=ash
#
# Helper functions that a recipe may call (abuild 3.18: the functions documented for APKBUILD authors, and the
# internal ones that recipes can reach). Sourced into the recipe's shell before the recipe, which may redefine any.
#
# Needs, defined elsewhere: msg, warning, error, die (functions.sh) and, at call time, call_back (the driver).
# Every fork is dear under fakeroot, so whatever the shell can do by itself is done without one. Names that start
# with _ab_ are private to this library.

# --- lists ------------------------------------------------------------------------------------------------------

# list_has WORD ELEMENT...: the first element that decides wins. An element E answers "no" to the question "!E?".
list_has() {
	local _ab_word="$1" _ab_each
	shift
	for _ab_each; do
		case "$_ab_word" in
			"$_ab_each") return 0 ;;
			"!$_ab_each") return 1 ;;
		esac
	done
	return 1
}

# The same for dependencies: whatever follows the first operator of an element does not count.
deplist_has() {
	local _ab_word="$1" _ab_each
	shift
	for _ab_each; do
		_ab_each="${_ab_each%%[<>=~]*}"
		case "$_ab_word" in
			"$_ab_each") return 0 ;;
			"!$_ab_each") return 1 ;;
		esac
	done
	return 1
}

# options_has FLAG: flags of one package are written NAME::FLAG and are asked first.
options_has() {
	list_has "${subpkgname:-$pkgname}::$1" $options || list_has "$1" $options
}

depends_has() {
	deplist_has "$1" $depends
}

makedepends_has() {
	deplist_has "$1" $makedepends
}

install_has() {
	list_has "$1" $install
}

# triggers_has FILE: FILE is what stands before the "=" and the directories.
triggers_has() {
	local _ab_each
	for _ab_each in $triggers; do
		[ "${_ab_each%=*}" != "$1" ] || return 0
	done
	return 1
}

subpackages_has() {
	local _ab_each
	for _ab_each in $subpackages; do
		[ "${_ab_each%%:*}" != "$1" ] || return 0
	done
	return 1
}

# subpackage_types_has SUFFIX: whether some subpackage's name ends in "-SUFFIX" (its last part only: "dev", "doc").
subpackage_types_has() {
	local _ab_each
	for _ab_each in $subpackages; do
		_ab_each="${_ab_each%%:*}"
		[ "${_ab_each##*-}" != "$1" ] || return 0
	done
	return 1
}

# source_has FILE: by the name that a source was given ("FILE::https://...") or by the end of its path.
source_has() {
	local _ab_each
	for _ab_each in $source; do
		case "$1" in
			"${_ab_each##*/}" | "${_ab_each%%::*}") return 0 ;;
		esac
	done
	return 1
}

# --- what kind of build this is ---------------------------------------------------------------------------------

# The packages being built are compilers for yet another machine.
cross_creating() {
	[ "$CHOST" != "$CTARGET" ]
}

# The packages will not run here.
cross_compiling() {
	[ "$CBUILD" != "$CHOST" ]
}

want_check() {
	if [ -n "$ABUILD_BOOTSTRAP" ] || cross_compiling || options_has '!check'; then
		return 1
	fi
	return 0
}

# is_function NAME: true for shell functions only, not for programs or built-in commands.
is_function() {
	case "$(type "$1" 2>&1)" in
		"$1 is a function"* | "$1 is a shell function"*) return 0 ;;
	esac
	return 1
}

# --- sources ----------------------------------------------------------------------------------------------------

is_remote() {
	case "${1#*::}" in
		http://* | https://* | ftp://*) return 0 ;;
	esac
	return 1
}

# filename_from_uri ENTRY: prints the name under which a source is stored.
filename_from_uri() {
	local _ab_name="${1%%::*}"
	printf '%s\n' "${_ab_name##*/}"
}

have_patches() {
	local _ab_each
	for _ab_each in $source; do
		case "${_ab_each%::*}" in
			*.patch | *.patch.gz | *.patch.xz) return 0 ;;
		esac
	done
	return 1
}

# Puts links to all sources into srcdir, without looking whether the files are there.
symlinksrc() {
	local _ab_each _ab_name
	[ -d "$srcdir" ] || mkdir -p "$srcdir"
	for _ab_each in $source; do
		if is_remote "$_ab_each"; then
			_ab_name="${_ab_each%%::*}"
			ln -sf "$SRCDEST/${_ab_name##*/}" "$srcdir/"
		else
			ln -sf "$startdir/$_ab_each" "$srcdir/"
		fi
	done
}

# --- moving files into a subpackage -----------------------------------------------------------------------------

# amove PATH...: moves each from $pkgdir to the same place below $subpkgdir; parents left empty are removed.
# Paths are relative to $pkgdir, slashes at either end are ignored. Status 1 if one of them was not there (the others
# are moved nevertheless). Files that share a directory are moved by one mv.
amove() {
	[ -n "$subpkgdir" ] || return 1

	local _ab_back="$PWD" _ab_status=0 _ab_at=0 _ab_refs='' _ab_seen='' _ab_from='' _ab_path _ab_dir _ab_ref
	cd "$pkgdir"
	for _ab_path; do
		_ab_at=$((_ab_at + 1))
		_ab_ref="\"\${$_ab_at}\""
		case "$_ab_path" in
			/* | */)
				_ab_path="${_ab_path#"${_ab_path%%[!/]*}"}"
				_ab_path="${_ab_path%"${_ab_path##*[!/]}"}"
				# No longer the word we were given, so it cannot be referred to by number: goes alone.
				_ab_ref=
				;;
		esac
		case "$_ab_path" in
			*/*) _ab_dir="${_ab_path%/*}" ;;
			*) _ab_dir=. ;;
		esac
		# What was collected so far moves now if this one does not belong to it: it lies elsewhere, goes alone, is named
		# twice (and must be found missing then), or the command line has become long.
		if [ -n "$_ab_refs" ] && ! _ab_belongs; then
			eval "_ab_move_into \"\$_ab_from\" $_ab_refs"
			_ab_refs='' _ab_seen=''
		fi
		if ! [ -e "$_ab_path" ] && ! [ -L "$_ab_path" ]; then
			_ab_status=1
		elif [ -z "$_ab_ref" ]; then
			_ab_move_into "$_ab_dir" "$_ab_path"
		else
			_ab_from="$_ab_dir"
			_ab_refs="$_ab_refs $_ab_ref"
			_ab_seen="${_ab_seen:-/}${_ab_path##*/}/"
		fi
	done
	[ -z "$_ab_refs" ] || eval "_ab_move_into \"\$_ab_from\" $_ab_refs"
	cd "$_ab_back"
	return $_ab_status
}

# Whether the path that amove looks at can join those it has collected.
_ab_belongs() {
	if [ -z "$_ab_ref" ] || [ "$_ab_dir" != "$_ab_from" ] || [ "${#_ab_seen}" -gt 8000 ]; then
		return 1
	fi
	case "$_ab_seen" in
		*"/${_ab_path##*/}/"*) return 1 ;;
	esac
	return 0
}

# _ab_move_into DIR PATH...: the paths all lie in DIR; cwd is $pkgdir.
_ab_move_into() {
	local _ab_into="$1"
	shift
	[ -d "$subpkgdir/$_ab_into" ] || mkdir -p "$subpkgdir/$_ab_into"
	mv -v -- "$@" "$subpkgdir/$_ab_into/"
	if [ "$_ab_into" != . ] && _ab_is_empty "$_ab_into"; then
		rmdir -p -- "$_ab_into" 2>/dev/null || :
	fi
}

# _ab_is_empty DIR: no entry at all, hidden ones included.
_ab_is_empty() {
	local _ab_each
	for _ab_each in "$1"/* "$1"/.[!.]* "$1"/..?*; do
		if [ -e "$_ab_each" ] || [ -L "$_ab_each" ]; then
			return 1
		fi
	done
	return 0
}

# _ab_move_lines TEXT: amove for paths that stand on one line each, blanks and all. Status as amove's.
_ab_move_lines() {
	[ -n "$1" ] || return 0
	local IFS='
' _ab_globbing=on
	case "$-" in
		*f*) _ab_globbing=off ;;
	esac
	set -f
	set -- $1
	[ "$_ab_globbing" = off ] || set +f
	amove "$@"
}

# --- old config.sub and config.guess ----------------------------------------------------------------------------

# Replaces every config.sub below the current directory that does not know a recent machine.
# Status 0 only if one was replaced.
update_config_sub() {
	local _ab_file _ab_status=1 _ab_found
	_ab_found="$(find . -name config.sub)"
	while IFS= read -r _ab_file; do
		if [ -z "$_ab_file" ]; then
			continue
		elif sh "$_ab_file" loongarch64-alpine-linux-musl >/dev/null 2>&1 </dev/null; then
			msg "No update needed for $_ab_file"
		else
			msg "Updating $_ab_file"
			cp "$sharedir/config.sub" "$_ab_file" || return 1
			_ab_status=0
		fi
	done <<-EOF
		$_ab_found
	EOF
	return $_ab_status
}

# The same for config.guess, which cannot be asked: it is recent if it names all of these machines.
update_config_guess() {
	local _ab_file _ab_status=1 _ab_found _ab_machine _ab_old
	_ab_found="$(find . -name config.guess)"
	while IFS= read -r _ab_file; do
		[ -n "$_ab_file" ] || continue
		_ab_old=
		for _ab_machine in aarch64 ppc64le riscv64 loongarch64; do
			grep -q "$_ab_machine" "$_ab_file" || _ab_old=yes
		done
		if [ -z "$_ab_old" ]; then
			msg "No update needed for $_ab_file"
		else
			msg "Updating $_ab_file"
			cp "$sharedir/config.guess" "$_ab_file" || return 1
			_ab_status=0
		fi
	done <<-EOF
		$_ab_found
	EOF
	return $_ab_status
}

# --- small conversions ------------------------------------------------------------------------------------------

# human_size: reads a number of bytes, prints it with the largest unit that gives at least 1. Zero has no unit.
human_size() {
	awk '{
		size = $1
		unit = size > 0 ? "B" : ""
		count = split("KB MB GB TB PB", larger)
		for (i = 1; i <= count && size >= 1024; i++) {
			size /= 1024
			unit = larger[i]
		}
		printf "%.1f %s\n", size, unit
	}'
}

# normalize_target_path TARGET LINK: prints where a symbolic link points, as an absolute path with "." and ".." worked
# out by the text alone (LINK is the link's path relative to the package's root).
normalize_target_path() {
	local _ab_rest="$1" _ab_part _ab_result=''
	case "$_ab_rest" in
		/*) ;;
		*)
			case "$2" in
				*/*) _ab_rest="${2%/*}/$_ab_rest" ;;
			esac
			;;
	esac
	while [ -n "$_ab_rest" ]; do
		_ab_part="${_ab_rest%%/*}"
		case "$_ab_rest" in
			*/*) _ab_rest="${_ab_rest#*/}" ;;
			*) _ab_rest='' ;;
		esac
		case "$_ab_part" in
			'' | .) ;;
			..) _ab_result="${_ab_result%/*}" ;;
			*) _ab_result="$_ab_result/$_ab_part" ;;
		esac
	done
	printf '%s\n' "$_ab_result"
}

# arch2dir ARCH: prints the folder of a repository that holds packages of that architecture.
arch2dir() {
	case "$1" in
		noarch) printf '%s\n' "$CARCH" ;;
		*) printf '%s\n' "$1" ;;
	esac
}

# pkginfo_val KEY FILE: prints the value of each "KEY = value" line, up to the next " = " in it.
pkginfo_val() {
	local _ab_line
	while IFS= read -r _ab_line || [ -n "$_ab_line" ]; do
		case "$_ab_line" in
			"$1 = "*)
				_ab_line="${_ab_line#"$1 = "}"
				printf '%s\n' "${_ab_line%% = *}"
				;;
		esac
	done <"$2"
}

# get_maintainer: sets maintainer from the recipe's comment unless the recipe sets the variable.
get_maintainer() {
	[ -n "$maintainer" ] || maintainer="$(sed -n '/# *Maintainer/{
		s/$/: /
		s/: /\n/
		s/^.*\n//
		s/: .*//
		p
	}' "$APKBUILD")"
}

# _ab_is_elf FILE: whether the file starts as ELF files do; no program is run for it.
_ab_is_elf() {
	local _ab_magic=''
	IFS= read -r -n 4 _ab_magic 2>/dev/null <"$1" || :
	[ "$_ab_magic" = $'\177ELF' ]
}

# dir_has_arch_binaries DIR: whether something below DIR works on one architecture only: ELF files, static libraries,
# compiled Lua.
dir_has_arch_binaries() {
	local _ab_file _ab_found
	_ab_found="$(find "$1" -type f | while IFS= read -r _ab_file; do
		case "$_ab_file" in
			*.a)
				printf yes
				break
				;;
			*.lua | *.luac)
				_ab_magic=
				IFS= read -r -n 4 _ab_magic 2>/dev/null <"$_ab_file" || :
				case "$_ab_magic" in
					$'\033Lua'* | $'\033LJ'*)
						printf yes
						break
						;;
				esac
				;;
		esac
		if _ab_is_elf "$_ab_file"; then
			printf yes
			break
		fi
	done)"
	[ -n "$_ab_found" ]
}

verify_pkgname() {
	case "$1" in
		'' | [!A-Za-z0-9]* | *[!A-Za-z0-9._+-]*) return 1 ;;
	esac
	return 0
}

ensure_valid_filename() {
	case "$1" in
		*[!A-Za-z0-9._+@~-]*) die "Forbidden character(s) in filename $1: ${1//[A-Za-z0-9._+@~-]/}" ;;
	esac
	return 0
}

# --- subpackages ------------------------------------------------------------------------------------------------

# subpkg_set NAME[:SPLIT[:ARCH]]: sets subpkgname, subpkgsplit, subpkgarch and subpkgtriplet, defaults filled in.
subpkg_set() {
	local _ab_rest=''
	subpkgname="${1%%:*}"
	subpkgsplit=''
	subpkgarch=''
	subpkgtriplet="$CHOST"
	case "$1" in
		*:*) _ab_rest="${1#*:}" ;;
	esac
	subpkgsplit="${_ab_rest%%:*}"
	case "$_ab_rest" in
		*:*) subpkgarch="${_ab_rest#*:}" ;;
	esac
	if [ -z "$subpkgsplit" ]; then
		case "$subpkgname" in
			*-bash-completion) subpkgsplit=bashcomp ;;
			*-zsh-completion) subpkgsplit=zshcomp ;;
			*-fish-completion) subpkgsplit=fishcomp ;;
			*) subpkgsplit="${subpkgname##*-}" ;;
		esac
	fi
	case "$subpkgarch" in
		'')
			subpkgarch="$pkgarch"
			[ "$subpkgname" = "$pkgname" ] || case "$subpkgname" in
				*-doc | *-openrc | *-lang | *sh-completion | *-pyc | *-nftrules | *-systemd | *-udev)
					subpkgarch=noarch
					;;
			esac
			;;
		noarch | "$CARCH") ;;
		all | "$CHOST") subpkgarch="$CARCH" ;;
		"$CBUILD_ARCH" | "$CBUILD")
			subpkgarch="$CBUILD_ARCH"
			subpkgtriplet="$CBUILD"
			;;
		"$CTARGET_ARCH" | "$CTARGET")
			subpkgarch="$CTARGET_ARCH"
			subpkgtriplet="$CTARGET"
			;;
		*) die "$subpkgarch is not an architecture that a subpackage can have here" ;;
	esac
}

subpkg_unset() {
	unset subpkgname subpkgsplit subpkgarch subpkgtriplet
}

# --- the build's surroundings -----------------------------------------------------------------------------------

# mkusers: creates the groups and users of pkggroups and pkgusers that the system lacks. In a full sandbox none is lacking.
mkusers() {
	local _ab_each
	for _ab_each in $pkggroups; do
		getent group "$_ab_each" >/dev/null && continue
		msg "Creating group $_ab_each"
		_ab_add_account "$_ab_each" ${ADDGROUP:-abuild-addgroup} -S "$_ab_each" || return 1
	done
	for _ab_each in $pkgusers; do
		getent passwd "$_ab_each" >/dev/null && continue
		msg "Creating user $_ab_each"
		if getent group "$_ab_each" >/dev/null; then
			_ab_add_account "$_ab_each" ${ADDUSER:-abuild-adduser} -S -D -H -G "$_ab_each" "$_ab_each" || return 1
		else
			_ab_add_account "$_ab_each" ${ADDUSER:-abuild-adduser} -S -D -H "$_ab_each" || return 1
		fi
	done
}

# _ab_add_account NAME COMMAND...
_ab_add_account() {
	local _ab_name="$1"
	shift
	if ! "$@"; then
		warning "$1 could not create '$_ab_name', which this recipe needs (pkgusers, pkggroups)"
		warning2 'create it by hand, or build in a sandbox (--sandbox=bwrap)'
		return 1
	fi
}

# logcmd WORD...: a line for the command that ABUILD_LOG_CMD names. The caller runs it: behind the walls it may not work.
logcmd() {
	[ -z "$ABUILD_LOG_CMD" ] || _ab_tell log "$*" 2>/dev/null || :
}

# do_fakeroot COMMAND...: within a session of fakeroot a second one would only see other owners.
do_fakeroot() {
	if [ -n "$FAKEROOTKEY" ] || [ -z "$FAKEROOT" ]; then
		"$@"
	else
		msg 'Entering fakeroot...'
		$FAKEROOT -- "$@"
	fi
}

# The commit and its date were found before the shell started and are in its environment: git is not asked again.
set_source_date() {
	export SOURCE_DATE_EPOCH ABUILD_LAST_COMMIT
}

git_last_commit() {
	printf '%s\n' "${ABUILD_LAST_COMMIT%-dirty}"
}

git_dirty() {
	case "$ABUILD_LAST_COMMIT" in
		*-dirty) printf '%s\n' -dirty ;;
	esac
}

git_last_commit_epoch() {
	printf '%s\n' "$SOURCE_DATE_EPOCH"
}
