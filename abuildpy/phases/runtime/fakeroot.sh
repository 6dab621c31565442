# SPDX-License-Identifier: GPL-3.0-or-later
# A fakeroot session of our own, for a shell that packages.
#
#   . fakeroot.sh
#   fakeroot_begin FOLDER    start the daemon; FOLDER (made here) holds its pipe and its state
#   ash …                    a new shell (started or exec'ed): it and all below it are "root"; in it:
#       . fakeroot.sh
#       fakeroot_check       fail unless this shell and its programs really are
#       …
#       fakeroot_capabilities LIST OUT
#   fakeroot_end [STATE]     end the daemon; what it recorded is in FOLDER/state, and written to the file STATE
#
# In the environment: ABUILDPY_FAKED (daemon) and ABUILDPY_LIBFAKEROOT (library), absolute paths.
# Descriptors 6 and 7 are used for a moment. The daemon is an orphan of this shell: process 1 of the sandbox reaps it.
#
# The daemon is started with --foreground because without it it closes every descriptor up to the limit, a thousand million in
# some containers; and its state is not collected through a pipe because it then sleeps for a second.

fakeroot_begin() {
	ABUILDPY_FAKEROOT_DIR=$1
	[ ! -e "$1" ] || rm -rf "$1" || return 1
	mkdir -m 700 "$1" && mkfifo "$1/life" || return 1
	# Open for both first: neither end then waits for the other, and a daemon that cannot start is an end of file.
	exec 7<>"$1/life"
	# Killed (out of memory, say) it leaves questions that nobody answers: whoever asks would wait for ever.
	( {
		"$ABUILDPY_FAKED" --foreground --save-file "$1/state" </dev/null || [ $? -lt 128 ] || {
			echo "fakeroot's daemon was killed" >&2
			kill -KILL $$
		}
	} >&7 7>&- 3>&- 4>&- 5>&- 6>&- 8>&- 9>&- & )
	exec 6<"$1/life" 7>&-
	IFS=: read -r FAKEROOTKEY ABUILDPY_FAKED_PID <&6
	exec 6<&-
	case "$FAKEROOTKEY:$ABUILDPY_FAKED_PID" in
	:* | *: | *[!0-9:-]*)
		echo "fakeroot's daemon did not start" >&2
		return 1
		;;
	esac
	# A daemon that cannot change owners for real must not make the library try: in a user namespace that fails otherwise
	# than it expects.
	FAKEROOTDONTTRYCHOWN=1
	LD_PRELOAD=$ABUILDPY_LIBFAKEROOT${LD_PRELOAD:+:$LD_PRELOAD}
	export ABUILDPY_FAKEROOT_DIR ABUILDPY_FAKED_PID FAKEROOTKEY FAKEROOTDONTTRYCHOWN LD_PRELOAD
}

# Whether the library works in this shell and in the programs it starts: a static BusyBox ignores it.
fakeroot_check() {
	if [ ! -O / ]; then
		echo "fakeroot has no effect on this shell; is BusyBox linked statically?" >&2
		return 1
	fi
	if [ "$(id -u)" != 0 ]; then
		echo "fakeroot has no effect on $(command -v id)" >&2
		return 1
	fi
}

# NUL-separated paths in file $1 → file $2: path NUL capabilities NUL, for each that has any. The capabilities are what getfattr or
# getcap print (fakeroot.parse_capabilities reads both).
fakeroot_capabilities() {
	: >"$2" || return 1
	[ -s "$1" ] || return 0
	if command -v getcap >/dev/null; then
		# Nearly always nothing: one call for all, before one for each.
		[ -n "$(command xargs -0 getcap <"$1" 2>/dev/null)" ] || return 0
	elif command -v getfattr >/dev/null; then
		[ -n "$(command xargs -0 getfattr -h --absolute-names -n security.capability <"$1" 2>/dev/null | head -c 1)" ] || return 0
	else
		echo "Neither getcap nor getfattr found: file capabilities cannot be kept" >&2
		return 1
	fi
	while IFS= read -r -d '' _fr_path; do
		_fr_value=
		if command -v getcap >/dev/null; then
			_fr_value=$(getcap "$_fr_path") || return 1
			_fr_value=${_fr_value#"$_fr_path"}
		else
			_fr_value=$(getfattr -h --absolute-names -e hex -n security.capability "$_fr_path" 2>/dev/null)
			_fr_value=${_fr_value##*security.capability=}
		fi
		[ -z "$_fr_value" ] || printf '%s\0%s\0' "$_fr_path" "$_fr_value" >>"$2" || return 1
	done <"$1"
	unset _fr_path _fr_value
}

# A shell that is itself inside the session can only exit afterwards: without the daemon the library ends whoever asks for a
# file's owner, and looking for a program does that.
fakeroot_end() {
	_fr_cat=$(command -v cat) || return 1
	# Owners are sent to the daemon without waiting; a question that is answered means that it has read all before.
	if ! kill -0 "$ABUILDPY_FAKED_PID" 2>/dev/null || ! ls -nd / >/dev/null; then
		echo "fakeroot's daemon is gone; something in package() ended it" >&2
		return 1
	fi
	exec 7<>"$ABUILDPY_FAKEROOT_DIR/life"
	exec 6<"$ABUILDPY_FAKEROOT_DIR/life" 7>&-
	kill "$ABUILDPY_FAKED_PID" || return 1
	LD_PRELOAD=
	IFS= read -r _fr_end <&6 || : # until the daemon, its only writer, has ended
	exec 6<&-
	rm -f "$ABUILDPY_FAKEROOT_DIR/life" # whoever reads the folder later, grep -r say, would wait for a writer for ever
	[ -z "$1" ] || "$_fr_cat" "$ABUILDPY_FAKEROOT_DIR/state" >"$1"
}
