//! What web servers write down: request lines, URLs and the names that browsers give themselves.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int64Builder, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{HashMap, Result};
use url::Url;
use woothee::parser::Parser;
use woothee::woothee::VALUE_UNKNOWN;

use super::documented;
use super::scalar::{Scalar, text};
use super::text::{Pieces, each, fields};

/// `parse_request(text)`: method, path and protocol of a request line.
///
/// **Shape**: a struct of three texts, all there or NULL as a whole. **Source**: RFC 9112 §3; the target may be any text
/// without spaces, since logs have `home.html` for `/home.html`.
pub(super) fn parse_request() -> Scalar {
    let documentation = documented(
        "parse_request(request)",
        "The method, path and protocol of a request line, as a struct. The path is all that stands between the other \
         two, with its query. NULL for a text that is no request line.",
        &[("request", "Text such as `GET /home.html HTTP/1.1`.")],
        "SELECT parse_request('GET /x?y HTTP/1.1')['path']\n-- /x?y",
    );
    Scalar::new("parse_request", vec![text()], DataType::Struct(request_fields()), requests, documentation)
}

/// `parse_url(text)`: the parts of a URL.
///
/// **Shape**: a struct of texts, and of `port`, a bigint that is NULL where it is the usual one of the scheme; NULL as a
/// whole for what is no URL. **Source**: the URL Standard of the WHATWG, whose normal form the parts have.
pub(super) fn parse_url() -> Scalar {
    let documentation = documented(
        "parse_url(url)",
        "Scheme, host, port, path, query and fragment of a URL, as a struct. They are written as browsers do: scheme \
         and host in lower case, a host that is not ASCII in Punycode, what a path cannot hold with percent signs. What \
         the URL does not have is NULL, and so is a port that is the usual one of the scheme. NULL for a text that is no \
         URL; a path alone is none.",
        &[("url", "Text such as `https://example.com:8080/a?b=c#d`.")],
        "SELECT parse_url('https://example.com:8080/a?b=c')['host']\n-- example.com",
    );
    Scalar::new("parse_url", vec![text()], DataType::Struct(url_fields()), urls, documentation)
}

/// `parse_user_agent(text)`: which browser, on what.
///
/// **Shape**: a struct of texts; a part that is not known is NULL, and the struct is NULL for NULL only. **Source**: the
/// data set of the project Woothee.
pub(super) fn parse_user_agent() -> Scalar {
    let documentation = documented(
        "parse_user_agent(user_agent)",
        "Browser, version, os and device of a user agent, as a struct. The device is `pc`, `smartphone`, `mobilephone`, \
         `appliance`, `crawler` or `misc`. Parts that are not known are NULL.",
        &[("user_agent", "Text as browsers send it in the header `User-Agent`.")],
        "SELECT parse_user_agent(user_agent)['browser'] AS browser, count(*) FROM events GROUP BY browser",
    );
    Scalar::new("parse_user_agent", vec![text()], DataType::Struct(agent_fields()), agents, documentation)
}

fn request_fields() -> Fields {
    fields(["method", "path", "protocol"])
}

fn agent_fields() -> Fields {
    fields(["browser", "version", "os", "device"])
}

/// Where the port stands among the parts of a URL, which are text but for it.
const PORT: usize = 2;

fn url_fields() -> Fields {
    let mut fields: Vec<_> = fields(["scheme", "host", "path", "query", "fragment"]).iter().cloned().collect();
    fields.insert(PORT, Arc::new(Field::new("port", DataType::Int64, true)));
    fields.into()
}

fn requests(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut pieces = Pieces::with_capacity(args[0].len());
    each(&args[0], |_, text| {
        pieces.push(text.and_then(request));
        Ok(())
    })?;
    let (columns, nulls) = pieces.finish();
    Ok(Arc::new(StructArray::try_new(request_fields(), columns, nulls)?))
}

fn request(line: &str) -> Option<[Option<&str>; 3]> {
    let (method, rest) = line.split_once(' ')?;
    let (path, protocol) = rest.split_once(' ')?;
    let is_method = !method.is_empty() && method.bytes().all(is_token);
    let is_path = !path.is_empty() && !path.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_method && is_path && is_protocol(protocol)).then_some([Some(method), Some(path), Some(protocol)])
}

/// A byte of a method: RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `HTTP/1.1`, and `HTTP/2` as some servers write it.
fn is_protocol(text: &str) -> bool {
    let Some(version) = text.strip_prefix("HTTP/") else { return false };
    let is_digit = |part: &str| part.len() == 1 && part.as_bytes()[0].is_ascii_digit();
    match version.split_once('.') {
        Some((major, minor)) => is_digit(major) && is_digit(minor),
        None => is_digit(version),
    }
}

