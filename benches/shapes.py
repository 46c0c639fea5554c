#!/usr/bin/env python3
"""How fast lines of many kinds are read: those that a reader which predicts lines may be bad at, beside DuckDB.

    python3 benches/shapes.py                      thirteen kinds of lines, 150 MB of each; some minutes
    python3 benches/shapes.py --only commits maps --rounds 7
    python3 benches/shapes.py --bytes 2000000 --rounds 1     whether it works

Each kind is counted (`count(*)`), for which tidemill checks every line whole and looks at all values for their types. Of tidemill the
whole process is timed, of DuckDB the query alone; medians over interleaved rounds, warm page cache. Exits with 1 where a count is wrong.
"""

import argparse
import json
import random
import string
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.dont_write_bytecode = True

from peers import data, environment, measure
from peers.environment import Unready

DIFFERENT_LINES = 20_000
"""So many lines of a kind are made; a file has them again and again, each time in another order."""

DUCKDB = """
import sys, time, duckdb
connection = duckdb.connect()
connection.execute("SET threads = " + sys.argv[2])
begun = time.perf_counter()
rows = connection.execute("SELECT count(*) FROM read_json(?, format = 'newline_delimited')", [sys.argv[1]]).fetchone()
print(time.perf_counter() - begun, *rows)
"""

TOML = '[sources.events]\npath = "inputs/*.out"\n'
DECLARED = TOML + 'columns = { counts = "json" }\n'


