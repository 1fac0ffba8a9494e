#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# dgen-measure, judged by other programs. No engine is needed.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# by_hand UNIT FILE: total and distinct units, with split and sha256sum.
by_hand() {
	rm -rf units
	mkdir units
	split -a 5 -b "$1" "$2" units/
	sha256sum units/* | awk '!seen[$1]++ { n++ } END { print NR, n }'
}

# data: 2 MiB and a bit with repeats, no zeros.
data() {
	head -c 262144 /dev/urandom >a
	head -c 700000 /dev/urandom >b
	cat a b a a a b | head -c 2500001
}

@test "measure: units and distinct units as counted by hand" {
	data >f
	for unit in 512 4096 12288 65536; do
		measured --codec=none --unit=$unit f
		[[ $(figure '.units[0] | "\(.total) \(.distinct)"') == "$(by_hand $unit f)" ]] ||
			fail "unit $unit: $(figure '.units[0]'), by hand $(by_hand $unit f)"
	done
}

@test "measure: several units in one pass are what each is alone" {
	data >f
	measured --codec=none --unit=4k,12k,1000,64k f
	figure '.units[]' | jq -c . >together
	for unit in 4k 12k 1000 64k; do
		measured --codec=none --unit=$unit f
		figure '.units[]' | jq -c .
	done >alone
	cmp together alone
}

@test "measure: several files are counted together" {
	data >f
	cp f g
	measured --codec=none f
	one=$(figure '.units[0].distinct')
	measured --codec=none f g
	[[ $(figure '.units[0].distinct') == "$one" ]]
	[[ $(figure '.files') == 2 ]]
}

@test "measure: a shift leaves out the beginning" {
	data >f
	tail -c +2049 f >g
	measured --shift=2048 f
	cp measure.json shifted.json
	measured g
	[[ $(figure '.units[0].distinct') == $(jq -r '.units[0].distinct' shifted.json) ]]
	[[ $(figure '.codecs[0].bytes_out') == $(jq -r '.codecs[0].bytes_out' shifted.json) ]]
}

@test "measure: the same with any number of threads, with and without O_DIRECT" {
	head -c 20000000 /dev/urandom >f
	head -c 9000000 f >>f.2
	cat f.2 f.2 >>f
	measured --threads=1 --unit=4k,12k f
	cp measure.json one
	for threads in 2 7 64; do
		measured --threads=$threads --unit=4k,12k f
		cmp measure.json one
	done
	if ((DIRECT)); then
		measured --direct --unit=4k,12k f
		cmp measure.json one
	fi
}

@test "measure: shared units with other files" {
	head -c 81920 /dev/urandom >f
	{ head -c 40960 f; head -c 40960 /dev/urandom; } >g
	head -c 40960 /dev/urandom >h
	shares "half" 10 g f
	shares "none" 0 h f
	shares "all" 20 f f
	measured --against=h --against=g f
	[[ $(figure '.units[0].shared') == 10 ]]
}

@test "measure: an empty file, a sparse one" {
	: >f
	measured f
	[[ $(figure '.units[0] | "\(.total) \(.dedup_ratio)"') == "0 null" ]]
	truncate -s 1m f
	measured f
	[[ $(figure '.units[0] | "\(.total) \(.zero) \(.distinct)"') == "256 256 0" ]]
}

@test "measure: the record of a codec" {
	need_command lz4
	head -c 65536 /dev/urandom >a
	cat a a a a >f
	# At 4 KiB no repeat is seen; 256 KiB in one record do not stay as large.
	measured --unit=256k --record=4k --codec=lz4 f
	near "$(figure '.codecs[0].compression_ratio')" 1 0.1
	measured --unit=256k --record=256k --codec=zstd f
	near "$(figure '.codecs[0].compression_ratio')" 4 2
}

@test "measure: a block device" {
	loop_device 8m
	head -c 8388608 /dev/urandom >"$DEVICE"
	sync
	measured --codec=none "$DEVICE"
	[[ $(figure '.bytes') == 8388608 ]]
	[[ $(figure '.units[0].distinct') == 2048 ]]
}

@test "measure: a stream is what the file is" {
	data >f
	# More than a segment, and no multiple of anything.
	cat f f f >long
	options=('--unit=4k,12k,1000,64k' '--record=4k,128k' --shift=777)
	measured "${options[@]}" long
	cp measure.json file
	measured "${options[@]}" - <long
	cmp measure.json file
	(head -c 3000001 long; sleep 0.2; tail -c +3000002 long) >pipe.in &
	mkfifo pipe
	cat long >pipe &
	measured "${options[@]}" pipe
	cmp measure.json file
	wait
	measured - </dev/null
	[[ $(figure '"\(.files) \(.bytes) \(.units[0].total)"') == "1 0 0" ]]
}

@test "measure: several sources are one data set" {
	data >f
	head -c 1000000 f >g
	measured --codec=none f - g <f
	size=$(stat -c %s f)
	[[ $(figure '"\(.files) \(.bytes)"') == "3 $((2 * size + 1000000))" ]]
	# Each ends with a unit of its own.
	[[ $(figure '.units[0].total') == $((2 * ((size + 4095) / 4096) + 245)) ]] ||
		fail "$(figure '.units[0]')"
	measured --codec=none f
	one=$(figure '.units[0].distinct')
	measured --codec=none f - <f
	[[ $(figure '.units[0].distinct') == "$one" ]]
}

@test "measure: a tree, its links, holes and special files" {
	mkdir -p tree/a/b
	head -c 1048576 /dev/urandom >tree/one
	cp tree/one tree/a/copy
	ln tree/one tree/a/b/hard
	ln -s ../one tree/a/soft
	ln -s /etc tree/etc
	mkfifo tree/fifo
	: >tree/empty
	truncate -s 2m tree/a/b/sparse
	head -c 8192 tree/one | dd of=tree/a/b/sparse bs=4096 seek=100 conv=notrunc status=none
	status=0
	"$MEASURE" --json --unit=4k tree >measure.json 2>notes || status=$?
	((status == 0)) || fail "$(cat notes)"
	[[ $(grep -c 'left out, it is' notes) == 3 ]] || fail "$(cat notes)"
	[[ $(figure '"\(.files) \(.bytes) \(.links) \(.specials)"') == "4 4194304 1 3" ]] ||
		fail "$(figure '"\(.files) \(.bytes) \(.links) \(.specials)"')"
	[[ $(figure '.units[0] | "\(.total) \(.zero) \(.distinct)"') == "1024 510 256" ]] ||
		fail "$(figure '.units[0]')"
	holes=$((2097152 - $(stat -c '%b * 512' tree/a/b/sparse)))
	[[ $(figure .hole_bytes) == "$holes" ]] || skip "holes are not reported here"
	# A link that is named is followed; a name that comes again is not counted again.
	ln -s tree link
	measured --codec=none link tree tree/one
	[[ $(figure '"\(.files) \(.links)"') == "4 7" ]] || fail "$(figure '.files, .links')"
}

@test "measure: a tree that changes while it is read, and a file that may not be read" {
	mkdir tree
	head -c 100000 /dev/urandom >tree/a
	mkfifo pipe
	# What is behind the stream is looked at again when that has ended.
	for change in 'cp tree/a tree/b' 'rm tree/b' 'head -c 9999 tree/a >>tree/a' :; do
		"$MEASURE" --json --codec=none pipe tree >measure.json 2>notes &
		exec {gate}>pipe
		bash -c "$change"
		echo x >&$gate
		exec {gate}>&-
		wait $!
		[[ $(figure .bytes) == $(($(cat tree/* | wc -c) + 2)) ]] || fail "$change: $(figure .bytes) bytes"
		[[ $(figure .units[0].total) == $(figure '.units[0] | .distinct + .zero') || $change == cp* ]] ||
			fail "$change: $(figure '.units[0]')"
		words=1
		[[ $change != : ]] || words=0
		[[ $(grep -c 'while it read them' notes) == "$words" ]] || fail "$change: $(<notes)"
	done
	# root may read all.
	as=()
	if ((!EUID)); then
		need_command setpriv
		as=(setpriv --reuid=65534 --clear-groups)
	fi
	chmod 000 tree/a
	chmod 755 . tree
	chmod a+rx "$BATS_FILE_TMPDIR"{,/..,/../..} 2>/dev/null || true
	status=0
	"${as[@]}" "$MEASURE" --quiet tree >out 2>err || status=$?
	[[ $status == 1 && $(wc -l <err) == 1 && $(<err) == *tree/a*"Permission denied" && ! -s out ]] ||
		{ show out err; fail "it ended with $status"; }
}

@test "measure: a hole reads as zeros" {
	head -c 5000000 /dev/urandom >f
	truncate -s 300m f
	head -c 5000000 f >>f
	cp --sparse=never f dense
	options=('--unit=4k,12k,64k,8m' --codec=lz4 '--record=4k,128k')
	measured "${options[@]}" dense
	figure 'del(.hole_bytes)' >dense.json
	measured "${options[@]}" f
	figure 'del(.hole_bytes)' >sparse.json
	cmp dense.json sparse.json
	# Holes are not read: this would take hours.
	truncate -s 4t huge 2>/dev/null || skip "this file system has no files of 4 TiB"
	measured --codec=none --unit=64k huge
	[[ $(figure '.units[0].zero') == $((4 << 24)) ]]
}

@test "measure: many small files, as counted by hand" {
	mkdir -p tree/{a,b,c}
	for i in {1..150}; do
		head -c $((i * 97)) /dev/urandom >tree/a/$i
		cp tree/a/$i tree/b/$i
		head -c 4096 /dev/urandom | tee tree/c/$i >tree/c/$i.copy
	done
	measured --codec=none --unit=4k --chunks=1k:4k:8k tree
	mkdir units
	for file in tree/*/*; do
		split -a 5 -b 4096 "$file" "units/${file//\//.}."
	done
	sha256sum units/* | cut -d ' ' -f 1 >sums
	[[ $(figure '.units[0] | "\(.total) \(.distinct)"') == \
		"$(wc -l <sums) $(sort -u sums | wc -l)" ]] || fail "$(figure '.units[0]')"
	[[ $(figure '.files') == 600 ]]
	# Each file is one chunk or more, and each has a twin.
	[[ $(figure '.chunks.total / .chunks.distinct') == 2 ]]
	measured --codec=none --unit=16k tree
	need_command rdfind
	# rdfind says how many files have a twin; at this unit a file is a unit.
	rdfind -dryrun true tree >rdfind.out
	twins=$(sed -n 's/.*It seems like you have \([0-9]*\) files that are not unique.*/\1/p' rdfind.out)
	[[ $((600 - twins / 2)) == $(figure '.units[0].distinct') ]] || fail "$(cat rdfind.out)"
}

