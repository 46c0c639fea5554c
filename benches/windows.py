"""What windows cost: TUMBLE beside date_bin, SESSION beside the GROUP BY that it refines, over the same columns.

    cargo build --release
    python3 benches/windows.py [--events N] [--visitors N] [--rounds N] [--binary PATH]

Generates events (by default 2 million of 1,000 visitors within a day), runs the statements in turn, whole processes with a warm
page cache, and prints medians and ratios. It compares tidemill with itself, not with others: that is what peers.py does.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
TOML = '[sources.events]\npath = "inputs/*.out"\ncolumns = { event_datetime = "timestamp(ms)" }\n'
MINUTE = "event_datetime, INTERVAL '1' MINUTE"
HALF_HOUR = "event_datetime, INTERVAL '30' MINUTE"
HOP = "event_datetime, INTERVAL '30' MINUTE, INTERVAL '1' HOUR"

# Each statement with the one that it is compared with.
STATEMENTS = {
    "date_bin per minute and visitor": (
        "SELECT date_bin(INTERVAL '1' MINUTE, event_datetime) AS s, id, COUNT(*) AS n FROM events GROUP BY s, id",
        None,
    ),
    "TUMBLE per minute and visitor": (
        f"SELECT TUMBLE_START({MINUTE}) AS s, id, COUNT(*) AS n FROM events GROUP BY TUMBLE({MINUTE}), id",
        "date_bin per minute and visitor",
    ),
    "GROUP BY visitor": ("SELECT id, MAX(event_datetime) AS s, COUNT(*) AS n FROM events GROUP BY id", None),
    "SESSION per visitor": (
        f"SELECT id, SESSION_START({HALF_HOUR}) AS s, SESSION_END({HALF_HOUR}) AS e, COUNT(*) AS n "
        f"FROM events GROUP BY id, SESSION({HALF_HOUR})",
        "GROUP BY visitor",
    ),
    "HOP per visitor, two windows each": (
        f"SELECT id, HOP_START({HOP}) AS s, COUNT(*) AS n FROM events GROUP BY id, HOP({HOP})",
        "GROUP BY visitor",
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--visitors", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/tidemill")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="windows-") as folder:
        project = Path(folder)
        generate(args, project)
        samples = {name: [] for name in STATEMENTS}
        for _ in range(args.rounds):
            for name, (sql, _) in STATEMENTS.items():
                samples[name].append(wall_s(args.binary, project, sql))
    medians = {name: median(walls) for name, walls in samples.items()}
    print("| statement | wall s | min–max | against |\n|---|---:|---:|---|")
    for name, (_, base) in STATEMENTS.items():
        walls = samples[name]
        against = f"{medians[name] / medians[base]:.2f} × {base}" if base else ""
        print(f"| {name} | {medians[name]:.3f} | {min(walls):.3f}–{max(walls):.3f} | {against} |")


def generate(args, project):
    (project / "inputs").mkdir()
    (project / "tidemill.toml").write_text(TOML)
    count = ["--num-events", str(args.events), "--num-users", str(args.visitors), "--max-lag-seconds", "86000"]
    where = ["--seed", "1", "--start", "2024-03-01", "--output", "inputs/events.out"]
    run = [args.binary, "generate", *count, *where]
    subprocess.run(run, cwd=project, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wall_s(binary, project, sql):
    begun = time.monotonic()
    run = [binary, "--no-facts", "sql", "--output", "out.parquet", sql]
    subprocess.run(run, cwd=project, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
