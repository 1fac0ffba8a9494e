# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the end-to-end tests share. They run the real fio with the real engine on real files and
# measure the result with dgen-measure, which shares no code with the generator.
#
#   ENGINE, FIO, MEASURE, COMMAND  what to test; by default what `make` built, and the installed fio. An
#                         engine with gcc's sanitizers brings their runtime into fio.
#   TMPDIR                where the files go; a disk that takes O_DIRECT is best
#   COVERAGE=1            the build counts what lines are run
#   VALGRIND=1            runs fio and the programs under valgrind
#   THREADS=1             with a build with sanitizers, or valgrind: jobs are threads, and leaks are looked for
#   DGEN_FULL=1           every value of every matrix (an hour or more)
#   FIO_OTHER             other fio binaries, separated by colons: versions that the engine must
#                         refuse, builds of the same version that it must refuse or serve well
#
# Every file of a test lies in $T, and teardown removes it whatever happens.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
ENGINE=${ENGINE:-$ROOT/libdgen_engine.so}
FIO=${FIO:-fio}
MEASURE=${MEASURE:-$ROOT/dgen-measure}
COMMAND=${COMMAND:-$ROOT/dgen}
DGEN_FULL=${DGEN_FULL:-}
VALGRIND=${VALGRIND:-}
COVERAGE=${COVERAGE:-}
THREADS=${THREADS:-}
unset DGEN_KERNEL
# fio's and the system's messages are compared.
export LC_ALL=C

# The runtime of an engine's sanitizers must be loaded first, and fio was built without. What is found is
# written aside, where teardown looks for what is the engine's: fio itself leaks and races. Races are looked
# for with jobs as threads, without randomised addresses, which get in its way. Leaks are looked for in runs
# whose jobs are threads: what is made for a job that is a process, that process frees, in its copy. Programs
# see to themselves.
with_sanitizers() {
	local runtime real run='' preload='' each
	local log=$T/sanitizer

	# Looked for once in each file of tests.
	[[ -e $BATS_FILE_TMPDIR/runtime ]] ||
		ldd "$ENGINE" 2>/dev/null | awk '/^\tlib[a-z]*san\.so/ { print $3 }' | paste -sd : >"$BATS_FILE_TMPDIR/runtime"
	runtime=$(<"$BATS_FILE_TMPDIR/runtime")
	[[ $runtime || $VALGRIND ]] || return 0
	if [[ $runtime == *tsan* ]]; then
		run='setarch -R'
		THREADS=1
	elif [[ ! $runtime ]]; then
		run="valgrind -q --leak-check=\${check[leaks]} --show-leak-kinds=definite --fullpath-after= --log-file=$log.%p"
	fi
	# The test's own go on behind it.
	[[ ! $runtime ]] || preload="export LD_PRELOAD=$runtime\${LD_PRELOAD:+:\$LD_PRELOAD}"
	# A test that runs others has this done already: once more, and TSan's runtime ends with a signal.
	real=${SANITIZED_FIO:-$(command -v "$FIO")}
	export SANITIZED_FIO=$real
	FIO=$BATS_FILE_TMPDIR/fio-sanitized
	cat >"$FIO" <<-END
		#!/bin/bash
		leaks=${THREADS:-0} check=(no full)
		for each; do
			case \$each in --thread | --thread=1) leaks=1 ;; --thread=0) leaks=0 ;; esac
		done
		format='stack_trace_format="    #%n %p %F %S %M"'
		export ASAN_OPTIONS=abort_on_error=1:exitcode=0:log_path=$log:detect_leaks=\$leaks:\$format
		export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1:log_path=$log:\$format
		export TSAN_OPTIONS=exitcode=0:die_after_fork=0:log_path=$log:\$format
		$preload
		exec $run "$real" ${THREADS:+--thread=1} "\$@"
	END
	chmod +x "$FIO"
	[[ $VALGRIND ]] || return 0
	for each in MEASURE COMMAND; do
		[[ ${!each} != */sanitized-* ]] || continue
		real=$BATS_FILE_TMPDIR/sanitized-${!each##*/}
		printf '#!/bin/bash\nexec valgrind -q --error-exitcode=99 --leak-check=full "%s" "$@"\n' \
			"${!each}" >"$real"
		chmod +x "$real"
		printf -v "$each" %s "$real"
	done
}

