#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# verify=: what is wrong is found, what is right is not called wrong, later too.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib
load verify

@test "verify: any method and direction, read back by fio, with the ratio of a job without" {
	for method in $(full "md5 crc64 crc32c crc32 crc16 crc7 xxhash sha512 sha256 sha1 meta null" \
		"crc32c sha256"); do
		for rw in $(full "write randwrite rw randrw write:8k" "write randrw"); do
			rm -f f
			checked --rw="$rw" --verify="$method" --dedup_ratio=3.7 --compress_ratio=2
			[[ $rw == *rw || $rw == *:* ]] || dedup_is 3.7 3 "$rw, $method" f
		done
	done
	compression_is 2 "with verify" f
	dgen --rw=write --dedup_ratio=3.7 --compress_ratio=2
	cp f without
	checked --rw=write --dedup_ratio=3.7 --compress_ratio=2
	same f without "with and without verify"
}

@test "verify: a clean file in another run, with other blocks and depths" {
	dgen --dedup_ratio=2
	for bs in $(full "512 4k 12k 64k 1m 4m 516k" "4k 516k"); do
		[[ $bs != 516k ]] || bs="516k --size=16512k"
		# shellcheck disable=SC2086 # options
		dgen_raw --output-format=normal --rw=read --verify=md5 --bs=$bs --dedup_ratio=2 \
			--size=16m --iodepth=3
		((status == 0)) || fail "bs=$bs ended with $status: $(cat "$T/fio.err")"
	done
	checked --rw=randread --bs=4k --iodepth=64 --dedup_ratio=2 --numjobs=2
}

@test "verify: the line that a writing run prints verifies what it wrote" {
	for options in "--rw=write" "--rw=randwrite --bs=4k --loops=2" "--rw=write --offset=1m" \
		"--rw=write --numjobs=4 --size=4m --offset_increment=4m" "--rw=write --size=1000k" \
		"--rw=write --nrfiles=3 --directory=." "--rw=write --numjobs=2 --directory=$T" \
		"--rw=randwrite --norandommap --bs=4k --verify_state_file=state" \
		"--rw=write --bs=12k --verify_state_file=state" \
		"--filename=a\\:b --dedup_domain=x"; do
		rm -f f a:b state j.*
		# shellcheck disable=SC2086 # options
		dgen_raw --output-format=normal --dedup_ratio=2 --compress_ratio=1.5 $options
		((status == 0)) || fail "$options: fio ended with $status"
		later
		((status == 0)) && grep -q 'checked, 0 wrong, nothing left out' "$T/fio.out" ||
			fail "$options: $(cat "$T/fio.out" "$T/fio.err")"
	done
	# An engine of fio's gets as many I/Os at a time as it had.
	dgen_raw --output-format=normal --backend=fio:libaio --iodepth=3
	grep -q '^dgen: to verify it: .* --iodepth=3 ' fio.out || fail "$(cat fio.out)"
	later
	((status == 0))
}

# written_and_later [option]...: what a job writes is right by the line that it prints.
written_and_later() {
	rm -f f
	dgen_raw --output-format=normal --size=8m "$@"
	((status == 0)) || { show fio.out fio.err; fail "$*: fio ended with $status"; }
	later
	((status == 0)) && grep -q 'checked, 0 wrong, nothing left out' fio.out ||
		fail "$*: $(cat fio.out fio.err)"
}

@test "verify: the line that verifies has every digit of a ratio" {
	written_and_later --dedupe_percentage=33 --buffer_compress_percentage=37
	written_and_later --dedup_ratio=1.23456789 --zero_percentage=12.3456789 --dedup_skew=33.3333333
	written_and_later --compress_ratio=1.23456789
	written_and_later --compress_ratio=1/33.33:3.123/33.33:98.765/33.34
}

@test "verify: the line that verifies ends where whole blocks and sectors do" {
	written_and_later --bs=3000 --size=2m --direct=0
	written_and_later --bs=3000 --size=2m --offset=3000 --direct=0
}

@test "verify: the line that verifies quotes for the shell, wherever there are names" {
	written_and_later --dedup_domain="it's a \$HOME"
	written_and_later --verify_state_file="the state's file"
	rm -f *state*
	written_and_later --filename="f's 'name'; touch bad"
	[[ ! -e bad ]] || fail "a part of a name was run"
	mkdir "an engine"
	cp "$ENGINE" "an engine/lib'dgen.so"
	ENGINE="$T/an engine/lib'dgen.so" written_and_later
}

