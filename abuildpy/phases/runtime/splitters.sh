# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=ash
#
# The default split functions (abuild 3.18, "subpackages"). Each X() is what a recipe may redefine, default_X() what such
# a redefinition may call. They run with cwd $pkgdir, in a shell of their own that has subpkgname and subpkgdir, and
# say what the package is through pkgdesc, depends and install_if.
#
# Sourced after helpers.sh.

doc() { default_doc; }
dbg() { default_dbg; }
dev() { default_dev; }
static() { default_static; }
libs() { default_libs; }
lang() { default_lang; }
openrc() { default_openrc; }
systemd() { default_systemd; }
udev() { default_udev; }
devhelp() { default_devhelp; }
bashcomp() { default_bashcomp; }
zshcomp() { default_zshcomp; }
fishcomp() { default_fishcomp; }
pyc() { default_pyc; }
nftrules() { default_nftrules; }

# _ab_describe DEPENDS PKGDESC [INSTALL_IF]: what the new package says about itself. Without the third the (emptied)
# install_if stays.
_ab_describe() {
	depends="$1"
	pkgdesc="$2"
	install_if="${3-$install_if}"
}

# --- documentation ----------------------------------------------------------------------------------------------

default_doc() {
	_ab_describe "$depends_doc" "$pkgdesc (documentation)" "docs $pkgname=$pkgver-r$pkgrel"
	amove usr/share/doc usr/share/man usr/share/info usr/share/html usr/share/sgml usr/share/licenses \
		usr/share/gtk-doc usr/share/ri usr/share/help || :
	[ ! -d "$subpkgdir/usr/share/man" ] || _ab_compress_man "$subpkgdir/usr/share/man"
	[ ! -e "$subpkgdir/usr/share/info/dir" ] || rm -f "$subpkgdir/usr/share/info/dir"
}

# _ab_compress_man DIR: gzips every manual page below DIR. Symbolic links get the suffix at both ends; of several hard
# links to one page the first (by the text "INODE NAME") is compressed and the others become symbolic links to it.
_ab_compress_man() {
	local _ab_list _ab_inode _ab_file _ab_before='' _ab_first='' _ab_links='' _ab_gzip=gzip _ab_back="$PWD"
	cd "$1"
	_ab_list="$(
		find . \( -type f -o -type l \) \( -name '*.[0-9n]' -o -name '*.[0-9n][a-z]*' \) \
			! -name '*.gz' ! -name '*.bz2' ! -name '*.xz' -exec stat -c '%i %n' '{}' + | LC_ALL=C sort
	)"
	! command -v pigz >/dev/null || _ab_gzip=pigz

	set --
	while IFS= read -r _ab_file; do
		[ -n "$_ab_file" ] || continue # an empty list still is one line
		_ab_inode="${_ab_file%% *}"
		_ab_file="${_ab_file#* }"
		if [ -L "$_ab_file" ]; then
			_ab_links="$_ab_links$_ab_file
