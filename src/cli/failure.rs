//! A failure, told to a person: what, where with the line and a caret, why, and what to do next.

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::say;
use crate::error::{Error, Excerpt};

/// Prints `error` on standard error; nothing for one that is no failure.
pub(super) fn print(error: &Error) {
    if !matches!(error, Error::ClosedPipe | Error::Told(_)) {
        say(tell(error).trim_end());
    }
}

/// The failure in a few lines, with colours.
pub(super) fn tell(error: &Error) -> String {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut text = format!("{red}error:{red:#} {}\n", error.chain());
    let Some(problem) = error.problem() else { return text };
    if let Some(excerpt) = &problem.excerpt {
        text.push_str(&picture(excerpt));
    }
    if let Some(hint) = &problem.hint {
        let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
        text.push_str(&format!("{cyan}hint:{cyan:#} {hint}\n"));
    }
    text
}

/// The lines around the place, with a caret under it.
fn picture(excerpt: &Excerpt) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
        .with_context_lines(1)
        .with_wrap_lines(false)
        .without_syntax_highlighting();
    if handler.render_report(&mut text, &Shown(excerpt)).is_err() {
        // The place is told in words where it cannot be drawn.
        return format!("  in {}, line {}\n", excerpt.name, excerpt.first_line);
    }
    // The first line is the handler's own heading, which is empty here.
    text.split_once('\n').map_or(String::new(), |(_, drawn)| drawn.to_owned())
}

#[derive(Debug)]
struct Shown<'a>(&'a Excerpt);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = (!self.0.label.is_empty()).then(|| self.0.label.clone());
        let span = &self.0.span;
        Some(Box::new(std::iter::once(LabeledSpan::new(label, span.start, span.len()))))
    }
}

/// The excerpt's text under its own line numbers.
impl SourceCode for Shown<'_> {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let contents = self.0.text.as_str().read_span(span, before, after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.0.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line() + self.0.first_line.saturating_sub(1),
            contents.column() + if contents.line() == 0 { self.0.first_column } else { 0 },
            contents.line_count(),
        )))
    }
}
