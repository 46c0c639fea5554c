"""The questions, once, in words that each tool's dialect fills in.

`{events}` is the table over the file, the other words in braces are the expressions in which the dialects differ.
What a result must hold is compared through its digest: a row of counts and sums.
"""

from dataclasses import dataclass

ANSWER, PARQUET, JSON = "answer", "parquet", "json"
VISITS, NESTED = "visits", "nested"


@dataclass(frozen=True)
class Query:
    """One question about one data set."""

    name: str
    data: str
    title: str
    result: str
    """`ANSWER` hands rows over; `PARQUET` and `JSON` write a file."""
    sql: str
    digest: str = ""
    """Selected from the file that was written; an answer is its own digest."""

    @property
    def extension(self):
        return {PARQUET: ".parquet", JSON: ".json"}[self.result]


FILTER = "SELECT ip, id, lat, lng, age_bracket FROM {events} WHERE opted_into_marketing"

FILTER_DIGEST = """
    count(*) AS rows, sum(length(ip)) AS ip_letters, sum(length(id)) AS id_letters,
    count(try_cast(lat AS DOUBLE)) AS located, sum(try_cast(lat AS DOUBLE)) AS lat, sum(try_cast(lng AS DOUBLE)) AS lng,
    count(*) FILTER (age_bracket = '55+') AS oldest
"""

MINUTE = """
SELECT {minute} AS minute, id, count(*) AS events, sum(file_size_bytes) AS bytes FROM {events} GROUP BY {minute}, id
"""

MINUTE_DIGEST = """
    count(*) AS rows, sum(events) AS events, sum(bytes) AS bytes, sum(epoch(minute) // 60) AS minutes,
    sum(length(id)) AS id_letters
"""

STAR_DIGEST = """
    count(*) AS rows, count(ip) AS ips, sum(length(id)) AS id_letters,
    count(try_cast(lat AS DOUBLE)) AS located, sum(try_cast(lat AS DOUBLE)) AS lat, sum(try_cast(lng AS DOUBLE)) AS lng,
    sum(length(user_agent)) AS agent_letters, count(*) FILTER (age_bracket = '55+') AS oldest,
    count(*) FILTER (opted_into_marketing) AS opted_in, sum(length(http_request)) AS request_letters,
    sum(http_response) AS responses, sum(file_size_bytes) AS bytes, count(event_datetime) AS datetimes,
    sum(event_ts) AS instants
"""

NESTED_DIGEST = """
    count(*) AS rows, sum(length(did)) AS did_letters, sum(length(collection)) AS collection_letters,
    count(text) AS texts, sum(length(text)) AS text_letters, sum(strlen(text)) AS text_bytes
"""

QUERIES = [
    Query("count", VISITS, "`count(*)`", ANSWER, "SELECT count(*) AS n FROM {events}"),
    Query("filter-parquet", VISITS, "filter, 5 columns → Parquet", PARQUET, FILTER, FILTER_DIGEST),
    Query("filter-json", VISITS, "filter, 5 columns → JSON", JSON, FILTER, FILTER_DIGEST),
    Query(
        "group",
        VISITS,
        "filter, group by age bracket",
        ANSWER,
        "SELECT age_bracket, count(*) AS n FROM {events} WHERE opted_into_marketing GROUP BY age_bracket",
    ),
    Query("minute", VISITS, "per minute and visitor → Parquet", PARQUET, MINUTE, MINUTE_DIGEST),
    Query("star", VISITS, "`SELECT *` → Parquet", PARQUET, "SELECT * FROM {events}", STAR_DIGEST),
    Query("nested-count", NESTED, "`count(*)`", ANSWER, "SELECT count(*) AS n FROM {events}"),
    Query(
        "nested-filter",
        NESTED,
        "filter by a nested field, 3 columns → Parquet",
        PARQUET,
        "SELECT did, {collection} AS collection, {text} AS text FROM {events} WHERE {operation} = 'create'",
        NESTED_DIGEST,
    ),
    Query(
        "nested-group",
        NESTED,
        "group by a nested field",
        ANSWER,
        "SELECT {collection} AS collection, count(*) AS n FROM {events} GROUP BY {collection}",
    ),
]

BY_NAME = {query.name: query for query in QUERIES}

TIDEMILL = {
    "events": "events",
    "minute": "date_bin(INTERVAL '1 minute', event_datetime)",
    "operation": "commit['operation']",
    "collection": "commit['collection']",
    "text": "commit['record']['text']",
}

DUCKDB = {
    "events": "read_ndjson('{path}')",
    "minute": "time_bucket(INTERVAL '1 minute', event_datetime::TIMESTAMP)",
    "operation": '"commit".operation',
    "collection": '"commit".collection',
    "text": '"commit".record.text',
}

CLICKHOUSE = {
    "events": "file('{path}', JSONEachRow)",
    "minute": "toStartOfMinute(event_datetime)",
    "operation": "commit.operation",
    "collection": "commit.collection",
    "text": "commit.record.text",
}

DATAFUSION = TIDEMILL | {"minute": "date_bin(INTERVAL '1 minute', to_timestamp(event_datetime))"}


def statement(query, dialect, path=""):
    """The query's SQL over the file at `path`, in one line."""
    words = dialect | {"events": dialect["events"].format(path=path)}
    return " ".join(query.sql.format(**words).split())


def as_digest(query, rows):
    """The digest of an answer: its groups, or the one number that it holds."""
    if len(rows) == 1 and len(rows[0]) == 1:
        return {"rows": rows[0][0]}
    return {"(null)" if key is None else str(key): count for key, count in rows}
