#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Bad input gets one clear line, an exit status, no crash and no hang.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

LIMIT=${LIMIT:-30}

# Each line: option, value, and a word that must be in our line beside these two.
wrong() {
	local option=$1 word=$2 value
	shift 2

	for value; do
		dgen_raw "--$option=$value"
		echo "$option=$value"
		refused "$option" "$value" "$word"
		[[ ! -s f ]] || fail "$option=$value: something was written"
	done
}

@test "input: dedup_ratio out of range" {
	wrong dedup_ratio 1 0 0.5 -2 0.999 1001 99999 inf nan
}

@test "input: values are refused by the rule that they break" {
	for value in 0 1001; do
		dgen_raw --dedup_ratio=$value
		refused "dedup_ratio=$value: must be a number from 1 to 1000"
	done
	dgen_raw --compress_ratio=1/20:2/30
	refused "compress_ratio=1/20:2/30: percentages must add up to 100, here 50"
	dgen_raw --compress_ratio=2/100/20
	refused "compress_ratio=2/100/20: SYMBOLS must be a whole number, 32 to 255"
	dgen_raw --dedup_unit=8g
	refused "dedup_unit=8g: must be at most 16m"
	dgen_raw --dedup_window=99999999999999999999
	refused "dedup_window=99999999999999999999: must be at most 1t"
	dgen_raw --compress_record=1p
	refused "compress_record=1p: must be at most 128k"
}

@test "input: dedup_ratio is not a number" {
	wrong dedup_ratio 1 many 2:1 2x 0x2 2,5 2.5.1
}

@test "input: compress_ratio out of range" {
	wrong compress_ratio 1 0 0.5 -1 99999 inf nan
}

@test "input: compress_ratio is not a number" {
	wrong compress_ratio 1 high 3:1 3x
}

@test "input: dedup_unit no multiple of 512" {
	wrong dedup_unit 512 4097 1000 513
}

@test "input: dedup_unit out of range" {
	wrong dedup_unit "512" 256 67108864
	wrong dedup_unit "" 0 99999999999
}

@test "input: dedup_unit is not a number" {
	wrong dedup_unit "must be" large 4q -4096 4.5k
}

@test "input: compress_chunk no power of two or out of range" {
	wrong compress_chunk "64 to 2048" 1000 100 32 8192
}

@test "input: compress_chunk is not a number" {
	wrong compress_chunk "must be" small 4q
}

@test "input: compress_codec and compress_record" {
	wrong compress_codec "deflate or lzo" gzip zstd:3 LZ4 ""
	wrong compress_record "power of two" 512 12288 262144
	wrong compress_record "must be" large 4q
	dgen_raw --compress_codec=lzo --compress_record=128k --dedup_unit=64k --compress_chunk=12k
	refused compress_chunk 12288 compress_record=131072 dedup_unit=65536
	dgen_raw --compress_codec=deflate --compress_ratio=99
	refused compress_ratio 99 deflate compress_record=4096 78
	[[ ! -s f ]] || fail "something was written"
}

@test "input: data_seed is not a number or too large" {
	wrong data_seed 64 seed 12x 18446744073709551616 -1
}

@test "input: data_version is not a number" {
	wrong data_version "" newest 1x -1
}

@test "input: a back end that is not there" {
	dgen_raw --backend=tape
	refused backend tape io_uring
	dgen_raw --backend=fio:tape
	refused backend tape
}

@test "input: a unit larger than the file" {
	dgen_raw --dedup_unit=64k --size=32k --bs=4k
	refused dedup_unit 65536 32768
}

@test "input: an option that does not exist" {
	fio_raw --name=j --filename=f --rw=write --size=4m --dedup_ration=2
	((status != 0 && status < 124))
	grep -q dedup_ration fio.out fio.err
}

@test "input: a missing directory" {
	dgen_raw --directory="$T/missing"
	failed
	grep -q "$T/missing" fio.out fio.err || fail "the directory is not named"
	[[ ! -e missing ]]
}

@test "input: a file in place of a directory" {
	: >file
	dgen_raw --filename="$T/file/f"
	refused "$T/file/f" "Not a directory"
}

@test "input: a file that may not be written" {
	# Root may write any file.
	if ((EUID)); then
		# One that is too small fio removes, and makes anew.
		truncate -s 16m f
		chmod 400 f
		dgen_raw
		failed
		cmp -n 16777216 f /dev/zero && grep -q 'f: Permission denied\|f.*Permission denied' fio.out fio.err
		return
	fi
	loop_device 16m --read-only
	dgen_raw --filename="$DEVICE" --size=16m
	failed
	grep -q "$DEVICE" fio.out fio.err
}

