//! What stands before a line.

use std::borrow::Cow;

use nu_ansi_term::Color;
use reedline::{PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, PromptViMode};

use super::theme::Colours;

pub(super) struct Prompt {
    pub(super) colours: Colours,
}

impl reedline::Prompt for Prompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("tidemill")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed(match mode {
            PromptEditMode::Vi(PromptViMode::Normal) => ": ",
            _ => "> ",
        })
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("      ..> ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failed = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "nothing for ",
        };
        Cow::Owned(format!("({failed}search: {}) ", search.term))
    }

    fn get_prompt_color(&self) -> Color {
        self.colours.prompt
    }

    fn get_prompt_multiline_color(&self) -> Color {
        self.colours.prompt
    }

    fn get_indicator_color(&self) -> Color {
        self.colours.prompt
    }

    fn get_prompt_right_color(&self) -> Color {
        self.colours.prompt
    }
}