# The counts of a job that is a process, which fio ends with _exit().
with_coverage() {
	[[ $COVERAGE ]] || return 0
	build_helper fini_exit
	export LD_PRELOAD=$HELPERS/fini_exit
}

# Reports that have the engine where it happened, or where the function was called in which it did.
no_reports() {
	local found

	compgen -G "$T/sanitizer.*" >/dev/null || return 0
	found=$(cat "$T"/sanitizer.* 2>/dev/null | awk '
		/^(==[0-9]+==)? *$|^=+$|^$/ { if (ours && !fios) printf "%s", text; text = ""; ours = fios = 0 }
		{ text = text $0 "\n" }
		/ #[01] .*libdgen_engine/ || / runtime error: / || /ERROR: AddressSanitizer/ { ours = 1 }
		# fio frees the options of a job that is a process and was killed twice, with engines of its own too.
		/ #1 .* in fio_options_free .*\(fio\+/ { fios = 1 }
		# fio reads what td_verror() notes when the thread has ended, and knows that by a flag.
		/ #1 .* in nowarn_snprintf / { fios = 1 }
		# valgrind knows no object where it knows the file.
		/^==[0-9]+== +at / { frames = 0 }
		/^==[0-9]+== +(at|by) / && !/vgpreload/ && frames++ < 2 &&
			/\((\.\/)?(engine|generator|verify)\/[^ ]*:[0-9]+\)/ { ours = 1 }
		END { if (ours && !fios) printf "%s", text }')
	[[ ! $found ]] || fail "$found"
}

# bats notes before each command where it is, in case it fails, which in loops takes longer than the commands. Here it
# is looked up when one has failed.
note_failures_only() {
	declare -F bats_capture_stack_trace bats_error_trap >/dev/null || return 0
	trap - DEBUG
	trap failed_here ERR
}

failed_here() {
	local status=$?

	bats_capture_stack_trace
	# shellcheck disable=SC2034 # by bats
	BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
	(exit "$status")
	bats_error_trap
}

setup() {
	note_failures_only
	T=$BATS_TEST_TMPDIR
	LOOPS=()
	MOUNTS=()
	MAPPED=    # a device of device-mapper
	IN_MEMORY= # a file outside $T
	HUGE_PAGES=
	# For what is built for it: with sanitizers FIO is a script.
	# shellcheck disable=SC2034 # by the tests
	BARE_FIO=$FIO
	with_sanitizers
	with_coverage
	cd "$T" || return 1
	# Where O_DIRECT is refused the data is the same without it.
	if [[ ! -e $BATS_FILE_TMPDIR/direct ]]; then
		dd if=/dev/zero of=probe bs=4096 count=1 oflag=direct 2>/dev/null && DIRECT=1 || DIRECT=0
		echo "$DIRECT" >"$BATS_FILE_TMPDIR/direct"
		rm -f probe
	fi
	DIRECT=$(<"$BATS_FILE_TMPDIR/direct")
}

teardown() {
	local each bad=0

	cd / || true
	# Servers that a test has started.
	# shellcheck disable=SC2046 # several
	kill $(jobs -p) 2>/dev/null || true
	[[ ! $IN_MEMORY ]] || rm -f "$IN_MEMORY"
	# The jobs of a fio that was killed outlive it.
	pkill -KILL -f -- "--filename=$T/" || true
	no_reports || bad=1
	[[ ! $MAPPED ]] || dmsetup remove --retry "$MAPPED" || true
	# A lazy detach and unmount work in any order.
	for each in "${LOOPS[@]}"; do
		losetup -d "$each" || true
	done
	for each in "${MOUNTS[@]}"; do
		umount "$each" 2>/dev/null || umount -l "$each" || true
	done
	[[ ! $HUGE_PAGES ]] || echo "$HUGE_PAGES" >/proc/sys/vm/nr_hugepages || true
	rm -rf --one-file-system "${T:?}"/*
	return "$bad"
}

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# show FILE...: their beginning, for a failing test.
show() {
	local file

	for file; do
		printf -- '--- %s\n' "${file##*/}" >&2
		head -n 25 "$file" >&2
	done
}