# not_later WORD [option]...: a job prints no such line, but one that says why, with this word; with create_serialize=0
# each job that ends before the next begins.
not_later() {
	local lines wrote most=1

	[[ $* != *create_serialize=0* ]] || most=2
	rm -f f g
	dgen_raw --output-format=normal --size=1m "${@:2}"
	((status == 0)) || { show fio.out fio.err; fail "$*: fio ended with $status"; }
	lines=$(grep -c "^dgen: no command verifies it: .*$1" fio.out) || :
	wrote=$(grep -c '^dgen: wrote ' fio.out) || :
	! grep -q '^dgen: to verify it' fio.out && ((lines >= 1 && lines == wrote && wrote <= most)) ||
		fail "$* $(grep 'dgen: ' fio.out)"
}

@test "verify: a domain with the host's name in it is verified by the line" {
	written_and_later --dedup_domain='%h-%h'
	dgen_raw --output-format=normal --dedup_domain='%h-100%-%h'
	grep -q " --dedup_domain=$(uname -n)-100%-$(uname -n) " fio.out || fail "$(grep dgen: fio.out)"
	# With a host's name behind the first % there would be another %h, on some hosts.
	if [[ $(uname -n) == h* ]]; then
		dgen_raw --dedup_domain='%%h'
		refused dedup_domain %%h
	fi
}

@test "verify: where no line can verify, one says why" {
	not_later "which version is where was not noted" --rw=randrw
	not_later "which version is where was not noted" --rw=randwrite --norandommap
	not_later "which version is where was not noted" --rw=randwrite --io_size=512k
	not_later "unlink" --unlink=1
	not_later "unlink_each_loop" --unlink_each_loop=1 --loops=2 --io_size=512k
	written_and_later --unlink_each_loop=1
	not_later "create_serialize=0" --create_serialize=0 --numjobs=2 --directory=. --thread=0
	not_later "create_serialize=0" --create_serialize=0 --numjobs=2 --directory=. --thread=1
	written_and_later --create_serialize=0 --thread=0
	not_later "differ in dedup_domain" --filename=f --dedup_domain=a --name=k --filename=g --size=1m --rw=write \
		--data_seed=1 --dedup_domain=b
	# Nothing on outputs that programs read.
	dgen --rw=randrw --size=1m
	! grep -q 'no command' fio.out fio.err || fail "$(cat fio.out fio.err)"
}

@test "verify: gaps that nobody wrote are no part of the line that verifies" {
	# Parts of one file, parts of several, all of others.
	written_and_later --size=1m --numjobs=2 --offset_increment=2m
	(($(grep -c 'to verify it' fio.out) == 0 && $(grep -c 'checked, 0 wrong' fio.out) == 2))
	written_and_later --filename=f --size=2m --offset=1m --name=k --filename=g --size=1m --rw=write --direct="$DIRECT" --data_seed=1
	written_and_later --size=1m --numjobs=4 --offset_increment=1m --bs=4k
	(($(grep -c 'checked, 0 wrong' fio.out) == 1))
	# Whole files of different sizes take one.
	rm -f f g
	written_and_later --filename=f --size=3m --name=k --filename=g --size=1m --rw=write --direct="$DIRECT" --data_seed=1
	(($(grep -c 'checked, 0 wrong' fio.out) == 1))
	# A verify_state_file knows of gaps.
	rm -f state
	written_and_later --size=1m --numjobs=2 --offset_increment=2m --verify_state_file=state
	(($(grep -c 'checked, 0 wrong' fio.out) == 1))
	not_later "too many parts" --size=64k --numjobs=9 --offset_increment=128k
}

