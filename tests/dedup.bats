#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The measured dedup ratio is the one that was asked for.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

@test "dedup: every ratio at 64 MiB within 1 %" {
	for D in 1 1.25 1.5 2 3 3.7 5 10 20 50; do
		dgen --size=64m --dedup_ratio=$D
		dedup_is $D 1 "D=$D" f
		no_holes "D=$D"
	done
}

@test "dedup: files from 4 MiB to 1 GiB" {
	need_space 1024
	for size in $(full "4 8 16 32 64 128 256 512 1024 2048" "4 16 512 1024"); do
		for D in $(full "1 1.25 1.5 2 3 3.7 5 10 20 50" "1.25 3.7 20"); do
			percent=$((size < 64 ? 3 : 1))
			dgen --size="${size}m" --bs=1m --dedup_ratio="$D"
			dedup_is "$D" $percent "$size MiB, D=$D" f
		done
		rm f
	done
}

@test "dedup: a file of 4 GiB" {
	need_space 4096
	dgen --size=4g --bs=1m --dedup_ratio=2
	dedup_is 2 1 "4 GiB" f
	no_holes "4 GiB"
}

@test "dedup: whatever the block size" {
	for bs in 4k 16k 64k 1m 8m; do
		for D in $(full "1 1.25 1.5 2 3 3.7 5 10 20 50" "3.7"); do
			dgen --size=64m --bs=$bs --dedup_ratio="$D"
			dedup_is "$D" 1 "bs=$bs, D=$D" f
		done
	done
}

@test "dedup: odd block sizes" {
	for bs in 12k 516k; do
		for D in $(full "1.25 1.5 2 3 3.7 5 10 20 50" "2 5"); do
			# A multiple of both.
			dgen --size=66048k --bs=$bs --dedup_ratio="$D"
			dedup_is "$D" 1 "bs=$bs, D=$D" f
			no_holes "bs=$bs, D=$D"
		done
	done
}

@test "dedup: block sizes that are no multiple of the unit" {
	for bs in 512 1536 2560; do
		dgen --size=15m --bs=$bs --dedup_ratio=2
		dedup_is 2 3 "bs=$bs" f
		no_holes "bs=$bs"
	done
}

@test "dedup: units of 4, 8 and 64 KiB" {
	for unit in 4k 8k 64k; do
		for D in $(full "1 1.25 1.5 2 3 3.7 5 10 20 50" "1.25 2 3.7 10"); do
			dgen --size=128m --bs=1m --dedup_unit=$unit --dedup_ratio="$D"
			dedup_is "$D" 1 "unit=$unit, D=$D" --unit=$unit f
		done
	done
}

@test "dedup: an odd unit of 1536 bytes" {
	dgen --size=63m --bs=96k --dedup_unit=1536 --dedup_ratio=3
	dedup_is 3 1 "unit=1536" --unit=1536 f
}

@test "dedup: large units in a small file" {
	for D in 1 2 3.7 10 50; do
		dgen --size=4m --bs=128k --dedup_unit=64k --dedup_ratio=$D
		dedup_is $D 3 "64 units, D=$D" --unit=64k f
	done
}

@test "dedup: eight jobs share one file" {
	for D in 1.25 2 10; do
		for bs in 12k 64k 1m; do
			dgen --numjobs=8 --size=12m --offset_increment=12m --bs=$bs \
				--dedup_ratio=$D
			dedup_is $D 1 "8 jobs, bs=$bs, D=$D" f
			no_holes "8 jobs, bs=$bs, D=$D"
		done
	done
}

@test "dedup: eight jobs with a file each, counted together" {
	for D in 1 2 3.7 20; do
		dgen --directory=. --filename_format="f.\$jobnum" --numjobs=8 --size=32m \
			--dedup_ratio=$D
		files=(f.*)
		((${#files[@]} == 8))
		dedup_is $D 1 "8 files, D=$D" f.*
	done
}

@test "dedup: several files of one job, counted together" {
	dgen --directory=. --filename_format="f.\$filenum" --nrfiles=4 --size=256m --dedup_ratio=5
	files=(f.*)
	((${#files[@]} == 4))
	dedup_is 5 1 "4 files" f.*
}

@test "dedup: at multiples of the unit about 1:1" {
	for D in 1.5 2 3 10; do
		# Where few contents are left, neighbours meet again by chance.
		percent=$((${D%.*} > 2 ? 15 : 2))
		dgen --size=64m --dedup_ratio=$D
		measured --codec=none --unit=8k,16k,64k f
		for i in 0 1 2; do
			near "$(figure ".units[$i].dedup_ratio")" 1 $percent ||
				fail "D=$D: $(figure ".units[$i]")"
		done
	done
}

@test "dedup: shifted by half a unit about 1:1" {
	for D in 1.5 2 3 10; do
		percent=$((${D%.*} > 2 ? 15 : 2))
		dgen --size=64m --dedup_ratio=$D
		dedup_is 1 $percent "D=$D" --shift=2048 f
	done
}

@test "dedup: K clones of one domain hold K x D" {
	for i in 1 2 3; do
		dgen --filename="clone.$i" --size=64m --dedup_ratio=2 --dedup_domain=db
	done
	dedup_is 6 1 "3 clones" clone.*
	same clone.1 clone.2 "clones"
}

@test "dedup: references to one content lie at least 1 MiB apart" {
	dgen --size=256m --bs=1m --dedup_ratio=3
	need_command zstd
	# A compressor whose window is 512 KiB finds none of the duplicates, but for the first MiBs: there
	# a small file must have its ratio from the few contents that have come.
	size=$(zstd -q -1 --zstd=wlog=19 --stdout f | wc -c)
	((size >= 256 * 1024 * 1024 * 97 / 100)) || fail "zstd shrinks all of it to $size bytes"
	size=$(tail -c +$((128 * 1024 * 1024 + 1)) f | zstd -q -1 --zstd=wlog=19 --stdout | wc -c)
	((size >= 128 * 1024 * 1024)) || fail "zstd shrinks the second half to $size bytes"
}

@test "dedup: the ratio holds in every part of a file" {
	dgen --size=256m --bs=1m --dedup_ratio=2
	for part in 0 64 128 192; do
		dd if=f of=part bs=1M skip=$part count=64 status=none
		# It need not begin or end where a window does.
		dedup_is 2 3 "64 MiB from $part MiB on" part
	done
}

@test "dedup control: fio's own data is measured as 1:1" {
	static_fio --size=32m --refill_buffers=1
	dedup_is 1 1 "fio's random data" f
	run ! dedup_is 2 1 "fio's random data" f
}

@test "dedup control: a repeated unit and zeros are counted as such" {
	head -c 4096 /dev/urandom >unit
	for i in 1 2 3 4 5 6; do cat unit; done >f
	head -c 8192 /dev/zero >>f
	head -c 4096 /dev/urandom >>f
	measured --codec=none f
	[[ $(figure '.units[0] | "\(.total) \(.zero) \(.distinct)"') == "9 2 2" ]]
	[[ $(figure .zero_blocks) == 2 ]]
}
