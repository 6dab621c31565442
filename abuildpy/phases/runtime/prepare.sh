# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=ash
#
# The phases as they are where the recipe defines none of its own, and what a recipe's own phase may call of them
# (abuild 3.18: prepare, unpack, build, check). Sourced after helpers.sh. package() has no default: every recipe has one.

unpack() { default_unpack; }
prepare() { default_prepare; }
build() { :; }
check() { default_check; }

# Unpacks every source that is an archive (by its suffix) into srcdir. Sources are fetched and verified first.
default_unpack() {
	local _ab_each _ab_file
	fetch || return 1
	[ -d "$srcdir" ] || mkdir -p "$srcdir"
	for _ab_each in $source; do
		if is_remote "$_ab_each"; then
			_ab_file="${_ab_each%%::*}"
			_ab_file="$SRCDEST/${_ab_file##*/}"
		else
			_ab_file="$startdir/$_ab_each"
		fi
		case "$_ab_file" in
			*.tar | *.tar.gz | *.tgz | *.tar.bz2 | *.tar.lz | *.tar.lzma | *.tar.xz | *.tar.zst | *.zip)
				msg "Unpacking $_ab_file..."
				_ab_unpack "$_ab_file" || return 1
				;;
		esac
	done
}

# _ab_unpack FILE: into srcdir.
_ab_unpack() {
	case "$1" in
		*.zip) unzip -n -q "$1" -d "$srcdir" ;;
		*.tar) tar -C "$srcdir" -xf "$1" ;;
		*.bz2) tar -C "$srcdir" -jxf "$1" ;;
		*.lz) tar -C "$srcdir" --lzip -xf "$1" ;;
		*.zst) tar -C "$srcdir" --zstd -xf "$1" ;;
		*.lzma) unlzma -c "$1" | tar -C "$srcdir" -xf - ;;
		*.xz) unxz -c "$1" | tar -C "$srcdir" -xf - ;;
		*)
			if command -v unpigz >/dev/null; then
				unpigz -c "$1"
			else
				gunzip -c "$1"
			fi | tar -C "$srcdir" -xf -
			;;
	esac
}

# Applies the patches among the sources, in their order, in builddir (and leaves the shell there). All are tried, so that
# one run names every patch that no longer fits.
default_prepare() {
	local _ab_each _ab_name _ab_failed=''
	# Go's own temporary folder has to exist before go starts.
	[ -d "$tmpdir" ] || mkdir -p "$tmpdir"
	[ -z "$GOTMPDIR" ] || [ -d "$GOTMPDIR" ] || mkdir -p "$GOTMPDIR"

	if [ -n "$builddir" ] && [ -d "$builddir" ]; then
		cd "$builddir"
	elif have_patches; then
		error 'Does builddir name the folder that the sources unpack to?'
		return 1
	fi
	for _ab_each in $source; do
		_ab_name="${_ab_each%%::*}"
		_ab_name="$srcdir/${_ab_name##*/}"
		_ab_each="${_ab_each%::*}"
		case "$_ab_each" in
			*.patch)
				msg "$_ab_each"
				patch $patch_args_cfg ${patch_args:--p1} -i "$_ab_name" || _ab_failed="$_ab_failed $_ab_each"
				;;
			*.patch.gz)
				msg "$_ab_each"
				gunzip -c "$_ab_name" | patch $patch_args_cfg ${patch_args:--p1} ||
					_ab_failed="$_ab_failed $_ab_each"
				;;
			*.patch.xz)
				msg "$_ab_each"
				unxz -c "$_ab_name" | patch $patch_args_cfg ${patch_args:--p1} ||
					_ab_failed="$_ab_failed $_ab_each"
				;;
		esac
	done
	if [ -n "$_ab_failed" ]; then
		error 'These patches do not fit:'
		printf '  %s\n' $_ab_failed >&2
		return 1
	fi
}

default_check() {
	warning 'No tests: the recipe has no check()'
	msg2 'Alpine will soon require that packages run the test suite they come with while they are built.'
	msg2 'Define a check() function, or put !check into $options if the package has no test suite.'
}
