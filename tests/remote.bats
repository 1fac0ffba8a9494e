#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Storage behind a network: nbdkit, WebDAV, and jobs that fio's servers run.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# until_there COMMAND...: waits up to 5 s until it succeeds.
until_there() {
	local i

	for ((i = 0; i < 50; i++)); do
		"$@" 2>/dev/null && return
		sleep 0.1
	done
	return 1
}

# nbd_server ARGUMENT...: nbdkit, on the socket $T/sock, until the test ends. NBD are fio's options.
nbd_server() {
	need_command nbdkit
	has_fio_engine nbd || skip "this fio has no nbd engine"
	rm -f "$T/sock"
	nbdkit --exit-with-parent --foreground -U "$T/sock" "$@" 3>&- 2>nbdkit.err &
	SERVER=$!
	until_there test -S "$T/sock" || skip "nbdkit does not start: $(<nbdkit.err)"
	# fio's engine says on standard output that it has connected: no JSON there.
	NBD=(--output=json --backend=fio:nbd --backend_options="uri=nbd+unix:///?socket=$T/sock" --size=16m
		--dedup_ratio=2 --compress_ratio=3)
}

# Of the last job over NBD.
nbd_json() {
	# The lines of the threads about their connections come first.
	sed -n "/^{/,\$p" json | jq -er "$1"
}

