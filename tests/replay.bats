#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# read_iolog=: what a log says is done, counted and checked, all of it, whatever is in flight at its end.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# log NAME [option]...: of what fio would do to the file f.
log() {
	"$BARE_FIO" --name=j --ioengine=null --filename=f --rw=write --bs=64k --size=2m --write_iolog="$1" \
		"${@:2}" >/dev/null
}

# replay [option]...: of the log named log; it may fail.
replay() {
	dgen_raw --read_iolog=log --output-format=normal "$@"
}

# The last MiB that our line says were written.
wrote() {
	sed -n 's/^dgen: wrote \([0-9.]*\) MiB.*/\1/p' fio.out
}

@test "replay: what is in flight at the end is written and counted" {
	local backend threads

	log log
	dgen --size=2m
	mv f wanted
	for backend in io_uring libaio fio:libaio fio:psync; do
		for threads in 0 1 2; do
			rm -f f
			replay --iodepth=32 --backend=$backend --gen_threads=$threads
			((status == 0)) || { show fio.out fio.err; fail "$backend, gen_threads=$threads"; }
			[[ $(wrote) == 2.00 ]] || fail "$backend, gen_threads=$threads: wrote $(wrote) MiB"
			grep -q 'WRITE: .*io=2048KiB' fio.out || fail "$backend, gen_threads=$threads: $(grep WRITE: fio.out)"
			(($(stat -c %s f) == 2097152)) || fail "$backend, gen_threads=$threads: $(stat -c %s f) bytes"
			[[ $("$MEASURE" --quiet --json --codec=none f | jq '.units[0].zero') == 0 ]] ||
				fail "$backend, gen_threads=$threads: zeros"
		done
	done
}

@test "replay: the end of a log is the end of the job, whatever else goes on" {
	log log
	for option in --time_based=1\ --runtime=30 --size=64m --loops=3 --end_fsync=1 --read_iolog_chunked=1 \
		--io_size=64m --thread=1 --iodepth_batch=8 --fsync_on_close=1; do
		rm -f f
		# shellcheck disable=SC2086 # two of them
		LIMIT=20 replay --iodepth=16 $option
		((status == 0)) || { show fio.out fio.err; fail "$option: $status"; }
		[[ $(wrote) == 2.00 ]] || fail "$option: wrote $(wrote) MiB"
	done
}

@test "replay: a log that breaks off leaves what was sent before" {
	for threads in 0 1; do
		rm -f f
		log log
		sed -i '$d' log
		printf '9000 missing/f add\n9001 missing/f open\n9002 missing/f write 0 65536\n9003 missing/f close\n' >>log
		replay --iodepth=64 --gen_threads=$threads
		failed
		[[ $(wrote) == 2.00 ]] || fail "gen_threads=$threads: wrote $(wrote) MiB"
		(($(stat -c %s f) == 2097152)) || fail "gen_threads=$threads: $(stat -c %s f) bytes"
		rm log
	done
}

@test "replay: what is read in flight at the end is checked" {
	dgen --size=2m
	log log --rw=read
	for depth in 1 4 64; do
		for backend in io_uring fio:libaio; do
			replay --rw=read --verify=crc32c --iodepth=$depth --backend=$backend
			((status == 0)) || { show fio.out fio.err; false; }
			grep -q 'dgen: verify: 2.00 MiB checked, 0 wrong, nothing left out' fio.out ||
				fail "$backend, iodepth=$depth: $(grep verify: fio.out)"
			replay --rw=read --verify=crc32c --iodepth=$depth --backend=$backend --data_seed=2
			failed
			grep -q 'f: .* wrong' fio.err || { show fio.err; false; }
		done
	done
}

@test "replay: what latency_target leaves in flight is no loss of the back end" {
	no_sanitizers
	for backend in io_uring fio:libaio; do
		for threads in 0 1; do
			rm -f f
			dgen --latency_target=50ms --latency_window=300ms --latency_percentile=90 \
				--time_based --runtime=2 --backend=$backend --gen_threads=$threads
			! grep -q 'never ended' fio.err fio.out || { show fio.err; false; }
		done
	done
}

