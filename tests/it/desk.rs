//! A configuration and a store beside a simulated exchange, and the commands that work on them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use dccd_tests::{Ended, Scratch, Sim, run, workspace_root};
use rustix::process::Pid;
use serde_json::Value;

/// Puts what [`Desk::replace`] made before the tools.
pub(crate) const REPLACED: &str = "PATH=$PWD/first:$PATH; ";

/// What a user of `dccd` has in front of him.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) scratch: Scratch,
    pub(crate) sim: Sim,
}

impl Desk {
    /// A folder with `config.yml`, and a simulator with `flags`.
    pub(crate) fn new(config: &str, flags: &[&str]) -> Desk {
        let scratch = Scratch::new();
        scratch.write("config.yml", config);
        let sim = Sim::start(&scratch, flags);
        Desk { scratch, sim }
    }

    /// Later: the same folder, and another simulator.
    pub(crate) fn move_on(&mut self, flags: &[&str]) {
        self.sim = Sim::start(&self.scratch, flags);
    }

    /// `dccd` with `args`.
    pub(crate) fn dccd(&self, args: &[&str]) -> Command {
        let mut command = self.point(self.scratch.program(script("dccd")));
        command.args(args);
        command
    }

    /// A shell command that finds `dccd`, the tools, and the simulator.
    pub(crate) fn shell(&self, text: &str) -> Command {
        self.point(self.scratch.shell(text))
    }

    /// Runs `dccd` with `args`, which must end with `status`.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str], status: i32) -> Ended {
        run(&mut self.dccd(args), "").expect(status)
    }

    /// The lines of the inventory.
    pub(crate) fn inventory(&self) -> Vec<Value> {
        self.run(&["inventory", "--json"], 0).lines()
    }

    /// Fails the test unless there are `datasets` datasets without a gap.
    #[track_caller]
    pub(crate) fn assert_no_gaps(&self, datasets: usize) {
        let inventory = self.inventory();
        let gaps: Vec<_> = inventory.iter().filter(|line| line["gaps"] != 0).collect();
        assert!(gaps.is_empty(), "{gaps:?}");
        assert_eq!(inventory.len(), datasets, "{inventory:?}");
    }

    /// A stage of that name in place of the real one: what `dccd` finds first on the `PATH` of a shell command that
    /// begins with [`REPLACED`].
    pub(crate) fn replace(&self, stage: &str, text: &str) {
        let stage = self.scratch.write(&format!("first/{stage}"), format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(&stage, std::fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    }

    /// What was counted of each pair.
    pub(crate) fn counts(&self) -> BTreeMap<String, Value> {
        let lines = self.run(&["status", "--json"], 0).lines();
        lines.into_iter().map(|line| (line["job"].as_str().unwrap_or("").to_owned(), line)).collect()
    }

    fn point(&self, mut command: Command) -> Command {
        for exchange in ["BINANCE", "KRAKEN", "OKX"] {
            command.env(format!("DCCD_{exchange}_REST_URL"), self.sim.url());
            command.env(format!("DCCD_{exchange}_ARCHIVE_URL"), self.sim.url());
        }
        command
    }
}

/// Where a script is.
pub(crate) fn script(name: &str) -> PathBuf {
    workspace_root().join("scripts").join(name)
}

/// The processes below the process `ancestor`, with their names.
pub(crate) fn descendants(ancestor: u32) -> Vec<(Pid, String)> {
    let children = std::fs::read_to_string(format!("/proc/{ancestor}/task/{ancestor}/children")).unwrap_or_default();
    let mut found = Vec::new();
    for child in children.split_whitespace().filter_map(|text| text.parse::<u32>().ok()) {
        let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
        let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
        found.extend(pid.map(|pid| (pid, name.trim_end().to_owned())));
        found.extend(descendants(child));
    }
    found
}
