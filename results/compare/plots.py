# SPDX-License-Identifier: GPL-2.0-only
"""Draws the plots of the page as SVG. What a plot shows is kept in it, for results/compare/check.py."""

import json
import os

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt

from figures import bar_label
from page import build

# Told apart by colour-blind eyes (Okabe and Ito), and by hatch and marker in grey.
STYLES = {
	"dgen": ("#0072B2", "", "o"),
	"fio": ("#E69F00", "//", "s"),
	"fio-new": ("#D55E00", "\\\\", "^"),
	"static": ("#999999", "..", "D"),
	"static-thp": ("#CCCCCC", "xx", "v"),
	"asked": ("#000000", "", ""),
}
OTHERS = (("#009E73", "--", "P"), ("#CC79A7", "++", "X"), ("#56B4E9", "oo", "*"))


def style_of(series, number):
	return STYLES.get(series["style"]) or OTHERS[number % len(OTHERS)]


def error_of(series, keep):
	"""From the median down to the least and up to the most."""
	return [[max(0, series["median"][i] - series["low"][i]) for i in keep],
		[max(0, series["high"][i] - series["median"][i]) for i in keep]]


def bars(axes, spec):
	count = len(spec["series"])
	width = 0.8 / count
	for number, series in enumerate(spec["series"]):
		keep = [i for i, value in enumerate(series["median"]) if value is not None]
		colour, hatch, _ = style_of(series, number)
		places = [i - 0.4 + width * (number + 0.5) for i in keep]
		values = [series["median"][i] for i in keep]
		axes.bar(places, values, width * 0.94, yerr=error_of(series, keep), color=colour, hatch=hatch,
			edgecolor="white", linewidth=0, ecolor="#333333", capsize=2, label=series["name"])
		for i, place, value in zip(keep, places, values):
			top = series["high"][i] if value >= 0 else min(0, series["low"][i])
			axes.annotate(bar_label(spec, value), (place, top), xytext=(0, 2 if value >= 0 else -9),
				textcoords="offset points", ha="center", fontsize=7)
	axes.set_xticks(range(len(spec["x"])), [str(x) for x in spec["x"]])
	if all(value is None or value >= 0 for series in spec["series"] for value in series["median"]):
		axes.set_ylim(bottom=0)
	else:
		axes.axhline(0, color="black", linewidth=0.8)
	axes.margins(y=0.15)


def rows(axes, spec):
	"""Bars from left to right, for long names; values stand at their ends."""
	count = len(spec["series"])
	height = 0.8 / count
	for number, series in enumerate(spec["series"]):
		colour, hatch, _ = style_of(series, number)
		places = [i - 0.4 + height * (number + 0.5) for i in range(len(spec["x"]))]
		axes.barh(places, series["median"], height * 0.94, xerr=error_of(series, range(len(places))),
			color=colour, hatch=hatch, edgecolor="white", linewidth=0, ecolor="#333333", capsize=2,
			label=series["name"])
		for i, place in enumerate(places):
			right = series["median"][i] >= 0
			axes.annotate(bar_label(spec, series["median"][i]), (series["high" if right else "low"][i], place),
				xytext=(3 if right else -3, 0), textcoords="offset points", va="center",
				ha="left" if right else "right", fontsize=6.5)
	axes.set_yticks(range(len(spec["x"])), spec["x"])
	axes.invert_yaxis()
	axes.axvline(0, color="black", linewidth=0.8)
	axes.margins(x=0.12)


def lines(axes, spec):
	for number, series in enumerate(spec["series"]):
		keep = [i for i, value in enumerate(series["median"]) if value is not None]
		colour, _, marker = style_of(series, number)
		axes.errorbar([spec["x"][i] for i in keep], [series["median"][i] for i in keep],
			yerr=error_of(series, keep), color=colour, marker=marker, markersize=5, capsize=2,
			linestyle="--" if series["style"] == "asked" else "-", label=series["name"])
	if spec.get("log_x"):
		axes.set_xscale("log")
	if spec.get("log_y"):
		axes.set_yscale("log")
	else:
		most = max(high for series in spec["series"] for high in series["high"] if high is not None)
		axes.set_ylim(0, most * 1.15)
	axes.set_xticks(spec["x"], [f"{x:g}" for x in spec["x"]])
	axes.minorticks_off()


def draw_one(spec, path):
	across = spec["kind"] == "rows"
	figure, axes = plt.subplots(figsize=(5.6, 3.6 if not across else max(3.6, 0.36 * len(spec["x"]) + 1.2)),
		layout="constrained")
	{"bars": bars, "lines": lines, "rows": rows}[spec["kind"]](axes, spec)
	axes.set_title(spec["title"], fontsize=10)
	axes.set_xlabel(spec["y_label" if across else "x_label"], fontsize=9)
	axes.set_ylabel(spec["x_label" if across else "y_label"], fontsize=9)
	axes.tick_params(labelsize=8)
	axes.grid(axis="x" if across else "y", color="#dddddd", linewidth=0.6)
	axes.set_axisbelow(True)
	for side in ("top", "right"):
		axes.spines[side].set_visible(False)
	if len(spec["series"]) > 1:
		axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=8,
			ncols=min(3, len(spec["series"])), frameon=False)
	figure.savefig(path, metadata={"Date": None, "Description": json.dumps(spec, sort_keys=True)})
	plt.close(figure)


def prepare():
	"""Settings with which the same figures give the same file."""
	matplotlib.rcParams.update({"svg.hashsalt": "dgen", "svg.fonttype": "none",
		"font.family": "DejaVu Sans", "hatch.linewidth": 0.6})


def draw(directory):
	"""All plots of the page in a directory, into its plots/."""
	prepare()
	os.makedirs(f"{directory}/plots", exist_ok=True)
	_, specs = build(directory)
	for name, spec in specs.items():
		draw_one(spec, f"{directory}/plots/{name}.svg")
