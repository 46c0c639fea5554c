"""The two data sets, each a tidemill project of its own, and their right answers."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from peers import nested, truth
from peers.environment import Unready, num_cores
from peers.queries import NESTED, VISITS

START, MAX_LAG_S = "2024-03-01", 86_400
NUM_VISITORS = 50

FILES = {VISITS: "visits.out", NESTED: "stream.jsonl"}

PROJECT_FILES = {
    VISITS: """\
[sources.events]
path = "inputs/*.out"

[sources.events.columns]
event_datetime = "timestamp(ms)"
""",
    NESTED: """\
[sources.events]
path = "inputs/*.jsonl"
""",
}


@dataclass(frozen=True)
class Recipe:
    """What a data set is made from; the same recipe makes the same bytes."""

    name: str
    num_lines: int
    seed: int

    @property
    def folder_name(self):
        return f"{self.name}-{self.num_lines}-{self.seed}"


@dataclass(frozen=True)
class Dataset:
    """A project with one event file, and what the queries over it answer."""

    name: str
    project: Path
    path: Path
    digests: dict

    @property
    def size_bytes(self):
        return self.path.stat().st_size


def prepare(recipe, work, binary, threads):
    """The data set in a folder below `work`: as it was kept, or made anew."""
    project = work / recipe.folder_name
    path, digests = project / "inputs" / FILES[recipe.name], project / "digests.json"
    if not digests.exists():
        shutil.rmtree(project, ignore_errors=True)
        path.parent.mkdir(parents=True)
        # In a process of its own: what a child takes at its peak is counted from what its parent holds at the start.
        with ProcessPoolExecutor(1) as executor:
            executor.submit(make, recipe, path, digests, binary).result()
    write_project(project, recipe.name, threads)
    into_page_cache(path)
    return Dataset(recipe.name, project, path, json.loads(digests.read_text()))


def make(recipe, path, digests, binary):
    if recipe.name == VISITS:
        generate_visits(binary, path, recipe.num_lines, recipe.seed)
    else:
        nested.write(path, recipe.num_lines, recipe.seed, num_cores())
    digests.write_text(json.dumps(truth.digests(recipe.name, path, num_cores()), indent=1))


def write_project(folder, name, threads):
    limits = "" if threads == num_cores() else f"\n[limits]\nthreads = {threads}\n"
    (folder / "tidemill.toml").write_text(PROJECT_FILES[name] + limits)
    (folder / "outputs").mkdir(exist_ok=True)


def generate_visits(binary, path, num_lines, seed):
    command = [binary, "generate", "-u", NUM_VISITORS, "-e", num_lines, "--seed", seed, "--start", START]
    command += ["--max-lag-seconds", MAX_LAG_S, "--output", path]
    made = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if made.returncode != 0:
        raise Unready(f"`tidemill generate` failed: {made.stderr.strip()}")


def into_page_cache(path):
    """Reads the file anew, from start to end.

    In how large pieces the kernel holds a file depends on how it came into memory, and the time of reads on that: of one
    that several threads had read in parts when it was cold, up to twice as much. So does that of starting a program: one
    that the linker has just written is there in the smallest pieces.
    """
    buffer = bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.readinto(buffer):
            pass


def linked(dataset, folder, num_files, threads):
    """A project that reads the file of `dataset` under `num_files` names, on `threads` threads."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inputs").mkdir(parents=True)
    write_project(folder, dataset.name, threads)
    for number in range(num_files):
        os.link(dataset.path, folder / "inputs" / f"{number:04}{dataset.path.suffix}")
    return folder


def remove(recipes, work):
    """Removes what was made of the recipes, and the folder `work` if nothing else is in it."""
    for recipe in recipes:
        shutil.rmtree(work / recipe.folder_name, ignore_errors=True)
    if work.is_dir() and not any(work.iterdir()):
        work.rmdir()
