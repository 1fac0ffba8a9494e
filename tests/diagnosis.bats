#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Injected faults: each is found, at its place, and called what it is; and nothing else.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

KINDS=(bit byte sector unit swap other old half lost shift)

# pair D C SIZE: the files f and g at version 1, and f.old, f at version 0.
pair() {
	WANT=(--seed=11 --dedup-ratio="$1" --compress-ratio="$2")
	"$COMMAND" "${WANT[@]}" --size="$3" --data-version=1 -o f
	"$COMMAND" "${WANT[@]}" --size="$3" --data-version=1 -o g
	"$COMMAND" "${WANT[@]}" --size="$3" --domain=f -o f.old
	cp f f.clean
}

# inject KIND COUNT [option]...: as many as there is room for.
inject() {
	local status=0

	"$HELPERS/inject" f --kind "$1" --count "$2" --seed "$((++SEED))" --truth truth \
		--other g "${@:3}" || status=$?
	((status < 2)) || fail "inject $* ended with $status"
}

# verified STATUS [option]...: dgen --verify over f and g ends so; what it says is in $T/found.
verified() {
	local wanted=$1
	shift

	status=0
	"$COMMAND" --verify "${WANT[@]}" --data-version=1 --findings=1000000 "$@" f g >found \
		2>err || status=$?
	[[ $status == "$wanted" && ! -s err ]] && return
	show err found
	fail "dgen --verify $* ended with $status"
}

# compare_with_truth EXACT: what was found in f is what truth has, unit by unit: no more, no less, within
# its bytes, by its name. EXACT=1: misdirected data from the very offset; a shared content has
# several places.
compare_with_truth() {
	awk -v exact="$1" -v unit=4096 '
	function bad(what) {
		print what ": " $0 > "/dev/stderr"
		wrong = 1
	}
	FNR == NR {
		for (u = int($1 / unit); u * unit < $1 + $2; u++) {
			name[u] = $3
			begin[u] = $1
			end[u] = $1 + $2
			from[u] = $5 == "" ? "" : $5 + (u * unit - $1)
			kind[u] = $4
			units++
		}
		next
	}
	!/^f: offset/ { next }
	{
		match($0, /offset [0-9]+/)
		offset = substr($0, RSTART + 7, RLENGTH - 7) + 0
		if (match($0, /units [0-9]+-[0-9]+, [0-9]+ bytes: /)) {
			split(substr($0, RSTART), word, /[ ,-]+/)
			first = offset
			last = offset + word[4] - 1
		} else if (match($0, /bytes [0-9]+-[0-9]+ of [0-9]+: /)) {
			split(substr($0, RSTART), word, /[ :-]+/)
			first = offset + word[2]
			last = offset + word[3]
		} else {
			bad("no place")
			next
		}
		what = substr($0, RSTART + RLENGTH)
		sub(/[:,;] .*| with version.*/, "", what)
		gsub(/ /, "-", what)
		for (u = int(first / unit); u * unit <= last; u++) {
			seen = u * unit > first ? u * unit : first
			stop = u * unit + unit <= last ? u * unit + unit - 1 : last
			if (!(u in name))
				bad("nothing was done to unit " u)
			else if (what != name[u])
				bad(kind[u] " must be called " name[u])
			else if (seen < begin[u] || stop >= end[u])
				bad("not within " begin[u] " to " end[u])
			else if (u in found)
				bad("found twice")
			else if (exact && from[u] != "" && u * unit == first &&
			    !match($0, "belongs to (g )?offset " from[u] "($|[ ,])"))
				bad("it is from " from[u])
			if (!(u in found))
				number++
			found[u] = 1
		}
	}
	END {
		for (u in name)
			if (!(u in found)) {
				print kind[u] " not found: unit " u > "/dev/stderr"
				wrong = 1
			}
		exit wrong || number != units
	}' truth found || { show found; fail "what was found is not what was done"; return; }
	grep -q '^g: all of' found || { show found; fail "g is right"; }
}

# count_kinds: adds the faults of truth to COUNT.
count_kinds() {
	local kind number

	while read -r number kind; do
		# A swap and a shift are two lines each.
		[[ $kind != swap && $kind != shift ]] || number=$((number / 2))
		COUNT[$kind]=$((${COUNT[$kind]:-0} + number))
	done < <(cut -d ' ' -f 4 truth | sort | uniq -c)
}

# cell D C SIZE EACH: faults of all kinds in one file, until each kind has come EACH times in all.
cell() {
	local kind least=0 round=0

	declare -A COUNT=()
	pair "$1" "$2" "$3"
	verified 0
	while ((least < $4)); do
		((++round < 500)) || fail "D=$1 C=$2 $3: no room for $4 faults of each kind"
		cp f.clean f
		rm -f truth
		for kind in "${KINDS[@]}"; do
			inject "$kind" $(($4 < 20 ? $4 : 20)) --old f.old
		done
		verified 1
		compare_with_truth $(($1 == 1)) || fail "D=$1 C=$2 $3, round $round"
		count_kinds
		least=$4
		for kind in "${KINDS[@]}"; do
			((${COUNT[$kind]:-0} >= least)) || least=${COUNT[$kind]:-0}
		done
	done
}

@test "diagnosis: every fault is found at its place and called what it is" {
	local size d c

	need_space 512
	build_helper inject
	SEED=0
	# 18 cells: 216 of each kind, or 200 in each cell.
	for size in 4m 64m; do
		for d in 1 2 10; do
			for c in 1 2 4; do
				cell $d $c $size "$(full 200 12)"
			done
		done
	done
}

@test "diagnosis: other units, chunks and ratios" {
	build_helper inject
	SEED=1000
	pair 1.5 8 16m
	for kind in bit byte sector unit swap other old lost shift; do
		inject $kind 20 --old f.old
	done
	verified 1
	compare_with_truth 0
}

@test "diagnosis: without an older copy what is lost is zeros" {
	build_helper inject
	SEED=2000
	# With shared units a misdirected one may happen to be what an older version had.
	pair 1 2 16m
	inject lost 20
	inject shift 20
	verified 1
	compare_with_truth 1
}

@test "diagnosis: a shared unit copied over another place of the same content is no fault" {
	pair 10 1 4m
	mkdir units
	split -b 4096 -d -a 4 f units/
	# Pairs of units with the same content.
	(cd units && cksum -- *) | sort | awk '
		$1 == last { print first, $3 }
		$1 != last { last = $1; first = $3 }' >same
	[[ $(wc -l <same) -gt 800 ]]
	head -n 50 same | while read -r from to; do
		dd if="units/$from" of=f bs=4096 seek=$((10#$to)) conv=notrunc status=none
	done
	verified 0
}

@test "diagnosis control: the comparison sees what is missed, misnamed, misplaced and too much" {
	build_helper inject
	SEED=3000
	pair 1 1 4m
	inject old 5 --old f.old
	verified 1
	compare_with_truth 1
	cp truth right
	head -n 4 right >truth
	run ! compare_with_truth 1
	{ cat right; echo "0 512 zeros sector"; } >truth
	run ! compare_with_truth 1
	sed 's/stale/zeros/' right >truth
	run ! compare_with_truth 1
	awk '{ $1 += 512; $2 = 512; print }' right >truth
	run ! compare_with_truth 1
}
