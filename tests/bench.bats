#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# dgen-bench: the seed's command line, checks before a run, profiles, tuning.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

BENCH=${BENCH:-$(dirname "$ENGINE")/dgen-bench}
export DGEN_ENGINE=$ENGINE

setup_file() {
	[[ -x $(dirname "${ENGINE:-$BATS_TEST_DIRNAME/../libdgen_engine.so}")/dgen-bench ]] ||
		skip "dgen-bench is not beside the engine"
}

# bench_raw [argument]...: leaves its exit status in $status, its output in out and err.
bench_raw() {
	local direct=()

	# For a disk that takes no O_DIRECT.
	((DIRECT)) || direct=(--no-direct)
	status=0
	FIO=$FIO timeout --kill-after=5 120 "$BENCH" "${direct[@]}" "$@" >out 2>err </dev/null ||
		status=$?
}

# bench [argument]...: the same, and it must end well.
bench() {
	bench_raw "$@"
	((status == 0)) || { show out err; fail "dgen-bench $* ended with $status"; }
}

# complains STATUS WORD... -- [argument]...: it ends so, with one line that has all these words.
complains() {
	local wanted=$1 words=() word
	shift

	while [[ $1 != -- ]]; do
		words+=("$1")
		shift
	done
	shift
	bench_raw "$@"
	[[ $status == "$wanted" ]] || { show out err; fail "dgen-bench $* ended with $status"; }
	[[ $(wc -l <err) == 1 && ! -s out ]] || { show out err; fail "dgen-bench $*: not one line"; }
	for word in "${words[@]}"; do
		grep -qF -- "$word" err || { show err; fail "dgen-bench $*: no '$word'"; }
	done
}

# job_has LINE...: the job that was printed has these.
job_has() {
	local line

	for line; do
		grep -qxF -- "$line" out || { show out; fail "no $line in the job"; }
	done
}

# The seed document's command lines as printed there: only the path, and the size and the pool
# where they would not fit into a test.
@test "bench: each command line of the seed document" {
	need_space 200
	while read -r size arguments; do
		# shellcheck disable=SC2086
		bench --size ${size}MB $arguments --output "$T/test.bin"
		[[ $(stat -c %s test.bin) == $((size << 20)) ]] ||
			fail "$arguments: $(stat -c %s test.bin) bytes"
		grep -q 'wrote' out || { show out; fail "$arguments: no result"; }
		rm test.bin
	done <<-END
		10 --auto
		10
		100 --buffer-size 8MB --buffer-count 256 --num-writers 8
		100 --buffer-size 8MB --buffer-count 512 --num-writers 16
		50 --compress-ratio 3.0 --dedup-ratio 2.0
		10 --no-direct
		10 --buffer-size 8388608
		10 --buffer-size 8MB
		20 --buffer-size 16MB
		10 --num-writers 8
		10 --num-writers 16
		20 --num-writers 32 --buffer-size 256KB
		10 --buffer-count 256
		10 --buffer-count 512
		10 --buffer-count 100
		10 --buffer-size 2MB
		10 --max-threads 32
		10 --numa-mode auto
		10 --numa-mode force
		10 --numa-mode disabled
	END
}

@test "bench: the same at their full size are jobs that fio takes" {
	while read -r line; do
		# shellcheck disable=SC2086
		bench $line --output "$T/test.bin" --backend null --job
		"$FIO" --ioengine="external:$ENGINE" --parse-only out >fio.out 2>&1 ||
			{ show out fio.out; fail "$line"; }
	done <<-END
		--auto --size 10GB
		--size 100GB --buffer-size 8MB --buffer-count 256 --num-writers 8
		--size 100GB --buffer-size 8MB --buffer-count 512 --num-writers 16
		--size 50GB --compress-ratio 3.0 --dedup-ratio 2.0
		--size 1GB --no-direct
		--size 10GB
		--size 10GB --num-writers 8
		--size 10GB --num-writers 16
		--size 10GB --num-writers 32
		--size 10GB --buffer-size 8MB
		--size 10GB --buffer-size 16MB
		--size 10GB --buffer-size 8388608
		--size 10GB --buffer-size 2MB
		--size 10GB --buffer-count 100
		--size 10GB --buffer-count 256
		--size 10GB --buffer-count 512
		--size 10GB --max-threads 32
	END
}

