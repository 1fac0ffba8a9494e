#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Zero units, mixes of compression ratios, duplicates in runs, hot sets and distances, measured and verified
# through fio.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

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

SKEW=(--dedup_ratio=3 --dedup_skew=60 --dedup_window=128k)

# hot_is WHAT: in f contents that have 100 references and more have 60 % of the duplicates.
hot_is() {
	local share

	dedup_is 3 1 "$1" f
	share=$(figure '.units[0] | ([.references[] | select(.up_to > 128).units] | add) / (.total - .distinct)')
	near "$share" 0.6 10 || fail "$1: $share of the duplicates: $(figure '.units[0].references')"
}

@test "realism: hot contents have the part of the duplicates that was asked for" {
	dgen "${SKEW[@]}" --size=64m
	hot_is written
	dgen "${SKEW[@]}" --size=64m --rw=randwrite --bs=4k --io_size=32m --data_version=1
	hot_is "half overwritten"
	# Without, contents have a dozen references.
	dgen --dedup_ratio=3 --size=64m
	measured --codec=none --unit=4k f
	(($(figure .units[0].most_references) <= 128)) || fail "$(figure '.units[0].references')"
}

@test "realism: duplicates are a window apart" {
	local at

	dgen --dedup_ratio=2.5 --dedup_window=4m --size=128m
	dedup_is 2.5 1 "all of it" f
	# The pools have grown: a window has nothing twice, two of them have.
	for at in 84 102 124; do
		dd if=f of=part bs=1M skip=$at count=4 status=none
		dedup_is 1 0.01 "4 MiB from $at MiB on" part
	done
	dd if=f of=part bs=1M skip=84 count=12 status=none
	measured --codec=none --unit=4k part
	awk "BEGIN { exit !($(figure '.units[0].dedup_ratio') > 1.3) }" || fail "$(figure '.units[0]')"
}

@test "realism: hot sets and distances with all else, by dgen, verified by it and by fio" {
	local all=("${ALL[@]}" --dedup_skew=30 --dedup_window=2m)

	dgen "${all[@]}" --size=64m --verify=crc32c
	realism_is "with hot contents"
	"$COMMAND" --quiet --seed=1 "${all[@]}" --size=64m --domain=f --output=g
	same f g "fio and dgen"
	# Another place's data is told to be that.
	dd if=g of=f bs=64k skip=700 seek=333 count=1 conv=notrunc status=none
	status=0
	"$COMMAND" --verify --quiet --seed=1 "${all[@]}" f >out || status=$?
	[[ $status == 1 && $(<out) == *misdirected* ]] || { show out; fail "it ended with $status"; }
	dgen_raw "${SKEW[@]}" --size=8m --verify_state_file="$T/state" --verify=crc32c
	dgen_raw "${SKEW[@]}" --size=8m --verify_state_file="$T/state" --verify=crc32c --dedup_skew=61
	refused verify_state_file dedup_skew=60 61
	dgen_raw "${SKEW[@]}" --size=8m --verify_state_file="$T/state" --verify=crc32c --dedup_window=256k
	refused verify_state_file dedup_window=131072 262144
}

@test "realism: all of it together, whatever the block size, as exact as D alone" {
	local all=("${ALL[@]}" --compress_ratio=1/20:2/50/64:4/30 --dedup_skew=30 --dedup_window=2m) bs D total

	for D in $(full "1.3 2 3.7 10" "3.7"); do
		"$COMMAND" --quiet --seed=1 "${all[@]}" --dedup_ratio="$D" --size=60m --domain=f --output=g
		for bs in $(full "4096 512 1536 2560 12800 66048 1046528" "2560 66048"); do
			# In pieces that share units with each other, as many as are whole.
			dgen "${all[@]}" --dedup_ratio="$D" --size=60m --bs="$bs" --verify=crc32c
			(($(stat -c %s f) > (60 << 20) - bs)) || fail "D=$D, bs=$bs: $(stat -c %s f) bytes"
			cmp -n $(((60 << 20) / bs * bs)) f g || fail "D=$D, bs=$bs: not the same"
			rm f
		done
		measured --codec=none --unit=4k --chunks=none g
		total=$(figure '.units[0] | .total - .zero')
		[[ $(figure .units[0].zero) == 1920 ]] || fail "D=$D: $(figure '.units[0]')"
		# To within 1 %, or a run of 16 units and a part of one.
		near "$(figure .units[0].distinct)" "$(awk "BEGIN { print $total / $D }")" 1 ||
			awk "BEGIN { d = $(figure .units[0].distinct) - $total / $D; exit !(d * d < 24 * 24) }" ||
			fail "D=$D: $(figure '.units[0]')"
	done
}

