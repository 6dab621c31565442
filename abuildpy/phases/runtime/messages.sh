# SPDX-License-Identifier: GPL-3.0-or-later
# Messages as abuild prints them: with the package's name, and a star while we are in fakeroot.

# $1: colour, $2: prompt, $3: text
_ab_say() {
	local _ab_star=
	[ -z "$FAKEROOTKEY" ] || _ab_star=$BLUE*$NORMAL
	printf "$1$2$NORMAL $STRONG%s$NORMAL$_ab_star: %s\n" "${subpkgname:-$pkgname}" "$3" >&2
}

msg() {
	[ -n "$quiet" ] || _ab_say "$GREEN" ">>>" "$1"
}

warning() {
	_ab_say "$YELLOW" ">>> WARNING:" "$1"
}

error() {
	_ab_say "$RED" ">>> ERROR:" "$1"
	logcmd "ERROR: $pkgname: $1"
}

die() {
	error "$@"
	exit 1
}
