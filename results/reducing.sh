#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What reducing storage makes of data that was asked for at a ratio: of dgen's, and of fio's own patterns
# for the same request. Needs root for what is mounted, and says what is missing.
#
#	results/reducing.sh [-q] [-c 'D/C ...'] [-s SEED] [STORAGE...]
#
#	-q  small and few, without fio's own data: for tests
#	-c  other ratios than 1/1.5 1/2 1/3 2/3.3 4/5
#	-s  seed of the data (1)
#
# Prints a row for each on standard output, with tabs: storage, D, C, wanted, dgen's, fio's. make results
# makes a table of them. btrfs is mounted with compress-force: without, its own test leaves such data below
# about 1.7:1 as it is, fio's as well. restic cuts files into chunks of about 1 MiB by content: restic is given a
# file for each unit; in restic-one-file units of 16 MiB repeat but for their ends, and D is below what was asked.
#
# Wanted is D x C after the storage's allocation unit; storage without deduplication shows C alone. What storage
# needs for itself is not taken off: erofs keeps an index of 0.1 % of the data, 2 % of what is left of it at 20:1.

set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
engine=${ENGINE:-$root/libdgen_engine.so}
fio=${FIO:-fio}
record=131072
all=(zram-lz4 zram-lzo-rle btrfs-zstd btrfs-lzo btrfs-zlib btrfs-duperemove xfs-duperemove
	squashfs-lz4 squashfs-zstd squashfs-gzip squashfs-lzo squashfs-xz erofs-dedupe
	borg-lz4 borg-zstd restic restic-one-file)

quick='' asked='' seed=1
while getopts qc:s: option; do
	case $option in
	q) quick=1 ;;
	c) asked=$OPTARG ;;
	s) seed=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- "${all[@]}"
if [ "$quick" ]; then
	size=$((8 << 20)) requests='1/2 2/3'
else
	size=$((32 << 20)) requests='1/1.5 1/2 1/3 2/3.3 4/5'
fi
requests=${asked:-$requests}

work=$(mktemp -d "${TMPDIR:-/var/tmp}/reducing.XXXXXX")
mkdir "$work/mnt"
zram='' loop=''

release()
{
	umount "$work/mnt" 2>/dev/null || :
	[ -z "$loop" ] || losetup -d "$loop" || :
	loop=''
	if [ "$zram" ]; then
		echo 1 > "/sys/block/zram$zram/reset" || :
		echo "$zram" > /sys/class/zram-control/hot_remove || :
		zram=''
	fi
}

finish()
{
	release
	rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

say()
{
	printf '%s\n' "$*" >&2
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a / b }'
}

# ---- data

# What is asked for, so that storage shows C: of 4 KiB it has some bytes for itself.
asked_for()
{
	awk -v c="$1" -v more="$more" -v own="$own" 'BEGIN { printf "%.4f", 1 / (more / c - own / 4096) }'
}

# make_dgen D C: of units as large as a record of most of these; make_fio alike.
make_dgen()
{
	"$fio" --ioengine=external:"$engine" --name=j --filename="$work/data" --rw=write --bs=1m \
		--size="$bytes" --data_seed="$seed" --dedup_domain=reducing --dedup_ratio="$1" \
		--compress_ratio="$(asked_for "$2")" --dedup_unit="$unit" --compress_codec="$codec" \
		--compress_record="$seen" --output-format=json > "$work/log" 2>&1
}

make_fio()
{
	local dedupe compress

	dedupe=$(awk -v r="$1" 'BEGIN { printf "%d", 100 - 100 / r + 0.5 }')
	compress=$(awk -v r="$2" 'BEGIN { printf "%d", 100 - 100 / r + 0.5 }')
	"$fio" --ioengine=psync --name=j --filename="$work/data" --rw=write --bs="$unit" \
		--size="$bytes" --refill_buffers=1 --randseed="$seed" --dedupe_percentage="$dedupe" \
		--buffer_compress_percentage="$compress" --output-format=json > "$work/log" 2>&1
}

# ---- storage: each prints the ratio that it shows of $work/data

on_zram()
{
	local algorithm=$1 stat

	zram=$(cat /sys/class/zram-control/hot_add)
	echo "$algorithm" > "/sys/block/zram$zram/comp_algorithm"
	echo "$bytes" > "/sys/block/zram$zram/disksize"
	dd if="$work/data" of="/dev/zram$zram" bs=1M conv=fsync status=none
	read -ra stat < "/sys/block/zram$zram/mm_stat"
	shown=$(ratio "${stat[0]}" "${stat[1]}")
}

# file_system MKFS OPTIONS: of its own, mounted.
file_system()
{
	rm -f "$work/disk"
	truncate -s 1g "$work/disk"
	$1 "$work/disk" > "$work/log" 2>&1
	loop=$(losetup --find --show "$work/disk")
	mount -o "$2" "$loop" "$work/mnt"
}

