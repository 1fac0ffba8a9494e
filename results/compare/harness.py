# SPDX-License-Identifier: GPL-2.0-only
"""Runs the contestants of results/compare/cases.py by turns and keeps what each run said.

A run is one line of JSON in OUT/raw/SECTION.jsonl, written when it has ended. A run that has its line is
not done again, so an interrupted measurement goes on where it was.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
# CPUs that other processes may use meanwhile; with more, a run that measures the CPU is done again.
QUIET = 0.2
TRIES = 2


class Failed(Exception):
	"""A run that cannot be counted; the text is one line for the user."""


class Missing(Exception):
	"""What a case needs and this machine does not have; the text is the reason."""


# What is told of a fio job: enough to recompute every figure.
PERCENTILES = ("50.000000", "90.000000", "99.000000", "99.900000", "99.990000")


def strip_latency(latency):
	"""Of slat_ns, clat_ns or lat_ns."""
	kept = {key: latency[key] for key in ("min", "max", "mean", "stddev", "N") if key in latency}
	percentile = latency.get("percentile", {})
	if percentile:
		kept["percentile"] = {key: percentile[key] for key in PERCENTILES if key in percentile}
	return kept


def strip_direction(direction):
	kept = {key: direction[key] for key in ("io_bytes", "bw_bytes", "iops", "runtime", "total_ios")}
	for key in ("slat_ns", "clat_ns", "lat_ns"):
		if direction.get(key, {}).get("N"):
			kept[key] = strip_latency(direction[key])
	return kept


def strip_job(job):
	kept = {key: job[key] for key in ("jobname", "error", "usr_cpu", "sys_cpu") if key in job}
	kept["total_err"] = job.get("total_err", 0)
	for name in ("read", "write"):
		if job[name]["total_ios"]:
			kept[name] = strip_direction(job[name])
	return kept


def strip_fio(output):
	"""fio's JSON without what is empty, the same in each run, or not compared."""
	return {"fio version": output["fio version"], "jobs": [strip_job(job) for job in output["jobs"]]}


def cpu_times():
	"""CPU seconds that all processes have used, and those that the host has taken, since boot."""
	with open("/proc/stat", encoding="ascii") as stat:
		fields = [int(field) for field in stat.readline().split()[1:9]]
	tick = os.sysconf("SC_CLK_TCK")
	user, nice, system, _, _, irq, softirq, steal = fields
	return (user + nice + system + irq + softirq) / tick, steal / tick


class Process:
	"""One finished command: what it printed and used."""

	def __init__(self, command, env=None, limit=300, allowed=(0,)):
		"""Runs it. Failed where it ends with a status that is not in allowed (None: any)."""
		self.command = command
		self.load = os.getloadavg()[0]
		busy, steal = cpu_times()
		start = time.monotonic()
		with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
			child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
				env={**os.environ, "LC_ALL": "C", **(env or {})})
			try:
				usage = self._wait(child, start + limit)
			except BaseException:
				# fio ends its jobs, which are processes of their own sessions.
				child.send_signal(signal.SIGINT)
				try:
					child.wait(10)
				except subprocess.TimeoutExpired:
					child.kill()
					child.wait()
				raise
			out.seek(0)
			err.seek(0)
			self.out = out.read().decode(errors="replace")
			self.err = err.read().decode(errors="replace")
		self.seconds = time.monotonic() - start
		self.status = child.returncode
		busy_now, steal_now = cpu_times()
		self.cpu = usage.ru_utime + usage.ru_stime
		self.rss_kib = usage.ru_maxrss
		# CPUs that were busy with others, and that the host took; ticks are coarse.
		self.others = max(0.0, busy_now - busy - self.cpu) / max(self.seconds, 0.01)
		self.steal = (steal_now - steal) / max(self.seconds, 0.01)
		if allowed is not None and self.status not in allowed:
			said = (self.err.strip() or self.out.strip()).splitlines()
			raise Failed(f"{shlex.join(command)} ended with {self.status}: {said[-1] if said else ''}")

	@staticmethod
	def _wait(child, deadline):
		while True:
			pid, status, usage = os.wait4(child.pid, os.WNOHANG)
			if pid:
				child.returncode = os.waitstatus_to_exitcode(status)
				return usage
			if time.monotonic() > deadline:
				raise Failed(f"{shlex.join(child.args)} did not end")
			time.sleep(0.002)

	def row(self):
		return {"load": round(self.load, 2), "others": round(self.others, 3),
			"steal": round(self.steal, 3), "seconds": round(self.seconds, 4),
			"cpu": round(self.cpu, 3), "rss_kib": self.rss_kib}


