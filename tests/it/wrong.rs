//! Queries that are wrong, each in another way: what is told, and where. Every message points at a line and column.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::project::{Project, stderr};

const EVENTS: &str = "{\"id\":\"1\",\"n\":1,\"x\":0.5,\"ok\":true,\"at\":\"2024-03-01T00:00:00.000\",\"day\":\"2024-03-01\",\"o\":{\"op\":\"a\",\"tags\":[\"b\"]}}
{\"id\":\"x\",\"n\":0,\"x\":1.5,\"ok\":false,\"at\":\"2024-03-01T00:01:00.000\",\"day\":\"2024-03-02\",\"o\":{\"op\":\"c\",\"tags\":[]}}
";

/// Each begins on the second line of its file, so that no place is right by chance.
const QUERIES: [&str; 65] = [
    // What is no SQL.
    "SELEC id FROM events",
    "SELECT id FORM events",
    "SELECT id,, n FROM events",
    "SELECT id FROM events WERE n = 1",
    "SELECT id FROM events WHERE (n = 1",
    "SELECT id FROM events WHERE n = 'a",
    "SELECT id FROM events GROUP id",
    "SELECT id FROM events ORDER id",
    "SELECT id FROM events LIMIT",
    "SELECT CASE WHEN n = 1 THEN 'a' FROM events",
    "SELECT id FROM events; SELECT n FROM events",
    "UPDATE events SET n = 1",
    // Names that there are none of.
    "SELECT idd FROM events",
    "SELECT id FROM evnts",
    "SELECT e.idd FROM events AS e",
    "SELECT x.id FROM events AS e",
    "SELECT o.opp FROM events",
    "SELECT cuont(*) FROM events",
    "SELECT id FROM events WHERE n > (SELECT max(m) FROM events)",
    "SELECT id FROM events ORDER BY nn",
    "SELECT id FROM events e JOIN events f ON e.id = f.id",
    "SELECT sum(n) OVER w FROM events",
    "WITH a AS (SELECT n FROM events) SELECT id FROM a",
    // What would be passed over.
    "SELECT id FROM events GROUP BY id WITH ROLLUP",
    "SELECT id FROM events PREWHERE n = 1",
    "SELECT id FROM events FOR UPDATE",
    // Windows that are none.
    "SELECT id, SESSION_END(at, INTERVAL '5' MINUTE) FROM events GROUP BY id",
    "SELECT TUMBLE_START(at, INTERVAL '1' HOUR) FILTER (WHERE ok) FROM events GROUP BY TUMBLE(at, INTERVAL '1' HOUR)",
    "SELECT 1 + a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.{ FROM events",
    "SELECT SESSION_START(CAST(at AS TIMESTAMP(3)), INTERVAL '1' MONTH) FROM events GROUP BY 1",
    "SELECT id AS session_id FROM events GROUP BY id, SESSION(id, INTERVAL '1' HOUR)",
    "SELECT id AS session_id FROM events GROUP BY id, SESSION (id, INTERVAL '1' HOUR)",
    // Columns of one name.
    "SELECT id, events.id FROM events",
    "SELECT TUMBLE_START(at, INTERVAL '1' HOUR) AS s, TUMBLE_END(at, INTERVAL '1' HOUR) AS s FROM events GROUP BY TUMBLE(at, INTERVAL '1' HOUR)",
    "SELECT *, n + 1 AS m, id FROM events",
    "SELECT id, upper(id) AS id FROM events",
    // What the engine cannot do.
    "SELECT id FROM events WHERE n = (SELECT max(n))",
    // Texts that are no timestamps, and rows that are not read.
    "SELECT CAST(id AS TIMESTAMP(3)) AS t FROM events",
    "SELECT CAST(id AS INTERVAL) AS t FROM events",
    "SELECT CAST('x' AS INTERVAL) AS t FROM events",
    "SELECT 1 / n FROM events WHERE id = '1' OR n / n = 1",
    "SELECT 1 / (length(id) - 1) FROM events WHERE NOT ok",
    // Types that do not fit.
    "SELECT id + 1 FROM events WHERE ok + 1 > 2",
    "SELECT sum(id) FROM events",
    "SELECT upper(n, 2) FROM events",
    "SELECT n FROM events WHERE id",
    "SELECT n FROM events UNION ALL SELECT n, id FROM events",
    "SELECT day - ok FROM events",
    "SELECT CAST(n AS BIGINTT) FROM events",
    "SELECT o + 1 FROM events",
    "SELECT CASE WHEN ok THEN n ELSE o END FROM events",
    // Grouping and windows.
    "SELECT id, count(*) FROM events GROUP BY ok",
    "SELECT id FROM events WHERE count(*) > 1",
    "SELECT row_number() FROM events",
    "SELECT TUMBLE_START(at, INTERVAL '1' HOUR) FROM events",
    "SELECT count(*) FROM events GROUP BY TUMBLE(id, INTERVAL '1' HOUR)",
    "SELECT count(*) FROM events GROUP BY TUMBLE(at, 60)",
    "SELECT count(*) FROM events GROUP BY HOP(at, INTERVAL '1' HOUR)",
    "SELECT count(*) FROM TUMBLE(events, at, INTERVAL '1' HOUR)",
    // Parameters and definitions.
    "SELECT id FROM events WHERE day = $dya",
    "SELECT id FROM events WHERE n = ?",
    "CREATE FUNCTION f(a DOUBLE) RETURNS DOUBLE RETURN a + b; SELECT f(1)",
    // Values.
    "SELECT CAST(id AS BIGINT) FROM events",
    "SELECT 1 / n FROM events",
    "SELECT n + 9223372036854775807 FROM events",
];

#[test]
fn each_tells_what_is_wrong_and_where() {
    let settings = "[sources.events]\npath = \"inputs/*.out\"\ncolumns = { at = \"timestamp(ms)\", day = \"date\" }\n";
    let project = Project::new(&[("tidemill.toml", settings), ("inputs/a.out", EVENTS)]);
    let mut told = String::new();
    for query in QUERIES {
        project.write(
            "queries/q.sql",
            format!("--@ params.day = {{ type = \"date\", default = \"2024-03-01\" }}\n  {query}\n"),
        );
        let output = project.run(&["run", "q"]);
        let text = stderr(&output);
        assert!([1, 2].contains(&output.status.code().unwrap()), "{query}: {text}");
        let place = text.split("╭─[queries/q.sql:").nth(1).unwrap_or_else(|| panic!("{query} has no place: {text}"));
        assert!(place.starts_with("2:"), "{query}: {text}");
        let text = text.strip_prefix("q: nothing was published\n").unwrap();
        let lines = text.lines().filter(|line| !line.contains("params.day") && !line.ends_with("╰────"));
        let _ = writeln!(told, "{}\n", lines.collect::<Vec<_>>().join("\n"));
    }
    assert_snapshot!(told);
}
