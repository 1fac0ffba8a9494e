# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of verify= and of verify_state_file= share.

# checked [option]...: a job with verify= ends well, has checked something, and left nothing out.
checked() {
	verified "$@" || return
	grep -q 'checked, 0 wrong, nothing left out' "$T/fio.out" && return
	show "$T/fio.out" "$T/fio.err"
	fail "not all was checked: $*"
}

# verified [option]...: the same, but some of it may not be known.
verified() {
	dgen_raw --output-format=normal --verify=crc32c "$@"
	if ((status)) || ! grep -qE '^dgen: verify: [0-9.]+ [KMG]iB checked, 0 wrong' "$T/fio.out"; then
		show "$T/fio.out" "$T/fio.err"
		fail "fio ended with $status: $*"
	fi
}

# wrong COUNT WORD [option]...: a job that only reads finds so many units wrong, and calls them so.
wrong() {
	local count=$1 word=$2
	shift 2

	dgen_raw --output-format=normal --rw=read --verify=crc32c --continue_on_error=verify "$@"
	((status > 0 && status < 124)) || fail "fio ended with $status, but $count are wrong"
	if ! grep -q " checked, $count wrong" "$T/fio.out" || ! grep -q "$word" "$T/fio.err"; then
		show "$T/fio.out" "$T/fio.err"
		fail "wanted $count wrong, $word"
	fi
}

# later: runs the lines by which the last job says it can be verified.
later() {
	local line

	line=$(sed -n 's/^dgen: to verify it[^:]*: //p' "$T/fio.out")
	[[ $line == fio\ * ]] || { show "$T/fio.out"; fail "no line that verifies"; return 1; }
	line=${line//$'\n'fio /$'\n'$FIO }
	status=0
	bash -ec "$FIO ${line#fio }" >"$T/fio.out" 2>"$T/fio.err" </dev/null || status=$?
}

# put FROM TO OFFSET LENGTH: copies a part of one file to the same place of another.
put() {
	dd if="$1" of="$2" bs=512 skip=$(($3 / 512)) seek=$(($3 / 512)) count=$(($4 / 512)) \
		conv=notrunc status=none
}

# flip FILE OFFSET: one bit.
flip() {
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059 # an octal escape
	printf "\\$(printf %03o $((byte ^ 16)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# short [option]...: a job that only verifies says what is missing, and leaves the file as it is.
short() {
	local wanted=$1
	shift
	cp f cut 2>/dev/null || true
	dgen_raw --output-format=normal --rw=read --verify=crc32c "$@"
	refused "$wanted"
	if [[ -e cut ]]; then
		same f cut "$*"
	else
		[[ ! -e f ]] || fail "$*: a file was made"
	fi
}
