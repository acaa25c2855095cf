//! Builds the mutants that `cargo mutants --list --json` names into one program, each behind a number
//! of its own (`BURSAR_MUTANT=17` chooses one), and runs the unit tests once for each: a mutant costs
//! a run and no build.
//!
//! `mutants TREE LIST OUT ROUND...`, in the repository's folder: TREE is a copy of it with the module
//! `mutant`, LIST the list, OUT a folder for `caught.txt`, `missed.txt`, `not-compiling.txt` and
//! `not-built.txt` (those and what has no form here). A ROUND is arguments of the tests' program: the quick tests first, all
//! after them. Those in `caught.txt` are not tried again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proc_macro2::LineColumn;
use serde::Deserialize;
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A mutant as cargo-mutants lists it.
#[derive(Deserialize)]
struct Listed {
    name: String,
    file: String,
    genre: String,
    replacement: String,
    span: Span,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    return_type: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash)]
struct Span {
    start: Place,
    end: Place,
}

/// Line and column, both from one.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    line: usize,
    column: usize,
}

struct Built<'a> {
    number: usize,
    mutant: &'a Listed,
}

/// A run of the tests that takes longer has found something that never ends.
const LIMIT: Duration = Duration::from_secs(240);

/// Text to be put in at a place.
struct Insertion {
    at: usize,
    /// What is put in at the same place: what closes an inner thing, then what closes an outer one,
    /// what opens an outer thing, then what opens an inner one.
    rank: (u8, isize, isize),
    text: String,
    /// How much of the source it takes the place of.
    instead: usize,
}

struct Source<'a> {
    text: &'a str,
    lines: Vec<usize>,
    at: HashMap<Span, Vec<(usize, &'a Listed)>>,
    insertions: Vec<Insertion>,
    /// Numbers.
    built: Vec<usize>,
    /// The match that is looked at has an arm for all the rest.
    has_rest: bool,
}

impl<'a> Source<'a> {
    fn offset(&self, place: LineColumn) -> usize {
        let line = self.lines[place.line - 1];
        let rest = &self.text[line..];
        line + rest.char_indices().nth(place.column).map_or(rest.len(), |(at, _)| at)
    }

    fn range(&self, of: &impl Spanned) -> (usize, usize) {
        let span = of.span();
        (self.offset(span.start()), self.offset(span.end()))
    }

    fn text(&self, of: &impl Spanned) -> &'a str {
        let (begin, end) = self.range(of);
        &self.text[begin..end]
    }

    fn mutants(&self, of: &impl Spanned) -> Vec<(usize, &'a Listed)> {
        let span = of.span();
        let place = |at: LineColumn| Place { line: at.line, column: at.column + 1 };
        let span = Span { start: place(span.start()), end: place(span.end()) };
        self.at.get(&span).cloned().unwrap_or_default()
    }

    fn around(&mut self, (begin, end): (usize, usize), open: String, close: String) {
        let size = (end - begin) as isize;
        // Of two things with the same text, the outer one was met first.
        let order = self.insertions.len() as isize;
        self.insertions.push(Insertion {
            at: begin,
            rank: (1, -size, order),
            text: open,
            instead: 0,
        });
        self.insertions.push(Insertion {
            at: end,
            rank: (0, size, -order),
            text: close,
            instead: 0,
        });
    }

    fn instead(&mut self, (begin, end): (usize, usize), text: String) {
        self.insertions.push(Insertion { at: begin, rank: (2, 0, 0), text, instead: end - begin });
    }

    fn found(&mut self, mutants: &[(usize, &Listed)]) {
        self.built.extend(mutants.iter().map(|(number, _)| *number));
    }

    fn body(&mut self, block: &syn::Block) {
        let Some((first, last)) = block.stmts.first().zip(block.stmts.last()) else { return };
        let (begin, end) = (self.range(first).0, self.range(last).1);
        let inner = self.offset(block.brace_token.span.open().end());
        let spans: Vec<Span> = self.at.keys().copied().collect();
        for span in spans {
            let start = LineColumn { line: span.start.line, column: span.start.column - 1 };
            let stop = LineColumn { line: span.end.line, column: span.end.column - 1 };
            let here = (self.offset(start), self.offset(stop));
            let whole = (self.range(block).0, self.range(block).1);
            if here != (begin, end) && here != whole {
                continue;
            }
            let mutants = self.at[&span].clone();
            let mutants: Vec<_> =
                mutants.into_iter().filter(|(_, mutant)| mutant.genre == "FnValue").collect();
            let mut text = String::new();
            for (number, mutant) in &mutants {
                let value = &mutant.replacement;
                let unit = mutant.function.as_ref().is_some_and(|f| f.return_type.is_empty());
                let value = if unit && value == "()" { "" } else { value };
                text += &format!(" if crate::mutant::is({number}) {{ return {value}; }}");
            }
            if !mutants.is_empty() {
                self.found(&mutants);
                self.insertions.push(Insertion {
                    at: inner,
                    rank: (1, isize::MIN, 0),
                    text,
                    instead: 0,
                });
            }
        }
    }
}