# The values of a matrix: full "all values" or, in the default run, the few of the second argument.
full() {
	if [[ $DGEN_FULL ]]; then
		echo "$1"
	else
		echo "$2"
	fi
}

need_root() {
	[[ $EUID -eq 0 ]] || skip "needs root"
}

need_command() {
	local command

	for command; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# need_build FILE: of what `make` builds; with sanitizers another build is tested, and this one may be missing.
need_build() {
	[[ -e $ROOT/$1 ]] || skip "make has not built $1"
}

is_sanitized() {
	ldd "$ENGINE" | grep -q 'lib[a-z]*san\.so'
}

# no_sanitizers: their runtime has an allocator of its own, none of them knows liburing's mock, no leak is found
# under strace, and what is fast or slow is not so with them.
no_sanitizers() {
	[[ ! $VALGRIND ]] && ! is_sanitized || skip "not with sanitizers or valgrind"
}

# no_counters: gcc's, of make coverage, write files of their own at the end of a program, and ask for memory there.
no_counters() {
	[[ ! ${COVERAGE:-} ]] || skip "not while lines are counted"
}

# need_space MIB: room in $T.
need_space() {
	local room

	room=$(df --output=avail -BM "$T" | tail -n 1 | tr -dc 0-9)
	((room >= $1 + 512)) || skip "needs $1 MiB of disk space, $room are free"
}

need_avx2() {
	grep -qw avx2 /proc/cpuinfo || skip "this CPU has no AVX2"
}

# left_out WHAT: a part of a test cannot run; the run says so.
left_out() {
	echo "# $BATS_TEST_DESCRIPTION: left out: $1" >&3
}

# has_fio_engine NAME: also one without options, for which --enghelp=NAME fails.
has_fio_engine() {
	"$FIO" --enghelp 2>&1 | grep -qxP "\t$1"
}

# build_helper NAME [flag]...: tests/helpers/NAME.c, compiled once for each test file, as $HELPERS/NAME.
build_helper() {
	HELPERS=$BATS_FILE_TMPDIR
	[[ -e $HELPERS/$1 ]] && return
	need_command cc
	case $1 in
	fio_*)
		# Against the source that the engine was built from.
		local fio=$ROOT/build/fio
		cc -O2 -Wall -shared -fPIC -o "$HELPERS/$1" -D_GNU_SOURCE -D_LARGEFILE_SOURCE \
			-D_FILE_OFFSET_BITS=64 -DFIO_INTERNAL -DFIO_INC_DEBUG "${@:2}" -isystem "$fio/src" \
			-include "$fio/src/config-host.h" -include "$fio/version.h" \
			"$BATS_TEST_DIRNAME/helpers/$1.c"
		;;
	bad_* | fini_*) cc -O2 -Wall -D_GNU_SOURCE -shared -fPIC -o "$HELPERS/$1" "$BATS_TEST_DIRNAME/helpers/$1.c" ;;
	*) cc -O2 -Wall -o "$HELPERS/$1" "$BATS_TEST_DIRNAME/helpers/$1.c" ;;
	esac
}

# fio_raw [option]...: fio with the engine; its exit status is kept in $status, its output in
# $T/fio.out and $T/fio.err. 124 means that it hung. Before it takes the time from the processors, fio tries for
# a third of what it needs to start whether theirs agree: here it asks the system.
fio_raw() {
	status=0
	timeout --kill-after=5 "${LIMIT:-120}" \
		"$FIO" --ioengine="external:$ENGINE" --clocksource=clock_gettime "$@" \
		>"$T/fio.out" 2>"$T/fio.err" </dev/null ||
		status=$?
}

