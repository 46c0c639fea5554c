//! Statements that the engine by itself answers otherwise, of kinds that need several files, threads or tables of our own.

use crate::project::{Project, stderr};

/// What a statement answers, a line for each row.
fn answers(project: &Project, sql: &str, expected: &str) {
    assert_eq!(project.rows(sql).trim_end(), expected, "{sql}");
}

const ONE_THREAD: (&str, &str) = ("tidemill.toml", "[limits]\nthreads = 1\n");

/// The filter that `LIMIT` narrows asks for the same columns in the scan as where it is made.
#[test]
fn the_first_rows_are_found_where_one_key_stands_within_another() {
    let first = ("inputs/a.out", "{\"z\":0,\"p\":1,\"q\":5,\"id\":0}\n");
    let project = Project::new(&[ONE_THREAD, first, ("inputs/b.out", "{\"z\":0,\"p\":0,\"q\":1,\"id\":100}\n")]);
    let expected = "{\"id\":100}";
    for order in ["q - p, p, id", "q - p, p", "p, q - p", "-(q - p), q - p DESC, -p", "abs(p), p"] {
        let expected = if order.starts_with('-') { "{\"id\":0}" } else { expected };
        answers(&project, &format!("SELECT id FROM events ORDER BY {order} LIMIT 1"), expected);
    }
}

#[test]
fn what_holds_a_null_is_joined_by_what_it_holds() {
    let lines = "{\"id\":1,\"o\":{\"a\":1,\"b\":1},\"l\":[1]}\n{\"id\":2,\"o\":{\"b\":2},\"l\":[null]}\n{\"id\":3,\"o\":{},\"l\":[2]}\n";
    let project = Project::new(&[("inputs/a.out", lines)]);
    for column in ["o", "l"] {
        answers(&project, &format!("SELECT count(*) AS n FROM events x JOIN events y USING ({column})"), "{\"n\":3}");
        let sql = format!("SELECT count(*) AS n FROM events WHERE {column} IN (SELECT {column} FROM events)");
        answers(&project, &sql, "{\"n\":3}");
    }
}

#[test]
fn a_folder_without_a_value_stands_beside_others() {
    let toml = ("tidemill.toml", "[limits]\nthreads = 1\n[sources.events]\npath = \"inputs/**\"\n");
    let file = |folder: &str, line: &str| (format!("inputs/d={folder}/a.out"), line.to_owned());
    let files = [file("x", "{\"a\":1}\n"), file("__HIVE_DEFAULT_PARTITION__", "{\"a\":2}\n"), file("y", "{\"a\":3}\n")];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).chain([toml]).collect();
    let project = Project::new(&files);
    answers(&project, "SELECT d, a FROM events ORDER BY a LIMIT 2", "{\"d\":\"x\",\"a\":1}\n{\"d\":null,\"a\":2}");
    answers(
        &project,
        "SELECT d, a FROM events ORDER BY d DESC NULLS LAST, a",
        "{\"d\":\"y\",\"a\":3}\n{\"d\":\"x\",\"a\":1}\n{\"d\":null,\"a\":2}",
    );
    answers(&project, "SELECT d, count(*) AS n FROM events GROUP BY d ORDER BY d LIMIT 1", "{\"d\":\"x\",\"n\":1}");
}