@test "bench: the defaults are the seed's" {
	bench --size 10GB --job --backend null
	job_has filename=benchmark_output.bin bs=4m iodepth=250 size=10240m dedup_ratio=1 \
		compress_ratio=1 "direct=$DIRECT" rw=write
	! grep -Eq '^(numjobs|data_seed|gen_threads|numa_mode)=' out || { show out; false; }
}

@test "bench: the data has the ratios, and the size is exact" {
	# Writers, buffer and size that do not go into each other.
	bench --size $((100 * 1024 + 12))k --num-writers 3 --buffer-size 1028k --seed 7 \
		--dedup-ratio 2 --compress-ratio 2 -o f
	[[ $(stat -c %s f) == $(((100 * 1024 + 12) * 1024)) ]] || fail "$(stat -c %s f) bytes"
	dedup_is 2 0.5 bench f
	compression_is 2 bench f
	no_holes bench
	"$ROOT/dgen" --verify --seed 7 --dedup-ratio 2 --compress-ratio 2 f
}

@test "bench: several outputs share the size" {
	bench --size 30MB --buffer-size 1MB --num-writers 2 --seed 7 -o f -o 'g:h i,%' -o k
	for file in f 'g:h i,%' k; do
		[[ $(stat -c %s "$file") == $((10 << 20)) ]] || fail "$file: $(stat -c %s "$file")"
		"$ROOT/dgen" --verify --seed 7 "$file"
	done
	grep -q '3 outputs: taking 3 writers' err || { show err; false; }
}

@test "bench: --verify, and --read --verify later, see what is wrong" {
	bench --size 16MB --num-writers 3 --buffer-size 1MB --seed 7 --verify -o f
	grep -q 'verify: 16.00 MiB checked, 0 wrong' out || { show out; false; }
	! grep -q 'multiple writers' out err || { show out err; false; }
	bench --read --verify --seed 7 --num-writers 2 --buffer-size 1MB -o f
	grep -q 'verify: 16.00 MiB checked, 0 wrong' out || { show out; false; }
	printf x | dd of=f bs=1 seek=5000000 conv=notrunc status=none
	bench_raw --read --verify --seed 7 -o f
	((status != 0)) || fail "the wrong byte was not seen"
}

@test "bench: --read reads all that is there and changes nothing" {
	head -c 3000000 /dev/urandom >f
	cp f g
	bench --read -o f --buffer-size 64k --no-direct --json out.json
	[[ $(jq '[.jobs[].read.io_bytes] | add' out.json) == $((3000000 / 512 * 512)) ]] ||
		{ show out.json; false; }
	same f g "--read"
}

@test "bench: data of every kind that dgen makes, by the same options" {
	data=(--compress-ratio=1/20:2/50:4/30 --dedup-unit=8KB --zero_percentage=5 --dedup-ratio=1.5
		--compress-codec=zstd --compress-record=8k --dedup-skew=10)
	bench --size 4MB --buffer-size 256k --data_seed 7 "${data[@]}" -o f
	"$ROOT/dgen" --verify --seed 7 "${data[@]}" f
	bench --size 4MB --job --backend null "${data[@]}" -o f
	job_has compress_ratio=1/20:2/50:4/30 dedup_unit=8KB zero_percentage=5 dedup_ratio=1.5 \
		compress_codec=zstd compress_record=8k dedup_skew=10
}

@test "bench: --read of less than a buffer, and of a file that was cut" {
	bench --size 1MB --seed 7 -o f
	for size in 1048576 1000448 6144 4096; do
		truncate -s $size f
		bench --read --verify --seed 7 -o f --json out.json
		[[ $(jq '[.jobs[].read.io_bytes] | add' out.json) == "$size" ]] ||
			{ show err; fail "$size: $(jq '[.jobs[].read.io_bytes] | add' out.json)"; }
		! grep -E ' 0 buffers| 1 writers|taking 0|writers' err || { show err; fail "$size"; }
		bench_raw --read --verify --seed 7 -o f --size 2MB
		((status != 0)) || fail "$size: nothing is missing"
	done
	# Less than a sector cannot be read past the page cache: that is said.
	bench --size 1MB --seed 7 -o f
	truncate -s 5000 f
	bench --read --verify --seed 7 -o f
	grep -q 'f: its last 392 bytes are less than a sector and not verified' err || { show err; false; }
	bench --size 4MB --seed 7 -o g
	bench --read --verify --seed 7 -o g --num-writers 3 --buffer-size 2MB
	grep -q '3 readers for 2 buffers of 2 MiB: taking 2' err || { show err; false; }
	bench --read --verify --seed 7 -o g --num-writers 3 --buffer-size 4MB
	grep -q '3 readers for 1 buffer of 4 MiB: taking 1' err || { show err; false; }
}