# Sets PORT to one of the loopback interface that nobody listens on.
free_port() {
	local i

	for ((i = 0; i < 20; i++)); do
		PORT=$((20000 + RANDOM % 10000))
		(: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || return 0
	done
	skip "no free port on the loopback interface"
}

@test "remote: nbd, the server holds the bytes that a file would" {
	dgen --dedup_ratio=2 --compress_ratio=3
	mv f wanted
	for jobs in --thread=0 --thread=1 "--rw=randwrite --bs=4k" \
		"--numjobs=2 --size=8m --offset_increment=8m --direct=0"; do
		truncate -s 16m image
		nbd_server file image
		# shellcheck disable=SC2086 # several
		dgen "${NBD[@]}" --end_fsync=1 $jobs
		kill $SERVER
		wait $SERVER || true
		same image wanted "nbd $jobs"
		rm image
	done
	mv wanted image
	dedup_is 2 0.5 nbd image
	compression_is 3 nbd image
}

@test "remote: nbd verifies what a server kept, and finds what it lost" {
	nbd_server memory 16M
	for jobs in --thread=0 "--thread=1 --gen_threads=2"; do
		# shellcheck disable=SC2086 # several
		dgen "${NBD[@]}" --verify=crc32c --rw=randwrite --bs=16k $jobs
		dgen "${NBD[@]}" --verify=crc32c --rw=read --bs=128k
		[[ $(nbd_json '.jobs[0].read.io_bytes') == 16777216 ]]
	done
	kill $SERVER
	wait $SERVER || true
	nbd_server memory 16M
	dgen_raw "${NBD[@]}" --verify=crc32c --rw=read
	failed
	cat fio.out fio.err | grep -q 'dgen: .*zeros' || { show fio.out fio.err; false; }
}

@test "remote: nbd, a slow server keeps its order" {
	nbd_server --filter=delay memory 16M wdelay=2ms rdelay=1ms
	dgen "${NBD[@]}" --size=4m --verify=crc32c --rw=randwrite --iodepth=32 --verify_backlog=16
	[[ $(nbd_json '.jobs[0].write.io_bytes') == 4194304 ]]
}

@test "remote: nbd, a server's error is one line and ends the job" {
	nbd_server --filter=error memory 16M error-pwrite-rate=100% error=EIO error-file="$T/broken"
	dgen "${NBD[@]}"
	touch broken
	for thread in 0 1; do
		dgen_raw "${NBD[@]}" --thread=$thread
		io_error "write" "Input/output error"
		dgen "${NBD[@]}" --rw=read --thread=$thread
	done
	# fio counts it, and goes on.
	dgen_raw "${NBD[@]}" --continue_on_error=write
	(($(nbd_json '.jobs[0].total_err') == 256)) || fail "$(nbd_json '.jobs[0].total_err') errors"
}

@test "remote: nbd, what was there before a run is not called wrong, nor is what a killed one left" {
	nbd_server memory 16M
	for jobs in --thread=0 "--thread=1 --gen_threads=2"; do
		# shellcheck disable=SC2086 # several
		dgen "${NBD[@]}" --direct=1 $jobs
		# shellcheck disable=SC2086 # several
		dgen "${NBD[@]}" --verify=crc32c --rw=randrw --bs=16k --data_version=1 --direct=1 $jobs
		# What belongs to the host's files has nothing to do with it.
		[[ ! -e f ]] || fail "$jobs: a file was made here"
	done
	dgen "${NBD[@]}" --report_file=report.json
	[[ $(jq '.groups[0].writers[0].stores' report.json) == false ]]
	# Killed while it writes slowly.
	kill $SERVER
	wait $SERVER || true
	truncate -s 16m image
	nbd_server --filter=delay file image wdelay=200ms
	fio_raw --name=j --filename=f --rw=randwrite --bs=16k --data_seed=1 --iodepth=8 --verify=crc32c "${NBD[@]}" \
		--verify_state_file=state &
	until_there test -s state
	sleep 1
	pkill -KILL -f -- "--verify_state_file=state" || true
	wait $! || true
	# nbdkit 1.32 may abort when its client is killed; what it was sent is in the file.
	kill $SERVER 2>/dev/null || true
	wait $SERVER || true
	nbd_server file image
	dgen "${NBD[@]}" --verify=crc32c --rw=randwrite --bs=16k --verify_state_file=state --size=2m
}

@test "remote: nbd, errors and delays at random moments lose and count nothing twice" {
	for jobs in --thread=0 "--thread=1 --gen_threads=2"; do
		nbd_server --filter=error --filter=delay memory 16M error=EIO error-pwrite-rate=10% \
			error-pread-rate=10% wdelay=1ms rdelay=1ms
		# shellcheck disable=SC2086 # several
		dgen_raw "${NBD[@]}" --rw=randwrite --verify=crc32c --continue_on_error=io $jobs
		((status == 0)) || { show fio.out fio.err; fail "$jobs: $status"; }
		# Only what was written is read back.
		nbd_json '.jobs[0] | (.write.io_bytes + .read.io_bytes) / 65536 + .total_err ==
			256 + .write.io_bytes / 65536 and .total_err > 5' >/dev/null ||
			fail "$jobs: $(nbd_json '.jobs[0] | [.write.io_bytes, .read.io_bytes, .total_err]')"
		! grep -q '^dgen: ' fio.err fio.out || fail "$jobs: a false alarm" "$(<fio.err)"
		kill $SERVER
		wait $SERVER || true
	done
}

@test "remote: WebDAV objects hold the bytes that a file would" {
	has_fio_engine http || skip "this fio has no http engine (it was built without libcurl)"
	need_command nginx
	free_port
	mkdir web web/temp
	cat >nginx.conf <<-END
		$( ((EUID)) || echo 'user root;')
		daemon off;
		pid $T/nginx.pid;
		error_log $T/nginx.err;
		events { }
		http {
			access_log off;
			client_body_temp_path $T/web/temp;
			client_max_body_size 8m;
			server {
				listen 127.0.0.1:$PORT;
				root $T/web;
				location / { dav_methods PUT DELETE; }
			}
		}
	END
	nginx -V 2>&1 | grep -q http_dav || skip "this nginx has no WebDAV"
	nginx -e "$T/nginx.err" -c "$T/nginx.conf" 3>&- 2>nginx.out &
	until_there test -s "$T/nginx.pid" || skip "nginx does not start: $(<nginx.out)"
	dgen --dedup_ratio=2 --compress_ratio=3 --size=4m
	mv f wanted
	# The name is part of the address.
	WEB=(--filename=/f --dedup_domain=f --dedup_ratio=2 --compress_ratio=3 --size=4m --iodepth=1
		--backend=fio:http --backend_options="http_mode=webdav,http_host=127.0.0.1:$PORT")
	for jobs in --thread=0 "--thread=1 --output-format=json+"; do
		rm -f web/f_*
		# shellcheck disable=SC2086 # several
		dgen "${WEB[@]}" $jobs
		# One object for each block: NAME_OFFSET_LENGTH.
		(($(find web -name 'f_*' | wc -l) == 64)) || { find web >&2; false; }
		find web -name 'f_*' | sort -t _ -k 2n | xargs cat >got
		same got wanted "webdav $jobs"
		# shellcheck disable=SC2086 # several
		dgen "${WEB[@]}" $jobs --rw=read --verify=crc32c
		[[ $(json '.jobs[0].read.io_bytes') == 4194304 ]]
	done
}

# s3 KEY [option]...: a job over the server of the next test, with this key.
s3() {
	# The name is part of the address.
	dgen_raw --filename=/bucket/f --dedup_domain=f --dedup_ratio=2 --compress_ratio=3 --size=4m --iodepth=1 \
		--backend=fio:http --backend_options="http_mode=s3,http_host=127.0.0.1:$PORT,http_s3_keyid=id,\
http_s3_key=$1,http_s3_region=here" "${@:2}"
}

@test "remote: S3 requests are signed, and the objects hold the bytes that a file would" {
	has_fio_engine http || skip "this fio has no http engine (it was built without libcurl)"
	need_command python3
	free_port
	mkdir store
	python3 "$BATS_TEST_DIRNAME/helpers/s3.py" "$PORT" "$T/store" id secret here 2>refusals 3>&- &
	until_there eval ": </dev/tcp/127.0.0.1/$PORT" || { show refusals; fail "no server"; }
	dgen --dedup_ratio=2 --compress_ratio=3 --size=4m
	mv f wanted
	s3 secret
	((status == 0)) || { show fio.out fio.err refusals; false; }
	(($(find store -name 'f_*' | wc -l) == 64)) || { find store >&2; false; }
	find store -name 'f_*' | sort -t _ -k 2n | xargs cat >got
	same got wanted s3
	s3 secret --rw=read --verify=crc32c
	((status == 0)) || { show fio.out fio.err refusals; false; }
	[[ $(json '.jobs[0].read.io_bytes') == 4194304 ]]
	# One object is another's.
	cp store/bucket/f_0_65536 store/bucket/f_65536_65536
	s3 secret --rw=read --verify=crc32c
	failed
	cat fio.out fio.err | grep -q 'dgen: .*misdirected' || { show fio.out fio.err; false; }
	[[ ! -s refusals ]] || { show refusals; false; }
	s3 wrong
	failed
	grep -q 'the signature does not match' refusals || { show refusals; false; }
	s3 secret --rw=trim --size=1m
	((status == 0)) || { show fio.out fio.err refusals; false; }
	(($(find store -name 'f_*' | wc -l) == 48)) || { find store >&2; false; }
}

@test "remote: sync and splice, which are no files' usual engines, leave the same bytes" {
	dgen --dedup_ratio=2 --compress_ratio=2
	mv f wanted
	for engine in sync vsync pvsync splice; do
		has_fio_engine $engine || { left_out "this fio has no $engine"; continue; }
		for thread in 0 1; do
			dgen --backend=fio:$engine --dedup_ratio=2 --compress_ratio=2 --iodepth=1 \
				--thread=$thread --direct=0
			same f wanted "$engine thread=$thread"
			rm f
		done
	done
}

# ---- fio's servers ----

# fio_server NAME: sets PORT; its jobs run in the directory NAME, on a host of that name.
fio_server() {
	free_port
	mkdir -p "$1"
	unshare --uts sh -c 'hostname "$1" && cd "$1" && exec "$2" --server="ip:127.0.0.1,$3"' \
		sh "$1" "$FIO" "$PORT" >"server.$1" 2>&1 3>&- &
	until_there eval ": </dev/tcp/127.0.0.1/$PORT" || { show "server.$1"; fail "no server"; }
}

# hosts_run OPTION...: both servers run a job file with these lines.
hosts_run() {
	{
		echo "[j]"
		printf '%s\n' "ioengine=external:$ENGINE" filename=f rw=write bs=64k size=16m \
			"direct=$DIRECT" iodepth=8 dedup_ratio=2 compress_ratio=2 "$@"
	} >hosts.fio
	printf 'ip:127.0.0.1,%s\n' "$ALPHA" "$BETA" >hosts.txt
	status=0
	timeout "${LIMIT:-60}" "$FIO" --client=hosts.txt hosts.fio >fio.out 2>fio.err || status=$?
}

# on_hosts OPTION...: leaves f in alpha and beta.
on_hosts() {
	rm -f alpha/f beta/f
	hosts_run "$@"
	((status == 0)) || { show fio.out fio.err server.*; fail "the client failed: $*"; }
	dedup_is 2 0.5 "of one host: $*" alpha/f
	dedup_is 2 0.5 "of the other: $*" beta/f
	(($(grep -c 'dgen report$' fio.out) == 2 && $(grep -c '^    target  *f$' fio.out) == 2)) ||
		{ show fio.out; fail "not the reports of both"; }
}

@test "remote: hosts share nothing, or are clones, as the seed and the domain say" {
	need_command unshare
	unshare --uts true 2>/dev/null || skip "no host name of its own can be had here (needs root)"
	fio_server alpha
	ALPHA=$PORT
	fio_server beta
	BETA=$PORT
	# Each draws its own seed, and says which.
	on_hosts
	(($(grep -c 'data_seed=0x' fio.out) >= 2)) || { show fio.out; false; }
	shares "two seeds" 0 alpha/f beta/f
	# A name for each host: nothing in common, and the same data again another time.
	on_hosts data_seed=7 dedup_domain=%h
	shares "a domain for each" 0 alpha/f beta/f
	mv alpha/f first
	on_hosts data_seed=7 dedup_domain=%h
	same alpha/f first "again"
	# Clones: two hosts hold 2 x D.
	on_hosts data_seed=7 dedup_domain=both
	same alpha/f beta/f "clones"
	dedup_is 4 0.5 "both together" alpha/f beta/f
	# What the one has written the other verifies, and says what is wrong.
	on_hosts data_seed=7 dedup_domain=%h thread=1
	mv beta/f moved
	mv alpha/f beta/f
	cp beta/f alpha/f
	hosts_run data_seed=7 dedup_domain=alpha rw=read verify=crc32c
	((status == 0)) || { show fio.out fio.err server.*; false; }
	mv moved beta/f
	hosts_run data_seed=7 dedup_domain=alpha rw=read verify=crc32c
	((status != 0)) && grep -q 'dgen: .*wrong' fio.out fio.err || { show fio.out fio.err server.*; false; }
	# What is wrong the client is told: where, what it is, and in which files.
	grep -q 'dgen: verify: f: offset .*misdirected' fio.out fio.err &&
		grep -q 'dgen: verify: f: .* wrong, the first at offset 0: .*misdirected' fio.out fio.err ||
		{ show fio.out fio.err server.*; false; }
	! grep -q 'dgen: verify' server.beta || { show server.beta; false; }
}
