#!/usr/bin/env python3
"""What is read for one hour of a day that was read before, and what it costs to have learned it.

    python3 benches/facts.py                       24 hours in 2 GB, roughly in order: each event up to half a minute late
    python3 benches/facts.py --events 100000

A saved query asks for one hour by a declared time: with `--no-facts`, then without facts that were kept, which learns them, then with them. Whole
processes, warm page cache, medians. Exits with 1 where answers differ, or where the hour takes more than 6 % of the bytes.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

sys.dont_write_bytecode = True

from peers import environment, measure
from peers.environment import Unready

REST_S = 1
"""How long the file must have been at rest to teach: a minute, if nothing else is said."""

TOML = f'[sources.events]\npath = "inputs/*.out"\nfacts_after = "{REST_S}s"\ncolumns = {{ event_datetime = "timestamp(ms)" }}\n'
HOUR = "SELECT ip, id, event_datetime WHERE event_datetime >= '2024-03-01T13:00:00' AND event_datetime < '2024-03-01T14:00:00'\n"
DAY_S = 86_400
LATE_S = 30
MOST_SHARE = 0.06


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--tidemill", metavar="PATH", help="the binary; the release build if not given, made if missing")
    args = parser.parse_args()
    try:
        binary = environment.tidemill(args.tidemill)
        with tempfile.TemporaryDirectory(prefix="facts-") as folder:
            return compare(args, binary, Path(folder))
    except (Unready, RuntimeError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def compare(args, binary, project):
    size = prepare(args, binary, project)
    with_facts, without, learning = [], [], []
    for _ in range(args.rounds):
        plain, expected = run(binary, project, ["--no-facts"])
        without.append(plain["seconds"])
        (project / ".tidemill" / "facts.db").unlink(missing_ok=True)
        learning.append(run(binary, project, [])[0]["seconds"])
        report, found = run(binary, project, [])
        with_facts.append(report["seconds"])
        if found != expected:
            raise RuntimeError("the hour is another one with facts than without")
    share = report["scan"]["bytes"] / size
    print(f"{args.events} events, {size / 1e9:.2f} GB; one hour is {report['rows']} rows")
    print(f"without facts: {median(without):.3f} s; the first time, which learns them: {median(learning):.3f} s")
    print(f"with facts: {median(with_facts):.3f} s, {report['scan']['bytes'] / 1e6:.1f} MB read, {share:.2%} of all")
    return 0 if share < MOST_SHARE else 1


def prepare(args, binary, project):
    for name in ("inputs", "queries"):
        (project / name).mkdir()
    (project / "tidemill.toml").write_text(TOML)
    (project / "queries" / "hour.sql").write_text(HOUR)
    made = project / "made"
    what = ["--num-events", str(min(args.events, 100_000)), "--seed", "1", "--start", "2024-03-01", "--output", str(made)]
    subprocess.run([binary, "generate", *what], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    key = b'"event_datetime":"'
    lines = [line.split(key) for line in made.read_bytes().splitlines(keepends=True)]
    parts = [(before + key, after[after.index(b'"'):]) for before, after in lines]
    made.unlink()
    late, start, path = random.Random(1), datetime(2024, 3, 1), project / "inputs" / "day.out"
    with path.open("wb") as file:
        for number in range(args.events):
            second = max(0.0, number * DAY_S / args.events - late.random() * LATE_S)
            at = (start + timedelta(seconds=second)).isoformat(timespec="milliseconds")
            before, after = parts[number % len(parts)]
            file.write(before + at.encode() + after)
    time.sleep(REST_S + 1)
    return path.stat().st_size


def run(binary, project, flags):
    """The report of a run, and the rows of its result."""
    sample, printed = measure.process([binary, *flags, "run", "hour", "--json"], project)
    if sample.error:
        raise RuntimeError(f"`tidemill run hour`: {sample.error}")
    (report,) = json.loads(printed)["queries"]
    return report, sorted((project / "outputs" / "hour.json").read_bytes().splitlines())


if __name__ == "__main__":
    sys.exit(main())
