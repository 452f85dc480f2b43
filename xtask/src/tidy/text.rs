//! Rules about the text of any file that a person reads: white space, header comments, paths of one machine.

use cargo_metadata::camino::Utf8Path;

use crate::finding::Finding;

const READ_BY_PEOPLE: &[&str] = &[
    "css", "env", "html", "js", "json", "lua", "md", "proto", "py", "rs", "sh", "sql", "toml", "txt", "yaml",
    "yml",
];

/// Files without an extension that people read too. A Makefile needs its tabs.
const READ_BY_PEOPLE_NAMES: &[&str] = &["Makefile", "run"];

/// Directories that exist on somebody's machine and mean nothing on another. Spelled in two parts, so that this file
/// passes its own rule.
const MACHINE_PATHS: &[&str] = &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];

/// A place for throw-away files: fine in code that runs on Linux only, misleading in instructions.
const TEMPORARY: &str = concat!("/", "tmp/");

/// Whether the rules of this module apply to a file.
pub(crate) fn is_read_by_people(path: &Utf8Path) -> bool {
    match path.extension() {
        Some(extension) => READ_BY_PEOPLE.contains(&extension),
        None => path.file_name().is_some_and(|name| READ_BY_PEOPLE_NAMES.contains(&name)),
    }
}

/// Judges one file's text.
pub(crate) fn check(path: &Utf8Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.split_terminator('\n')) {
        let faults = white_space(path, line).into_iter().chain(machine_path(path, line));
        findings.extend(
            faults.map(|(problem, remedy)| Finding::error(format!("{path}:{number}"), problem, remedy)),
        );
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::error(path.as_str(), "the last line has no end", "add a line break"));
    }
    findings.extend(header(path, text));
    findings
}

type Fault = (String, &'static str);

fn white_space(path: &Utf8Path, line: &str) -> Option<Fault> {
    let needs_tabs = path.file_name() == Some("Makefile");
    if line.ends_with([' ', '\t', '\r']) {
        Some(("white space at the end of the line".to_owned(), "remove it"))
    } else if line.contains('\t') && !needs_tabs {
        Some(("a tab".to_owned(), "use spaces, or an escape in a string"))
    } else {
        None
    }
}

fn machine_path(path: &Utf8Path, line: &str) -> Option<Fault> {
    let document = path.extension() == Some("md");
    let places = MACHINE_PATHS.iter().copied().chain(document.then_some(TEMPORARY));
    let place =
        places.into_iter().find(|place| line.match_indices(*place).any(|(at, _)| starts_a_path(line, at)))?;
    Some((format!("names {place}, a directory of one machine"), "use a path relative to the project"))
}

/// Whether the slash at `at` begins an absolute path, as opposed to standing within a longer one or in a URL.
fn starts_a_path(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    before.is_none_or(|before| !before.is_alphanumeric() && !"._-~/}*:".contains(before))
}

/// A transition in SQL or Lua begins by saying what it does.
fn header(path: &Utf8Path, text: &str) -> Option<Finding> {
    if !matches!(path.extension(), Some("sql" | "lua")) || text.trim_start().starts_with("--") {
        return None;
    }
    Some(Finding::error(
        path.as_str(),
        "no header comment",
        "begin with a `--` comment: what it does, its arguments, what it returns",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        check(Utf8Path::new(path), text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clean_text_has_no_findings() {
        let text = "# Title\n\nSee https://example.com/work/it and crates/work/it.\n";
        assert_eq!(problems("README.md", text), Vec::<String>::new());
    }

    #[test]
    fn stray_white_space_is_found_with_its_line() {
        for text in ["a\nb \n", "a\nb\t\n", "a\nb\tc\n", "a\nb\r\n"] {
            let problems = problems("a.toml", text);
            assert_eq!(problems.len(), 1, "{text:?}: {problems:?}");
            assert!(problems[0].starts_with("error: a.toml:2:"), "{problems:?}");
        }
    }

    #[test]
    fn a_makefile_keeps_its_tabs() {
        assert_eq!(problems("Makefile", "test:\n\tcargo xtask ci\n"), Vec::<String>::new());
    }

    #[test]
    fn a_file_ends_with_a_line_break() {
        assert!(problems("a.md", "text")[0].contains("last line"));
        assert_eq!(problems("a.md", ""), Vec::<String>::new());
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for place in MACHINE_PATHS {
            assert_eq!(problems("a.rs", &format!("open(\"{place}x\")\n")).len(), 1, "{place}");
            assert_eq!(problems("a.md", &format!("in `{place}x`\n")).len(), 1, "{place}");
        }
    }

    #[test]
    fn the_temporary_directory_is_wrong_in_documents_only() {
        let line = format!("cd {TEMPORARY}x\n");
        assert_eq!(problems("a.md", &line).len(), 1);
        assert_eq!(problems("a.sh", &line), Vec::<String>::new());
    }

    #[test]
    fn statements_and_scripts_have_a_header() {
        assert!(problems("settle.sql", "UPDATE a SET b = 1;\n")[0].contains("header"));
        assert!(problems("settle.lua", "return 1\n")[0].contains("header"));
        assert_eq!(problems("settle.sql", "-- Settles.\nUPDATE a SET b = 1;\n"), Vec::<String>::new());
    }
}