# dgen_raw [option]...: one job over the file f, a sequential write of 64k blocks; it may fail. Later
# options win, those of $JOBS first, so that a test names only what it is about. The name is relative, so that the data,
# which follows from it, is the same in every run of a test.
dgen_raw() {
	local where=(--filename=f)

	# fio adds up file names rather than taking the last.
	[[ " $*" == *" --directory="* || " $*" == *" --filename="* ]] && where=()
	# shellcheck disable=SC2086 # several
	fio_raw --name=j "${where[@]}" --rw=write --bs=64k --size=16m --direct="$DIRECT" \
		--iodepth=8 --data_seed=1 --output-format=json ${JOBS:-} "$@"
}

# dgen [option]...: the same, and it must end well.
dgen() {
	dgen_raw "$@"
	((status == 0)) && return
	echo "fio ended with $status: fio --ioengine=external:... --name=j $*" >&2
	show "$T/fio.out" "$T/fio.err"
	return 1
}

# json FILTER: of what fio printed; fails where that is not JSON alone.
json() {
	jq -er "$1" "$T/fio.out" || fail "no $1 in fio's JSON output"
}

# static_fio [option]...: the same job by fio itself, without the engine: a negative control.
static_fio() {
	"$FIO" --name=j --ioengine=psync --filename="$T/f" --rw=write --bs=64k --size=16m \
		--direct="$DIRECT" --minimal "$@" >/dev/null
}

# measured [dgen-measure option]... FILE...: leaves the figures in $T/measure.json.
measured() {
	"$MEASURE" --quiet --json "$@" >"$T/measure.json" || fail "dgen-measure $* failed"
}

figure() {
	jq -r "$1" "$T/measure.json"
}

# near VALUE WANTED PERCENT
near() {
	awk -v v="$1" -v w="$2" -v p="$3" \
		'BEGIN { d = v - w; if (d < 0) d = -d; exit !(d <= w * p / 100) }'
}

# dedup_is D PERCENT WHAT [dgen-measure option]... FILE...: D within PERCENT, or one distinct unit
# more or less where that is coarser.
dedup_is() {
	local ratio=$1 percent=$2 what=$3 total distinct
	shift 3

	measured --codec=none "$@"
	read -r total distinct < <(figure '.units[0] | "\(.total - .zero) \(.distinct)"')
	((total > 0)) || fail "$what: no data in $*"
	awk -v t="$total" -v d="$distinct" -v D="$ratio" -v p="$percent" 'BEGIN {
		error = t / d / D - 1
		if (error < 0)
			error = -error
		units = d - t / D
		if (units < 0)
			units = -units
		exit !(error <= p / 100 || units <= 1)
	}' || fail "$what: $total units, $distinct distinct, $(figure '.units[0].dedup_ratio'):1" \
		"wanted $ratio:1 within $percent %"
}

# compression_is C WHAT FILE...: C within 1.5 % with both codecs on 4 KiB records.
compression_is() {
	local ratio=$1 what=$2 codec found seen=0
	shift 2

	measured --codec=lz4,zstd:3 "$@"
	while read -r codec found; do
		near "$found" "$ratio" 1.5 ||
			fail "$what: $codec compresses $found:1, wanted $ratio:1 within 1.5 %" || return
		seen=$((seen + 1))
	done < <(figure '.codecs[] | "\(.codec) \(.compression_ratio)"')
	((seen == 2)) || fail "$what: compressed by $seen codecs"
}

# no_holes WHAT: the last measurement saw no block of zeros.
no_holes() {
	[[ $(figure .zero_blocks) == 0 ]] ||
		fail "$1: $(figure .zero_blocks) blocks of 4 KiB are all zero"
}

# shares WHAT COUNT FILE OTHER: so many units of FILE are also in OTHER.
shares() {
	measured --codec=none --against="$4" "$3"
	[[ $(figure '.units[0].shared') == "$2" ]] ||
		fail "$1: $(figure '.units[0].shared') units are shared, wanted $2"
}

same() {
	cmp -- "$1" "$2" >&2 || fail "$3: the files differ"
}

