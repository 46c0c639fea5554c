//! What can be set about how the shell shows things. It shows nothing.

use std::fmt;
use std::str::FromStr;

use crate::display::layout::Expanded;
use crate::display::mode::Mode;
use crate::error::{Error, Result};
use crate::suggest;

/// The settings, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) expanded: Expanded,
    pub(super) timing: bool,
    /// Rows of a result that are shown.
    pub(super) rows: usize,
    /// The widest that a line is; the terminal's without.
    pub(super) width: Option<usize>,
    pub(super) null: String,
    /// The table that INSERT statements name.
    pub(super) table: String,
    /// Whether a result that the terminal does not hold goes through the pager.
    pub(super) pager: bool,
    pub(super) theme: Theme,
    pub(super) keys: Keys,
}

/// Colours for what the background is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    Dark,
    Light,
    /// No colours.
    None,
}

/// The keys of which editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    Emacs,
    Vi,
}

/// A setting as people read about it.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) values: &'static [&'static str],
    pub(super) help: &'static str,
}

const ON_OFF: &[&str] = &["on", "off"];

/// All settings.
pub(super) const SETTINGS: [Setting; 9] = [
    Setting {
        name: "mode",
        values: &["table", "expanded", "ndjson", "json", "csv", "tsv", "markdown", "html", "insert"],
        help: "what results look like",
    },
    Setting { name: "expanded", values: &["on", "off", "auto"], help: "a block per row instead of a table" },
    Setting { name: "timing", values: ON_OFF, help: "tell how long statements take" },
    Setting { name: "rows", values: &["40", "all"], help: "rows of a result that are shown" },
    Setting { name: "width", values: &["auto"], help: "columns of a line; auto is the terminal's" },
    Setting { name: "null", values: &["NULL"], help: "what stands for NULL" },
    Setting { name: "pager", values: ON_OFF, help: "show in the pager what the terminal does not hold" },
    Setting { name: "theme", values: &["dark", "light", "none"], help: "colours for what the background is" },
    Setting { name: "keys", values: &["emacs", "vi"], help: "which editor's keys" },
];

impl Settings {
    /// What they are in the beginning.
    pub(super) fn new(mode: Mode, theme: Theme, timing: bool) -> Self {
        Self {
            mode,
            expanded: Expanded::Auto,
            timing,
            rows: 40,
            width: None,
            null: "NULL".to_owned(),
            table: "result".to_owned(),
            pager: false,
            theme,
            keys: Keys::Emacs,
        }
    }

    /// Whether there is such a setting.
    pub(super) fn has(name: &str) -> bool {
        SETTINGS.iter().any(|setting| setting.name == name)
    }

    /// What a setting is, as it would be typed.
    pub(super) fn get(&self, name: &str) -> String {
        match name {
            "mode" => self.mode.to_string(),
            "expanded" => word(self.expanded).to_owned(),
            "timing" => on_off(self.timing).to_owned(),
            "rows" => match self.rows {
                usize::MAX => "all".to_owned(),
                rows => rows.to_string(),
            },
            "width" => self.width.map_or_else(|| "auto".to_owned(), |width| width.to_string()),
            "null" => self.null.clone(),
            "pager" => on_off(self.pager).to_owned(),
            "theme" => self.theme.to_string(),
            _ => self.keys.to_string(),
        }
    }

    /// Sets one.
    ///
    /// **Errors**: `Request`, for a setting that there is none of, or a value that it does not take.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "mode" => self.mode = value.parse()?,
            "expanded" => {
                let values = [Expanded::On, Expanded::Off, Expanded::Auto];
                self.expanded = one_of(name, value, values, word)?;
            }
            "timing" => self.timing = flag(name, value)?,
            "rows" if value.eq_ignore_ascii_case("all") => self.rows = usize::MAX,
            "rows" => self.rows = number(name, value)?,
            "width" if value.eq_ignore_ascii_case("auto") => self.width = None,
            "width" => self.width = Some(number(name, value)?).filter(|width| *width > 0),
            "null" => value.clone_into(&mut self.null),
            "pager" => self.pager = flag(name, value)?,
            "theme" => self.theme = one_of(name, value, [Theme::Dark, Theme::Light, Theme::None], Theme::name)?,
            "keys" => self.keys = one_of(name, value, [Keys::Emacs, Keys::Vi], Keys::name)?,
            _ => {
                let error = Error::request(format!("there is no setting `{name}`"));
                return Err(error.with_hint_if(suggest::hint("settings", name, SETTINGS.map(|setting| setting.name))));
            }
        }
        Ok(())
    }
}

/// `on` or `off`, in the words in which people say it.
pub(super) fn flag(name: &str, value: &str) -> Result<bool> {
    match value.to_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(Error::request(format!("`{name}` is on or off, not `{value}`"))),
    }
}

fn number(name: &str, value: &str) -> Result<usize> {
    value.parse().map_err(|_| Error::request(format!("`{name}` is a number, not `{value}`")))
}

fn one_of<T: Copy, const N: usize>(
    name: &str,
    value: &str,
    values: [T; N],
    word: impl Fn(T) -> &'static str,
) -> Result<T> {
    let found = values.into_iter().find(|one| word(*one).eq_ignore_ascii_case(value));
    found.ok_or_else(|| {
        let listed = values.map(|one| format!("`{}`", word(one))).join(", ");
        Error::request(format!("`{name}` is one of {listed}, not `{value}`"))
    })
}

fn on_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

fn word(expanded: Expanded) -> &'static str {
    match expanded {
        Expanded::On => "on",
        Expanded::Off => "off",
        Expanded::Auto => "auto",
    }
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::None => "none",
        }
    }
}

impl Keys {
    fn name(self) -> &'static str {
        match self {
            Self::Emacs => "emacs",
            Self::Vi => "vi",
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Theme {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        one_of("theme", name, [Self::Dark, Self::Light, Self::None], Self::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_what_it_says_that_it_takes() {
        let mut settings = Settings::new(Mode::Table, Theme::Dark, true);
        for setting in SETTINGS {
            for value in setting.values {
                settings.set(setting.name, value).unwrap();
                assert_eq!(settings.get(setting.name), *value);
            }
        }
        settings.set("null", "").unwrap();
        assert_eq!(settings.get("null"), "");
    }

    #[test]
    fn what_it_does_not_take_is_told() {
        let mut settings = Settings::new(Mode::Table, Theme::Dark, true);
        let mut fails = |name: &str, value: &str, message: &str| {
            assert_eq!(settings.set(name, value).unwrap_err().to_string(), message);
        };
        fails("expanded", "maybe", "`expanded` is one of `on`, `off`, `auto`, not `maybe`");
        fails("timing", "2", "`timing` is on or off, not `2`");
        fails("rows", "-1", "`rows` is a number, not `-1`");
        fails("colour", "on", "there is no setting `colour`");
    }
}
