# SPDX-License-Identifier: GPL-2.0-only
"""What is compared: the contestants, and the cases by section."""

import json
import os
import random
import re
import shutil
import subprocess

from harness import Case, Failed, Missing, Process, strip_fio

GIB = 1 << 30
MIB = 1 << 20


class Settings:
	"""What a measurement depends on."""

	def __init__(self, root, quick, target, memory, work):
		self.root = root
		self.quick = quick
		# A directory, or a block device that may be overwritten.
		self.target = target
		# A directory in memory.
		self.memory = memory
		# Ours, for files that nothing is timed with.
		self.work = work
		self.fio = os.environ.get("FIO") or "fio"
		self.fio_new = os.environ.get("FIO_NEW") or ""
		self.engine = os.path.realpath(os.environ.get("ENGINE") or f"{root}/libdgen_engine.so")
		self.measure = os.environ.get("MEASURE") or f"{root}/dgen-measure"

	def pick(self, full, quick):
		return quick if self.quick else full

	def fios(self):
		"""fio's own patterns, by the fio of the engine and by a newer one where it is at hand."""
		return ["fio"] + (["fio-new"] if self.fio_new else [])

	def binary(self, contestant):
		return self.fio_new if contestant == "fio-new" else self.fio


def percent(ratio):
	"""fio's whole percentage next to a ratio."""
	return f"{100 - 100 / ratio:.0f}"


def dgen_options(settings, seed, dedup=2, compress=2):
	return [f"--ioengine=external:{settings.engine}", f"--dedup_ratio={dedup}",
		f"--compress_ratio={compress}", f"--data_seed={seed + 1}", "--report=0"]


def pattern_options(dedup=2, compress=2):
	"""fio's own data for the same request."""
	options = ["--refill_buffers=1"]
	if dedup > 1:
		options.append(f"--dedupe_percentage={percent(dedup)}")
	if compress > 1:
		options.append(f"--buffer_compress_percentage={percent(compress)}")
	return options


def run_fio(binary, options, env=None, allowed=(0,), shorten=()):
	"""Its figures; shorten is (what, how it is called in the raw data)."""
	# fio would leave its state of verify= in the current directory.
	if any(each.startswith("--verify=") for each in options):
		options = [*options, "--verify_state_save=0"]
	command = [binary, *options, "--output-format=json"]
	process = Process(command, env=env, allowed=allowed)
	try:
		output = strip_fio(json.loads(process.out[process.out.index("{"):]))
	except (ValueError, KeyError):
		raise Failed(f"{' '.join(command)}: no JSON: {process.err.strip()[-200:]}") from None
	text = " ".join(["fio", *options])
	for long, short in shorten:
		text = text.replace(long, short)
	return {**process.row(), "command": text, "fio": output}, process


def remove(path):
	try:
		os.unlink(path)
	except FileNotFoundError:
		pass


class Zram:
	"""A device of its own that compresses, for as long as the with statement goes."""

	def __init__(self, algorithm, size):
		self.algorithm = algorithm
		self.size = size
		self.number = ""

	def __enter__(self):
		if os.geteuid() != 0:
			raise Missing("zram devices are made by root only")
		if shutil.which("modprobe"):
			subprocess.run(["modprobe", "zram", "num_devices=0"], capture_output=True, check=False)
		try:
			with open("/sys/class/zram-control/hot_add", encoding="ascii") as made:
				self.number = made.read().strip()
		except OSError:
			raise Missing("this kernel makes no zram devices") from None
		try:
			self.set("comp_algorithm", self.algorithm)
			self.set("disksize", self.size)
		except OSError as error:
			self.__exit__()
			raise Missing(f"zram: {error.strerror}") from None
		return f"/dev/zram{self.number}"

	def __exit__(self, *_):
		self.set("reset", 1)
		with open("/sys/class/zram-control/hot_remove", "w", encoding="ascii") as removed:
			removed.write(self.number)

	def set(self, name, value):
		with open(f"/sys/block/zram{self.number}/{name}", "w", encoding="ascii") as setting:
			setting.write(str(value))


