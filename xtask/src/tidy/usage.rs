//! Rule: what a manifest lists, the crate's sources name.

use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{Dependency, DependencyKind};

use crate::finding::Finding;
use crate::source::{Purpose, Source};
use crate::workspace::Workspace;

/// A dependency that does its work without being named in the crate's sources.
struct Unnamed {
    package: &'static str,
    dependency: &'static str,
    because: &'static str,
}

const UNNAMED: &[Unnamed] = &[
    Unnamed {
        package: "aftercommit-sqlite",
        dependency: "libsqlite3-sys",
        because: "a floor for the version: older ones can corrupt a write-ahead log",
    },
    Unnamed {
        package: "simplebank",
        dependency: "libsqlite3-sys",
        because: "a floor for the version: older ones can corrupt a write-ahead log",
    },
    Unnamed { package: "simplebank", dependency: "tonic-prost", because: "the generated gRPC code names it" },
];

/// A dependency as a manifest lists it.
struct Listed<'a> {
    name: &'a str,
    /// The name it has in the sources.
    imported_as: String,
    kind: DependencyKind,
}

/// Judges every dependency of every member by the sources of the workspace.
pub(crate) fn check(workspace: &Workspace, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in workspace.members() {
        let directory = workspace.directory_of(package);
        let sources: Vec<&Source> =
            sources.iter().filter(|source| source.path.starts_with(&directory)).collect();
        let listed: Vec<Listed<'_>> = package.dependencies.iter().map(Listed::of).collect();
        findings.extend(judge(&package.name, &directory, &listed, &sources));
    }
    findings
}

impl<'a> Listed<'a> {
    fn of(dependency: &'a Dependency) -> Self {
        let imported_as = dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
        Self { name: &dependency.name, imported_as, kind: dependency.kind }
    }
}

fn judge(package: &str, directory: &Utf8Path, listed: &[Listed<'_>], sources: &[&Source]) -> Vec<Finding> {
    let exceptions: Vec<&Unnamed> = UNNAMED.iter().filter(|unnamed| unnamed.package == package).collect();
    let is_excepted = |name: &str| exceptions.iter().any(|unnamed| unnamed.dependency == name);
    let is_named = |listed: &Listed<'_>| sources.iter().any(|source| names(source, directory, listed));

    let unnamed = listed.iter().filter(|listed| !is_excepted(listed.name) && !is_named(listed));
    let needless = exceptions.iter().filter(|unnamed| {
        !listed.iter().any(|listed| listed.name == unnamed.dependency && !is_named(listed))
    });
    unnamed
        .map(|listed| unused(directory, listed))
        .chain(needless.map(|unnamed| needless_exception(unnamed)))
        .collect()
}

/// Whether a file names the dependency where that list is for.
fn names(source: &Source, directory: &Utf8Path, listed: &Listed<'_>) -> bool {
    let inside = source.path.strip_prefix(directory).unwrap_or(&source.path);
    let at_build = inside == "build.rs" || inside.starts_with("build");
    let example = inside.starts_with("examples");
    let has = |purpose| source.has(&listed.imported_as, purpose);
    match listed.kind {
        DependencyKind::Development => {
            !at_build && (has(Purpose::Test) || (example && has(Purpose::Product)))
        }
        DependencyKind::Build => at_build && has(Purpose::Product),
        _ => !at_build && !example && has(Purpose::Product),
    }
}

fn unused(directory: &Utf8Path, listed: &Listed<'_>) -> Finding {
    let (list, place) = match listed.kind {
        DependencyKind::Development => ("[dev-dependencies]", "no test, benchmark or example"),
        DependencyKind::Build => ("[build-dependencies]", "no build script"),
        _ => ("[dependencies]", "nothing in src outside tests"),
    };
    Finding::error(
        format!("{directory}/Cargo.toml"),
        format!("{list} has {}, which {place} names", listed.name),
        "remove it, or move it to the list where it belongs",
    )
}

fn needless_exception(unnamed: &Unnamed) -> Finding {
    let Unnamed { package, dependency, because } = unnamed;
    Finding::error(
        "xtask/src/tidy/usage.rs",
        format!("the exception for {dependency} in {package} ({because}) is needless"),
        "remove its row: the dependency is gone, or the sources name it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(package: &str, listed: (&str, DependencyKind), files: &[(&str, &str)]) -> Vec<String> {
        let directory = Utf8Path::new("crates/a");
        let parse =
            |(path, text): &(&str, &str)| Source::parse(&directory.join(path), (*text).to_owned()).unwrap();
        let sources: Vec<Source> = files.iter().map(parse).collect();
        let (name, kind) = listed;
        let listed = Listed { name, imported_as: name.replace('-', "_"), kind };
        let findings = judge(package, directory, &[listed], &sources.iter().collect::<Vec<_>>());
        findings.iter().map(ToString::to_string).collect()
    }

    const NORMAL: DependencyKind = DependencyKind::Normal;
    const DEV: DependencyKind = DependencyKind::Development;
    const BUILD: DependencyKind = DependencyKind::Build;

    #[test]
    fn a_dependency_that_is_named_in_its_place_is_fine() {
        for (kind, path) in [
            (NORMAL, "src/lib.rs"),
            (DEV, "tests/a.rs"),
            (DEV, "benches/a.rs"),
            (DEV, "examples/a.rs"),
            (BUILD, "build.rs"),
        ] {
            let files = [(path, "use http_body::Body;")];
            assert_eq!(problems("a", ("http-body", kind), &files), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn a_dependency_that_nothing_names_is_found() {
        for kind in [NORMAL, DEV, BUILD] {
            let files = [
                ("src/lib.rs", "//! http_body\nfn f() { g(\"http_body\") }"),
                ("tests/a.rs", ""),
                ("build.rs", ""),
            ];
            assert_eq!(problems("a", ("http-body", kind), &files).len(), 1, "{kind:?}");
        }
    }

    #[test]
    fn a_dependency_of_tests_alone_belongs_to_the_dev_dependencies() {
        let files = [("src/lib.rs", "#[cfg(test)] mod tests { use tempfile::tempdir; }")];
        assert_eq!(problems("a", ("tempfile", NORMAL), &files).len(), 1);
        assert_eq!(problems("a", ("tempfile", DEV), &files), Vec::<String>::new());
    }

    #[test]
    fn an_exception_covers_its_dependency_only_while_it_is_needed() {
        let package = "aftercommit-sqlite";
        let floor = ("libsqlite3-sys", NORMAL);
        assert_eq!(problems(package, floor, &[("src/lib.rs", "")]), Vec::<String>::new());

        let named = problems(package, floor, &[("src/lib.rs", "use libsqlite3_sys::sqlite3;")]);
        assert!(named[0].contains("is needless"), "{named:?}");
        let gone = problems(package, ("http", NORMAL), &[("src/lib.rs", "use http::Uri;")]);
        assert!(gone[0].contains("is needless"), "{gone:?}");
    }
}
