#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measures dgen beside fio's own patterns and static buffers, and writes the page about it.

make results calls it; results/README.md is what it makes. Raw figures lie in OUT/raw, one line of JSON for
each run. An interrupted measurement goes on where it was, unless --fresh is given or what was measured has
changed.
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

from cases import Cases, Settings
from harness import Failed, Recorder, die

ROOT = os.path.dirname(os.path.dirname(HERE))


def output_of(command):
	try:
		return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
	except (OSError, subprocess.CalledProcessError):
		return ""


def first_line(path, otherwise=""):
	try:
		with open(path, encoding="utf-8", errors="replace") as lines:
			return lines.readline().strip()
	except OSError:
		return otherwise


def match_in(pattern, path):
	try:
		with open(path, encoding="utf-8", errors="replace") as text:
			found = re.search(pattern, text.read(), re.M)
	except OSError:
		return ""
	return found.group(1) if found else ""


def machine(settings):
	"""What it was measured on."""
	memory = int(match_in(r"^MemTotal: *(\d+)", "/proc/meminfo") or 0)
	where = output_of(["df", "--output=source,fstype", settings.target]).splitlines()[-1:]
	device = where[0].split()[0] if where else ""
	disk = os.path.basename(os.path.realpath(device))
	parent = output_of(["lsblk", "-dno", "PKNAME", device]) if device.startswith("/dev/") else ""
	queue = f"/sys/block/{parent or disk}"
	return {
		"cpu": match_in(r"^model name\s*: *(.*)", "/proc/cpuinfo") or platform.machine(),
		"cpu_family": " ".join(match_in(rf"^{key}\s*: *(.*)", "/proc/cpuinfo")
			for key in ("vendor_id", "cpu family", "model")),
		"cpus": len(os.sched_getaffinity(0)),
		"isa": [name for name, flag in (("AVX-512", "avx512f"), ("AVX2", "avx2"), ("VAES", "vaes"))
			if re.search(rf"\b{flag}\b", match_in(r"^flags\s*: *(.*)", "/proc/cpuinfo"))],
		"virtual": output_of(["systemd-detect-virt"]) or
			("yes" if re.search(r"\bhypervisor\b", match_in(r"^flags\s*: *(.*)", "/proc/cpuinfo")) else "no"),
		"memory_gib": round(memory / (1 << 20), 1),
		"kernel": platform.release(),
		"system": match_in(r'^PRETTY_NAME="(.*)"', "/etc/os-release"),
		"governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
			"none that this machine shows"),
		"huge_pages": first_line("/sys/kernel/mm/transparent_hugepage/enabled", "none"),
		"file_system": " ".join(where),
		"disk_model": first_line(f"{queue}/device/model", "unnamed"),
		"disk_scheduler": first_line(f"{queue}/queue/scheduler", "unknown"),
		"fio": output_of([settings.fio, "--version"]),
		"fio_new": output_of([settings.fio_new, "--version"]) if settings.fio_new else "",
		"others_at_start": [os.getloadavg()[0], len([p for p in os.listdir("/proc") if p.isdigit()])],
	}


def identity(settings, only):
	"""Runs with another identity are not put together."""
	digest = hashlib.sha256()
	for path in (settings.engine, settings.measure, f"{HERE}/cases.py"):
		with open(path, "rb") as data:
			digest.update(data.read())
	return {"quick": settings.quick, "target": os.path.realpath(settings.target),
		"built": digest.hexdigest()[:16], "only": only,
		"fio": [output_of([settings.fio, "--version"]),
			output_of([settings.fio_new, "--version"]) if settings.fio_new else ""]}


def arguments():
	parser = argparse.ArgumentParser(description="measures dgen beside fio and writes the page")
	parser.add_argument("--quick", action="store_true", help="less of everything, within 10 minutes")
	parser.add_argument("--target", default=".", help="directory, or device to overwrite (.)")
	parser.add_argument("--out", help="where page, plots and raw figures go (results/)")
	parser.add_argument("--only", default="", help="words; cases whose SECTION/NAME has one")
	parser.add_argument("--fresh", action="store_true", help="leave an interrupted run aside")
	parser.add_argument("--check", action="store_true", help="look at target and words only, measure nothing")
	parser.add_argument("--yes-destroy-data", action="store_true", help="a device may be overwritten")
	return parser.parse_args()


def check_target(target, allowed):
	"""A directory to write in, or a device that nobody uses."""
	try:
		mode = os.stat(target).st_mode
	except OSError as error:
		die(f"TARGET={target}: {error.strerror}")
	if stat.S_ISBLK(mode):
		if not allowed:
			die(f"TARGET={target}: is a block device; YES_DESTROY_DATA=1 overwrites it")
		try:
			os.close(os.open(target, os.O_RDWR | os.O_EXCL))
		except OSError as error:
			die(f"TARGET={target}: {error.strerror}; it must not be in use")
	elif not stat.S_ISDIR(mode) or not os.access(target, os.W_OK):
		die(f"TARGET={target}: must be a directory to write in, or a block device")