@test "bench: threads that are too few are told, with JSON the seed is" {
	bench --size 4MB --buffer-size 512k --num-writers 4 --max-threads 2 -o f --json out.json
	grep -q -- '--max-threads=2: fewer than one for each of 4 writers' err || { show err; false; }
	seed=$(sed -n 's/^dgen-bench: data_seed=\(0x[0-9a-f]\{16\}\)$/\1/p' err)
	[[ $seed ]] || { show err; fail "no seed"; }
	"$ROOT/dgen" --verify --seed "$seed" f
	# Then the result, and fio's own status.
	tail -n 1 err | grep -qE '^dgen-bench: 4 MiB written in [0-9.]+ s: [0-9.]+ MB/s, [a-z-]+$' || { show err; false; }
	bench --size 4MB --seed 7 --verify -o f --json -
	tail -n 1 err | grep -qE '^dgen-bench: 4 MiB written, 4 MiB read in .*; verified$' || { show err; false; }
	jq -e . out >/dev/null
	printf x | dd of=f bs=1 seek=50000 conv=notrunc status=none
	bench_raw --read --size 4MB --seed 7 --verify -o f --json out.json
	((status == 1)) || fail "ended with $status"
	! grep -q verified err || { show err; false; }
	# A signal is passed on, and fio is not left behind.
	FIO=$FIO "$BENCH" --size 4MB --runtime 60 --no-direct -o "$T/f" --json out.json >out 2>err &
	for ((i = 0; i < 100; i++)); do
		[[ ! $(pgrep -P $!) ]] || break
		sleep 0.1
	done
	child=$(pgrep -P $!)
	kill -TERM $!
	status=0
	wait $! || status=$?
	((status != 0)) && [[ ! -d /proc/$child ]] || fail "ended with $status, $child is left"
}

@test "bench: --json gives JSON alone, in a file and on standard output" {
	bench --size 8MB -o f --json fio.out
	[[ $(json '[.jobs[].write.io_bytes] | add') == $((8 << 20)) ]]
	bench --size 8MB -o f --json -
	[[ $(jq '[.jobs[].write.io_bytes] | add' out) == $((8 << 20)) ]] || { show out; false; }
}

@test "bench: --runtime goes over the data again" {
	bench --size 4MB --buffer-size 1MB -o f --runtime 1 --json out.json
	(($(jq '[.jobs[].write.io_bytes] | add' out.json) > 4 << 20)) || fail "only once"
	[[ $(stat -c %s f) == $((4 << 20)) ]]
}

@test "bench: fio options behind -- win" {
	bench --size 8MB -o f --job --backend null -- --direct=0 --rate 1g
	! grep -q '^direct=' out || { show out; false; }
	bench --size 8MB -o f --backend fio:psync --json out.json -- --rate=100m --direct=0
	[[ $(jq -r '.["global options"].rate' out.json) == 100m ]] || { show out.json; false; }
	[[ $(jq -r '.["global options"].direct' out.json) == 0 ]] || { show out.json; false; }
}

@test "bench: the job it prints runs by itself" {
	bench --auto --size 40MB -o f --seed 7 --job
	mv out job.fio
	fio_raw job.fio
	((status == 0)) || { show fio.out fio.err; false; }
	"$ROOT/dgen" --verify --seed 7 f
}

@test "bench: says what happens to a file that exists" {
	head -c 8M /dev/zero >f
	bench --size 4MB -o f
	grep -q 'f: exists, its first 4 MiB are overwritten in place' err || { show err; false; }
	[[ $(stat -c %s f) == $((8 << 20)) ]]
	bench --size 12MB -o f
	grep -q 'f: exists, its 8 MiB are overwritten' err || { show err; false; }
	[[ $(stat -c %s f) == $((12 << 20)) ]]
}