@test "measure: chunks as a simple loop cuts them" {
	build_helper chunks
	head -c 9000000 /dev/urandom >a
	# Zeros, text, and the same again at an odd distance, over several segments.
	{ cat a; head -c 3000000 /dev/zero; seq 1 900000; head -c 77 a; cat a; } >f
	for sizes in '8192 16384 65536' '256 256 4194304' '2048 8192 8192' '20000 32768 1000000'; do
		read -r min avg max <<<"$sizes"
		"$HELPERS/chunks" "$min" "$avg" "$max" <f >cuts
		for threads in 1 3; do
			measured --codec=none --threads=$threads --chunks="$min:$avg:$max" f
			[[ $(figure '.chunks.total') == "$(wc -l <cuts)" ]] ||
				fail "$sizes: $(figure .chunks), by hand $(wc -l <cuts)"
			# Chunks of zeros are counted apart; they have one length, or two, or none.
			distinct=$(figure '.chunks.distinct')
			missing=$(($(sort -u cuts | wc -l) - distinct))
			((missing >= 0 && missing <= 2)) || fail "$sizes: $missing more by hand"
		done
	done
	# What was put in moves everything behind it, and only chunks still find it.
	{ head -c 1000000 a; echo moved; tail -c +1000001 a; } >b
	measured --codec=none a b
	near "$(figure '.chunks.dedup_ratio')" 2 2
	near "$(figure '.units[0].dedup_ratio')" 1.06 1
}

