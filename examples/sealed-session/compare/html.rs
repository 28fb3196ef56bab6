//! The report as one page that needs nothing else.

use core::fmt::Write as _;

use sealed_session::compare::{
    Report,
    properties::{Property, Verdict},
};

use super::{
    format, plot,
    tables::{self, Table},
    text,
};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page. Everything that comes from outside is escaped, and the page may load
/// nothing: its policy says so.
pub(super) fn page(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_page(report, &mut out);
    out
}

fn write_page(report: &Report, out: &mut String) -> core::fmt::Result {
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\"/>\n\
         <link rel=\"icon\" href=\"data:,\"/>\n\
         <title>Cookie or server session? Measured</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<header>\n<h1>Cookie or server session? Measured</h1>\n"
    )?;
    if let Some(why) = &report.partial {
        let why = escaped(why);
        writeln!(
            out,
            "<p class=\"partial\" role=\"status\">Partial report: {why}.</p>"
        )?;
    }
    for line in text::about(report) {
        writeln!(out, "<p class=\"quiet\">{}</p>", escaped(&line))?;
    }
    if let Some(it) = &report.recommendation {
        writeln!(
            out,
            "<div class=\"answer\"><p><strong>Recommended: {}</strong></p><p>{}.</p></div>",
            it.way.as_str(),
            escaped(&format::sentence(&it.because))
        )?;
    }
    let sections = sections(report);
    out.push_str("<nav aria-label=\"Sections\"><ul>");
    for (id, title, _) in &sections {
        write!(out, "<li><a href=\"#{id}\">{title}</a></li>")?;
    }
    out.push_str("</ul></nav>\n</header>\n<main>\n");
    for (id, title, body) in &sections {
        write!(
            out,
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{body}</section>\n"
        )?;
    }
    write!(
        out,
        "</main>\n<footer class=\"quiet\"><p>{}</p></footer>\n<script>\n{SCRIPT}</script>\n</body>\n\
         </html>\n",
        escaped(&report.method.text)
    )
}

type Section = (&'static str, &'static str, String);

fn sections(report: &Report) -> Vec<Section> {
    let one = |tables: &[Table]| tables.iter().map(table).collect::<String>();
    let troubles = report.troubles.iter().map(|it| {
        let line = escaped(&format::trouble(it));
        format!("<p class=\"partial\">{line}</p>\n")
    });
    let folded = |summary: &str, tables: &[Table]| {
        let inner = one(tables);
        format!("<details><summary>{summary}</summary>\n{inner}</details>\n")
    };
    let mut sections: Vec<Section> = vec![
        ("troubles", "What could not be measured", troubles.collect()),
        ("plots", "In pictures", plots(report)),
        ("fits", "Does it fit?", one(&[tables::fits(report)])),
        (
            "crossings",
            "Where the strategies cross",
            one(&[tables::crossings(report)]),
        ),
        ("times", "Times", one(&[tables::times(report)])),
        ("sizes", "Sizes", one(&[tables::sizes(report)])),
        (
            "costs",
            "What a load costs",
            one(&[tables::costs(report), tables::prices(report)]),
        ),
        (
            "breaks",
            "What breaks first",
            one(&[tables::breaks(report)]),
        ),
    ];
    if report.costs.is_some() {
        let text = folded(
            "From a thousand to a billion users",
            &[tables::scale(report)],
        ) + &folded("The formulas", &[tables::formulas(report)]);
        if let Some((_, _, body)) = sections.last_mut() {
            body.push_str(&text);
        }
    }
    sections.push((
        "claims",
        "What is claimed, and what was found",
        claims(report),
    ));
    if let Some(express) = tables::express(report) {
        sections.push(("express", "Express beside it", one(&[express])));
    }
    sections.push((
        "rules",
        "Why this recommendation",
        one(&[tables::rules(report)]),
    ));
    sections.retain(|(_, _, body)| !body.is_empty());
    sections
}

