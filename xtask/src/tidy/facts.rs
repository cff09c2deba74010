//! What a walk over a file's tokens notices: calls, macros, `unsafe`, paths into `std`.
//! Tokens instead of text, so that comments and strings cannot deceive; instead of syntax, so that
//! the inside of macros is seen too. Judges nothing.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Something noticed, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Line of the deciding token.
    pub line: usize,
    /// What it is.
    pub kind: Kind,
}

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `.unwrap()`
    Unwrap,
    /// `.expect(…)`
    Expect,
    /// `sleep(…)`, whatever stands before it.
    Sleep,
    /// `unsafe {` or `unsafe impl`.
    Unsafe,
    /// `unsafe fn`, `unsafe extern`, `unsafe trait`, `unsafe(attribute)`.
    UnsafeDeclared,
    /// `name!…`
    Macro(String),
    /// `#[name…]`
    Attribute(String),
    /// A literal over several lines, down to the line given.
    TextBlock(usize),
    /// A path that begins with `std` or the name of a random-number crate, `use` lists spread out.
    Path(Vec<String>),
}

/// Roots of the paths worth following.
const ROOTS: [&str; 4] = ["std", "rand", "getrandom", "fastrand"];

/// All facts of `tokens`, in order.
pub fn collect(tokens: TokenStream) -> Vec<Fact> {
    let mut facts = Vec::new();
    walk(tokens, &mut facts);
    facts
}

fn walk(tokens: TokenStream, facts: &mut Vec<Fact>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for at in 0..trees.len() {
        match &trees[at] {
            TokenTree::Ident(ident) => {
                let line = ident.span().start().line;
                let found = ident_fact(&ident.to_string(), &trees, at);
                facts.extend(found.into_iter().map(|kind| Fact { line, kind }));
            }
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let line = punct.span().start().line;
                facts.extend(attribute(&trees[at + 1..]).map(|kind| Fact { line, kind }));
            }
            TokenTree::Literal(literal) => {
                let (first, last) = (literal.span().start().line, literal.span().end().line);
                if first < last {
                    facts.push(Fact { line: first, kind: Kind::TextBlock(last) });
                }
            }
            TokenTree::Group(group) => walk(group.stream(), facts),
            _ => {}
        }
    }
}

/// What the identifier at `at` is the middle of; several for a `use` list.
fn ident_fact(name: &str, trees: &[TokenTree], at: usize) -> Vec<Kind> {
    let after_dot = at > 0 && is_punct(trees.get(at - 1), '.');
    let before_parentheses = opens(trees.get(at + 1), Delimiter::Parenthesis);
    match name {
        "unwrap" if after_dot && before_parentheses => vec![Kind::Unwrap],
        "expect" if after_dot && before_parentheses => vec![Kind::Expect],
        "sleep" if before_parentheses && !declared(trees, at) => vec![Kind::Sleep],
        "unsafe" if opens(trees.get(at + 1), Delimiter::Brace) => vec![Kind::Unsafe],
        "unsafe" if is_ident(trees.get(at + 1), "impl") => vec![Kind::Unsafe],
        "unsafe" => vec![Kind::UnsafeDeclared],
        _ if is_punct(trees.get(at + 1), '!') && !is_punct(trees.get(at + 2), '=') => {
            vec![Kind::Macro(name.to_owned())]
        }
        _ if ROOTS.contains(&name) && starts_path(trees, at) => {
            let mut paths = Vec::new();
            spread(vec![name.to_owned()], &trees[at + 1..], &mut paths);
            paths.into_iter().map(Kind::Path).collect()
        }
        _ => Vec::new(),
    }
}

/// `fn sleep(` is a declaration, no call.
fn declared(trees: &[TokenTree], at: usize) -> bool {
    at > 0 && is_ident(trees.get(at - 1), "fn")
}

/// True when the identifier is followed by `::` and is itself no later part of a path.
fn starts_path(trees: &[TokenTree], at: usize) -> bool {
    let inside = at > 1 && is_punct(trees.get(at - 1), ':') && is_punct(trees.get(at - 2), ':');
    let followed = is_punct(trees.get(at + 1), ':') && is_punct(trees.get(at + 2), ':');
    let leading = at == 2 || (at > 2 && !matches!(trees[at - 3], TokenTree::Ident(_)));
    followed && (!inside || leading)
}

/// Follows `::name` and `::{a, b::c}` from the start of `rest`; one path for each leaf.
fn spread(prefix: Vec<String>, rest: &[TokenTree], paths: &mut Vec<Vec<String>>) {
    if !(is_punct(rest.first(), ':') && is_punct(rest.get(1), ':')) {
        return paths.push(prefix);
    }
    match rest.get(2) {
        Some(TokenTree::Ident(ident)) => {
            let mut longer = prefix;
            longer.push(ident.to_string());
            spread(longer, &rest[3..], paths);
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            for leaf in inner.split(|tree| is_punct(Some(tree), ',')) {
                if let Some(TokenTree::Ident(first)) = leaf.first() {
                    let mut longer = prefix.clone();
                    longer.push(first.to_string());
                    spread(longer, &leaf[1..], paths);
                }
            }
        }
        _ => paths.push(prefix),
    }
}

/// The name in `#[name…]` or `#![name…]`, given what follows the `#`.
fn attribute(rest: &[TokenTree]) -> Option<Kind> {
    let group = match (rest.first(), rest.get(1)) {
        (Some(TokenTree::Group(group)), _) => group,
        (Some(TokenTree::Punct(punct)), Some(TokenTree::Group(group)))
            if punct.as_char() == '!' =>
        {
            group
        }
        _ => return None,
    };
    match group.stream().into_iter().next() {
        Some(TokenTree::Ident(name)) if group.delimiter() == Delimiter::Bracket => {
            Some(Kind::Attribute(name.to_string()))
        }
        _ => None,
    }
}

fn is_punct(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

fn opens(tree: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(tree, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}
