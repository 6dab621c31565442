# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shell side of abuildpy's configuration, for any POSIX shell: source it and abuild.conf has been read, the architecture
# variables are set and the message functions exist. Scripts that sourced abuild's functions.sh can source this one.
#
# Set ABUILD_SHAREDIR to the folder that holds this file ("abuildpy paths" prints it as sharedir).

program=${0##*/}
sysconfdir=${ABUILD_SYSCONFDIR:-/etc}
sharedir=${ABUILD_SHAREDIR:-/usr/share/abuild}

# --- architectures -------------------------------------------------------------------------------------------------
# The _into forms put the answer into a variable of that name instead of printing it: no fork, and this file is read at
# every start of every program.

# _triplet_into VAR ARCH
_triplet_into() {
	case "$2" in
	aarch64 | aarch64_be | loongarch32 | loongarchx32 | loongarch64 | mips | mips64 | mipsel | mips64el | \
		riscv32 | riscv64 | s390x | sh3 | sh4 | x86_64) eval "$1=\$2-alpine-linux-musl" ;;
	armel) eval "$1=armv5-alpine-linux-musleabi" ;;
	armhf) eval "$1=armv6-alpine-linux-musleabihf" ;;
	armv7) eval "$1=armv7-alpine-linux-musleabihf" ;;
	ppc | ppc64 | ppc64le) eval "$1=powerpc\${2#ppc}-alpine-linux-musl" ;;
	sh2eb) eval "$1=sh2eb-alpine-linux-muslfdpic" ;;
	x86) eval "$1=i586-alpine-linux-musl" ;;
	*) eval "$1=unknown" ;;
	esac
}

# _arch_into VAR TRIPLET; leaves VAR empty for a triplet nobody knows
_arch_into() {
	case "$2" in
	arm*-*-*-*eabi) eval "$1=armel" ;;
	armv6*-*-*-*eabihf) eval "$1=armhf" ;;
	armv7*-*-*-*eabihf) eval "$1=armv7" ;;
	i[0-9]86-*-*-*) eval "$1=x86" ;;
	powerpc-*-*-* | powerpc64-*-*-* | powerpc64le-*-*-*)
		eval "$1=\${2#powerpc}; $1=ppc\${$1%%-*}"
		;;
	aarch64-*-*-* | aarch64_be-*-*-* | loongarch32-*-*-* | loongarchx32-*-*-* | loongarch64-*-*-* | mips-*-*-* | \
		mips64-*-*-* | mipsel-*-*-* | mips64el-*-*-* | riscv32-*-*-* | riscv64-*-*-* | s390x-*-*-* | \
		sh2eb-*-*-* | sh3-*-*-* | sh4-*-*-* | x86_64-*-*-*) eval "$1=\${2%%-*}" ;;
	*) eval "$1=" ;;
	esac
}

# _libc_into VAR TRIPLET
_libc_into() {
	case "$2" in
	*-*-*-uclibc*) eval "$1=uclibc" ;;
	*-*-*-musl*) eval "$1=musl" ;;
	*-*-*-gnu*) eval "$1=glibc" ;;
	*) eval "$1=" ;;
	esac
}

arch_to_triplet() {
	local answer
	_triplet_into answer "$1"
	echo "$answer"
}

# The name some recipes still use.
arch_to_hostspec() {
	arch_to_triplet "$@"
}

triplet_to_arch() {
	local answer
	_arch_into answer "$1"
	[ -n "$answer" ] || _unknown_triplet architecture "$1"
	echo "$answer"
}

triplet_to_libc() {
	local answer
	_libc_into answer "$1"
	[ -n "$answer" ] || _unknown_triplet "C library" "$1"
	echo "$answer"
}

_unknown_triplet() {
	echo "No $1 is known for the triplet '$2' (expected CPU-VENDOR-KERNEL-LIBC)" >&2
	exit 1
}

# --- configuration -------------------------------------------------------------------------------------------------

# The environment beats every file for these; set but empty counts as set.
_environment_wins="APORTSDIR REPODEST SRCDEST ABUILD_USERDIR CARCH CHOST CTARGET CPPFLAGS CFLAGS CXXFLAGS LDFLAGS
	MAKEFLAGS PACKAGER USE_COLORS USE_CCACHE"

_remember_environment() {
	local name
	for name in $_environment_wins; do
		eval "[ -z \"\${$name+x}\" ] || _from_env_$name=\$$name"
	done
	# No file can change these three.
	_from_env_CC=${CC-cc} _from_env_CXX=${CXX-c++} _from_env_LD=${LD-ld}
}

