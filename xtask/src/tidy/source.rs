//! One source file as the rules see it: lines, functions, test ranges and token facts.
//! Reads no disk and judges nothing.

use super::facts::{self, Fact};
use std::ops::RangeInclusive;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A parsed file.
#[derive(Debug)]
pub struct Source {
    /// Path relative to the repository.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// All functions with a body, in order of appearance.
    pub functions: Vec<Function>,
    /// What the token walk noticed.
    pub facts: Vec<Fact>,
    /// Paths, without `.rs`, of the modules in files of their own that only tests compile.
    pub test_modules: Vec<String>,
    /// Inner attributes of the file, without spaces: `forbid(unsafe_code)`.
    pub attributes: Vec<String>,
    test_lines: Vec<RangeInclusive<usize>>,
}

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// First line of the signature.
    pub line: usize,
    /// From the signature to the closing brace.
    pub lines: usize,
    /// With `self`.
    pub parameters: usize,
    /// Part of the tests.
    pub is_test: bool,
}

impl Source {
    /// Parses `text`; the error says where it is not Rust.
    pub fn parse(path: &str, text: String) -> Result<Source, syn::Error> {
        let file = syn::parse_file(&text)?;
        let tokens: proc_macro2::TokenStream = text.parse()?;
        let mut walk = Walk::default();
        if is_test_file(path) {
            walk.test_lines.push(ALL);
        }
        walk.visit_file(&file);
        let attributes = file.attrs.iter().filter_map(|attribute| match &attribute.meta {
            syn::Meta::List(list) => {
                let name = list.path.get_ident()?.to_string();
                Some(format!("{name}({})", list.tokens).replace(' ', ""))
            }
            _ => None,
        });
        Ok(Source {
            path: path.to_owned(),
            attributes: attributes.collect(),
            facts: facts::collect(tokens),
            functions: walk.functions,
            test_modules: walk.test_modules.iter().map(|name| child(path, name)).collect(),
            test_lines: walk.test_lines,
            text,
        })
    }

    /// The crate's directory name: `engine` of `crates/engine/src/lib.rs`, or `xtask`.
    pub fn crate_name(&self) -> &str {
        let mut parts = self.path.split('/');
        match parts.next() {
            Some("crates") => parts.next().unwrap_or(""),
            Some(first) => first,
            None => "",
        }
    }

    /// Says that the whole file is compiled for tests only.
    pub fn mark_test(&mut self) {
        self.test_lines.push(ALL);
        self.functions.iter_mut().for_each(|function| function.is_test = true);
    }

    /// True where only tests are compiled.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.iter().any(|range| range.contains(&line))
    }

    /// Number of lines that are no tests.
    pub fn lines_without_tests(&self) -> usize {
        (1..=self.text.lines().count()).filter(|line| !self.is_test_line(*line)).count()
    }
}

const ALL: RangeInclusive<usize> = 1..=usize::MAX;

/// Where the file of module `name`, declared in the file `path`, lies; without `.rs`.
fn child(path: &str, name: &str) -> String {
    let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "lib.rs" | "main.rs" | "mod.rs" => format!("{dir}/{name}"),
        _ => format!("{}/{name}", path.trim_end_matches(".rs")),
    }
}

/// Out-of-line tests: `tests.rs`, and everything below a `tests` directory of a crate.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[derive(Default)]
struct Walk {
    functions: Vec<Function>,
    test_lines: Vec<RangeInclusive<usize>>,
    test_modules: Vec<String>,
    in_test: bool,
}

impl Walk {
    fn item(
        &mut self,
        attributes: &[syn::Attribute],
        item: &impl Spanned,
        go: impl FnOnce(&mut Self),
    ) {
        let outer = self.in_test;
        if attributes.iter().any(marks_test) {
            let span = item.span();
            self.test_lines.push(span.start().line..=span.end().line);
            self.in_test = true;
        }
        go(self);
        self.in_test = outer;
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let last = block.span().end().line;
        let is_test = self.in_test || self.test_lines.iter().any(|range| range.contains(&first));
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line: first,
            lines: last - first + 1,
            parameters: signature.inputs.len(),
            is_test,
        });
    }
}

/// `#[test]`, `#[tokio::test]`, or a `cfg` that names `test`.
fn marks_test(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    if path.segments.last().is_some_and(|segment| segment.ident == "test") {
        return true;
    }
    match &attribute.meta {
        syn::Meta::List(list) if path.is_ident("cfg") => {
            let text = list.tokens.to_string();
            let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            words.any(|word| word == "test") && !text.contains("not")
        }
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        self.item(&node.attrs, node, |walk| {
            if walk.in_test && node.content.is_none() {
                walk.test_modules.push(node.ident.to_string());
            }
            visit::visit_item_mod(walk, node);
        });
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        self.item(&node.attrs, node, |walk| visit::visit_item_impl(walk, node));
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        self.item(&node.attrs, node, |walk| visit::visit_item_const(walk, node));
    }

    fn visit_item_use(&mut self, node: &'ast syn::ItemUse) {
        self.item(&node.attrs, node, |_| ());
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.item(&node.attrs, node, |walk| {
            walk.function(&node.sig, &node.block);
            visit::visit_item_fn(walk, node);
        });
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.item(&node.attrs, node, |walk| {
            walk.function(&node.sig, &node.block);
            visit::visit_impl_item_fn(walk, node);
        });
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        self.item(&node.attrs, node, |walk| {
            if let Some(block) = &node.default {
                walk.function(&node.sig, block);
            }
            visit::visit_trait_item_fn(walk, node);
        });
    }
}
