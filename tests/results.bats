#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The checked-in page says what its raw figures give, and what measures it works.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

COMPARE=$ROOT/results/compare

# The checked-in page where it may be spoilt.
copy_of_page() {
	need_command python3
	mkdir page
	cp -r "$ROOT"/results/{README.md,raw,plots} page
}

check() {
	python3 "$COMPARE/check.py" page >said 2>&1
}

# It is found, and said where: not a crash.
differs() {
	run ! check
	grep -qE '^([-+]|plots/)' said || { show said; fail "does not say where"; }
	! grep -q '^Traceback' said || { show said; fail "crashed"; }
}

@test "results: page, plots and README agree with the raw figures" {
	copy_of_page
	check || { show said; fail "results/ does not agree with itself"; }
	(($(du -sb --apparent-size page/raw | cut -f1) < 2 << 20)) || fail "the raw figures are over 2 MiB"
}

@test "results: a changed number is found, on the page, in a plot, in the raw figures" {
	copy_of_page
	changed=0
	# A row's first figure, a spread, a percentage in the text, a claim, a number too many.
	for each in '/^| 128k | /s/| 128k | /&1/' 's/ (\([0-9]\)/ (1\1/' 's/ %/0 %/' 's/| yes |/| **no** |/' \
		'$s/$/ 1/'; do
		sed "$each" "$ROOT/results/README.md" >page/README.md
		! cmp -s page/README.md "$ROOT/results/README.md" || continue
		changed=$((changed + 1))
		differs
	done
	((changed >= 4)) || fail "only $changed changes were made"
	cp "$ROOT/results/README.md" page
	# A value at a bar, then the figures that the plot keeps.
	sed -i '0,/>2\.[0-9][0-9]<\/text>/s//>7.77<\/text>/' page/plots/overwrites.svg
	differs
	cp "$ROOT/results/plots/overwrites.svg" page/plots
	sed -i '0,/&quot;median&quot;: \[[0-9]/s//&1/; 0,/"median": \[[0-9]/s//&1/' page/plots/overwrites.svg
	differs
	cp "$ROOT/results/plots/overwrites.svg" page/plots
	check
	sed -i '0,/"bw_bytes":/s//&1/' page/raw/speed.jsonl
	differs
}

# By jq, from fio's own figures: shares nothing with what wrote the page.
@test "results: a row of the page is the median of its runs" {
	need_command jq
	copy_of_page
	row=$(jq -rs '[.[] | select(.case == "null-128k")] | group_by(.contestant) |
		map({key: .[0].contestant, value: (map(.fio.jobs[0].write.bw_bytes / 1e9) | sort | .[length / 2 | floor])}) |
		from_entries.dgen' page/raw/speed.jsonl)
	shown=$(sed -n '/^## Speed without a disk/,/^## /s/^| 128k | \([0-9.]*\).*/\1/p' page/README.md | head -n 1)
	near "$shown" "$row" 1 || fail "the page has $shown GB/s, the runs $row GB/s"
}

@test "results: an interrupted measurement goes on" {
	need_command python3
	cp -r "$ROOT/results/compare" .
	cat >driver.py <<-'END'
		import sys
		sys.path.insert(0, "compare")
		from harness import Case, Missing, Recorder

		def run(contestant, turn):
		    with open("ran", "a") as ran:
		        ran.write(f"{contestant} {turn}\n")
		    if sys.argv[1] == "stop" and turn == 1:
		        raise KeyboardInterrupt
		    return {"others": 0, "steal": 0}

		def lacks():
		    raise Missing("a reason")

		recorder = Recorder("out")
		recorder.run([Case("s", "one", ["a", "b"], run, 1, rounds=3),
		    Case("s", "two", ["a"], run, 1, setup=lacks)])
	END
	run python3 driver.py stop
	((status != 0))
	# The line that was being written does not count.
	printf '{"case":"one"' >>out/raw/s.jsonl
	run -0 python3 driver.py go-on
	[[ $output == *"skipped: s/two: a reason"* ]]
	# Turns begin with another contestant; b 1 was cut off and came again.
	[[ $(paste -sd, ran) == "a 0,b 0,b 1,b 1,a 1,a 2,b 2" ]] || fail "ran: $(paste -sd, ran)"
	[[ $(jq -s length out/raw/s.jsonl) == 6 ]]
}

@test "results: what cannot be measured is refused in one line" {
	need_command python3
	touch file
	for each in "--target=file" "--target=$T/none" "--only=nothing-of-this --out=$T/out"; do
		# shellcheck disable=SC2086 # two options
		run -2 env FIO="$FIO" ENGINE="$ENGINE" MEASURE="$MEASURE" python3 "$COMPARE/run.py" $each
		[[ $(grep -c '^results: ' <<<"$output") == 1 ]] || fail "$each: $output"
	done
	loop_device 16m
	run -2 python3 "$COMPARE/run.py" --target="$DEVICE"
	[[ $output == *YES_DESTROY_DATA=1* ]]
}

@test "results: fio's own tools read our output and logs" {
	tools=$ROOT/build/fio/src/tools
	[[ -e $tools/fio_jsonplus_clat2csv ]] || skip "the source of fio lies elsewhere"
	need_command python3
	dgen --output-format=json+ --write_bw_log=log --write_lat_log=log --write_iops_log=log --log_avg_msec=10 --rw=randwrite \
		--size=64m --bs=4k --iodepth=8
	python3 "$tools/fio_jsonplus_clat2csv" fio.out clat.csv
	[[ $(head -n 1 clat_job0.csv) == *write* && $(wc -l <clat_job0.csv) -gt 5 ]] || { show clat_job0.csv; fail "no bins"; }
	# That of fio 3.33 does not read the fifth column of fio 3.33's own logs.
	static_fio --write_bw_log=own --log_avg_msec=10
	if ! python3 "$tools/fiologparser.py" -i 100 own_bw.1.log >parsed 2>said; then
		left_out "fiologparser reads four columns only: it does not read the logs of this fio"
		cut -d, -f1-4 log_bw.1.log >four.log
		mv four.log log_bw.1.log
	fi
	python3 "$tools/fiologparser.py" -i 100 log_bw.1.log >parsed
	[[ -s parsed ]]
	grep -qE '^[0-9]+\.[0-9]+$' parsed || { show parsed; fail "fiologparser printed no bandwidth"; }
	command -v gnuplot >/dev/null || { left_out "fio_generate_plots: gnuplot is not installed"; return 0; }
	bash "$tools/fio_generate_plots" title 640 480 >plotted 2>&1
	[[ -s title-bw.svg ]] || { show plotted; ls >&2; fail "fio_generate_plots drew nothing"; }
}
