"""Figures for people: medians with their spread, and the tables of the README."""

from statistics import median

from peers.contest import TIDEMILL
from peers.environment import version_of
from peers.queries import NESTED, VISITS

NAMES = {
    TIDEMILL: "tidemill",
    "duckdb": "DuckDB",
    "clickhouse": "ClickHouse (chDB)",
    "polars": "Polars",
    "datafusion": "DataFusion",
}

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"


def title_of(tool):
    return NAMES[tool] if tool == TIDEMILL else f"{NAMES[tool]} {version_of(tool)}"


def wall_s(samples):
    return median(sample.wall_s for sample in samples)


def cpu_s(samples):
    return median(sample.cpu_s for sample in samples)


def peak_bytes(outcome):
    return max([outcome.peak_bytes] if not outcome.samples else [sample.peak_bytes for sample in outcome.samples])


def fastest_peer(contest, query):
    """The peer with the least wall time of those that are right; `None` without one."""
    outcomes = contest.outcomes[query.name]
    timed = [tool for tool in contest.peers if outcomes[tool].samples and not outcomes[tool].faults]
    return min(timed, key=lambda tool: wall_s(outcomes[tool].samples), default=None)


def ahead(contest, query):
    """How many times as long as tidemill the fastest peer takes."""
    ours, peer = contest.outcomes[query.name][TIDEMILL], fastest_peer(contest, query)
    if peer is None or not ours.samples or ours.faults:
        return None
    return wall_s(contest.outcomes[query.name][peer].samples) / wall_s(ours.samples)


def over_wc(contest, query, samples):
    return cpu_s(samples) / cpu_s(contest.wc[query.data])


def details(contest, chosen):
    """All that was measured, a row per query and tool."""
    lines = [
        "| query | tool | wall s | min–max | CPU s | peak MB | output MB | wall ÷ fastest peer | CPU ÷ `wc -l` |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for query in chosen:
        peer = fastest_peer(contest, query)
        fastest_s = wall_s(contest.outcomes[query.name][peer].samples) if peer else None
        for tool in contest.tools:
            lines.append(detail(contest, query, tool, fastest_s))
    return lines


def detail(contest, query, tool, fastest_s):
    outcome = contest.outcomes[query.name][tool]
    head = f"| {query.name} | {title_of(tool)} |"
    if outcome.faults or not outcome.samples:
        return f"{head} {verdict(outcome)} | | | | | | |"
    samples = outcome.samples
    walls = [sample.wall_s for sample in samples]
    ratio = f"{wall_s(samples) / fastest_s:.2f}" if fastest_s else ""
    peak = peak_bytes(outcome) if tool == TIDEMILL else outcome.peak_bytes
    output = f"{outcome.output_bytes / 1e6:.1f}" if outcome.output_bytes else ""
    return (
        f"{head} {wall_s(samples):.3f} | {min(walls):.3f}–{max(walls):.3f} | {cpu_s(samples):.3f} | {peak / 1e6:.0f} "
        f"| {output} | {ratio} | {over_wc(contest, query, samples):.1f} |"
    )


def verdict(outcome):
    if not outcome.faults:
        return "—"
    return "wrong" if outcome.peak_bytes else "fails"


def table(contest, chosen):
    """A row per query; a cell is wall seconds / CPU seconds / peak memory in MB."""
    tools = [title_of(tool) for tool in contest.tools]
    lines = [
        f"| | {' | '.join(tools)} | ahead | CPU ÷ `wc -l` |",
        f"|---|{'---:|' * len(tools)}---:|---:|",
    ]
    for query in chosen:
        peer = fastest_peer(contest, query)
        cells = [cell(contest.outcomes[query.name][tool], tool, tool == peer) for tool in contest.tools]
        factor = ahead(contest, query)
        ours = contest.outcomes[query.name][TIDEMILL]
        cpu = f"{over_wc(contest, query, ours.samples):.1f}" if ours.samples else ""
        lines.append(f"| {query.title} | {' | '.join(cells)} | {f'{factor:.1f} ×' if factor else '—'} | {cpu} |")
    return lines


def cell(outcome, tool, is_fastest):
    if outcome.faults or not outcome.samples:
        return verdict(outcome)
    mark = "**" if is_fastest else ""
    peak = peak_bytes(outcome) if tool == TIDEMILL else outcome.peak_bytes
    wall, cpu = wall_s(outcome.samples), cpu_s(outcome.samples)
    return f"{mark}{wall:.2f}{mark} / {cpu:.2f} / {peak / 1e6:.0f}"


def for_readme(contest, chosen, conditions):
    """The block between the marks: where it was measured, and a table per data set."""
    lines = [conditions, ""]
    for name, what in ((VISITS, "web visits"), (NESTED, "nested events of three kinds")):
        of_set = [query for query in chosen if query.data == name]
        if of_set:
            size = contest.datasets[name].size_bytes / 1e6
            wc = contest.wc[name]
            lines += [f"{size:.0f} MB of {what} (`wc -l`: {wall_s(wc):.2f} s):", "", *table(contest, of_set), ""]
    return lines + faults(contest, chosen)


def faults(contest, chosen):
    """What each tool that is not timed got wrong; a line each."""
    lines = []
    for query in chosen:
        for tool in contest.tools:
            if found := contest.outcomes[query.name][tool].faults:
                shown = " ".join(found[0].split())
                lines.append(f"- {NAMES[tool]}, `{query.name}`: {shown[:200]}{'…' if len(shown) > 200 else ''}")
    return [*lines, ""] if lines else []


def rewrite(readme, lines):
    """Puts `lines` between the marks of the README."""
    text = readme.read_text()
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"{readme.name} has no `{BEGIN} … {END}`")
    body = "\n".join(lines).strip()
    readme.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}")


def as_json(contest, chosen, conditions):
    """The samples themselves."""
    rows = []
    for query in chosen:
        for tool in contest.tools:
            outcome = contest.outcomes[query.name][tool]
            samples = [
                {"wall_s": sample.wall_s, "cpu_s": sample.cpu_s, "peak_bytes": sample.peak_bytes}
                for sample in outcome.samples
            ]
            rows.append(
                {
                    "query": query.name,
                    "tool": tool,
                    "version": None if tool == TIDEMILL else version_of(tool),
                    "faults": outcome.faults,
                    "peak_bytes": outcome.peak_bytes,
                    "output_bytes": outcome.output_bytes,
                    "samples": samples,
                }
            )
    wc = {name: [{"wall_s": s.wall_s, "cpu_s": s.cpu_s} for s in samples] for name, samples in contest.wc.items()}
    return {"conditions": conditions, "results": rows, "wc": wc}
