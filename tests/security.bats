#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Nothing is written but what is named, and nothing that others have made is believed.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# write_device [option]...: a job that writes to $DEVICE.
write_device() {
	dgen_raw --filename="${NAME:-$DEVICE}" --size=4m --direct=1 "$@"
}

@test "security: a device with a partition table is refused, unless that is allowed" {
	loop_device 32m
	make_mbr "$DEVICE"
	dd if="$DEVICE" of=before bs=1M count=4 status=none
	for options in --rw=write --rw=randrw --rw=trim --rw=trimwrite "--rw=write --thread=1" \
		"--rw=write --backend=fio:psync"; do
		# shellcheck disable=SC2086 # several
		write_device $options
		refused "dgen: $DEVICE: holds a partition table" allow_partitioned_write=1
		dd if="$DEVICE" of=after bs=1M count=4 status=none
		same before after "$options was refused"
	done
	ln -s "$DEVICE" link
	NAME=$T/link write_device
	refused "dgen: $T/link: holds a partition table"
	# Nothing is written there.
	dgen --filename="$DEVICE" --size=4m --rw=read --direct=1
	dgen --filename="$DEVICE" --size=4m --backend=null
	dgen --filename="$DEVICE" --size=4m --direct=1 --allow_partitioned_write=1
	# Now it has none.
	dgen --filename="$DEVICE" --size=4m --direct=1
	printf 'EFI PART' | dd of="$DEVICE" bs=1 seek=512 conv=notrunc status=none
	write_device
	refused "holds a partition table"
	dgen_raw --allow_partitioned_write=2
	refused "allow_partitioned_write=2" "0 or 1"
}

@test "security: what only looks like a partition table is none" {
	loop_device 32m
	head -c 512 /dev/urandom | dd of="$DEVICE" bs=512 conv=notrunc status=none
	# Its signature alone, over random data with an impossible first entry.
	put "$DEVICE" 446 021
	put "$DEVICE" 510 125 252
	dgen --filename="$DEVICE" --size=4m --direct=1
	need_command mkfs.ext4
	# A file system that is not mounted: devices under test have had them.
	mkfs.ext4 -q -F "$DEVICE"
	dgen --filename="$DEVICE" --size=4m --direct=1
}

@test "security: dgen-bench --yes-destroy-data says it for the engine too" {
	need_build dgen-bench
	loop_device 32m
	make_mbr "$DEVICE"
	"${BENCH:-$ROOT/dgen-bench}" --yes-destroy-data -o "$DEVICE" -s 16MB --buffer-size 1MB \
		--num-writers 1 --job >job
	grep -qx allow_partitioned_write=1 job
}

@test "security: a device in use is refused, also by a link, a partition or the whole" {
	file_system 96m
	ln -s "$DEVICE" link
	# Or the file system itself would change it.
	mount -o remount,ro "$MOUNT"
	dd if="$DEVICE" of=before bs=1M count=4 status=none
	# By this name fio knows it itself.
	write_device
	grep -q "allow_mounted_write" fio.err fio.out || { show fio.err; fail "not a word"; }
	NAME=$T/link write_device
	refused "dgen: $T/link: mounted on $MOUNT, and allow_mounted_write=1 is not set"
	dd if="$DEVICE" of=after bs=1M count=4 status=none
	same before after "it was refused"
	umount "$MOUNT"
	MOUNTS=()
	losetup -d "$DEVICE"
	LOOPS=()
	loop_device 32m
	make_mbr "$DEVICE"
	losetup -d "$DEVICE"
	LOOPS=()
	DEVICE=$(losetup --find --show --partscan disk.img)
	LOOPS+=("$DEVICE")
	[[ -b ${DEVICE}p1 ]] || { left_out "no partitions on loop devices here"; return 0; }
	mkfs.ext4 -q "${DEVICE}p1"
	mount "${DEVICE}p1" "$MOUNT"
	MOUNTS+=("$MOUNT")
	write_device --allow_partitioned_write=1
	refused "dgen: $DEVICE: mounted on $MOUNT"
	umount "$MOUNT"
	MOUNTS=()
	# The partition itself holds none.
	dgen --filename="${DEVICE}p1" --size=4m --direct=1
}

@test "security: swap is in use" {
	need_command mkswap
	loop_device 64m
	mkswap "$DEVICE" >/dev/null
	swapon "$DEVICE" 2>/dev/null || skip "no swap can be had here"
	write_device
	swapoff "$DEVICE"
	refused "dgen: $DEVICE: in use as swap"
}

