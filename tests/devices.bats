#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Real device drivers: NVMe with polled queues, by commands and with zones, SCSI, device-mapper. NVME, NVME_CHAR,
# ZONED, SCSI and SCSI_CHAR name devices WHOSE DATA IS OVERWRITTEN; tests/guest, in which tests/run runs this file,
# has them all.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

need_device() {
	local name

	need_root
	for name; do
		[[ ${!name:-} ]] || skip "$name names no device"
	done
}

# on DEVICE [option]...: 1 MiB of the same data whatever the device is called.
on() {
	dgen --filename="$1" --dedup_domain=disk --dedup_ratio=2 --compress_ratio=2 --size=1m "${@:2}"
}

# Leaves in wanted what on() writes.
setup_wanted() {
	on f --backend=fio:psync --iodepth=1
	mv f wanted
}

# holds DEVICE WHAT: what on() writes is there; it is removed.
holds() {
	cmp -n 1048576 wanted "$1" >&2 || fail "$2: the data differs"
	dd if=/dev/zero of="$1" bs=1M count=1 conv=notrunc,fsync status=none
}

# An emulated processor is slow: by default the tests have processes and threads by turns.
KINDS=$(full "0 1" $((BATS_TEST_NUMBER % 2)))
OF_KIND=("--thread=0" "--thread=1 --output-format=json+ --gen_threads=1")

# Interrupts of the disk so far.
interrupts() {
	awk '/nvme0q/ { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts
}

@test "devices: NVMe, completions polled for: the same bytes, no interrupts" {
	need_device NVME
	setup_wanted
	for kind in $KINDS; do
		JOBS=${OF_KIND[kind]}
		# Only the job itself is counted, not what the kernel writes at other times.
		before=$(interrupts)
		on "$NVME" --direct=1 --hipri=1 --rw=randwrite --bs=4k --verify=crc32c
		after=$(interrupts)
		json '.jobs[0] | .write.total_ios == 256 and .read.total_ios == 256'
		((after - before < 256)) || fail "$JOBS: $((after - before)) interrupts for 512 I/Os"
		holds "$NVME" "hipri $JOBS"
	done
}

@test "devices: NVMe by commands of its own (io_uring_cmd)" {
	need_device NVME NVME_CHAR
	has_fio_engine io_uring_cmd || skip "this fio has no io_uring_cmd engine"
	setup_wanted
	for kind in $KINDS; do
		for options in "" "--backend_options=cmd_type=nvme,fixedbufs=1,hipri=1,registerfiles=1"; do
			JOBS="${OF_KIND[kind]} $options"
			on "$NVME_CHAR" --backend=fio:io_uring_cmd --rw=randwrite --bs=16k --verify=crc32c
			json '.jobs[0] | .write.total_ios == 64 and .read.total_ios == 64'
			holds "$NVME" "io_uring_cmd $JOBS"
		done
	done
	# Damage is found.
	on "$NVME_CHAR" --backend=fio:io_uring_cmd
	printf x | dd of="$NVME" bs=1 seek=100000 conv=notrunc,fsync status=none
	dgen_raw --filename="$NVME_CHAR" --backend=fio:io_uring_cmd --dedup_domain=disk --dedup_ratio=2 \
		--compress_ratio=2 --size=1m --rw=read --verify=crc32c
	failed
	grep -q "offset 98304" fio.err fio.out || { show fio.err; fail "the damage is not named"; }
}

@test "devices: trims reach NVMe, one by one and several in a command" {
	need_device NVME NVME_CHAR
	has_fio_engine io_uring_cmd || skip "this fio has no io_uring_cmd engine"
	on "$NVME" --direct=1
	on "$NVME" --direct=1 --rw=trim --bs=64k
	json '.jobs[0].trim.total_ios == 16'
	cmp -n 1048576 "$NVME" /dev/zero >&2 || fail "trimmed, and not zeros"
	"$FIO" --cmdhelp=num_range 2>&1 | grep -q "^ *num_range:" || { left_out "this fio has no num_range"; return 0; }
	on "$NVME" --direct=1
	on "$NVME_CHAR" --backend=fio:io_uring_cmd --rw=randtrim --bs=16k --num_range=8
	json '.jobs[0].trim.io_bytes == 1048576'
	cmp -n 1048576 "$NVME" /dev/zero >&2 || fail "trimmed in ranges, and not zeros"
}

