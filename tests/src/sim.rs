//! The simulated exchange.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::{PATIENCE, Running, Scratch, Signal};

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

    /// One of its own pages, such as `/sim/stats` or `/sim/faults?kind=cut&next=3`.
    pub fn page(&self, path: &str) -> Value {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the simulator listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let asked = write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        asked.expect("the simulator reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the simulator answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error} in {answer}"))
    }

    /// What it has counted.
    pub fn stats(&self) -> Value {
        self.page("/sim/stats")
    }

    /// The requests that it has had, as paths with their queries.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.page("/sim/requests");
        let requests = requests.as_array().expect("a list of requests");
        requests.iter().filter_map(|request| request.as_str()).map(str::to_owned).collect()
    }

    /// Ends it as systemd would; everything it printed and nobody has read comes back.
    pub fn stop(self) -> crate::Ended {
        self.running.signal(Signal::TERM);
        self.running.finish()
    }
}
