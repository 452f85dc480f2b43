//! `cargo xtask loc`: lines of code of each crate, and how long its files are.

use std::ops::RangeInclusive;
use std::process::ExitCode;

use anyhow::Context as _;
use comfy_table::{CellAlignment, Table, presets};

use crate::files;
use crate::source::{Purpose, Source, is_test_file};
use crate::workspace::Workspace;

/// What is counted of one crate. A line counts when there is anything on it, a comment included.
#[derive(Debug, Default)]
struct Count {
    /// Lines of the product.
    product: usize,
    /// Lines of tests and benchmarks, test modules of product files included.
    test: usize,
    /// Lines of each file, product and test together.
    files: Vec<usize>,
}

/// Counts every crate and prints a table.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["crate", "files", "code", "tests", "median file", "longest file"]);
    let mut all = Count::default();
    for package in workspace.members() {
        let count = count(workspace, package)?;
        table.add_row(row(&package.name, &count));
        all.add(count);
    }
    table.add_row(row("all", &all));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    Ok(ExitCode::SUCCESS)
}

fn count(workspace: &Workspace, package: &cargo_metadata::Package) -> anyhow::Result<Count> {
    let directory = workspace.directory_of(package);
    let mut count = Count::default();
    for path in files::walk(&workspace.root().join(&directory))? {
        if path.extension() == Some("rs") {
            let path = directory.join(path);
            let text =
                files::read_text(workspace.root(), &path)?.with_context(|| format!("{path} is not UTF-8"))?;
            count.add(Count::of(&Source::parse(&path, text)?));
        }
    }
    Ok(count)
}

impl Count {
    fn of(source: &Source) -> Self {
        let lines = source.text.lines().filter(|line| !line.trim().is_empty()).count();
        let test = test_lines(source);
        Self { product: lines - test, test, files: vec![lines] }
    }

    fn add(&mut self, other: Self) {
        self.product += other.product;
        self.test += other.test;
        self.files.extend(other.files);
    }
}

/// How many lines that are not blank belong to tests.
fn test_lines(source: &Source) -> usize {
    let whole_file = is_test_file(&source.path);
    let stretches = source.tokens().chunk_by(|a, b| a.purpose == b.purpose);
    let spans: Vec<RangeInclusive<usize>> = stretches
        .filter_map(|stretch| match (stretch.first(), stretch.last()) {
            (Some(first), Some(last)) if first.purpose == Purpose::Test => Some(first.line..=last.line),
            _ => None,
        })
        .collect();
    let is_test = |line: usize| whole_file || spans.iter().any(|span| span.contains(&line));
    (1..)
        .zip(source.text.lines())
        .filter(|(number, line)| !line.trim().is_empty() && is_test(*number))
        .count()
}

fn row(name: &str, count: &Count) -> [String; 6] {
    let mut files = count.files.clone();
    files.sort_unstable();
    let median = files.get(files.len() / 2).copied().unwrap_or_default();
    let longest = files.last().copied().unwrap_or_default();
    [
        name.to_owned(),
        files.len().to_string(),
        count.product.to_string(),
        count.test.to_string(),
        median.to_string(),
        longest.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use cargo_metadata::camino::Utf8Path;

    use super::*;

    fn count_of(path: &str, text: &str) -> Count {
        Count::of(&Source::parse(Utf8Path::new(path), text.to_owned()).unwrap())
    }

    #[test]
    fn blank_lines_do_not_count_and_test_modules_count_apart() {
        let text = "//! Doc.\n\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n    // why\n    fn b() {}\n}\n";
        let count = count_of("crates/a/src/lib.rs", text);
        assert_eq!((count.product, count.test, count.files), (2, 5, vec![7]));
    }

    #[test]
    fn a_test_file_counts_as_tests_from_its_first_line() {
        let count = count_of("crates/a/tests/a.rs", "//! Doc.\n\nfn a() {}\n");
        assert_eq!((count.product, count.test), (0, 2));
    }

    #[test]
    fn the_median_is_the_middle_file() {
        let count = Count { product: 6, test: 0, files: vec![9, 1, 5] };
        assert_eq!(row("a", &count), ["a", "3", "6", "0", "5", "9"]);
    }
}
