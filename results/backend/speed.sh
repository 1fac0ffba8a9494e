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
#   libaio               the same writes with backend=libaio, against fio's libaio engine
#   null-4k, null-128k, null-1m
#                        writes to nowhere, against fio's null engine with refill_buffers and 50 % of
#                        duplicates and of compression
#
# All cases but libaio unless some are named. ENGINE and FIO name the engine and fio.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
engine=$(realpath -m "${ENGINE:-$here/libdgen_engine.so}")
fio=${FIO:-fio}
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
trap 'rm -rf "$work"' EXIT
# A seed of its own for each run would print a line; the ratio is what is asked for.
ours=(--ioengine="external:$engine" --dedup_ratio=2 --compress_ratio=2 --data_seed=1)

# iops FIO_OPTION...: of one run, reads and writes together.
iops() {
	"$fio" "$@" --name=j --time_based --runtime="$seconds" --output-format=json 2>"$work/err" |
		jq -e '.jobs[0] | (.read.iops + .write.iops | floor)' || {
		cat "$work/err" >&2
		die "fio failed: $*"
	}
}

median() {
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# compare CASE OPTION...: with ours in front, and with what is in theirs.
compare() {
	local name=$1 a=() b=() i
	shift

	for ((i = 0; i < runs; i++)); do
		a+=("$(iops "${ours[@]}" "${backend[@]}" "$@")")
		b+=("$(iops "${theirs[@]}" "$@")")
	done
	awk -v n="$name" -v a="$(median "${a[@]}")" -v b="$(median "${b[@]}")" \
		'BEGIN { printf "%-10s dgen %9d  fio %9d  ratio %.3f\n", n, a, b, a / b }'
}

on_file() {
	compare "$@" --filename="$work/f" --size=512m --bs=4k --iodepth=32 --direct=1
}

echo "$("$fio" --version), $runs runs of $seconds s, $(nproc) CPUs, IOPS"
(($#)) || set -- randwrite randread null-4k null-128k null-1m
for each; do
	backend=()
	theirs=(--ioengine=io_uring --scramble_buffers=0)
	case $each in
	rand*)
		[[ -e $work/f ]] || "$fio" "${ours[@]}" --name=fill --filename="$work/f" --size=512m \
			--bs=1m --rw=write --direct=1 >/dev/null
		on_file "$each" --rw="$each"
		;;
	libaio)
		backend=(--backend=libaio)
		theirs=(--ioengine=libaio --scramble_buffers=0)
		on_file "$each" --rw=randwrite
		;;
	null-*)
		backend=(--backend=null)
		theirs=(--ioengine=null --refill_buffers=1 --buffer_compress_percentage=50
			--dedupe_percentage=50)
		compare "$each" --rw=write --size=16g --bs="${each#null-}"
		;;
	*) die "$each: no such case" ;;
	esac
done
