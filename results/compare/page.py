# SPDX-License-Identifier: GPL-2.0-only
"""The page and what its plots show, from the raw figures alone: the same raw figures, the same page."""

from figures import (Figures, Spread, bandwidth, compression_of, cpu_per_gb, dedup_of, effort_of, iops,
	percentile, report_cost, significant, speed_of)

GENERATED = "<!-- Written by make results from raw/; make check T=results compares it with them. -->"


def table(head, rows):
	"""A Markdown table; cells are texts."""
	lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
	lines += ["| " + " | ".join(row) + " |" for row in rows]
	return "\n".join(lines)


def cell(spread, digits=3):
	return spread.text(digits) if spread else "-"


def worst(noun):
	"""The greatest error of ours, in percent."""
	return lambda page: Spread([page.errors[noun, "dgen"]]) if (noun, "dgen") in page.errors else None


def easiest(name):
	"""Of what compressors do with this data, where it is easiest beside real files."""
	def speeds(page):
		found = [page.f.spread("effort", "bin", "both", speed_of(name, codec, column))
			for codec in ("lz4", "zstd") for column in (1, 2)]
		return max((each for each in found if each), key=lambda each: each.median, default=None)
	return speeds


# README's claims: text, bound, what is measured. "at least": a lower bound; else an upper one.
CLAIMS = (
	("dedup ratio within 0.5 %", 0.5, worst("dedup")),
	("compression ratio within 1 %", 1, worst("compression")),
	("at least 2 times as fast as Debian's fio", 2,
		lambda page: page.f.pairs("speed", "null-128k", "dgen", "fio", bandwidth)),
	("at least 0.9 of static buffers on the same pages", 0.9,
		lambda page: page.f.pairs("speed", "disk-write", "dgen", "static-thp", bandwidth)),
	("at least 0.9 of reading without", 0.9,
		lambda page: page.f.pairs("verify", "read-disk", "dgen", "dgen-plain", bandwidth)),
	("at least 4 times as fast as real files", 4,
		lambda page: page.f.spread("effort", "bin", "both", speed_of("4k", "lz4", 1))),
	("at most 2 times the speed on real files", 2, easiest("symbols")),
)