impl<'ast> Visit<'ast> for Source<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.body(&item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.body(&item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let mutants = self.mutants(&unary.op);
        if let [(number, _)] = mutants[..] {
            let range = self.range(unary);
            self.found(&mutants);
            if matches!(unary.op, syn::UnOp::Not(_)) {
                self.around(range, "((".to_owned(), format!(") != crate::mutant::is({number}))"));
            } else {
                let inner = self.text(&unary.expr);
                let open = format!("(if crate::mutant::is({number}) {{ {inner} }} else {{ ");
                self.around(range, open, " })".to_owned());
            }
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        use syn::BinOp::{And, Eq, Ge, Gt, Le, Lt, Ne, Or};
        let mutants = self.mutants(&binary.op);
        if mutants.is_empty() {
            return visit::visit_expr_binary(self, binary);
        }
        let (range, sign) = (self.range(binary), self.range(&binary.op));
        let operator = self.text(&binary.op);
        self.found(&mutants);
        let number = mutants[0].0;
        let one = mutants.len() == 1;
        let is = |number: usize| format!("crate::mutant::is({number})");
        let tried = |expression: &dyn Fn(&str) -> String| {
            let mut text = String::new();
            for (number, mutant) in &mutants {
                let expression = expression(&mutant.replacement);
                text += &format!("if {} {{ {expression} }} else ", is(*number));
            }
            text
        };
        let has_let = contains_let(&binary.left) || contains_let(&binary.right);
        match &binary.op {
            And(_) | Or(_) if one && !has_let => {
                let sign_of = if matches!(binary.op, And(_)) { "==" } else { "!=" };
                self.around(range, "({ let mutant_left: bool = ".to_owned(), " } })".to_owned());
                let middle =
                    format!("; if mutant_left {sign_of} {} {{ mutant_left }} else {{ ", is(number));
                self.instead(sign, middle);
            }
            Eq(_) | Ne(_) if one => {
                self.around(range, "((".to_owned(), format!(") != {})", is(number)));
            }
            Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_) => {
                let chosen = tried(&|sign| format!("left {sign} right"));
                self.around(
                    range,
                    "({ let (left, right) = (&(".to_owned(),
                    format!(")); {chosen}{{ left {operator} right }} }})"),
                );
                self.instead(sign, "), &(".to_owned());
            }
            // What is assigned to is a place: it is said twice.
            op if operator.ends_with('=') => {
                let _ = op;
                let (left, right) = (self.text(&binary.left), self.text(&binary.right));
                let chosen = tried(&|sign| format!("{left} {sign} {right};"));
                self.around(range, format!("{{ {chosen}{{ "), "; } }".to_owned());
            }
            And(_) | Or(_) => self.built.truncate(self.built.len() - mutants.len()),
            _ => {
                let chosen = tried(&|sign| format!("left {sign} right"));
                self.around(
                    range,
                    "({ let (left, right) = (".to_owned(),
                    format!("); {chosen}{{ left {operator} right }} }})"),
                );
                self.instead(sign, ", ".to_owned());
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        for field in &literal.fields {
            let mutants = self.mutants(field);
            if let ([(number, _)], Some(rest)) = (&mutants[..], &literal.rest) {
                self.found(&mutants);
                let (name, rest) = (self.text(&field.member), self.text(rest));
                let colon = if field.colon_token.is_some() { "" } else { ": " };
                let label = if colon.is_empty() { String::new() } else { format!("{name}{colon}") };
                let open =
                    format!("{label}if crate::mutant::is({number}) {{ ({rest}).{name} }} else {{ ");
                self.around(self.range(&field.expr), open, " }".to_owned());
            }
        }
        visit::visit_expr_struct(self, literal);
    }

    fn visit_expr_match(&mut self, match_: &'ast syn::ExprMatch) {
        let is_rest = |arm: &syn::Arm| match &arm.pat {
            syn::Pat::Wild(_) => arm.guard.is_none(),
            _ => false,
        };
        // An arm without which the match does not know what to do can't go.
        let before = std::mem::replace(&mut self.has_rest, match_.arms.iter().any(is_rest));
        visit::visit_expr_match(self, match_);
        self.has_rest = before;
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let mutants = self.mutants(arm);
        let mutants: Vec<_> = match mutants.is_empty() {
            false => mutants,
            // The arm's comma belongs to it or doesn't.
            true => {
                let (begin, end) = self.range(arm);
                let spans: Vec<_> = self.at.keys().copied().collect();
                let mut found = Vec::new();
                for span in spans {
                    let start = LineColumn { line: span.start.line, column: span.start.column - 1 };
                    let stop = LineColumn { line: span.end.line, column: span.end.column - 1 };
                    let here = (self.offset(start), self.offset(stop));
                    if here.0 == begin && (here.1 == end || here.1 + 1 == end) {
                        found.extend(self.at[&span].clone());
                    }
                }
                found.retain(|(_, mutant)| mutant.genre == "MatchArm");
                found
            }
        };
        if let [(number, _)] = mutants[..]
            && self.has_rest
        {
            let pattern = self.range(&arm.pat).1;
            self.found(&mutants);
            let is = format!("!crate::mutant::is({number})");
            match &arm.guard {
                None => self.insertions.push(Insertion {
                    at: pattern,
                    rank: (0, isize::MAX, 0),
                    text: format!(" if {is}"),
                    instead: 0,
                }),
                Some((_, guard)) => {
                    let end = self.range(guard).1;
                    self.insertions.push(Insertion {
                        at: end,
                        rank: (0, isize::MAX, 0),
                        text: format!(" && {is}"),
                        instead: 0,
                    });
                }
            }
        }
        if let Some((_, guard)) = &arm.guard {
            let mutants = self.mutants(guard);
            let range = self.range(guard);
            if !mutants.is_empty() && !contains_let(guard) {
                self.found(&mutants);
                let mut open = String::from("(");
                let mut close = String::from(")");
                for (number, mutant) in &mutants {
                    let is = format!("crate::mutant::is({number})");
                    if mutant.replacement == "true" {
                        open = format!("({is} || {open}");
                        close += ")";
                    } else {
                        open = format!("(!{is} && {open}");
                        close += ")";
                    }
                }
                self.around(range, open, close);
            }
        }
        visit::visit_arm(self, arm);
    }
}

fn contains_let(expression: &syn::Expr) -> bool {
    struct Lets(bool);
    impl<'ast> Visit<'ast> for Lets {
        fn visit_expr_let(&mut self, _: &'ast syn::ExprLet) {
            self.0 = true;
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_block(&mut self, _: &'ast syn::Block) {}
        fn visit_expr_match(&mut self, _: &'ast syn::ExprMatch) {}
    }
    let mut lets = Lets(false);
    lets.visit_expr(expression);
    lets.0
}

/// Changes the files below `tree`, and returns what was built in.
fn change<'a>(tree: &Path, listed: &'a [Listed], left_out: &HashSet<usize>) -> Vec<Built<'a>> {
    let mut files: BTreeMap<&str, Vec<(usize, &Listed)>> = BTreeMap::new();
    for (number, mutant) in listed.iter().enumerate() {
        let here = files.entry(&mutant.file).or_default();
        if !left_out.contains(&(number + 1)) {
            here.push((number + 1, mutant));
        }
    }
    let mut built = Vec::new();
    for (file, mutants) in &files {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let mut at: HashMap<Span, Vec<_>> = HashMap::new();
        for (number, mutant) in mutants {
            at.entry(mutant.span).or_default().push((*number, *mutant));
        }
        let mut source = Source {
            text: &text,
            lines,
            at,
            insertions: Vec::new(),
            built: Vec::new(),
            has_rest: false,
        };
        source.visit_file(&parsed);
        let Source { mut insertions, built: numbers, .. } = source;
        insertions.sort_by_key(|insertion| (insertion.at, insertion.rank));
        let mut changed = String::new();
        let mut from = 0;
        for insertion in &insertions {
            changed += &text[from.min(insertion.at)..insertion.at];
            changed += &insertion.text;
            from = insertion.at + insertion.instead;
        }
        changed += &text[from..];
        fs::write(tree.join(file), changed).unwrap();
        built.extend(
            numbers.into_iter().map(|number| Built { number, mutant: &listed[number - 1] }),
        );
    }
    built.sort_by_key(|built| built.number);
    built
}

/// The tests' program, or the numbers of the mutants that do not compile.
fn build(tree: &Path) -> Result<PathBuf, HashSet<usize>> {
    // Finds most of them in a fraction of the time.
    cargo(tree, &["check", "--profile=test"])?;
    let program = cargo(tree, &["test", "--no-run"])?;
    Ok(program.expect("cargo names the program"))
}

fn cargo(tree: &Path, what: &[&str]) -> Result<Option<PathBuf>, HashSet<usize>> {
    let out = Command::new("cargo")
        .args(what)
        .args(["--locked", "--offline", "--lib", "--message-format=json"])
        .current_dir(tree)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let (mut program, mut bad) = (None, HashSet::new());
    for line in out.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line).unwrap();
        if let Some(path) = message["executable"].as_str() {
            program = Some(PathBuf::from(path));
        }
        let message = &message["message"];
        if message["level"] != "error" {
            continue;
        }
        for span in message["spans"].as_array().into_iter().flatten() {
            if span["is_primary"] != true {
                continue;
            }
            let file = tree.join(span["file_name"].as_str().unwrap());
            let text = fs::read_to_string(&file).unwrap();
            // An error that ends after the number's text is within what the number chooses.
            let end = span["byte_end"].as_u64().unwrap() as usize;
            let name = "crate::mutant::is(";
            if let Some(at) = text[..end].rfind(name) {
                let number = text[at + name.len()..].split(')').next().unwrap();
                bad.insert(number.parse().unwrap());
            }
        }
        if message["code"] != Value::Null {
            eprintln!("{}", message["rendered"].as_str().unwrap_or_default());
        }
    }
    assert!(
        out.status.success() || !bad.is_empty(),
        "it does not build, and no mutant is to blame"
    );
    if bad.is_empty() { Ok(program) } else { Err(bad) }
}

/// What the tests say of one mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Caught,
    TimedOut,
    Missed,
}