@test "security: a run opens nothing for writing but what is named" {
	no_sanitizers
	no_counters
	need_command strace
	strace -f -qq -o trace true 2>/dev/null || skip "no process can be traced here"
	mkdir work
	cd work
	for options in --rw=write "--rw=randwrite --verify=crc32c --verify_state_file=$T/state" \
		"--rw=randrw --gen_threads=2 --report_file=$T/report --thread=1" \
		"--rw=write --backend=libaio --output=$T/output"; do
		# shellcheck disable=SC2086 # several
		timeout 60 strace -f -qq -o "$T/trace" -e trace=%file,memfd_create \
			"$FIO" --ioengine="external:$ENGINE" --name=j --filename="$T/f" --size=4m \
			--bs=64k --direct="$DIRECT" --iodepth=8 $options >"$T/fio.out" 2>&1 ||
			fail "$options: $(<"$T/fio.out")"
		# Whatever changes something, and did not fail.
		grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|(un)?link|rename|mkdir|mknod|chmod|chown|truncate' \
			"$T/trace" | grep -v ' = -1 ' | grep -v readlink |
			grep -vE "\"($T/(f|state|report|output)|/dev/null|/dev/shm/[^\"]*)\"" >"$T/others" ||
			true
		[[ ! -s $T/others ]] || { cat "$T/others" >&2; fail "$options"; }
		grep -q "\"$T/f\".*O_\(RDWR\|WRONLY\)" "$T/trace" || fail "the trace is empty"
	done
	cd ..
	[[ ! $(ls work) ]] || fail "left behind: $(ls work)"
}

@test "security: a state file is no link and no pipe, and may be hostile" {
	dgen --verify=crc32c --verify_state_file=state --size=1m --rw=randwrite --io_size=512k
	cp state good
	: >victim
	ln -s victim link
	for rw in write read; do
		dgen_raw --verify=crc32c --verify_state_file=link --rw=$rw --size=1m
		refused "verify_state_file=link" "symbolic link"
		[[ ! -s victim ]] || fail "written through a link"
		rm -f pipe
		mkfifo pipe
		LIMIT=${LIMIT:-20} dgen_raw --verify=crc32c --verify_state_file=pipe --rw=$rw --size=1m
		refused "verify_state_file=pipe" "no regular file"
	done
	dgen_raw --verify=crc32c --verify_state_file=/dev/zero --size=1m
	refused "no regular file"
	# The first 2 KiB hold all that is not zero of the head.
	for ((i = 0; i < $(full 500 8); i++)); do
		cp good state
		for at in $((RANDOM % 2048)) $((RANDOM % 600)); do
			head -c 8 /dev/urandom | dd of=state bs=1 seek=$at conv=notrunc status=none
		done
		cp state hostile
		rw=(--rw=read --rw=randwrite)
		LIMIT=${LIMIT:-20} dgen_raw --verify=crc32c --verify_state_file=state --size=1m \
			"${rw[i % 2]}"
		((status < 124)) || { cp hostile "${BATS_TMPDIR}/hostile"; fail "status $status"; }
	done
}

@test "security: dumps of wrong data follow no link" {
	dgen --size=1m
	: >victim
	# As many names as the first finding may have.
	ln -s victim f.0.received
	ln -s victim f.0.expected
	dgen_raw --size=1m --rw=read --verify=crc32c --verify_dump=1 --data_seed=2
	failed
	[[ ! -s victim ]] || fail "written through a link"
	[[ -L f.0.received ]]
	mkdir dump
	ln -s ../victim dump/f.0.received
	"$COMMAND" --verify --seed 3 --size 1m --dump dump f >out 2>&1 || true
	[[ ! -s victim ]] || fail "dgen --verify: written through a link"
}

