# SPDX-License-Identifier: GPL-2.0-only
"""The page and what its plots show, from the raw figures alone: the same raw figures, the same page."""

from figures import Figures, Spread, bandwidth, cpu_per_gb, iops, percentile, significant

GENERATED = "<!-- Written by make results from raw/; make check T=results compares it with them. -->"


def table(head, rows):
	"""A Markdown table; cells are texts."""
	lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
	lines += ["| " + " | ".join(row) + " |" for row in rows]
	return "\n".join(lines)


def cell(spread, digits=3):
	return spread.text(digits) if spread else "-"


class Page:
	"""Collects sections; specs are what plots.py draws."""

	def __init__(self, directory):
		self.f = Figures(directory)
		self.specs = {}
		self.loses = []
		self.wins = []
		self.body = []

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
		return f"![{spec['title']}](plots/{name}.svg)"

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
		speed_plots = self.speed()
		return "\n\n".join([GENERATED, "# dgen beside fio, measured", *speed_plots, *self.losing(),
			*self.body, self.about_machine()]) + "\n"

	def losing(self):
		if not self.loses:
			return []
		return ["## Where dgen loses", "\n".join(f"- {each}" for each in self.loses)]

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
		self.iops_section()
		top += self.disk_section()
		top += self.latency_section()
		self.start_section()
		return top

	def commands(self, section, case):
		"""How each contestant was run."""
		lines = [self.f.command(section, case, each) for each in self.f.contestants(section, case)]
		return "```\n" + "\n".join(lines) + "\n```" if lines else ""

	def iops_section(self):
		cases = self.f.cases("speed", "iops-")
		if not cases:
			return
		everyone = self.f.contestants("speed", cases[0])
		for case in cases:
			self.compare("4 KiB random writes to memory", "speed", case, iops, "thousand IOPS")
		self.section("4 KiB IOPS",
			"Random writes of 4 KiB at queue depth 32 through io_uring with O_DIRECT to a file in"
			" memory (tmpfs), one job: thousand IOPS, and CPU seconds for a GB.",
			table(["", *self.names(everyone)], [row for case in cases for row in (
				["thousand IOPS", *[cell(self.f.spread("speed", case, each, iops))
					for each in everyone]],
				["CPU s per GB", *[cell(self.f.spread("speed", case, each, cpu_per_gb))
					for each in everyone]])]),
			self.commands("speed", cases[0]))

	def disk_section(self):
		case = "disk-write"
		everyone = self.f.contestants("speed", case)
		if not everyone:
			return []
		image = self.plot("disk", kind="bars", title="Writing to the disk with the auto profile",
			x_label="", y_label="GB/s, median; bars: least to most", x=["write"],
			series=self.series("speed", [case], everyone, bandwidth))
		self.compare("disk, auto profile", "speed", case, bandwidth, "GB/s")
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
				f" {loads.text(2)}"],
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
