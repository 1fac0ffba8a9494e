#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# verify_state_file=: what runs have left is verified by later ones, after a kill and a crash too.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib
load verify

state() {
	dgen_raw --output-format=normal --verify_state_file=state "$@"
}

@test "state: what runs left is verified by a later one, without versions" {
	state --rw=write
	state --rw=randwrite --io_size=8m --bs=4k --norandommap
	cp f before
	state --rw=randwrite --io_size=8m --bs=4k --norandommap --randrepeat=0
	((status == 0)) || fail "$(cat "$T/fio.err")"
	checked --rw=read --verify_state_file=state --bs=1m
	# The last run is lost.
	cp f f.good
	cp before f
	changed=$(cmp -l f f.good | awk '{ u = int(($1 - 1) / 4096); if (!(u in s)) n++; s[u] = 1 } END { print n }')
	wrong "$changed" "stale: version" --verify_state_file=state
	cp f.good f
	flip f 123456
	wrong 1 "flipped bits" --verify_state_file=state
}

@test "state: a seed of one's own is not needed" {
	fio_raw --name=j --filename=f --rw=write --bs=64k --size=8m --direct="$DIRECT" \
		--verify_state_file=state
	fio_raw --name=j --filename=f --rw=read --bs=1m --verify=md5 --verify_state_file=state
	((status == 0)) && grep -q 'checked, 0 wrong, nothing left out' "$T/fio.out" ||
		fail "$(cat "$T/fio.out" "$T/fio.err")"
}

@test "state: data for one codec and record, also by the line that verifies it" {
	CODEC=(--compress_codec=zstd --compress_record=32k --compress_ratio=3)
	dgen_raw --output-format=normal --verify=md5 --do_verify=0 "${CODEC[@]}"
	later
	((status == 0)) && grep -q ' checked, 0 wrong' fio.out || fail "$(cat fio.out fio.err)"
	state "${CODEC[@]}"
	later
	((status == 0)) && grep -q ' checked, 0 wrong' fio.out || fail "$(cat fio.out fio.err)"
	state --rw=read --verify=md5 "${CODEC[@]}" --compress_codec=lzo
	refused "verify_state_file=state" "compress_codec=zstd and compress_record=32768" "lzo and"
	state --rw=read --verify=md5 --compress_ratio=3
	refused "verify_state_file=state" "compress_codec=zstd" "default and 0"
}

@test "state: bad files and options are refused" {
	state
	state --dedup_ratio=2
	refused "verify_state_file=state" "dedup_ratio"
	state --dedup_unit=8k
	refused "verify_state_file=state" "dedup_unit"
	state --data_seed=7
	refused "verify_state_file=state" "data_seed"
	state --rw=write --bs=1k --direct=0
	refused "verify_state_file" "1024"
	dgen_raw --rw=read --verify=md5 --filename=g --verify_state_file=state --allow_file_create=0
	failed
	head -c 100000 /dev/urandom >junk
	dgen_raw --verify_state_file=junk
	refused "verify_state_file=junk"
	dgen_raw --verify_state_file=no/such/dir
	refused "verify_state_file=no/such/dir"
	# Each byte of the head may be anything.
	for at in 40 64 72 100 200 208 216 224 232 240 244 256 272; do
		cp state bad
		printf '\377\377\377\377\377\377\377' | dd of=bad bs=1 seek=$at conv=notrunc status=none
		dgen_raw --rw=read --verify=md5 --verify_state_file=bad
		((status < 124)) || fail "a damaged byte $at: $status"
	done
	# 2^56 versions that may be there, of the part that was not written.
	state --rw=write --filename=counted --verify_state_file=many --io_size=1m
	# Where the name is, the newest of them is 38 bytes before, and 6 whether they are known.
	at=$(grep -abo counted many | head -n 1)
	at=${at%%:*}
	printf '\377\377\377\377\377\377\377' |
		dd of=many bs=1 seek=$((at - 38)) conv=notrunc status=none
	printf '\1\0' | dd of=many bs=1 seek=$((at - 6)) conv=notrunc status=none
	dgen_raw --rw=read --filename=counted --verify=md5 --verify_state_file=many
	refused "verify_state_file=many" damaged
	truncate -s 70000 state
	dgen_raw --rw=read --verify=md5 --verify_state_file=state
	refused "verify_state_file=state"
}

@test "state: two runs at a time are refused" {
	need_command flock
	state
	exec 9<state
	flock -x 9
	state
	exec 9<&-
	refused "verify_state_file=state" "in use"
}

@test "state: options that are refused leave no file" {
	for option in --dedup_ratio=2000 --compress_chunk=3k --experimental_verify=1; do
		state --verify=md5 $option
		refused ""
		[[ ! -e state ]] || fail "$option: there is a file"
	done
}

