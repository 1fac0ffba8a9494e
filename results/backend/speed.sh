#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the data costs an I/O: D = 2, C = 2, new in each write, against fio itself. Runs of both
# alternate; the medians decide.
#
#   results/backend/speed.sh [-n RUNS] [-t SECONDS] [-d DIRECTORY] [CASE...]
#
#   -n  runs of each (5)
#   -t  seconds of each run (2)
#   -d  where the file goes (/dev/shm)
#
#   randwrite, randread  4 KiB at queue depth 32 to a file of 512 MiB, against fio's io_uring engine with
#                        static buffers and the same options
#   zram-randwrite, zram-randread
#                        the same on a zram device of that size (root), where fio's static buffers compress
#                        2:1 as well: a compressor's speed depends on that
#   libaio               the writes to a file with backend=libaio, against fio's libaio engine
#   null-4k, null-128k, null-1m
#                        writes to nowhere, against fio's null engine with refill_buffers and 50 % of
#                        duplicates and of compression
#
# All cases but libaio unless some are named. ENGINE and FIO name the engine and fio; the null cases compare
# with the fill of FIO_NEW, another fio (FIO).
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
engine=$(realpath -m "${ENGINE:-$here/libdgen_engine.so}")
fio=${FIO:-fio}
fio_new=${FIO_NEW:-$fio}
runs=5
seconds=2
directory=/dev/shm

die() {
	echo "speed: $*" >&2
	exit 2
}

while getopts n:t:d:h option; do
	case $option in
	n) runs=$OPTARG ;;
	t) seconds=$OPTARG ;;
	d) directory=$OPTARG ;;
	h)
		sed -n '3,/^set/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[[ $runs =~ ^[1-9][0-9]*$ ]] || die "-n $runs: must be a number from 1 up"
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "-t $seconds: must be a number from 1 up"
[[ -d $directory ]] || die "-d $directory: no such directory"
[[ -e $engine ]] || die "no engine at $engine; run make first"
command -v jq >/dev/null || die "jq is not installed"

work=$(mktemp -d "$directory/dgen-speed.XXXXXX")
zram=''
finish() {
	if [[ $zram ]]; then
		echo 1 >"/sys/block/zram$zram/reset" || :
		echo "$zram" >/sys/class/zram-control/hot_remove || :
	fi
	rm -rf "$work"
}
trap finish EXIT
# A seed of its own for each run would print a line; the ratio is what is asked for.
ours=(--ioengine="external:$engine" --dedup_ratio=2 --compress_ratio=2 --data_seed=1)

# iops FIO OPTION...: of one run, reads and writes together.
iops() {
	"$@" --name=j --time_based --runtime="$seconds" --output-format=json 2>"$work/err" |
		jq -e '.jobs[0] | (.read.iops + .write.iops | floor)' || {
		cat "$work/err" >&2
		die "fio failed: $*"
	}
}

median() {
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# compare CASE OPTION...: with ours in front, and with what is in theirs. Besides the ratio of the medians, the
# median of the ratios of runs that follow on each other.
compare() {
	local name=$1 a=() b=() ratios=() i
	shift

	for ((i = 0; i < runs; i++)); do
		a+=("$(iops "$fio" "${ours[@]}" "${backend[@]}" "$@")")
		b+=("$(iops "${theirs[@]}" "$@")")
		ratios+=("$(awk -v a="${a[i]}" -v b="${b[i]}" 'BEGIN { printf "%.3f", a / b }')")
	done
	awk -v n="$name" -v a="$(median "${a[@]}")" -v b="$(median "${b[@]}")" -v p="$(median "${ratios[@]}")" \
		'BEGIN { printf "%-14s dgen %9d  fio %9d  ratio %.3f  of pairs %.3f\n", n, a, b, a / b, p }'
}

# fill TARGET: reads find data, and writes no holes.
fill() {
	"$fio" "${ours[@]}" --name=fill --filename="$1" --size=512m --bs=1m --rw=write --direct=1 >/dev/null
}

on_file() {
	[[ -e $work/f ]] || fill "$work/f"
	compare "$@" --filename="$work/f" --size=512m --bs=4k --iodepth=32 --direct=1
}

on_zram() {
	if [[ ! $zram ]]; then
		zram=$(cat /sys/class/zram-control/hot_add 2>/dev/null) || die "no zram device can be had here"
		echo 512M >"/sys/block/zram$zram/disksize"
		fill "/dev/zram$zram"
	fi
	compare "$@" --filename="/dev/zram$zram" --size=512m --bs=4k --iodepth=32 --direct=1
}

echo "$("$fio" --version), $runs runs of $seconds s, $(nproc) CPUs, IOPS"
(($#)) || set -- randwrite randread zram-randwrite zram-randread null-4k null-128k null-1m
for each; do
	backend=()
	theirs=("$fio" --ioengine=io_uring --scramble_buffers=0)
	case $each in
	randwrite | randread) on_file "$each" --rw="$each" ;;
	zram-rand*)
		theirs+=(--buffer_compress_percentage=50 --buffer_compress_chunk=4k --refill_buffers=0)
		on_zram "$each" --rw="${each#zram-}"
		;;
	libaio)
		backend=(--backend=libaio)
		theirs=("$fio" --ioengine=libaio --scramble_buffers=0)
		on_file "$each" --rw=randwrite
		;;
	null-*)
		backend=(--backend=null)
		theirs=("$fio_new" --ioengine=null --refill_buffers=1 --buffer_compress_percentage=50
			--dedupe_percentage=50)
		compare "$each" --rw=write --size=16g --bs="${each#null-}"
		;;
	*) die "$each: no such case" ;;
	esac
done
