#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How hard do compressors work on our data? Real files, our data and fio's built-in pattern, all of the
# same LZ4 ratio, go through the benchmarks of the lz4 and zstd programs by turns.
#
#   results/effort.sh [-n ROUNDS] [-i SECONDS] [-b RECORD] [-m MIB] [DIRECTORY...]
#
#   -n  rounds (3)
#   -i  seconds for each figure (1), 0: one time over the sample
#   -b  bytes that the codec sees at a time (4096)
#   -m  MiB of each sample (32)
#
# Prints rows with tabs: directory, round, whose data, codec, ratio, MB/s of compressing, of decompressing.
# make results makes tables of them. Codecs are at level 1. Ours are the default (4k), with compress_chunk=64 (64),
# and those with 64 values of random bytes (symbols).
#
# Each directory gives one sample: its files one behind the other, unpacked where they are .gz.
# ENGINE, COMMAND and FIO name the engine, dgen and fio.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
engine=$(realpath -m "${ENGINE:-$here/libdgen_engine.so}")
dgen=${COMMAND:-$here/dgen}
fio=${FIO:-fio}
rounds=3
record=4096
mib=32
seconds=1

die() {
	echo "effort: $*" >&2
	exit 2
}

while getopts n:i:b:m:h option; do
	case $option in
	n) rounds=$OPTARG ;;
	b) record=$OPTARG ;;
	m) mib=$OPTARG ;;
	i) seconds=$OPTARG ;;
	h)
		sed -n '3,/^set/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -gt 0 ]] || set -- /usr/bin /usr/share/doc /usr/include /var/log
[[ $rounds =~ ^[1-9][0-9]*$ ]] || die "-n $rounds: must be a number from 1 up"
[[ $record =~ ^[1-9][0-9]*$ ]] || die "-b $record: must be a number of bytes"
[[ $seconds =~ ^[0-9]+$ ]] || die "-i $seconds: must be a number"
[[ $mib =~ ^[1-9][0-9]*$ ]] || die "-m $mib: must be a number from 1 up"
[[ -x $dgen && -e $engine ]] || die "no dgen or engine in $here; run make first"
for each in lz4 zstd "$fio"; do
	command -v "$each" >/dev/null || die "$each is not installed"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
size=$((mib << 20))

# sample DIRECTORY FILE: false where there is too little.
sample() {
	# head ends the pipe early.
	{ find "$1" -xdev -type f -readable -print0 | sort -z | xargs -0 zcat -f; } 2>/dev/null |
		head -c "$size" >"$2" || true
	(($(stat -c %s "$2") >= size / 4))
}

# measure CODEC FILE: ratio, MB/s of compressing and of decompressing.
measure() {
	"$1" -b1 "-i$seconds" "-B$record" "$2" 2>&1 | tr '\r' '\n' |
		sed -nE 's/.*\(x?([0-9.]+)\), *([0-9.]+) MB\/s *, *([0-9.]+) MB\/s.*/\1 \2 \3/p' | tail -n 1
}

# ours FILE RATIO [option]...
ours() {
	local to=$1 ratio=$2
	shift 2

	"$dgen" --quiet --seed 1 --size "$(stat -c %s "$work/real")" --compress-ratio "$ratio" "$@" \
		-o "$to"
}

pattern() {
	local percent

	percent=$(awk -v r="$2" 'BEGIN { printf "%.0f", 100 - 100 / r }')
	"$fio" --name=pattern --filename="$1" --size="$(stat -c %s "$work/real")" --bs=4k --rw=write \
		--refill_buffers --buffer_compress_percentage="$percent" --buffer_compress_chunk=4k \
		--randseed=1 --minimal >/dev/null
}

for directory; do
	if ! sample "$directory" "$work/real"; then
		echo "effort: $directory: less than $((mib / 4)) MiB of readable files, left out" >&2
		continue
	fi
	echo "effort: $directory" >&2
	ratio=$(measure lz4 "$work/real" | cut -d' ' -f1)
	ours "$work/4k" "$ratio"
	ours "$work/64" "$ratio" --compress-chunk 64
	ours "$work/symbols" "$ratio/100/64" --compress-chunk 64
	pattern "$work/pattern" "$ratio"
	for ((round = 1; round <= rounds; round++)); do
		for name in real 4k 64 symbols pattern; do
			for codec in lz4 zstd; do
				read -r shown compress decompress < <(measure $codec "$work/$name")
				printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$directory" "$round" "$name" \
					"$codec" "$shown" "$compress" "$decompress"
			done
		done
		echo "effort: $directory, round $round of $rounds" >&2
	done
done
