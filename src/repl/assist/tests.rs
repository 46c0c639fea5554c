//! What is offered and what is underlined, over a few tables; and texts of any kind, which must not panic.

use proptest::prelude::*;

use super::*;

fn known() -> Known {
    let column = |name: &str, data_type: &str, values: &[&str]| Column {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        ..Column::default()
    };
    let events = vec![column("age_bracket", "varchar", &["'18-25'", "'55+'"]), column("lat", "double", &[])];
    let command = |name: &str, takes| Command { name: name.to_owned(), takes, help: String::new() };
    Known {
        tables: vec![Table::new("events", TableKind::Source, "event files: 1", events)],
        default_table: Some("events".to_owned()),
        queries: vec![("opted_in".to_owned(), String::new())],
        commands: vec![command("\\d", Takes::Table), command("\\run", Takes::Query)],
        ..Known::default()
    }
}

/// What is offered at the `|` of a text.
fn offered(text: &str) -> Vec<String> {
    let cursor = text.find('|').unwrap();
    let found = complete(&text.replacen('|', "", 1), cursor, &known(), &|_| Vec::new());
    found.into_iter().map(|suggestion| suggestion.insert).collect()
}

#[test]
fn what_could_stand_there_is_offered() {
    let check = |text: &str, expected: &str| {
        let found = offered(text);
        assert!(found.iter().any(|found| found.trim() == expected), "{text}: {found:?}");
    };
    check("sel|", "select");
    check("SELECT ag| FROM events", "age_bracket");
    check("SELECT ag|", "age_bracket");
    check("SELECT * FROM ev|", "events");
    check("SELECT e.la| FROM events e", "lat");
    check("SELECT * WHERE age_bracket = |", "'18-25'");
    check("WITH q AS (SELECT lat AS zed FROM events) SELECT | FROM q", "zed");
    check("WITH q AS (SELECT lat AS zed FROM events) SELECT z| FROM q", "zed");
    check("WITH q AS (SELECT lat AS zed FROM events) SELECT |", "zed");
    check("\\d ev|", "events");
    check("\\run op|", "opted_in");
}

#[test]
fn what_is_not_known_is_marked() {
    let unknown = |text: &str| -> Vec<String> {
        let found = highlight(text, text.len() + 1, &known());
        let marked = found.into_iter().filter(|(_, role)| *role == Role::Unknown);
        marked.map(|(range, _)| text[range].to_owned()).collect()
    };
    assert_eq!(unknown("SELECT lat FROM evnts ;"), ["evnts"]);
    assert_eq!(unknown("SELECT nope, lat AS l FROM events ORDER BY l ;"), ["nope"]);
    assert_eq!(unknown("WITH w AS (SELECT lat AS x FROM events) SELECT w.x FROM w ;"), Vec::<String>::new());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-zA-Z ,.()'\"$;=*\\\\\n0-9\u{e9}-]{0,60}", at in 0_usize..60) {
        let known = known();
        let cursor = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(text.len());
        complete(&text, cursor, &known, &|_| Vec::new());
        let mut end = 0;
        for (range, _) in highlight(&text, cursor, &known) {
            prop_assert_eq!(range.start, end);
            end = range.end;
        }
        prop_assert_eq!(end, text.len());
    }
}
