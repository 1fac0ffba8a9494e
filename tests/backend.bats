#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The engines behind the content layer: ours, and those of fio.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# forbid [no_uring option]...: from here on fio runs where io_uring is forbidden.
forbid() {
	local real=${REAL_FIO:=$FIO}

	build_helper no_uring
	"$HELPERS/no_uring" "$@" true || skip "no seccomp filter can be set here"
	cat >fio.sh <<-END
		#!/bin/sh
		exec "$HELPERS/no_uring" $* "$real" "\$@"
	END
	chmod +x fio.sh
	FIO=./fio.sh
}

# The lines about what takes the place of io_uring.
substitutes() {
	cat fio.out fio.err | grep -c 'dgen: .*going on with' || true
}

@test "backend: where io_uring is forbidden the engine says so once and goes on with libaio" {
	dgen --dedup_ratio=2 --compress_ratio=2
	mv f wanted
	for how in "" --enosys; do
		# shellcheck disable=SC2086 # perhaps none
		forbid $how
		for jobs in --thread=0 --thread=1; do
			dgen --dedup_ratio=2 --compress_ratio=2 --numjobs=2 --size=8m \
				--offset_increment=8m $jobs
			(($(substitutes) == 1)) || fail "$(substitutes) lines" "$(<fio.err)"
			grep -q 'going on with backend=libaio' fio.err
			same f wanted "$how $jobs"
			rm f
		done
	done
}

@test "backend: where libaio is forbidden too, psync" {
	dgen --dedup_ratio=2 --compress_ratio=2
	mv f wanted
	forbid --aio
	dgen --dedup_ratio=2 --compress_ratio=2 --hipri=0 --fixedbufs=0
	(($(substitutes) == 1)) || fail "$(<fio.err)"
	grep -q 'going on with backend=fio:psync' fio.err
	same f wanted "psync"
	json '.jobs[0].write.io_bytes' >/dev/null
}

@test "backend: every option of fio's io_uring and libaio engines is there, with a help text" {
	# Those of io_uring_cmd, which share the list, and metadata of NVMe.
	local other=" cmd_type readfua writefua write_mode verify_mode md_per_io_size pi_act pi_chk
		apptag apptag_mask deac "
	"$FIO" --enghelp="$ENGINE" >ours
	for engine in io_uring libaio; do
		has_fio_engine $engine || { left_out "no $engine"; continue; }
		while read -r option _; do
			[[ $other == *[[:space:]]"$option"[[:space:]]* ]] ||
				grep -qE "^$option +: .{10}" ours || fail "$engine has $option"
		done < <("$FIO" --enghelp=$engine | grep -E '^[a-z_]+ +:')
	done
}

@test "backend: the options of io_uring leave the same bytes" {
	dgen --dedup_ratio=2 --compress_ratio=2
	mv f wanted
	for option in --nonvectored=0 --fixedbufs=0 --registerfiles=0 --sqthread_poll=1 \
		--force_async=3 --userspace_reap --libaio_vectored=1 \
		"--sqthread_poll --sqthread_poll_cpu=0 --registerfiles" \
		"--cmdprio_percentage=50 --cmdprio_class=2 --cmdprio=7" --cmdprio_bssplit=64k/30/2/3; do
		# shellcheck disable=SC2086 # several
		dgen --dedup_ratio=2 --compress_ratio=2 --rw=randwrite $option
		same f wanted "$option"
		rm f
	done
	# Not every device can be polled.
	dgen_raw --dedup_ratio=2 --compress_ratio=2 --rw=randwrite --hipri=1
	if ((status == 0)); then
		same f wanted hipri
	else
		refused "Operation not supported"
	fi
}

@test "backend: the options of libaio leave the same bytes" {
	dgen --dedup_ratio=2 --compress_ratio=2
	mv f wanted
	for option in "" --userspace_reap "--userspace_reap --iodepth_batch_complete_min=0" \
		--libaio_vectored=1 "--cmdprio_percentage=50 --cmdprio_class=2 --cmdprio=7" \
		--cmdprio_bssplit=64k/30/2/3; do
		# shellcheck disable=SC2086 # several
		dgen --dedup_ratio=2 --compress_ratio=2 --rw=randwrite --backend=libaio $option
		same f wanted "libaio $option"
		rm f
	done
}

@test "backend: cmdprio marks the share that was asked for" {
	for backend in io_uring libaio; do
		dgen --backend=$backend --bs=4k --cmdprio_percentage=30 --cmdprio_class=2 --cmdprio=6
		total=$(json '[.jobs[0].write.prios[].clat_ns.N] | add')
		marked=$(json '.jobs[0].write.prios[] | select(.prio == 6).clat_ns.N')
		((total == 4096 && marked > 900 && marked < 1600)) ||
			fail "$backend: $marked of $total"
	done
}

@test "backend: cmdprio reaches the kernel" {
	# Where the class is none that the kernel knows, each marked I/O fails.
	need_command setpriv
	[[ $EUID -eq 0 ]] || skip "needs root, to give up what realtime I/O needs"
	chmod 777 .
	real=$FIO
	cat >fio.sh <<-END
		#!/bin/sh
		exec setpriv --bounding-set=-sys_admin,-sys_nice --inh-caps=-sys_admin,-sys_nice "$real" "\$@"
	END
	chmod +x fio.sh
	FIO=./fio.sh
	for backend in io_uring libaio; do
		dgen --backend=$backend --cmdprio_percentage=100 --cmdprio_class=2
		dgen_raw --backend=$backend --cmdprio_percentage=100 --cmdprio_class=1
		refused "dgen: " "write offset="
	done
}