class Page:
	"""Collects sections; specs are what plots.py draws."""

	def __init__(self, directory):
		self.f = Figures(directory)
		self.specs = {}
		self.loses = []
		self.wins = []
		self.body = []
		self.short = []
		self.errors = {}

	def name(self, contestant):
		"""As the legends and tables have it."""
		machine = self.f.machine
		return {
			"dgen": "dgen",
			"fio": f"{machine['fio'].replace('-', ' ')} patterns",
			"fio-new": f"{machine['fio_new'].replace('-', ' ')} patterns",
			"static": "static buffers",
			"static-thp": "static, huge pages",
		}.get(contestant, contestant)

	def names(self, contestants):
		return [self.name(each) for each in contestants]

	def plot(self, name, **spec):
		"""A plot; its image for the page."""
		self.specs[name] = spec
		return f'<img src="plots/{name}.svg" alt="{spec["title"]}" width="49%">'

	def series(self, section, cases, contestants, figure, scale=1):
		"""Of a plot: medians with least and most over cases."""
		result = []
		for contestant in contestants:
			spreads = [self.f.spread(section, case, contestant, figure) for case in cases]
			if not any(spreads):
				continue
			result.append({"name": self.name(contestant), "style": contestant,
				**{key: [None if s is None else round(getattr(s, key) * scale, 6) for s in spreads]
					for key in ("median", "low", "high")}})
		return result

	def compare(self, what, section, case, figure, unit, less_is_better=False):
		"""Says where dgen stands beside fio's patterns, where the rounds agree."""
		for other in ("fio", "fio-new"):
			ratio = self.f.pairs(section, case, "dgen", other, figure)
			if ratio is None:
				continue
			ours = self.f.spread(section, case, "dgen", figure)
			theirs = self.f.spread(section, case, other, figure)
			text = (f"{what}: {significant(ours.median)} {unit}, {self.name(other)}"
				f" {significant(theirs.median)} {unit}")
			worse = ratio.low > 1.02 if less_is_better else ratio.high < 0.98
			(self.loses if worse else self.wins).append(text)

	def section(self, title, *parts):
		self.body.append("\n\n".join([f"## {title}", *[part for part in parts if part]]))

	def render(self):
		plots = [*self.fidelity(), *self.speed(), *self.scale(), *self.verify()]
		self.effort()
		self.seed()
		claims = self.claims()
		return "\n\n".join([GENERATED, "# dgen beside fio, measured", *self.answer(),
			"\n".join(plots), *self.losing(), claims, *self.body, self.about_machine()]) + "\n"

	def answer(self):
		"""What a reader wants to know, in a few lines."""
		machine = self.f.machine
		kind = "the quick measurement" if machine["quick"] else "the full measurement"
		lines = [f"`make results{' QUICK=1' if machine['quick'] else ''}` made this page: {kind},"
			f" {machine['date']}, {machine['cpus']} CPUs ({', '.join(machine['isa'])}),"
			f" {machine['fio']}. Each figure is the median of {self.rounds()} rounds, in which the"
			" contestants take turns (least to most in brackets)."]
		disturbed, timed = self.disturbed()
		if disturbed * 10 > timed:
			lines.append(f"**The machine was not quiet**: in {disturbed} of {timed} timed runs others took over"
				" half a CPU. What contestants that took turns make of each other holds better than"
				" GB/s and seconds.")
		return ["\n".join(lines), "\n".join(f"- {each}" for each in self.short)]

	def disturbed(self):
		"""Of the runs that are timed, those beside which others took over half a CPU; and all."""
		timed = [row for (section, _), rows in self.f.rows.items() if section in ("speed", "scale", "verify")
			for row in rows]
		return sum(row["others"] + row["steal"] > 0.5 for row in timed), len(timed)

	def rounds(self):
		"""Fewest to most of any contestant."""
		counts = {}
		for (section, case), rows in self.f.rows.items():
			for row in rows:
				key = section, case, row["contestant"]
				counts[key] = counts.get(key, 0) + 1
		least, most = min(counts.values()), max(counts.values())
		return f"{least}" if least == most else f"{least} to {most}"

	def losing(self):
		if not self.loses:
			return ["## Where dgen loses", "Nowhere in this measurement, in every round and by over 2 %."]
		return ["## Where dgen loses", "In every round, by over 2 %:",
			"\n".join(f"- {each}" for each in self.loses)]

	# ---- claims

	def claims(self):
		"""README's claims about figures, as CLAIMS has them, and whether they hold here."""
		rows = []
		for text, bound, figure in CLAIMS:
			found = figure(self)
			if found is None:
				rows.append([text, "not measured", ""])
				continue
			holds = found.median >= bound if text.startswith("at least") else found.median <= bound
			rows.append([text, found.text(), "yes" if holds else "**no**"])
		if not any(row[2] for row in rows):
			return ""
		return "## README's claims\n\n" + table(["claim", "measured here", "holds"], rows)

	# ---- fidelity

	def fidelity(self):
		top = []
		top += self.overwrites_section()
		top += self.error_section("dedup-", "Dedup ratio asked and found", "dedup ratio asked", dedup_of,
			"dedup", f"{self.f.machine['quick'] and 32 or 64} MiB in blocks of 4 KiB, in units of 4 KiB as dgen-measure counts them; fio's"
			" blocks are its units. fio takes whole percentages; its error is that against the ratio.")
		top += self.error_section("compress-", "Compression ratio asked and found (LZ4, 4 KiB)",
			"compression ratio asked", compression_of("lz4 4096"), "compression",
			"LZ4 on records of 4 KiB. dgen is told codec and record, with `compress_codec`, `compress_record`.",
			self.codecs())
		self.jobs_section()
		top += self.storage_section()
		return top

	def error_section(self, begin, title, x_label, ratio_of, noun, text, *more):
		cases = self.f.cases("fidelity", begin)
		if not cases:
			return []
		everyone = self.f.contestants("fidelity", cases[0])

		def error(row):
			return (ratio_of(row) / row["asked"] - 1) * 100

		asked = [f"{case.removeprefix(begin)}:1" for case in cases]
		image = self.plot(begin.strip("-"), kind="bars", title=title.replace("asked and found",
			"against what was asked"), x_label=x_label, y_label="error, %; bars: least to most", x=asked, decimals=1,
			series=self.series("fidelity", cases, everyone, error))
		for each in everyone:
			worst = max(abs(error(row)) for case in cases for row in self.f.of("fidelity", case, each))
			self.errors[noun, each] = worst
		self.short.append(f"{noun} ratio at most " + ", ".join(
			f"{significant(self.errors[noun, each], 2)} % off ({self.name(each)})" for each in everyone))
		self.section(title, text, table(["asked", *[f"{name}" for name in self.names(everyone)],
			*[f"{name}, error %" for name in self.names(everyone)]], [[ask,
			*[cell(self.f.spread("fidelity", case, each, ratio_of), 4) for each in everyone],
			*[cell(self.f.spread("fidelity", case, each, error), 2) for each in everyone]]
			for ask, case in zip(asked, cases)]), *more, self.commands("fidelity", cases[0]))
		return [image]

	def codecs(self):
		"""Errors by codec and record."""
		cases = self.f.cases("fidelity", "compress-")
		if not cases:
			return ""
		everyone = self.f.contestants("fidelity", cases[0])
		rows = []
		for key in self.f.of("fidelity", cases[0], "dgen")[0]["measured"]["codecs"]:
			codec, record = key.split()
			for each in everyone:
				rows.append([codec, f"{int(record) >> 10} KiB", self.name(each), *[cell(self.f.spread(
					"fidelity", case, each, lambda row, key=key:
					(compression_of(key)(row) / row["asked"] - 1) * 100), 2) for case in cases]])
		return "Error in percent, by codec and record:\n\n" + table(["codec", "record", "",
			*[f"{case.removeprefix('compress-')}:1" for case in cases]], rows)

	def overwrites_section(self):
		everyone = self.f.contestants("fidelity", "overwrites")
		if not everyone:
			return []

		def after(times, figure):
			return lambda row: figure({"measured": row["after"][times]})

		times = list(self.f.of("fidelity", "overwrites", "dgen")[0]["after"])
		series = []
		for each in everyone:
			spreads = [self.f.spread("fidelity", "overwrites", each, after(t, dedup_of)) for t in times]
			series.append({"name": self.name(each), "style": each,
				**{key: [round(getattr(s, key), 6) for s in spreads] for key in ("median", "low", "high")}})
		image = self.plot("overwrites", kind="bars", title="4:1 of dedup, after random overwrites",
			x_label="times the whole file was overwritten at random", y_label="dedup ratio found", x=times,
			series=series)
		last = times[-1]
		self.short.append(f"of 4:1 dedup, {last} random overwrites leave " + ", ".join(
			f"{significant(self.f.spread('fidelity', 'overwrites', each, after(last, dedup_of)).median)}:1"
			f" ({self.name(each)})" for each in everyone))
		self.section("After random overwrites",
			"4:1 of dedup and 2:1 of compression, asked for a file that is filled and then overwritten in"
			" blocks of 4 KiB at random places, as much as the whole file each time: dedup ratio, and"
			" compression with LZ4 on 4 KiB.",
			table(["overwrites", *[f"{name}{what}" for what in ("", ", compression")
				for name in self.names(everyone)]],
				[[t, *[cell(self.f.spread("fidelity", "overwrites", each, after(t, figure)), 4)
					for figure in (dedup_of, compression_of("lz4 4096")) for each in everyone]]
					for t in times]),
			self.commands("fidelity", "overwrites"))
		return [image]

	def jobs_section(self):
		cases = self.f.cases("fidelity", "jobs-")
		if not cases:
			return
		everyone = self.f.contestants("fidelity", cases[0])
		what = {"jobs-files": "4 jobs, a file each", "jobs-one-file": "4 jobs, one file",
			"jobs-verify": "1 job, verify=crc32c"}
		self.section("Several jobs, and with verify on",
			"2:1 of dedup and 2:1 of compression asked: dedup ratio over all that was written, and"
			" compression (LZ4, 4 KiB). With verify= fio puts a header into each block.",
			table(["", *[f"{name}{more}" for more in ("", ", compression")
				for name in self.names(everyone)]],
				[[what[case], *[cell(self.f.spread("fidelity", case, each, figure), 4)
					for figure in (dedup_of, compression_of("lz4 4096")) for each in everyone]]
					for case in cases]), *[self.commands("fidelity", case) for case in cases])

	def storage_section(self):
		cases = self.f.cases("storage")
		if not cases:
			return []

		def error(request, column):
			return lambda row: (row["rows"][request][column] / row["rows"][request][2] - 1) * 100

		rows, series = [], {"dgen": [], "fio": []}
		for case in cases:
			count = len(self.f.of("storage", case, "both")[0]["rows"])
			for request in range(count):
				dedup, compress, wanted = self.f.of("storage", case, "both")[0]["rows"][request][:3]
				cells = []
				for column in (3, 4):
					shown = self.f.spread("storage", case, "both", lambda row, c=column, r=request:
						row["rows"][r][c])
					cells += [cell(shown, 4), cell(self.f.spread("storage", case, "both",
						error(request, column)), 2)]
				rows.append([case, f"{dedup:g}", f"{compress:g}", significant(wanted, 4), *cells])
			worst = count - 1
			for name, column in (("dgen", 3), ("fio", 4)):
				series[name].append(self.f.spread("storage", case, "both", error(worst, column)))
		last = self.f.of("storage", cases[0], "both")[0]["rows"][-1]
		image = self.plot("storage", kind="rows", title=f"Reducing storage: {last[0]:g}:1 of dedup,"
			f" {last[1]:g}:1 of compression asked", x_label="", y_label="error of what it shows, %", x=cases, decimals=1,
			series=[{"name": self.name(name), "style": name, **{key: [round(getattr(s, key), 6)
				for s in spreads] for key in ("median", "low", "high")}} for name, spreads in series.items()])
		self.section("Real reducing storage",
			"What the storage itself shows. *Wanted* is D x C; for zram C, which does not deduplicate; for"
			" xfs D, which does not compress; for btrfs and erofs what C becomes in their steps of 4 KiB for"
			" 128 KiB; erofs' index is not taken off. restic-one-file cuts chunks of about 1 MiB by content, across"
			" the ends of 16 MiB that repeat: what it loses there, on any data, is not dgen's error."
			" `results/reducing.sh` has how each is made. zlib is at level 6, which"
			" `compress_codec=deflate` is calibrated for; zram's lzo-rle is not LZO1X-1, it is asked for"
			" C / 1.032; btrfs' lzo is asked for 8 bytes less of each 4 KiB, as it puts 4 before them.",
			table(["storage", "D", "C", "wanted", "dgen", "error %", self.name("fio"), "error %"], rows))
		return [image]

	# ---- scale

	def scale(self):
		return [*self.cpus_section(), *self.size_section()]

	def cpus_section(self):
		cases = self.f.cases("scale", "cpus-")
		if not cases:
			return []
		everyone = self.f.contestants("scale", cases[0])
		image = self.plot("cpus", kind="lines", title="Making data with several jobs, no disk",
			x_label="jobs", y_label="GB/s, median; bars: least to most",
			x=[int(case.removeprefix("cpus-")) for case in cases],
			series=self.series("scale", cases, everyone, bandwidth))
		self.section("CPUs",
			"Null back end, blocks of 128 KiB, 2:1 and 2:1: GB/s of all jobs together.",
			table(["jobs", *self.names(everyone)], [[case.removeprefix("cpus-"),
				*[cell(self.f.spread("scale", case, each, bandwidth)) for each in everyone]]
				for case in cases]),
			"**On paper**, not measured: what a profile's writers would make if each had a CPU as fast as"
			f" this machine's and memory kept up, jobs x the {cases[0].removeprefix('cpus-')}-job median."
			" Memory bandwidth ends it earlier on real machines.",
			table(["CPUs", "profile", "writers", "dgen, GB/s on paper"], [[cpus, profile, str(writers),
				significant(self.f.spread("scale", cases[0], "dgen", bandwidth).median * writers)]
				for cpus, profile, writers in (("16", "auto16", 8), ("32", "auto32", 12),
				("64", "auto64", 16), ("128", "auto128", 32))]),
			self.commands("scale", cases[-1]))
		return [image]

	def size_section(self):
		cases = self.f.cases("scale", "size-")
		if not cases:
			return []

		def memory(row):
			return row["rss_kib"] / 1024

		image = self.plot("memory", kind="lines", title="Memory does not grow with the size", log_x=True,
			x_label="GiB written", y_label="RSS, MiB",
			x=[int(case.removeprefix("size-")) for case in cases],
			series=self.series("scale", cases, ["dgen"], memory))
		self.section("Size", "One job, blocks of 1 MiB, null back end.",
			table(["GiB", "dgen, GB/s", "RSS, MiB"], [[case.removeprefix("size-"),
				cell(self.f.spread("scale", case, "dgen", bandwidth)),
				cell(self.f.spread("scale", case, "dgen", memory))] for case in cases]),
			self.commands("scale", cases[-1]))
		return [image]

	# ---- verify

	def verify(self):
		return [*self.faults_section(), *self.verify_section()]

	def verify_section(self):
		cases = [case for case in self.f.cases("verify") if case.startswith("read-")]
		if not cases:
			return []
		labels = {"dgen": "dgen, verify", "dgen-plain": "dgen, without",
			"fio": f"{self.f.machine['fio'].replace('-', ' ')}, crc32c", "fio-plain": "fio, without"}
		where = {"read-memory": "memory", "read-disk": "disk"}
		rows = []
		for case in cases:
			for each in labels:
				rows.append([where[case], labels[each],
					cell(self.f.spread("verify", case, each, bandwidth)),
					cell(self.f.spread("verify", case, each, cpu_per_gb))])
			for each in ("dgen", "fio"):
				rows.append([where[case], f"{each}: with / without, round by round",
					cell(self.f.pairs("verify", case, each, each + "-plain", bandwidth)), ""])
		image = self.plot("verify", kind="bars", title="Reading with and without verify=", x_label="",
			y_label="GB/s, median; bars: least to most", x=[where[case] for case in cases],
			series=[{**series, "name": labels[each]} for each in labels for series in
				self.series("verify", cases, [each], bandwidth)])
		self.section("Verify: bandwidth",
			"Reading with `verify=crc32c` and without: one job, 128 KiB at depth 8, from memory; the auto"
			" profile from the disk. dgen compares every byte with what must be there; fio checks the"
			" checksum that it wrote into each block.",
			table(["from", "", "GB/s", "CPU s per GB"], rows), self.commands("verify", cases[0]))
		return [image]

	def faults_section(self):
		rows = self.f.rows.get(("verify", "faults"))
		if not rows:
			return []
		everyone = self.f.contestants("verify", "faults")
		kinds = [kind for kind in rows[0]["faults"] if kind != "none"]

		def share(kind):
			return lambda row: row["faults"][kind][1] / row["faults"][kind][0] * 100

		series = []
		for each in everyone:
			spreads = [self.f.spread("verify", "faults", each, share(kind)) for kind in kinds]
			series.append({"name": self.name(each).replace("patterns", "crc32c"), "style": each,
				**{key: [round(getattr(s, key), 6) for s in spreads] for key in ("median", "low", "high")}})
		image = self.plot("faults", kind="rows", title="Injected faults that verify= finds", x_label="",
			y_label="found, %", x=kinds, series=series)

		def total(each, kind, column):
			return str(sum(row["faults"][kind][column] for row in self.f.of("verify", "faults", each)))

		self.section("Verify: faults found",
			"40 blocks of 4 KiB spoilt in each round, in a file of 16 MiB that was written twice, then read"
			" with `verify=crc32c` and `continue_on_error=verify`: blocks reported of blocks changed, all"
			" rounds together. fio's runs had another `randseed` for the second write: with the same, its"
			" default, it writes the same data again. *None*: nothing was spoilt.",
			table(["", *[self.name(each).replace("patterns", "crc32c") for each in everyone]],
				[[kind, *[f"{total(each, kind, 1)} of {total(each, kind, 0)}" for each in everyone]]
					for kind in ["none", *kinds]]),
			self.commands("verify", "faults"))
		for each in everyone:
			found = sum(row["faults"][kind][1] for kind in kinds for row in self.f.of("verify", "faults", each))
			spoilt = sum(row["faults"][kind][0] for kind in kinds for row in self.f.of("verify", "faults", each))
			self.errors["faults", each] = found / spoilt
		self.short.append("faults found by verify=crc32c: " + ", ".join(
			f"{significant(self.errors['faults', each] * 100)} %"
			f" ({self.name(each).replace(' patterns', '')})" for each in everyone))
		return [image]

	# ---- how hard compressors work

	def effort(self):
		cases = self.f.cases("effort")
		if not cases:
			return
		parts = []
		names = {"real": "real files", "4k": "dgen", "64": "dgen, compress_chunk=64",
			"symbols": "dgen, compress_chunk=64, of 64 values", "pattern": self.name("fio")}
		for case in cases:
			rows = []
			for name, text in names.items():
				line = [text]
				for codec in ("lz4", "zstd"):
					line += [cell(self.f.spread("effort", case, "both", effort_of(name, codec, 0)), 4),
						cell(self.f.spread("effort", case, "both", speed_of(name, codec, 1))),
						cell(self.f.spread("effort", case, "both", speed_of(name, codec, 2)))]
				rows.append(line)
			directory = self.f.of("effort", case, "both")[0]["directory"]
			parts.append(table([directory, *[f"{codec}{what}" for codec in ("lz4", "zstd")
				for what in (" ratio", ", compress", ", decompress")]], rows))
		self.section("How hard compressors work",
			"Real files, and data of their LZ4 ratio. Speeds are those of the real files' in the same round"
			" (1: as hard; more: easier), level 1, records of 4 KiB. Random bytes with zeros behind are easier"
			" than real files; `compress_chunk=64` strews them, and random bytes of 64 values"
			" (`compress_ratio=2/100/64`) give zstd literals to decode. `results/effort.sh` has how it is done.",
			*parts)

	# ---- the seed

	def seed(self):
		"""The figures of the seed's document, beside ours."""
		disk = self.f.spread("speed", "disk-write", "dgen", bandwidth)
		if disk is None:
			return
		thp = self.f.spread("speed", "disk-write", "static-thp", bandwidth)
		one = self.f.spread("scale", "cpus-1", "dgen", bandwidth)
		mean = self.f.spread("speed", "disk-write", "dgen",
			lambda row: row["fio"]["jobs"][0]["write"]["clat_ns"]["mean"] / 1e6)
		one_at_a_time = self.f.spread("speed", "latency-4k", "dgen", percentile("50.000000"))
		rows = [
			["writing, streaming", "0.75 to 0.80 GB/s", f"{cell(disk)} GB/s of the"
				f" {significant(thp.median)} GB/s that static buffers reach on the same disk"],
			["writing, one buffer in memory", "1.26 GB/s", "the same: there is one way"],
			["making data, one CPU", "5 to 15 GB/s", f"{cell(one)} GB/s"],
			["time of a write", "0.5 to 2 ms", f"{cell(mean)} ms in the queue of the profile"
				+ (f"; {cell(one_at_a_time)} us for 4 KiB alone" if one_at_a_time else "")],
			["small system, 8 CPUs", "0.4 to 0.8 GB/s", f"{cell(disk)} GB/s with"
				f" {self.f.machine['cpus']} CPUs, profile auto8" if self.f.machine["cpus"] < 12 else
				"this machine is larger"],
			["16, 32, 64 and more CPUs", "0.8 to 1.5, 1.5 to 3.0, 3.0 to 7.0 GB/s",
				"no such machine at hand; see the table on paper"],
		]
		self.section("The benchmark that dgen began with",
			"Figures of that Python benchmark's document, on its own machines, beside those of this page: other"
			" disks, so only the share of what the disk takes compares.",
			table(["", "there", "here"], rows))

	# ---- speed

	def speed(self):
		top = []
		null = self.f.cases("speed", "null-")
		if null:
			everyone = self.f.contestants("speed", null[0])
			filling = [each for each in everyone if each != "static"]
			top.append(self.plot("null", kind="bars", title="Making 2:1 x 2:1 data, one job, no disk",
				x_label="block size", y_label="GB/s, median; bars: least to most",
				x=[case.removeprefix("null-") for case in null],
				series=self.series("speed", null, filling, bandwidth)))
			for case in null:
				self.compare(f"null back end, {case.removeprefix('null-')} blocks", "speed", case,
					bandwidth, "GB/s")
			best = null[-1]
			self.short.append(f"2:1 x 2:1 data in blocks of {best.removeprefix('null-')}, one CPU: " + ", ".join(
				f"{significant(self.f.spread('speed', best, each, bandwidth).median)} GB/s"
				f" ({self.name(each)})" for each in filling))
			self.section("Speed without a disk",
				"One job, null back end, 2:1 of dedup and 2:1 of compression, new data in each"
				" write. Static buffers are fio's loop alone: nothing is filled. GB are 10^9 bytes;"
				" median (least to most) of the rounds.",
				table(["block size", *[f"{name}, GB/s" for name in self.names(everyone)]],
					[[case.removeprefix("null-"), *[cell(self.f.spread("speed", case, each, bandwidth))
						for each in everyone]] for case in null]),
				"CPU seconds for a GB, of the job's thread:",
				table(["block size", *self.names(everyone)],
					[[case.removeprefix("null-"), *[cell(self.f.spread("speed", case, each, cpu_per_gb))
						for each in everyone]] for case in null]),
				self.commands("speed", null[0]))
		self.generator_section()
		self.report_section()
		self.iops_section()
		top += self.disk_section()
		top += self.latency_section()
		self.start_section()
		return top

	def commands(self, section, case):
		"""How each contestant was run."""
		lines = [self.f.command(section, case, each) for each in self.f.contestants(section, case)]
		# An older and a newer fio are called alike.
		lines = list(dict.fromkeys(lines))
		return "```\n" + "\n".join(lines) + "\n```" if lines else ""

	def iops_section(self):
		cases = self.f.cases("speed", "iops-")
		if not cases:
			return
		everyone = self.f.contestants("speed", cases[0])
		what = {"iops-randwrite": "writes to memory", "iops-randread": "reads from memory",
			"iops-libaio-randwrite": "writes to memory, libaio", "iops-zram-randwrite": "writes to zram",
			"iops-zram-randread": "reads from zram"}
		for case in cases:
			self.compare(f"4 KiB random {what[case]}", "speed", case, iops, "thousand IOPS")
		self.section("4 KiB IOPS",
			"Random I/Os of 4 KiB at queue depth 32 through io_uring (or libaio) with O_DIRECT, one job: to a"
			" file in memory (tmpfs), and to a device that compresses (zram, lz4), where it depends on what"
			" the data is how long that takes. Thousand IOPS, and CPU seconds for a GB.",
			table(["random", *self.names(everyone)], [[what[case], *[cell(self.f.spread("speed", case, each, iops))
				for each in everyone]] for case in cases]),
			"CPU seconds for a GB, of the job's thread:",
			table(["random", *self.names(everyone)], [[what[case], *[cell(self.f.spread("speed", case, each,
				cpu_per_gb)) for each in everyone]] for case in cases]),
			self.commands("speed", cases[0]))

	def generator_section(self):
		rows = self.f.rows.get(("speed", "generator"))
		if not rows:
			return
		pools = sorted({pool for pool, _, _ in rows[0]["rates"]})
		names = list(dict.fromkeys(name for _, name, _ in rows[0]["rates"]))

		def rate(pool, name):
			return self.f.spread("speed", "generator", "all", lambda row: next(gbps for at, what, gbps in
				row["rates"] if (at, what) == (pool, name)))

		self.section("The generator alone",
			f"`make bench-generator`: GB/s of one CPU that fills buffers by the kernel *{rows[0]['kernel']}*,"
			" fills them again (*refill*: zeros that are there stay, as in the engine), or compares them with what"
			" must be there, beside what else may fill them: *fio* is its own function compiled as Debian does,"
			" *fio-native* for this CPU; *FIPS 197* is the kernels' work in straightforward C, as its standard has"
			" it. By how much memory the buffers are in all.",
			table(["GB/s", *[f"{pool >> 10} KiB" if pool < 1 << 20 else f"{pool >> 20} MiB" for pool in pools]],
				[[name, *[cell(rate(pool, name)) for pool in pools]] for name in names]))

	def report_section(self):
		cases = self.f.cases("speed", "report-")
		if not cases:
			return
		self.section("What the report costs",
			"Null back end, so that nothing but data takes time: two jobs side by side, one that measures for"
			" the report and one with `report=0`, each on a CPU of its own, then with the CPUs exchanged. IOPS"
			" with to IOPS without, in percent less.",
			table(["blocks", "%"], [[case.removeprefix("report-"), cell(self.f.spread("speed", case, "both",
				report_cost), 2)] for case in cases]), self.commands("speed", cases[0]))

	def disk_section(self):
		case = "disk-write"
		everyone = self.f.contestants("speed", case)
		if not everyone:
			return []
		image = self.plot("disk", kind="bars", title="Writing to the disk with the auto profile",
			x_label="", y_label="GB/s, median; bars: least to most", x=["write"],
			series=self.series("speed", [case], everyone, bandwidth))
		self.compare("disk, auto profile", "speed", case, bandwidth, "GB/s")
		self.short.append("disk, auto profile: " + ", ".join(
			f"{significant(self.f.spread('speed', case, each, bandwidth).median)} GB/s"
			f" ({self.name(each)})" for each in everyone))
		self.section("Disk bandwidth",
			f"The profile that `dgen-bench --auto` takes here, into a new file on"
			f" {self.f.machine['file_system']}; a virtual machine's disk and page sizes of buffers"
			" matter to it: *static, huge pages* are fio's static buffers with"
			" `GLIBC_TUNABLES=glibc.malloc.hugetlb=1`, on such pages as dgen's always are.",
			table(["", "GB/s", "CPU s per GB"], [[self.name(each),
				cell(self.f.spread("speed", case, each, bandwidth)),
				cell(self.f.spread("speed", case, each, cpu_per_gb))] for each in everyone]),
			self.commands("speed", case))
		return [image]

	def latency_section(self):
		cases = self.f.cases("speed", "latency-")
		if not cases:
			return []
		everyone = self.f.contestants("speed", cases[0])
		p999 = percentile("99.900000")
		image = self.plot("latency", kind="bars", title="p99.9 latency of random writes to the disk",
			x_label="block size", y_label="ms, median; bars: least to most",
			x=[case.removeprefix("latency-") for case in cases],
			series=self.series("speed", cases, everyone, p999, 1e-3))
		for case in cases:
			self.compare(f"p99.9 latency on the disk, {case.removeprefix('latency-')}", "speed", case,
				p999, "us", less_is_better=True)
		rows = []
		for case in cases:
			for each in everyone:
				rows.append([case.removeprefix("latency-"), self.name(each),
					*[cell(self.f.spread("speed", case, each, percentile(p)))
						for p in ("50.000000", "99.000000", "99.900000")],
					cell(self.f.spread("speed", case, each, iops))])
		self.section("Latency",
			"Random writes to a file on the disk, 4 KiB one at a time and 128 KiB eight at a time."
			" fio's *lat*, in microseconds. dgen fills inside it; fio fills its own data before its"
			" clock starts, so the last column, which has all of it, is the fair one for a queue"
			" depth of 1.",
			table(["blocks", "", "p50", "p99", "p99.9", "thousand IOPS"], rows),
			self.commands("speed", cases[0]))
		return [image]

	def start_section(self):
		cases = self.f.cases("speed", "start-")
		if not cases:
			return
		everyone = self.f.contestants("speed", cases[0])
		what = {"start-one": "one block of 4 KiB", "start-profile": "the auto profile, one block a buffer"}
		for case in cases:
			self.compare(f"start to end, {what[case]}", "speed", case, lambda row: row["seconds"], "s",
				less_is_better=True)
			self.compare(f"memory, {what[case]}", "speed", case, lambda row: row["rss_kib"] / 1024,
				"MiB", less_is_better=True)
		self.section("Start-up time and memory",
			"From the call to the end, null back end: seconds, and the most memory (RSS) of a process, MiB.",
			table(["", *[f"{what[case]}: {unit}" for case in cases for unit in ("s", "MiB")]],
				[[self.name(each), *[cell(self.f.spread("speed", case, each, figure)) for case in cases
					for figure in (lambda row: row["seconds"], lambda row: row["rss_kib"] / 1024)]]
					for each in everyone]),
			self.commands("speed", cases[0]))

	# ---- the machine

	def about_machine(self):
		machine = self.f.machine
		loads = Spread(row["load"] for row in self.f.all_rows())
		disturbed, timed = self.disturbed()
		rows = [
			["CPU", f"{machine['cpu']} ({machine['cpu_family']}), {machine['cpus']} CPUs,"
				f" {', '.join(machine['isa']) or 'no AVX2'}"],
			["virtual", machine["virtual"]],
			["governor", machine["governor"]],
			["memory", f"{machine['memory_gib']} GiB, transparent huge pages: {machine['huge_pages']}"],
			["kernel", machine["kernel"]],
			["system", machine["system"]],
			["file system", machine["file_system"]],
			["disk", f"{machine['disk_model']}, scheduler {machine['disk_scheduler']}"],
			["fio", ", ".join(each for each in (machine["fio"], machine["fio_new"]) if each)],
			["date", machine["date"]],
			["else running", f"{machine['others_at_start'][1]} processes; load average before a run"
				f" {loads.text(2)}; in {disturbed} of {timed} timed runs others took over half a CPU"],
		]
		skipped = "\n".join(f"- {name}: {reason}" for name, reason in sorted(self.f.skipped.items()))
		return "\n\n".join(["## The machine", table(["", ""], rows),
			*(["Not measured:\n\n" + skipped] if skipped else [])])


def build(directory):
	"""The page's text and the specs of its plots."""
	page = Page(directory)
	text = page.render()
	return text, page.specs


def write(directory):
	text, _ = build(directory)
	with open(f"{directory}/README.md", "w", encoding="utf-8") as page:
		page.write(text)
