#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The distinct data compresses as it was asked for, with real codecs.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

@test "compression: every ratio within 1.5 % with lz4 and zstd -3 on 4 KiB" {
	for C in 1 1.5 2 3 4 5 8 10; do
		dgen --size=32m --compress_ratio=$C
		compression_is $C "C=$C" f
		no_holes "C=$C"
	done
}

@test "compression: every ratio also with D = 2" {
	for C in 1 1.5 2 3 4 5 8 10; do
		dgen --size=64m --compress_ratio=$C --dedup_ratio=2
		compression_is $C "C=$C, D=2" f
		no_holes "C=$C, D=2"
		dedup_is 2 1 "C=$C, D=2" f
	done
}

@test "compression: larger units, each 4 KiB of them" {
	for unit in 8k 64k; do
		dgen --size=64m --compress_ratio=3 --dedup_ratio=2 --dedup_unit=$unit
		compression_is 3 "unit=$unit" --unit=$unit f
		no_holes "unit=$unit"
	done
}

@test "compression: whatever the block size" {
	for bs in 512 4k 12k 1m; do
		dgen --size=12m --bs=$bs --compress_ratio=2
		compression_is 2 "bs=$bs" f
		no_holes "bs=$bs"
	done
}

@test "compression: after an overwrite" {
	dgen --size=64m --compress_ratio=2 --dedup_ratio=2
	dgen --size=64m --compress_ratio=2 --dedup_ratio=2 --rw=randwrite --bs=4k \
		--io_size=32m --data_version=1
	compression_is 2 "half overwritten" f
	no_holes "half overwritten"
}

@test "compression: C = 1 does not shrink by 0.1 % under zstd -19 --long=27" {
	need_command zstd
	dgen --size="$(full 256m 32m)" --bs=1m
	size=$(stat -c %s f)
	packed=$(zstd -q -19 --long=27 -T0 --stdout f | wc -c)
	((packed * 1000 > size * 999)) || fail "$size bytes shrink to $packed"
}

@test "compression: finer chunks spread the zeros" {
	dgen --size=16m --compress_ratio=2 --compress_chunk=512
	measured --codec=lz4 --record=512 --unit=4k f
	# No piece of 512 bytes is incompressible, none is empty.
	near "$(figure '.codecs[0].compression_ratio')" 2 20 || fail "$(figure '.codecs[0]')"
	no_holes "compress_chunk=512"
}

@test "compression control: fio's own data and text are measured as they are" {
	static_fio --size=16m --refill_buffers=1
	compression_is 1 "fio's random data" f
	run ! compression_is 2 "fio's random data" f
	# The figures of dgen-measure against the codecs' own programs, record by record.
	need_command zstd
	need_command lz4
	rm f
	static_fio --size=256k --refill_buffers=1 --buffer_compress_percentage=50
	mkdir pieces
	split -a 4 -b 4096 f pieces/
	zstd=0 lz4=0
	for piece in pieces/*; do
		zstd=$((zstd + $(zstd -q -3 --no-check --stdout "$piece" | wc -c)))
		# A frame of lz4 has a header of 7 bytes and two words.
		lz4=$((lz4 + $(lz4 -q -1 --no-frame-crc -c "$piece" | wc -c) - 15))
	done
	measured f
	[[ $(figure '.codecs[0].bytes_out') == "$lz4" ]]
	[[ $(figure '.codecs[1].bytes_out') == "$zstd" ]]
}