class Case:
	"""Contestants that do the same. One step is one contestant in one round."""

	def __init__(self, section, name, contestants, run, seconds, rounds=ROUNDS, quiet=False, setup=None):
		"""run(contestant, round) returns a dict, the raw figures of this step; seconds is what a
		step takes about. quiet: it measures the CPU, so the machine must be quiet. setup() comes
		before the first step that is done, and raises Missing where the case cannot run."""
		self.section = section
		self.name = name
		self.contestants = contestants
		self.run = run
		self.seconds = seconds
		self.rounds = rounds
		self.quiet = quiet
		self.setup = setup


def read_lines(path):
	"""Of a file of lines of JSON; a last line that was cut off does not count."""
	rows = []
	try:
		with open(path, encoding="utf-8") as lines:
			for line in lines:
				if line.endswith("\n"):
					rows.append(json.loads(line))
	except FileNotFoundError:
		pass
	return rows


def drop_cut_line(path):
	"""What was being written when an earlier run was interrupted: the next line follows on it."""
	try:
		with open(path, "rb+") as lines:
			text = lines.read()
			lines.truncate(text.rfind(b"\n") + 1)
	except FileNotFoundError:
		pass


def key_of(row):
	return row["case"], row["contestant"], row["round"]


class Recorder:
	"""Steps one after the other, with progress, into raw/SECTION.jsonl below a directory."""

	def __init__(self, directory, tries=TRIES):
		self.tries = tries
		self.raw = os.path.join(directory, "raw")
		os.makedirs(self.raw, exist_ok=True)
		self.skipped = {}

	def path(self, section):
		return os.path.join(self.raw, section + ".jsonl")

	def steps_left(self, cases):
		"""(case, round, contestant), round by round, each beginning with another contestant."""
		for case in cases:
			done = {key_of(row) for row in read_lines(self.path(case.section))}
			for number in range(case.rounds):
				turn = number % len(case.contestants)
				for contestant in case.contestants[turn:] + case.contestants[:turn]:
					if (case.name, contestant, number) not in done:
						yield case, number, contestant

	def run(self, cases):
		for section in {case.section for case in cases}:
			drop_cut_line(self.path(section))
		steps = list(self.steps_left(cases))
		left = sum(case.seconds for case, _, _ in steps)
		print(f"{len(steps)} runs, about {minutes(left)} in all", flush=True)
		ready = set()
		for number, (case, turn, contestant) in enumerate(steps, 1):
			name = f"{case.section}/{case.name}"
			left -= case.seconds
			if name in self.skipped:
				continue
			try:
				if case.setup and name not in ready:
					case.setup()
				ready.add(name)
				row = self._step(case, turn, contestant)
			except Missing as reason:
				self.skipped[name] = str(reason)
				print(f"skipped: {name}: {reason}", flush=True)
				continue
			with open(self.path(case.section), "a", encoding="utf-8") as lines:
				lines.write(json.dumps(row, separators=(",", ":")) + "\n")
			print(f"[{number}/{len(steps)}, {minutes(left)} left] {name}: {contestant},"
				f" round {turn + 1} of {case.rounds}", flush=True)

	def _step(self, case, turn, contestant):
		"""The least disturbed of some runs."""
		best = None
		for _ in range(self.tries if case.quiet else 1):
			figures = case.run(contestant, turn)
			noise = figures["others"] + figures["steal"]
			if best is None or noise < best["others"] + best["steal"]:
				best = figures
			if noise <= QUIET:
				break
		return {"case": case.name, "contestant": contestant, "round": turn, **best}


def minutes(seconds):
	return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def die(text):
	print(f"results: {text}", file=sys.stderr)
	sys.exit(2)