@test "input: a directory in place of a file" {
	mkdir d
	dgen_raw --filename=d
	failed
	grep -qx 'dgen: filename=d: is a directory; must be a file or a block device' fio.err fio.out
}

@test "input: no space left" {
	file_system 32m
	dgen_raw --filename="$MOUNT/f" --size=128m --fallocate=none --bs=1m
	io_error "$MOUNT/f" "No space left" "write offset" 1048576
	refused "$MOUNT/f" "No space left" "the file system is full"
}

@test "input: no space left, with every back end of ours and one of fio's" {
	file_system 32m
	for backend in io_uring libaio fio:psync; do
		dgen_raw --filename="$MOUNT/f" --size=128m --fallocate=none --bs=64k --iodepth=32 \
			--backend=$backend
		io_error "$MOUNT/f" "No space left" "write offset" 65536
		said=$(cat fio.out fio.err | grep -c 'No space left on device.*offset\|offset.*No space left')
		((said == 1)) || fail "$backend: $said lines"
		rm "$MOUNT/f"
	done
}

@test "input: no space left, many jobs" {
	file_system 32m
	dgen_raw --filename="$MOUNT/f" --size=32m --numjobs=4 --offset_increment=32m \
		--fallocate=none --bs=64k
	failed
	grep -q "No space left" fio.out fio.err
	said=$(cat fio.out fio.err | grep -c 'offset=')
	((said <= 4)) || fail "$said lines from 4 jobs"
}

@test "input: no space left, what completed is counted" {
	file_system 32m
	dgen_raw --filename="$MOUNT/f" --size=128m --fallocate=none --bs=1m --iodepth=32 \
		--output-format=normal
	ours=$(sed -n 's/^dgen: wrote \([0-9.]*\) MiB.*/\1/p' fio.out)
	fios=$(sed -n 's/^ *write: .*(\([0-9.]*\)MiB.*/\1/p' fio.out)
	# To the digits that fio prints.
	[[ $ours && $fios ]] && near "$ours" "$fios" 0.5 ||
		fail "wrote $ours MiB, fio counts $fios" "$(<fio.out)"
}

@test "input: fill_device ends well where the space does" {
	file_system 32m
	dgen --filename="$MOUNT/f" --size=128m --fill_device=1 --fallocate=none --bs=1m
	! grep -q 'No space left' fio.out fio.err || fail "a word about what was asked for"
	(($(json '.jobs[0].write.io_bytes') >= 16 * 1024 * 1024))
}

@test "input: beyond the limit of file sizes" {
	FIO_REAL=$FIO
	cat >fio.sh <<-END
		#!/bin/bash
		ulimit -f 8192
		exec "$FIO_REAL" "\$@"
	END
	chmod +x fio.sh
	FIO=./fio.sh
	for backend in io_uring libaio; do
		dgen_raw --fallocate=none --backend=$backend
		refused "dgen: f:" "write offset=" 65536 "File too large" "ulimit -f"
		rm f
	done
}

@test "input: O_DIRECT refused" {
	need_root
	mkdir ram
	mount -t ramfs -o size=32m ramfs ram 2>/dev/null || skip "ramfs cannot be mounted here"
	MOUNTS+=("$T/ram")
	! dd if=/dev/zero of=ram/probe bs=4096 count=1 oflag=direct 2>/dev/null ||
		skip "ramfs takes O_DIRECT here"
	dgen_raw --filename="$T/ram/f" --size=4m --direct=1
	refused "$T/ram/f" O_DIRECT direct
}

@test "input: O_DIRECT refused, with direct_fallback" {
	need_root
	mkdir ram
	mount -t ramfs ramfs ram 2>/dev/null || skip "ramfs cannot be mounted here"
	MOUNTS+=("$T/ram")
	! dd if=/dev/zero of=ram/probe bs=4096 count=1 oflag=direct 2>/dev/null ||
		skip "ramfs takes O_DIRECT here"
	dgen --filename="$T/ram/f" --size=4m --direct=1 --direct_fallback=1 --dedup_ratio=2
	dedup_is 2 3 "buffered" ram/f
}

@test "input: a unit larger than a block size only warns or works" {
	dgen --dedup_unit=64k --bs=4k --size=64m --dedup_ratio=2
	dedup_is 2 1 "bs=4k in units of 64k" --unit=64k f
}

@test "input: block sizes that are no multiple of 512 work or are refused" {
	dgen_raw --direct=0 --bs=1000 --size=1000000 --dedup_ratio=2
	((status < 124)) || fail "status $status"
	if ((status == 0)); then
		mv f odd
		dgen --direct=0 --bs=4k --size=1003520 --dedup_ratio=2
		cmp -n 1000000 odd f
	fi
}