_restore_environment() {
	local name
	for name in $_environment_wins CC CXX LD; do
		[ "$name" != ABUILD_USERDIR ] || continue # found before the user's file was read, which may say otherwise
		# Where nothing sets one it is empty from here on, not unset: scripts may run with set -u.
		eval "$name=\${_from_env_$name-\$$name}"
	done
}

_forget_environment() {
	local name
	for name in $_environment_wins CC CXX LD; do
		unset "_from_env_$name"
	done
	unset _environment_wins
}

_read_file() {
	[ -f "$1" ] || return 0
	. "$1"
}

_find_userdir() {
	local xdg="${XDG_CONFIG_HOME:-$HOME/.config}/abuild"
	if [ -n "${_from_env_ABUILD_USERDIR+x}" ]; then
		ABUILD_USERDIR=$_from_env_ABUILD_USERDIR
	elif [ -z "$ABUILD_USERDIR" ]; then
		ABUILD_USERDIR=$xdg
		if [ -d "$HOME/.abuild" ] && ! [ -d "$xdg" ]; then
			ABUILD_USERDIR=$HOME/.abuild
		fi
	fi
}

# The aports tree: as configured, else ~/aports, else the git tree we stand in if its origin is called aports.
_find_aportsdir() {
	local dir=$PWD top= url=
	APORTSDIR=${_from_env_APORTSDIR-$APORTSDIR}
	while [ -n "$dir" ] && ! [ -e "$dir/.git" ]; do # asking git costs a process: only where there is a git tree
		dir=${dir%/*}
	done
	if [ -n "$APORTSDIR" ] && [ -d "$APORTSDIR" ]; then
		APORTSDIR=$(cd "$APORTSDIR" && pwd -P)
	elif [ -z "$APORTSDIR" ] && [ -d "$HOME/aports" ]; then
		APORTSDIR=$(cd "$HOME/aports" && pwd -P)
	else
		APORTSDIR=
		if [ -n "$dir" ]; then
			url=$("$git" remote get-url origin 2>/dev/null) || url=
			case "$url" in
			*/aports | */aports.git) APORTSDIR=$("$git" rev-parse --show-toplevel 2>/dev/null) || APORTSDIR= ;;
			esac
		fi
	fi
	# A tree may bring settings of its own, which count only while we stand in it.
	if [ -n "$APORTSDIR" ] && [ -n "$dir" ] && [ -f "$APORTSDIR/.abuild" ]; then
		top=$("$git" rev-parse --show-toplevel 2>/dev/null) || top=
		[ "$APORTSDIR" != "$top" ] || _read_file "$APORTSDIR/.abuild"
	fi
}

_machine_arch() {
	local machine
	machine=$(uname -m 2>/dev/null) || machine=
	case "$machine" in
	i?86) machine=x86 ;;
	arm64) machine=aarch64 ;;
	armv7* | armv8*) machine=armv7 ;; # the latter is a 64-bit processor with a 32-bit system
	armv6*) machine=armhf ;;
	arm*) machine=armel ;;
	esac
	_triplet_into CBUILD "$machine"
	[ "$CBUILD" != unknown ] || CBUILD=
}

_find_architectures() {
	local var triplet
	if [ -z "$CBUILD" ]; then
		# Without apk this machine still has a name; an apk that is there but does not answer is a fault to be told.
		if [ -n "$APK" ] || command -v apk >/dev/null 2>&1; then
			CBUILD=$(${APK:-apk} --print-arch 2>/dev/null) || CBUILD=
		else
			_machine_arch
		fi
	fi
	: "${CHOST:=$CBUILD}"
	: "${CTARGET:=$CHOST}"
	for var in CBUILD CHOST CTARGET; do
		eval "_triplet_into triplet \"\$$var\""
		[ "$triplet" = unknown ] || eval "$var=\$triplet"
	done
	if [ -z "$CBUILD" ]; then
		echo "Unable to deduce build architecture: install apk-tools, or set CBUILD." >&2
		exit 1
	fi
	[ -n "$CARCH" ] || _arch_into CARCH "$CHOST"
	[ -n "$CARCH" ] || _unknown_triplet architecture "$CHOST"
	[ -n "$CLIBC" ] || _libc_into CLIBC "$CHOST"
	[ -n "$CLIBC" ] || _unknown_triplet "C library" "$CHOST"
	[ -n "$CBUILD_ARCH" ] || _arch_into CBUILD_ARCH "$CBUILD"
	[ -n "$CBUILD_ARCH" ] || _unknown_triplet architecture "$CBUILD"
	[ -n "$CTARGET_ARCH" ] || _arch_into CTARGET_ARCH "$CTARGET"
	[ -n "$CTARGET_ARCH" ] || _unknown_triplet architecture "$CTARGET"
	[ -n "$CTARGET_LIBC" ] || _libc_into CTARGET_LIBC "$CTARGET"
	[ -n "$CTARGET_LIBC" ] || _unknown_triplet "C library" "$CTARGET"
}