# Bytes on the disk, of all that was written.
btrfs_shows()
{
	sync -f "$work/mnt"
	shown=$(compsize -b "$work/mnt/f" | awk -v all="$bytes" \
		'$1 == "TOTAL" { printf "%.4f", all / $3 }')
}

on_btrfs()
{
	file_system 'mkfs.btrfs -q -f' "compress-force=$1"
	cp "$work/data" "$work/mnt/f"
	btrfs_shows
}

on_btrfs_duperemove()
{
	file_system 'mkfs.btrfs -q -f' compress-force=zstd
	cp --reflink=never "$work/data" "$work/mnt/f"
	sync -f "$work/mnt"
	duperemove -q -d -b "$unit" --hashfile="$work/hashes" --dedupe-options=same \
		"$work/mnt/f" > "$work/log" 2>&1
	rm -f "$work/hashes"
	btrfs_shows
}

xfs_used()
{
	sync -f "$work/mnt"
	df --output=used -B1 "$work/mnt" | tail -n 1
}

# Files of a unit each: duperemove compares extents, and xfs makes one of a file.
on_xfs_duperemove()
{
	local before

	file_system 'mkfs.xfs -q -f -m reflink=1' noatime
	mkdir "$work/mnt/files"
	before=$(xfs_used)
	split -a 5 -b "$unit" "$work/data" "$work/mnt/files/"
	sync -f "$work/mnt"
	duperemove -q -d -r -b "$unit" --hashfile="$work/hashes" --dedupe-options=same \
		"$work/mnt/files" > "$work/log" 2>&1
	rm -f "$work/hashes"
	shown=$(ratio "$bytes" "$(($(xfs_used) - before))")
}

# Files of a unit each, for what looks for the same files, or begins to look anew with each.
in_files()
{
	mkdir "$work/files"
	split -a 5 -b "$unit" "$work/data" "$work/files/"
}

on_squashfs()
{
	local algorithm=()

	[ "$1" != lzo ] || algorithm=(-Xalgorithm lzo1x_1)
	in_files
	mksquashfs "$work/files" "$work/image" -comp "$1" "${algorithm[@]}" -b "$record" -noappend \
		-nopad -no-progress > "$work/log" 2>&1
	shown=$(ratio "$bytes" "$(stat -c %s "$work/image")")
}

on_erofs()
{
	in_files
	mkfs.erofs -zlz4 -Ededupe -C32768 "$work/image" "$work/files" > "$work/log" 2>&1
	shown=$(ratio "$bytes" "$(stat -c %s "$work/image")")
}

on_borg()
{
	export BORG_BASE_DIR=$work/borg BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
	export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes

	borg init -e none "$work/image" > "$work/log" 2>&1
	shown=$(cd "$work" && borg create --json --compression "$1" --chunker-params "fixed,$unit" \
		"$work/image::a" data 2> "$work/log" | jq .cache.stats.unique_csize)
	shown=$(ratio "$bytes" "$shown")
}

on_restic()
{
	export RESTIC_PASSWORD=none RESTIC_REPOSITORY=$work/image RESTIC_CACHE_DIR=$work/cache

	restic init --repository-version 2 > "$work/log" 2>&1
	restic backup --compression auto "$1" > "$work/log" 2>&1
	shown=$(ratio "$bytes" "$(restic stats --mode raw-data --json 2> "$work/log" | jq .total_size)")
}

# ---- what is asked of each

# in_steps C: of 4 KiB, in which btrfs and erofs keep 128 KiB.
in_steps()
{
	awk -v c="$1" 'BEGIN {
		sectors = 131072 / c / 4096
		whole = int(sectors)
		if (sectors - whole > 0.001)
			whole++
		printf "%.4f", 32 / whole
	}'
}

times()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a * b }'
}

