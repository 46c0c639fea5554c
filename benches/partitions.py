#!/usr/bin/env python3
"""Whether other engines read an output of very many folders as the rows that it was made of, and what making it costs.

    python3 benches/partitions.py                                  5 million events of 10,000 visitors, a folder for each
    python3 benches/partitions.py --events 60000 --visitors 500    whether it works

Generates events, writes them with `partition_by = ["id"]` under a small limit of open files, and has DuckDB and Polars compare
what they read in the folders with what they read in the events: equal rows, each as often. Says how long writing took and what
memory it needed at most. Exits with 1 where rows differ, where a folder is missing, or where memory exceeds what is allowed.

What this does not claim: anything about how fast the readers are.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from peers import environment, measure
from peers.environment import Unready

QUERY = """--@ format = "parquet"
--@ partition_by = ["id"]
SELECT id, ip, lat, age_bracket, file_size_bytes, event_datetime FROM events
"""
TOML = """[sources.events]
path = "inputs/*.out"
columns = { lat = "double", file_size_bytes = "bigint", event_datetime = "timestamp(ms)" }
"""
OPEN_FILES = 256
MOST_BYTES = 1_000_000_000

# Each prints the rows of the events, those of the folders, and how many are in one only.
READERS = {
    "duckdb": """
import duckdb, sys
inputs, outputs = sys.argv[1:]
duckdb.sql('SET enable_progress_bar = false')
duckdb.sql(f'''CREATE TABLE events AS SELECT id, ip, nullif(lat, '')::DOUBLE AS lat, age_bracket,
    nullif(file_size_bytes, '')::BIGINT AS file_size_bytes, event_datetime FROM
    read_json('{inputs}/*.out', format = 'newline_delimited', columns = {{id: 'VARCHAR', ip: 'VARCHAR', lat: 'VARCHAR',
    age_bracket: 'VARCHAR', file_size_bytes: 'VARCHAR', event_datetime: 'TIMESTAMP_MS'}})''')
duckdb.sql(f'''CREATE TABLE published AS SELECT id, ip, lat, age_bracket, file_size_bytes, event_datetime FROM
    read_parquet('{outputs}/**/*.parquet', hive_partitioning = true, hive_types = {{id: 'VARCHAR'}})''')
odd = [f"SELECT count(*) FROM (FROM {a} EXCEPT ALL FROM {b})" for a, b in [("events", "published"), ("published", "events")]]
counts = ["SELECT count(*) FROM events", "SELECT count(*) FROM published", *odd]
print(*[duckdb.sql(count).fetchall()[0][0] for count in counts])
""",
    "polars": """
import polars as pl, sys
inputs, outputs = sys.argv[1:]
columns = ['id', 'ip', 'lat', 'age_bracket', 'file_size_bytes']
at = pl.col('event_datetime')
events = pl.scan_ndjson(f'{inputs}/*.out', schema_overrides=dict.fromkeys([*columns, 'event_datetime'], pl.String))
number = lambda name, data_type: pl.when(pl.col(name) != '').then(pl.col(name)).cast(data_type).alias(name)
events = events.select('id', 'ip', number('lat', pl.Float64), 'age_bracket', number('file_size_bytes', pl.Int64),
    at.str.to_datetime('%Y-%m-%dT%H:%M:%S%.3f', time_unit='ms'))
published = pl.scan_parquet(f'{outputs}/**/*.parquet', hive_partitioning=True, hive_schema={'id': pl.String})
published = published.select(*columns, at)
counted = [frame.group_by(pl.all()).len().collect() for frame in (events, published)]
rows = [frame['len'].sum() for frame in counted]
key = list(counted[0].columns)
odd = [a.join(b, on=key, how='anti', nulls_equal=True)['len'].sum() for a, b in (counted, counted[::-1])]
print(*rows, *odd)
""",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000, metavar="N")
    parser.add_argument("--visitors", type=int, default=10_000, metavar="N")
    parser.add_argument("--tidemill", metavar="PATH", help="the binary; the release build if not given, made if missing")
    parser.add_argument("--venv", type=Path, default=environment.target_dir() / "peers" / "venv", metavar="DIR")
    args = parser.parse_args()
    try:
        binary = environment.tidemill(args.tidemill)
        python = environment.python_with(list(READERS), args.venv.resolve())
        with tempfile.TemporaryDirectory(prefix="partitions-") as folder:
            faults = check(args, binary, python, Path(folder))
    except (Unready, RuntimeError, OSError, ValueError) as error:
        faults = [str(error)]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


def check(args, binary, python, project):
    prepare(args, binary, project)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))
    sample, _ = measure.process([binary, "run", "by_visitor"], project)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sample.error:
        return [f"`tidemill run by_visitor`: {sample.error}"]
    output = project / "outputs" / "by_visitor"
    folders = sum(1 for _ in output.glob("id=*"))
    print(f"{args.events} events, {folders} folders, at most {OPEN_FILES} open files: "
          f"{sample.wall_s:.1f} s, {sample.cpu_s:.1f} s of CPU, {sample.peak_bytes / 1e6:.0f} MB at most")
    faults = []
    if folders != args.visitors:
        faults.append(f"there are {folders} folders, and {args.visitors} were expected")
    if sample.peak_bytes > MOST_BYTES:
        faults.append(f"it took more than {MOST_BYTES / 1e6:.0f} MB of memory")
    return faults + [fault for reader in READERS if (fault := compare(reader, args, python, project, output))]


def prepare(args, binary, project):
    for name in ("inputs", "queries"):
        (project / name).mkdir()
    (project / "tidemill.toml").write_text(TOML)
    (project / "queries" / "by_visitor.sql").write_text(QUERY)
    count = ["--num-events", args.events, "--num-users", args.visitors, "--max-lag-seconds", 86_000]
    where = ["--seed", 1, "--start", "2024-03-01", "--output", "inputs/events.out"]
    sample, _ = measure.process([binary, "generate", *count, *where], project)
    if sample.error:
        raise RuntimeError(f"`tidemill generate`: {sample.error}")


def compare(reader, args, python, project, output):
    """What is wrong with what a reader finds, if anything is."""
    command = [python, "-c", READERS[reader], project / "inputs", output]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return f"{reader} cannot read it: {done.stderr.strip()[-2000:]}"
    events, published, missing, added = map(int, done.stdout.split())
    print(f"{reader} {environment.version_of(reader)}: {published} rows, {missing} missing, {added} that no event has")
    if (events, published, missing, added) != (args.events, args.events, 0, 0):
        return f"{reader} reads {published} rows of {events}: {missing} are missing, {added} are in no event"
    return None


if __name__ == "__main__":
    sys.exit(main())