@test "input: fio's own content options get an answer" {
	for option in --dedupe_percentage=50 --buffer_compress_percentage=50 \
		--buffer_pattern=0xdeadbeef --zero_buffers=1; do
		dgen_raw --dedup_ratio=2 "$option"
		((status < 124)) || fail "$option: status $status"
		name=${option#--}
		grep -h 'dgen: ' fio.out fio.err | grep -q "${name%%=*}" ||
			fail "$option: no word about it"
		if ((status == 0)); then
			dedup_is 2 3 "$option" f
		fi
	done
}

@test "input: fio's percentages are honoured as ratios" {
	dgen --dedupe_percentage=50 --buffer_compress_percentage=50
	grep -q 'dgen: dedupe_percentage=50 is taken as dedup_ratio=2' fio.err
	grep -q 'dgen: buffer_compress_percentage=50 is taken as compress_ratio=2' fio.err
	json '.jobs[0].write.io_bytes' >/dev/null
	mv f taken
	dedup_is 2 0.1 "50 %" taken
	compression_is 2 "50 %" taken
	dgen --dedup_ratio=2 --compress_ratio=2
	same f taken "the same bytes as with our options"
	for option in scramble_buffers=0 scramble_buffers=1 refill_buffers=0 refill_buffers=1; do
		dgen --dedup_ratio=2 --compress_ratio=2 --$option
		same f taken "$option"
	done
	dgen --dedupe_percentage=75 --buffer_compress_percentage=80 --buffer_compress_chunk=4k \
		--size=64m --numjobs=2 --thread=1
	dedup_is 4 0.1 "75 %" f
	compression_is 5 "80 %" f
	(($(grep -c 'is taken as' fio.err) == 2)) || fail "$(<fio.err)"
}

@test "input: fio's content options that have no clear meaning here are refused" {
	dgen_raw --dedupe_percentage=100
	refused dedupe_percentage 100 99
	dgen_raw --buffer_compress_percentage=100
	refused buffer_compress_percentage 100 99
	dgen_raw --dedupe_percentage=50 --dedup_ratio=4
	refused dedupe_percentage=50 dedup_ratio=4
	dgen_raw --buffer_compress_percentage=50 --compress_ratio=3
	refused buffer_compress_percentage=50 compress_ratio=3
	dgen_raw --dedupe_percentage=50 --dedupe_mode=working_set
	refused dedupe_mode=working_set
	dgen_raw --dedupe_percentage=50 --dedupe_global=1
	refused dedupe_global dedup_domain
	dgen_raw --buffer_compress_chunk=1000
	refused compress_chunk 1000 "64 to 2048"
	dgen_raw --buffer_compress_chunk=2k --compress_chunk=1k
	refused buffer_compress_chunk=2048 compress_chunk=1024
	dgen_raw --buffer_compress_percentage=50 --buffer_pattern=0xab
	refused buffer_pattern
	dgen_raw --zero_buffers=1
	refused zero_buffers
}

@test "input: a fault of the disk is reported with file, offset and length" {
	failing_device 32m 8m
	dgen_raw --filename="$DEVICE" --size=32m --direct=1 --bs=64k --iodepth=1
	io_error "$DEVICE" "write offset=8388608" 65536
}

@test "input: a fault of the disk is one line, however many I/Os it hits" {
	failing_device 32m 8m
	dgen_raw --filename="$DEVICE" --size=32m --direct=1 --bs=64k --iodepth=32
	refused "$DEVICE" "write offset=" 65536
}

@test "input: a failed fsync ends the job" {
	failing_device 32m 8m
	dgen_raw --filename="$DEVICE" --size=32m --direct=0 --bs=64k --fsync=1 --iodepth=1
	refused "$DEVICE"
}

@test "input: continue_on_error is left to fio" {
	failing_device 32m 8m
	dgen_raw --filename="$DEVICE" --size=32m --direct=1 --bs=64k --continue_on_error=write \
		--ignore_error=,ENOSPC
	! grep -q 'dgen: ' fio.out fio.err || fail "a line of ours: $(grep -h 'dgen: ' fio.out fio.err)"
	errors=$(json '.jobs[0].total_err')
	((errors >= 384 - 16)) || fail "fio counted $errors errors"
	# Another one ends the job.
	dgen_raw --filename="$DEVICE" --size=32m --direct=1 --bs=64k --continue_on_error=write \
		--ignore_error=,EROFS
	refused "write offset=" "$DEVICE"
}