@test "devices: SCSI commands (sg)" {
	need_device SCSI SCSI_CHAR
	has_fio_engine sg || skip "this fio has no sg engine"
	setup_wanted
	for kind in $KINDS; do
		JOBS=${OF_KIND[kind]}
		for device in "$SCSI" "$SCSI_CHAR"; do
			on "$device" --backend=fio:sg --iodepth=1 --rw=randwrite --bs=16k --verify=crc32c
			json '.jobs[0] | .write.total_ios == 64 and .read.total_ios == 64'
			blockdev --flushbufs "$SCSI"
			holds "$SCSI" "sg $device $JOBS"
		done
	done
}

@test "devices: zones that must be written in order" {
	need_device ZONED
	[[ $(cat "/sys/block/${ZONED##*/}/queue/zoned") == host-* ]] || skip "$ZONED has no zones"
	need_command blkzone
	setup_wanted
	for kind in $KINDS; do
		JOBS=${OF_KIND[kind]}
		blkzone reset "$ZONED"
		on "$ZONED" --direct=1 --zonemode=zbd --bs=64k --verify=crc32c
		json '.jobs[0] | .write.io_bytes == 1048576 and .read.io_bytes == 1048576'
		cmp -n 1048576 wanted "$ZONED" >&2 || fail "$JOBS: the data differs"
	done
	# Zones are reset and written again, each time with new versions, which the tags follow.
	blkzone reset "$ZONED"
	dgen --filename="$ZONED" --direct=1 --zonemode=zbd --rw=randwrite --bs=64k --size=8m --io_size=10m \
		--max_open_zones=2 --dedup_ratio=2 --verify=crc32c --verify_state_file=tags
	dgen_raw --filename="$ZONED" --direct=1 --zonemode=zbd --rw=read --bs=64k --size=8m \
		--dedup_ratio=2 --verify=crc32c --verify_state_file=tags
	((status == 0)) || { show fio.out fio.err; fail "what zones hold is called wrong"; }
}

@test "devices: what is mounted is refused under its other names too" {
	need_device NVME NVME_CHAR SCSI SCSI_CHAR
	for disk in "$NVME $NVME_CHAR fio:io_uring_cmd" "$SCSI $SCSI_CHAR fio:sg"; do
		read -r block character backend <<<"$disk"
		mkfs.ext4 -q -F "$block"
		mkdir -p mnt
		mount "$block" mnt
		MOUNTS+=("$T/mnt")
		dgen_raw --filename="$character" --backend="$backend" --size=1m
		refused "dgen: $character: mounted on $T/mnt, and allow_mounted_write=1 is not set"
		umount mnt
		make_mbr "$block"
		dgen_raw --filename="$character" --backend="$backend" --size=1m
		refused "dgen: $character: holds a partition table"
	done
}

# By kind too: the other of our back ends.
OTHER=("" --backend=libaio)

# on_node PID NODE: the large mappings of this process lie there, nine tenths of their pages at least.
on_node() {
	awk -v node="$2" '{
		there = all = 0
		for (i = 3; i <= NF; i++)
			if (match($i, /^N[0-9]+=/)) {
				pages = substr($i, RLENGTH + 1)
				all += pages
				if (substr($i, 2, RLENGTH - 2) == node)
					there += pages
			}
		if ($0 ~ /anon=/ && all > most) {
			most = all
			part = there / all
		}
	} END { printf "%d pages, %.2f on node %d\n", most, part, node; exit !(most >= 2000 && part >= 0.9) }' \
		"/proc/$1/numa_maps"
}

