#!/usr/bin/env python3
"""What a run costs that reads only what is new: one new file among very many old ones, beside a run over that file alone.

    python3 benches/increment.py                       10,000 files of 1,000 events each (4 GB)
    python3 benches/increment.py --files 50 --rounds 1

Has a query of `mode = "append"` read all files once; then adds one file in each round and runs it again, in turn with a project that
has this one file only. Whole processes, warm page cache, medians. Exits with 1 where a run read more or less than the new file.

What this does not claim: anything about listing a folder that the system does not have in memory.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.dont_write_bytecode = True

from peers import environment, measure
from peers.environment import Unready

QUERY = '--@ mode = "append"\nSELECT ip, id, lat, lng, age_bracket WHERE opted_into_marketing\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, metavar="N")
    parser.add_argument("--events", type=int, default=1_000, metavar="N", help="of each file")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--tidemill", metavar="PATH", help="the binary; the release build if not given, made if missing")
    args = parser.parse_args()
    try:
        binary = environment.tidemill(args.tidemill)
        with tempfile.TemporaryDirectory(prefix="increment-") as folder:
            compare(args, binary, Path(folder))
    except (Unready, RuntimeError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def compare(args, binary, folder):
    many, one = project(folder / "many"), project(folder / "one")
    cut(args, binary, folder / "all.out", many / "inputs", args.files)
    first = run(binary, many, args.files * args.events)
    nothing = run(binary, many, 0)
    new, alone = [], []
    for number in range(args.rounds):
        added = many / "inputs" / f"new-{number}.out"
        generate(binary, added, args.events, seed=2 + number)
        new.append(run(binary, many, args.events))
        shutil.rmtree(one)
        project(one)
        shutil.copy(added, one / "inputs")
        alone.append(run(binary, one, args.events))
    size = sum(file.stat().st_size for file in (many / "inputs").iterdir())
    print(f"{args.files} files, {size / 1e9:.1f} GB, all of them once: {first:.2f} s")
    print(f"nothing new: {nothing:.3f} s")
    print(f"one new file: {median(new):.3f} s ({min(new):.3f} to {max(new):.3f})")
    print(f"that file alone: {median(alone):.3f} s ({min(alone):.3f} to {max(alone):.3f})")
    print(f"what the old files cost: {median(new) - median(alone):.3f} s")


def project(root):
    for name in ("inputs", "queries"):
        (root / name).mkdir(parents=True)
    (root / "queries" / "opted_in.sql").write_text(QUERY)
    return root


def cut(args, binary, whole, inputs, files):
    """Events of one stream, cut into files."""
    generate(binary, whole, files * args.events, seed=1)
    with whole.open("rb") as lines:
        for number in range(files):
            with (inputs / f"{number:06}.out").open("wb") as file:
                file.writelines(next(lines) for _ in range(args.events))
    whole.unlink()


def generate(binary, path, events, seed):
    what = ["--num-events", str(events), "--seed", str(seed), "--start", "2024-03-01", "--output", str(path)]
    subprocess.run([binary, "generate", *what], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(binary, root, events):
    """Seconds of a run that is to read so many events."""
    sample, printed = measure.process([binary, "run", "--json"], root)
    if sample.error:
        raise RuntimeError(f"`tidemill run`: {sample.error}")
    (query,) = json.loads(printed)["queries"]
    lines = sum(source["lines"] for source in query.get("sources", []))
    if lines != events:
        raise RuntimeError(f"a run read {lines} lines where {events} are new")
    return sample.wall_s


if __name__ == "__main__":
    sys.exit(main())
