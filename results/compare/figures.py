# SPDX-License-Identifier: GPL-2.0-only
"""Raw figures of a measurement, and what is computed from them: medians and spreads."""

import json
import statistics

from harness import read_lines

SECTIONS = ("speed", "scale", "fidelity", "storage", "verify", "effort")


class Spread:
	"""Median, least and most of the rounds."""

	def __init__(self, values):
		self.values = list(values)
		self.median = statistics.median(self.values)
		self.low = min(self.values)
		self.high = max(self.values)

	def text(self, digits=3):
		"""Median (least to most), each with so many significant digits."""
		if significant(self.low, digits) == significant(self.high, digits):
			return significant(self.median, digits)
		return (f"{significant(self.median, digits)}"
			f" ({significant(self.low, digits)} to {significant(self.high, digits)})")


def significant(value, digits=3):
	"""Without an exponent, and without a sign where it is nothing."""
	if abs(value) < 1e-4:
		return "0"
	text = f"{value:.{digits}g}"
	if "e" in text:
		return f"{float(text):.0f}"
	return text


def bar_label(spec, value):
	"""What stands at a bar of a plot."""
	if "decimals" in spec:
		return f"{round(value, spec['decimals']) + 0:g}"
	return significant(value)


def jobs_of(row):
	return row["fio"]["jobs"]


def directions(row):
	"""What its jobs wrote or read."""
	return [job[name] for job in jobs_of(row) for name in ("write", "read") if name in job]


def bandwidth(row):
	"""GB (10^9 bytes) a second, all jobs together."""
	return sum(part["bw_bytes"] for part in directions(row)) / 1e9


def iops(row):
	return sum(part["iops"] for part in directions(row)) / 1e3


def cpu_per_gb(row):
	"""CPU seconds of the jobs' threads for 10^9 bytes."""
	seconds = sum((job["usr_cpu"] + job["sys_cpu"]) / 100 * max(part["runtime"] for part in
		(job[name] for name in ("write", "read") if name in job)) / 1e3 for job in jobs_of(row))
	return seconds / (sum(part["io_bytes"] for part in directions(row)) / 1e9)


def percentile(name, kind="lat_ns"):
	"""In microseconds, of one job."""
	return lambda row: directions(row)[0][kind]["percentile"][name] / 1e3


def report_cost(row):
	"""Percent of the IOPS without it: the mean of both orders."""
	ratio = 1.0
	for output in (row["fio"], row["exchanged"]):
		rates = {job["jobname"]: job["write"]["iops"] for job in output["jobs"]}
		ratio *= rates["with"] / rates["without"]
	return (1 - ratio ** 0.5) * 100


def dedup_of(row):
	return row["measured"]["units"] / row["measured"]["distinct"]


def compression_of(key):
	"""Of a codec and record, as dgen-measure names them."""
	return lambda row: row["measured"]["codecs"][key][0] / row["measured"]["codecs"][key][1]


def effort_of(name, codec, column):
	"""Of results/effort.sh: 0 ratio, 1 and 2 MB/s of compressing and decompressing."""
	return lambda row: next(each[2 + column] for each in row["rows"] if each[:2] == [name, codec])


def speed_of(name, codec, column):
	"""Beside the real files of the same round."""
	return lambda row: effort_of(name, codec, column)(row) / effort_of("real", codec, column)(row)


class Figures:
	def __init__(self, directory):
		self.rows = {}
		for section in SECTIONS:
			for row in read_lines(f"{directory}/raw/{section}.jsonl"):
				self.rows.setdefault((section, row["case"]), []).append(row)
		with open(f"{directory}/raw/machine.json", encoding="utf-8") as text:
			self.machine = json.load(text)
		with open(f"{directory}/raw/skipped.json", encoding="utf-8") as text:
			self.skipped = json.load(text)

	def cases(self, section, begin=""):
		"""Names, in the order in which they were measured."""
		return [case for part, case in self.rows if part == section and case.startswith(begin)]

	def contestants(self, section, case):
		found = []
		for row in self.rows.get((section, case), []):
			if row["contestant"] not in found:
				found.append(row["contestant"])
		order = ["dgen", "fio", "fio-new"]
		return sorted(found, key=lambda name: order.index(name) if name in order else len(order))

	def of(self, section, case, contestant):
		return [row for row in self.rows.get((section, case), []) if row["contestant"] == contestant]

	def spread(self, section, case, contestant, figure):
		"""None where it was not measured."""
		rows = self.of(section, case, contestant)
		return Spread(figure(row) for row in rows) if rows else None

	def pairs(self, section, case, one, other, figure):
		"""Ratios of one to the other, round by round; None where either was not measured."""
		second = {row["round"]: figure(row) for row in self.of(section, case, other)}
		ratios = [figure(row) / second[row["round"]] for row in self.of(section, case, one)
			if second.get(row["round"])]
		return Spread(ratios) if ratios else None

	def command(self, section, case, contestant):
		rows = self.of(section, case, contestant)
		return rows[0]["command"] if rows else ""

	def all_rows(self):
		return [row for rows in self.rows.values() for row in rows]