@test "measure: each codec as its own program has it" {
	need_command lz4
	need_command zstd
	seq 1 200000 | head -c 262144 >f
	measured --unit=256k --record=256k --codec=lz4,lz4hc:9,zstd:1,zstd:19,deflate:6,lzo f
	mapfile -t found < <(figure '.codecs[].bytes_out')
	# What the frames of the programs add is taken off.
	[[ ${found[0]} == $(($(lz4 -q -1 -B5 --no-frame-crc -c f | wc -c) - 15)) ]]
	[[ ${found[1]} == $(($(lz4 -q -9 -B5 --no-frame-crc -c f | wc -c) - 15)) ]]
	[[ ${found[2]} == $(zstd -q -1 --no-check -c f | wc -c) ]]
	[[ ${found[3]} == $(zstd -q -19 --no-check -c f | wc -c) ]]
	perl -MCompress::Zlib -e 1 2>/dev/null || skip "perl has no Compress::Zlib"
	[[ ${found[4]} == $(perl -MCompress::Zlib -e 'local $/; $data = <STDIN>;
		$z = deflateInit(-Level => 6, -MemLevel => 8);
		print length($z->deflate($data)) + length($z->flush());' <f) ]]
	need_command lzop
	near "${found[5]}" "$(lzop -q -1 -c f | wc -c)" 1
}

@test "measure: allocation models and sizes, as counted by hand" {
	need_command zstd
	for i in {0..63}; do
		head -c $((i * 64)) /dev/urandom
		head -c $((4096 - i * 64)) /dev/zero | tr '\0' 'x'
	done >f
	mkdir pieces
	split -a 4 -b 4096 f pieces/
	for piece in pieces/*; do
		zstd -q -3 --no-check --stdout "$piece" | wc -c
	done | awk '
		function up(n, step) { n = int((n + step - 1) / step) * step; return n < 4096 ? n : 4096 }
		{
			if ($1 > 4096)
				$1 = 4096
			out += $1; a += up($1, 512); b += up($1, 4096); c += up($1, 1024); d += up($1, 2048)
			bin[$1 < 4096 ? int(($1 + 255) / 256) : 17]++
		}
		END {
			printf "%d %d %d %d %d", out, a, b, c, d
			for (i = 1; i <= 17; i++)
				printf " %d", bin[i]
		}' >by_hand
	measured --codec=zstd:3 f
	[[ $(figure '.codecs[0] | "\(.bytes_out) \(.allocated.sectors_512) " +
		"\(.allocated.sectors_4096) \(.allocated.quarters) \(.allocated.halves) " +
		(.sizes | map(tostring) | join(" "))') == "$(<by_hand)" ]] ||
		fail "$(figure '.codecs[0]')" "$(<by_hand)"
}

@test "measure: long records hold distinct units side by side" {
	need_command zstd
	seq 100000 199999 | head -c 655360 >f
	{ head -c 4096 f; cat f; head -c 300000 f; head -c 655360 /dev/zero; } >g
	measured --record=128k,20k,1m --codec=zstd:3 g
	split -a 4 -b 131072 f part.
	whole=0
	for part in part.*; do
		whole=$((whole + $(zstd -q -3 --no-check -c "$part" | wc -c)))
	done
	# The last unit of 300000 bytes is cut short and so a new one.
	last=$(tail -c +294913 f | head -c 5088 | tail -c 992 | zstd -q -3 --no-check -c | wc -c)
	near "$(figure '.codecs[0].bytes_out')" $((whole + last)) 1 ||
		fail "$(figure '.codecs[0]')" "by hand $whole"
	[[ $(figure '.codecs | map(.bytes_in) | unique | length') == 1 ]]
}

@test "measure: records of each size are cut as if there were no other" {
	need_command zstd
	# Several batches, and a file behind the other.
	{ seq 1000000 1900000; head -c 300000 /dev/urandom; seq 100000 7 900000; } >f
	seq 3 3 999999 | head -c 1000001 >g
	options=('--codec=lz4,zstd:3' --chunks=none --unit=4k)
	for threads in 1 3; do
		measured "${options[@]}" --threads=$threads --record=5k,12k,64k,100k,1m,1025k f g
		figure '.codecs[]' | jq -c . >together
		for record in 5k 12k 64k 100k 1m 1025k; do
			measured "${options[@]}" --threads=$threads --record=$record f g
			figure '.codecs[]' | jq -c .
		done >alone
		cmp together alone
	done
	# And where records are pieces of a sample.
	options+=(--memory=30m '--unit=512,520,528,536')
	seq 10000000 19999999 | head -c 60000000 >h
	measured "${options[@]}" --threads=1 --record=16k,100k h
	[[ $(figure '.units[0].estimated') == true ]] || fail "no estimate"
	figure '.codecs[0:2][]' | jq -c . >together
	measured "${options[@]}" --threads=1 --record=16k h
	figure '.codecs[]' | jq -c . >alone
	cmp together alone
	mkdir pieces
	split -a 4 -b 12288 f pieces/f
	split -a 4 -b 12288 g pieces/g
	zstd -q -3 --no-check pieces/*
	measured --codec=zstd:3 --chunks=none --unit=4k --record=64k,12k f g
	by_hand=$(stat -c '%s %n' pieces/*.zst | awk '{ all += $1 > 12288 ? 12288 : $1 } END { print all }')
	[[ $(figure '.codecs[1].bytes_out') == "$by_hand" ]] || fail "$(figure '.codecs[1]')" "by hand $by_hand"
}

@test "measure: reference counts" {
	: >f
	for count in 1 1 1 2 2 3 5 9; do
		head -c 4096 /dev/urandom >unit
		for ((i = 0; i < count; i++)); do cat unit; done >>f
	done
	measured --codec=none f
	[[ $(figure '.units[0].references | map("\(.up_to):\(.contents):\(.units)") | join(" ")') == \
		"1:3:3 2:2:4 4:1:3 8:1:5 16:1:9" ]] || fail "$(figure '.units[0].references')"
	[[ $(figure '.units[0].most_references') == 9 ]]
}

# within JSON.A JSON.B ERROR: A of the estimate is near B of the truth, twice the bound at most.
within() {
	local estimate truth error

	estimate=$(jq "$1" estimate)
	truth=$(jq "$1" truth)
	error=$(jq "$2" estimate)
	awk -v e="$estimate" -v t="$truth" -v p="$error" \
		'BEGIN { d = (e - t) / t * 100; if (d < 0) d = -d; exit !(p > 0 && p < 20 && d <= 2 * p) }' ||
		fail "$1: $estimate estimated, $truth true, said to be within $error %"
}

@test "measure: little memory gives an estimate within its bound" {
	head -c 40000000 /dev/urandom >a
	{ cat a; seq 1000000 9999999 | head -c 50000000; head -c 20000000 a; head -c 9000000 a; } >f
	options=('--unit=512,1k,2k,4k' --chunks=none '--record=512,4k' --codec=lz4)
	measured "${options[@]}" f
	cp measure.json truth
	[[ $(jq '[.units[]] | map(.estimated) | any' truth) == false ]]
	measured "${options[@]}" --memory=24m f
	cp measure.json estimate
	[[ $(jq '.units[0].estimated' estimate) == true ]] || fail "no estimate"
	within '.units[0].dedup_ratio' '.units[0].error_percent'
	within '.units[0].distinct' '.units[0].error_percent'
	within '.codecs[0].compression_ratio' '.codecs[0].error_percent'
	within '.codecs[0].total_ratio' '.codecs[0].total_error_percent'
	within '.codecs[1].compression_ratio' '.codecs[1].error_percent'
	[[ $(jq '.units[0].total' estimate) == "$(jq '.units[0].total' truth)" ]]
	for threads in 1 5; do
		measured "${options[@]}" --memory=24m --threads=$threads f
		cmp measure.json estimate
	done
	"$MEASURE" -q "${options[@]}" --memory=24m f | grep -q '^~ marks an estimate'
	run -1 bash -c "'$MEASURE' -q f | grep '^~'"
}

@test "measure: --memory bounds what is used" {
	[[ ! $VALGRIND ]] && ! ldd "$MEASURE" | grep -q 'lib[at]san' || skip "sanitizers and valgrind take address space"
	export MALLOC_ARENA_MAX=1
	options=(--threads=1 --quiet --unit=512 --chunks=none --codec=none)
	# A million units; the program, its libraries and the stacks take address space as well.
	seq 1 99999999 | head -c 512000000 >f
	(ulimit -v 48000 && "$MEASURE" "${options[@]}" --memory=16m f >out) || fail "it needs more"
	grep -q '^~' out
	# The control: with the bound lifted it cannot do it.
	run -1 bash -c "ulimit -v 48000 && '$MEASURE' ${options[*]} --memory=2g f"
}

@test "measure: a bar on a terminal, none elsewhere" {
	need_command script
	head -c 50000 /dev/urandom >f
	truncate -s 600g big 2>/dev/null || skip "this file system has no files of 600 GiB"
	script -qec "'$MEASURE' --codec=none --unit=512 big" /dev/null >seen </dev/null
	grep -q '%.* of 600.00 GiB' seen || skip "the machine is too fast for a bar"
	script -qec "'$MEASURE' --quiet --codec=none --unit=512 big" /dev/null >seen </dev/null
	run ! grep -q '%.* of 600.00 GiB' seen
	"$MEASURE" --codec=none f 2>err
	[[ ! -s err ]]
}

@test "measure: no option makes it crash" {
	data | head -c 100000 >f
	words=(-u -k -c -r -s -a -m -d -t -j -q -h -V --unit --unit= --chunks= --codec= --record= --shift=
		--against= --memory= --threads= -- - -- '' 0 1 512 4k 64m 1g 8k:16k:64k :: ',' ',,' lz4 zstd:3
		lzo: none 18446744073709551615 18446744073709551616 -1 9999999999999999999999 %s%n f ./f
		. /dev/null '*' $'\n' $'\xff' 1e9 0x10 ' 4k' 4K 4kB "$(printf 'x%.0s' {1..300})")
	RANDOM=1
	for i in $(seq "$(full 5000 300)"); do
		arguments=()
		for ((j = RANDOM % 6; j >= 0; j--)); do
			arguments+=("${words[RANDOM % ${#words[@]}]}")
		done
		status=0
		timeout 20 "$MEASURE" --memory=200m "${arguments[@]}" >out 2>err </dev/null || status=$?
		((status <= 2)) || fail "status $status: $(printf '%q ' "${arguments[@]}")" "$(cat err)"
		((status == 0)) || [[ $(grep -vc 'left out' err) -ge 1 ]] ||
			fail "no word on: $(printf '%q ' "${arguments[@]}")"
	done
}

@test "measure: plain text for people" {
	data >f
	"$MEASURE" f >text
	grep -q 'dedup' text
	grep -q 'lz4' text
	grep -q 'zstd-3' text
}

@test "measure: errors are one line and a status" {
	data >f
	# one_line STATUS: what is read in.
	one_line() {
		while read -r options; do
			status=0
			# shellcheck disable=SC2086
			"$MEASURE" $options >out 2>err || status=$?
			((status == $1)) || fail "'$options': status $status"
			[[ $(grep -c '^dgen-measure: ' err) == 1 && $(wc -l <err) == 1 ]] ||
				fail "'$options': $(cat err)"
			[[ ! -s out ]] || fail "'$options': $(cat out)"
		done
	}
	one_line 1 <<-END
		missing
		f missing
		/dev/zero
		/dev/zero f
		- -
		--against=missing f
		--shift=3m f
	END
	one_line 2 <<-END

		--unit=0 f
		--unit=4q f
		--unit=-4096 f
		--unit=99999999999999999999 f
		--unit=, f
		--unit= f
		--unit=4k,4k f
		--unit=4k, f
		--unit=4kk f
		--unit=65m f
		--unit=1k,2k,3k,4k,5k,6k,7k,8k,9k,10k,11k,12k,13k,14k,15k,16k,17k f
		--codec=rar f
		--codec=zstd:99 f
		--codec=lz4:3 f
		--codec=zstd: f
		--codec=zstd:+3 f
		--codec=lz4,none f
		--codec=lz4,,lzo f
		--codec=deflate:0 f
		--record=1 f
		--record=17m f
		--chunks=8k f
		--chunks=8k:16k f
		--chunks=8k:16k:64k:1m f
		--chunks=8k:12k:64k f
		--chunks=16k:8k:64k f
		--chunks=1:16k:64k f
		--chunks=8k:16k:1g f
		--memory=1k f
		--memory=much f
		--no-such-option f
		-x f
		-u
		--unit
		--quiet=3 f
		--threads=0 f
		--threads=many f
		--threads=1k f
		--shift=9000000t f
		--memory=16EB f
	END
	# As it was typed, and what else there is.
	run -2 --separate-stderr "$MEASURE" --memory=4KiB f
	[[ $stderr == "dgen-measure: --memory=4KiB: must be at least "*m* ]] || fail "$stderr"
	run -1 --separate-stderr "$MEASURE" --shift=64MB f
	[[ $stderr == "dgen-measure: --shift=64MB: f has only "* ]] || fail "$stderr"
	run -2 --separate-stderr "$MEASURE" --frob f
	[[ $stderr == "dgen-measure: --frob: no such option; try dgen-measure --help" ]] || fail "$stderr"
}

@test "measure: sizes as the other programs take them" {
	data >f
	measured --codec=none --chunks=none --unit=64k f
	cp measure.json wanted
	for size in 65536 64K 64kb 64KiB 0x10000; do
		measured --codec=none --chunks=none --unit=$size f
		same measure.json wanted "$size"
	done
	measured --codec=none --memory=1t --shift=512B f
}

@test "measure: what is left out of a tree is told ten times" {
	mkdir tree
	data >tree/f
	for i in {1..12}; do
		ln -s f "tree/link$i"
	done
	"$MEASURE" --codec=none tree >out 2>notes </dev/null
	[[ $(grep -c 'left out, it is a symbolic link' notes) == 10 ]] || fail "$(cat notes)"
	[[ $(tail -n 1 notes) == "dgen-measure: 2 more are left out,"* ]] || fail "$(cat notes)"
	[[ $(wc -l <notes) == 11 ]] || fail "$(cat notes)"
	rm tree/link11 tree/link12
	"$MEASURE" --codec=none tree >out 2>notes </dev/null
	[[ $(wc -l <notes) == 10 ]] || fail "$(cat notes)"
}

@test "measure: an error of the disk is an error" {
	! ldd "$MEASURE" | grep -q libasan || skip "ASan's runtime must be loaded before the helper"
	build_helper bad_read
	head -c 20000000 /dev/urandom >f
	status=0
	LD_PRELOAD=$HELPERS/bad_read "$MEASURE" --quiet f >out 2>err || status=$?
	((status == 1)) || fail "status $status"
	grep -q '^dgen-measure: f: .* at offset [0-9]*: Input/output error$' err || fail "$(cat err)"
	[[ $(wc -l <err) == 1 ]]
	[[ ! -s out ]]
}

@test "measure: a full standard output is an error" {
	[[ -w /dev/full ]] || skip "no /dev/full"
	data >f
	status=0
	"$MEASURE" --quiet f >/dev/full 2>err || status=$?
	((status == 1))
}

@test "measure: --help and --version" {
	"$MEASURE" --help | grep -q -- --unit
	"$MEASURE" --version | grep -q dgen-measure
}

@test "measure: every option of the help is in the man page" {
	for option in $("$MEASURE" --help | grep -oE -- ' --[a-z]+' | sort -u); do
		grep -qF -- "$option" "$ROOT/man/dgen-measure.1.scd" || fail "no $option in dgen-measure(1)"
	done
}

@test "measure: make calibrate foretells what is measured" {
	[[ -x $ROOT/build/calibrate ]] || skip "make tests builds it"
	"$ROOT/build/calibrate" lz4,zstd:3 16k 4k >table || fail "$(cat table)"
	for i in {1..256}; do
		head -c 1000 /dev/urandom
		head -c 3096 /dev/zero
	done >f
	measured --codec=lz4,zstd:3 --record=16k f
	for codec in lz4 zstd-3; do
		size=$(figure ".codecs[] | select(.codec == \"$codec\").bytes_out / 256")
		wanted=$(awk -v c=$codec '$1 == c { print $4 + $5 * 1000 }' table)
		near "$size" "$wanted" 1 || fail "$codec: $size, foretold $wanted" "$(cat table)"
	done
	run -1 "$ROOT/build/calibrate" rar
	run -1 "$ROOT/build/calibrate" lz4 5q
}