@test "backend: nowait and uncached do I/O" {
	for backend in io_uring libaio; do
		dgen --dedup_ratio=2
		dgen --backend=$backend --rw=read --nowait=1 --continue_on_error=all --verify=crc32c \
			--dedup_ratio=2
		# Linux 6.14 and the file system must know it; else each I/O says EOPNOTSUPP.
		dgen_raw --backend=$backend --direct=0 --uncached=1 --dedup_ratio=2
		((status == 0)) || refused "Operation not supported"
	done
}

@test "backend: options of one back end with another are refused" {
	dgen_raw --backend=libaio --hipri
	refused hipri backend=io_uring
	dgen_raw --backend=libaio --sqthread_poll=1
	refused sqthread_poll backend=io_uring
	dgen_raw --backend=fio:psync --nowait=1
	refused nowait backend_options
	dgen_raw --backend=fio:psync --cmdprio_bssplit=4k/30
	refused cmdprio_bssplit backend_options
	dgen_raw --backend=libaio --backend_options=nowait=1
	refused backend_options libaio
	dgen_raw --cmdprio_percentage=10 --cmdprio_bssplit=4k/30
	failed
}

# What is known of the hooks that engines of fio may have. Those of the content layer, in front of the
# inner engine's, and those that fio calls right away.
REPLACED="setup init post_init prep queue commit getevents event cleanup open_file close_file io_u_init io_u_free"
PASSED_ON="errdetails cancel invalidate unlink_file get_file_size prepopulate_file terminate
	iomem_alloc iomem_free get_zoned_model report_zones reset_wp move_zone_wp get_max_open_zones
	get_max_active_zones finish_zone fdp_fetch_ruhs"

# with_hooks [hook]...: from here on fio has the engine of tests/helpers/fio_hooks.c.
with_hooks() {
	build_helper fio_hooks ${1:+"-DHOOKS=$(printf 'HOOK(%s) ' "$@")"}
	cat >fio.sh <<-END
		#!/bin/sh
		exec env LD_PRELOAD="$HELPERS/fio_hooks" "$FIO" "\$@"
	END
	chmod +x fio.sh
	FIO=./fio.sh
}

@test "backend: every hook that this fio knows is replaced or passed on, and none is forgotten" {
	read -ra hooks < <(sed -n '/^struct ioengine_ops {/,/^};/p' "$ROOT/build/fio/src/ioengines.h" |
		grep -oP '\(\*\K\w+(?=\)\()' | paste -sd ' ')
	((${#hooks[@]} >= 25)) || fail "fio's header has ${#hooks[@]} hooks"
	with_hooks "${hooks[@]}"
	dgen --backend=fio:hooks --size=512k
	grep -qx "prep in init is its own" fio.err
	for hook in "${hooks[@]}"; do
		become=$(grep -oP "^hook $hook \\K(copied|replaced|lost)" fio.err) || fail "$hook: unseen"
		if [[ " $REPLACED " == *" $hook "* ]]; then
			[[ $become == replaced ]] || fail "$hook: $become"
		elif [[ " $PASSED_ON " == *[[:space:]]"$hook"[[:space:]]* ]]; then
			[[ $become == copied ]] || fail "$hook: $become"
		else
			fail "$hook: new in this fio, and $become: does it carry I/O or data? Then replace" \
				"it. Note it in this test."
		fi
	done
	# What stands in front of a hook calls it.
	for hook in $REPLACED iomem_alloc iomem_free; do
		grep -q "^hook $hook called" fio.err || fail "$hook of the back end is not called"
	done
	(($(grep -c '^hook queue called' fio.err) == 8)) || fail "calls of queue"
}

@test "backend: I/Os that a back end loses end the job, with their number" {
	with_hooks
	dgen --backend=fio:hooks --size=512k
	for thread in 0 1; do
		HOOKS_LOSE=1 dgen_raw --backend=fio:hooks --size=512k --thread=$thread
		refused "job j: 1 I/Os never ended: backend=fio:hooks has lost them"
	done
}

@test "backend: trims of several ranges reach a back end that has them, others are refused" {
	"$FIO" --cmdhelp=num_range 2>&1 | grep -q '^ *num_range:' || skip "this fio has no num_range="
	local trims=(--rw=randtrim --bsrange=4k-16k --size=1m --num_range=4)

	for backend in io_uring libaio null fio:psync; do
		dgen_raw --backend=$backend "${trims[@]}"
		refused "num_range=4" "backend=$backend" io_uring_cmd
	done
	with_hooks
	"$FIO" --name=j --ioengine=hooks --filename=f --iodepth=8 "${trims[@]}" \
		--output-format=json >theirs 2>wanted
	(($(grep -c '^range' wanted) > 60)) || { show wanted; false; }
	for thread in 0 1; do
		dgen --backend=fio:hooks --thread=$thread "${trims[@]}"
		[[ $(json '.jobs[0].trim.io_bytes') == "$(jq '.jobs[0].trim.io_bytes' theirs)" ]]
		diff <(grep ^range fio.err) <(grep ^range wanted) >ranges || { show ranges; false; }
	done
}