fn plots(report: &Report) -> String {
    let plots = [
        ("p1", plot::sizes(report)),
        ("p2", plot::latencies(report)),
        ("p3", plot::waits(report)),
        ("p4", plot::traffic(report)),
    ];
    let mut out = String::new();
    for (id, plot) in plots {
        if plot.series.iter().all(plot::Series::is_empty) {
            continue;
        }
        let legend = plot.series.iter().filter(|it| !it.is_empty()).map(|it| {
            let mark = plot::mark(it.style, 17.0, 6.0);
            format!(
                "<li><svg viewBox=\"0 0 34 12\" aria-hidden=\"true\"><g class=\"s s{}\">\
                 <polyline points=\"0,6 34,6\"/>{mark}</g></svg>{}</li>",
                it.style,
                escaped(&it.name)
            )
        });
        let legend: String = legend.collect();
        let _ = write!(
            out,
            "<figure>\n<h3>{}</h3>\n{}<ul class=\"legend\">{legend}</ul>\n\
             <figcaption>{}</figcaption>\n</figure>\n",
            escaped(plot.title),
            plot::svg(&plot, id),
            escaped(&plot.description)
        );
    }
    if out.is_empty() {
        return out;
    }
    format!("<div class=\"plots\">\n{out}</div>\n")
}

fn table(table: &Table) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    let caption = escaped(&table.caption);
    let _ = write!(
        out,
        "<p class=\"quiet\">{caption}.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"{caption}\">\n<table>\n<thead><tr>"
    );
    for (column, head) in table.head.iter().enumerate() {
        let number = table.rows.iter().any(|row| {
            let cell = row.get(column);
            cell.is_some_and(|cell| cell.key.is_some() && cell.text.len() < 60)
        });
        let class = if number { " class=\"n\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{class}>");
        if head.is_empty() {
            out.push_str("<span hidden=\"hidden\">applies</span></th>");
        } else {
            let _ = write!(
                out,
                "<button type=\"button\">{}</button></th>",
                escaped(head)
            );
        }
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for cell in row {
            let text = escaped(&cell.text);
            // Long texts are not numbers, whatever they are sorted by.
            let _ = match cell.key {
                Some(key) if cell.text.len() < 60 => {
                    write!(out, "<td class=\"n\" data-k=\"{key}\">{text}</td>")
                }
                Some(key) => write!(out, "<td data-k=\"{key}\">{text}</td>"),
                None if cell.text.len() < 30 => write!(out, "<td class=\"t\">{text}</td>"),
                None => write!(out, "<td>{text}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    out
}

fn claims(report: &Report) -> String {
    if report.properties.is_empty() {
        return String::new();
    }
    let cards: String = report.properties.iter().map(claim).collect();
    format!("<div class=\"claims\">\n{cards}</div>\n")
}

fn claim(it: &Property) -> String {
    let class = match it.verdict {
        Verdict::Holds => "v-holds",
        Verdict::HoldsInPart => "v-part",
        Verdict::DoesNotHold => "v-not",
        Verdict::NotRecorded => "v-missing",
        Verdict::NotClaimed => "v-none",
    };
    let mut out = format!(
        "<article id=\"claim-{}\">\n<h3>{} <span class=\"{class}\">{}</span></h3>\n",
        escaped(&it.id),
        escaped(&it.topic),
        it.verdict.as_str()
    );
    if !it.claims.is_empty() {
        let claims = escaped(&tables::claims(it));
        let _ = writeln!(
            out,
            "<p><span class=\"quiet\">Claimed:</span> {claims}.</p>"
        );
    }
    let _ = writeln!(
        out,
        "<p><span class=\"quiet\">Run:</span> {}.</p>",
        escaped(&it.run)
    );
    out.push_str("<dl>");
    for (name, text) in [
        ("Cookie", &it.cookie),
        ("Store", &it.store),
        ("Automatic", &it.automatic),
    ] {
        let text = if text.is_empty() { "–" } else { text };
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(text));
    }
    out.push_str("</dl>\n");
    if !it.because.is_empty() {
        let _ = writeln!(out, "<p>{}.</p>", escaped(&format::sentence(&it.because)));
    }
    let evidence = escaped(&tables::evidence(it));
    let _ = writeln!(
        out,
        "<p class=\"quiet\">Evidence: {evidence}.</p>\n</article>"
    );
    out
}

/// Text that is nothing but text, also in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_element_or_attribute() {
        assert_eq!(
            escaped("<script>alert('\"&')</script>\0"),
            "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;\u{fffd}"
        );
    }
}
