"""What the right answers are, by Python's `json`, line by line: no tool of the contest is its own judge."""

import datetime
import json
import math
import multiprocessing
from collections import Counter

from peers.queries import NESTED, VISITS

BYTES_PER_RANGE = 16 << 20


def visits(lines):
    """Sums over all visits and over those that opted in, and the groups per minute and visitor."""
    sums, groups, brackets = Counter(), set(), Counter()
    for event in map(json.loads, lines):
        parts = visit_parts(event)
        sums.update({f"star {name}": value for name, value in parts.items()})
        groups.add((event["event_datetime"][:16], event["id"]))
        if event["opted_into_marketing"]:
            sums.update({f"filter {name}": parts[name] for name in FILTER_PARTS})
            brackets[event["age_bracket"]] += 1
    return sums, groups, brackets


FILTER_PARTS = ["rows", "ip_letters", "id_letters", "located", "lat", "lng", "oldest"]


def visit_parts(event):
    located = event["lat"] != ""
    return {
        "rows": 1,
        "ips": 1,
        "ip_letters": len(event["ip"]),
        "id_letters": len(event["id"]),
        "located": int(located),
        "lat": event["lat"] if located else 0,
        "lng": event["lng"] if located else 0,
        "agent_letters": len(event["user_agent"]),
        "oldest": int(event["age_bracket"] == "55+"),
        "opted_in": int(event["opted_into_marketing"]),
        "request_letters": len(event["http_request"]),
        "responses": event["http_response"],
        "bytes": event["file_size_bytes"],
        "datetimes": 1,
        "instants": event["event_ts"],
    }


def nested(lines):
    """Sums over creations, and the number of events per collection."""
    sums, collections = Counter(), Counter()
    for event in map(json.loads, lines):
        commit = event.get("commit", {})
        collection = commit.get("collection")
        collections["(null)" if collection is None else collection] += 1
        if commit.get("operation") == "create":
            text = commit["record"].get("text")
            sums["rows"] += 1
            sums["did_letters"] += len(event["did"])
            sums["collection_letters"] += len(collection)
            if text is not None:
                sums["texts"] += 1
                sums["text_letters"] += len(text)
                sums["text_bytes"] += len(text.encode())
    return sums, set(), collections


def visits_digests(sums, groups, brackets):
    star = {name.removeprefix("star "): value for name, value in sums.items() if name.startswith("star ")}
    chosen = {name.removeprefix("filter "): value for name, value in sums.items() if name.startswith("filter ")}
    minute = {
        "rows": len(groups),
        "events": star["rows"],
        "bytes": star["bytes"],
        "minutes": sum(minute_of(instant) for instant, _ in groups),
        "id_letters": sum(len(visitor) for _, visitor in groups),
    }
    del star["ip_letters"]
    count = {"rows": star["rows"]}
    return {
        "count": count,
        "filter-parquet": chosen,
        "filter-json": chosen,
        "group": dict(brackets),
        "minute": minute,
        "star": star,
    }


def nested_digests(sums, _groups, collections):
    count = {"rows": collections.total()}
    return {"nested-count": count, "nested-filter": dict(sums), "nested-group": dict(collections)}


def minute_of(instant):
    return int(datetime.datetime.fromisoformat(instant + "+00:00").timestamp()) // 60


READERS = {VISITS: (visits, visits_digests), NESTED: (nested, nested_digests)}


def digests(data, path, processes):
    """The right digest of each query over the data set `data` in the file at `path`."""
    _, conclude = READERS[data]
    starts = range(0, path.stat().st_size, BYTES_PER_RANGE)
    sums, groups, counts = Counter(), set(), Counter()
    with multiprocessing.Pool(processes) as pool:
        jobs = [(data, str(path), start) for start in starts]
        for part_sums, part_groups, part_counts in pool.imap_unordered(read_range, jobs):
            sums.update(part_sums)
            groups |= part_groups
            counts.update(part_counts)
    return conclude(sums, groups, counts)


def read_range(job):
    """A line belongs to the range that holds its first byte."""
    data, path, start = job
    read, _ = READERS[data]
    with open(path, "rb") as file:
        file.seek(max(start - 1, 0))
        if start > 0:
            file.readline()
        return read(lines_until(file, start + BYTES_PER_RANGE))


def lines_until(file, end):
    at = file.tell()
    while at < end and (line := file.readline()):
        at += len(line)
        yield line


def differences(expected, found):
    """In words, how a digest is not what it should be; sums of doubles may differ by their order of addition."""
    words = []
    for name in sorted(expected.keys() | found.keys()):
        right, got = expected.get(name), found.get(name)
        if right is None or got is None or not math.isclose(right, got, rel_tol=1e-9):
            words.append(f"{name} is {got}, not {right}")
    return words
