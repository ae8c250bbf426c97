//! Copies of a store: what remotes say is doubted, and what they have is kept.

mod disaster;
mod lies;
mod places;
mod stops;

use std::path::PathBuf;
use std::process::Command;

use dccd_tests::{Ended, Scratch, find_command, find_python, run, skip, workspace_root};
use serde_json::Value;

/// Trades of one day.
const PER_DAY: u64 = 20;
const READ: [&str; 6] = ["binance", "BTC/USDT", "--kind", "trade", "--data-path", "data"];

/// A place with a store, and what is done there.
struct Box {
    scratch: Scratch,
    rclone: PathBuf,
    remote: String,
}

impl Box {
    /// With the real rclone and a folder as remote; `None`, said aloud, where there is none.
    fn real(what: &str) -> Option<Box> {
        let Some(rclone) = find_command("rclone") else {
            skip(what, "rclone is not installed");
            return None;
        };
        let scratch = Scratch::new();
        let remote = scratch.join("remote").display().to_string();
        Some(Box { scratch, rclone, remote })
    }

    /// With a program in the place of rclone that lies when it is told to.
    fn lying(what: &str) -> Option<Box> {
        if find_python(&[]).is_none() {
            skip(what, "there is no Python");
            return None;
        }
        let scratch = Scratch::new();
        let remote = format!("lie:{}", scratch.join("remote").display());
        Some(Box { scratch, rclone: workspace_root().join("tests/it/sync/rclone.py"), remote })
    }

    fn sync(&self, args: &[&str]) -> Command {
        let mut command = self.scratch.tool("dccd-sync");
        command.args(args).arg("--rclone").arg(&self.rclone).args(["--data-path", "data", "--remote", &self.remote]);
        command
    }

    /// Runs `dccd-sync`, and expects a status.
    #[track_caller]
    fn expect(&self, args: &[&str], status: i32) -> Ended {
        run(&mut self.sync(args), "").expect(status)
    }

    /// Removes every closed day that is proven to be elsewhere.
    #[track_caller]
    fn purge_all(&self) -> Vec<Value> {
        self.expect(&["purge", "--until-free-gb", "900000000"], 1).lines()
    }

    fn write(&self, lines: &str) -> Ended {
        run(self.scratch.tool("dccd-write").args(["--data-path", "data"]), lines).expect(0)
    }

    /// The ids of all trades that can be read, in order.
    fn ids(&self) -> Vec<u64> {
        self.ids_of("data")
    }

    fn ids_of(&self, data: &str) -> Vec<u64> {
        let mut read = self.scratch.tool("dccd-read");
        dccd_tests::numbers_of(
            &run(read.args(&READ[..4]).args(["--records", "--data-path", data]), "").expect(0).lines(),
        )
    }

    /// What is known of them: `covered` and `gap` lines.
    fn knowledge(&self) -> Vec<Value> {
        let lines = run(self.scratch.tool("dccd-read").args(READ), "").expect(0).lines();
        lines.into_iter().filter(|line| line["kind"] != "trade").collect()
    }

    /// The data files under a folder, by name, with their bytes.
    fn files(&self, dir: &str) -> Vec<(String, Vec<u8>)> {
        let root = self.scratch.join(dir);
        if !root.exists() {
            return Vec::new();
        }
        let files = dccd_tests::files_under(&root).into_iter();
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        let mut files: Vec<(String, Vec<u8>)> = files
            .filter(|path| !path.components().any(|part| part.as_os_str() == "replaced"))
            .map(|path| {
                let name = path.strip_prefix(&root).expect("it is under the folder").display().to_string();
                (name, std::fs::read(&path).expect("a file that was listed"))
            })
            .collect();
        files.sort_unstable();
        files
    }
}

/// The trades of some days of 2024, and that this is all of them.
fn days(days: std::ops::Range<u64>) -> String {
    let mut lines = trades(days.start * PER_DAY..days.end * PER_DAY);
    let (start, end) = (midnight(days.start), midnight(days.end));
    lines += &format!(
        "{{\"kind\":\"covered\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"of\":\"trade\",\"start\":\"{start}\",\"end\":\"{end}\",\"proof\":\"id\"}}\n"
    );
    lines
}

/// Trades by their ids; each day has its own.
fn trades(ids: std::ops::Range<u64>) -> String {
    ids.map(|id| {
        let (day, second) = (id / PER_DAY, id % PER_DAY);
        trade(id, day, second)
    })
    .collect()
}

fn trade(id: u64, day: u64, second: u64) -> String {
    let date = &midnight(day)[..10];
    let (minute, second) = (second / 60, second % 60);
    format!(
        "{{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"ts\":\"{date}T00:{minute:02}:{second:02}.000000000Z\",\
         \"price\":{}.5,\"amount\":0.1,\"side\":\"buy\",\"tid\":\"{id}\"}}\n",
        42_000 + id % 97
    )
}

/// When a day of January 2024 begins.
fn midnight(day: u64) -> String {
    format!("2024-01-{:02}T00:00:00.000000000Z", day + 1)
}

/// How many lines say `state`.
fn count(lines: &[Value], state: &str) -> usize {
    lines.iter().filter(|line| line["state"] == state && line["path"].as_str().is_some_and(is_data)).count()
}

fn is_data(path: &str) -> bool {
    path.ends_with(".parquet")
}
