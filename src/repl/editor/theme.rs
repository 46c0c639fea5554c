//! Colours on dark and on light ground. What is not known is underlined in both, and without colours.

use nu_ansi_term::{Color, Style};

use crate::repl::assist::Role;
use crate::repl::settings::Theme;

/// The styles of a theme.
#[derive(Clone, Copy)]
pub(super) struct Colours {
    keyword: Style,
    function: Style,
    string: Style,
    number: Style,
    comment: Style,
    parameter: Style,
    command: Style,
    unknown: Style,
    pub(super) prompt: Color,
    pub(super) hint: Style,
    pub(super) menu: Style,
    pub(super) selected: Style,
    pub(super) matched: Style,
    pub(super) description: Style,
}

impl Colours {
    pub(super) fn of(theme: Theme) -> Self {
        let plain = Style::new();
        let selected = plain.reverse();
        let bare = Self {
            keyword: plain,
            function: plain,
            string: plain,
            number: plain,
            comment: plain,
            parameter: plain,
            command: plain,
            unknown: plain.underline(),
            prompt: Color::Default,
            hint: plain,
            menu: plain,
            selected,
            matched: plain,
            description: plain,
        };
        match theme {
            Theme::None => bare,
            Theme::Dark => Self {
                keyword: Color::LightBlue.bold(),
                function: Color::LightCyan.normal(),
                string: Color::LightGreen.normal(),
                number: Color::LightMagenta.normal(),
                comment: Color::DarkGray.italic(),
                parameter: Color::LightYellow.normal(),
                command: Color::LightYellow.bold(),
                unknown: Color::LightRed.underline(),
                prompt: Color::LightGreen,
                hint: Color::DarkGray.normal(),
                menu: plain,
                matched: plain.bold(),
                description: Color::LightGray.normal(),
                ..bare
            },
            Theme::Light => Self {
                keyword: Color::Blue.bold(),
                function: Color::Cyan.normal(),
                string: Color::Green.normal(),
                number: Color::Purple.normal(),
                comment: Color::DarkGray.italic(),
                parameter: Color::Red.normal(),
                command: Color::Red.bold(),
                unknown: Color::Red.underline(),
                prompt: Color::Green,
                hint: Color::LightGray.normal(),
                menu: plain,
                matched: plain.bold(),
                description: Color::DarkGray.normal(),
                ..bare
            },
        }
    }

    pub(super) fn role(&self, role: Role) -> Style {
        match role {
            Role::Keyword => self.keyword,
            Role::Function => self.function,
            Role::String => self.string,
            Role::Number => self.number,
            Role::Comment => self.comment,
            Role::Parameter => self.parameter,
            Role::Command => self.command,
            Role::Unknown => self.unknown,
            Role::Plain | Role::Operator => Style::new(),
        }
    }
}