@test "realism: bad input" {
	local value

	for value in 100 -1 many nan; do
		dgen_raw --zero_percentage=$value
		refused zero_percentage "$value" "0 to 99"
	done
	for value in "1/20:2/50 percentages must add up to 100, here 70" "1/50:0.5/50 RATIO must be 1 to" \
		"1/50/7:2/50 SYMBOLS must be a whole number, 32 to 255" "1/50: up to 6 of RATIO/PERCENT" \
		"1/60:2/60 percentages must add up to 100, here 120"; do
		dgen_raw --compress_ratio="${value%% *}"
		refused "compress_ratio=${value%% *}: " "${value#* }"
	done
	dgen_raw --compress_ratio=1/50:999/50
	refused compress_ratio 999 101
	dgen_raw --dedup_run=6k
	refused dedup_run 6144 dedup_unit=4096
	for value in 91 -1 many nan; do
		dgen_raw --dedup_skew=$value
		refused dedup_skew "$value" "0 to 90"
	done
	dgen_raw --dedup_window=0
	refused dedup_window 0 "number of bytes"
	dgen_raw --dedup_window=32k --dedup_run=64k
	refused dedup_window 32768 dedup_run=65536
	dgen_raw --dedup_window=2t
	refused dedup_window 2199023255552 1099511627776
	[[ ! -s f ]] || fail "something was written"
}

# profile_of WHAT SIZE PATH...: so many bytes made by the profile of these files are like them.
profile_of() {
	local what=$1 size=$2 key wanted
	shift 2

	"$MEASURE" --quiet --profile "$@" >profile
	mapfile -t options < <(sed 's/^/--/' profile)
	measured --unit=4k --chunks=none "$@"
	mv measure.json sample.json
	dgen --size="$size" --bs=1m "${options[@]}"
	measured --unit=4k --chunks=none f
	for key in ".units[0].dedup_ratio" ".units[0].zero / .units[0].total" \
		".codecs[0].compression_ratio" ".codecs[1].compression_ratio"; do
		wanted=$(jq -r "$key" sample.json)
		near "$(figure "$key")" "$wanted" 5 ||
			{ show profile; fail "$what: $key is $(figure "$key"), not $wanted"; }
	done
	echo "# $what: $(jq -c '[.bytes, .units[0].dedup_ratio, .codecs[].compression_ratio]' sample.json)" \
		"made again: $(figure '[.bytes, .units[0].dedup_ratio, .codecs[].compression_ratio]' | tr -d ' \n')" >>said
}

@test "realism: a profile makes data like its sample" {
	local directory

	# What real files are like, in small: programs, zeros, and some of it again.
	cp "$(command -v bash)" "$(command -v "$FIO")" .
	truncate -s 1m zeros
	cp bash again
	profile_of "a few files" 64m bash "${FIO##*/}" again zeros
	# Of a directory, as much as there is up to a size; whole ones of up to 1 GiB and more.
	if [[ ! $DGEN_FULL ]]; then
		mapfile -t files < <(find /usr/bin -xdev -type f -readable -size +0 -printf '%s %p\n' | sort -k 2 |
			awk '(bytes += $1) > 96 * 2 ^ 20 { exit } { sub(/^[0-9]+ /, ""); print }')
		((${#files[@]} >= 20)) || skip "/usr/bin has only ${#files[@]} small files"
		profile_of "${#files[@]} of /usr/bin" 96m "${files[@]}"
		return
	fi
	need_space 1100
	for directory in /usr/bin /usr/share "/usr/lib/$(uname -m)-linux-gnu" /usr/include; do
		profile_of "$directory" 1g "$directory"
	done
	cat said >&3
}

@test "realism: a profile takes fewer values of bytes only where zstd gains from them" {
	head -c 4m /dev/urandom >r
	"$MEASURE" --quiet --profile r >profile
	[[ $(sed -n 's/^compress_ratio=//p' profile) == 1.000/100.00 ]] || { show profile; fail "random data"; }
	# Nor does a longer record shrink.
	mapfile -t options < <(sed 's/^/--/' profile)
	"$COMMAND" --quiet --seed=1 --size=16m "${options[@]}" --output=f
	measured --codec=zstd:3 --unit=4k --record=128k f
	near "$(figure '.codecs[0].compression_ratio')" 1 0.01 || fail "$(figure '.codecs[0]')"
	# Data that the generator made with all of them, and with 64.
	for C in 2 8 1/20:2/50:4/30; do
		"$COMMAND" --quiet --seed=1 --size=4m --compress-ratio=$C --output=g
		"$MEASURE" --quiet --profile g >profile
		run ! grep -q 'compress_ratio=.*/.*/' <(sed 's/:/\ncompress_ratio=/g' profile)
	done
	"$COMMAND" --quiet --seed=1 --size=4m --compress-ratio=1.5/100/64 --output=g
	"$MEASURE" --quiet --profile g >profile
	near "$(sed -n 's|^compress_ratio=.*/.*/||p' profile)" 64 3 || { show profile; false; }
	# Text beside random data, which stays as it is.
	{ cat r; seq 100000 399999; } >h
	"$MEASURE" --quiet --profile h >profile
	grep -qx 'compress_ratio=[0-9.]*/[0-9.]*/[0-9]*:.*1.000/[0-9.]*' profile || { show profile; false; }
}
