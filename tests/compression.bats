#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The distinct data compresses as it was asked for, with real codecs.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# data [option]...: by the command, which writes the engine's bytes (command.bats) sooner.
data() {
	"$COMMAND" --seed=1 --size=4m --output=d "$@"
}

# each_within PERCENT C WHAT [dgen-measure option]...: every codec and record of d shows C.
each_within() {
	local percent=$1 ratio=$2 what=$3 codec record found
	shift 3

	measured --chunks=none --unit=4k "$@" d
	while read -r codec record found; do
		near "$found" "$ratio" "$percent" ||
			fail "$what: $codec on $record compresses $found:1, not $ratio:1 within $percent %"
	done < <(figure '.codecs[] | "\(.codec) \(.record) \(.compression_ratio)"')
}

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

@test "compression: varied chunks, in each sector, and with few values of bytes" {
	# Without a codec named, for LZ4.
	data --compress-ratio=2.2 --compress-chunk=64
	each_within 1 2.2 "compress_chunk=64" --codec=lz4 --record=4k
	measured --codec=lz4 --record=512 --unit=4k d
	near "$(figure '.codecs[0].compression_ratio')" 2.2 10 || fail "$(figure '.codecs[0]')"
	no_holes "compress_chunk=64" d
	# An entropy coder gains, LZ4 does not; units of a sector each, through fio.
	dgen --size=4m --dedup_unit=512 --compress_ratio=2/100/64 --compress_chunk=64
	measured --codec=lz4,zstd:1 --record=4k --unit=4k f
	near "$(figure '.codecs[0].compression_ratio')" 2 1.5 || fail "$(figure '.codecs[0]')"
	awk "BEGIN { exit !($(figure '.codecs[1].compression_ratio') > 2.4) }" || fail "$(figure '.codecs[1]')"
}

@test "compression: other chunks by default, in the middle of lz4 and zstd" {
	for chunk in $(full "512 1k 2k 8k 16k 32k 64k" "512 2k 64k"); do
		percent=1.5
		# There they are further apart than that.
		[[ $chunk != 1k ]] || percent=2.5
		[[ $chunk != 512 ]] || percent=4
		for C in $(full "1.2 1.35 1.5 2 2.3 3 4 5 6 7 8 9 10" "1.35 5 10"); do
			data --dedup-unit=64k --compress-ratio="$C" --compress-chunk="$chunk"
			each_within $percent "$C" "chunk=$chunk, C=$C" --codec=lz4,zstd:1,zstd:3 --record=4k \
				--unit=64k
		done
	done
}

# limits FILE: up to which C both codecs show it, with chunks of 2 KiB and more, of 1 KiB, of 512 bytes.
limits() {
	tr -s ' *\t\n' ' ' <"$1" | sed -n 's/.*within 1.5 % up to C = \([0-9]*\) with chunks of 2 KiB and more, \([0-9]*\) with 1 KiB, \([0-9]*\) with 512 bytes.*/\1 \2 \3/p'
}

