//! The simulated exchange.

use crate::{Running, Scratch, Signal};

/// A running `dccd-sim` on a free port of the loopback interface, ended when dropped.
#[derive(Debug)]
pub struct Sim {
    running: Running,
    url: String,
}

impl Sim {
    /// Starts a simulator with `flags`.
    pub fn start(scratch: &Scratch, flags: &[&str]) -> Sim {
        let mut command = scratch.tool("dccd-sim");
        command.args(["--listen", "127.0.0.1:0"]).args(flags);
        let mut running = Running::start(&mut command);
        let line = running.line_with("http://");
        let from = line.find("http://").unwrap_or(0);
        let url = line[from..].chars().take_while(|letter| !matches!(letter, '"' | ' ')).collect();
        Sim { running, url }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next line it prints.
    pub fn line(&mut self) -> Option<String> {
        self.running.line()
    }

    /// Ends it as systemd would; everything it printed and nobody has read comes back.
    pub fn stop(self) -> crate::Ended {
        self.running.signal(Signal::TERM);
        self.running.finish()
    }
}
