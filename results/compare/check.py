#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares the page and its plots with the raw figures beside it: results/compare/check.py [DIRECTORY].

Every line of the page is made again from raw/, so one changed number is found. A plot must show what the raw
figures give; where matplotlib is the one that drew it, it is drawn again and compared byte for byte. README.md
must have the claims that the page judges. Ends with 1 where something differs.
"""

import difflib
import html
import json
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

from figures import bar_label
from page import CLAIMS, build

ROOT = os.path.dirname(os.path.dirname(HERE))


def read(path):
	try:
		with open(path, encoding="utf-8") as text:
			return text.read()
	except FileNotFoundError:
		return ""


def check_page(directory, text):
	for line in difflib.unified_diff(read(f"{directory}/README.md").splitlines(), text.splitlines(),
			"README.md", "from raw/", lineterm="", n=0):
		yield line


def labels_of(spec):
	"""Texts that a plot must have: titles, names and, at bars, values."""
	yield from (spec["title"], spec["x_label"], spec["y_label"])
	for series in spec["series"]:
		if len(spec["series"]) > 1:
			yield series["name"]
		if spec["kind"] != "lines":
			for value in series["median"]:
				if value is not None:
					yield bar_label(spec, value)


def check_plots(directory, specs):
	there = {name for name in os.listdir(f"{directory}/plots")}
	for name in sorted(there - {f"{each}.svg" for each in specs}):
		yield f"plots/{name}: the page has no such plot"
	for name, spec in specs.items():
		svg = read(f"{directory}/plots/{name}.svg")
		kept = re.search(r"<dc:description>(.*?)</dc:description>", svg, re.S)
		if not kept or json.loads(html.unescape(kept.group(1))) != json.loads(json.dumps(spec)):
			yield f"plots/{name}.svg: was not drawn from these raw figures"
		texts = [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
		for label in labels_of(spec):
			if not label:
				continue
			if label not in texts:
				yield f"plots/{name}.svg: does not say {label}"
			else:
				# Each value has a text of its own.
				texts.remove(label)


def redraw(directory, specs):
	"""Where the same matplotlib is here."""
	try:
		import matplotlib
	except ImportError:
		print("the plots were not drawn again: this Python has no matplotlib")
		return
	from plots import draw_one, prepare
	if any(f"Matplotlib v{matplotlib.__version__}," not in read(f"{directory}/plots/{name}.svg") for name in specs):
		print(f"the plots were not drawn again: another matplotlib than {matplotlib.__version__} drew them")
		return
	prepare()
	with tempfile.TemporaryDirectory() as work:
		for name, spec in specs.items():
			draw_one(spec, f"{work}/{name}.svg")
			if read(f"{work}/{name}.svg") != read(f"{directory}/plots/{name}.svg"):
				yield f"plots/{name}.svg: looks otherwise when drawn again"


def check_claims():
	"""Line ends do not count."""
	text = " ".join(read(f"{ROOT}/README.md").split())
	for claim, _, _ in CLAIMS:
		if claim not in text:
			yield f"README.md: does not claim: {claim}"


def main():
	directory = sys.argv[1] if len(sys.argv) > 1 else f"{ROOT}/results"
	text, specs = build(directory)
	wrong = [*check_page(directory, text), *check_plots(directory, specs), *redraw(directory, specs), *check_claims()]
	for each in wrong:
		print(each)
	if not wrong:
		numbers = len(re.findall(r"\d+(?:\.\d+)?", text))
		print(f"{numbers} numbers and {len(specs)} plots are those of the raw figures")
	sys.exit(1 if wrong else 0)


if __name__ == "__main__":
	main()
