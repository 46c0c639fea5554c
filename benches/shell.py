"""How soon the shell is there, and how soon it gives in: from start to prompt, from Tab to menu, and from Ctrl-C to prompt.

    cargo build --release
    python3 benches/shell.py [--rounds N] [--binary PATH]

Starts the shell in a terminal of its own: over the sample in inputs/, and over 10,000 files. Then it starts to group 1 GB of lines
(links to one file), and presses Ctrl-C in the middle. Prints medians and maxima in milliseconds; it needs nothing but Python.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import tempfile
import termios
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
PROMPT = b"tidemill> "
FILES = 10_000
LINKS = 64
BLOCK = 16 << 20
PATIENCE = 30
# Names are looked up beside the typing.
LOOKING = 2


class Shell:
    """A shell in a terminal."""

    def __init__(self, binary, folder, home):
        self.began = time.perf_counter()
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm"}
            os.execve(binary, [str(binary), "repl"], environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.seen = b""

    def wait(self, text):
        """Reads until `text` is there, answers where the cursor is when asked, and returns the time."""
        while text not in self.seen:
            if not select.select([self.terminal], [], [], PATIENCE)[0]:
                raise SystemExit(f"the shell never showed {text!r}:\n{self.seen.decode(errors='replace')}")
            self.seen += os.read(self.terminal, 1 << 16)
            for _ in range(self.seen.count(b"\x1b[6n")):
                os.write(self.terminal, b"\x1b[1;1R")
            # Colours and moves of the cursor stand between what is read as one text.
            self.seen = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.seen)
        self.seen = self.seen.split(text, 1)[1]
        return time.perf_counter()

    def send(self, text):
        os.write(self.terminal, text)

    def end(self):
        self.send(b"\x04")
        os.waitpid(self.process, 0)
        os.close(self.terminal)


def start(binary, folder, home):
    shell = Shell(binary, folder, home)
    took = shell.wait(PROMPT) - shell.began
    shell.end()
    return took


def cancel(binary, folder, home):
    shell = Shell(binary, folder, home)
    shell.wait(PROMPT)
    shell.send(b"SELECT ip, id, count(*) FROM events GROUP BY ip, id;\r")
    shell.wait(b"rows/s")
    began = time.perf_counter()
    shell.send(b"\x03")
    took = shell.wait(PROMPT) - began
    shell.end()
    return took


def complete(binary, folder, home):
    shell = Shell(binary, folder, home)
    shell.wait(PROMPT)
    time.sleep(LOOKING)
    shell.send(b"SELECT user_")
    shell.wait(b"user_")
    began = time.perf_counter()
    shell.send(b"\t")
    # Only the menu has the type.
    took = shell.wait(b"varchar events") - began
    shell.send(b"\x03")
    shell.wait(PROMPT)
    shell.end()
    return took


def told(name, times):
    print(f"{name:34} median {median(times) * 1000:6.1f} ms, at most {max(times) * 1000:6.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=Path, default=target / "release/tidemill")
    args = parser.parse_args()
    binary = args.binary.resolve()
    sample = (ROOT / "inputs/sample.out").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        home, few, many, large = (Path(folder) / name for name in ("home", "few", "many", "large"))
        for place in (few, many, large):
            (place / "inputs").mkdir(parents=True)
        home.mkdir()
        shutil.copy(ROOT / "inputs/sample.out", few / "inputs/sample.out")
        for number in range(FILES):
            (many / f"inputs/{number:05}.out").write_bytes(sample[: sample.index(b"\n") + 1])
        base = large / "base"
        base.write_bytes(sample * (BLOCK // len(sample)))
        for number in range(LINKS):
            (large / f"inputs/{number:02}.out").hardlink_to(base)
        for name, act, place in (
            ("start to prompt, sample", start, few),
            (f"start to prompt, {FILES:,} files", start, many),
            (f"Tab to menu, {FILES:,} files", complete, many),
            ("Ctrl-C to prompt, 1 GB", cancel, large),
        ):
            told(name, [act(binary, place, home) for _ in range(args.rounds)])


if __name__ == "__main__":
    main()
