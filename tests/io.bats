#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# fio's own features do with this engine what they do with others.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# moved DIRECTION MIB: so much was done, by fio's own count, over all jobs.
moved() {
	local bytes

	bytes=$(json "[.jobs[].$1.io_bytes] | add")
	((bytes == $2 * 1024 * 1024)) || fail "$1: $bytes bytes, wanted $2 MiB"
}

# filled WHAT FILE MIB: the file has this size, no holes, and D = 2.
filled() {
	[[ $(stat -c %s "$2") == $(($3 * 1024 * 1024)) ]] ||
		fail "$1: the file has $(stat -c %s "$2") bytes"
	dedup_is 2 3 "$1" "$2"
	no_holes "$1"
}

@test "io: write" {
	dgen --dedup_ratio=2
	moved write 16
	filled "write" f 16
}

@test "io: read of what was written" {
	dgen --dedup_ratio=2
	cp f before
	for rw in read randread; do
		dgen --rw=$rw --bs=16k
		moved read 16
	done
	same f before "a read changed the file"
}

@test "io: randwrite" {
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k
	moved write 16
	filled "randwrite" f 16
}

@test "io: rw and randrw" {
	for rw in rw randrw; do
		dgen --dedup_ratio=2
		dgen --dedup_ratio=2 --rw=$rw --rwmixread=50 --data_version=1
		total=$(json '.jobs[0] | .read.io_bytes + .write.io_bytes')
		((total == 16 * 1024 * 1024)) || fail "$rw: $total bytes"
		(($(json '.jobs[0].read.io_bytes') > 0))
		(($(json '.jobs[0].write.io_bytes') > 0))
		filled "$rw" f 16
	done
}

@test "io: queue depths up to 512" {
	for depth in 1 2 17 512; do
		dgen --dedup_ratio=2 --rw=randwrite --bs=4k --iodepth=$depth
		moved write 16
		filled "iodepth=$depth" f 16
		rm f
	done
}

@test "io: the queue depth is reached" {
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --iodepth=16 --size=32m
	deep=$(json '.jobs[0].iodepth_level["16"]')
	awk -v d="$deep" 'BEGIN { exit !(d > 50) }' ||
		fail "only $deep % of the I/O was issued with 16 in flight"
}

@test "io: batches" {
	for batch in "1 1 1" "8 1 8" "16 16 16" "4 0 0" "3 2 5"; do
		read -r submit min max <<<"$batch"
		dgen --dedup_ratio=2 --rw=randwrite --bs=4k --iodepth=16 \
			--iodepth_batch_submit="$submit" --iodepth_batch_complete_min="$min" \
			--iodepth_batch_complete_max="$max"
		moved write 16
		filled "batches of $batch" f 16
		rm f
	done
}

@test "io: iodepth_low" {
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --iodepth=32 --iodepth_low=4
	filled "iodepth_low" f 16
}

@test "io: threads" {
	dgen --dedup_ratio=2 --thread=1 --numjobs=4 --size=4m --offset_increment=4m
	moved write 16
	filled "4 threads" f 16
}

@test "io: processes" {
	dgen --dedup_ratio=2 --numjobs=4 --size=4m --offset_increment=4m
	moved write 16
	filled "4 processes" f 16
}

@test "io: two different jobs in one run" {
	fio_raw --direct="$DIRECT" --bs=64k --rw=write --size=16m --data_seed=1 \
		--output-format=json \
		--name=a --ioengine="external:$ENGINE" --filename=a --dedup_ratio=2 \
		--name=b --ioengine="external:$ENGINE" --filename=b --dedup_ratio=4
	((status == 0)) || { show fio.out fio.err; false; }
	dedup_is 2 3 "job a" a
	dedup_is 4 3 "job b" b
}

@test "io: a job of ours beside one of another engine" {
	fio_raw --direct="$DIRECT" --bs=64k --rw=write --size=16m --output-format=json \
		--name=a --ioengine="external:$ENGINE" --filename=a --dedup_ratio=2 \
		--name=b --ioengine=psync --filename=b --refill_buffers=1
	((status == 0)) || { show fio.out fio.err; false; }
	dedup_is 2 3 "ours" a
	dedup_is 1 3 "psync" b
}

@test "io: stonewalled jobs, one after the other" {
	cat >job.fio <<-END
		[global]
		bs=64k
		size=16m
		direct=$DIRECT
		filename=f
		dedup_ratio=2
		data_seed=1
		[first]
		rw=write
		[second]
		stonewall
		rw=randwrite
		data_version=1
	END
	fio_raw --output-format=json job.fio
	((status == 0)) || { show fio.out fio.err; false; }
	moved write 32
	filled "two jobs" f 16
}

