"""What has to be there first: the binary, and a virtual environment with the tools it is measured against."""

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    "duckdb": "duckdb==2.0.0",
    "clickhouse": "chdb-core==26.9.0",
    "polars": "polars==2.1.0",
    "datafusion": "datafusion==55.0.0",
}


class Unready(Exception):
    """Something is missing that a person has to see to."""


def target_dir():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def version_of(tool):
    return PACKAGES[tool].partition("==")[2]


def python_with(tools, folder):
    """The interpreter of the virtual environment in `folder`, with the packages of `tools` and the judge's."""
    python = folder / "bin" / "python"
    wanted = {PACKAGES[tool] for tool in (*tools, "duckdb")}
    list_file = folder / "installed.txt"
    installed = set(list_file.read_text().split()) if list_file.exists() else set()
    if missing := sorted(wanted - installed):
        print(f"installing {', '.join(missing)} into {folder}", file=sys.stderr)
        if not python.exists():
            venv.create(folder, with_pip=True)
        checked([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *missing])
        current = [package for package in installed if package in PACKAGES.values()]
        list_file.write_text("\n".join(sorted({*current, *missing})))
    return python


def tidemill(given):
    """The binary to measure, built if it is not there."""
    binary = Path(given).resolve() if given else target_dir() / "release" / "tidemill"
    if not binary.exists():
        if given:
            raise Unready(f"there is no tidemill at `{given}`")
        print(f"building {binary}", file=sys.stderr)
        checked(["cargo", "build", "--release"])
    return binary


def checked(command):
    try:
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unready(f"`{' '.join(command)}` failed: {error}") from error


def machine():
    """The machine in one line: processor, cores, memory."""
    model = "processor unknown"
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    extensions = [name for name in ("avx2", "avx512bw") if f" {name} " in read("/proc/cpuinfo")]
    with_extensions = f" ({', '.join(extensions)})" if extensions else ""
    return f"{model}{with_extensions}, {num_cores()} cores, {memory_gib:.0f} GiB"


def read(path):
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def num_cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def commit():
    """The commit of this repository, with a `+` if what is built differs from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True)
    if head.returncode != 0:
        return "unknown"
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "src", "Cargo.toml", "Cargo.lock"])
    return head.stdout.strip() + ("+" if changed.returncode else "")


class Others:
    """What other programs take of the processor from here on, seen from the processes that this one starts and ends."""

    def __init__(self):
        self.begun = time.monotonic()
        self.busy_s = busy_s() - own_s()

    def share(self):
        """Of all cores; nothing where the system does not tell."""
        taken_s = busy_s() - own_s() - self.busy_s
        return max(0.0, taken_s / (time.monotonic() - self.begun) / os.cpu_count()) if busy_s() else 0.0


def busy_s():
    """Seconds that all cores were busy since the system started; 0 where it does not tell."""
    fields = read("/proc/stat").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _waiting, *interrupts = [int(field) for field in fields[:8]] or [0] * 5
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def own_s():
    return sum(os.times()[:4])
