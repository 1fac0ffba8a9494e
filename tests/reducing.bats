#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Real reducing storage shows the ratio that was asked for. All of it: make results ONLY=storage.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# shows_what_was_asked STORAGE PERCENT [D/C]...: without these 1/2 and 2/3.
shows_what_was_asked() {
	local storage D C wanted ours lines=0 requests=("${@:3}")

	((${#requests[@]})) || requests=(1/2 2/3)

	need_command jq
	need_space 256
	ENGINE=$ENGINE FIO=$FIO TMPDIR=$T timeout --signal=TERM 120 \
		"$ROOT/results/reducing.sh" -q -c "${requests[*]}" "$1" >rows 2>said ||
		{ show said; fail "reducing.sh $1 failed"; }
	[[ -s rows ]] || skip "$(sed -n 's/^skipped: //p' said)"
	while IFS=$'\t' read -r storage D C wanted ours _; do
		near "$ours" "$wanted" "$2" ||
			fail "$storage, D=$D, C=$C: shows $ours:1, wanted $wanted:1 within $2 %"
		lines=$((lines + 1))
	done <rows
	((lines == ${#requests[@]}))
}

@test "reducing: zram with lz4" {
	shows_what_was_asked zram-lz4 2
}

@test "reducing: zram with lzo-rle" {
	shows_what_was_asked zram-lzo-rle 2
}

@test "reducing: btrfs with zlib, in its steps" {
	shows_what_was_asked btrfs-zlib 2
}

@test "reducing: btrfs with zstd, in its steps" {
	shows_what_was_asked btrfs-zstd 2
}

@test "reducing: btrfs with lzo, in its steps" {
	shows_what_was_asked btrfs-lzo 2
}

@test "reducing: squashfs with zstd and its duplicate check" {
	shows_what_was_asked squashfs-zstd 2
}

@test "reducing: other ratios than those, also just at a step of btrfs" {
	shows_what_was_asked zram-lz4 2 1/1.35 3/2.3 1/6 10/9
	shows_what_was_asked btrfs-lzo 2 1/1.35 3/2.3 2/4 10/9
	shows_what_was_asked btrfs-zlib 2 1.5/1.7 2/4 6/7
}

@test "reducing: btrfs, deduplicated by duperemove" {
	shows_what_was_asked btrfs-duperemove 2
}

@test "reducing: xfs, deduplicated by duperemove" {
	shows_what_was_asked xfs-duperemove 2
}

@test "reducing: squashfs with lz4 and its duplicate check" {
	shows_what_was_asked squashfs-lz4 2
}

@test "reducing: squashfs with gzip and its duplicate check" {
	shows_what_was_asked squashfs-gzip 2
}

@test "reducing: squashfs with lzo and its duplicate check" {
	shows_what_was_asked squashfs-lzo 2
}

@test "reducing: squashfs with xz and its duplicate check" {
	shows_what_was_asked squashfs-xz 2
}

@test "reducing: erofs with its dedupe, in its steps" {
	shows_what_was_asked erofs-dedupe 2
}

@test "reducing: a borg repository" {
	shows_what_was_asked borg-zstd 2
}

@test "reducing: a restic repository" {
	shows_what_was_asked restic 2
}

@test "reducing: what was mounted and made goes away on failure" {
	need_root
	need_command mkfs.btrfs compsize
	mkdir bin
	printf '#!/bin/sh\nexit 1\n' >bin/compsize
	chmod +x bin/compsize
	status=0
	PATH=$T/bin:$PATH ENGINE=$ENGINE FIO=$FIO TMPDIR=$T \
		"$ROOT/results/reducing.sh" -q btrfs-zstd >rows 2>said || status=$?
	((status)) || grep -q '^skipped' said || fail "it ended with 0"
	[[ ! -e $(echo "$T"/reducing.*) ]] || fail "left behind: $(ls "$T")"
	[[ $(losetup -a; cat /proc/mounts) != *"$T"* ]] || fail "something is still in use"
}
