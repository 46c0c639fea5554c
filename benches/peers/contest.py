"""Tidemill and its peers on the same questions: first whether they are right, then how long they take."""

import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field

from peers import queries, truth
from peers.measure import Sample, Tidemill, Worker, process
from peers.queries import ANSWER

TIDEMILL, WC = "tidemill", "wc"


@dataclass
class Outcome:
    """What came of one query on one tool."""

    samples: list[Sample] = field(default_factory=list)
    peak_bytes: int = 0
    output_bytes: int = 0
    faults: list[str] = field(default_factory=list)
    """Why its times do not count: it failed, or the answer is wrong."""


class Contest:
    """The tools, the data sets, and what has come out so far."""

    def __init__(self, binary, python, peers, datasets, threads):
        self.tidemill = Tidemill(binary)
        self.python = python
        self.peers = peers
        self.tools = [TIDEMILL, *peers]
        self.datasets = datasets
        self.threads = threads
        self.outcomes = defaultdict(lambda: defaultdict(Outcome))
        self.wc = defaultdict(list)

    def worker(self, tool, dataset):
        return Worker(self.python, tool, self.threads, dataset.project)

    def check(self, query):
        """Asks each tool once, in a fresh process, compares its answer, and keeps its peak memory."""
        dataset = self.datasets[query.data]
        judge = self.worker("digest", dataset)
        for tool in self.tools:
            outcome = self.outcomes[query.name][tool]
            contestant = self.tidemill if tool == TIDEMILL else self.worker(tool, dataset)
            output = output_of(query, dataset, tool)
            sample = self.ask(contestant, tool, query, output)
            outcome.peak_bytes = sample.peak_bytes
            outcome.faults = [sample.error] if sample.error else self.faults(query, dataset, sample, output, judge)
            outcome.output_bytes = output.stat().st_size if output and output.exists() else 0
            discard(output)
            if tool != TIDEMILL:
                contestant.stop()
            for fault in outcome.faults:
                print(f"WRONG: {query.name}: {tool}: {fault}", file=sys.stderr)
        judge.stop()

    def faults(self, query, dataset, sample, output, judge):
        if query.result == ANSWER:
            found = queries.as_digest(query, sample.rows)
        else:
            summed = judge.run(query, output, None)
            if summed.error:
                return [f"its file cannot be judged: {summed.error}"]
            found = dict(summed.rows)
        return truth.differences(dataset.digests[query.name], found)

    def round(self, number, chosen):
        """Times each query on each tool that is right about it, one tool after the other."""
        workers = {}
        first = number % len(self.tools)
        for name in dict.fromkeys(query.data for query in chosen):
            path = self.datasets[name].path
            self.wc[name].append(process(["wc", "-l", path], path.parent)[0])
        for query in chosen:
            dataset = self.datasets[query.data]
            for tool in self.tools[first:] + self.tools[:first]:
                outcome = self.outcomes[query.name][tool]
                if outcome.faults:
                    continue
                if tool != TIDEMILL and tool not in workers:
                    workers[tool] = self.worker(tool, dataset)
                contestant = workers.get(tool, self.tidemill)
                output = output_of(query, dataset, tool)
                sample = self.ask(contestant, tool, query, output)
                settle(output)
                if sample.error:
                    outcome.faults.append(sample.error)
                    print(f"FAILED: {query.name}: {tool}: {sample.error}", file=sys.stderr)
                else:
                    outcome.samples.append(sample)
        for worker in workers.values():
            worker.stop()

    def ask(self, contestant, tool, query, output):
        dataset = self.datasets[query.data]
        return contestant.run(query, dataset.project if tool == TIDEMILL else dataset.path, output)


def output_of(query, dataset, tool):
    """Where the tool is to write; nothing is there."""
    if query.result == ANSWER:
        return None
    output = dataset.project / "outputs" / f"{query.name}-{tool}{query.extension}"
    discard(output)
    return output


def discard(output):
    if output:
        output.unlink(missing_ok=True)


def settle(output):
    """What one tool has left to the disk is not to be paid by the next one. (Tidemill syncs by itself, in its time.)"""
    if output and output.exists():
        with open(output, "rb") as file:
            os.fsync(file.fileno())
    discard(output)
