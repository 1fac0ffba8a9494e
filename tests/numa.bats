#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# numa_mode=, and where the buffers lie. Where jobs go is tested in unit_placement; here a machine is
# described to the library of topologies as if each of its first two CPUs were a node.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# The environment of those below it.
two_nodes() {
	local cpus

	cpus=$(taskset -pc $$ | sed 's/.*: //')
	[[ $cpus =~ ^0[-,]1($|[,-]) ]] || skip "CPUs 0 and 1 may not be used, only $cpus"
	export HWLOC_SYNTHETIC="pack:2 [numa(memory=4GB)] pu:1" HWLOC_THISSYSTEM=1
}

# nodes [option]...: the nodes that jobs were bound to.
nodes() {
	dgen --report_file=report.json --size=1m --direct=0 "$@"
	jq -r '[.groups[].writers[].numa_node | tostring] | sort | join(" ")' report.json
}

@test "numa: jobs are bound to the nodes in turn, processes and threads" {
	two_nodes
	for thread in 0 1; do
		[[ $(nodes --numjobs=4 --thread=$thread --numa_mode=force) == "0 0 1 1" ]] ||
			fail "thread=$thread: $(jq '.groups[].writers[].numa_node' report.json)"
		[[ ! -s fio.err ]] || { show fio.err; false; }
	done
	[[ $(nodes --numjobs=2) == "0 1" ]]
	[[ $(nodes --numjobs=2 --numa_mode=disabled) == "null null" ]]
	dgen --output-format=normal --numjobs=2
	grep -q 'NUMA nodes 2, jobs bound to 0 1$' fio.out || { show fio.out; false; }
}

@test "numa: the binding is that of the job and its helper threads" {
	local pid child found

	two_nodes
	"$FIO" --ioengine="external:$ENGINE" --name=j --backend=null --rw=write --bs=1m --size=1g \
		--iodepth=4 --gen_threads=1 --time_based --runtime=20 --numa_mode=force \
		--thread=0 --output=fio.out 2>fio.err &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		child=$(pgrep -P "$pid" | head -n 1) || true
		[[ $child && $(find "/proc/$child/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l) -ge 2 ]] &&
			break
		sleep 0.05
	done
	found=$(grep -h '^Cpus_allowed_list' "/proc/$child"/task/*/status | sort -u)
	kill -INT "$pid"
	wait "$pid" || true
	[[ $found == "Cpus_allowed_list:"*0 && $found != *[,-]* ]] || fail "$found"
}

@test "numa: CPUs that the user chose hold" {
	local fio

	two_nodes
	[[ $(nodes --numjobs=2 --cpus_allowed=1) == "null null" ]]
	dgen_raw --numa_mode=force --cpus_allowed=1
	refused "numa_mode=force" "cpus_allowed"
	if "$FIO" --cmdhelp=numa_cpu_nodes 2>&1 | grep -q 'libnuma'; then
		left_out "numa_cpu_nodes: this fio has none"
	else
		dgen_raw --numa_mode=force --numa_cpu_nodes=0
		refused "numa_mode=force" "numa_cpu_nodes"
		dgen_raw --numa_mode=force --numa_mem_policy=local
		refused "numa_mode=force" "numa_mem_policy"
		[[ $(nodes --numa_mem_policy=local) == null ]]
	fi
	# From outside.
	fio=$(command -v "$FIO")
	FIO=$T/one-cpu
	printf '#!/bin/bash\nexec taskset -c 1 %q "$@"\n' "$fio" >"$FIO"
	chmod +x "$FIO"
	[[ $(nodes --numjobs=2) == "null null" ]]
}

@test "numa: one node is left alone, and force says so once" {
	export HWLOC_SYNTHETIC="pack:1 [numa(memory=4GB)] pu:2" HWLOC_THISSYSTEM=1
	for thread in 0 1; do
		[[ $(nodes --numjobs=2 --thread=$thread) == "null null" ]]
		[[ ! -s fio.err ]] || { show fio.err; false; }
		[[ $(nodes --numjobs=2 --thread=$thread --numa_mode=force) == "null null" ]]
		[[ $(grep -c 'numa_mode=force: .* one NUMA node only' fio.err) == 1 ]] ||
			{ show fio.err; false; }
	done
}

@test "numa: other values are refused" {
	for value in on 0 Auto ""; do
		dgen_raw --numa_mode="$value"
		refused "numa_mode=$value" "auto, force or disabled"
	done
}

@test "numa: the buffers lie on huge pages, and the data is the same" {
	local setting=/sys/kernel/mm/transparent_hugepage/enabled part

	dgen --bs=1m --iodepth=8 --iomem=mmap --report_file=report.json
	[[ $(jq '.groups[0].writers[0].huge_page_fraction' report.json) == null ]]
	mv f other
	for thread in 0 1; do
		dgen --bs=1m --iodepth=8 --report_file=report.json --thread=$thread
		part=$(jq '.groups[0].writers[0].huge_page_fraction' report.json)
		same other f "iomem"
		if [[ ! -e $setting ]] || grep -qF '[never]' "$setting"; then
			[[ $part == 0 ]]
			left_out "this kernel has no transparent huge pages"
		else
			# There may be none free.
			awk -v p="$part" 'BEGIN { exit !(p >= 0 && p <= 1) }' || fail "$part"
		fi
	done
	dgen --bs=1m --iodepth=8 --output-format=normal
	grep -q 'huge pages  *[0-9]* % of the buffers' fio.out || { show fio.out; false; }
}