def room_on(target):
	if os.path.isdir(target):
		free = shutil.disk_usage(target).free
		if free < 8 << 30:
			die(f"TARGET={target}: needs 8 GiB of room, {free >> 20} MiB are free")


def hold(path):
	os.makedirs(os.path.dirname(path), exist_ok=True)
	lock = open(path, "w", encoding="utf-8")
	try:
		fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
	except BlockingIOError:
		die("another measurement is running")
	return lock


def begin(out, wanted, fresh):
	"""The directory of a measurement: the interrupted one, if it is of the same things."""
	stamp = f"{out}/identity.json"
	before = None
	if os.path.exists(stamp):
		with open(stamp, encoding="utf-8") as text:
			before = json.load(text)
	if before == wanted and not fresh:
		print("going on with the measurement that was interrupted (RESUME=0 begins anew)")
		return
	if before is not None:
		print("beginning anew" + ("" if fresh else ": something else was measured before"))
	shutil.rmtree(out, ignore_errors=True)
	os.makedirs(out)
	with open(stamp, "w", encoding="utf-8") as text:
		json.dump(wanted, text)


def publish(unfinished, out):
	"""Replaces what an earlier measurement left."""
	for name in ("raw", "plots"):
		shutil.rmtree(f"{out}/{name}", ignore_errors=True)
		shutil.copytree(f"{unfinished}/{name}", f"{out}/{name}")
	shutil.copy(f"{unfinished}/README.md", f"{out}/README.md")
	shutil.rmtree(unfinished)


def main():
	options = arguments()
	check_target(options.target, options.yes_destroy_data)
	room_on(options.target)
	if options.check:
		chosen(Settings(ROOT, options.quick, options.target, options.target, options.target), options.only)
		return
	for stop in (signal.SIGTERM, signal.SIGHUP):
		signal.signal(stop, lambda *_: sys.exit(130))

	# A part of the cases does not replace the whole page.
	out = os.path.realpath(options.out or (f"{ROOT}/build/results-only" if options.only else f"{ROOT}/results"))
	unfinished = f"{out}.unfinished" if options.out else f"{ROOT}/build/{os.path.basename(out)}.unfinished"
	target_work = None
	with tempfile.TemporaryDirectory(prefix="dgen-results.", dir="/var/tmp") as work, \
			tempfile.TemporaryDirectory(prefix="dgen-results.",
				dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as memory:
		target = options.target
		if os.path.isdir(target):
			target_work = tempfile.mkdtemp(prefix="dgen-results.", dir=target)
			target = target_work
		try:
			settings = Settings(ROOT, options.quick, target, memory, work)
			wanted = identity(settings, options.only)
			wanted["target"] = os.path.realpath(options.target)
			cases = chosen(settings, options.only)
			# Held until the end: two at once would disturb each other, and mix their lines.
			held = hold(f"{unfinished}.lock")
			begin(unfinished, wanted, options.fresh)
			measure(settings, cases, unfinished)
		finally:
			if target_work:
				shutil.rmtree(target_work, ignore_errors=True)
	import page
	page.write(unfinished)
	import plots
	plots.draw(unfinished)
	os.makedirs(out, exist_ok=True)
	publish(unfinished, out)
	held.close()
	os.unlink(f"{unfinished}.lock")
	print(f"written: {out}/README.md")


def chosen(settings, only):
	"""Cases of which a word is part of the name."""
	words = only.split()
	cases = [case for case in Cases(settings).all()
		if not words or any(word in f"{case.section}/{case.name}" for word in words)]
	if not cases:
		die(f"ONLY={only}: no case has such a name")
	return cases


def measure(settings, cases, unfinished):
	recorder = Recorder(unfinished, **({"tries": 1} if settings.quick else {}))
	about = f"{unfinished}/raw/machine.json"
	if not os.path.exists(about):
		with open(about, "w", encoding="utf-8") as text:
			json.dump({**machine(settings), "quick": settings.quick,
				"date": output_of(["date", "-u", "+%Y-%m-%d"])}, text, indent="\t")
			text.write("\n")
	recorder.run(cases)
	with open(f"{unfinished}/raw/skipped.json", "w", encoding="utf-8") as text:
		json.dump(recorder.skipped, text, indent="\t")
		text.write("\n")


if __name__ == "__main__":
	try:
		main()
	except Failed as error:
		die(str(error))
	except KeyboardInterrupt:
		die("interrupted; the same command goes on with it")