# loop_device SIZE [losetup option]...: sets DEVICE; teardown detaches it.
loop_device() {
	need_root
	need_command losetup
	truncate -s "$1" "$T/disk.img"
	shift
	DEVICE=$(losetup --find --show --direct-io=off "$@" "$T/disk.img" 2>/dev/null) ||
		skip "no loop device can be had here"
	LOOPS+=("$DEVICE")
	# A device keeps the read-only flag that someone gave it before.
	[[ " $* " == *" --read-only "* ]] || blockdev --setrw "$DEVICE"
}

# put DEVICE OFFSET OCTAL...: these bytes there.
put() {
	# shellcheck disable=SC2059 # octal escapes
	printf "$(printf '\\%s' "${@:3}")" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# make_mbr DEVICE: an MBR with one partition, of 16 MiB from 1 MiB on.
make_mbr() {
	put "$1" 446 000 000 000 000 203 000 000 000 000 010 000 000 000 200 000 000
	put "$1" 510 125 252
}

# huge_pages NUMBER: so many are free; teardown gives them back.
huge_pages() {
	local pages=/proc/sys/vm/nr_hugepages before free

	need_root
	before=$(cat $pages 2>/dev/null) || skip "this kernel has no huge pages"
	HUGE_PAGES=$before
	{ echo $((before + $1)) >$pages; } 2>/dev/null || skip "no huge pages can be set aside here"
	free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
	((free >= $1)) || skip "only $free huge pages are free"
}

# failing_device SIZE GOOD: sets DEVICE to one whose writes fail once GOOD bytes have been written.
failing_device() {
	need_root
	mkdir "$T/ram"
	mount -t tmpfs -o "size=$2" tmpfs "$T/ram" 2>/dev/null || skip "nothing can be mounted here"
	MOUNTS+=("$T/ram")
	truncate -s "$1" "$T/ram/disk.img"
	DEVICE=$(losetup --find --show --direct-io=off "$T/ram/disk.img" 2>/dev/null) ||
		skip "no loop device can be had here"
	LOOPS+=("$DEVICE")
	blockdev --setrw "$DEVICE"
}

# file_system SIZE: a small ext4 of its own, mounted at $MOUNT; teardown unmounts it.
file_system() {
	need_root
	need_command mkfs.ext4
	loop_device "$1"
	mkfs.ext4 -q -m 0 "$DEVICE"
	MOUNT=$T/mnt
	mkdir "$MOUNT"
	mount "$DEVICE" "$MOUNT" 2>/dev/null || skip "nothing can be mounted here"
	MOUNTS+=("$MOUNT")
}

# Fails unless fio failed by itself.
failed() {
	((status != 124 && status != 137)) || fail "fio hung"
	((status < 128)) || fail "fio crashed with $status"
	((status != 0)) && return
	show "$T/fio.out" "$T/fio.err"
	fail "fio ended with 0"
}

# io_error WORD...: fio failed, and each line about a failed I/O has all these words; there are no
# more of them than I/Os can be in flight.
io_error() {
	local line word lines

	failed
	mapfile -t lines < <(cat "$T/fio.err" "$T/fio.out" | grep -E '^(fio: io_u error|dgen: )')
	if ((${#lines[@]} < 1 || ${#lines[@]} > 8)); then
		show "$T/fio.out" "$T/fio.err"
		fail "${#lines[@]} lines about failed I/O"
	fi
	for line in "${lines[@]}"; do
		for word; do
			[[ $line == *"$word"* ]] || fail "no '$word' in: $line"
		done
	done
}

# Fails unless fio failed by itself, said one line of ours, and that line has all these words.
# Our lines begin with "dgen: "; what fio adds of its own is not counted.
refused() {
	local lines word

	failed
	lines=$(cat "$T/fio.out" "$T/fio.err" | grep 'dgen: ' || true)
	if [[ $(grep -c . <<<"$lines") -ne 1 ]]; then
		show "$T/fio.out" "$T/fio.err"
		fail "not one line of ours"
	fi
	for word; do
		[[ $lines == *"$word"* ]] || fail "no '$word' in: $lines"
	done
}