@test "state: a file that has grown since is refused where its versions end" {
	state --rw=write --size=4m
	truncate -s 2g f
	dgen_raw --rw=read --verify=md5 --verify_state_file=state --size=2g
	refused "4194304" "2147483648"
	checked --rw=read --verify_state_file=state --size=4m --filesize=4m
}

# killed SECONDS [option]...: an overwriting job, of which all processes are killed, so long after it
# has begun to write, however slow the machine.
killed() {
	local after=$1 pid
	shift

	touch "$T/before"
	"$FIO" --ioengine="external:$ENGINE" --name=j --filename="$T/f" --direct="$DIRECT" \
		--data_seed=1 --time_based --runtime=60 --verify_state_file="$T/state" "$@" \
		>"$T/fio.out" 2>"$T/fio.err" </dev/null &
	pid=$!
	until [[ $T/f -nt $T/before ]] || ! kill -0 $pid 2>/dev/null; do
		sleep 0.02
	done
	sleep "$after"
	# Again while there are any: one that was forked just then would wait for its parent for ever.
	while pkill -KILL -f -- "--filename=$T/f "; do
		sleep 0.05
	done
	wait $pid 2>/dev/null || true
}

@test "state: killed at random moments, no false alarm, and a fault afterwards is found" {
	need_command pkill
	local complete=0
	RANDOM=${SEED:-7}
	for ((n = 0; n < $(full 50 6); n++)); do
		rm -f f state
		options=(--size=8m --dedup_ratio=$((1 + RANDOM % 3)) --iodepth=$((1 + RANDOM % 32)))
		case $((RANDOM % 4)) in
		0) options+=(--rw=write --bs=64k) ;;
		1) options+=(--rw=randwrite --bs=4k) ;;
		2) options+=(--rw=randwrite --bsrange=4k-32k --norandommap --numjobs=3) ;;
		3) options+=(--rw=randwrite --bs=16k --fsync=16 --thread --numjobs=2) ;;
		esac
		read=(--rw=read --verify_state_file="$T/state" --filename="$T/f" --bs=64k)
		for ((k = 0; k <= RANDOM % 2; k++)); do
			killed "0.$((3 + RANDOM % 7))" "${options[@]}"
		done
		[[ -s state && -s f ]] || continue
		verified "${options[@]}" "${read[@]}" || fail "${options[*]}"
		# Killed before it had begun, and again: nobody knows what was in the file before.
		grep -q 'nothing left out' fio.out || continue
		((++complete))
		flip f $((RANDOM * 256 + RANDOM % 256))
		wrong 1 "" "${options[@]}" "${read[@]}" --numjobs=1
	done
	((complete >= n / 2)) || fail "only $complete of $n runs got far enough"
}

@test "state: after a kill, a further run goes on, and all of it is verified" {
	need_command pkill
	for ((n = 0; n < 3; n++)); do
		killed 0.6 --size=8m --rw=randwrite --bs=4k --iodepth=16
	done
	fio_raw --name=j --filename="$T/f" --direct="$DIRECT" --data_seed=1 --size=8m --rw=randwrite \
		--bs=4k --verify_state_file="$T/state" --verify=md5
	((status == 0)) && grep -q 'checked, 0 wrong, nothing left out' "$T/fio.out" ||
		fail "$(cat "$T/fio.out" "$T/fio.err")"
}

@test "state: killed while it trimmed and wrote, a further run goes on" {
	need_command pkill
	for ((n = 0; n < 4; n++)); do
		killed "0.$((4 + n))" --size=4m --rw=randtrimwrite --bs=16k --iodepth=16 --numjobs=2
	done
	verified --filename="$T/f" --size=4m --rw=randtrimwrite --bs=16k \
		--verify_state_file="$T/state"
}

# goes_on [option]...: three jobs over what killed has left.
goes_on() {
	LIMIT=60 fio_raw --name=j --filename="$T/f" --direct="$DIRECT" --data_seed=1 --size=4m \
		--rw=randwrite --bs=4k --numjobs=3 --verify=crc32c --verify_state_file="$T/state" \
		--output-format=json "$@"
}

@test "state: what a killed run left is neither old nor new: all jobs end, and later ones" {
	need_command pkill
	killed 0.4 --size=4m --rw=randwrite --bs=4k --iodepth=32
	head -c 4m /dev/urandom >f
	for jobs in --thread=0 --thread=1; do
		goes_on $jobs
		refused "holds neither what a killed run was writing there nor what was there before"
	done
}