@test "io: options in [global] of a job file" {
	cat >job.fio <<-END
		[global]
		ioengine=external:$ENGINE
		dedup_ratio=2
		compress_ratio=2
		data_seed=1
		[j]
		rw=write
		bs=64k
		size=16m
		direct=$DIRECT
		filename=f
	END
	"$FIO" --output-format=json job.fio >fio.out
	moved write 16
	filled "job file" f 16
	compression_is 2 "job file" f
}

@test "io: fsync, fdatasync, end_fsync and sync_file_range" {
	for sync in --fsync=8 --fdatasync=8 --end_fsync=1 --fsync_on_close=1 \
		--sync_file_range=write:8; do
		dgen --dedup_ratio=2 "$sync"
		moved write 16
		filled "$sync" f 16
	done
	dgen --dedup_ratio=2 --fsync=8
	(($(json '.jobs[0].sync.total_ios') >= 31))
}

@test "io: fsync without O_DIRECT" {
	dgen --dedup_ratio=2 --direct=0 --fsync=4
	filled "buffered with fsync" f 16
}

@test "io: O_SYNC and O_DSYNC" {
	for sync in sync dsync; do
		dgen --dedup_ratio=2 --size=4m --sync=$sync
		filled "$sync" f 4
	done
}

@test "io: several files of a job" {
	dgen --directory=. --filename_format="f.\$filenum" --nrfiles=8 --size=64m --dedup_ratio=2
	moved write 64
	dedup_is 2 1 "8 files" f.*
}

@test "io: fewer open files than files" {
	for type in random roundrobin sequential; do
		dgen --directory=. --filename_format="f.\$filenum" --nrfiles=16 --openfiles=3 \
			--file_service_type=$type --size=64m --dedup_ratio=2
		moved write 64
		dedup_is 2 1 "openfiles=3, $type" f.*
		rm f.*
	done
}

@test "io: several named files" {
	dgen --filename=a:b:c --size=48m --dedup_ratio=2
	moved write 48
	dedup_is 2 3 "a, b and c" a b c
}

@test "io: rate" {
	dgen --dedup_ratio=2 --size=8m --rate=64m
	moved write 8
	filled "rate" f 8
}

@test "io: rate_iops and thinktime" {
	dgen --dedup_ratio=2 --size=4m --rate_iops=1000
	filled "rate_iops" f 4
	dgen --dedup_ratio=2 --size=4m --thinktime=100 --thinktime_blocks=8
	filled "thinktime" f 4
}

@test "io: time_based ends in time" {
	dgen --dedup_ratio=2 --time_based --runtime=2 --bs=1m
	runtime=$(json '.jobs[0].job_runtime')
	((runtime >= 2000)) || fail "it ended after $runtime ms"
	filled "time_based" f 16
}

@test "io: loops" {
	dgen --dedup_ratio=2 --loops=3
	moved write 48
	filled "loops" f 16
}

@test "io: bsrange, bssplit and blockalign" {
	for rw in write randwrite; do
		dgen --dedup_ratio=2 --size=64m
		dgen --dedup_ratio=2 --size=64m --rw=$rw --bsrange=4k-128k --data_version=1
		filled "bsrange, $rw" f 64
		dgen --dedup_ratio=2 --size=64m --rw=$rw --bssplit=4k/30:64k/40:256k/30 \
			--data_version=1
		filled "bssplit, $rw" f 64
	done
	dgen --dedup_ratio=2 --size=64m --rw=randwrite --bs=16k --blockalign=4k --norandommap \
		--data_version=2
	filled "blockalign" f 64
}

@test "io: a size that is no multiple of the block size" {
	for bs in 12k 60k 516k; do
		dgen --dedup_ratio=2 --size=16m --bs=$bs
		measured --codec=none f
		zero=$(figure '.units[0].zero')
		((zero * 4096 < 516 * 1024)) || fail "bs=$bs: $zero units were not written"
		dedup_is 2 3 "bs=$bs" f
		rm f
	done
}

@test "io: a size that is no multiple of the unit" {
	dgen --dedup_ratio=2 --bs=512 --size=4196864
	[[ $(stat -c %s f) == 4196864 ]]
	dedup_is 2 3 "a tail of 2560 bytes" f
	no_holes "a tail of 2560 bytes"
}

@test "io: strided and zoned writes" {
	dgen --dedup_ratio=2
	dgen --dedup_ratio=2 --rw=write:64k --size=16m --bs=64k --data_version=1
	filled "rw=write:64k" f 16
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --zonemode=strided --zonesize=1m \
		--zonerange=2m --zoneskip=1m --data_version=2
	filled "zones" f 16
}

@test "io: offset and offset_align" {
	dgen --dedup_ratio=2
	dgen --dedup_ratio=2 --offset=1m --size=8m --rw=randwrite --bs=4k --data_version=1
	filled "offset" f 16
}