@test "devices: NUMA nodes: the buffers of a job lie where it runs" {
	[[ -d /sys/devices/system/node/node1 ]] || skip "one NUMA node only"
	local pid child children node seen=''

	"$FIO" --ioengine="external:$ENGINE" --name=j --backend=null --rw=write --bs=1m --size=1g --iodepth=8 \
		--numjobs=2 --time_based --runtime=60 --dedup_ratio=2 --output=fio.out 2>fio.err &
	pid=$!
	# 30 s, for an emulated processor: until both jobs are there, and have filled their buffers.
	for ((i = 0; i < 300; i++)); do
		mapfile -t children < <(pgrep -P "$pid")
		((${#children[@]} < 2)) || break
		sleep 0.1
	done
	for child in "${children[@]}"; do
		for ((; i < 300; i++)); do
			node=$(awk '/^Cpus_allowed_list/ { print $2 }' "/proc/$child/status")
			# Each of the guest's nodes has one CPU.
			node=$(basename "$(compgen -G "/sys/devices/system/cpu/cpu${node%%[-,]*}/node[0-9]*")")
			# Where they lie is judged once, when all are there.
			on_node "$child" "${node#node}" >found || true
			(($(cut -d ' ' -f 1 found) < 2000)) || break
			sleep 0.1
		done
		on_node "$child" "${node#node}" >found || fail "job $child: $(<found)" "$(<"/proc/$child/numa_maps")"
		seen+=" $node"
	done
	kill -INT "$pid"
	wait "$pid" || true
	[[ $seen == " node0 node1" || $seen == " node1 node0" ]] || fail "the jobs ran on:$seen" "$(<fio.err)"
	grep -q 'NUMA nodes 2, jobs bound to 0 1$' fio.out || { show fio.out; false; }
}

# need_mapper: device-mapper, its kinds of devices listed in targets, and a loop device below, LOOP.
need_mapper() {
	need_root
	need_command dmsetup
	dmsetup targets >targets 2>/dev/null || skip "this kernel has no device-mapper"
	loop_device 64m
	LOOP=$DEVICE
}

# mapped TABLE: sets DEVICE to one of device-mapper, of 64 MiB; teardown removes it.
mapped() {
	[[ ! $MAPPED ]] || dmsetup remove --retry "$MAPPED"
	MAPPED=dgen-test-$$
	printf '%s\n' "$1" | dmsetup create "$MAPPED"
	DEVICE=/dev/mapper/$MAPPED
}

@test "devices: those of device-mapper that fail in a part, from a moment on, and that are slow" {
	need_mapper
	for ((i = 0; i < $(full 50 1); i++)); do
		for kind in $KINDS; do
			JOBS="${OF_KIND[kind]} ${OTHER[kind]}"
			RUN="device-mapper, $JOBS"
			good=$((RANDOM % 131072 / 8 * 8 + 8))
			((good < 131072)) || good=65536
			mapped "0 $good linear $LOOP 0"$'\n'"$good $((131072 - good)) error"
			dgen_raw --filename="$DEVICE" --size=64m --direct=1 --rw=randwrite
			io_error "dgen: $DEVICE: write offset=" "Input/output error"
			grep -q ^flakey targets || { left_out "this kernel has no dm-flakey"; continue; }
			mapped "0 131072 flakey $LOOP 0 1 1 1 error_writes"
			dgen_raw --filename="$DEVICE" --size=64m --direct=1 --time_based --runtime=5
			io_error "dgen: $DEVICE: write offset=" "Input/output error"
			grep -q ^delay targets || { left_out "this kernel has no dm-delay"; continue; }
			mapped "0 131072 delay $LOOP 0 5"
			dgen --filename="$DEVICE" --size=2m --direct=1 --verify=crc32c
		done
	done
}

@test "devices: one of device-mapper that shrinks while it is written" {
	need_mapper
	for kind in $KINDS; do
		JOBS="${OF_KIND[kind]} ${OTHER[kind]}"
		mapped "0 131072 linear $LOOP 0"
		dmsetup load "$MAPPED" --table "0 65536 linear $LOOP 0"
		# Once the job writes: it has asked for the size by then.
		written=/sys/block/$(dmsetup info -c --noheadings -o blkdevname "$MAPPED")/stat
		{
			for ((i = 0; i < 600; i++)); do
				(($(awk '{ print $5 }' "$written") == 0)) || break
				sleep 0.1
			done
			dmsetup resume "$MAPPED"
		} >shrunk 2>&1 3>&- &
		dgen_raw --filename="$DEVICE" --size=64m --direct=1 --rw=randwrite --time_based --runtime=60
		wait $! || fail "$(<shrunk)"
		io_error "dgen: $DEVICE: write offset="
	done
}
