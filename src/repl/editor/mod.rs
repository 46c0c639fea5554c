//! The line editor, around what `assist` says about a text. Terminals and keys are the business of reedline.

mod help;
pub(super) mod history;
mod prompt;
mod theme;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use reedline::{
    DefaultHinter, DescriptionMode, EditCommand, Emacs, IdeMenu, KeyCode, KeyModifiers, Keybindings, MenuBuilder,
    Reedline, ReedlineEvent, ReedlineMenu, Signal, Vi, default_emacs_keybindings, default_vi_insert_keybindings,
    default_vi_normal_keybindings, default_vi_visual_keybindings,
};

use super::settings::{Keys, Theme};
use super::shell::Shell;
use crate::display::standard::say;
use crate::error::{Error, Result};
use help::Help;
use prompt::Prompt;

const COMPLETIONS: &str = "completions";

/// What came of reading.
pub(super) enum Read {
    Text(String),
    /// What was typed was taken back.
    Nothing,
    /// The person leaves.
    End,
    /// The process was asked to end.
    Stop,
}

/// Reads what a person types.
pub(super) struct Editor {
    line: Reedline,
    help: Arc<Help>,
    /// What the editor was made for; it is made anew where that changes.
    made_for: (Keys, Theme),
    history: Option<PathBuf>,
    /// Whether the process was asked to end.
    has_ended: Arc<AtomicBool>,
    /// Whether it was told that the history cannot be written.
    is_told: bool,
}

impl Editor {
    /// **Errors**: none that keep a person from typing: a history that cannot be used is told, and left alone.
    pub(super) fn open(shell: &mut Shell) -> Result<Self> {
        let help = Arc::new(Help { known: shell.observer.known(), here: shell.surroundings.here.clone() });
        let made_for = (shell.settings.keys, shell.settings.theme);
        let history = shell.surroundings.history.clone();
        let has_ended = shell.interrupts.has_ended();
        let line = line(&help, made_for, history.as_ref()).with_break_signal(Arc::clone(&has_ended));
        Ok(Self { line, help, made_for, history, has_ended, is_told: false })
    }

    /// Reads one text: a command, or statements that are complete.
    ///
    /// **Errors**: `Machine`, if the terminal cannot be used.
    pub(super) fn read(&mut self, shell: &mut Shell) -> Result<Read> {
        let wanted = (shell.settings.keys, shell.settings.theme);
        if wanted != self.made_for {
            let line = line(&self.help, wanted, self.history.as_ref());
            self.line = line.with_break_signal(Arc::clone(&self.has_ended));
            self.made_for = wanted;
        }
        if let Some(draft) = shell.draft.take() {
            self.line.run_edit_commands(&[EditCommand::InsertString(draft)]);
        }
        // The prompt comes first: names are looked up while it waits.
        shell.observer.start_once(&shell.runtime);
        let read = self.line.read_line(&Prompt { colours: theme::Colours::of(wanted.1) });
        if self.line.take_history_save_error().is_some() && !std::mem::replace(&mut self.is_told, true) {
            say("warning: what is typed is not remembered: the history cannot be written");
        }
        match read.map_err(|error| Error::machine("the terminal cannot be used").with_source(error))? {
            Signal::Success(text) => Ok(Read::Text(text)),
            Signal::CtrlD => Ok(Read::End),
            Signal::ExternalBreak(_) => Ok(Read::Stop),
            _ => Ok(Read::Nothing),
        }
    }
}

fn line(help: &Arc<Help>, (keys, theme): (Keys, Theme), history: Option<&PathBuf>) -> Reedline {
    let colours = theme::Colours::of(theme);
    let menu = IdeMenu::default()
        .with_name(COMPLETIONS)
        .with_marker("> ")
        .with_max_completion_height(12)
        .with_max_completion_width(60)
        .with_default_border()
        .with_description_mode(DescriptionMode::PreferRight)
        .with_text_style(colours.menu)
        .with_selected_text_style(colours.selected)
        .with_selected_match_text_style(colours.selected)
        .with_match_text_style(colours.matched)
        .with_description_text_style(colours.description);
    let mut line = Reedline::create()
        .use_bracketed_paste(true)
        // The styles are none where there is no colour, but for what is underlined or reversed.
        .with_ansi_colors(true)
        .with_completer(Box::new(help::Completions(Arc::clone(help))))
        .with_highlighter(Box::new(help::Highlights { help: Arc::clone(help), colours }))
        .with_validator(Box::new(help::Validity))
        .with_hinter(Box::new(DefaultHinter::default().with_style(colours.hint)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)));
    match history.map(|path| history::open(path)) {
        Some(Ok(history)) => line = line.with_history(Box::new(history)),
        Some(Err(error)) => say(&format!("warning: what is typed is not remembered: {}", error.chain())),
        None => {}
    }
    match keys {
        Keys::Emacs => line.with_edit_mode(Box::new(Emacs::new(bound(default_emacs_keybindings())))),
        Keys::Vi => line.with_edit_mode(Box::new(Vi::new(
            bound(default_vi_insert_keybindings()),
            default_vi_normal_keybindings(),
            default_vi_visual_keybindings(),
        ))),
    }
}

/// With keys for the menus, and for a new line in the middle of a text.
fn bound(mut keys: Keybindings) -> Keybindings {
    let menu = vec![ReedlineEvent::Menu(COMPLETIONS.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(menu));
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let new_line = || ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, new_line());
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::Enter, new_line());
    // Behind these something else begins: an open menu would go on to offer it, and take the Enter that asks.
    for end in [' ', ',', ';', ')'] {
        let typed = ReedlineEvent::Edit(vec![EditCommand::InsertChar(end)]);
        let closed = ReedlineEvent::Multiple(vec![ReedlineEvent::Esc, typed.clone()]);
        // A search of the history takes no two events at once.
        let event = ReedlineEvent::UntilFound(vec![closed, typed]);
        keys.add_binding(KeyModifiers::NONE, KeyCode::Char(end), event);
    }
    keys
}