@test "io: a write with verify of fio's own count of errors" {
	dgen --dedup_ratio=2
	(($(json '.jobs[0].error') == 0))
	(($(json '.jobs[0].total_err // 0') == 0))
}

@test "io: block device" {
	loop_device 64m
	dgen --filename="$DEVICE" --size=64m --dedup_ratio=2 --direct=1
	moved write 64
	dedup_is 2 1 "$DEVICE" "$DEVICE"
	no_holes "$DEVICE"
	dgen --filename="$DEVICE" --size=64m --rw=randread --direct=1
	moved read 64
}

@test "io: block device without a size" {
	loop_device 64m
	dgen --filename="$DEVICE" --size=100% --dedup_ratio=2 --direct=1
	moved write 64
	dedup_is 2 1 "$DEVICE" "$DEVICE"
}

@test "io: trim" {
	loop_device 64m
	dgen --filename="$DEVICE" --size=64m --dedup_ratio=2 --direct=1
	dgen --filename="$DEVICE" --size=32m --rw=trim --bs=1m --direct=1
	moved trim 32
	cmp -n 33554432 "$DEVICE" /dev/zero || fail "trimmed blocks hold data"
	measured --codec=none "$DEVICE"
	[[ $(figure '.units[0].zero') == 8192 ]] || fail "$(figure '.units[0]')"
}

@test "io: trimwrite trims each block before it writes it" {
	loop_device 64m
	dgen --filename="$DEVICE" --size=64m --rw=trimwrite --bs=64k --dedup_ratio=2 --direct=1
	moved write 64
	dedup_is 2 1 "$DEVICE" "$DEVICE"
	no_holes "$DEVICE"
}

@test "io: a file system of its own" {
	file_system 96m
	dgen --filename="$MOUNT/f" --size=64m --dedup_ratio=2 --direct=1
	dedup_is 2 1 "ext4" "$MOUNT/f"
}

@test "io: registered files and buffers" {
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --fixedbufs=1
	filled "fixedbufs" f 16
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --registerfiles=1 --data_version=1
	filled "registerfiles" f 16
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --registerfiles=1 --fixedbufs=1 --data_version=2
	filled "both" f 16
}

@test "io: sources of memory" {
	for iomem in malloc shm mmap mmap:"$T/memory" mmapshared; do
		dgen --dedup_ratio=2 --iomem="$iomem"
		filled "iomem=$iomem" f 16
	done
}

@test "io: huge pages that the administrator has set aside" {
	huge_pages 8
	mkdir huge
	mount -t hugetlbfs none huge || skip "nothing can be mounted here"
	MOUNTS+=("$T/huge")
	size=$(awk '/^Hugepagesize/ { print $2 "k" }' /proc/meminfo)
	for iomem in mmaphuge shmhuge mmaphuge:"$T/huge/memory"; do
		for jobs in --thread=0 "--thread=1 --gen_threads=2 --backend=libaio"; do
			# shellcheck disable=SC2086 # several
			dgen --dedup_ratio=2 --iomem="$iomem" --hugepage-size="$size" --verify=crc32c $jobs
			filled "iomem=$iomem $jobs" f 16
			rm f
		done
		# More than there are. Under valgrind shared memory has no huge pages.
		[[ ! $VALGRIND || $iomem != shmhuge ]] || continue
		dgen_raw --iomem="$iomem" --hugepage-size="$size" --bs=16m --size=256m --iodepth=16
		failed
		cat fio.out fio.err | grep -qE 'dgen: .*huge pages|Cannot allocate memory' ||
			{ show fio.out fio.err; false; }
		rm f
	done
}

@test "io: io_submit_mode=offload is refused" {
	for backend in io_uring fio:psync; do
		dgen_raw --backend=$backend --rw=randwrite --bs=4k --io_submit_mode=offload
		refused io_submit_mode=offload
	done
	[[ ! -e f ]]
}

@test "io: the log of another run is replayed" {
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --write_iolog=log
	rm f
	dgen --dedup_ratio=2 --rw=randwrite --bs=4k --read_iolog=log
	[[ $(json '.jobs[0].write.total_ios') == 4096 ]]
	moved write 16
	dedup_is 2 3 "the replay" f
}

@test "io: the null back end writes nothing and counts" {
	dgen --backend=null --size=256m --bs=1m --dedup_ratio=2
	moved write 256
}

# Jobs were processes until here, where a test did not say otherwise.
@test "io: all of this with threads, and json+" {
	[[ ! ${JOBS:-} ]] || return 0
	JOBS="--thread=1 --output-format=json+" bats "$BATS_TEST_FILENAME" >again 2>&1 || {
		grep -A 30 '^not ok' again >&2
		fail "with threads"
	}
	grep -c '^ok' again
}
