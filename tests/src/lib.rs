//! The harness of the tests that run the tools together.
//!
//! Nothing here hangs: whatever is started has a time limit, and is killed when its owner goes.
//! What a machine cannot do (no Python, not root) is skipped aloud, and fails in CI.

mod bins;
mod cases;
mod inside;
mod lines;
mod machine;
mod market;
mod process;
mod random;
mod scratch;
mod sim;
mod skip;
mod tree;

pub use bins::{bin_dir, example_path, tool_path};
pub use cases::{check_case, elided_eq};
pub use inside::{Outcomes, call_inside, thread_fields};
pub use lines::{assert_covered_is_there, assert_same_records, instant, kind_of, numbers_of, of_kind, parse_lines};
pub use machine::Machine;
pub use market::Trades;
pub use process::{Ended, PATIENCE, Running, run, run_pipe};
pub use random::Random;
pub use rustix::process::Signal;
pub use scratch::Scratch;
pub use sim::Sim;
pub use skip::{find_command, find_python, skip};
pub use tree::{files_under, read_text, workspace_root};
