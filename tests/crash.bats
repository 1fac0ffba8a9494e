#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A whole system that crashes while it writes, and starts again: a virtual machine's.

load lib

@test "crash: of a whole system: what was flushed is there or newer, and a lost write is found" {
	no_sanitizers
	export ENGINE DISKS=$T/disks
	local i
	for ((i = 0; i < $(full 20 1); i++)); do
		rm -rf disks
		mkdir disks
		# shellcheck disable=SC2030 # for this run
		status=0
		"$BATS_TEST_DIRNAME/guest" "$BATS_TEST_DIRNAME/helpers/crash" write "$((3 + RANDOM % 8))" >out 2>&1 ||
			status=$?
		((status != 77)) || skip "$(tail -n 1 out)"
		((status == 125)) && grep -q "crashes now" out || fail "ended with $status" "$(<out)"
		"$BATS_TEST_DIRNAME/guest" "$BATS_TEST_DIRNAME/helpers/crash" check >out 2>&1 ||
			fail "after the crash" "$(<out)"
		grep -qx checked out || fail "$(<out)"
	done
}