@test "verify: what a later job trims, writes or removes is not verified by the line" {
	local second=(--name=k --stonewall --filename=f --direct="$DIRECT" --data_seed=1 --bs=64k)

	not_later trimmed --fallocate=none --filename=f "${second[@]}" --size=512k --rw=trim
	not_later "another job" --filename=f "${second[@]}" --size=512k --rw=trim --dedup_ratio=2
	# What is written anew after that is as it was written.
	rm -f f
	written_and_later --filename=f --size=1m --rw=trim --fallocate=none "${second[@]}" --size=1m --rw=write
	# The second is told, of the first it is said why not.
	rm -f f
	dgen_raw --output-format=normal --filename=f --size=1m "${second[@]}" --size=512k --rw=write --data_version=1
	grep -q 'no command verifies it: another job' fio.out && later && ((status == 0)) || fail "$(cat fio.out fio.err)"
	# Nor is either told where both write at the same time, whichever ends last.
	second=("${second[@]/--stonewall/--rw=write}")
	for loops in 1 4; do
		rm -f f
		dgen_raw --output-format=normal --filename=f --size=1m --loops=2 --rate=4m "${second[@]}" --size=1m \
			--loops=$loops --rate=4m --data_version=7
		(($(grep -c '^dgen: no command verifies it: another job' fio.out) == 2)) || fail "$loops: $(cat fio.out fio.err)"
	done
	second=("${second[@]/--rw=write/--stonewall}")
	# Other parts of the file are no matter.
	rm -f f
	dgen_raw --output-format=normal --filename=f --size=1m "${second[@]}" --offset=1m --size=1m --rw=write --data_version=1
	(($(grep -c '^dgen: to verify it: ' fio.out) == 2)) && later && ((status == 0)) || fail "$(cat fio.out fio.err)"
}

@test "verify: where nothing is written, neither a version nor a line that verifies is told" {
	for options in "--verify_only=1" "--filename=/dev/full --direct=0"; do
		# shellcheck disable=SC2086 # options
		dgen_raw --output-format=normal $options
		! grep -qE '^dgen: (wrote|to verify it|no command)' fio.out || fail "$options: $(cat fio.out)"
	done
	for engine in falloc ftruncate filecreate filestat filedelete; do
		rm -f f
		has_fio_engine $engine || { left_out "this fio has no $engine"; continue; }
		dgen_raw --output-format=normal --backend=fio:$engine --size=1m --bs=64k --direct=0 --verify=md5 \
			--do_verify=0
		grep -q '^dgen: wrote nothing' fio.out || { show fio.out fio.err; fail "$engine"; }
		! grep -qE 'to verify it|go on with|no command' fio.out || fail "$engine: $(cat fio.out)"
		grep -q "backend=fio:$engine keeps no data" fio.err || fail "$engine: $(cat fio.err)"
	done
	# What was written in part is unknown.
	dgen_raw --output-format=normal --filename=/dev/full --direct=0 --continue_on_error=all
	! grep -q 'to verify it' fio.out || fail "$(cat fio.out)"
}

@test "verify: a back end that keeps no data is said to check nothing, once" {
	for thread in 0 1; do
		dgen_raw --output-format=normal --filename=null --backend=null --rw=write \
			--verify=crc32c --numjobs=2 --thread=$thread
		((status == 0)) || fail "fio ended with $status: $(cat "$T/fio.err")"
		(($(grep -c 'backend=null keeps no data, so nothing is checked' "$T/fio.err") == 1)) ||
			fail "not said once: $(cat "$T/fio.err")"
		! grep -qE 'checked,|to verify it' "$T/fio.out" || fail "$(cat "$T/fio.out")"
	done
}

@test "verify: another seed, version, compression or name is all wrong" {
	dgen --dedup_ratio=2
	wrong 4096 "another run.s" --dedup_ratio=2 --data_seed=2
	wrong 4096 "stale" --dedup_ratio=2 --data_version=1
	wrong 4096 "data of this seed" --dedup_ratio=2 --compress_ratio=2
	cp f g
	wrong 4096 "belongs to" --dedup_ratio=2 --filename=g
}

@test "verify: a mixture of versions is right from oldest_version on" {
	dgen --bs=4k
	dgen --bs=4k --rw=randwrite --io_size=8m --data_version=1
	checked --rw=read --data_version=1 --oldest_version=0
	wrong 2048 "stale: version 0" --data_version=1
}