@test "state: a job that is killed while it looks at what was left lets the others go on" {
	need_command pkill
	build_helper bad_read
	killed 0.4 --size=4m --rw=randwrite --bs=4k --iodepth=32
	printf '#!/bin/sh\nLD_PRELOAD="%s" exec "%s" "$@"\n' "$HELPERS/bad_read" "$(command -v "$FIO")" >fio.sh
	chmod +x fio.sh
	# How fio itself ends then differs.
	KILLED_AT=$T/once FIO=$T/fio.sh goes_on --thread=0
	((status != 124)) || { show fio.err; fail "fio hung"; }
	[[ -e once ]] && grep -q 'got signal=9' fio.err fio.out || fail "nobody was killed"
	checked --filename="$T/f" --size=4m --rw=read --verify_state_file="$T/state"
}

# one_killed [option]...: of two jobs that write to the same places one is killed; the other must end. Succeeds
# where it had to, because of what the killed one held.
one_killed() {
	local pid n sanitized=0

	[[ $FIO != */fio-sanitized ]] || sanitized=1
	rm -f f
	timeout --kill-after=5 60 "$FIO" --ioengine="external:$ENGINE" --name=j --filename="$T/f" \
		--direct="$DIRECT" --size=4m --io_size=256m --rw=randwrite --bs=4k --iodepth=32 \
		--numjobs=2 --thread=0 --verify=crc32c --do_verify=0 "$@" >fio.out 2>fio.err </dev/null &
	pid=$!
	until [[ $(pgrep -c -f -- "--filename=$T/f ") -ge 4 && -s f ]] || ! kill -0 $pid 2>/dev/null; do
		sleep 0.05
	done
	sleep 0.$((RANDOM % 4 + 1))
	kill -KILL "$(pgrep -n -f -- "--filename=$T/f ")"
	status=0
	wait $pid || status=$?
	# With sanitizers fio survives what it frees twice; then the status tells only of a job that was held up.
	((status != 124 && (status != 0 || sanitized))) || { show fio.err fio.out; fail "$*: $status"; exit 1; }
	# fio 3.33 may free twice what the killed job had, and die before the other one has ended.
	for ((n = 0; n < 300; n++)); do
		pgrep -f -- "--filename=$T/f " >/dev/null || break
		sleep 0.1
	done
	((n < 300)) || { fail "$*: the other job goes on for ever"; exit 1; }
	grep -q 'Owner died (a job of this run was killed' fio.err fio.out || return 1
	((status != 0)) || { show fio.err fio.out; fail "$*: $status"; exit 1; }
}

@test "state: a job that is killed does not stop the others for ever" {
	need_command pkill
	for jobs in --gen_threads=0 --gen_threads=1; do
		# One that waits for the other holds nothing itself.
		for ((tries = 0; tries < 20; tries++)); do
			one_killed $jobs && break
		done
		((tries < 20)) || { show fio.err; fail "$jobs: in $tries runs no job was held up"; }
	done
}

@test "state: on the file system that is being filled" {
	file_system 32m
	dgen_raw --filename="$MOUNT/f" --verify_state_file="$MOUNT/state" --output-format=normal \
		--verify=crc32c --size=128m --fill_device=1 --fallocate=none --bs=16k --dedup_unit=512
	((status == 0)) || { show fio.err fio.out; fail "fio ended with $status"; }
	verified --filename="$MOUNT/f" --verify_state_file="$MOUNT/state" --rw=read --dedup_unit=512 \
		--size="$(stat -c %s "$MOUNT/f")"
	# All but the writes that were in flight, 8 of 16 KiB, when there was no room any more.
	grep -qE 'nothing left out|: (1?[0-9]?[0-9]\.[0-9]+ KiB|[0-9]+ B) could not be checked' fio.out || fail "$(grep 'dgen: verify' fio.out)"
	dgen_raw --filename="$MOUNT/f" --verify_state_file="$MOUNT/other" --verify=crc32c --size=16m
	refused "verify_state_file=$MOUNT/other: No space left on device"
}

# As if the system had been started again.
other_boot() {
	local at

	at=$(grep -abo "$(cat /proc/sys/kernel/random/boot_id)" state | head -n 1)
	[[ $at ]] || fail "no boot_id in the state"
	printf 00000000 | dd of=state bs=1 seek="${at%%:*}" conv=notrunc status=none
}

