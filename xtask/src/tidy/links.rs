//! Rules about Markdown: a relative link leads to a file, and its anchor to a heading.

use std::collections::HashMap;

use anyhow::Context as _;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::finding::Finding;

/// Judges the links of one document; `path` is relative to `root`.
pub(crate) fn check(root: &Utf8Path, path: &Utf8Path, text: &str) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for link in links(text) {
        let Some((file, anchor)) = split(&link.target) else { continue };
        let place = format!("{path}:{}", link.line);
        let target = match resolve(path, file) {
            Some(target) if root.join(&target).exists() => target,
            _ => {
                let problem = format!("the link {} leads nowhere", link.target);
                findings.push(Finding::error(place, problem, "correct it, or add the file"));
                continue;
            }
        };
        if target.extension() == Some("md") && !anchor.is_empty() {
            let text = std::fs::read_to_string(root.join(&target))
                .with_context(|| format!("cannot read {target}"))?;
            if !anchors(&text).iter().any(|known| known == anchor) {
                let problem = format!("{target} has no heading for #{anchor}");
                findings.push(Finding::error(place, problem, "correct the anchor, or the heading"));
            }
        }
    }
    Ok(findings)
}

struct Link {
    target: String,
    line: usize,
}

fn links(text: &str) -> Vec<Link> {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    };
    parser
        .filter_map(|(event, range)| {
            let line = text[..range.start].lines().count().max(1);
            target(event).map(|target| Link { target, line })
        })
        .collect()
}

/// A relative target as file and anchor; `None` for one that leaves the project.
fn split(target: &str) -> Option<(&str, &str)> {
    let leaves = target.contains("://") || target.starts_with("mailto:");
    (!leaves).then(|| target.split_once('#').unwrap_or((target, "")))
}

/// The path that a link in the document `from` means; `None` where it climbs out of the project.
fn resolve(from: &Utf8Path, file: &str) -> Option<Utf8PathBuf> {
    if file.is_empty() {
        return Some(from.to_owned());
    }
    let (start, file) = match file.strip_prefix('/') {
        Some(file) => (Utf8Path::new(""), file),
        None => (from.parent().unwrap_or(Utf8Path::new("")), file),
    };
    let mut resolved = start.to_owned();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." if !resolved.pop() => return None,
            ".." => {}
            part => resolved.push(part),
        }
    }
    Some(resolved)
}

/// The anchors that a rendered page offers for its headings: lower case, dashes for spaces, no punctuation, and a
/// number behind the second one of a name.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(words) | Event::Code(words), Some(heading)) => heading.push_str(&words),
            (Event::End(TagEnd::Heading(_)), Some(words)) => {
                let slug = slug(words);
                let count = seen.entry(slug.clone()).or_default();
                anchors.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
                *count += 1;
                heading = None;
            }
            _ => {}
        }
    }
    anchors
}

fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir(root.join("docs")).unwrap();
        std::fs::write(
            root.join("README.md"),
            "# Bank\n\n## Start here: `make server`\n\n## Twice\n\n## Twice\n",
        )
        .unwrap();
        let page = Utf8Path::new("docs/page.md");
        std::fs::write(root.join(page), text).unwrap();
        check(root, page, text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        for link in [
            "[a](../README.md)",
            "[a](/README.md)",
            "[a](../README.md#start-here-make-server)",
            "[a](../README.md#twice-1)",
            "[a](./page.md)",
            "[a](../docs/)",
            "[a](https://example.com/nowhere)",
            "[a](mailto:a@example.com)",
            "`[a](nowhere.md)`",
            "```\n[a](nowhere.md)\n```",
        ] {
            assert_eq!(problems(link), Vec::<String>::new(), "{link}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for link in ["[a](nowhere.md)", "![a](nowhere.png)", "[a][b]\n\n[b]: nowhere.md", "[a](../../out.md)"]
        {
            assert_eq!(problems(link).len(), 1, "{link}");
        }
    }

    #[test]
    fn an_anchor_without_a_heading_is_found() {
        for link in ["[a](../README.md#nowhere)", "[a](#nowhere)", "[a](../README.md#twice-2)"] {
            assert!(problems(link)[0].contains("has no heading for"), "{link}");
        }
    }

    #[test]
    fn a_finding_names_the_line_of_the_link() {
        assert!(problems("One.\n\nTwo [a](nowhere.md).\n")[0].starts_with("error: docs/page.md:3:"));
    }
}
