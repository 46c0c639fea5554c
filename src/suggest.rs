//! Near names for misspelt ones: queries, tables, columns, settings.
//!
//! It knows nothing of what the names stand for.

/// The candidate nearest to `name`, if one is near enough to be what was meant.
///
/// Case does not count. Near is a Jaro-Winkler similarity of at least 0.8, the value below which
/// suggestions for three- and four-letter names stop making sense.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A hint for a name that does not exist: the nearest one, or else the short list of those that do.
///
/// `what` is a plural (`columns`, `saved queries`). `None` where there is nothing to offer.
pub fn hint<'a>(what: &str, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// A list longer than this is not read; it is cut and says so.
    const LISTED: usize = 16;
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(near) = nearest(name, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    if candidates.is_empty() {
        return None;
    }
    let listed: Vec<String> = candidates.iter().take(LISTED).map(|c| format!("`{c}`")).collect();
    let rest = candidates.len().saturating_sub(LISTED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    Some(format!("{what} are {}{more}", listed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_wins() {
        assert_eq!(nearest("age_braket", ["ip", "age_bracket", "id"]), Some("age_bracket"));
        assert_eq!(nearest("OPTED_IN", ["opted_in", "user_traffic"]), Some("opted_in"));
        assert_eq!(nearest("xyz", ["ip", "age_bracket"]), None);
    }

    #[test]
    fn a_far_name_gets_the_list() {
        assert_eq!(hint("columns", "q", ["ip", "id"]).as_deref(), Some("columns are `ip`, `id`"));
        assert_eq!(hint("columns", "q", []), None);
        let many: Vec<String> = (0..20).map(|n| format!("column{n:02}")).collect();
        assert!(hint("columns", "q", many.iter().map(String::as_str)).unwrap().ends_with(" and 4 more"));
    }
}