@test "bench: bad values get one line with option, value and what is allowed" {
	for value in '' 1kk 0 1000; do
		complains 2 "--size=$value: must be" -- --size="$value"
	done
	for value in 0 6k 2GB; do
		complains 2 "--buffer-size=$value: must be a multiple of 4KB" -- --buffer-size="$value"
	done
	for value in x 0; do
		complains 2 "--buffer-count=$value: must be a number from 1" -- \
			--buffer-count="$value"
		complains 2 "--runtime=$value: must be" -- --runtime="$value"
		complains 2 "--max-threads=$value: must be" -- --max-threads="$value"
	done
	for value in 0 65; do
		complains 2 "--num-writers=$value: must be a number from 1 to 64" -- \
			--num-writers="$value"
	done
	for value in 0.5 2x; do
		complains 2 "--dedup-ratio=$value: must be a number from 1 to 1000" -- --dedup-ratio="$value"
		complains 2 "--compress-ratio=$value: must be" -- --compress-ratio="$value"
	done
	complains 2 "--numa-mode=on: must be auto, force or disabled" -- --numa-mode=on
	complains 2 "--seed=x: must be" -- --seed=x
	complains 2 "--auto=0: must be" -- --auto=0
	complains 2 "--buffer-count=3: must be at least" 4 -- --buffer-count=3 --num-writers=4
	complains 2 "f: not an option; use --output=f" -- f
	complains 2 "--frob: no such option; try dgen-bench --help" -- --frob
	# What the engine would refuse, before fio is started.
	complains 2 "--dedup-ratio=2000: must be a number from 1 to 1000" -- --dedup-ratio=2000
	complains 2 "--compress-ratio=1000: a number from 1 to 101" -- --compress-ratio=1000
	complains 2 "--compress-ratio=1/20:2/30: percentages must add up to 100, here 50" -- \
		--compress-ratio=1/20:2/30
	complains 2 "--compress-chunk=8k: " "dedup_unit=4096" -- --compress-chunk=8k
	complains 2 "--compress-codec=gzip: must be lz4, zstd, deflate or lzo" -- --compress-codec=gzip
	for value in foo fio: ''; do
		complains 2 "--backend=$value: must be io_uring, libaio, null or fio:NAME" -- --backend="$value"
	done
	for value in /nonexist/x "$T" ''; do
		complains 2 "--json=$value: must be a file that can be written, or -" -- --json="$value" -o f
	done
	complains 2 "--seed is missing" -- --read --verify
	complains 2 "-- --bs: must be given as --buffer-size" -- -- --bs=4k
	complains 2 "--tune=f: not with --output" -- --tune=f -o f
	for name in '' 'a#b' 'a$b' ' a'; do
		complains 2 "--output=$name: must be" -- --output="$name"
	done
	complains 2 "--output=./f: the same as --output=f" -- -o f -o ./f
	[[ ! -e f && ! -e benchmark_output.bin ]]
}

@test "bench: outputs that cannot be, and no engine or fio" {
	complains 1 none/f "No such file" -- -o none/f
	complains 2 "$T: a directory" -- -o "$T"
	mkfifo pipe
	complains 2 "pipe: neither a file nor a device" -- -o pipe
	complains 1 "f: No such file" -- --read -o f
	: >f
	complains 2 "f: is empty" -- --read -o f
	head -c 4096 /dev/zero >f
	complains 2 "f: has 4 KiB, less than the 8 KiB" -- --read -o f --size 8k
	rm f
	status=0
	FIO=$T/none "$BENCH" --size 1MB -o f >out 2>err || status=$?
	[[ $status == 1 ]] && grep -q 'is fio installed' err || { show err; false; }
	cp "$BENCH" alone
	status=0
	env -u DGEN_ENGINE ./alone --size 1MB -o f >out 2>err || status=$?
	[[ $status == 1 ]] && grep -q 'run make, or name it' err || { show err; false; }
	[[ ! -e f ]]
}

@test "bench: room on the disk is checked before anything is written" {
	complains 1 "f: 4 EiB more are needed, but" "are free" -- -o f -s 4096p
	[[ ! -e f ]]
	file_system 64m
	complains 1 "$MOUNT/" "64 MiB more are needed" -- -s 64MB -o "$MOUNT/f" -o "$MOUNT/g" \
		--buffer-size=1MB
	[[ ! -e $MOUNT/f && ! -e $MOUNT/g ]]
}

