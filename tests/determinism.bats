#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The bytes follow from the seed, the file's name and the options, and from nothing else.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

CONTENT=(--dedup_ratio=2.5 --compress_ratio=1.7)

reference() {
	dgen "${CONTENT[@]}" --size=24m
	mv f reference
}

# like_reference WHAT [option]...
like_reference() {
	local what=$1
	shift

	dgen "${CONTENT[@]}" --size=24m "$@"
	same f reference "$what"
	rm f
}

@test "determinism: whatever the block size" {
	reference
	for bs in 512 4k 12k 64k 1m 8m; do
		like_reference "bs=$bs" --bs=$bs
	done
}

@test "determinism: whatever the queue depth" {
	reference
	for depth in 1 3 64; do
		like_reference "iodepth=$depth" --iodepth=$depth --bs=16k
	done
}

@test "determinism: whatever the order" {
	reference
	like_reference "randwrite" --rw=randwrite --bs=4k
	like_reference "another order" --rw=randwrite --bs=12k --randseed=77
}

@test "determinism: whatever the number of jobs, processes or threads" {
	reference
	like_reference "4 processes" --numjobs=4 --size=6m --offset_increment=6m
	like_reference "8 threads" --thread=1 --numjobs=8 --size=3m --offset_increment=3m
	like_reference "1 thread" --thread=1
}

@test "determinism: a mix of block sizes" {
	reference
	like_reference "bsrange" --bsrange=4k-256k
	like_reference "bssplit" --bssplit=4k/50:20k/50
}

@test "determinism: whatever the back end" {
	reference
	like_reference "backend=io_uring" --backend=io_uring
	for backend in psync libaio io_uring pvsync2 sync; do
		has_fio_engine "$backend" || { left_out "fio has no $backend"; continue; }
		like_reference "backend=fio:$backend" --backend="fio:$backend"
	done
}

@test "determinism: mapped memory as a back end" {
	reference
	like_reference "backend=fio:mmap" --backend=fio:mmap --direct=0
}

@test "determinism: buffered I/O" {
	reference
	like_reference "direct=0" --direct=0
}

@test "determinism: the portable kernel" {
	reference
	DGEN_KERNEL=portable like_reference "portable"
}

@test "determinism: the AVX2 kernel" {
	need_avx2
	DGEN_KERNEL=portable dgen "${CONTENT[@]}" --size=24m
	mv f reference
	DGEN_KERNEL=avx2 like_reference "avx2"
}

@test "determinism: sizes and offsets of 512 bytes" {
	reference
	# The same addresses, reached from another beginning.
	head -c 4194304 /dev/zero >f
	dgen "${CONTENT[@]}" --offset=4608 --size=1536000 --bs=1536 --rw=randwrite
	cmp -s <(tail -c +4609 f | head -c 1536000) <(tail -c +4609 reference | head -c 1536000)
	# What was not written is as it was.
	cmp -n 4608 f /dev/zero
}

# Each sector in a line.
sectors() {
	od -v -An -w512 -tx8 "$1" | tr -d ' '
}

# Zeros that a buffer still holds are not written again, so what else it held must not matter.
@test "determinism: whatever buffers held before" {
	dgen --size=4m --bs=4k --data_version=1 --compress_ratio=4
	sectors f >wanted
	for options in "--bs=4k --iodepth=4" "--bs=4k --gen_threads=2" "--bsrange=512-24k --blockalign=512" \
		"--bs=4k --backend=fio:psync --thread=1"; do
		dgen --size=4m --data_version=0 --compress_ratio=1
		sectors f >before
		# shellcheck disable=SC2086
		dgen --size=4m --data_version=1 --compress_ratio=4 --rw=randrw $options
		sectors f | paste - wanted before |
			awk '$1 == $2 { new++ } $1 == $3 { old++ } END { print new + 0, old + 0, NR }' >counts
		read -r new old all <counts
		((new > all / 5 && old > all / 5)) || fail "$options: $new written, $old left of $all"
		((new + old == all)) || fail "$options: $((all - new - old)) of $all are neither old nor new"
	done
}

@test "determinism: another seed and a neighbouring one share no unit" {
	dgen "${CONTENT[@]}" --size=64m --data_seed=41
	mv f one
	for seed in 40 42 0 18446744073709551615 0x29000000; do
		dgen "${CONTENT[@]}" --size=64m --data_seed=$seed
		shares "seeds 41 and $seed" 0 f one
	done
}

@test "determinism: seeds in decimal and hexadecimal mean the same" {
	dgen --data_seed=0xfffffffffffffffe
	mv f one
	dgen --data_seed=18446744073709551614
	same f one "two spellings of a seed"
}

@test "determinism: a fresh seed for every run" {
	for i in 1 2; do
		fio_raw --name=j --filename=f --rw=write --bs=64k --size=16m --direct="$DIRECT" \
			--dedup_ratio=2 --output-format=json
		((status == 0))
		mv f "run.$i"
	done
	shares "two runs" 0 run.1 run.2
}

@test "determinism: jobs of one run share its fresh seed" {
	fio_raw --name=j --filename=f --rw=write --bs=64k --size=4m --direct="$DIRECT" \
		--numjobs=4 --offset_increment=4m --dedup_ratio=2 --output-format=json
	((status == 0))
	dedup_is 2 3 "4 jobs" f
}

@test "determinism: a run is repeated with the seed that its JSON output names" {
	fio_raw --name=j --filename=f --rw=write --bs=64k --size=16m --direct="$DIRECT" \
		--dedup_ratio=2 --output-format=json
	((status == 0))
	seed=$(json '[.. | objects | .data_seed? // empty] | first')
	mv f one
	dgen --dedup_ratio=2 --data_seed="$seed"
	same f one "seed $seed again"
}

@test "determinism: files of different names share nothing" {
	dgen --filename=a --dedup_ratio=2
	dgen --filename=b --dedup_ratio=2
	shares "a and b" 0 a b
}

@test "determinism: two domains share nothing, one is the same in any file" {
	dgen --filename=a --dedup_ratio=2 --dedup_domain=one
	dgen --filename=b --dedup_ratio=2 --dedup_domain=two
	dgen --filename=c --dedup_ratio=2 --dedup_domain=one
	shares "one and two" 0 a b
	same a c "domain one"
}

@test "determinism: two versions share no unique unit" {
	dgen --dedup_ratio=1
	mv f one
	dgen --dedup_ratio=1 --data_version=1
	shares "versions 0 and 1" 0 f one
}

@test "determinism control: the comparison sees one byte" {
	reference
	cp reference f
	printf 'x' | dd of=f bs=1 seek=12345678 conv=notrunc status=none
	run ! same f reference "one byte"
	shares "one unit changed" 6143 f reference
}
