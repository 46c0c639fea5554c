"""Tidemill alone: what a second thread brings, and what ten times the input takes."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from peers import data
from peers.contest import output_of, settle
from peers.measure import Tidemill
from peers.queries import BY_NAME

QUERIES = ("filter-parquet", "group")
TIMES = 10


@dataclass(frozen=True)
class Case:
    """A project of its own: how often it reads the file, on how many threads."""

    title: str
    num_files: int
    threads: int


def measure(binary, dataset, threads, rounds, work):
    """Lines of a table. The rounds are interleaved over the cases."""
    cases = [
        Case("1 thread", 1, 1),
        Case(f"{threads} threads", 1, threads),
        Case(f"{TIMES} × the input", TIMES, threads),
    ]
    samples = {(name, case): [] for name in QUERIES for case in cases}
    tidemill = Tidemill(binary)
    with tempfile.TemporaryDirectory(prefix="scaling-", dir=work) as parent:
        folders = [
            data.linked(dataset, Path(parent) / str(number), case.num_files, case.threads)
            for number, case in enumerate(cases)
        ]
        for _ in range(rounds):
            for name in QUERIES:
                for case, folder in zip(cases, folders, strict=True):
                    samples[name, case].append(timed(tidemill, BY_NAME[name], dataset, folder))
    return table(dataset, cases, samples)


def timed(tidemill, query, dataset, folder):
    output = output_of(query, dataset, "scaling")
    sample = tidemill.run(query, folder, output)
    settle(output)
    if sample.error:
        raise RuntimeError(f"`{query.name}` failed: {sample.error}")
    return sample


def table(dataset, cases, samples):
    lines = [
        "| query | input GB | threads | wall s | min–max | CPU s | peak MB | against one input, all threads |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in QUERIES:
        base_s = median(sample.wall_s for sample in samples[name, cases[1]])
        for case in cases:
            lines.append(row(name, case, samples[name, case], dataset.size_bytes, base_s))
    return lines


def row(name, case, samples, size_bytes, base_s):
    walls = [sample.wall_s for sample in samples]
    cpu_s = median(sample.cpu_s for sample in samples)
    peak_bytes = max(sample.peak_bytes for sample in samples)
    return (
        f"| {name} | {case.num_files * size_bytes / 1e9:.2f} | {case.threads} | {median(walls):.3f} "
        f"| {min(walls):.3f}–{max(walls):.3f} | {cpu_s:.3f} | {peak_bytes / 1e6:.0f} | {median(walls) / base_s:.2f} × |"
    )
