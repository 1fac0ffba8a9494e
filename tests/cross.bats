#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The same bytes on other processors and in the other byte order: golden vectors under emulation.

# shellcheck disable=SC2154 # T is from lib.bash
load lib

# golden MACHINE KERNEL...: builds the library and its golden vectors for MACHINE and runs them.
golden() {
	local machine=$1 cc=$1-linux-gnu-gcc emulator=qemu-$1

	shift
	command -v "$cc" >/dev/null || skip "$cc is not installed"
	command -v "$emulator" >/dev/null || emulator=$emulator-static
	command -v "$emulator" >/dev/null || skip "no qemu-$machine (package qemu-user)"
	[[ -e /usr/include/xxhash.h ]] || skip "no /usr/include/xxhash.h"
	# The host's other headers must not be seen.
	mkdir include
	ln -s /usr/include/xxhash.h /usr/include/xxh3.h include/
	# The library needs none of the other libraries that make looks for.
	mkdir build
	touch build/deps
	make --no-print-directory -C "$ROOT" B="$T/build" CC="$cc" WERROR=1 SANITIZE= \
		CPPFLAGS= CFLAGS=-O2 "$T/build/libdgen.a" >make.out 2>&1 ||
		{ show make.out; false; }
	"$cc" -std=gnu11 -O2 -D_GNU_SOURCE -I"$ROOT" -I"$ROOT/generator" -Iinclude -static -o golden \
		"$ROOT/tests/cross/golden.c" build/libdgen.a -lm -lpthread
	"$emulator" ./golden "$@"
}

@test "cross: aarch64 with AES gives the same bytes" {
	golden aarch64 neon portable
}

@test "cross: a big-endian processor gives the same bytes" {
	golden s390x portable
}