# setting STORAGE: how the data is asked for, what it needs.
setting()
{
	unit=$record seen=$record bytes=$size more=1 own=0 needs='' with_root=''
	case $1 in
	zram-lz4) codec=lz4 seen=4096 with_root=1 ;;
	# lzo-rle is not LZO1X-1: of our data it makes about 1 / 1.032 of that, at any ratio.
	zram-*) codec=lzo seen=4096 more=1.032 with_root=1 ;;
	btrfs-zstd) codec=zstd needs='mkfs.btrfs:btrfs-progs compsize:btrfs-compsize' with_root=1 ;;
	# It puts 4 bytes before each 4 KiB; as many again, and none of the steps that C may be just at is missed.
	btrfs-lzo) codec=lzo seen=4096 own=8 needs='mkfs.btrfs:btrfs-progs compsize:btrfs-compsize' with_root=1 ;;
	btrfs-zlib) codec=deflate seen=4096 needs='mkfs.btrfs:btrfs-progs compsize:btrfs-compsize' with_root=1 ;;
	btrfs-duperemove)
		codec=zstd with_root=1
		needs='mkfs.btrfs:btrfs-progs compsize:btrfs-compsize duperemove:duperemove'
		;;
	xfs-duperemove) codec=lz4 needs='mkfs.xfs:xfsprogs duperemove:duperemove' with_root=1 ;;
	squashfs-lz4) codec=lz4 needs=mksquashfs:squashfs-tools ;;
	squashfs-gzip) codec=deflate needs=mksquashfs:squashfs-tools ;;
	squashfs-lzo) codec=lzo needs=mksquashfs:squashfs-tools ;;
	squashfs-*) codec=zstd needs=mksquashfs:squashfs-tools ;;
	erofs-dedupe) codec=lz4 needs=mkfs.erofs:erofs-utils ;;
	borg-lz4) codec=lz4 needs='borg:borgbackup jq:jq' ;;
	borg-zstd) codec=zstd needs='borg:borgbackup jq:jq' ;;
	restic) codec=zstd needs='restic:restic jq:jq' ;;
	restic-*) codec=zstd unit=$((16 << 20)) bytes=$((8 * size)) needs='restic:restic jq:jq' ;;
	*) say "reducing.sh: $1: must be one of ${all[*]}"; exit 2 ;;
	esac
}

wanted()
{
	case $1 in
	zram-*) echo "$3" ;;
	btrfs-duperemove) times "$2" "$(in_steps "$3")" ;;
	btrfs-*) in_steps "$3" ;;
	erofs-*) times "$2" "$(in_steps "$3")" ;;
	xfs-*) echo "$2" ;;
	*) times "$2" "$3" ;;
	esac
}

put_in()
{
	case $1 in
	zram-*) on_zram "${1#zram-}" ;;
	btrfs-duperemove) on_btrfs_duperemove ;;
	# Its default is level 3, the codec is calibrated for 6: half of 128 KiB would be a sector more.
	btrfs-zlib) on_btrfs zlib:6 ;;
	btrfs-*) on_btrfs "${1#btrfs-}" ;;
	xfs-*) on_xfs_duperemove ;;
	squashfs-*) on_squashfs "${1#squashfs-}" ;;
	erofs-*) on_erofs ;;
	borg-*) on_borg "${1#borg-}" ;;
	restic) in_files; on_restic "$work/files" ;;
	restic-*) on_restic "$work/data" ;;
	esac
}

# Why it cannot run here, or nothing.
lacks()
{
	local need

	if [ "$with_root" ] && [ "$(id -u)" -ne 0 ]; then
		echo 'needs root'
		return
	fi
	for need in $needs; do
		command -v "${need%:*}" > /dev/null ||
			{ echo "${need%:*} is missing (package ${need#*:})"; return; }
	done
	case $1 in
	btrfs-* | xfs-*)
		losetup --find > /dev/null 2>&1 || { echo 'no loop device can be had here'; return; }
		mount -t tmpfs none "$work/mnt" 2> /dev/null ||
			{ echo 'nothing can be mounted here'; return; }
		umount "$work/mnt"
		;;
	esac
	case $1 in
	zram-*)
		[ -w /sys/class/zram-control/hot_add ] || modprobe zram num_devices=0 2> /dev/null ||
			{ echo 'this kernel has no zram'; return; }
		;;
	btrfs-* | xfs-*)
		grep -qw "${1%%-*}" /proc/filesystems || modprobe "${1%%-*}" 2> /dev/null ||
			{ echo "this kernel has no ${1%%-*}"; return; }
		;;
	erofs-*)
		# Later ones have it without a word in their help.
		mkfs.erofs -zlz4 -Ededupe "$work/try" "$work/mnt" > "$work/log" 2>&1 ||
			echo 'mkfs.erofs has no dedupe (it came with 1.6)'
		rm -f "$work/try"
		;;
	esac
}

# show STORAGE D C MAKER: sets shown; nothing is left.
show()
{
	shown=''
	"make_$4" "$2" "$3" || { say "$4 failed:"; cat "$work/log" >&2; exit 1; }
	put_in "$1"
	release
	rm -rf "$work/data" "$work/files" "$work/image" "$work/cache" "$work/borg" "$work/disk"
}

one()
{
	local D=${2%/*} C=${2#*/} ours

	show "$1" "$D" "$C" dgen
	ours=$shown
	[ "$quick" ] || show "$1" "$D" "$C" fio
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$D" "$C" "$(wanted "$1" "$D" "$C")" "$ours" "$shown"
}

number=0
for storage; do
	number=$((number + 1))
	setting "$storage"
	reason=$(lacks "$storage")
	if [ "$reason" ]; then
		say "skipped: $storage: $reason"
		continue
	fi
	say "[$number of $#] $storage"
	for request in $requests; do
		one "$storage" "$request"
	done
done
