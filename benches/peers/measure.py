"""One run of one query: wall time, CPU time and peak memory, of a whole process or as a worker tells them."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from peers import queries
from peers.queries import ANSWER

BENCHES = Path(__file__).resolve().parents[1]

LIMIT_S = 300
"""No query takes that long; a tool that does has failed."""


@dataclass(frozen=True)
class Sample:
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    rows: list = field(default=None, repr=False)
    error: str = ""


def process(command, cwd):
    """Runs a command to its end. Returns its sample and what it printed.

    Its peak memory is at least what this process holds (some 20 MB): the kernel counts from before `exec`.
    """
    with tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, stderr=errors)
        printed = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
        errors.seek(0)
        message = errors.read().decode(errors="replace").strip()
    error = "" if child.returncode == 0 else f"exit code {child.returncode}: {message}"
    unit = 1 if sys.platform == "darwin" else 1024
    return Sample(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, error=error), printed


class Tidemill:
    """A process per query, from start to exit, which knows nothing of the file from processes before."""

    def __init__(self, binary):
        self.binary = binary

    def run(self, query, project, output):
        sql = queries.statement(query, queries.TIDEMILL)
        to_file = [] if query.result == ANSWER else ["--output", output]
        sample, printed = process([self.binary, "--project", project, "--no-facts", "sql", *to_file, sql], project)
        if sample.error or query.result != ANSWER:
            return sample
        rows = [list(json.loads(line).values()) for line in printed.splitlines()]
        return Sample(sample.wall_s, sample.cpu_s, sample.peak_bytes, rows)


class Worker:
    """A tool in a process that answers many requests; started anew if it has died."""

    def __init__(self, python, tool, threads, cwd):
        self.command = [str(python), "-m", "peers.worker", tool, str(threads)]
        self.cwd = cwd
        self.child = None

    def run(self, query, path, output):
        if self.child is None:
            self.start()
        request = {"query": query.name, "path": str(path), "output": str(output) if output else None}
        try:
            self.child.stdin.write(json.dumps(request).encode() + b"\n")
            self.child.stdin.flush()
            return Sample(**json.loads(self.line()))
        except (OSError, ValueError) as error:
            return Sample(error=f"{error}{self.stop()}")

    def start(self):
        environment = os.environ | {"PYTHONPATH": str(BENCHES), "PYTHONDONTWRITEBYTECODE": "1"}
        self.errors = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        self.line()

    def line(self):
        ready, _, _ = select.select([self.child.stdout], [], [], LIMIT_S)
        if not ready:
            raise OSError(f"no answer within {LIMIT_S} s")
        line = self.child.stdout.readline()
        if not line:
            raise OSError("the process died")
        return line

    def stop(self):
        """Ends the process, and returns the last line of what it has complained about."""
        if self.child is None:
            return ""
        self.child.kill()
        self.child.communicate()
        self.child = None
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        self.errors.close()
        return f": {lines[-1]}" if lines else ""
