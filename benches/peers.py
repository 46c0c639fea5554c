#!/usr/bin/env python3
"""How fast tidemill is, beside other engines that answer SQL over JSON lines on one machine.

What is measured: nine questions about two files of events, each asked of tidemill, DuckDB, ClickHouse (chDB) and
Polars, in interleaved rounds over a warm page cache, into which the files and tidemill's program are read anew first.
Of tidemill the whole process is timed, from start to exit, with the sync of what it publishes; of the others the query
alone, in a process that has started and loaded the library before. Each tool reads the file as it would for someone
who has just got it: it finds the columns by itself, and writes Parquet and JSON with the settings that it has by
default, so files differ in compression. What a tool has cached about a file is not used again.

Before anything is timed, each answer is compared with one computed by Python's `json`. What fails or is wrong is told
and not timed.

Wall and CPU times are medians over the rounds. Peak memory is that of a process which has run nothing but the one
query; for the peers, Python, the library and what they map of the file are part of it. `wc -l` on the same file is the
measure of CPU time.

What this does not claim: anything about data that does not fit the page cache, about other formats, larger machines or
queries whose work is not in reading, nor that two tools do the same for their time. Tidemill checks every line against
the grammar and looks at all of them for its types; the peers look at some lines for theirs, and skip what they do not
read.

Examples:
  benches/peers.py                                    everything (some minutes; the first time also installs the peers)
  benches/peers.py --events 20000 --rounds 1          whether it works
  benches/peers.py --only filter-parquet star --tools duckdb --keep
  benches/peers.py --scaling                          tidemill alone: threads, and ten times the input
  benches/peers.py --readme                           also writes the tables into README.md
"""

import argparse
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from peers import data, environment, report, scaling
from peers.contest import TIDEMILL, Contest
from peers.data import Recipe
from peers.environment import ROOT, Others, Unready
from peers.queries import BY_NAME, NESTED, VISITS

TOOLS = list(environment.PACKAGES)
PEERS = ["duckdb", "clickhouse", "polars"]
EVENTS = 2_000_000

BUSY = 0.05
"""More than this share of all cores taken by other programs is told with the figures."""


def main():
    args = arguments()
    try:
        return run(args)
    except (Unready, RuntimeError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(args):
    binary = environment.tidemill(args.tidemill)
    data.into_page_cache(binary)
    names = [VISITS] if args.scaling else list(dict.fromkeys(BY_NAME[name].data for name in args.only))
    recipes = [Recipe(name, {VISITS: args.events, NESTED: args.events // 2}[name], args.seed) for name in names]
    try:
        datasets = {recipe.name: prepare(recipe, args, binary) for recipe in recipes}
        return measure_scaling(args, binary, datasets[VISITS]) if args.scaling else compare(args, binary, datasets)
    finally:
        if not args.keep:
            data.remove(recipes, args.work)


def prepare(recipe, args, binary):
    say(f"preparing {recipe.num_lines} lines of {recipe.name}")
    return data.prepare(recipe, args.work, binary, args.threads)


def measure_scaling(args, binary, dataset):
    say("measuring")
    others = Others()
    lines = scaling.measure(binary, dataset, args.threads, args.rounds, args.work)
    print("\n".join([conditions(args, others), "", *lines]))
    return 0


def compare(args, binary, datasets):
    chosen = [BY_NAME[name] for name in args.only]
    python = environment.python_with(args.tools, args.venv)
    contest = Contest(binary, python, args.tools, datasets, args.threads)
    for query in chosen:
        say(f"checking {query.name}")
        contest.check(query)
    others = Others()
    for number in range(args.rounds):
        say(f"round {number + 1} of {args.rounds}")
        contest.round(number, chosen)
    tell(contest, chosen, args, conditions(args, others))
    return 1 if any(contest.outcomes[query.name][TIDEMILL].faults for query in chosen) else 0


def conditions(args, others):
    """Where and how the figures came about, in one line."""
    rounds = "one round" if args.rounds == 1 else f"medians of {args.rounds} rounds"
    version = "a binary given by hand" if args.tidemill else f"commit {environment.commit()}"
    line = f"{environment.machine()}; {args.threads} threads; tidemill: {version}; {rounds}."
    share = others.share()
    if share > BUSY:
        say(f"WARNING: other programs took {share:.0%} of the processor meanwhile: measure again on an idle machine")
        line += f" (Not on an idle machine: other programs took {share:.0%} of the processor.)"
    return line


def tell(contest, chosen, args, conditions):
    block = report.for_readme(contest, chosen, conditions)
    print("\n".join([*report.details(contest, chosen), "", *block]))
    if args.json:
        args.json.write_text(json.dumps(report.as_json(contest, chosen, conditions), indent=1))
    if args.readme:
        report.rewrite(ROOT / "README.md", block)


def arguments():
    folder = environment.target_dir() / "peers"
    first, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    names, cores = list(BY_NAME), environment.num_cores()
    add("--only", nargs="+", choices=names, default=names, metavar="QUERY", help=" ".join(names))
    add("--tools", nargs="*", choices=TOOLS, default=PEERS, metavar="TOOL", help=" ".join(TOOLS))
    add("--rounds", type=positive, default=5, metavar="N", help="how often each query is timed")
    add("--events", type=positive, default=EVENTS, metavar="N", help="visits; half as many nested events")
    add("--seed", type=int, default=1, metavar="N", help="what the data are made from")
    add("--threads", type=positive, default=cores, metavar="N", help="of every tool; one per core if not given")
    add("--scaling", action="store_true", help="measure tidemill alone: threads, and ten times the input")
    add("--tidemill", metavar="PATH", help="the binary; the release build if not given, made if missing")
    add("--work", type=Path, default=folder / "work", metavar="DIR", help="for data; target/peers/work if not given")
    add(
        "--venv",
        type=Path,
        default=folder / "venv",
        metavar="DIR",
        help="for the peers; target/peers/venv if not given",
    )
    add("--keep", action="store_true", help="keep the data for the next time")
    add("--json", type=Path, metavar="FILE", help="also write every sample to FILE")
    add("--readme", action="store_true", help="also write the tables into README.md")
    args = parser.parse_args()
    whole = args.events == EVENTS and args.only == names and args.tools == PEERS and not args.scaling
    if args.readme and not whole:
        parser.error("--readme is for a whole run: without --scaling, --events, --only and --tools")
    args.work, args.venv = args.work.resolve(), args.venv.resolve()
    return args


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def say(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
