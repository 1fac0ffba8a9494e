#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The library as others see it: symbols, header, installation, example.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

LIBRARY=${LIBRARY:-$ROOT/libdgen.so}
HEADER=$ROOT/generator/dgen.h

# installed: the library under $T/root/usr, PKG_CONFIG_PATH and so on set for it.
installed() {
	need_command make pkg-config
	make --no-print-directory -C "$ROOT" install DESTDIR="$T/root" PREFIX=/usr >make.out 2>&1 ||
		{ show make.out; return 1; }
	export PKG_CONFIG_PATH=$T/root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$T/root
	# Else pkg-config drops /usr/include and /usr/lib, and with them the copy.
	export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
}

@test "library: exports what it did, and nothing else" {
	need_command nm
	nm -D --defined-only "$LIBRARY" | awk '$2 != "A" { print $3 }' | sort >symbols
	diff "$BATS_TEST_DIRNAME/libdgen.abi" symbols >&2 || fail "the exported symbols differ"
}

@test "library: exports every function of its header" {
	# The declarations are what starts in the first column.
	grep -oE '^[a-z].*dgen_[a-z_]+\(' "$HEADER" | grep -oE 'dgen_[a-z_]+\($' | tr -d '(' |
		sort -u >declared
	[[ $(wc -l <declared) -ge 7 ]] || { show declared; false; }
	diff declared <(sed 's/@.*//' "$BATS_TEST_DIRNAME/libdgen.abi") >&2
}

@test "library: goes by its soname and needs the C library only" {
	need_command readelf
	readelf -d "$LIBRARY" >dynamic
	grep -q 'SONAME.*\[libdgen\.so\.1\]' dynamic || { show dynamic; false; }
	! grep NEEDED dynamic | grep -vE '\[(libc|libm|ld-linux[^]]*)\.so' || { show dynamic; false; }
}

@test "library: the header compiles as C99 to C17, by itself, without a warning" {
	echo '#include "dgen.h"
	struct dgen_options options = DGEN_OPTIONS_DEFAULT;' >user.c
	for cc in gcc clang; do
		command -v "$cc" >/dev/null || { left_out "no $cc"; continue; }
		for std in c99 c11 gnu11 c17; do
			"$cc" -std=$std -Wall -Wextra -pedantic -Werror -I"$ROOT/generator" \
				-fsyntax-only user.c || fail "$cc -std=$std"
		done
	done
}

@test "library: the header compiles as C++11 to C++20, and links" {
	need_command g++
	echo '#include "dgen.h"
	int main()
	{
		struct dgen_options options = DGEN_OPTIONS_DEFAULT;
		struct dgen *plan;
		if (dgen_create(&options, &plan, nullptr))
			return 1;
		struct dgen_content content = dgen_content(plan, dgen_domain("x"), 0, 0);
		dgen_destroy(plan);
		return content.low == content.high;
	}' >user.cc
	for cxx in g++ clang++; do
		command -v "$cxx" >/dev/null || { left_out "no $cxx"; continue; }
		for std in c++11 c++14 c++17 c++20; do
			"$cxx" -std=$std -Wall -Wextra -pedantic -Werror -I"$ROOT/generator" \
				-fsyntax-only user.cc || fail "$cxx -std=$std"
		done
	done
	g++ -I"$ROOT/generator" user.cc "$ROOT/libdgen.a" -lm -o user
	./user
}

@test "library: the example builds against an installed copy, shared and static" {
	installed
	# shellcheck disable=SC2046 # lists of flags
	cc "$ROOT/examples/fill.c" $(pkg-config --cflags --libs dgen) -o shared
	export LD_LIBRARY_PATH=$T/root/usr/lib
	ldd shared | grep -qF "$T/root/usr/lib/libdgen.so.1" || fail "$(ldd shared)"
	./shared f
	mv f one
	# shellcheck disable=SC2046
	cc -static "$ROOT/examples/fill.c" $(pkg-config --static --cflags --libs dgen) -o static
	./static f
	same f one "shared and static"
	[[ $(pkg-config --modversion dgen) == "$("$ROOT/dgen" --version | sed 's/dgen //;s/,.*//')" ]]
}