"
		elif [ "$_ab_inode" != "$_ab_before" ]; then
			_ab_before="$_ab_inode"
			_ab_first="$_ab_file"
			set -- "$@" "$_ab_file"
		else
			_ab_link_page "$_ab_first.gz" "$_ab_file.gz"
			rm -f "$_ab_file"
		fi
		# Few programs for many pages, but not a command line without end.
		if [ $# -ge 100 ]; then
			"$_ab_gzip" -n -9 -k "$@"
			rm -f "$@"
			set --
		fi
	done <<-EOF
		$_ab_list
	EOF
	if [ $# -gt 0 ]; then
		"$_ab_gzip" -n -9 -k "$@"
		rm -f "$@"
	fi
	[ -z "$_ab_links" ] || _ab_suffix_links "${_ab_links%?}"
	cd "$_ab_back"
}

# _ab_link_page PAGE LINK: both are "./DIR/FILE" below cwd. The link names the bare file where both share a directory.
_ab_link_page() {
	local _ab_target="${1##*/}" _ab_rest="${2#./}"
	if [ "${1%/*}" != "${2%/*}" ]; then
		_ab_target="${1#./}"
		while [ "$_ab_rest" != "${_ab_rest#*/}" ]; do
			_ab_rest="${_ab_rest#*/}"
			_ab_target="../$_ab_target"
		done
	fi
	ln -s "$_ab_target" "$2"
}

# _ab_suffix_links LINES: gives each symbolic link (one per line) and its target the suffix ".gz". Some packages have
# thousands of aliases, and one or two programs for each would take minutes: a pair of GNU tars renames them all. What
# that leaves (another tar, few links) is done one by one.
_ab_suffix_links() {
	local _ab_file
	case "$1" in
		*'
'*'
'*'
'*'
'*)
			printf '%s\n' "$1" | tr '\n' '\0' |
				tar -c -f - --null --no-recursion --transform='s/$/.gz/' -T - 2>/dev/null |
				tar -x -f - 2>/dev/null || :
			;;
	esac
	while IFS= read -r _ab_file; do
		[ -L "$_ab_file.gz" ] || ln -s "$(readlink "$_ab_file").gz" "$_ab_file.gz"
	done <<-EOF
		$1
	EOF
	printf '%s\n' "$1" | tr '\n' '\0' | command xargs -0 rm -f
}

# --- debug symbols ----------------------------------------------------------------------------------------------

# Takes the debug symbols out of all shared objects and position-independent programs that the main package and the
# subpackages made so far hold (so it stands first in "subpackages"). The files are rewritten in place, which keeps mode,
# owner and links; of several hard links to one file only the first gets a debug file.
default_dbg() {
	_ab_describe '' "$pkgdesc (debug symbols)"
	local _ab_each _ab_inode _ab_file _ab_debug _ab_mode _ab_done=' ' _ab_work="$pkgbasedir/.dbg-tmp"
	mkdir -p "$_ab_work"
	set --
	for _ab_each in "$pkgbasedir"/*; do
		if [ -d "$_ab_each" ] && [ "$_ab_each" != "$subpkgdir" ]; then
			set -- "$@" "$_ab_each"
		fi
	done
	: >"$_ab_work/list"
	[ $# -eq 0 ] || _ab_list_dyn "$@" >"$_ab_work/list"

	while IFS= read -r _ab_file; do
		[ -n "$_ab_file" ] || continue # an empty list still is one line
		_ab_inode="${_ab_file%% *}"
		_ab_file="${_ab_file#* }"
		_ab_debug="$subpkgdir/usr/lib/debug/${_ab_file#"$pkgbasedir"/*/}.debug"
		[ -d "${_ab_debug%/*}" ] || mkdir -p "${_ab_debug%/*}"
		case "$_ab_done" in
			*" $_ab_inode "*) continue ;;
		esac
		_ab_done="$_ab_done$_ab_inode "
		"${CROSS_COMPILE}objcopy" --only-keep-debug "$_ab_file" "$_ab_debug"
		"${CROSS_COMPILE}objcopy" --add-gnu-debuglink="$_ab_debug" --strip-unneeded -R .comment \
			"$_ab_file" "$_ab_work/stripped"
		if ! cat "$_ab_work/stripped" 2>/dev/null >"$_ab_file"; then
			_ab_mode="$(stat -c %a "$_ab_file")"
			chmod u+w "$_ab_file"
			cat "$_ab_work/stripped" >"$_ab_file"
			chmod "$_ab_mode" "$_ab_file"
		fi
	done <"$_ab_work/list"
	rm -r "$_ab_work"
}

# _ab_list_dyn DIR...: prints "INODE PATH", a line for each regular file below the DIRs whose ELF type is ET_DYN, in the
# order of the paths. The shell looks for ELF files by itself, then few programs look at many of them.
_ab_list_dyn() {
	local _ab_file _ab_found
	_ab_found="$(find "$@" -type f | while IFS= read -r _ab_file; do
		! _ab_is_elf "$_ab_file" || printf '%s\n' "$_ab_file"
	done | LC_ALL=C sort)"
	set --
	while IFS= read -r _ab_file; do
		[ -z "$_ab_file" ] || set -- "$@" "$_ab_file"
		if [ $# -ge 100 ]; then
			_ab_filter_dyn "$@"
			set --
		fi
	done <<-EOF
		$_ab_found
	EOF
	[ $# -eq 0 ] || _ab_filter_dyn "$@"
}

# _ab_filter_dyn FILE...: prints "INODE PATH" of those FILEs, all ELF, that are ET_DYN.
_ab_filter_dyn() {
	local _ab_line _ab_file=''
	# The first is given twice, because readelf names the file only where it has several.
	LC_ALL=C "${CROSS_COMPILE}readelf" -h -- "$1" "$@" | while IFS= read -r _ab_line; do
		case "$_ab_line" in
			'File: '*) _ab_file="${_ab_line#File: }" ;;
			*Type:*DYN*) printf '%s\0' "$_ab_file" ;;
		esac
	done | command xargs -0 -r stat -c '%i %n'
}

# --- what only developers need ----------------------------------------------------------------------------------