class Cases:
	def __init__(self, settings):
		self.s = settings
		self.shorten = [(settings.engine, "./libdgen_engine.so"), (settings.memory, "MEMORY"),
			(settings.target, "TARGET"), (settings.work, "WORK")]

	def fio(self, contestant, options, **more):
		return run_fio(self.s.binary(contestant), options, shorten=self.shorten, **more)[0]

	def all(self):
		return [*self.speed(), *self.scale(), *self.fidelity(), *self.storage(), *self.verify(),
			*self.effort()]

	# ---- speed

	def speed(self):
		yield from self.null()
		yield from self.generator()
		yield from self.report()
		yield from self.iops()
		yield from self.latency()
		yield from self.disk()
		yield from self.start()

	def data(self, contestant, turn, inner, dedup=2, compress=2):
		"""Engine and content of a contestant: inner is fio's engine, and dgen's back end."""
		if contestant == "dgen":
			return [*dgen_options(self.s, turn, dedup, compress), f"--backend={inner}"]
		if contestant.startswith("static"):
			return [f"--ioengine={inner}", "--scramble_buffers=0"]
		return [f"--ioengine={inner}", f"--randseed={turn + 1}", *pattern_options(dedup, compress)]

	def timed(self):
		return ["--time_based", f"--runtime={self.s.pick('1s', '500ms')}"]

	def null(self):
		"""What data costs: writes to nowhere, by block size."""
		def run(bs):
			return lambda contestant, turn: self.fio(contestant, [
				*self.data(contestant, turn, "null"), "--name=null", "--rw=write",
				f"--bs={bs}", "--size=1t", *self.timed()])

		for bs in self.s.pick(("4k", "64k", "128k", "1m", "8m"), ("4k", "128k", "1m")):
			yield Case("speed", f"null-{bs}", ["dgen", *self.s.fios(), "static"], run(bs),
				self.s.pick(1.5, 0.9), quiet=True)

	def in_memory(self):
		"""A file that is there, for I/O to memory."""
		path = f"{self.s.memory}/f"
		try:
			run_fio(self.s.fio, ["--name=fill", "--ioengine=psync", f"--filename={path}",
				"--rw=write", "--bs=1m", "--size=512m", "--direct=1"])
		except Failed:
			raise Missing(f"{self.s.memory} does not take O_DIRECT") from None

	def iops(self):
		"""To a file in memory, and to a device that compresses."""
		def four_kib(contestant, turn, path, rw, inner="io_uring"):
			return self.fio(contestant, [*self.data(contestant, turn, inner), "--name=iops",
				f"--filename={path}", f"--rw={rw}", "--bs=4k", "--size=512m", "--iodepth=32",
				"--direct=1", "--norandommap=1", *self.timed()])

		def memory(rw, inner="io_uring"):
			return lambda contestant, turn: four_kib(contestant, turn, f"{self.s.memory}/f", rw, inner)

		def zram(rw):
			def one(contestant, turn):
				with Zram("lz4", GIB) as device:
					if rw == "randread":
						self.fio(contestant, [*self.data(contestant, turn, "io_uring"), "--name=fill",
							f"--filename={device}", "--rw=write", "--bs=128k", "--size=512m",
							"--iodepth=8", "--direct=1"])
					return four_kib(contestant, turn, device, rw)
			return one

		contestants = ["dgen", *self.s.fios(), "static"]
		for rw in ("randwrite", "randread"):
			yield Case("speed", f"iops-{rw}", contestants, memory(rw), self.s.pick(1.6, 1.0), quiet=True,
				setup=self.in_memory)
		if not self.s.quick:
			yield Case("speed", "iops-libaio-randwrite", contestants, memory("randwrite", "libaio"), 1.6,
				quiet=True, setup=self.in_memory)
		for rw in self.s.pick(("randwrite", "randread"), ("randwrite",)):
			yield Case("speed", f"iops-zram-{rw}", contestants, zram(rw), self.s.pick(2.5, 1.5), quiet=True)

	def report(self):
		"""What measuring for the report costs where nothing but data takes time: two jobs side by side, one
		with a report, each on a CPU of its own, then with the CPUs exchanged."""
		cpus = sorted(os.sched_getaffinity(0))

		def setup():
			if len(cpus) < 2:
				raise Missing("this needs two CPUs")

		def run(bs):
			def one(_, turn):
				rows = []
				for pair in (cpus[:2], cpus[1::-1]):
					options = [*dgen_options(self.s, turn)[:-1], "--backend=null", "--rw=write", f"--bs={bs}",
						"--iodepth=32", "--size=1t", "--time_based", f"--runtime={self.s.pick(4, 1)}s"]
					for name, cpu in zip(("without", "with"), pair):
						options += [f"--name={name}", f"--filename={name}", f"--report={int(name == 'with')}",
							f"--report_file={self.s.work}/report.json", f"--cpus_allowed={cpu}"]
					rows.append(self.fio("dgen", options))
				return {**rows[0], "exchanged": rows[1]["fio"]}
			return one

		for bs in ("4k", "1m"):
			yield Case("speed", f"report-{bs}", ["both"], run(bs), self.s.pick(9, 3),
				rounds=self.s.pick(15, 5), setup=setup)

	def generator(self):
		"""Of make bench-generator, the fastest kernel beside what memory takes."""
		def run(_, __):
			path = f"{self.s.work}/generator.json"
			process = Process([os.environ.get("BENCH_GENERATOR") or f"{self.s.root}/build/bench-generator",
				"--quick", f"--json={path}"])
			with open(path, encoding="utf-8") as text:
				output = json.load(text)
			rates = []
			for each in output["results"]:
				ours = "operation" in each
				if each["access"] == "runs" and (not ours or each["what"] == output["kernel"]):
					name = (f"dgen, {each['operation']}, D = {each['dedup_ratio']:g}, C ="
						f" {each['compress_ratio']:g}" if ours else each["what"])
					pool = each["pool"]["bytes"] * each["pool"]["count"]
					rates.append([pool, name, each["gbps"]["median"]])
			return {**process.row(), "kernel": output["kernel"], "rates": rates}

		yield Case("speed", "generator", ["all"], run, 7, quiet=True)

	def latency(self):
		"""On the target, one I/O at a time and a few large ones."""
		path = self.target_path("latency")

		def setup():
			run_fio(self.s.fio, ["--name=fill", "--ioengine=io_uring", f"--filename={path}",
				"--rw=write", "--bs=1m", "--size=512m", "--direct=1", "--iodepth=8"])

		def run(bs, depth):
			return lambda contestant, turn: self.fio(contestant, [
				*self.data(contestant, turn, "io_uring"), "--name=latency",
				f"--filename={path}", "--rw=randwrite", f"--bs={bs}", "--size=512m",
				f"--iodepth={depth}", "--direct=1", "--norandommap=1", "--lat_percentiles=1",
				"--time_based", f"--runtime={self.s.pick('2s', '1s')}"])

		for bs, depth in (("4k", 1), ("128k", 8)):
			yield Case("speed", f"latency-{bs}", ["dgen", "fio", "static"], run(bs, depth),
				self.s.pick(2.5, 1.4), setup=setup)

	def target_path(self, name):
		"""A file on the target, or the device that it is."""
		return self.s.target if not os.path.isdir(self.s.target) else f"{self.s.target}/{name}.dat"

	def profile(self):
		"""Options of the profile that dgen-bench takes for this machine, without what is compared."""
		bench = os.environ.get("BENCH_COMMAND") or f"{self.s.root}/dgen-bench"
		name = subprocess.run([bench, "--profile"], check=True, capture_output=True,
			text=True).stdout.strip()
		with open(f"{self.s.root}/jobs/{name}.fio", encoding="utf-8") as lines:
			options = dict(re.findall(r"^(\w+)=(.*)$", lines.read(), re.M))
		return {key: options[key] for key in ("bs", "numjobs", "iodepth")}

	def profile_options(self, size):
		"""As in the job file, for size bytes in all."""
		profile = self.profile()
		block = int(profile["bs"].removesuffix("m")) * MIB
		each = size // int(profile["numjobs"]) // block * block
		return [f"--bs={profile['bs']}", f"--numjobs={profile['numjobs']}",
			f"--iodepth={profile['iodepth']}", f"--size={each}", f"--offset_increment={each}",
			"--thread=1", "--group_reporting=1", "--direct=1"]

	def disk_size(self):
		return self.s.pick(4, 2) * GIB

	def disk(self):
		path = self.target_path("disk")

		def run(contestant, turn):
			if os.path.isdir(self.s.target):
				remove(path)
			os.sync()
			# The C library's buffers on transparent huge pages, where dgen's always lie.
			env = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if contestant == "static-thp" else None
			return self.fio(contestant, [*self.data(contestant, turn, "io_uring"), "--name=disk",
				f"--filename={path}", "--rw=write", *self.profile_options(self.disk_size())],
				env=env)

		yield Case("speed", "disk-write", ["dgen", *self.s.fios(), "static", "static-thp"], run,
			self.s.pick(4, 2.5))

	def start(self):
		"""From the call to the end of one block, and of one block for each buffer of the profile."""
		def one(contestant, turn):
			return self.fio(contestant, [*self.data(contestant, turn, "null"), "--name=start",
				"--rw=write", "--bs=4k", "--size=4k"])

		def profile(contestant, turn):
			profile = self.profile()
			blocks = int(profile["numjobs"]) * int(profile["iodepth"])
			size = blocks * int(profile["bs"].removesuffix("m")) * MIB
			return self.fio(contestant, [*self.data(contestant, turn, "null"), "--name=start",
				"--rw=write", *self.profile_options(size)])

		contestants = ["dgen", *self.s.fios(), "static"]
		yield Case("speed", "start-one", contestants, one, 0.3, quiet=True)
		yield Case("speed", "start-profile", contestants, profile, 0.8, quiet=True)

	# ---- scale

	def scale(self):
		"""By CPUs and by size, to nowhere."""
		def cpus(jobs):
			return lambda contestant, turn: self.fio(contestant, [
				*self.data(contestant, turn, "null"), "--name=scale", "--rw=write", "--bs=128k",
				"--size=1t", f"--numjobs={jobs}", "--group_reporting=1", *self.timed()])

		def size(gib):
			return lambda contestant, turn: self.fio(contestant, [
				*self.data(contestant, turn, "null"), "--name=size", "--rw=write", "--bs=1m",
				f"--size={gib}g"])

		count = len(os.sched_getaffinity(0))
		for jobs in sorted({1, count, *(1 << n for n in range(1, 10) if 1 << n < count)}):
			yield Case("scale", f"cpus-{jobs}", ["dgen", *self.s.fios()], cpus(jobs),
				self.s.pick(1.6, 1.0), quiet=True)
		for gib in self.s.pick((1, 10, 100), (1, 4, 16)):
			yield Case("scale", f"size-{gib}", ["dgen"], size(gib), 0.4 + gib / 12, quiet=True)

	# ---- fidelity

	def written(self, contestant, turn, dedup, compress, *options, content=(), allowed=(0,)):
		"""One job of 4 KiB blocks into memory; the call as the raw data has it."""
		own = (dgen_options(self.s, turn, dedup, compress) + list(content) if contestant == "dgen" else
			["--ioengine=io_uring", f"--randseed={turn + 1}", *pattern_options(dedup, compress)])
		return self.fio(contestant, [*own, "--name=content", "--bs=4k", "--iodepth=16",
			*options], allowed=allowed)

	def measured(self, paths, codecs="none", records="4k"):
		"""dedup ratio in units of 4 KiB, and the ratio of each codec and record."""
		process = Process([self.s.measure, "--quiet", "--json", f"--codec={codecs}", f"--record={records}",
			*paths])
		output = json.loads(process.out)
		unit = output["units"][0]
		return {"units": unit["total"], "zero": unit["zero"], "distinct": unit["distinct"],
			"codecs": {f"{each['codec']} {each['record']}": [each["bytes_in"], each["bytes_out"]]
				for each in output.get("codecs", [])}}

	def memory_file(self):
		path = f"{self.s.memory}/f"
		remove(path)
		return path

	def fidelity(self):
		yield from self.asked_dedup()
		yield from self.asked_compression()
		yield from self.overwritten()
		yield from self.shared_work()

	def asked_dedup(self):
		size = self.s.pick(64, 32)

		def run(dedup):
			def one(contestant, turn):
				path = self.memory_file()
				row = self.written(contestant, turn, dedup, 2, f"--filename={path}", "--rw=write",
					f"--size={size}m")
				return {**row, "asked": dedup, "measured": self.measured([path])}
			return one

		for dedup in self.s.pick((1, 1.5, 2, 3.3, 5, 10, 20), (1.5, 2, 5, 10)):
			yield Case("fidelity", f"dedup-{dedup:g}", ["dgen", *self.s.fios()], run(dedup), 0.7)

	def asked_compression(self):
		"""By codec and record; dgen is told them, fio has no such option."""
		size = self.s.pick(16, 8)
		codecs = (("lz4", "lz4"), ("zstd", "zstd:3"), ("deflate", "deflate"), ("lzo", "lzo"))
		records = ("4k", "128k")

		def run(compress):
			def one(contestant, turn):
				found = {}
				if contestant != "dgen":
					path = self.memory_file()
					row = self.written(contestant, turn, 1, compress, f"--filename={path}",
						"--rw=write", f"--size={size}m")
					found = self.measured([path], ",".join(codec for _, codec in codecs),
						",".join(records))["codecs"]
				else:
					for name, codec in codecs:
						for record in records:
							path = self.memory_file()
							row = self.written(contestant, turn, 1, compress,
								f"--filename={path}", "--rw=write", f"--size={size}m",
								content=[f"--compress_codec={name}",
									f"--compress_record={record}"])
							found.update(self.measured([path], codec, record)["codecs"])
				return {**row, "asked": compress, "measured": {"codecs": found}}
			return one

		for compress in self.s.pick((1.5, 2, 3, 5, 10), (2, 5)):
			yield Case("fidelity", f"compress-{compress:g}", ["dgen", *self.s.fios()], run(compress),
				self.s.pick(3, 2))

	def overwritten(self):
		"""4:1 after full random overwrites, in which some blocks are hit often and some not at all."""
		size = self.s.pick(64, 32)

		def run(contestant, turn):
			path = self.memory_file()
			version, after = 0, {}
			for times in (0, 1, 2, 7):
				more = ["--rw=write"] if not times else ["--rw=randwrite", "--norandommap=1",
					f"--io_size={times * size}m"]
				if contestant == "dgen":
					more.append(f"--data_version={version}")
				row = self.written(contestant, turn * 10 + (version if contestant != "dgen" else 0),
					4, 2, f"--filename={path}", f"--size={size}m", *more)
				version += max(times, 1)
				after[str(version - 1)] = self.measured([path], "lz4")
			return {**row, "asked": 4, "after": after}

		yield Case("fidelity", "overwrites", ["dgen", *self.s.fios()], run, self.s.pick(7, 4))

	def shared_work(self):
		"""2:1 by four jobs on a file each, by four on one file, and with verify on."""
		def files(contestant, turn):
			paths = [f"{self.s.memory}/content.{job}.0" for job in range(4)]
			row = self.written(contestant, turn, 2, 2, f"--directory={self.s.memory}", "--rw=write",
				"--size=16m", "--numjobs=4", "--group_reporting=1")
			found = self.measured(paths, "lz4")
			for path in paths:
				remove(path)
			return {**row, "asked": 2, "measured": found}

		def one_file(contestant, turn):
			path = self.memory_file()
			row = self.written(contestant, turn, 2, 2, f"--filename={path}", "--rw=write",
				"--filesize=64m", "--size=16m", "--offset_increment=16m", "--numjobs=4",
				"--group_reporting=1")
			return {**row, "asked": 2, "measured": self.measured([path], "lz4")}

		def verified(contestant, turn):
			path = self.memory_file()
			row = self.written(contestant, turn, 2, 2, f"--filename={path}", "--rw=write", "--size=64m",
				"--verify=crc32c")
			return {**row, "asked": 2, "measured": self.measured([path], "lz4")}

		for name, run in (("files", files), ("one-file", one_file), ("verify", verified)):
			yield Case("fidelity", f"jobs-{name}", ["dgen", *self.s.fios()], run, 1)

	# ---- real reducing storage

	def storage(self):
		"""results/reducing.sh; a step is one storage with dgen's and fio's data."""
		def run(storage, requests):
			def one(_, turn):
				process = Process([f"{self.s.root}/results/reducing.sh", "-s", str(turn + 1), "-c",
					requests, storage], env={"FIO": self.s.fio, "ENGINE": self.s.engine})
				if not process.out.strip():
					raise Missing(process.err.strip().rpartition(": ")[2])
				rows = [[float(part) for part in line.split("\t")[1:]]
					for line in process.out.splitlines()]
				return {**process.row(), "rows": rows}
			return one

		names = self.s.pick(("zram-lz4", "zram-lzo-rle", "btrfs-zstd", "btrfs-lzo", "btrfs-zlib",
			"btrfs-duperemove", "xfs-duperemove", "squashfs-lz4", "squashfs-zstd", "squashfs-gzip",
			"squashfs-lzo", "squashfs-xz", "erofs-dedupe", "borg-lz4", "borg-zstd", "restic",
			"restic-one-file"),
			("zram-lz4", "btrfs-zstd", "squashfs-zstd"))
		for name in names:
			yield Case("storage", name, ["both"], run(name, self.s.pick("1/2 2/3.3 4/5", "2/3")),
				self.s.pick(6, 2))

	# ---- verify

	def verify(self):
		yield from self.verify_speed()
		yield from self.faults()

	def content_to_verify(self, contestant):
		"""Options of content and of verify, to write or to read it."""
		if contestant.startswith("dgen"):
			options = dgen_options(self.s, 0)
		else:
			options = ["--ioengine=io_uring", *pattern_options()]
		return options + ([] if contestant.endswith("-plain") else ["--verify=crc32c"])

	def verify_speed(self):
		"""Reading with and without verify=, from memory and from the disk."""
		contestants = ["dgen", "dgen-plain", "fio", "fio-plain"]
		memory = {name: f"{self.s.memory}/verify-{name}" for name in ("dgen", "fio")}
		disk = {name: self.target_path(f"verify-{name}") for name in ("dgen", "fio")}

		def fill(paths, layout):
			for name, path in paths.items():
				run_fio(self.s.fio, [*self.content_to_verify(name), "--name=fill",
					f"--filename={path}", "--rw=write", "--do_verify=0", *layout])

		def run(paths, layout):
			return lambda contestant, turn: self.fio(contestant, [
				*self.content_to_verify(contestant), "--name=verify",
				f"--filename={paths[contestant.partition('-')[0]]}", "--rw=read", *layout])

		def run_disk(contestant, turn):
			name = contestant.partition("-")[0]
			if not os.path.isdir(self.s.target):
				# A device holds the data of one contestant at a time.
				fill({name: disk[name]}, self.profile_options(self.disk_size()))
			return run(disk, self.profile_options(self.disk_size()))(contestant, turn)

		small = ["--bs=128k", "--size=512m", "--iodepth=8", "--direct=1"]
		yield Case("verify", "read-memory", contestants, run(memory, [*small, "--loops=4"]), 1,
			quiet=True, setup=lambda: self.direct_in_memory() and fill(memory, small))
		yield Case("verify", "read-disk", contestants, run_disk, self.s.pick(3, 1),
			setup=lambda: os.path.isdir(self.s.target) and
				fill(disk, self.profile_options(self.disk_size())))

	def direct_in_memory(self):
		self.in_memory()
		for name in os.listdir(self.s.memory):
			remove(f"{self.s.memory}/{name}")
		return True

	def faults(self):
		"""Faults of each kind in blocks of 4 KiB, found by a job that reads with verify=."""
		blocks, count, block = 4096, 40, 4096

		def write(contestant, path, version, turn):
			own = [f"--data_version={version}"] if contestant == "dgen" else []
			# fio's own data would be the same again, and nothing stale, without another seed.
			seed = turn * 2 + (0 if contestant == "dgen" else version)
			self.written(contestant, seed, 1, 1, f"--filename={path}", "--rw=write",
				f"--size={blocks * block}", "--verify=crc32c", "--do_verify=0", *own)
			return own, seed

		def spoil(kind, data, old, places):
			for place, other in zip(places[:count], places[count:]):
				at, there = place * block, other * block
				if kind == "bit flipped":
					data[at + other % block] ^= 1 << other % 8
				elif kind == "zeros":
					data[at:at + block] = bytes(block)
				elif kind == "lost write (older version)":
					data[at:at + block] = old[at:at + block]
				elif kind == "misdirected (another block)":
					data[at:at + block] = data[there:there + block]
				elif kind == "torn (half of it older)":
					data[at + block // 2:at + block] = old[at + block // 2:at + block]

		def run(contestant, turn):
			path = self.memory_file()
			write(contestant, path, 0, turn)
			with open(path, "rb") as data:
				old = data.read()
			own, seed = write(contestant, path, 1, turn)
			with open(path, "rb") as data:
				new = data.read()
			draw = random.Random(turn)
			found = {}
			for kind in ("none", "bit flipped", "zeros", "lost write (older version)",
					"misdirected (another block)", "torn (half of it older)"):
				data = bytearray(new)
				spoil(kind, data, old, draw.sample(range(blocks), 2 * count))
				with open(path, "wb") as spoilt:
					spoilt.write(data)
				changed = sum(data[at:at + block] != new[at:at + block]
					for at in range(0, len(new), block))
				row = self.written(contestant, seed, 1, 1, f"--filename={path}", "--rw=read",
					f"--size={blocks * block}", "--verify=crc32c", "--verify_fatal=0",
					"--continue_on_error=verify", *own, allowed=None)
				found[kind] = [changed, sum(job["total_err"] for job in row["fio"]["jobs"])]
			return {**row, "faults": found}

		yield Case("verify", "faults", ["dgen", *self.s.fios()], run, 3)

	# ---- how hard compressors work

	def effort(self):
		def run(directory):
			def one(_, turn):
				process = Process([f"{self.s.root}/results/effort.sh", "-n", "1", "-i",
					self.s.pick("1", "0"), "-m", self.s.pick("32", "16"), directory],
					env={"FIO": self.s.fio, "ENGINE": self.s.engine})
				if not process.out.strip():
					raise Missing(process.err.strip().rpartition(": ")[2])
				rows = [line.split("\t")[2:] for line in process.out.splitlines()]
				return {**process.row(), "directory": directory,
					"rows": [[name, codec, *map(float, rest)] for name, codec, *rest in rows]}
			return one

		def setup():
			for program in ("lz4", "zstd"):
				if not shutil.which(program):
					raise Missing(f"{program} is not installed")

		for directory in ("/usr/bin",):
			yield Case("effort", os.path.basename(directory), ["both"], run(directory),
				self.s.pick(22, 4), setup=setup)