class Lines:
    """Lines of each kind."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.words = [self.word(9) for _ in range(300)]

    def word(self, length=8):
        return "".join(self.random.choices(string.ascii_lowercase, k=length))

    def text(self, most):
        return " ".join(self.word(self.random.randrange(2, 9)) for _ in range(self.random.randrange(3, most)))

    def hash(self):
        return f"{self.random.getrandbits(160):040x}"

    def whole(self, below=10**6):
        return self.random.randrange(below)

    def event(self):
        return {"id": self.whole(), "kind": self.random.choice("abc"), "at": "2024-01-02T03:04:05Z", "x": self.random.random(),
                "name": self.word(12), "ok": self.random.random() < 0.5, "n": self.whole()}

    def usual(self):
        """The same keys in each line."""
        return self.event()

    def commits(self):
        """Events of a code host: of several kinds, some with arrays of objects."""
        actor = {"id": self.whole(), "login": self.word(), "url": "https://api.example.com/users/" + self.word()}
        payload = {
            "push": lambda: {"head": self.hash(), "size": 1, "commits": [
                {"sha": self.hash(), "author": {"email": self.word() + "@example.com", "name": self.word()}, "message": self.text(20) + "\n",
                 "distinct": True} for _ in range(self.random.choice([1, 1, 1, 2, 3, 5]))]},
            "watch": lambda: {"action": "started"},
            "issue": lambda: {"action": "opened", "issue": {"number": self.whole(), "title": self.text(8), "user": actor, "assignee": None,
                              "labels": [{"name": self.word(6), "color": "f29513"} for _ in range(self.whole(4))]}},
        }
        kind = self.random.choice(list(payload))
        line = {"id": str(self.whole()), "type": kind, "actor": actor, "payload": payload[kind](), "public": True}
        return line | ({"org": {"id": self.whole(), "login": self.word()}} if self.random.random() < 0.3 else {})

    def logs(self):
        """Objects in objects, texts of all lengths."""
        fields = {"message": self.text(30), "status": self.whole(600), "latency_ms": self.random.random(), "path": "/" + self.word()}
        return {"timestamp": "2024-01-02T03:04:05.123456Z", "level": "INFO", "fields": fields, "span": {"name": "request"}}

    def optional(self):
        """Thirty keys, each in half of the lines."""
        keys = [key for key in range(30) if self.random.random() < 0.5]
        return {f"key_{key}": self.whole() if key % 3 else self.word() for key in keys} | {"kind": "a"}

    def shuffled(self):
        """Eight keys in any order."""
        pairs = list((self.event() | {"y": self.random.random()}).items())
        self.random.shuffle(pairs)
        return dict(pairs)

    def arrays(self):
        """Short arrays of texts and of numbers."""
        scores = [round(self.random.random(), 6) for _ in range(self.whole(16))]
        return {"id": self.whole(), "tags": [self.word(5) for _ in range(self.whole(8))], "scores": scores}

    def vectors(self):
        """768 numbers in each line."""
        return {"id": self.whole(), "vector": [round(self.random.random() - 0.5, 7) for _ in range(768)]}

    def polygons(self):
        """Arrays of arrays."""
        ring = [[round(self.random.random() * 360 - 180, 6), round(self.random.random() * 180 - 90, 6)] for _ in range(self.whole(36) + 4)]
        return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"name": self.word()}}

    def wide(self):
        """Three hundred keys in each line."""
        return {f"metric_{key:03}": self.whole() if key % 2 else self.random.random() for key in range(300)}

    def maps(self):
        """An object whose keys are data, declared to be JSON."""
        return self.event() | {"counts": {self.word(6): self.whole(1000) for _ in range(8)}}

    def sparse(self):
        """Ten keys of three hundred, not declared."""
        return self.event() | {"of": {word: self.whole(1000) for word in self.random.sample(self.words, 10)}}

    def exponents(self):
        """Numbers of all forms."""
        return {"a": self.random.random(), "b": 1e-7 * self.random.random(), "c": -self.whole(10**12), "d": self.random.choice([1, 2.5, True, None])}

    def escapes(self):
        """Texts in `\\uXXXX`, and JSON within texts."""
        letters = "абвгдежзиклмнопрстуфхцчшщыьэюя"
        text = " ".join("".join(self.random.choices(letters, k=self.random.randrange(2, 9))) for _ in range(self.random.randrange(3, 20)))
        return {"id": self.whole(), "text": text, "body": json.dumps({"name": self.word(), "path": "C:\\" + self.word(), "n": self.whole()})}


KINDS = [name for name in vars(Lines) if getattr(Lines, name).__doc__ and not name.startswith("_")]


def main():
    first, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, metavar="KIND", help=" ".join(KINDS))
    parser.add_argument("--bytes", type=int, default=150_000_000, metavar="N", help="of each kind, about")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--tidemill", metavar="PATH", help="the binary; the release build if not given, made if missing")
    parser.add_argument("--venv", type=Path, default=environment.target_dir() / "peers" / "venv", metavar="DIR", help="for DuckDB")
    args = parser.parse_args()
    try:
        binary = environment.tidemill(args.tidemill)
        data.into_page_cache(binary)
        python = environment.python_with(["duckdb"], args.venv.resolve())
        print(f"{environment.machine()}; medians of {args.rounds} rounds; counting\n")
        print("| lines | MB | tidemill, s | GB/s | DuckDB, s | ahead |\n|---|---:|---:|---:|---:|---:|")
        return 0 if all([measure_kind(kind, args, binary, python) for kind in args.only]) else 1
    except (Unready, RuntimeError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def measure_kind(kind, args, binary, python):
    """Prints how fast lines of a kind are counted; whether all were."""
    with tempfile.TemporaryDirectory(prefix="shapes-") as folder:
        project = Path(folder)
        path = project / "inputs" / "lines.out"
        path.parent.mkdir()
        (project / "tidemill.toml").write_text(DECLARED if kind == "maps" else TOML)
        lines, size = write(path, kind, args), path.stat().st_size
        data.into_page_cache(path)
        ours, theirs = [], []
        for _ in range(args.rounds):
            seconds, rows = tidemill(binary, project)
            ours.append(seconds)
            if rows != lines:
                print(f"error: of {lines} lines {rows} were counted ({kind})", file=sys.stderr)
                return False
            theirs.append(duckdb(python, path))
    ours, theirs = median(ours), median(theirs)
    print(f"| {kind} | {size / 1e6:.0f} | {ours:.3f} | {size / 1e9 / ours:.2f} | {theirs:.3f} | {theirs / ours:.1f} × |", flush=True)
    return True


def write(path, kind, args):
    """Writes lines of a kind; how many."""
    made, size = Lines(args.seed), 0
    make, pool = getattr(made, kind), []
    while len(pool) < DIFFERENT_LINES and size < args.bytes:
        pool.append(json.dumps(make(), separators=(",", ":")) + "\n")
        size += len(pool[-1])
    rounds = max(1, args.bytes // size)
    with path.open("w") as file:
        for _ in range(rounds):
            made.random.shuffle(pool)
            file.writelines(pool)
    return rounds * len(pool)


def tidemill(binary, project):
    sample, printed = measure.process([binary, "--no-facts", "sql", "SELECT count(*) AS n FROM events"], project)
    if sample.error:
        raise RuntimeError(f"`tidemill sql`: {sample.error}")
    return sample.wall_s, json.loads(printed)["n"]


def duckdb(python, path):
    """Seconds of the query; none where it fails."""
    ran = subprocess.run([python, "-c", DUCKDB, path, str(environment.num_cores())], capture_output=True, text=True)
    return float(ran.stdout.split()[0]) if ran.returncode == 0 else float("nan")


if __name__ == "__main__":
    sys.exit(main())