default_dev() {
	_ab_describe "$depends_dev" "$pkgdesc (development files)"
	local _ab_each
	cd "$pkgdir"
	set --
	for _ab_each in usr/include usr/bin/*-config usr/lib/pkgconfig usr/lib/cmake usr/lib/qt*/mkspecs \
		usr/lib/glade/modules usr/share/pkgconfig usr/share/aclocal usr/share/gettext usr/share/cmake \
		usr/share/gir-[0-9]* usr/share/vala/vapi usr/share/qt*/mkspecs usr/share/glade/catalogs; do
		if [ -e "$_ab_each" ] || [ -L "$_ab_each" ]; then
			set -- "$@" "$_ab_each"
		fi
	done
	[ $# -eq 0 ] || amove "$@"

	# Directories found here go whole, so there is nothing to look for in them.
	set --
	subpackage_types_has static || set -- -o -name '*.a'
	_ab_move_lines "$(find . -type d -name include -prune -print -o \
		\( -path './usr/*' -o -path './lib/*' \) \
		\( -name '*.[cho]' -o -name '*.prl' "$@" \) -prune -print)"

	# Links for the linker: a file of that name belongs to who loads it at run time.
	set --
	for _ab_each in lib/*.so usr/lib/*.so; do
		[ ! -L "$_ab_each" ] || set -- "$@" "$_ab_each"
	done
	[ $# -eq 0 ] || amove "$@"
}

# Static libraries are of use with the headers only, so the package needs its -dev where the recipe makes one.
default_static() {
	local _ab_dev="${subpkgname%-libs-static}"
	_ab_dev="${_ab_dev%-static}-dev"
	if [ -z "$depends_static" ] && subpackages_has "$_ab_dev"; then
		depends_static="$_ab_dev"
	fi
	_ab_describe "$depends_static" "$pkgdesc (static library)"
	cd "$pkgdir"
	set --
	[ ! -d lib ] || set -- lib/
	[ ! -d usr/lib ] || set -- "$@" usr/lib
	[ $# -eq 0 ] || _ab_move_lines "$(find "$@" -name '*.a' -prune -print)"
}

default_libs() {
	_ab_describe "$depends_libs" "$pkgdesc (libraries)"
	amove lib/lib*.so.[0-9]* usr/lib/lib*.so.[0-9]* || :
}

# --- what only some systems need --------------------------------------------------------------------------------

default_lang() {
	_ab_describe "$depends_lang" "Languages for package $pkgname" "$pkgname=$pkgver-r$pkgrel lang"
	amove ${langdir:-/usr/share/locale}
}

default_openrc() {
	_ab_describe "$depends_openrc" "$pkgdesc (OpenRC init scripts)" "openrc ${subpkgname%-openrc}=$pkgver-r$pkgrel"
	amove etc/conf.d etc/init.d etc/user/conf.d etc/user/init.d || :
}

default_systemd() {
	_ab_describe "$depends_systemd" "$pkgdesc (systemd files)" "systemd ${subpkgname%-systemd}=$pkgver-r$pkgrel"
	amove usr/lib/systemd || :
}

default_udev() {
	_ab_describe "$depends_udev" "$pkgdesc (udev rules)" "udev ${subpkgname%-udev}=$pkgver-r$pkgrel"
	amove usr/lib/udev || :
}

default_devhelp() {
	_ab_describe '' "$pkgname - devhelp files" "$pkgname=$pkgver-r$pkgrel devhelp"
	amove usr/share/devhelp
}

default_bashcomp() {
	_ab_describe '' "Bash completions for $pkgname" "${subpkgname%-bash-completion}=$pkgver-r$pkgrel bash-completion"
	amove usr/share/bash-completion/completions
}

default_zshcomp() {
	_ab_describe '' "Zsh completions for $pkgname" "${subpkgname%-zsh-completion}=$pkgver-r$pkgrel zsh"
	amove usr/share/zsh/site-functions
}

default_fishcomp() {
	_ab_describe '' "Fish completions for $pkgname" "${subpkgname%-fish-completion}=$pkgver-r$pkgrel fish"
	amove usr/share/fish/vendor_completions.d || :
	if amove usr/share/fish/completions; then
		warning 'fish completions for programs should be located in /usr/share/fish/vendor_completions.d'
	fi
}

default_pyc() {
	_ab_describe '' "Precompiled Python bytecode for ${subpkgname%-pyc}" "${subpkgname%-pyc}=$pkgver-r$pkgrel pyc"
	local _ab_each
	cd "$pkgdir"
	set --
	for _ab_each in usr/lib/python*; do
		[ ! -d "$_ab_each" ] || set -- "$@" "$_ab_each"
	done
	[ $# -eq 0 ] || _ab_move_lines "$(find "$@" -type d -name __pycache__ -prune -print)"
}

default_nftrules() {
	_ab_describe '' "$pkgdesc (nftables ruleset)" "nftables-rulesets ${subpkgname%-nftrules}=$pkgver-r$pkgrel"
	amove usr/share/nftables.avail/*.nft || :
}
