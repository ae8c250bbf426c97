//! The README's commands run.

use dccd_tests::{Scratch, Sim, find_command, find_python, read_text, run, skip, workspace_root};

/// What is needed of Python rather than of the system.
const MODULES: [&str; 2] = ["duckdb", "polars"];

/// A fenced block that begins with `` ```sh ``, with what it needs (`` ```sh needs=jq,duckdb ``).
struct Block {
    line: usize,
    needs: Vec<String>,
    script: String,
}

#[test]
fn every_shell_block_of_the_readme_runs() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &[]);
    let blocks = blocks(&read_text(&workspace_root().join("README.md")));
    assert!(blocks.len() >= 3, "README.md has too few commands that run");
    for block in blocks {
        let what = format!("README.md:{}", block.line);
        if let Some(missing) = block.needs.iter().find(|need| !is_there(need)) {
            skip(&what, &format!("{missing} is not there"));
            continue;
        }
        let mut shell = scratch.shell(&format!("set -eu\n{}", block.script));
        shell.env("DCCD_BINANCE_REST_URL", sim.url()).env("DCCD_BINANCE_ARCHIVE_URL", sim.url());
        shell.env("DCCD_BINANCE_WS_URL", sim.url().replacen("http", "ws", 1));
        if let Some(python) = find_python(&modules(&block.needs)) {
            scratch.with_python(&mut shell, &python);
        }
        let ended = run(&mut shell, "");
        assert_eq!(ended.status, 0, "{what} fails:\n{}\n{}{}", block.script, ended.text(), ended.stderr);
        assert!(!ended.stdout.is_empty(), "{what} prints nothing:\n{}\n{}", block.script, ended.stderr);
    }
}

fn is_there(need: &str) -> bool {
    match MODULES.contains(&need) {
        true => find_python(&[need]).is_some(),
        false => find_command(need).is_some(),
    }
}

fn modules(needs: &[String]) -> Vec<&str> {
    needs.iter().map(String::as_str).filter(|need| MODULES.contains(need)).collect()
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.script.extend([line, "\n"]),
            (None, Some(mark)) if mark == "sh" || mark.starts_with("sh ") => {
                let needs = mark.strip_prefix("sh needs=").unwrap_or("").split(',').filter(|need| !need.is_empty());
                let needs = needs.map(str::to_owned).collect();
                open = Some(Block { line: number + 1, needs, script: String::new() });
            }
            _ => {}
        }
    }
    blocks
}