fn fate(program: &Path, tree: &Path, number: usize, rounds: &[Vec<String>]) -> Fate {
    for arguments in rounds {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(tree)
            .env("BURSAR_MUTANT", number.to_string())
            .env("INSTA_UPDATE", "no")
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        loop {
            match child.try_wait().unwrap() {
                Some(status) if status.success() => break,
                Some(_) => return Fate::Caught,
                None if began.elapsed() > LIMIT => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    return Fate::TimedOut;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    Fate::Missed
}

fn lines_of(file: &Path) -> HashSet<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tree, list, out, rounds @ ..] = &arguments[..] else {
        eprintln!("usage: mutants TREE LIST OUT ROUND...");
        std::process::exit(2);
    };
    let (tree, out) = (Path::new(tree), Path::new(out));
    let rounds: Vec<Vec<String>> =
        rounds.iter().map(|round| round.split_whitespace().map(str::to_owned).collect()).collect();
    let listed: Vec<Listed> = serde_json::from_slice(&fs::read(list).unwrap()).unwrap();
    let bad_file = out.join("not-compiling.txt");
    let bad_names: HashSet<String> = lines_of(&bad_file);
    let named = |(_, mutant): &(usize, &Listed)| bad_names.contains(&mutant.name);
    let numbered = listed.iter().enumerate().map(|(at, mutant)| (at + 1, mutant));
    let mut left_out: HashSet<usize> = numbered.filter(named).map(|(number, _)| number).collect();
    let (built, program) = loop {
        let built = change(tree, &listed, &left_out);
        match build(tree) {
            Ok(program) => break (built, program),
            Err(bad) => {
                println!("{} do not compile: {bad:?}", bad.len());
                assert!(bad.iter().any(|number| !left_out.contains(number)), "still {bad:?}");
                left_out.extend(bad);
                let names = left_out.iter().map(|number| listed[number - 1].name.as_str());
                fs::write(&bad_file, names.collect::<Vec<_>>().join("\n") + "\n").unwrap();
            }
        }
    };
    let numbers: HashSet<usize> = built.iter().map(|built| built.number).collect();
    let rest: Vec<&str> = (1..=listed.len())
        .filter(|number| !numbers.contains(number))
        .map(|number| listed[number - 1].name.as_str())
        .collect();
    fs::write(out.join("not-built.txt"), rest.join("\n") + "\n").unwrap();
    println!("{} mutants in one program, {} not", built.len(), rest.len());
    assert!(fate(&program, tree, 0, &rounds) == Fate::Missed, "the tests fail without a mutant");

    let done_file = out.join("caught.txt");
    let done = lines_of(&done_file);
    let next = AtomicUsize::new(0);
    let log = Mutex::new((
        fs::OpenOptions::new().create(true).append(true).open(&done_file).unwrap(),
        Vec::new(),
    ));
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(one) = built.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if done.contains(&one.mutant.name) {
                        continue;
                    }
                    let fate = fate(&program, tree, one.number, &rounds);
                    let mut log = log.lock().unwrap();
                    if fate == Fate::Caught {
                        writeln!(log.0, "{}", one.mutant.name).unwrap();
                    } else {
                        let what = if fate == Fate::Missed { "missed" } else { "timed out" };
                        println!("{what}: {}", one.mutant.name);
                        log.1.push(format!("{what}: {}", one.mutant.name));
                    }
                }
            });
        }
    });
    let missed = log.into_inner().unwrap().1;
    fs::write(out.join("missed.txt"), missed.join("\n") + "\n").unwrap();
    println!("{} missed or timed out", missed.len());
    std::process::exit(i32::from(!missed.is_empty()));
}
