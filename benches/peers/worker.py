"""One tool in one process: it takes requests as JSON lines and times each query by itself.

Started as `python -m peers.worker TOOL THREADS` in the virtual environment. The clock runs from the statement to the
last row or the closed file, so start and import of the tool are not counted; what a query costs includes looking at the
file for its columns, for that is what a person who asks about a file waits for.
"""

import json
import os
import resource
import sys
import tempfile
import time

from peers import queries
from peers.queries import ANSWER, JSON, PARQUET


class DuckDB:
    def __init__(self, threads):
        import duckdb

        self.connection = duckdb.connect(config={"threads": threads})

    def run(self, query, path, output):
        sql = queries.statement(query, queries.DUCKDB, path)
        if query.result == ANSWER:
            return self.connection.execute(sql).fetchall()
        self.connection.execute(f"COPY ({sql}) TO '{output}' (FORMAT {query.result})")
        return None


class ClickHouse:
    """Its caches are off: they would answer the second `count(*)` about a file without reading it.

    Without `…ambiguous_paths…` it refuses a file in which a field is now a string, now an object.
    """

    SETTINGS = {
        "use_cache_for_count_from_files": 0,
        "schema_inference_use_cache_for_file": 0,
        "input_format_json_use_string_type_for_ambiguous_paths_in_named_tuples_inference_from_objects": 1,
        "session_timezone": "'UTC'",
        "engine_file_truncate_on_insert": 1,
    }
    FORMATS = {PARQUET: "Parquet", JSON: "JSONEachRow"}

    def __init__(self, threads):
        from chdb.session import Session

        self.folder = tempfile.TemporaryDirectory()
        self.session = Session(self.folder.name)
        for name, value in (self.SETTINGS | {"max_threads": threads}).items():
            self.session.query(f"SET {name} = {value}")

    def run(self, query, path, output):
        sql = queries.statement(query, queries.CLICKHOUSE, path)
        if query.result == ANSWER:
            return json.loads(self.session.query(sql, "JSONCompact").bytes())["data"]
        self.session.query(f"INSERT INTO FUNCTION file('{output}', {self.FORMATS[query.result]}) {sql}")
        return None


class Polars:
    """Lazy, on its streaming engine."""

    def __init__(self, threads):
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        import polars

        self.polars = polars

    def run(self, query, path, output):
        frame = self.frame(query.name, self.polars.scan_ndjson(path))
        if query.result == ANSWER:
            return frame.collect(engine="streaming").rows()
        write = {PARQUET: frame.sink_parquet, JSON: frame.sink_ndjson}[query.result]
        write(output, engine="streaming")
        return None

    def frame(self, name, events):
        col, count = self.polars.col, self.polars.len().alias("n")
        commit = col("commit").struct
        if name in ("count", "nested-count"):
            return events.select(count)
        if name in ("filter-parquet", "filter-json"):
            return events.filter("opted_into_marketing").select("ip", "id", "lat", "lng", "age_bracket")
        if name == "group":
            return events.filter("opted_into_marketing").group_by("age_bracket").agg(count)
        if name == "minute":
            instant = col("event_datetime").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3f", time_unit="ms")
            groups = events.group_by(instant.dt.truncate("1m").alias("minute"), "id")
            return groups.agg(self.polars.len().alias("events"), col("file_size_bytes").sum().alias("bytes"))
        if name == "star":
            return events
        if name == "nested-filter":
            text = commit.field("record").struct.field("text")
            chosen = events.filter(commit.field("operation") == "create")
            return chosen.select("did", commit.field("collection"), text)
        return events.group_by(commit.field("collection")).agg(count)


class DataFusion:
    """The JSON reader that comes with the engine that tidemill is built on."""

    def __init__(self, threads):
        import datafusion

        self.config = datafusion.SessionConfig().with_target_partitions(threads)
        self.context_of = datafusion.SessionContext

    def run(self, query, path, output):
        context = self.context_of(self.config)
        context.register_json("events", path, file_extension=os.path.splitext(path)[1])
        frame = context.sql(queries.statement(query, queries.DATAFUSION))
        if query.result == ANSWER:
            return [tuple(row.values()) for batch in frame.collect() for row in batch.to_pylist()]
        write = {PARQUET: frame.write_parquet, JSON: frame.write_json}[query.result]
        write(output)
        return None


class Digest:
    """No contestant: it reads what one has written, and sums it up."""

    TEXT_COLUMNS = "{ip: VARCHAR, id: VARCHAR, lat: VARCHAR, lng: VARCHAR, age_bracket: VARCHAR}"

    def __init__(self, threads):
        import duckdb

        self.connection = duckdb.connect(config={"threads": threads})
        self.connection.execute("SET TimeZone = 'UTC'")

    def run(self, query, path, _output):
        reader = {
            PARQUET: f"read_parquet('{path}')",
            JSON: f"read_ndjson('{path}', columns = {self.TEXT_COLUMNS})",
        }[query.result]
        result = self.connection.execute(f"SELECT {query.digest} FROM {reader}")
        names = [column[0] for column in result.description]
        return [[name, as_number(value)] for name, value in zip(names, result.fetchone())]


def as_number(value):
    return value if value is None or isinstance(value, int) else float(value)


TOOLS = {
    "duckdb": DuckDB,
    "clickhouse": ClickHouse,
    "polars": Polars,
    "datafusion": DataFusion,
    "digest": Digest,
}


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reply(tool, request):
    query = queries.BY_NAME[request["query"]]
    wall, cpu = time.perf_counter(), cpu_s()
    try:
        rows = tool.run(query, request["path"], request["output"])
    except BaseException as error:  # A panic of a Rust library is no `Exception`.
        return {"error": f"{type(error).__name__}: {error}"}
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    return {"wall_s": wall, "cpu_s": cpu, "peak_bytes": peak_bytes(), "rows": rows}


def main():
    """Standard output is the requests' way back, so whatever a library prints goes to standard error."""
    name, threads = sys.argv[1:]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    tool = TOOLS[name](int(threads))
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(reply(tool, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