@test "compression: by default for both codecs up to the limits that are documented" {
	local most C file chunk pair

	read -ra most <<<"$(limits "$ROOT/generator/dgen.h")"
	((${#most[@]} == 3)) || fail "dgen.h says nothing"
	for file in dgen.1.scd dgen.3.scd fio-engine-dgen.1.scd; do
		[[ $(limits "$ROOT/man/$file") == "${most[*]}" ]] || fail "$file: $(limits "$ROOT/man/$file")"
	done
	for pair in 4k/4k/0 2k/2k/0 64k/64k/0 $(full "64k/2k/0 8k/8k/0 64k/4k/0 16k/12k/0" "") 4k/1k/1 \
		$(full "1k/1k/1 128k/1k/1" "") 4k/512/2 512/512/2; do
		chunk=${pair#*/}
		C=${most[${chunk#*/}]} chunk=${chunk%/*}
		for C in $(full "1.05 1.2 1.5 2 3 4 5 6 8 10 $C" "$C" | tr ' ' '\n' | awk -v most="$C" '$1 <= most'); do
			data --dedup-unit="${pair%%/*}" --compress-chunk="$chunk" --compress-ratio="$C"
			each_within 1.5 "$C" "$pair, C=$C" --codec=lz4,zstd:3 --record=4k --unit="${pair%%/*}"
		done
	done
	# What is said of more than that.
	for pair in 4k/2.5 $(full "2k/2.5 8k/2.5" "") 1k/3.5 512/5.5; do
		data --dedup-unit=8k --compress-chunk="${pair%/*}" --compress-ratio=20
		each_within "${pair#*/}" 20 "$pair, C=20" --codec=lz4,zstd:3 --record=4k --unit=8k
	done
	for chunk in 4k 64k; do
		data --dedup-unit=64k --compress-chunk=$chunk --compress-ratio=100
		each_within 9 100 "$chunk, C=100" --codec=lz4 --record=4k --unit=64k
		each_within 17.5 100 "$chunk, C=100" --codec=zstd:3 --record=4k --unit=64k
	done
	run ! each_within 1.5 100 "$chunk, C=100" --codec=lz4 --record=4k --unit=64k
}

@test "compression: for one codec up to the largest ratio" {
	local codec record chunk C most percent

	for codec in lz4 zstd deflate lzo; do
		for record in $(full "4k 16k 128k" "4k 128k"); do
			for chunk in $(full "512 4k 64k" "512 4k"); do
				most=$(largest "$chunk" "$codec" "$record")
				for C in $(full "12 15 20 30 50 70 90 100 140 200 $most" "20 50 $most"); do
					percent=$(awk "BEGIN { print ($C > 50 ? 2.5 : 1.5) }")
					# To where it is documented.
					awk -v codec=$codec "BEGIN {
						exit !($C <= $most && (codec != \"lzo\" || $C <= 50))
					}" || continue
					data --dedup-unit=128k --compress-ratio="$C" --compress-chunk="$chunk" \
						--compress-codec=$codec --compress-record="$record"
					each_within "$percent" "$C" "$codec, $chunk, $record, C=$C" \
						--codec=$codec --record="$record" --unit=128k
				done
			done
		done
	done
}

@test "compression: as it is by default, for several codecs and records" {
	# Other values than those of the table too.
	for C in $(full "1.2 1.37 1.5 2 2.7 3 3.6 4 5 6.3 7 8 10" "1.2 2.7 6.3"); do
		data --compress-ratio="$C"
		each_within 1.5 "$C" "C=$C" --codec=lz4,zstd:1,zstd:3 --record=4k
		awk "BEGIN { exit !($C > 5) }" ||
			each_within 3 "$C" "C=$C" --codec=lz4,zstd:1,zstd:3 --record=16k,32k,64k,128k
	done
}

@test "compression: for exactly one codec and record" {
	for codec in lz4 zstd:3 deflate:6 lzo; do
		percent=1
		[[ $codec == lz4 || $codec == zstd:3 ]] || percent=1.5
		for record in $(full "4k 8k 16k 32k 64k 128k" "4k 64k"); do
			for C in $(full "1.2 1.37 1.5 1.9 2 2.7 3 3.6 4 5 6.3 7 8 10" "1.37 3.6"); do
				data --dedup-unit=128k --compress-ratio="$C" \
					--compress-codec="${codec%:*}" --compress-record="$record"
				each_within $percent "$C" "$codec, $record, C=$C" --codec=$codec \
					--record="$record"
			done
		done
	done
}

# The largest ratio that a refusal names, of chunks of $1 for codec $2 in records of $3.
largest() {
	! "$COMMAND" --size=4k --seed=1 --dedup-unit=128k --compress-ratio=9999 \
		--compress-chunk="$1" --compress-codec="$2" --compress-record="$3" 2>err >out ||
		fail "9999:1 is not refused"
	sed -n 's/.*compress-ratio=9999: a number from 1 to \([0-9.]*\) is allowed.*/\1/p' err
}

# Units of chunks that differ make codecs see other records than those of chunks that are alike.
@test "compression: every size of chunk, up to the largest ratio that a refusal names" {
	for chunk in $(full "64 128 256 512 1k 2k 4k 8k 16k 32k 64k" "64 512 64k"); do
		units=(4k 128k)
		[[ $chunk != *k ]] || ((${chunk%k} <= 4)) || units=("$chunk")
		for codec in $(full "lz4 zstd:3 deflate:6 lzo" lz4); do
			percent=1
			[[ $codec == lz4 || $codec == zstd:3 ]] || percent=1.5
			for record in $(full "4k 16k 64k 128k" "4k 128k"); do
				most=$(largest "$chunk" "${codec%:*}" "$record")
				[[ $most ]] || fail "$chunk, $codec, $record: $(<err)"
				for C in $(full "1.2 1.35 1.9 2 2.3 3 4 5 6 7.5 9 10" "1.9 7.5"); do
					awk "BEGIN { exit !($C > $most) }" && continue
					for unit in "${units[@]}"; do
						data --dedup-unit="$unit" --compress-ratio="$C" --compress-chunk="$chunk" \
							--compress-codec="${codec%:*}" --compress-record="$record"
						each_within $percent "$C" "unit=$unit, chunk=$chunk, $codec, $record, C=$C" \
							--codec="$codec" --record="$record" --unit="$unit"
					done
				done
			done
		done
	done
}

@test "compression: a long window sees no more than D x C" {
	need_command zstd
	for request in 1/2 $(full "1/1.2 1/5 2/3 2.5/2.7 4/2" 2/3); do
		D=${request%/*} C=${request#*/}
		data --size="$(full 256m 12m)" --dedup-ratio="$D" --compress-ratio="$C"
		size=$(stat -c %s d)
		packed=$(zstd -q -19 --long=27 -T0 --stdout d | wc -c)
		near "$(awk "BEGIN { print $size / $packed }")" "$(awk "BEGIN { print $D * $C }")" 10 ||
			fail "D=$D, C=$C: $size bytes become $packed"
	done
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
