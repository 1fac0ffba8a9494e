#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The job files in jobs/.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

PROFILES="auto8 auto16 auto32 auto64 auto128"

# setting PROFILE OPTION
setting() {
	sed -n "s/^$2 *= *//p" "$ROOT/jobs/$1.fio" | head -n 1
}

@test "profiles: each has its comment, options and a seed to switch on" {
	for profile in $PROFILES; do
		file=$ROOT/jobs/$profile.fio
		[[ -f $file ]] || fail "no jobs/$profile.fio"
		head -n 20 "$file" | grep -q '^[#;].*fio --ioengine=external:' ||
			fail "$profile: no command line in its head"
		grep -Eq '^[#;] *data_seed *=' "$file" || fail "$profile: no data_seed to switch on"
		for option in dedup_ratio compress_ratio numjobs iodepth bs direct group_reporting; do
			grep -Eq "^$option" "$file" || fail "$profile: no $option"
		done
	done
}

@test "profiles: writers, buffers and their size as documented" {
	# CPUs, writers, buffers, size of each
	while read -r cpus writers buffers bs; do
		profile=auto$cpus
		[[ $(setting "$profile" numjobs) == "$writers" ]] || fail "$profile: numjobs"
		[[ $(setting "$profile" bs) =~ ^${bs}[mM]$ ]] || fail "$profile: bs"
		depth=$((buffers / writers))
		((depth >= 16)) || depth=16
		[[ $(setting "$profile" iodepth) == "$depth" ]] ||
			fail "$profile: iodepth is not $depth"
	done <<-END
		8 4 128 4
		16 8 256 8
		32 12 512 8
		64 16 512 8
		128 32 1024 8
	END
}

@test "profiles: they are those of dgen-bench" {
	bench=$(dirname "$ENGINE")/dgen-bench
	[[ -x $bench ]] || skip "dgen-bench is not beside the engine"
	for profile in $PROFILES; do
		# Of a size at which each writer has as much to do.
		"$bench" --auto="${profile#auto}" --size=96g --backend=null --seed=1 --job -o f \
			>job.fio 2>err || { show err; false; }
		grep -qxF "# Profile $profile." <(grep -o '^# Profile [a-z0-9]*\.' job.fio) ||
			fail "$profile: $(head -n 5 job.fio)"
		grep -q 'memory are free' err && { left_out "$profile: too little memory"; continue; }
		for option in numjobs bs iodepth direct thread group_reporting rw; do
			[[ $(sed -n "s/^$option=//p" job.fio | head -n 1) == $(setting "$profile" "$option") ]] ||
				fail "$profile: $option differs from dgen-bench --auto"
		done
	done
}

@test "profiles: fio takes each of them" {
	for profile in $PROFILES; do
		(cd "$ROOT" && "$FIO" --ioengine="external:$ENGINE" --parse-only \
			"jobs/$profile.fio") >fio.out 2>&1 || { show fio.out; false; }
	done
}

# shrunk PROFILE MIB: a copy whose writers write so much each, into $T/f.
shrunk() {
	sed -E -e "s|^filename *=.*|filename=$T/f|" -e "s|^size *=.*|size=$2m|" \
		-e "s|^filesize *=.*||" -e "s|^direct *=.*|direct=$DIRECT|" \
		-e "s|^offset_increment *=.*|offset_increment=$2m|" "$ROOT/jobs/$1.fio" >job.fio
}

@test "profiles: the writers write each part of the file once" {
	for profile in auto8 $(full "auto16 auto32" ""); do
		writers=$(setting "$profile" numjobs)
		shrunk "$profile" 32
		D=$(setting "$profile" dedup_ratio)
		fio_raw --output-format=json job.fio
		((status == 0)) || { show fio.out fio.err; false; }
		bytes=$((writers * 32 * 1024 * 1024))
		[[ $(json '[.jobs[].write.io_bytes] | add') == "$bytes" ]]
		[[ $(stat -c %s f) == "$bytes" ]] || fail "$profile: the file has $(stat -c %s f)"
		dedup_is "$D" 1 "$profile" f
		compression_is "$(setting "$profile" compress_ratio)" "$profile" f
		no_holes "$profile"
		rm f
	done
}

@test "profiles: make run writes no more than RUN_SIZE, and refuses one that does not fit" {
	need_build libdgen_engine.so
	file_system 64m
	run_profile() {
		status=0
		RUN_DIR=$MOUNT RUN_JOB=job.fio FIO=$FIO "$ROOT/jobs/run-profile" >out 2>err || status=$?
	}
	printf '%s\n' "[j]" numjobs=2 size=2m offset_increment=2m bs=1m rw=write direct=0 filename=x >job.fio
	RUN_SIZE=1g run_profile
	[[ $status == 1 && ! -s out && $(wc -l <err) == 1 ]] || { show out err; false; }
	grep -q "^dgen: RUN_SIZE=1g, but only [0-9.]*MiB are free in $MOUNT" err || { show err; false; }
	[[ ! $(find "$MOUNT" -type f) ]]
	RUN_SIZE=4m run_profile
	((status == 0)) || { show out err; false; }
	! grep -q 'more than once' out || { show out; false; }
	printf '%s\n' time_based runtime=1 >>job.fio
	RUN_SIZE=4m run_profile
	((status == 0)) || { show out err; false; }
	grep -q '^RUN_SIZE=4m is the size of the file: the job goes over it more than once' out || { show out; false; }
}