@test "state: after a crash of the system, what was flushed must be there" {
	need_command pkill
	state --size=8m --rw=write --filename="$T/f" --end_fsync=1
	cp f first
	killed 1 --size=8m --rw=randwrite --bs=4k --fsync=1 --iodepth=1
	other_boot
	cp state crashed
	verified --size=8m --rw=read --verify_state_file=state --filename="$T/f"
	# All that the second run had flushed is lost.
	lost=$(cmp -l f first | awk '{ u = int(($1 - 1) / 4096); if (!(u in s)) n++; s[u] = 1 } END { print n + 0 }')
	((lost > 1)) || skip "this disk is too slow to flush in a second"
	cp first f
	dgen_raw --output-format=normal --rw=read --verify=md5 --verify_state_file=state --size=8m \
		--filename="$T/f" --continue_on_error=verify
	failed
	# The last write may not have been flushed.
	found=$(sed -n 's/.* checked, \([0-9]*\) wrong.*/\1/p' "$T/fio.out")
	((found >= lost - 1 && found <= lost)) || fail "$found found of $lost"
	# Nobody writes on from there by mistake, nor is the crash forgotten by trying.
	cp state before
	state --size=8m --rw=write --filename="$T/f"
	refused "verify_state_file=state" "stopped"
	same before state "a writer that was refused"
}

# may_be_old SIZE: the file as it was first is right, but zeros in it are not.
may_be_old() {
	cp first f
	verified --size="$1" --rw=read --verify_state_file=state --filename="$T/f"
	put /dev/zero f 8192 4096
	wrong 1 "zeros" --size="$1" --verify_state_file=state --filename="$T/f"
}

@test "state: what was not flushed before a crash may be old" {
	need_command pkill
	state --size=8m --rw=write --filename="$T/f" --end_fsync=1
	cp f first
	killed 1 --size=8m --rw=randwrite --bs=4k --iodepth=8
	other_boot
	may_be_old 8m
}

@test "state: what has begun again since the last flush may be any" {
	need_command pkill
	state --size=64k --bs=4k --rw=randwrite --filename="$T/f" --loops=20 --end_fsync=1
	cp f first
	dgen_raw --filename=probe --size=64k --rw=randwrite --bs=4k --time_based --runtime=1 --verify=crc32c --do_verify=0
	(($(json '.jobs[0].write.total_ios') > 2 * 16 * 125)) ||
		skip "this disk is too slow to write each unit over 125 times in a second"
	killed 1 --size=64k --rw=randwrite --bs=4k --iodepth=8
	other_boot
	may_be_old 64k
}

@test "state: a file that is shorter than what was written is an error, and not written to" {
	state --rw=write --size=1m
	truncate -s 500k f
	cp f cut
	for rw in randrw randwrite; do
		dgen_raw --rw=$rw --size=1m --verify=crc32c --verify_state_file=state
		refused "f has 512000 bytes, but more than 1044480 were written"
		same f cut $rw
	done
	short "f has 512000 bytes" --verify_state_file=state --size=0
	rm f
	dgen_raw --rw=randwrite --size=1m --verify=crc32c --verify_state_file=state
	refused "f has 0 bytes, but more than 1044480 were written"
}

@test "state: a file that fio makes anew, larger, is known as that" {
	for more in "--rw=randrw" "--rw=randwrite --io_size=200k" "--rw=write --io_size=100k"; do
		rm -f f state
		state --rw=randwrite --bs=4k --size=1m --loops=2
		# shellcheck disable=SC2086 # several
		checked --verify_state_file=state --bs=4k --size=2m $more
		checked --verify_state_file=state --rw=read --size=2m
	done
}

@test "state: another file, seed, ratio or domain than it is about" {
	both=(--verify=crc32c --size=1m --rw=write --verify_state_file=state --filename=f --data_seed=5 --name=a --name=b)
	for other in --data_seed=6 --dedup_ratio=3 --dedup_unit=8k; do
		fio_raw "${both[@]}" --filename=g $other
		((status > 0 && status < 124)) &&
			grep -q "^dgen: verify_state_file=state: job b: other options of the data" fio.err ||
			{ show fio.err; fail "$other"; }
		rm -f f g state
	done
	fio_raw --name=a --rw=write --size=64k --verify=crc32c --filename=./f --verify_state_file=f
	refused "verify_state_file=f: is ./f, which job a"
	rm -f f
	fio_raw --size=64k --rw=write --filename=f --name=a --verify=crc32c --verify_state_file=state --name=b
	((status > 0 && status < 124)) &&
		grep -q "^dgen: job b: writes f without verify_state_file=state, which job a names" fio.err ||
		{ show fio.err; fail "b wrote"; }
	rm -f f state
	state --rw=write --size=64k --dedup_domain=X
	dgen_raw --rw=read --size=64k --verify=crc32c --verify_state_file=state
	refused "f: has data of another dedup_domain"
	dgen_raw --rw=write --size=64k --loops=3 --unlink_each_loop=1 --verify=crc32c
	refused unlink_each_loop=1
}