@test "bench: memory is checked, and the pool reduced where it was not asked for" {
	complains 1 "a pool of 64 buffers of 1 TiB" "memory are free" -- --size 1024t \
		--buffer-size 1GB --buffer-count 1048576 --num-writers 64 --backend null -o f ||
		grep -q 'a pool of .* memory are free; use a smaller' err || { show err; false; }
	need_root
	group=$(find /sys/fs/cgroup/memory /sys/fs/cgroup -maxdepth 1 \
		\( -name memory.limit_in_bytes -o -name cgroup.subtree_control \) 2>/dev/null |
		head -n 1)
	[[ $group ]] || skip "no cgroup file system"
	group=${group%/*}/dgen-test-$$
	mkdir "$group" 2>/dev/null || skip "no cgroup can be made here"
	trap 'rmdir "$group"' EXIT
	limit=$group/memory.limit_in_bytes
	[[ -e $limit ]] || limit=$group/memory.max
	{ echo 256m >"$limit"; } 2>/dev/null || skip "no memory limit can be set here"
	bash -c "echo \$\$ >$group/cgroup.procs && exec $BENCH --auto --size 1GB -o f --job" >out 2>err
	grep -qE 'a pool of 128 buffers of 4 MiB is 512 MiB, but .* free: taking [1-9]' err ||
		{ show err; false; }
	depth=$(sed -n 's/^iodepth=//p' out)
	((depth >= 4 && depth * 16 < 256)) || { show out; fail "iodepth=$depth"; }
}

@test "bench: CPUs are those of affinity and cgroup" {
	all=$("$BENCH" --profile)
	[[ $all == auto* ]]
	for each in 1:auto8 8:auto8 11:auto8 12:auto16 16:auto16 31:auto16 32:auto32 63:auto32 \
		64:auto64 127:auto64 128:auto128 1000:auto128; do
		bench --auto="${each%:*}" --job -s 64g --backend null -o f --buffer-size=4k
		grep -q "^# Profile ${each#*:}\." out || { show out; fail "$each"; }
	done
	need_command taskset
	taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" "$BENCH" --auto --job -s 64MB \
		-o f >out 2>err
	grep -q 'auto8, for 1 CPUs' err || { show err; false; }
}

@test "bench: a cgroup's CPU quota counts, of version 1 as of version 2" {
	need_root
	(($(nproc) > 1)) || skip "has one CPU, and a quota cannot be less"
	group=/sys/fs/cgroup/cpu
	[[ -e $group/cpu.cfs_quota_us || -e /sys/fs/cgroup/cgroup.subtree_control ]] ||
		skip "no cgroup with a CPU controller"
	[[ -d $group ]] || group=/sys/fs/cgroup
	group=$group/dgen-test-$$
	mkdir "$group" 2>/dev/null || skip "no cgroup can be made here"
	trap 'rmdir "$group"/below "$group"' EXIT
	mkdir "$group/below"
	if [[ -e $group/cpu.cfs_quota_us ]]; then
		echo 40000 >"$group/cpu.cfs_quota_us"
	else
		{ echo "40000 100000" >"$group/cpu.max"; } 2>/dev/null ||
			skip "the CPU controller is not on here"
	fi
	bash -c "echo \$\$ >$group/below/cgroup.procs && exec $BENCH --auto --job -s 64MB -o f" \
		>out 2>err
	grep -q 'auto8, for 1 CPUs' err || { show err; false; }
}

@test "bench: a device needs --yes-destroy-data and is not one in use" {
	loop_device 64m
	complains 1 "$DEVICE: a block device of 64 MiB" --yes-destroy-data -- -o "$DEVICE" -s 8MB
	complains 1 "$DEVICE: has 64 MiB, less than the 128 MiB" -- --yes-destroy-data \
		-o "$DEVICE" -s 128MB
	bench --yes-destroy-data -o "$DEVICE" --seed 7 --buffer-size 1MB --num-writers 2
	grep -q 'all of it is taken' err || { show err; false; }
	"$ROOT/dgen" --verify --seed 7 "$DEVICE"
	bench --read --verify --seed 7 -o "$DEVICE"
	need_command mkfs.ext4
	mkfs.ext4 -q "$DEVICE"
	mkdir mnt
	mount "$DEVICE" mnt 2>/dev/null || skip "nothing can be mounted here"
	MOUNTS+=("$T/mnt")
	complains 1 "$DEVICE: mounted on $T/mnt" -- --yes-destroy-data -o "$DEVICE" -s 8MB
	complains 1 "$DEVICE: mounted on $T/mnt" -- --yes-destroy-data --tune "$DEVICE"
	umount mnt
	mkswap "$DEVICE" >/dev/null
	swapon "$DEVICE" 2>/dev/null || return 0
	complains 1 "$DEVICE: in use as swap" -- --yes-destroy-data -o "$DEVICE" -s 8MB || {
		swapoff "$DEVICE"
		false
	}
	swapoff "$DEVICE"
}

@test "bench: a device with a mounted partition is in use" {
	need_command mkfs.ext4
	need_command addpart
	loop_device 64m --partscan
	addpart "$DEVICE" 1 2048 65536 || skip "loop devices have no partitions here"
	name=${DEVICE#/dev/}p1
	for ((i = 0; i < 10; i++)); do
		[[ ! -b /dev/$name ]] || break
		sleep 0.1
	done
	if [[ ! -b /dev/$name ]]; then
		IFS=: read -r major minor <"/sys/block/${DEVICE#/dev/}/$name/dev"
		mknod "$T/$name" b "$major" "$minor"
	fi
	part=/dev/$name
	[[ -b $part ]] || part=$T/$name
	mkfs.ext4 -q "$part"
	mkdir mnt
	mount "$part" mnt 2>/dev/null || skip "nothing can be mounted here"
	MOUNTS+=("$T/mnt")
	complains 1 "$DEVICE: mounted on $T/mnt" -- --yes-destroy-data -o "$DEVICE" -s 8MB
}

@test "bench: --tune leaves a job that runs, and nothing else" {
	need_space 200
	mkdir there
	# So little that few can be halved.
	bench --tune there --size 64MB --buffer-size 64k --buffer-count 1 --num-writers 1 --runtime 3 \
		--seed 7
	# Not what was asked for, but what the least number of runs takes: 4 twice, 5 pairs.
	grep -q 'tuning on 64 MiB of .* for about 12 seconds' err || { show err; false; }
	[[ -z $(ls there) ]] || fail "left: $(ls there)"
	(($(grep -c 'MB/s$' err) >= 8)) || { show err; fail "no progress"; }
	(($(grep -cE '^# +[0-9]+ +[0-9]+ ' out) == 4)) || { show out; fail "no table"; }
	grep -qE '^# (Faster by|No difference within noise|Nothing was faster)' out ||
		{ show out; fail "no verdict"; }
	mv out job.fio
	fio_raw job.fio
	((status == 0)) || { show fio.out fio.err; false; }
	[[ $(stat -c %s there/dgen.dat) == $((64 << 20)) ]]
}

@test "bench: --tune interrupted leaves nothing" {
	need_space 200
	mkdir there
	FIO=$FIO "$BENCH" --tune there --size 64MB --runtime 30 --no-direct >out 2>err &
	for ((i = 0; i < 100; i++)); do
		[[ $(grep -c 'MB/s$' err) -lt 2 ]] || break
		sleep 0.1
	done
	kill -TERM $!
	status=0
	wait $! || status=$?
	[[ $status == 1 && ! -s out && -z $(ls there) ]] || { show out err; ls there; false; }
}

@test "bench: every option of the help is in the man page" {
	"$BENCH" --help >help
	for option in $(grep -oE -- '--[a-z-]+' help | sort -u); do
		grep -qF -- "$option" "$ROOT/man/dgen-bench.1.scd" || fail "no $option in dgen-bench(1)"
	done
	"$BENCH" --version | grep -qE '^dgen-bench [0-9.]+$'
}

@test "bench: memory is the pool and at most 64 MiB more, whatever the size" {
	need_command /usr/bin/time
	for size in 1GB 100GB; do
		FIO=$FIO /usr/bin/time -f %M -o rss "$BENCH" --size $size --buffer-size 256k \
			--buffer-count 64 --num-writers 4 --backend fio:null -o f --json out.json \
			>out 2>err || { show err; false; }
		[[ $(jq '[.jobs[].write.io_bytes] | add' out.json) == $((${size%GB} << 30)) ]]
		kib=$(tail -n 1 rss)
		((kib <= (16 + 64) * 1024)) || fail "$size: $kib KiB"
	done
}
