#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The long quality run, by make quality: no repeated 64-byte block in 4 GiB, then dieharder (package
# dieharder) over the incompressible stream and over XOR of neighbours, an hour or more each.
#
#	results/quality/run.sh BUILD LIBRARY [data|unit|version|seed|domain]...

set -euo pipefail
build=$1
library=$2
shift 2
here=$(dirname "$0")

DGEN_QUALITY_MIB=${DGEN_QUALITY_MIB:-4096} "$build/tests/unit_quality"
command -v dieharder >/dev/null || { echo 'dieharder is not installed: skipped'; exit 0; }
"${CC:-gcc}" -O2 -D_GNU_SOURCE -Igenerator -o "$build/quality-stream" "$here/stream.c" \
	"$library" -lm -lpthread
for mode in "${@:-data}"; do
	out=$here/dieharder-$mode.txt
	nice "$build/quality-stream" "$mode" | nice dieharder -a -g 200 -k 2 > "$out" || :
	printf '%s: %s passed, %s weak, %s failed\n' "$mode" "$(grep -c PASSED "$out" || :)" \
		"$(grep -c WEAK "$out" || :)" "$(grep -c FAILED "$out" || :)"
done