@test "verify: the newest of many overwrites, by chance and in passes" {
	for options in "--rw=randwrite --loops=3" "--rw=randwrite --norandommap --io_size=64m" \
		"--rw=write --loops=4" "--rw=randrw --norandommap --bsrange=4k-32k --io_size=64m" \
		"--rw=randwrite --random_distribution=zipf:1.2 --io_size=64m --bs=4k" \
		"--rw=randwrite --time_based --runtime=2 --verify_backlog=64 --bs=16k" \
		"--rw=randwrite --bs=1k --io_size=32m --size=4m --direct=0" \
		"--rw=randwrite --bs=4k --size=64k --io_size=4m --norandommap --iodepth=32"; do
		rm -f f
		# shellcheck disable=SC2086 # options
		checked --dedup_ratio=2 $options
	done
}

@test "verify: jobs that write over each other are no false alarm" {
	for options in "--numjobs=4 --thread" "--numjobs=3"; do
		rm -f f
		# shellcheck disable=SC2086 # options
		checked --rw=randwrite --bs=4k --size=1m --io_size=8m --norandommap --iodepth=32 \
			$options
		# shellcheck disable=SC2086 # options
		checked --rw=randrw --bsrange=4k-16k --size=2m --loops=2 --iodepth=16 $options
	done
}

@test "verify: fio's own options of it" {
	for options in "--verify_backlog=16" "--verify_backlog=100 --verify_backlog_batch=10" \
		"--verify_async=2" "--verify_offset=64 --verify_interval=4096" "--verify_fatal=1" \
		"--do_verify=1 --loops=2"; do
		# shellcheck disable=SC2086 # options
		checked --rw=randwrite --bs=16k $options
	done
	dgen_raw --output-format=normal --verify=md5 --do_verify=0
	((status == 0)) || fail "do_verify=0 ended with $status"
	run ! grep -q checked "$T/fio.out"
	checked --rw=write --verify_only=1
	checked --rw=randwrite --loops=3
	checked --rw=randwrite --verify_only=1 --data_version=2
	put /dev/zero f 4096 4096
	dgen_raw --output-format=normal --rw=randwrite --verify=md5 --verify_only=1 --data_version=2
	failed
}

@test "verify: verify_fatal ends the job, continue_on_error=verify goes on" {
	dgen --size=16m
	for offset in 100000 5000000 9000000; do
		flip f $offset
	done
	wrong 3 "flipped bits" --bs=64k
	for offset in 98304 4997120 8998912; do
		grep -q "offset $offset," "$T/fio.err" || fail "nothing about offset $offset"
	done
	[[ $(grep -c '^dgen: verify: f: 3 wrong' "$T/fio.err") == 1 ]] || fail "no summary"
	dgen_raw --output-format=normal --rw=read --verify=md5 --verify_fatal=1 --iodepth=1
	failed
	grep -q ' checked, 1 wrong' "$T/fio.out" || fail "it went on"
}

@test "verify: files of later groups are named and summed up too" {
	dgen --filename=a --size=1m
	dgen --filename=b --size=1m --dedup_ratio=2
	for ((n = 0; n < 60; n += 2)); do
		flip a $((n * 4096))
		flip b $((n * 4096))
	done
	flip b $((100 * 4096))
	for thread in 0 1; do
		fio_raw --rw=read --bs=64k --size=1m --data_seed=1 --verify=md5 --continue_on_error=verify \
			--thread=$thread --name=j --filename=a --name=k --stonewall --filename=b --dedup_ratio=2
		failed
		for line in "a: 30 wrong, the first at offset 0" "b: 31 wrong, the first at offset 0"; do
			(($(grep -c "^dgen: verify: $line" fio.err) == 1)) || fail "not $line" "$(<fio.err)"
		done
		for file in a b; do
			(($(grep -c "^dgen: verify: $file: offset .* flipped" fio.err) == 20)) ||
				fail "$file: not 20 lines" "$(<fio.err)"
		done
	done
}

@test "verify: in more files than are named, all that is wrong is counted" {
	dgen --directory=. --nrfiles=300 --size=1200k --bs=4k --filename_format='x.$filenum'
	for ((n = 0; n < 300; n++)); do
		printf '\xff\0\xff\0\xff\0\xff\0' 1<>x.$n
	done
	wrong 300 "" --directory=. --nrfiles=300 --size=1200k --bs=4k --filename_format='x.$filenum'
	(($(grep -c '^dgen: verify: [^ ]*x[^ ]*: 1 wrong, the first at' fio.err) == 256)) || fail "$(<fio.err)"
	grep -q '^dgen: verify: further files: 44 wrong: 44 ' fio.err || fail "$(<fio.err)"
}

