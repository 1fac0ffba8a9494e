#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The build, without a download: install, uninstall, incremental.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

make_quietly() {
	make --no-print-directory -C "$ROOT" "$@" >make.out 2>&1 || { show make.out; false; }
}

setup_file() {
	command -v make >/dev/null || skip "make is not installed"
}

@test "build: make help lists the targets" {
	make_quietly help
	for target in run check install uninstall clean; do
		grep -q "$target" make.out || fail "no $target"
	done
}

@test "build: what is wrong with a run or a measurement is said before anything is installed or built" {
	# Here neither is there.
	refuses() {
		run -2 make --no-print-directory -C "$ROOT" CC=false FIO="$T/none" B="$T/built" "${@:2}"
		[[ ${lines[0]} == "$1"* ]] || fail "$output"
		[[ ! -e built ]] || fail "something was built"
	}
	refuses "dgen: RUN_DIR=$T/none: not a directory" run RUN_DIR="$T/none"
	refuses "dgen: RUN_SIZE=much is not a size" run RUN_DIR="$T" RUN_SIZE=much
	refuses "dgen: RUN_SIZE=900000T, but only " run RUN_DIR="$T" RUN_SIZE=900000T
	refuses "dgen: RUN_JOB=$T/none: no such job file" run RUN_DIR="$T" RUN_JOB="$T/none"
	need_command python3
	refuses "results: ONLY=nosuch: no case" results ONLY=nosuch TARGET="$T" RESULTS="$T/results"
	refuses "results: TARGET=$T/none: " results TARGET="$T/none" RESULTS="$T/results"
}

@test "build: nothing is built twice" {
	make_quietly
	before=$(stat -c %Y.%s "$ENGINE" "$MEASURE" "$ROOT"/{dgen,libdgen.so,libdgen.a})
	make_quietly
	[[ $(stat -c %Y.%s "$ENGINE" "$MEASURE" "$ROOT"/{dgen,libdgen.so,libdgen.a}) == "$before" ]]
	! grep -Eq '^ *(CC|LD|LINK)' make.out || { show make.out; false; }
}

@test "build: install and uninstall leave nothing behind" {
	make_quietly install DESTDIR="$T/root" PREFIX=/usr/local
	find root -type f | sort >installed
	grep -q 'libdgen_engine\.so$' installed || { show installed; false; }
	grep -q '/bin/dgen-measure$' installed || { show installed; false; }
	for file in bin/dgen lib/libdgen.so.1 lib/libdgen.a include/dgen.h lib/pkgconfig/dgen.pc; do
		[[ -f root/usr/local/$file ]] || { show installed; fail "no $file"; }
	done
	if command -v scdoc >/dev/null; then
		[[ -f root/usr/local/share/man/man3/dgen.3 ]] || { show installed; false; }
		[[ -f root/usr/local/share/man/man1/dgen-measure.1 ]] || { show installed; false; }
	fi
	engine=$(find root -type f -name libdgen_engine.so)
	ENGINE=$T/$engine
	dgen --size=1m --dedup_ratio=2
	# From any directory, by its name alone; fio looks "external:" up as a path first.
	LD_LIBRARY_PATH=$T/root/usr/local/lib "$FIO" --ioengine=libdgen_engine.so --name=j \
		--filename=by-name --size=1m --bs=64k --rw=write --dedup_ratio=2 --data_seed=1 \
		--dedup_domain=f >fio.out 2>&1 || { show fio.out; false; }
	same f by-name "the engine by its name"
	[[ -e root/usr/local/lib/fio/fio-dgen.so ]] || fail "no fio-dgen.so"
	# What the installed recipes say to type names what is there.
	for job in root/usr/local/share/dgen/jobs/*.fio; do
		! grep -nE '[ :]\./' "$job" || fail "$job: names what is in the source only"
		words=$(sed -n 's/^#\tfio //p' "$job" | grep -oE '/[^ ]*')
		[[ $words ]] || fail "$job: no command line"
		for word in $words; do
			[[ -e root$word ]] || fail "$job: there is no $word"
		done
	done
	make_quietly uninstall DESTDIR="$T/root" PREFIX=/usr/local
	[[ -z $(find root -type f -o -type l) ]] || fail "left: $(find root -type f -o -type l)"
}

@test "build: install under another prefix" {
	make_quietly install DESTDIR="$T/root" PREFIX=/opt/dgen
	[[ -x root/opt/dgen/bin/dgen-measure ]] || fail "$(find root)"
	grep -q 'external:/opt/dgen/lib/dgen/libdgen_engine.so /opt/dgen/share/dgen/jobs/oltp.fio$' \
		root/opt/dgen/share/dgen/jobs/oltp.fio || fail "$(head root/opt/dgen/share/dgen/jobs/oltp.fio)"
}
