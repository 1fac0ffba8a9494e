#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whole disk speed: does data with D = 2 and C = 2 reach the disk as fast as fio's own io_uring
# engine writes the same static buffers over and over? With -r: does reading such data with verify=
# reach what reading it without does? Runs of both alternate; the medians decide.
#
#   results/disk-speed.sh [-r] [-n RUNS] [-d DIRECTORY] [-s SIZE] [-p PROFILE] [-o FILE.csv]
#
#   -r  read, with and without verify=
#   -n  runs of each (5)
#   -d  where the file goes; its file system is what is measured (the current directory)
#   -s  size of the whole file; that of the profile unless given
#   -p  profile, such as auto16; that of this machine unless given
#   -o  the figures of every run, as CSV
#
# Ends with 1 where the ratio is below 0.97. ENGINE and FIO name the engine and fio.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
engine=$(realpath -m "${ENGINE:-$here/libdgen_engine.so}")
fio=${FIO:-fio}
runs=5
directory=.
size=
profile=
csv=
first=dgen
second=static

die() {
	echo "disk-speed: $*" >&2
	exit 2
}

while getopts rn:d:s:p:o:h option; do
	case $option in
	r) first=verify second=plain ;;
	n) runs=$OPTARG ;;
	d) directory=$OPTARG ;;
	s) size=$OPTARG ;;
	p) profile=$OPTARG ;;
	o) csv=$OPTARG ;;
	h)
		sed -n '3,/^set/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) exit 2 ;;
	esac
done
[[ $runs =~ ^[1-9][0-9]*$ ]] || die "-n $runs: must be a number from 1 up"
[[ -d $directory ]] || die "-d $directory: no such directory"
[[ -e $engine ]] || die "no engine at $engine; run make first"
command -v jq >/dev/null || die "jq is not installed"
command -v numfmt >/dev/null || die "numfmt is not installed"

# The one that make run takes.
[[ $profile ]] || profile=$("$here/dgen-bench" --profile) || die "no dgen-bench; run make first"
source=$here/jobs/$profile.fio
[[ -e $source ]] || die "-p $profile: no $source"

directory=$(cd "$directory" && pwd)
work=$(mktemp -d)
file=$directory/disk-speed.$$.bin
trap 'rm -rf "$work" "$file"' EXIT
trap 'exit 130' INT TERM

# setting OPTION: as the profile has it.
setting() {
	sed -n "s/^$1 *= *//p" "$source" | head -n 1
}

# Both jobs are the profile over our file; ours with D = C = 2, fio's without our options.
writers=$(setting numjobs)
sed -E -e "s|^filename *=.*|filename=$file|" "$source" >"$work/job.fio"
if [[ $size ]]; then
	bytes=$(numfmt --from=iec "${size^^}") || die "-s $size: must be a size such as 4G"
	bs=$(numfmt --from=iec "$(setting bs | tr '[:lower:]' '[:upper:]')")
	each=$((bytes / writers / bs * bs))
	((each > 0)) || die "-s $size: $writers writers need at least $((writers * bs)) bytes"
	sed -E -i -e "s|^size *=.*|size=$each|" -e "s|^offset_increment *=.*|offset_increment=$each|" \
		-e '/^filesize *=/d' "$work/job.fio"
fi
sed -E -e 's|^dedup_ratio *=.*|dedup_ratio=2|' -e 's|^compress_ratio *=.*|compress_ratio=2|' \
	"$work/job.fio" >"$work/dgen.fio"
ours=$("$fio" --enghelp="$engine" | awk '/^[a-z_]+ / { print $1 }' | paste -sd '|')
sed -E -e "/^($ours) *=/d" -e '/^ioengine *=/d' "$work/job.fio" >"$work/static.fio"

# Readers find what one run of the writers left.
sed -E -e 's|^rw *=.*|rw=read|' -e '/^data_seed *=/d' "$work/dgen.fio" >"$work/plain.fio"
sed -E -e 's|^rw *=.*|rw=read\nverify=crc32c|' "$work/plain.fio" >"$work/verify.fio"
seed=()
[[ $first == dgen ]] || seed=(--data_seed=1)

# run_fio NAME [option]...
run_fio() {
	local name=$1
	shift

	"$fio" "$@" --output-format=json "$work/$name.fio" >"$work/out.json" ||
		die "fio failed: $(tail -n 5 "$work/out.json")"
}

# run_job NAME: prints bandwidth in bytes a second and the CPU it took.
run_job() {
	case $1 in
	dgen | static) rm -f "$file" ;;
	esac
	sync
	case $1 in
	static) run_fio "$1" --ioengine=io_uring --scramble_buffers=0 ;;
	*) run_fio "$1" --ioengine="external:$engine" "${seed[@]}" ;;
	esac
	jq -r '[([.jobs[] | .write.bw_bytes + .read.bw_bytes] | add), ([.jobs[].usr_cpu] | add / length),
		([.jobs[].sys_cpu] | add / length)] | map(tostring) | join(",")' "$work/out.json"
}

# median NAME
median() {
	awk -F, -v name="$1" '$2 == name { print $3 }' "$work/runs.csv" | sort -n |
		awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

gigabytes() {
	awk -v b="$1" 'BEGIN { printf "%.3f GB/s", b / 1e9 }'
}

echo "$profile: $writers writers of $(setting bs) blocks on $directory, $runs runs of each"
echo "run,engine,bytes_per_second,user_percent,system_percent" >"$work/runs.csv"
[[ $first == dgen ]] || run_fio dgen --ioengine="external:$engine" "${seed[@]}"
for ((run = 0; run <= runs; run++)); do
	for name in "$first" "$second"; do
		line=$(run_job "$name")
		# The first pair only warms the disk up.
		((run)) || continue
		echo "$run,$name,$line" >>"$work/runs.csv"
		printf '%3d %-6s %s\n' "$run" "$name" "$(gigabytes "$(cut -d, -f1 <<<"$line")")"
	done
done
[[ $csv ]] && cp "$work/runs.csv" "$csv"

echo "median $first: $(gigabytes "$(median "$first")")"
echo "median $second: $(gigabytes "$(median "$second")")"
awk -v a="$(median "$first")" -v b="$(median "$second")" 'BEGIN {
	printf "ratio %.3f (0.97 wanted)\n", a / b
	exit a / b < 0.97
}'