@test "verify: verify_dump leaves what was expected and what was found" {
	dgen
	cp f clean
	flip f 100000
	dgen_raw --rw=read --verify=md5 --verify_dump=1 --continue_on_error=verify
	failed
	cmp -s f.98304.received <(tail -c +98305 f | head -c 4096) || fail "not what was found"
	cmp -s f.98304.expected <(tail -c +98305 clean | head -c 4096) || fail "not as expected"
	jq -e . "$T/fio.out" >/dev/null || fail "that is no JSON"
}

@test "verify: trims, with and without trim_verify_zero" {
	verified --rw=randtrimwrite --bs=16k --size=4m
	checked --rw=randtrimwrite --bs=16k --size=4m --loops=3 --trim_verify_zero=1
}

@test "verify: over other back ends" {
	for backend in libaio fio:psync fio:pvsync2 fio:io_uring fio:mmap fio:sync fio:posixaio; do
		rm -f f
		if [[ $backend == fio:* ]] && ! has_fio_engine "${backend#fio:}"; then
			left_out "fio has no ${backend#fio:}"
			continue
		fi
		direct=$DIRECT
		[[ $backend != fio:mmap ]] || direct=0
		checked --rw=randrw --bs=16k --backend=$backend --direct="$direct"
		wrong 2048 "" --rw=read --backend=$backend --direct="$direct" --data_seed=9 --size=8m
	done
}

@test "verify: what does not go with it is refused" {
	dgen_raw --verify=md5 --experimental_verify=1
	refused "experimental_verify"
	dgen_raw --verify=pattern --verify_pattern=0x55
	refused "verify_pattern"
	dgen_raw --verify=md5 --create_serialize=0
	refused "create_serialize"
	dgen_raw --verify=md5 --bs=1000 --direct=0
	refused "512"
	dgen_raw --oldest_version=2 --data_version=1
	refused "oldest_version=2" "data_version=1"
	dgen_raw --oldest_version=2 --data_version=1000
	refused "oldest_version=2"
	dgen_raw --oldest_version=x
	refused "oldest_version=x"
	[[ ! -e f ]] || [[ ! -s f ]] || fail "something was written"
}

@test "verify: the memory is said beforehand, and is one byte for a unit" {
	checked --size=64m --bs=64k
	grep -q '^dgen: verify: one byte for each 4096 bytes of f: 16.00 KiB' "$T/fio.out" ||
		fail "$(cat "$T/fio.out")"
	checked --size=64m --bs=64k --dedup_unit=64k
	grep -q 'each 65536 bytes of f: 1.00 KiB' "$T/fio.out" || fail "$(cat "$T/fio.out")"
}

@test "verify: the memory is said once for all files" {
	checked --directory=. --nrfiles=30 --size=1920k --numjobs=2
	grep -q '^dgen: verify: one byte for each 4096 bytes of 60 files: .* of memory$' fio.out || fail "$(cat fio.out)"
	(($(grep -c 'one byte for each' fio.out) == 1)) || fail "$(cat fio.out)"
}

# ---- files that are not as they were left

@test "verify: a file that is too short or missing is not made again, nor changed" {
	dgen --size=1m
	flip f 70000
	truncate -s 1048064 f
	for options in --data_seed=1 --readonly "--backend=fio:psync" "--filesize=1m"; do
		# shellcheck disable=SC2086 # several
		short "verify: f: has 1048064 bytes, 1048576 are to be verified" --size=1m $options
	done
	# To pretend to write is to verify, too.
	short "1048576 are to be verified" --size=1m --rw=write --verify_only
	rm f cut
	short "verify: f: No such file" --size=1m
	# fio lays out what is read without verify.
	dgen_raw --rw=read --size=1m
	((status == 0)) && checked --rw=read --size=1m
	truncate -s 512k f
	dgen_raw --rw=read --size=1m --readonly
	[[ $(stat -c %s f) == 524288 ]] || fail "--readonly: written to"
}

