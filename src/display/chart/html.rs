//! A chart as a page of one file, which shows it without a network too.

use super::Chart;
use crate::error::{Error, Result};

/// The scripts that draw a specification, as <https://vega.github.io/vega-lite/usage/embed.html> has them.
const SCRIPTS: [&str; 3] = ["vega@5", "vega-lite@5", "vega-embed@6"];

pub(super) fn page(chart: &Chart) -> Result<String> {
    let specification = serde_json::to_string_pretty(&chart.vega_lite())
        .map_err(|error| Error::internal("the chart cannot be written").with_source(error))?;
    // Within a script no text ends it but `</script`, and within JSON `<` may be written so.
    let specification = specification.replace('<', "\\u003c");
    let scripts =
        SCRIPTS.map(|name| format!("<script src=\"https://cdn.jsdelivr.net/npm/{name}\"></script>\n")).concat();
    Ok(format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<div id="chart">
{svg}</div>
<script type="application/json" id="specification">
{specification}
</script>
{scripts}<script>
// Without a network the picture above stays.
if (window.vegaEmbed) {{
  const specification = JSON.parse(document.getElementById("specification").textContent);
  const drawn = document.createElement("div");
  window.vegaEmbed(drawn, specification).then(() => document.getElementById("chart").replaceChildren(drawn));
}}
</script>
</body>
</html>
"#,
        title = escaped(&chart.title),
        svg = chart.svg()?,
    ))
}

/// A text as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