/// Two tables with the same names, as of every join of a source with itself.
#[test]
fn a_filter_above_a_join_is_of_its_own_side() {
    let lines = "{\"id\":1,\"k\":\"a\",\"e\":1}\n{\"id\":2,\"k\":\"b\",\"e\":5}\n{\"id\":3,\"k\":\"a\",\"e\":9}\n{\"id\":4,\"k\":\"c\",\"e\":1}\n{\"id\":5,\"k\":\"b\",\"e\":1}\n";
    let project = Project::new(&[("inputs/a.out", lines)]);
    let joined = "FROM events x RIGHT JOIN events y ON x.e = y.id";
    let list = |ids: &[i64]| format!("{{\"ids\":[{}]}}", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
    for (condition, expected) in [
        ("x.id IS NULL", [2, 3, 4].as_slice()),
        ("x.id IS DISTINCT FROM 1", &[1, 1, 2, 3, 4, 5]),
        ("coalesce(x.id, 7) = 7", &[2, 3, 4]),
        ("x.k IS NULL AND y.k = 'a'", &[3]),
    ] {
        let sql = format!("SELECT array_agg(y.id ORDER BY y.id) AS ids {joined} WHERE {condition}");
        answers(&project, &sql, &list(expected));
    }
    // What is constant on one side is not behind the join.
    let of_a = "events y LEFT JOIN (SELECT * FROM events WHERE k = 'a') x ON x.id = y.id";
    let sql = format!("SELECT x.k, y.id FROM {of_a} ORDER BY x.k, y.id LIMIT 3");
    answers(&project, &sql, "{\"k\":\"a\",\"id\":1}\n{\"k\":\"a\",\"id\":3}\n{\"k\":null,\"id\":2}");
    let sql = format!("SELECT x.k, count(*) AS n FROM {of_a} GROUP BY x.k ORDER BY n");
    answers(&project, &sql, "{\"k\":\"a\",\"n\":2}\n{\"k\":null,\"n\":3}");
    let sql = format!("SELECT y.id, row_number() OVER (PARTITION BY x.k ORDER BY y.id) AS n FROM {of_a} ORDER BY y.id");
    answers(
        &project,
        &sql,
        "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":1}\n{\"id\":3,\"n\":2}\n{\"id\":4,\"n\":2}\n{\"id\":5,\"n\":3}",
    );
    let sql = "SELECT x.c, y.id FROM events y FULL JOIN (SELECT id, 'c' AS c FROM events WHERE id < 2) x ON x.id = y.id ORDER BY x.c NULLS FIRST, y.id LIMIT 1";
    answers(&project, sql, "{\"c\":null,\"id\":2}");
}

#[test]
fn sums_stand_in_sets_of_groups() {
    let project = Project::new(&[("inputs/a.out", "{\"k\":\"a\",\"n\":1}\n{\"k\":\"b\",\"n\":1}\n")]);
    for set in ["CUBE (k, n + 1)", "GROUPING SETS ((k, n + 1), (k), (n + 1), ())"] {
        let sql = format!("SELECT k, n + 1 AS m, count(*) AS c FROM events GROUP BY {set} ORDER BY k, m");
        let expected = "{\"k\":\"a\",\"m\":2,\"c\":1}\n{\"k\":\"a\",\"m\":null,\"c\":1}\n{\"k\":\"b\",\"m\":2,\"c\":1}\n{\"k\":\"b\",\"m\":null,\"c\":1}\n{\"k\":null,\"m\":2,\"c\":2}\n{\"k\":null,\"m\":null,\"c\":2}";
        answers(&project, &sql, expected);
    }
}

/// Times and days are compared in their own unit, so that those of any year can be, and a scan knows what it may leave out.
#[test]
fn finer_constants_become_as_coarse_as_the_times_that_they_are_compared_with() {
    let rows = [
        (1, "0001-01-01T00:00:00"),
        (2, "2024-05-01T00:00:00"),
        (3, "2024-05-02T00:00:00"),
        (4, "2024-05-02T00:00:01"),
        (5, "9999-12-31T23:59:59"),
    ];
    let lines =
        rows.map(|(id, t)| format!("{{\"id\":{id},\"t\":\"{t}\",\"d\":\"{}\"}}\n", &t[..10])).concat() + "{\"id\":6}\n";
    let toml = "[sources.events.columns]\nd = \"date\"\nt = \"timestamp(s)\"\n";
    let project = Project::new(&[("inputs/a.out", &lines), ("tidemill.toml", toml)]);
    for (condition, expected, otherwise) in [
        ("t = '2024-05-01'", "2", "1,3,4,5"),
        ("t <> '2024-05-01'", "1,3,4,5", "2"),
        ("t IS DISTINCT FROM '2024-05-01'", "1,3,4,5,6", "2"),
        ("t IN ('2024-05-01', '2024-05-02')", "2,3", "1,4,5"),
        ("t IN ('2024-05-01', NULL)", "2", ""),
        ("t BETWEEN '2024-05-01' AND '2024-05-02'", "2,3", "1,4,5"),
        ("t BETWEEN '2024-05-01' AND NULL", "", "1"),
        ("t BETWEEN '2024-05-01T00:00:00.1' AND '2024-05-02T00:00:00.9'", "3", "1,2,4,5"),
        ("t = '2024-05-01T00:00:00.1'", "", "1,2,3,4,5"),
        ("t <> '2024-05-01T00:00:00.1'", "1,2,3,4,5", ""),
        ("t = DATE '2024-05-02'", "3", "1,2,4,5"),
        ("t < DATE '2024-05-02'", "1,2", "3,4,5"),
        ("TIMESTAMP '2024-05-02' >= t", "1,2,3", "4,5"),
        ("TIMESTAMP '2024-05-02' = t", "3", "1,2,4,5"),
        ("t = NULL", "", ""),
        ("t <= '9999-12-31'", "1,2,3,4", "5"),
        ("t < TIMESTAMP '3000-01-01T00:00:00.5'", "1,2,3,4", "5"),
        ("t <= DATE '9999-12-31'", "1,2,3,4", "5"),
        ("t = '9999-12-31T23:59:59'", "5", "1,2,3,4"),
        ("t <> '9999-12-31T23:59:59.1'", "1,2,3,4,5", ""),
        ("t BETWEEN '0001-01-01' AND '9999-12-31T23:59:59.999999'", "1,2,3,4,5", ""),
        ("t IN ('9999-12-31T23:59:59', '2024-05-01')", "2,5", "1,3,4"),
        ("d < TIMESTAMP '9999-12-31'", "1,2,3,4", "5"),
        ("d >= TIMESTAMP '9999-12-31'", "5", "1,2,3,4"),
        ("d = TIMESTAMP '2024-05-02'", "3,4", "1,2,5"),
        ("d = TIMESTAMP '2024-05-02T00:00:01'", "", "1,2,3,4,5"),
        ("d < TIMESTAMP '2024-05-02T00:00:01'", "1,2,3,4", "5"),
        ("d >= TIMESTAMP '2024-05-02T00:00:01'", "5", "1,2,3,4"),
        ("d > TIMESTAMP '2024-05-01'", "3,4,5", "1,2"),
        ("d IN (TIMESTAMP '2024-05-01', TIMESTAMP '2024-05-02')", "2,3,4", "1,5"),
        ("d BETWEEN TIMESTAMP '2024-05-01' AND TIMESTAMP '2024-05-02'", "2,3,4", "1,5"),
        ("d IS NOT DISTINCT FROM TIMESTAMP '2024-05-01'", "2", "1,3,4,5,6"),
    ] {
        for (condition, expected) in [(condition.to_owned(), expected), (format!("NOT ({condition})"), otherwise)] {
            let ids = "SELECT coalesce(array_to_string(array_agg(id ORDER BY id), ','), '') AS ids FROM events WHERE";
            answers(&project, &format!("{ids} {condition}"), &format!("{{\"ids\":\"{expected}\"}}"));
            let plan = project.rows(&format!("EXPLAIN SELECT id FROM events WHERE {condition}"));
            assert!(!plan.contains("CAST") && !plan.contains("held"), "{condition}: {plan}");
        }
    }
}

/// Lengths of time are compared as a whole, and added with all that they have.
#[test]
fn lengths_of_time_are_added_and_compared_as_they_are() {
    let lines = "{\"a\":\"2024-03-01T00:00:00\",\"b\":\"2024-03-03T05:00:02.75\",\"d\":\"2024-03-01\"}\n{\"a\":\"2024-03-01T00:00:00\"}\n";
    let toml = "[sources.events.columns]\na = \"timestamp(ms)\"\nb = \"timestamp(ms)\"\nd = \"date\"\n";
    let project = Project::new(&[("inputs/a.out", lines), ("tidemill.toml", toml)]);
    for (expr, expected) in [
        ("b - a > INTERVAL '1 day'", "true"),
        ("b - a < INTERVAL '1' DAY", "false"),
        ("INTERVAL '2 days' <= b - a", "true"),
        ("b - a >= INTERVAL '53 hours 2.75 seconds'", "true"),
        ("b - a = INTERVAL '2 days 5 hours 2.75 seconds'", "true"),
        ("b - a <> INTERVAL '2 days 5 hours 2.75 seconds'", "false"),
        ("b - a BETWEEN INTERVAL '1 day' AND INTERVAL '1 month'", "true"),
        ("b - a NOT IN (INTERVAL '1 day', INTERVAL '53 hours 2750 milliseconds')", "false"),
        ("b - a IN (INTERVAL '1 day', NULL)", "null"),
        ("b - a > NULL", "null"),
        ("INTERVAL '48 hours' > INTERVAL '1 day'", "true"),
        ("INTERVAL '1 month' = INTERVAL '30 days'", "true"),
        ("b - a > a - b", "true"),
        ("d - INTERVAL '1 hour'", "\"2024-02-29T23:00:00\""),
        ("INTERVAL '90 minutes' + d", "\"2024-03-01T01:30:00\""),
        ("d + INTERVAL '1 day'", "\"2024-03-02\""),
        ("d - INTERVAL '1' MONTH", "\"2024-02-01\""),
        ("b >= d + INTERVAL '54 hours'", "false"),
        ("d = d + INTERVAL '1 second'", "false"),
        ("date_trunc('day', b) < d + INTERVAL '49 hours'", "true"),
        ("extract(epoch FROM b - a)", "190802.75"),
        ("extract(milliseconds FROM b - a)", "2750"),
        ("date_part('nanosecond', b - a)", "2750000000"),
        ("extract(day FROM b - a)", "2"),
        ("extract(hour FROM b - a)", "5"),
        ("extract(hours FROM a - b)", "-5"),
        ("extract(minute FROM b + INTERVAL '61 minutes' - a)", "1"),
        ("extract(second FROM b - a)", "2"),
        ("extract(epoch FROM a)", "1709251200.0"),
    ] {
        answers(
            &project,
            &format!("SELECT {expr} AS x FROM events WHERE b IS NOT NULL"),
            &format!("{{\"x\":{expected}}}"),
        );
    }
    answers(&project, "SELECT b - a > INTERVAL '1 day' AS x FROM events WHERE b IS NULL", "{\"x\":null}");
    answers(&project, "SELECT count(*) AS n FROM events x JOIN events y ON y.b - x.a > INTERVAL '2 days'", "{\"n\":2}");
    // Also where it is a column by then.
    let hour = "SELECT d + INTERVAL '1 hour' AS h FROM events WHERE b IS NOT NULL";
    answers(&project, &format!("SELECT h - INTERVAL '1 minute' AS x FROM ({hour})"), "{\"x\":\"2024-03-01T00:59:00\"}");
    answers(
        &project,
        &format!("SELECT count(*) AS n FROM events WHERE a < (SELECT max(h) FROM ({hour}))"),
        "{\"n\":2}",
    );
    let both = format!("SELECT d AS h FROM events WHERE b IS NOT NULL UNION ALL {hour} ORDER BY h");
    answers(&project, &both, "{\"h\":\"2024-03-01T00:00:00\"}\n{\"h\":\"2024-03-01T01:00:00\"}");
}

#[test]
fn lists_with_unknown_elements_are_compared_as_such() {
    let project = Project::new(&[("inputs/a.out", "{\"n\":1}\n{\"n\":5}\n")]);
    for (compared, expected) in [
        ("n > ANY (ARRAY[3, NULL])", "[null,true]"),
        ("n <> ANY (ARRAY[1, NULL])", "[null,true]"),
        ("n <= ANY (ARRAY[1, 4])", "[true,false]"),
        ("n = ANY (ARRAY[5, NULL])", "[null,true]"),
        ("n < ANY (ARRAY[CAST(NULL AS BIGINT)])", "[null,null]"),
    ] {
        answers(
            &project,
            &format!("SELECT array_agg({compared} ORDER BY n) AS x FROM events"),
            &format!("{{\"x\":{expected}}}"),
        );
    }
}

#[test]
fn windows_that_are_made_of_others_have_their_parts() {
    let project =
        Project::new(&[("inputs/a.out", "{\"k\":\"a\",\"n\":1}\n{\"k\":\"b\",\"n\":2}\n{\"k\":\"a\",\"n\":3}\n")]);
    let sql = "SELECT k, n, sum(n) OVER (w ORDER BY n) AS s FROM events WINDOW w AS (PARTITION BY k) ORDER BY k, n";
    answers(
        &project,
        sql,
        "{\"k\":\"a\",\"n\":1,\"s\":1}\n{\"k\":\"a\",\"n\":3,\"s\":4}\n{\"k\":\"b\",\"n\":2,\"s\":2}",
    );
}

/// What leaves a frame leaves nothing behind in the sums over it.
#[test]
fn frames_that_slide_are_summed_up_as_if_each_were_alone() {
    let lines = (0..120_i64).map(|i| {
        let d = ["1e4", "1.5", "-0.25", "null", "1e-9", "3.0"][usize::try_from(i * i * 7 % 6).unwrap()];
        format!("{{\"i\":{i},\"g\":{},\"d\":{d},\"e\":{}.5,\"b\":{}}}\n", i % 2, i % 5, i % 7 != 3)
    });
    let project = Project::new(&[("inputs/a.out", &lines.collect::<String>())]);
    let rows = "FROM (VALUES (1, 1e17), (2, 1.5), (3, 1.5)) AS t(i, d)";
    let sums = "[1e+17,1e+17,3.0]";
    answers(
        &project,
        &format!(
            "SELECT array_agg(s ORDER BY i) AS s FROM (SELECT i, sum(d) OVER (ORDER BY i ROWS 1 PRECEDING) AS s {rows})"
        ),
        &format!("{{\"s\":{sums}}}"),
    );
    for (frame, joined) in [
        ("ROWS 3 PRECEDING", "b.i BETWEEN a.i - 3 AND a.i"),
        ("ROWS BETWEEN 2 FOLLOWING AND 4 FOLLOWING", "b.i BETWEEN a.i + 2 AND a.i + 4"),
        ("RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING", "b.i BETWEEN a.i - 7 AND a.i - 1"),
        ("ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING", "b.i > a.i"),
    ] {
        for function in [
            "sum(#d)",
            "avg(#d)",
            "var_pop(#d)",
            "stddev(#d)",
            "corr(#d, #e)",
            "regr_slope(#e, #d)",
            "covar_samp(#d, #e)",
            "bool_and(#b)",
            "bool_or(#b)",
            "bit_xor(CASE WHEN #d > 2 THEN #i END)",
            "bit_or(#i)",
            "count(#d)",
        ] {
            let alone = function.replace('#', "b.");
            let slid = function.replace('#', "");
            let sql = format!(
                "SELECT count(*) AS n FROM (SELECT i, {slid} OVER (ORDER BY i {frame}) AS x FROM events) s \
                 JOIN (SELECT a.i, {alone} AS x FROM events a LEFT JOIN events b ON {joined} GROUP BY a.i) j ON s.i = j.i \
                 WHERE s.x IS DISTINCT FROM j.x AND NOT coalesce(abs(CAST(s.x AS DOUBLE) - CAST(j.x AS DOUBLE)) <= 1e-6 * (1 + abs(CAST(j.x AS DOUBLE))), false)"
            );
            answers(&project, &sql, "{\"n\":0}");
        }
    }
    let by =
        "SELECT max(s) AS s FROM (SELECT sum(e) OVER (PARTITION BY g ORDER BY i ROWS 1 PRECEDING) AS s FROM events)";
    answers(&project, by, "{\"s\":7.0}");
}

/// Rows of values with NULL among them are compared as far as they decide.
#[test]
fn rows_of_values_are_compared_as_the_standard_has_it() {
    let lines = "{\"id\":1,\"a\":null,\"b\":1}\n{\"id\":2,\"a\":1,\"b\":null}\n{\"id\":3,\"a\":1,\"b\":2}\n{\"id\":4,\"a\":5,\"b\":null}\n{\"id\":5,\"a\":5,\"b\":5}\n";
    let project = Project::new(&[("inputs/a.out", lines)]);
    let many: Vec<String> = (0..1_000).map(|n| format!("({n}, {n})")).collect();
    let many = format!("(a, b) IN ({})", many.join(", "));
    for (condition, expected) in [
        ("(a, b) < (5, 5)", "2,3"),
        ("(a, b) <= (5, 5)", "2,3,5"),
        ("(a, b) <> (1, 2)", "1,4,5"),
        ("(a, b) = (1, 2)", "3"),
        ("(a, b) NOT IN ((1, 2), (7, 7))", "1,4,5"),
        ("(a, b) BETWEEN (1, 2) AND (5, 4)", "3"),
        (many.as_str(), "5"),
    ] {
        let sql =
            format!("SELECT array_to_string(array_agg(id ORDER BY id), ',') AS ids FROM events WHERE {condition}");
        answers(&project, &sql, &format!("{{\"ids\":\"{expected}\"}}"));
    }
}

/// Fields in keys of joins are found whatever is computed of them.
#[test]
fn joins_on_what_is_computed_of_fields_are_planned() {
    let lines = "{\"id\":1,\"o\":{\"b\":\"X\",\"n\":3},\"k\":4}\n{\"id\":2,\"o\":{\"b\":\"x\",\"n\":5},\"k\":7}\n";
    let project = Project::new(&[("inputs/a.out", lines)]);
    for (sql, expected) in [
        (
            "SELECT a.id, b.id AS other FROM events a JOIN events b ON lower(a.o.b) = b.o.b ORDER BY 1",
            "{\"id\":1,\"other\":2}\n{\"id\":2,\"other\":2}",
        ),
        ("SELECT a.id FROM events a JOIN events b ON a.o.n + 1 = b.k", "{\"id\":1}"),
        ("SELECT a.id FROM events a, events b WHERE coalesce(a.o.n, 0) + 2 = b.k", "{\"id\":2}"),
        ("SELECT sum(a.o.n) AS x FROM events b LEFT JOIN events a ON a.k > b.k WHERE b.id < a.o.n", "{\"x\":5}"),
        ("SELECT a.id FROM events a WHERE nullif(a.o.n, 4) IN (SELECT b.k - 1 FROM events b)", "{\"id\":1}"),
    ] {
        answers(&project, sql, expected);
    }
}

/// A cast is not taken from a column where that would change what is equal, less or more.
#[test]
fn casts_are_compared_as_they_are() {
    let lines = "{\"id\":1,\"de\":1.23456,\"i\":1,\"s\":\"a\",\"t\":\"1970-01-01T00:00:00Z\"}\n{\"id\":2,\"de\":-1.5,\"i\":5000000000,\"t\":\"1970-01-01T00:00:01Z\"}\n{\"id\":3,\"de\":2.0,\"i\":2,\"s\":\"3\",\"t\":\"1969-12-31T23:59:59Z\"}\n";
    let toml = "[sources.events.columns]\nde = \"decimal(25,5)\"\nt = \"timestamp(s)\"\n";
    let project = Project::new(&[("inputs/a.out", lines), ("tidemill.toml", toml)]);
    // Also where condition and cast, or constant and cast, come together only when the condition is moved.
    let moved = "WITH p AS (SELECT id, CAST(de AS BIGINT) AS whole, t, TIMESTAMP '1970-01-01T00:00:00.5' AS half FROM events) SELECT id FROM p WHERE ";
    answers(&project, &format!("{moved} whole = 1"), "{\"id\":1}");
    answers(&project, &format!("{moved} t = half"), "");
    answers(&project, &format!("{moved} t < half ORDER BY id"), "{\"id\":1}\n{\"id\":3}");
    for (condition, expected) in [
        ("CAST(de AS BIGINT) = 1", "1"),
        ("1 = CAST(de AS BIGINT)", "1"),
        ("CAST(de AS BIGINT) IN (1, 2)", "1,3"),
        ("CAST(de AS BIGINT) BETWEEN 1 AND 1", "1"),
        ("CAST(de AS BIGINT) <> 1", "2,3"),
        ("CAST(de AS DECIMAL(10,2)) = 1.23", "1"),
        ("CAST(de AS DECIMAL(30,6)) = 1.23456", "1"),
        ("TRY_CAST(i AS INT) > 0", "1,3"),
        ("TRY_CAST(i AS INT) IS DISTINCT FROM 1", "2,3"),
        ("t = TIMESTAMP '1970-01-01T00:00:00.5'", ""),
        ("t <> TIMESTAMP '1970-01-01T00:00:00.5'", "1,2,3"),
        ("t < TIMESTAMP '1970-01-01T00:00:00.5'", "1,3"),
        ("t <= TIMESTAMP '1970-01-01T00:00:00.5'", "1,3"),
        ("t > TIMESTAMP '1970-01-01T00:00:00.5'", "2"),
        ("t >= TIMESTAMP '1970-01-01T00:00:00.5'", "2"),
        ("t >= TIMESTAMP '1969-12-31T23:59:59.5'", "1,2"),
        ("TIMESTAMP '1970-01-01T00:00:00.5' > t", "1,3"),
        ("t = TIMESTAMP '1970-01-01T00:00:01'", "2"),
        ("t IN (TIMESTAMP '1970-01-01T00:00:00.5', TIMESTAMP '1970-01-01T00:00:01')", "2"),
        ("t BETWEEN TIMESTAMP '1969-12-31T23:59:59.5' AND TIMESTAMP '1970-01-01T00:00:00.5'", "1"),
        ("t < now() - INTERVAL '1' HOUR", "1,2,3"),
        ("CAST(t AS TIMESTAMP(3)) < TIMESTAMP '1970-01-01T00:00:00.5'", "1,3"),
        ("arrow_cast(de, 'Int64') = 1", "1"),
        ("TRY_CAST(s AS BIGINT) IS NOT DISTINCT FROM NULL", "1,2"),
        ("TRY_CAST(s AS BIGINT) IS DISTINCT FROM NULL", "3"),
    ] {
        let sql =
            format!("SELECT array_to_string(array_agg(id ORDER BY id), ',') AS ids FROM events WHERE {condition}");
        let expected =
            if expected.is_empty() { "{\"ids\":null}".to_owned() } else { format!("{{\"ids\":\"{expected}\"}}") };
        answers(&project, &sql, &expected);
        // The same, where nothing is simplified.
        let sql = format!(
            "SELECT array_to_string(array_agg(id ORDER BY id), ',') AS ids FROM (SELECT id, ({condition}) AS p FROM events) WHERE p"
        );
        answers(&project, &sql, &expected);
    }
}

#[test]
fn lists_of_what_may_be_null_are_not_put_together() {
    let project = Project::new(&[("inputs/a.out", "{\"id\":1,\"a\":1}\n{\"id\":2,\"a\":null}\n{\"id\":3,\"a\":3}\n")]);
    for (condition, expected) in [
        ("a NOT IN (1, 7) OR a NOT IN (2, 8)", "true,null,true"),
        ("NOT (a IN (1, 7) AND a IN (2, 8))", "true,null,true"),
        ("a IN (1, 7) AND a IN (2, 8)", "false,null,false"),
        ("a IN (1, 7) AND a NOT IN (1, 7, 9)", "false,null,false"),
        ("NOT a IN (1, 7) AND a IN (7, 1)", "false,null,false"),
        ("a NOT IN (1, 7) AND a NOT IN (3, 8)", "false,null,false"),
        ("a NOT IN (1, 7) OR a NOT IN (2, 8) OR a NOT IN (4, 9)", "true,null,true"),
    ] {
        let sql = format!("SELECT array_agg(({condition}) ORDER BY id) AS p FROM events");
        answers(&project, &sql, &format!("{{\"p\":[{expected}]}}"));
        let sql = format!("SELECT count(*) AS n FROM events WHERE {condition}");
        let count = expected.split(',').filter(|truth| *truth == "true").count();
        answers(&project, &sql, &format!("{{\"n\":{count}}}"));
    }
}

#[test]
fn what_is_in_a_query_is_unknown_where_a_null_may_be_it() {
    let lines = "{\"id\":1,\"a\":1,\"k\":1}\n{\"id\":2,\"a\":2,\"k\":1}\n{\"id\":3,\"k\":2}\n{\"id\":4,\"a\":5,\"k\":3}\n{\"id\":5,\"k\":4}\n{\"id\":6,\"a\":7,\"k\":2}\n";
    let project = Project::new(&[("inputs/a.out", lines)]);
    for (condition, ids) in [
        ("e.a NOT IN (SELECT a FROM events f WHERE f.k = e.k + 1)", "5 6"),
        ("e.a NOT IN (SELECT a FROM events f WHERE f.k > e.k)", "5"),
        ("e.a NOT IN (SELECT a FROM events f WHERE f.k = 9)", "1 2 3 4 5 6"),
        ("NOT (e.a IN (SELECT a FROM events f WHERE f.k = 2) AND e.k < 3)", "4 5"),
        ("NOT (e.a IN (SELECT a FROM events f WHERE f.k = e.k + 1) AND e.k < 3)", "4 5 6"),
        ("e.a NOT IN (SELECT a FROM events) OR e.k = 1", "1 2"),
        ("e.a NOT IN (SELECT a FROM events f WHERE f.k = 9) OR e.k = 1", "1 2 3 4 5 6"),
        ("(e.a IN (SELECT a FROM events)) IS NULL", "3 5"),
        ("(e.a IN (SELECT a FROM events f WHERE f.k = e.k + 1)) IS NULL", "1 2 3 4"),
        ("coalesce(e.a IN (SELECT a FROM events f WHERE f.k = 2), true)", "1 2 3 4 5 6"),
        ("e.a NOT IN (SELECT a FROM events UNION ALL SELECT 9) OR e.k = 9", ""),
        ("e.a * 1.0 NOT IN (SELECT k FROM events f WHERE f.k <> e.k GROUP BY k)", "1 4 6"),
        ("coalesce(e.a, 7) IN (SELECT f.a AS k FROM events f WHERE f.k = e.k)", "1 2 3 4 6"),
        ("NOT EXISTS (SELECT f.a AS k FROM events f WHERE f.k > e.k)", "5"),
        ("NULL NOT IN (SELECT a FROM events)", ""),
        ("7 NOT IN (SELECT a FROM events f WHERE f.k > e.k)", "5"),
        ("0 IN (SELECT count(*) FROM events f WHERE f.k = e.k + 1)", "5"),
        ("e.a NOT IN (SELECT max(a) FROM events f WHERE f.k = e.k) OR e.k = 9", "1"),
        ("EXISTS (SELECT count(*) FROM events f WHERE f.k = e.k + 1)", "1 2 3 4 5 6"),
    ] {
        let sql =
            format!("SELECT string_agg(CAST(id AS VARCHAR), ' ' ORDER BY id) AS ids FROM events e WHERE {condition}");
        let ids = if ids.is_empty() { "null".to_owned() } else { format!("\"{ids}\"") };
        answers(&project, &sql, &format!("{{\"ids\":{ids}}}"));
    }
    let limited = "SELECT id FROM events e WHERE e.a NOT IN (SELECT a FROM events f WHERE f.k > e.k LIMIT 1)";
    let told = stderr(&project.run(&["sql", limited]));
    assert!(told.contains("a subquery cannot be computed where it stands"), "{told}");
}

/// Two files, so that what each thread has sorted is merged.
#[test]
fn rows_are_sorted_by_what_takes_several_steps() {
    let project = Project::new(&[
        ("inputs/a.out", "{\"n\":1,\"s\":\"ab\"}\n"),
        ("inputs/b.out", "{\"n\":7,\"s\":\"b\"}\n"),
        ("inputs/c.out", "{\"n\":3,\"s\":\"abc\"}\n{\"n\":5,\"s\":\"a\"}\n"),
    ]);
    for (keys, sorted) in [
        ("abs(n - 3) DESC, n", [7, 1, 5, 3]),
        ("n + 1 > 4, -n", [3, 1, 7, 5]),
        ("-(n + 1)", [7, 5, 3, 1]),
        ("-length(s), n", [3, 1, 5, 7]),
        ("length(s) > 1, n DESC", [7, 5, 3, 1]),
        ("sqrt(n) + 1.5 DESC", [7, 5, 3, 1]),
        ("-coalesce(n, 0)", [7, 5, 3, 1]),
        ("length(s) > 1 AND n > 2 DESC, n", [3, 1, 5, 7]),
        ("-CASE WHEN n = 1 THEN 6 ELSE n END", [7, 1, 5, 3]),
        ("n % 2, n, n DESC", [1, 3, 5, 7]),
    ] {
        let told = |numbers: &[i32]| numbers.iter().map(|n| format!("{{\"n\":{n}}}")).collect::<Vec<_>>().join("\n");
        answers(&project, &format!("SELECT n FROM events ORDER BY {keys}"), &told(&sorted));
        answers(&project, &format!("SELECT n FROM events ORDER BY {keys} LIMIT 1"), &told(&sorted[..1]));
        let ranked =
            format!("SELECT n FROM (SELECT n, row_number() OVER (ORDER BY {keys}) AS r FROM events) ORDER BY r");
        answers(&project, &ranked, &told(&sorted));
        let list = sorted.map(|n| n.to_string()).join(",");
        answers(
            &project,
            &format!("SELECT array_agg(n ORDER BY {keys}) AS l FROM events"),
            &format!("{{\"l\":[{list}]}}"),
        );
    }
}