@test "security: make run computes with no command of a job file, and follows no link" {
	run_profile() {
		status=0
		RUN_DIR=run RUN_SIZE=8m RUN_JOB=job.fio FIO=$FIO "$ROOT/jobs/run-profile" >out 2>err || status=$?
	}
	need_build libdgen_engine.so
	mkdir run
	good=(numjobs=2 size=4m bs=1m)
	for bad in 'numjobs=PATH[$(touch$IFS\victim)]' numjobs=0 numjobs= 'bs=PATH[$(touch$IFS\victim)]' \
		'size=PATH[$(touch$IFS\victim)]'; do
		printf '%s\n' "[j]" "$bad" "${good[@]}" >job.fio
		run_profile
		((status != 0)) || fail "$bad was taken"
		grep -q "^dgen: RUN_JOB=job.fio: no line ${bad%%=*}= with a number" err || { show err; fail "$bad"; }
		[[ ! -e victim && ! $(ls run) ]] || fail "$bad: $(ls . run)"
	done
	# The beginning of a name that can be foreseen: that of the process.
	for ((i = 1; i < 300; i++)); do
		ln -s ../victim "run/dgen-run-$(($$ + i)).dat"
	done
	printf '%s\n' "[j]" "${good[@]}" rw=write direct="$DIRECT" filename=x >job.fio
	run_profile
	((status == 0)) || { show out err; fail "status $status"; }
	[[ ! -e victim ]] || fail "written through a link"
	grep -q '^Measuring run/dgen-run-' out || { show out; false; }
	[[ ! $(find run -type f) ]] || fail "left behind: $(find run -type f)"
}

@test "security: everything is built with the usual hardening" {
	need_command readelf objdump
	no_sanitizers
	no_counters
	for file in "$ENGINE" "$ROOT"/{libdgen.so,dgen,dgen-bench,dgen-measure}; do
		{
			readelf -lW "$file" | grep -q GNU_RELRO || echo "no RELRO"
			readelf -dW "$file" | grep -qE 'BIND_NOW|FLAGS.*NOW' || echo "no BIND_NOW"
			readelf -lW "$file" | grep -q 'GNU_STACK.* RW ' || echo "a stack that can be run"
			! readelf -lW "$file" | grep -q ' RWE ' || echo "a segment to write and to run"
			readelf -hW "$file" | grep -q 'Type: *DYN' || echo "no PIE"
			! readelf -dW "$file" | grep -q TEXTREL || echo "relocations in the text"
			! readelf -dW "$file" | grep -qE 'RPATH|RUNPATH' || echo "a RUNPATH"
			readelf --dyn-syms -W "$file" | grep -q __stack_chk_fail || echo "no stack protector"
			readelf --dyn-syms -W "$file" | grep -qE '__[a-z_]+_chk@' || echo "not fortified"
			[[ $(uname -m) != x86_64 ]] || objdump -d "$file" | grep -q endbr64 ||
				echo "no landing pads for indirect calls"
		} >missing
		[[ ! -s missing ]] || fail "${file##*/}: $(<missing)"
	done
}

@test "security: under a container's profile" {
	dgen --dedup_ratio=2
	mv f wanted
	build_helper no_uring
	"$HELPERS/no_uring" --container true || skip "no seccomp filter can be set here"
	cat >fio.sh <<-END
		#!/bin/sh
		exec "$HELPERS/no_uring" --container "$(command -v "$FIO")" "\$@"
	END
	chmod +x fio.sh
	FIO=./fio.sh
	for jobs in --thread=0 "--thread=1 --gen_threads=2" "--numa_mode=force" --backend=libaio; do
		# shellcheck disable=SC2086 # several
		dgen --dedup_ratio=2 --verify=crc32c $jobs
		same f wanted "$jobs"
		rm f
	done
	"$HELPERS/no_uring" --container "$COMMAND" --size 1m --output g
	"$HELPERS/no_uring" --container "$MEASURE" --quiet g >/dev/null
}

@test "security: no root is needed where a file needs none" {
	need_root
	need_command setpriv
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)
	# With sanitizers fio is a script there, and what they find is written beside it.
	chmod 777 "$T"
	chmod a+rx "$T"/{..,../..} "$BATS_FILE_TMPDIR"{,/..} 2>/dev/null || true
	mkdir own
	chown 65534:65534 own
	"${nobody[@]}" test -r "$ENGINE" -a -x "$(command -v "$FIO")" -a -w own ||
		skip "another user cannot get at $ENGINE, $FIO or $T"
	cd own
	cat >fio.sh <<-END
		#!/bin/sh
		exec ${nobody[*]} "$(command -v "$FIO")" "\$@"
	END
	chmod +x fio.sh
	FIO=./fio.sh
	for options in --fixedbufs=1 --backend=libaio "--thread=1 --gen_threads=2" \
		"--verify=crc32c --verify_state_file=state --report_file=report" \
		--numa_mode=force; do
		# shellcheck disable=SC2086 # several
		dgen --dedup_ratio=2 $options
		rm -f f
	done
	"${nobody[@]}" "$COMMAND" --size 1m --output g
	"${nobody[@]}" "$MEASURE" --quiet g >/dev/null
	[[ $(stat -c %u g) == 65534 ]]
}
