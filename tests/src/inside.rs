//! What a running program can do, found out from its inside.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::{Ended, Running, Scratch, find_command};

/// What came of a call in each thread: what it gave, or its error number with a minus.
pub type Outcomes = Vec<i64>;

/// Lets every thread of the running program `id` make some calls of the C library, written as gdb understands them; each has
/// a name. The program goes on afterwards. `None` where there is no gdb, or it may not look into programs.
pub fn call_inside(scratch: &Scratch, id: u32, calls: &[(&str, String)]) -> Option<BTreeMap<String, Outcomes>> {
    find_command("gdb")?;
    let mut script = String::from("set pagination off\nset confirm off\nset print thread-events off\n");
    for (name, call) in calls {
        // Both in one line, since the number belongs to the thread.
        script.push_str(&format!(
            "thread apply all -s -q -- printf \"CAME {name} %ld %d\\n\", (long)({call}), *((int*(*)(void))__errno_location)()\n"
        ));
    }
    let script = scratch.write("inside.gdb", script);
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "--readnever", "-batch", "-p", &id.to_string(), "-x"]).arg(script);
    let Ended { stdout, stderr, .. } = Running::start_with(&mut gdb, Stdio::null(), Stdio::piped()).wait();
    let is_kept_out = stderr.contains("ptrace: Operation not permitted") && !stderr.contains("zombie");
    if is_kept_out {
        return None;
    }
    let mut found: BTreeMap<String, Outcomes> = BTreeMap::new();
    let text = String::from_utf8_lossy(&stdout);
    for line in text.lines() {
        let Some((_, came)) = line.split_once("CAME ") else { continue };
        let mut words = came.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        let mut number = || words.next().and_then(|word| word.parse::<i64>().ok());
        let (Some(value), Some(errno)) = (number(), number()) else { panic!("gdb said {line:?}") };
        found.entry(name).or_default().push(if value < 0 { -errno.max(1) } else { value });
    }
    assert_eq!(found.len(), calls.len(), "gdb said:\n{text}{stderr}");
    Some(found)
}

/// The values of a field of `/proc/ID/status`, of each thread of a program.
pub fn thread_fields(id: u32, field: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let statuses = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    let value = |status: String| Some(status.lines().find_map(|line| line.strip_prefix(field))?.trim().to_owned());
    statuses.filter_map(value).collect()
}