@test "library: the example's file has its ratios, and is what the engine writes" {
	installed
	# shellcheck disable=SC2046
	cc -static "$ROOT/examples/fill.c" $(pkg-config --static --cflags --libs dgen) -o fill
	./fill f
	[[ $(stat -c %s f) == $((64 << 20)) ]]
	dedup_is 2 0.5 example f
	compression_is 3 example f
	mv f one
	dgen --size=64m --dedup_ratio=2 --compress_ratio=3
	same f one "engine and example"
}

@test "library: the example says what fails" {
	run "$ROOT/build/examples/fill" /nowhere/f
	[[ $status == 1 && $output == *"No such file"* ]] || fail "$status: $output"
	for files in "" "f g"; do
		# shellcheck disable=SC2086 # none, or two
		run "$ROOT/build/examples/fill" $files
		[[ $status == 1 && $output == "Usage: fill FILE" && ! -e f ]] || fail "'$files': $status: $output"
	done
	# dgen(3) has the same.
	diff <(sed -n '/^#include <dgen.h>/,$p' "$ROOT/examples/fill.c") \
		<(sed -n '/^#include <dgen.h>/,/^```/p' "$ROOT/man/dgen.3.scd" | grep -v '^```' | sed 's/\\\\/\\/g') ||
		fail "the man page has another"
}

@test "library: threads share one plan without locks" {
	need_command cc
	cat >threads.c <<-'END'
		#include <dgen.h>
		#include <pthread.h>
		#include <string.h>
		#define SIZE (8u << 20)
		#define STEP 7168 /* neither a unit nor a divisor of one */
		static unsigned char one[SIZE], many[SIZE];
		static struct dgen *dgen;
		static void *part(void *number)
		{
			size_t at = (size_t)number * STEP;
			for (; at < SIZE; at += 4 * STEP)
				dgen_fill(dgen, 5, 0, at, many + at, SIZE - at < STEP ? SIZE - at : STEP);
			return NULL;
		}
		int main(void)
		{
			struct dgen_options options = DGEN_OPTIONS_DEFAULT;
			pthread_t threads[4];
			options.dedup_ratio = 3;
			options.compress_ratio = 2;
			if (dgen_create(&options, &dgen, NULL))
				return 2;
			for (size_t i = 0; i < 4; i++)
				pthread_create(&threads[i], NULL, part, (void *)i);
			for (size_t i = 0; i < 4; i++)
				pthread_join(threads[i], NULL);
			dgen_fill(dgen, 5, 0, 0, one, SIZE);
			dgen_destroy(dgen);
			return memcmp(one, many, SIZE) != 0;
		}
	END
	cc -O2 -pthread -I"$ROOT/generator" threads.c "$ROOT/libdgen.a" -lm -o threads
	./threads
}

@test "library: the benchmark runs, and its JSON has every kernel and pool" {
	make --no-print-directory -C "$ROOT" bench-generator QUICK=1 JSON="$T/bench.json" >bench.out 2>&1 ||
		{ show bench.out; return 1; }
	jq -e '.kernel as $best | [.results[].what] | index("memset") and index("fio") and
		index("portable") and index($best)' bench.json >/dev/null
	jq -e '[.results[] | select(.access == "runs" and .data == null) | .pool] | unique | length == 8' \
		bench.json >/dev/null
	jq -e '[.results[].data // empty] | unique | length == 9' bench.json >/dev/null
	jq -e '[.results[] | .gbps.median, .ratio_to.memset, .ratio_to.fio] | all(. > 0)' bench.json >/dev/null
	run "$ROOT/build/bench-generator" --dedup=two
	[[ $status != 0 && $output == *"--dedup=two"* ]] || fail "$status: $output"
}