fn urls(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut pieces = Pieces::with_capacity(args[0].len());
    let mut ports = Int64Builder::with_capacity(args[0].len());
    each(&args[0], |_, text| {
        let url = text.and_then(|text| Url::parse(text).ok());
        ports.append_option(url.as_ref().and_then(Url::port).map(i64::from));
        pieces.push(
            url.as_ref().map(|url| [Some(url.scheme()), url.host_str(), Some(url.path()), url.query(), url.fragment()]),
        );
        Ok(())
    })?;
    let (mut columns, nulls) = pieces.finish();
    columns.insert(PORT, Arc::new(ports.finish()));
    Ok(Arc::new(StructArray::try_new(url_fields(), columns, nulls)?))
}

fn agents(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut pieces = Pieces::with_capacity(args[0].len());
    // To know one takes as long as to read a hundred lines, and the same ones come again and again.
    let mut known: HashMap<&str, [Option<&str>; 4]> = HashMap::new();
    each(&args[0], |_, text| {
        pieces.push(text.map(|text| *known.entry(text).or_insert_with(|| agent(text))));
        Ok(())
    })?;
    let (columns, nulls) = pieces.finish();
    Ok(Arc::new(StructArray::try_new(agent_fields(), columns, nulls)?))
}

fn agent(text: &str) -> [Option<&str>; 4] {
    let parts = Parser::new().parse(text).map(|found| [found.name, found.version, found.os, found.category]);
    parts.map_or([None; 4], |parts| parts.map(|part| Some(part).filter(|part| ![VALUE_UNKNOWN, ""].contains(part))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: Option<[&str; 3]>) {
        assert_eq!(request(line), expected.map(|parts| parts.map(Some)), "{line:?}");
    }

    #[test]
    fn request_lines() {
        check("GET home.html HTTP/1.0", Some(["GET", "home.html", "HTTP/1.0"]));
        check("GET /x?y HTTP/1.1", Some(["GET", "/x?y", "HTTP/1.1"]));
        check("OPTIONS * HTTP/2", Some(["OPTIONS", "*", "HTTP/2"]));
        check("M-SEARCH /ü HTTP/2.0", Some(["M-SEARCH", "/ü", "HTTP/2.0"]));
        let none = ["", " ", "  ", "GET", "GET /", "GET / ", "GET  / HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 "];
        for line in none.into_iter().chain(["GET /a b HTTP/1.1", "GET / HTTP/", "GET / HTTP/1.", "GET / HTTP/.1"]) {
            check(line, None);
        }
        for line in ["GET / HTTP/é", "GET / http/1.1", "G(T / HTTP/1.1", "GET /\t HTTP/1.1", "GET / HTTP/1.1\n"] {
            check(line, None);
        }
    }

    #[test]
    fn user_agents() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0";
        assert_eq!(agent(firefox), [Some("Firefox"), Some("102.0"), Some("Linux"), Some("pc")]);
        assert_eq!(agent("Googlebot/2.1 (+http://www.google.com/bot.html)")[3], Some("crawler"));
        for unknown in ["", "-", "ü", "nothing known"] {
            assert_eq!(agent(unknown), [None; 4], "{unknown}");
        }
    }

    /// Text made of what parsers look for, so that they go far into it.
    fn looks_known() -> impl Strategy<Value = String> {
        let words = [
            "Mozilla/5.0",
            "(Windows NT 10.0;",
            "Windows ",
            "Phone OS 7",
            ")",
            "like Mac OS X",
            "iPhone;",
            "CPU OS 1_2",
            "Chrome/",
            "Version/4",
            "Opera",
            "OPR/",
            "MSIE 7.0;",
            "Trident/7.0;",
            "Android",
            "BlackBerry",
            "BB10",
            "DoCoMo/2.0",
            "KDDI-",
            "SoftBank/1.0/",
            "Nintendo",
            "PSP (PlayStation Portable);",
            "bot",
            "FreeBSD ",
            "CrOS ",
            "ü",
            ";",
            "(",
            "https://",
            "[::1",
            "@",
            "%zz",
            "\u{202e}",
        ];
        prop::collection::vec(prop::sample::select(words.to_vec()), 0..8).prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in prop_oneof![any::<String>(), looks_known()]) {
            let _ = (request(&text), agent(&text), Url::parse(&text));
        }
    }
}