@test "replay: files come from the log alone" {
	local thread

	log log
	dgen --size=2m --data_version=5 --dedup_ratio=2
	mv f wanted
	for thread in 0 1; do
		fio_raw --name=j --read_iolog=log --iodepth=8 --data_seed=1 --data_version=5 --dedup_ratio=2 \
			--thread=$thread --verify=crc32c
		((status == 0)) || { show fio.out fio.err; false; }
		same f wanted "thread=$thread"
		grep -q 'dgen: verify: 2.00 MiB checked, 0 wrong, nothing left out' fio.out || { show fio.out; false; }
		rm f
	done
	"$BARE_FIO" --name=j --ioengine=null --directory=. --filename_format='m.$filenum' --nrfiles=3 --rw=randwrite \
		--bs=4k --size=3m --write_iolog=several >/dev/null
	fio_raw --name=j --read_iolog=several --iodepth=8 --data_seed=1 --dedup_ratio=2
	((status == 0)) || { show fio.out fio.err; false; }
	dedup_is 2 3 "three files" m.0 m.1 m.2
	sed -i 's/m\.1/d/' several
	mkdir d
	rm m.*
	fio_raw --name=j --read_iolog=several --iodepth=8 --data_seed=1
	refused ./d "is a directory"
}

@test "replay: versions begin with data_version, and do not run away" {
	local newest option

	log log
	for option in --filename=f --iodepth=16 --read_iolog_chunked=1; do
		rm -f f
		replay --data_version=70 $option
		newest=$(sed -n 's/^dgen: wrote .*data_version 70 to \([0-9]*\);.*/\1/p' fio.out)
		# How far a log goes that is read in chunks is only seen as it goes on.
		[[ $newest ]] && ((newest < 70 + ($([[ $option == *chunked* ]] && echo 128 || echo 64)))) ||
			{ grep dgen: fio.out; false; }
	done
	# An overwrite changes nearly all.
	log twice --loops=2
	cat f >before
	replay --data_version=200 --read_iolog=twice
	shares "the second time" 0 f before
}

@test "replay: what a log writes is read back and checked" {
	local options

	log log --rw=randwrite --bs=4k --norandommap --size=4m
	log mixed --rw=randrw --bs=8k --fsync=16 --size=4m
	for options in --iodepth=1 --iodepth=16\ --thread=1 --iodepth=16\ --gen_threads=2 \
		--iodepth=32\ --backend=libaio --iodepth=8\ --backend=fio:libaio --verify_backlog=64\ --iodepth=4; do
		for each in log mixed; do
			rm -f f
			# shellcheck disable=SC2086 # several
			replay --read_iolog=$each --verify=crc32c $options
			((status == 0)) || { show fio.out fio.err; fail "$each, $options"; }
			grep -q 'dgen: verify: [2-4]\.[0-9]* MiB checked, 0 wrong' fio.out ||
				{ grep dgen: fio.out; fail "$each, $options"; }
			# Of a mix, what is read behind the end of the file.
			[[ $each != log ]] || grep -q 'nothing left out' fio.out || { grep dgen: fio.out; false; }
		done
	done
	# Another job of the run wrote what a log reads, and one replays it beside another.
	log reads --rw=read --size=16m
	fio_raw --data_seed=1 --verify=crc32c --bs=64k --iodepth=8 --name=a --filename=f --rw=write --size=16m \
		--name=b --stonewall --read_iolog=reads
	((status == 0)) || { show fio.out fio.err; false; }
	grep -q 'dgen: verify: 32.00 MiB checked, 0 wrong, nothing left out' fio.out || { grep dgen: fio.out; false; }
	rm f
	replay --verify=crc32c --iodepth=8 --numjobs=2 --thread=0
	((status == 0)) || { show fio.out fio.err; false; }
}

# fio itself crashes with these, or writes into what memory happens to hold.
@test "replay: a log for which fio has no files is refused" {
	local each

	log log --size=1m
	rm -f f
	replay --thread=1 --numjobs=2
	failed
	grep -q 'job j: read_iolog=log: with thread=1 and numjobs= .* a section' fio.err || { show fio.err; false; }
	replay --thread=1 --name=k --filename=g --read_iolog=log --data_seed=1
	((status == 0)) || { show fio.out fio.err; false; }
	rm f
	for each in 'f write 0 4096' 'g add\nf write 0 4096' 'g add\ng open\nf open\ng write 0 4096'; do
		printf 'fio version 2 iolog\n%b\n' "$each" >log
		replay
		refused read_iolog=log "before it adds it" "job j"
		[[ ! -e f ]] || fail "$each"
	done
	# To io_uring -1 is no offset.
	printf 'fio version 2 iolog\nf add\nf open\nf write 18446744073709551615 4096\nf close\n' >log
	replay --direct=0
	refused read_iolog=log "offset of 2^63" "job j"
	[[ ! -e f ]]
}

