//! A log for hosts that keep none: lines in, `dccd.log` out, ten mebibytes and five older ones.

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dccd_cli::{Input, Log, Status, StoreFlags, Tool, Wait};
use dccd_store::{Layout, RotatingLog};

use crate::clock::{now, seconds};
use crate::error::Error;

/// More of one line is left out.
const LINE_BYTES_MAX: usize = 16 << 10;
const BLOCK_BYTES: usize = 64 << 10;
/// After SIGTERM those who write to us have some time to end.
const DRAIN_MAX: Duration = Duration::from_secs(25);
/// The flag that signals set is looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
const CUT: &[u8] = b" [cut]";

/// Keep the lines of standard input in a log of bounded size
///
/// `dccd.log` in the store's `.dccd`, as earlier versions kept it. At 10 MiB it becomes `dccd.log.1`, and so on up to
/// `dccd.log.5`. Any number of these may write at once. A line that does not begin with a date is given one.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Folder of the log [default: .dccd in the store]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

impl LogArgs {
    /// Where the log is kept.
    pub(crate) fn folder(&self) -> Result<PathBuf, Error> {
        Ok(match &self.dir {
            Some(dir) => dir.clone(),
            None => Layout::new(&self.store.data_path()?).meta_dir(),
        })
    }
}

/// Takes lines to the end of input.
pub(crate) fn run(args: &LogArgs, tool: &mut Tool) -> Result<Status, Error> {
    let mut input = Input::stdin().map_err(Error::Input)?;
    if input.is_terminal() {
        return Err(Error::Usage("pipe the lines to keep in; see --help".to_owned()));
    }
    let dir = args.folder()?;
    let mut keeper = Keeper { log: RotatingLog::new(&dir), messages: tool.log.clone(), lost: 0, is_troubled: false };
    let (mut lines, mut block) = (Lines::default(), vec![0; BLOCK_BYTES]);
    let mut drain_until = None;
    loop {
        if tool.stop.is_set() && Instant::now() >= *drain_until.get_or_insert_with(|| Instant::now() + DRAIN_MAX) {
            break;
        }
        if input.wait(LOOK_INTERVAL).map_err(Error::Input)? == Wait::TimedOut {
            continue;
        }
        let count = input.read(&mut block).map_err(Error::Input)?;
        if count == 0 {
            break;
        }
        lines.take(block.get(..count).unwrap_or_default());
        keeper.keep(&mut lines);
    }
    lines.end();
    keeper.keep(&mut lines);
    Ok(if keeper.lost > 0 { Status::IoErr } else { Status::Ok })
}

/// Puts lines into the log. One that takes nothing, on a full disk say, must not keep whoever writes to us waiting.
struct Keeper {
    log: RotatingLog,
    messages: Log,
    lost: u64,
    is_troubled: bool,
}

impl Keeper {
    fn keep(&mut self, lines: &mut Lines) {
        if lines.ready.is_empty() {
            return;
        }
        let kept = self.log.append(&lines.ready);
        match &kept {
            Ok(()) if self.is_troubled => self.messages.warn(format_args!("lines are kept again; lost: {}", self.lost)),
            Ok(()) => {}
            Err(error) => {
                self.lost = self.lost.saturating_add(lines.count);
                if !self.is_troubled {
                    self.messages.error(format_args!("lines are lost: {error}"));
                }
            }
        }
        self.is_troubled = kept.is_err();
        (lines.count, lines.ready) = (0, Vec::new());
    }
}

/// Cuts bytes into lines that can be kept.
#[derive(Default)]
struct Lines {
    /// Whole lines, dated and bounded.
    ready: Vec<u8>,
    count: u64,
    /// The beginning of the next one.
    begun: Vec<u8>,
    is_cut: bool,
}

impl Lines {
    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(at);
            self.extend(line);
            self.finish();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.extend(bytes);
    }

    /// What comes last may have no end.
    fn end(&mut self) {
        if !self.begun.is_empty() {
            self.finish();
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.begun.len());
        self.is_cut |= bytes.len() > room;
        self.begun.extend(bytes.iter().take(room));
    }

    fn finish(&mut self) {
        if !has_date(&self.begun) {
            self.ready.extend_from_slice(seconds(now()).as_bytes());
            self.ready.push(b' ');
        }
        self.ready.append(&mut self.begun);
        if self.is_cut {
            self.ready.extend_from_slice(CUT);
        }
        self.ready.push(b'\n');
        (self.count, self.is_cut) = (self.count.saturating_add(1), false);
    }
}

/// Whether a line begins with a date such as 2024-01-01.
fn has_date(line: &[u8]) -> bool {
    const SHAPE: &[u8; 10] = b"0000-00-00";
    line.get(..SHAPE.len()).is_some_and(|date| {
        date.iter().zip(SHAPE).all(|(byte, shape)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape })
    })
}