@test "verify: what another job of the run writes may be missing, whichever comes first" {
	for first in "--rw=write --name=b --rw=read" "--rw=read --name=b --rw=write"; do
		rm -f f
		# shellcheck disable=SC2086 # several
		fio_raw --filename=f --direct="$DIRECT" --data_seed=1 --size=1m --bs=64k --verify=crc32c \
			--stonewall --name=a $first
		((status == 0)) || { show fio.out fio.err; fail "$first"; }
		grep -q '2.00 MiB checked, 0 wrong, nothing left out' fio.out || { show fio.out; fail "$first"; }
	done
}

@test "verify: the command of a run finds that a file was cut since, and is none where its versions are too many" {
	dgen_raw --output-format=normal --size=1m
	truncate -s 512k f
	later
	((status > 0)) && grep -q "^dgen: verify: f: has 524288 bytes, 1048576 are to be verified" fio.err ||
		{ show fio.out fio.err; fail "$status"; }
	rm f
	fio_raw --data_seed=1 --size=64k --bs=64k --rw=write --direct="$DIRECT" --name=a --loops=300 --filename=f \
		--name=b --loops=1 --filename=g
	grep -q "no command verifies it: its versions are too many" fio.out || { show fio.out; false; }
}

@test "verify: a file that is cut while it is read" {
	dgen --size=2m
	dgen_raw --output-format=normal --rw=read --verify=crc32c --size=2m --bs=64k --rate=1m \
		--continue_on_error=verify &
	pid=$!
	# Its last half is not read yet.
	until [[ $(find /proc/[0-9]*/fd -lname "$T/f" -print -quit 2>/dev/null) ]] || ! kill -0 $pid 2>/dev/null; do
		sleep 0.05
	done
	truncate -s 1536k f
	wait $pid || true
	grep -q 'units 384-.*: missing: the file ends before it' fio.err || { show fio.err fio.out; fail "not told"; }
	grep -q 'checked, 128 wrong' fio.out || { show fio.out; false; }
}

@test "verify: jobs that write are tracked where another one verifies, whichever comes first" {
	dgen --size=1m
	share=(--filename=f --direct="$DIRECT" --data_seed=1 --size=1m --bs=4k)
	for jobs in "--name=fill --rw=write --name=chk --stonewall --rw=randrw --verify=crc32c" \
		"--rw=randwrite --loops=4 --name=w1 --name=w2 --verify=crc32c" \
		"--verify=crc32c --name=rd --rw=randread --name=wr --rw=randwrite"; do
		# shellcheck disable=SC2086 # several
		fio_raw "${share[@]}" --data_version=1 $jobs
		((status == 0)) && grep -q 'checked, 0 wrong, nothing left out' fio.out ||
			{ show fio.out fio.err; fail "$jobs"; }
		dgen --size=1m
	done
}

@test "verify: sizes of a range, of sequential and of random writes, and of several files" {
	checked --rw=write --size=1m --bsrange=4k-6k
	checked --rw=write --size=8m --bs=1k,4k --bs_is_seq_rand=1 --dedup_ratio=2
	dedup_is 2 0.5 "bs_is_seq_rand" f
	dgen_raw --filename=a:b:c:d --size=4g --io_size=1m --fallocate=none --verify=crc32c --do_verify=0 \
		--verify_state_file=many
	((status == 0)) || { show fio.err; false; }
	# Two bytes for 4 KiB of what there is, not of what there is times the number of files.
	(($(stat -c %s many) < (4 << 20))) || fail "$(stat -c %s many) bytes of state"
}

@test "verify: without a seed there is nothing to compare with" {
	dgen --size=1m
	fio_raw --name=j --filename=f --rw=read --verify=crc32c
	refused "job j: data_seed= is missing"
	# That of the run will do.
	fio_raw --filename=f --size=1m --bs=64k --name=a --rw=write --name=b --stonewall --rw=read --verify=crc32c
	((status == 0)) || { show fio.err; false; }
}

# ---- faults