_set_up_cross() {
	local name
	# What runs on the machine that builds, before any prefix is put in front.
	export BUILDCC="$CC" BUILDCXX="$CXX" BUILDLD="$LD" BUILDCPPFLAGS="$CPPFLAGS" BUILDCXXFLAGS="$CXXFLAGS" \
		BUILDCFLAGS="$CFLAGS" BUILDLDFLAGS="$LDFLAGS"
	[ "$CHOST" != "$CTARGET" ] || [ "$CBUILD" != "$CHOST" ] || return 0
	[ -n "$CBUILDROOT" ] || export CBUILDROOT="$HOME/sysroot-$CTARGET_ARCH/"
	[ "$CHOST" = "$CTARGET" ] || return 0 # a compiler for another machine is built with the native tools
	[ -n "$PKG_CONFIG_PATH" ] ||
		export PKG_CONFIG_PATH="$CBUILDROOT/usr/lib/pkgconfig/:$CBUILDROOT/usr/share/pkgconfig/"
	[ -n "$PKG_CONFIG_SYSROOT_DIR" ] || export PKG_CONFIG_SYSROOT_DIR="$CBUILDROOT"
	# libtool would otherwise add the sysroot's folders as rpaths.
	[ -n "$lt_cv_sys_lib_dlsearch_path_spec" ] ||
		export lt_cv_sys_lib_dlsearch_path_spec="$CBUILDROOT/lib $CBUILDROOT/usr/lib /usr/lib /lib /usr/local/lib"
	[ -z "$CROSS_COMPILE" ] || return 0
	export CROSS_COMPILE="$CHOST-"
	for name in CC CXX LD CPPFLAGS CXXFLAGS CFLAGS LDFLAGS; do
		eval "export HOST$name=\"\$$name\""
	done
	for name in CC CXX LD; do
		eval "export $name=\"\$CROSS_COMPILE\$$name\""
	done
	for name in CPPFLAGS CXXFLAGS CFLAGS LDFLAGS; do
		eval "export $name=\"--sysroot=\$CBUILDROOT \$$name\""
	done
}

: "${git:=git}"
_remember_environment
: "${ABUILD_DEFCONF:=$sharedir/default.conf}"
_read_file "$ABUILD_DEFCONF"
: "${ABUILD_CONF:=$sysconfdir/abuild.conf}"
_read_file "$ABUILD_CONF"
_find_userdir
: "${ABUILD_USERCONF:=$ABUILD_USERDIR/abuild.conf}"
_read_file "$ABUILD_USERCONF"
_find_aportsdir
_aportsdir_found=$APORTSDIR
_restore_environment
APORTSDIR=$_aportsdir_found
_find_architectures
_set_up_cross
_forget_environment
unset _aportsdir_found

# --- messages (all to standard error) ------------------------------------------------------------------------------

enable_colors() {
	NORMAL="\033[1;0m" STRONG="\033[1;1m" RED="\033[1;31m" GREEN="\033[1;32m" YELLOW="\033[1;33m" BLUE="\033[1;34m"
}

disable_colors() {
	NORMAL= STRONG= RED= GREEN= YELLOW= BLUE=
}

if [ "$USE_COLORS" = force ] || { [ -n "$USE_COLORS" ] && [ -t 1 ]; }; then
	enable_colors
else
	disable_colors
fi

msg() {
	[ -z "$quiet" ] || return 0
	printf "$GREEN>>>$NORMAL %s\n" "$1" >&2
}

msg2() {
	[ -z "$quiet" ] || return 0
	printf '    %s\n' "$1" >&2
}

warning() {
	printf "$YELLOW>>> WARNING:$NORMAL %s\n" "$1" >&2
}

warning2() {
	printf '             %s\n' "$1" >&2
}

error() {
	printf "$RED>>> ERROR:$NORMAL %s\n" "$1" >&2
}

error2() {
	printf '           %s\n' "$1" >&2
}

set_xterm_title() {
	[ "$TERM" = xterm ] && [ -n "$USE_COLORS" ] || return 0
	printf '\033]0;%s\007' "$1" >&2
}

# Programs may replace this one.
cleanup() {
	return 0
}

die() {
	error "$@"
	cleanup
	exit 1
}

# Archives as packages hold them: entries as listed on standard input (NUL after each name), times out of the way.
apk_tar() {
	[ -z "$SOURCE_DATE_EPOCH" ] || set -- --mtime="@$SOURCE_DATE_EPOCH" "$@"
	tar -c -f - --null --no-recursion --format=posix \
		--pax-option='exthdr.name=%d/PaxHeaders/%f,atime:=0,ctime:=0' "$@"
}
