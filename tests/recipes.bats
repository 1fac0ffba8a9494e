#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The recipes in jobs/, each scaled down: they run, and show what they say.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

RECIPES="oltp vdi backup array-fill power-cut compare"

# recipe NAME MIB [fio option]...: runs it in $T with files of so many MiB, for a second.
recipe() {
	local name=$1 mib=$2
	shift 2

	sed -E -e "s/^size=.*/size=${mib}m/" -e 's/^runtime=.*/runtime=1/' \
		-e 's/^steadystate_duration=.*/steadystate_duration=2/' \
		-e "s/^direct=.*/direct=$DIRECT/" "$ROOT/jobs/$name.fio" >"$name.fio"
	fio_raw "$@" "$name.fio"
	((status == 0)) || { show fio.out fio.err; fail "$name ended with $status"; }
}

@test "recipes: each says what it shows and how it is run, and fio takes it" {
	for name in $RECIPES; do
		grep -q '^# What it shows: ' "$ROOT/jobs/$name.fio" || fail "$name: shows nothing"
		grep -q "^#	fio --ioengine=external:.*jobs/$name.fio" "$ROOT/jobs/$name.fio" ||
			fail "$name: no command line"
		(cd "$ROOT" && "$FIO" --ioengine="external:$ENGINE" --parse-only "jobs/$name.fio") \
			>fio.out 2>&1 || { show fio.out; fail "$name"; }
	done
}

@test "recipes: none is without a test" {
	for file in "$ROOT"/jobs/*.fio; do
		name=$(basename "$file" .fio)
		[[ $name == auto* || " $RECIPES " == *" $name "* ]] || fail "$name"
	done
}

@test "recipes: oltp keeps its ratio" {
	recipe oltp 32
	dedup_is 1.5 1 oltp dgen-oltp.dat
	compression_is 2.5 oltp dgen-oltp.dat
}

@test "recipes: vdi clones are 12:1 together, and less once they are used" {
	recipe vdi 16 --section=clone
	dedup_is 12 1 vdi dgen-vdi.?.0
	recipe vdi 16
	measured --codec=none dgen-vdi.?.0
	awk -v d="$(figure '.units[0].dedup_ratio')" 'BEGIN { exit !(d > 4 && d < 11) }' ||
		fail "$(figure '.units[0].dedup_ratio'):1 after use"
}

@test "recipes: the second backup adds nothing" {
	recipe backup 16
	measured --codec=none --unit=64k dgen-backup.1 dgen-backup.2
	first=$(figure '.units[0].distinct')
	((first > 100)) || fail "$first distinct units"
	measured --codec=none --unit=64k dgen-backup.?
	[[ $(figure '.units[0].distinct') == "$first" ]] ||
		fail "$first distinct units at first, then more"
}

@test "recipes: array-fill holds its ratio in the steady state" {
	recipe array-fill 32
	dedup_is 2 2 array-fill dgen-array.dat
}

@test "recipes: power-cut sees a write that was lost" {
	recipe power-cut 16 --section=write
	recipe power-cut 16 --section=check
	grep -q '16.00 MiB checked, 0 wrong' fio.out || { show fio.out; false; }
	# As if what was written last had never reached the disk.
	dd if=/dev/zero of=dgen-power.dat bs=16k seek=100 count=1 conv=notrunc status=none
	fio_raw --section=check power-cut.fio
	failed
	cat fio.out fio.err | grep -q 'dgen: .*zeros' || { show fio.out fio.err; false; }
}

@test "recipes: compare shows fio's dedup decay and this engine's hold" {
	has_fio_engine io_uring || skip "this fio has no io_uring"
	recipe compare 32
	dedup_is 2 0.5 dgen dgen-compare.dgen
	compression_is 2 dgen dgen-compare.dgen
	measured --codec=none dgen-compare.fio
	awk -v d="$(figure '.units[0].dedup_ratio')" 'BEGIN { exit !(d < 1.98) }' ||
		fail "fio's data has $(figure '.units[0].dedup_ratio'):1"
}