@test "verify: injected faults are found and named by fio's run" {
	build_helper inject
	for D in $(full "1 2 10" "2"); do
		for C in $(full "1 2 4" "1 4"); do
			options=("--dedup_ratio=$D" "--compress_ratio=$C" --size=64m --filename=f:g --bs=256k)
			dgen "${options[@]}" --size=128m
			cp f f.old
			dgen "${options[@]}" --size=128m --data_version=1
			rm -f truth
			seed=0
			for kind in bit byte sector unit swap other old half lost shift; do
				"$HELPERS/inject" f --kind $kind --count "$(full 200 20)" --seed $((++seed)) \
					--truth truth --other g --old f.old || (($? < 2)) || fail "inject"
			done
			dgen_raw "${options[@]}" --size=128m --output-format=normal --rw=read \
				--verify=md5 --data_version=1 --continue_on_error=verify
			failed
			# Units, by what they must be called.
			awk '{ for (u = int($1 / 4096); u * 4096 < $1 + $2; u++) print $3 }' truth |
				tr - ' ' | sort | uniq -c | awk '{ $1 = $1; print }' >wanted
			sed -n 's/^dgen: verify: f: [0-9]* wrong, the first at offset [0-9]*: //p' \
				fio.err | tr ',' '\n' | awk '{ $1 = $1; print }' | sort -k 2 >found
			diff wanted found || fail "D=$D C=$C: wanted (<), found (>)"
		done
	done
}

# ---- clean runs

# One job of random options; as many as full says.
random_job() {
	local rws=(write randwrite randrw rw randtrimwrite) sizes=(1m 4m 9m 16m) units=(4k 8k 64k 4k)
	local blocks=(--bs=4k --bs=16k --bs=64k --bs=12k --bs=256k --bsrange=4k-32k
		--bssplit=4k/50:8k/30:64k/20)

	rw=${rws[RANDOM % 5]}
	JOB=("--rw=$rw" --size="${sizes[RANDOM % 4]}" --iodepth=$((1 + RANDOM % 32))
		--dedup_ratio=$((1 + RANDOM % 10)) --compress_ratio=$((1 + RANDOM % 4))
		--dedup_unit="${units[RANDOM % 4]}" "${blocks[RANDOM % 7]}" --data_seed=$RANDOM)
	((RANDOM % 3)) || JOB+=(--norandommap)
	((RANDOM % 3)) || JOB+=(--loops=$((1 + RANDOM % 3)))
	((RANDOM % 4)) || JOB+=(--verify_backlog=$((1 << RANDOM % 10)))
	((RANDOM % 5)) || JOB+=(--verify_async=2)
	((RANDOM % 3)) || JOB+=(--numjobs=$((2 + RANDOM % 3)))
	((RANDOM % 3)) || JOB+=(--thread)
	((RANDOM % 4)) || JOB+=(--fsync=$((1 + RANDOM % 64)))
	((RANDOM % 3)) || JOB+=(--verify_state_file=state)
	[[ $rw == *trim* ]] || ((RANDOM % 3)) || JOB+=(--backend=libaio)
	[[ $rw != *rand* ]] || ((RANDOM % 5)) || JOB+=(--random_distribution=zipf:1.1)
	((RANDOM % 5)) || JOB+=(--io_size=20m)
}

# A read and a write of one place in memory are two copies that run at the same time: what is read may change
# within a sector from one version to the next.
@test "verify: reads that overlap with writes, where no sector is written at once" {
	[[ $(stat -f -c %T /dev/shm) == tmpfs ]] || skip "/dev/shm is no tmpfs"
	IN_MEMORY=$(mktemp -p /dev/shm dgen.XXXXXX)
	for backend in libaio fio:psync; do
		for ((n = 0; n < $(full 40 4); n++)); do
			checked --filename="$IN_MEMORY" --rw=randwrite --bs=64k --size=1m --direct=0 \
				--backend=$backend --loops=100 --numjobs=3 --dedup_unit=64k --data_seed=$n
		done
	done
	# So may it change more than once, and holes may come and go.
	for ((n = 0; n < $(full 60 3); n++)); do
		verified --rw=randtrimwrite --bs=64k --size=4m --numjobs=4 --loops=8 --dedup_unit=64k \
			--data_seed=$n
	done
}

@test "verify: no false alarm in random clean runs" {
	local JOB printed=0
	RANDOM=${SEED:-1}
	for ((n = 0; n < $(full 200 15); n++)); do
		rm -f f state
		random_job
		verified "${JOB[@]}"
		grep -q 'to verify it' fio.out || continue
		((++printed))
		later
		if ((status)) || ! grep -q ' checked, 0 wrong' fio.out; then
			show fio.out fio.err
			fail "later: ${JOB[*]}"
		fi
	done
	((printed >= n / 3)) || fail "only $printed of $n runs said how they are verified"
}
