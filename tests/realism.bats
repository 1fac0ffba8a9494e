#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Zero units, mixes of compression ratios and duplicates in runs, measured and verified through fio.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

COMMAND=${COMMAND:-$ROOT/dgen}
ALL=(--zero_percentage=12.5 --compress_ratio=1/20:2/50:4/30 --dedup_ratio=2.5 --dedup_run=64k)

# realism_is WHAT: f holds what ALL asks for.
realism_is() {
	local what=$1 units rest found codec

	measured --codec=lz4,zstd:3 --unit=4k,64k f
	units=$(figure '.units[0].total')
	[[ $(figure '.units[0].zero') == $((units / 8)) ]] ||
		fail "$what: $(figure '.units[0].zero') zero units of $units"
	rest=$((units - units / 8))
	found=$(figure '.units[0].distinct')
	near "$found" "$((rest * 2 / 5))" 1 || fail "$what: $found distinct of $rest units"
	# 1 / (0.2 / 1 + 0.5 / 2 + 0.3 / 4)
	for codec in lz4 zstd-3; do
		found=$(figure ".codecs[] | select(.codec == \"$codec\").compression_ratio")
		near "$found" 1.905 1.5 || fail "$what: $codec compresses $found:1"
	done
}

@test "realism: zero share, mix, runs and D together, also after a random overwrite" {
	dgen "${ALL[@]}" --size=64m
	realism_is written
	# Pieces of 64 KiB repeat as well.
	near "$(figure '.units[1].dedup_ratio')" 2.5 1 || fail "64 KiB: $(figure '.units[1]')"
	dgen "${ALL[@]}" --size=64m --rw=randwrite --bs=64k --io_size=32m --data_version=1
	realism_is "half overwritten"
	dgen "${ALL[@]}" --size=64m --rw=randwrite --bs=4k --io_size=16m --data_version=2
	measured --codec=none --unit=4k f
	[[ $(figure '.units[0].zero') == 2048 ]] || fail "$(figure '.units[0]')"
}

@test "realism: few symbols are what an entropy coder gains, not LZ4" {
	dgen --size=16m --compress_ratio=1.5/100/40
	measured --codec=lz4,zstd:3 f
	near "$(figure '.codecs[0].compression_ratio')" 1.5 1.5 || fail "$(figure .codecs)"
	near "$(figure '.codecs[1].compression_ratio')" 2.2 4 || fail "$(figure .codecs)"
}

@test "realism: dgen makes the same bytes, and verifies them" {
	dgen "${ALL[@]}" --size=16m
	"$COMMAND" --quiet --seed=1 "${ALL[@]}" --size=16m --domain=f --output=g
	same f g "fio and dgen"
	"$COMMAND" --verify --quiet --seed=1 "${ALL[@]}" f >out || { show out; false; }
	# The first unit that is zero gets data, and one that is not is lost.
	head -c 4096 /dev/urandom | dd of=f bs=64k seek=3 conv=notrunc status=none
	status=0
	"$COMMAND" --verify --quiet --seed=1 "${ALL[@]}" f >out || status=$?
	[[ $status == 1 ]] || { show out; fail "it ended with $status"; }
}

@test "realism: verify in fio, with passes, processes and threads" {
	for thread in 0 1; do
		dgen "${ALL[@]}" --size=8m --bs=4k --verify=crc32c --loops=2 --thread=$thread
	done
	dgen_raw "${ALL[@]}" --size=8m --verify_state_file="$T/state" --verify=crc32c
	dgen_raw "${ALL[@]}" --size=8m --verify_state_file="$T/state" --verify=crc32c \
		--zero_percentage=13
	refused verify_state_file zero_percentage=12.5 13
	dgen_raw "${ALL[@]}" --size=8m --verify_state_file="$T/state" --verify=crc32c \
		--compress_ratio=1/50:2.8/50 --zero_percentage=12.5
	refused verify_state_file compress_ratio
}

@test "realism: bad input" {
	local value

	for value in 100 -1 many nan; do
		dgen_raw --zero_percentage=$value
		refused zero_percentage "$value" "0 to 99"
	done
	for value in 1/20:2/50 1/50:0.5/50 1/50/7:2/50 1/50: 1/60:2/60; do
		dgen_raw --compress_ratio=$value
		refused compress_ratio "$value" RATIO/PERCENT
	done
	dgen_raw --compress_ratio=1/50:999/50
	refused compress_ratio 999 101
	dgen_raw --dedup_run=6k
	refused dedup_run 6144 dedup_unit=4096
	[[ ! -s f ]] || fail "something was written"
}

@test "realism: a profile makes data like its sample" {
	local key wanted

	# What real files are like, in small: programs, zeros, and some of it again.
	cp "$(command -v bash)" "$(command -v "$FIO")" .
	truncate -s 1m zeros
	cp bash again
	"$MEASURE" --quiet --profile bash "${FIO##*/}" again zeros >profile
	mapfile -t options < <(sed 's/^/--/' profile)
	measured --unit=4k bash "${FIO##*/}" again zeros
	mv measure.json sample.json
	dgen --size=64m "${options[@]}"
	measured --unit=4k f
	for key in ".units[0].dedup_ratio" ".units[0].zero / .units[0].total" \
		".codecs[0].compression_ratio" ".codecs[1].compression_ratio"; do
		wanted=$(jq -r "$key" sample.json)
		near "$(figure "$key")" "$wanted" 5 || { show profile; fail "$key: not $wanted"; }
	done
}
