//! One Rust file as a flat row of tokens, each with its line and whether it belongs to a test.
//!
//! Looking at tokens instead of text keeps comments, doc examples and string literals from being mistaken for code.

use anyhow::anyhow;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A token of a Rust file.
#[derive(Debug)]
pub(crate) struct Token {
    /// The token as written; a delimiter or a punctuation character stands alone.
    pub(crate) text: String,
    /// Where it starts, counted from 1.
    pub(crate) line: usize,
    /// Whether it is test code or part of the product.
    pub(crate) purpose: Purpose,
}

/// What a piece of code is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is compiled into the product.
    Product,
    /// It is compiled for tests and benchmarks only.
    Test,
}

/// A Rust file, read and cut into tokens.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path, relative to the workspace's root.
    pub(crate) path: Utf8PathBuf,
    /// The whole text.
    pub(crate) text: String,
    tokens: Vec<Token>,
}

impl Source {
    /// Cuts `text` into tokens; fails where it is no Rust.
    pub(crate) fn parse(path: &Utf8Path, text: String) -> anyhow::Result<Self> {
        let stream: TokenStream = text.parse().map_err(|error| anyhow!("{path}: not Rust: {error}"))?;
        let purpose = if is_test_file(path) { Purpose::Test } else { Purpose::Product };
        let mut tokens = Vec::new();
        flatten(stream, purpose, &mut tokens);
        Ok(Self { path: path.to_owned(), text, tokens })
    }

    /// Every token, in order; doc comments are left out.
    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The first token of each place where the tokens read as `pattern`.
    pub(crate) fn find<'a>(&'a self, pattern: &'a [&str]) -> impl Iterator<Item = &'a Token> {
        let reads_so =
            |window: &&[Token]| window.iter().map(|token| token.text.as_str()).eq(pattern.iter().copied());
        self.tokens.windows(pattern.len()).filter(reads_so).map(|window| &window[0])
    }

    /// Whether a word stands in the product's code, or in the tests' code, of this file.
    pub(crate) fn has(&self, word: &str, purpose: Purpose) -> bool {
        self.tokens.iter().any(|token| token.purpose == purpose && token.text == word)
    }
}

/// Whether all of a file is test code, going by where it lies.
pub(crate) fn is_test_file(path: &Utf8Path) -> bool {
    path.components().any(|part| matches!(part.as_str(), "tests" | "benches"))
        || path.file_name() == Some("tests.rs")
}

fn flatten(stream: TokenStream, purpose: Purpose, tokens: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut rest = trees.as_slice();
    // Set by `#[cfg(test)]`, and good until the end of the item that it stands on.
    let mut item = purpose;
    while let Some((tree, after)) = rest.split_first() {
        rest = match rest {
            [hash, doc, after @ ..] if is_char(hash, '#') && is_attribute(doc, "doc") => after,
            [hash, bang, doc, after @ ..]
                if is_char(hash, '#') && is_char(bang, '!') && is_attribute(doc, "doc") =>
            {
                after
            }
            [hash, attribute, ..] if is_char(hash, '#') && is_cfg_test(attribute) => {
                item = Purpose::Test;
                push(tree, item, tokens);
                after
            }
            _ => {
                push(tree, item, tokens);
                if ends_item(tree) {
                    item = purpose;
                }
                after
            }
        };
    }
}

fn push(tree: &TokenTree, purpose: Purpose, tokens: &mut Vec<Token>) {
    let mut token = |text: String, line| tokens.push(Token { text, line, purpose });
    let line = tree.span().start().line;
    let TokenTree::Group(group) = tree else { return token(tree.to_string(), line) };
    let (open, close) = delimiters(group.delimiter());
    token(open.to_owned(), line);
    flatten(group.stream(), purpose, tokens);
    tokens.push(Token { text: close.to_owned(), line: group.span_close().start().line, purpose });
}

fn ends_item(tree: &TokenTree) -> bool {
    is_char(tree, ';') || matches!(tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_char(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// Whether the tree is the bracketed part of an attribute of this name.
fn is_attribute(tree: &TokenTree, name: &str) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    group.delimiter() == Delimiter::Bracket
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(first)) if first == name)
}

/// Whether the tree is `[cfg(test)]`, or a `cfg` that holds only where `test` does.
fn is_cfg_test(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let text = group.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Source {
        Source::parse(Utf8Path::new("crates/a/src/lib.rs"), text.to_owned()).unwrap()
    }

    #[test]
    fn comments_doc_examples_and_strings_are_not_code() {
        let source = parse("//! todo!()\n\n/// todo!()\n// todo!()\nfn f() { g(\"todo!()\"); }\n");
        assert_eq!(source.find(&["todo", "!"]).count(), 0);
    }

    #[test]
    fn a_pattern_is_found_with_its_line() {
        let source = parse("//! Doc.\n\nfn f() {\n    todo!()\n}\n");
        let lines: Vec<_> = source.find(&["todo", "!"]).map(|token| token.line).collect();
        assert_eq!(lines, [4]);
    }

    #[test]
    fn a_test_module_is_test_code_and_what_follows_it_is_not() {
        let source = parse(
            "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}\n#[cfg(test)] mod d;\nfn e() {}\n",
        );
        for (word, purpose) in [
            ("a", Purpose::Product),
            ("b", Purpose::Test),
            ("c", Purpose::Product),
            ("d", Purpose::Test),
            ("e", Purpose::Product),
        ] {
            let other = if purpose == Purpose::Test { Purpose::Product } else { Purpose::Test };
            assert!(source.has(word, purpose) && !source.has(word, other), "{word}");
        }
    }

    #[test]
    fn attributes_other_than_doc_are_kept() {
        let source = parse("#![deny(unused)]\n#[allow(unused)]\nfn a() {}\n");
        assert_eq!(source.find(&["#", "[", "allow", "("]).count(), 1);
        assert_eq!(source.find(&["#", "!", "[", "deny", "("]).count(), 1);
    }

    #[test]
    fn files_under_tests_are_test_code() {
        let source = Source::parse(Utf8Path::new("crates/a/tests/x.rs"), "fn a() {}".to_owned()).unwrap();
        assert!(source.has("a", Purpose::Test) && !source.has("a", Purpose::Product));
    }

    #[test]
    fn text_that_is_no_rust_is_refused_with_its_path() {
        let error = Source::parse(Utf8Path::new("crates/a/src/x.rs"), "fn a( {".to_owned()).unwrap_err();
        assert!(error.to_string().starts_with("crates/a/src/x.rs: not Rust"), "{error}");
    }
}