@test "replay: with verify_state_file, from one run to the next" {
	local command

	log log --rw=randwrite --bs=4k --norandommap
	replay --verify=crc32c --verify_state_file=state --iodepth=8
	((status == 0)) || { show fio.out fio.err; false; }
	replay --verify_state_file=state --iodepth=8 --gen_threads=1
	((status == 0)) || { show fio.out fio.err; false; }
	command=$(sed -n 's/^dgen: to verify it: fio //p' fio.out)
	[[ $command == *--verify_state_file=* && $command != *--filesize=0* ]] || fail "$command"
	eval "\"$FIO\" $command" >verified 2>&1 || { show verified; false; }
	grep -q '0 wrong' verified
	# Only reads back what the log wrote.
	replay --verify=crc32c --verify_state_file=state --iodepth=8 --verify_only=1
	((status == 0)) || { show fio.out fio.err; false; }
	grep -q 'dgen: verify: [1-9][0-9.]* MiB checked, 0 wrong, nothing left out' fio.out || { grep dgen: fio.out; false; }
	dd if=/dev/urandom of=f bs=4096 seek="$(awk '/ write / { print $4 / 4096; exit }' log)" count=1 \
		conv=notrunc status=none
	replay --verify=crc32c --verify_state_file=state --iodepth=8 --verify_only=1
	failed
	grep -q 'verify: f: .* wrong' fio.err || { show fio.err; false; }
}

@test "replay: verify is refused where the log is read in chunks" {
	log log
	replay --read_iolog_chunked=1 --verify=crc32c
	refused read_iolog_chunked=1 verify= "job j"
	replay --read_iolog_chunked=1 --verify_state_file=state
	refused read_iolog_chunked=1 verify_state_file= "job j"
	[[ ! -e f ]]
}

@test "replay: a log of a device that is in use is refused" {
	file_system 32m
	printf 'fio version 3 iolog\n1 %s add\n2 %s open\n3 %s write 0 65536\n4 %s close\n' \
		"$DEVICE" "$DEVICE" "$DEVICE" "$DEVICE" >log
	for option in --read_iolog_chunked=0 --read_iolog_chunked=1; do
		fio_raw --name=j --read_iolog=log $option
		refused "$DEVICE" "allow_mounted_write=1"
	done
}

@test "replay: a blktrace" {
	need_command python3
	python3 - <<-END
		import struct
		def trace(name, events):
		    with open(name, "wb") as out:
		        for i, (action, sector, length) in enumerate(events):
		            out.write(struct.pack("=IIQQIIIIIHH", 0x65617407, i, 1000000 * i + 1, sector, length,
		                      action << 16 | 1, 1, 8 << 20 | 1, 0, 0, 0))
		READ, WRITE, FLUSH, DISCARD = 1, 2, 4, 1 << 13 | 2
		blocks = range(0, 4096, 128)
		writes = [(WRITE, at, 65536) for at in blocks]
		trace("writes", writes)
		trace("all", writes + [(READ, at, 65536) for at in blocks] +
		      [(DISCARD, at, 65536) for at in blocks[::4]] + [(FLUSH, 0, 0)])
	END
	for options in --iodepth=1 --iodepth=64 --iodepth=16\ --gen_threads=2 --iodepth=16\ --backend=libaio \
		--iodepth=16\ --verify=crc32c --replay_time_scale=1000 --replay_no_stall=1\ --iodepth=32 \
		--replay_align=4096\ --replay_scale=2\ --iodepth=8; do
		for each in writes all; do
			truncate -s 2m f
			# shellcheck disable=SC2086 # several
			replay --read_iolog=$each --replay_redirect=f $options
			((status == 0)) || { show fio.out fio.err; fail "$each, $options"; }
			[[ $(wrote) == 2.00 ]] || fail "$each, $options: wrote $(wrote) MiB"
			rm f
		done
	done
	truncate -s 2m f
	# fio itself takes what lies behind its buffers.
	replay --read_iolog=writes --replay_redirect=f --read_iolog_chunked=1 --bs=4k
	refused read_iolog_chunked=1 65536 bs=
}
