# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced at top level after functions.sh and helpers.sh: reads the recipe and fills in what a recipe and its functions
# expect to find. APKBUILD holds the recipe's absolute path.

program=abuild
: "${FAKEROOT:=fakeroot}" "${APK:=apk}" "${SUDO_APK:=abuild-apk --no-interactive}"
: "${ADDUSER:=abuild-adduser}" "${ADDGROUP:=abuild-addgroup}"

startdir=${APKBUILD%/*}
srcdir=${srcdir:-"$startdir/src"}
pkgbasedir=${pkgbasedir:-"$startdir/pkg"}
tmpdir=${tmpdir:-"$startdir/tmp"}
repo=${startdir%/*}
repo=${repo##*/}
repo_template=$startdir/../.rootbld-repositories
SRCDEST=${SRCDEST:-$startdir}
export CC CXX

cd "$startdir"
[ -z "$_ab_trace" ] || set -x
. "$APKBUILD"
{ set +x; } 2>/dev/null

if [ -z "$pkgarch" ]; then
	pkgarch=$CARCH
	case "$arch" in *noarch*) ! list_has noarch $arch || pkgarch=noarch ;; esac
fi

# What follows is known beforehand for nearly all recipes (conversation.py looks for this line).
builddir=${builddir:-"$srcdir/$pkgname-$pkgver"}
export REPODEST SRCDEST

# Debug symbols for everybody who can have them.
if [ -n "$DEFAULT_DBG" ] && [ "$pkgarch" != noarch ] && ! subpackage_types_has dbg && ! options_has '!dbg'; then
	subpackages="$pkgname-dbg $subpackages"
fi
if [ -n "$DEBUG" ] || subpackage_types_has dbg; then
	CFLAGS="$CFLAGS -g" CXXFLAGS="$CXXFLAGS -g" DFLAGS="$DFLAGS -g"
	export CARGO_PROFILE_RELEASE_DEBUG=true CARGO_PROFILE_RELEASE_STRIP=none
	[ -z "$DEBUG" ] || options="$options !strip"
fi

# Compilers' caches stay inside the work folder unless the user chose a place.
export GOCACHE="${GOCACHE:-$tmpdir/go}"
export GOMODCACHE="${GOMODCACHE:-$GOCACHE}"
export GOTMPDIR="${GOTMPDIR:-$tmpdir}"
export CARGO_HOME="${CARGO_HOME:-$tmpdir/cargo}"
export HARECACHE="${HARECACHE:-$tmpdir/hare-cache}"

allpackages="$pkgname $subpackages"
pkgdir=$pkgbasedir/$pkgname
controldir=$pkgbasedir/.control.${subpkgname:-$pkgname}
sumalgo=sha512
[ -n "$sha512sums" ] || [ -z "$sha256sums" ] || sumalgo=sha256
