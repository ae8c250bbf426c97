//! Flags of `dccd-sync`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Flags, Parser, Subcommand};
use dccd_cli::config::Config;
use dccd_cli::{Common, DatasetFlags, StoreFlags, Tool, ToolArgs, TypedTime, env};
use dccd_record::{Range, Ts};
use dccd_store::StoreFile;

use crate::error::Error;
use crate::rclone::Rclone;
use crate::remote::Remote;

const GIB: f64 = 1_073_741_824.0;

/// Copy the store to remotes, prove it, purge only what is proven
///
/// Remotes are rclone's: see `rclone config`. They are those of the configuration (storage.remotes), or of --remote.
#[derive(Parser)]
#[command(name = "dccd-sync", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,

    /// A remote as rclone names it, instead of the configuration's; may be repeated
    #[arg(long = "remote", value_name = "REMOTE", global = true)]
    remotes: Vec<String>,

    /// The program rclone [default: DCCD_RCLONE, else the one on the PATH]
    #[arg(long, value_name = "PATH", global = true)]
    rclone: Option<PathBuf>,

    /// Seconds that rclone may show no progress before it is stopped
    ///
    /// There is no limit on how long it may take.
    #[arg(long, value_name = "N", default_value_t = 600, global = true,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    stall_secs: u64,

    #[command(flatten)]
    store: StoreFlags,

    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
enum Command {
    /// Send what the remotes lack, and prove what they have
    Push {
        /// Only say what would be sent
        #[arg(long)]
        dry_run: bool,
    },
    /// Compare the remotes with the store
    Verify,
    /// Free space: remove the oldest files that are proven to be on every remote
    ///
    /// Only closed days and years go. What is covered stays known, and a purged file comes back with restore.
    Purge {
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,

        /// GiB that are to be free [default: the configuration's storage.min_free_gb]
        #[arg(long, value_name = "N")]
        until_free_gb: Option<f64>,

        /// Read every file back instead of trusting the remote's hash
        #[arg(long)]
        read_back: bool,
    },
    /// Bring files back, or bring a store to a new place
    Restore(Wanted),
}

#[derive(Flags)]
struct Wanted {
    #[command(flatten)]
    datasets: DatasetFlags,

    /// Only days and years that end after this instant, as in 2024-01-01
    #[arg(long, value_name = "TIME")]
    start: Option<TypedTime>,

    /// Only days and years that begin before this instant
    #[arg(long, value_name = "TIME")]
    end: Option<TypedTime>,

    /// Only say what would be brought
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  Copy everything to a folder of a NAS that rclone knows as mynas, and prove that it is there:
      dccd-sync push --data-path /data/crypto --remote mynas:crypto/

  Keep 50 GiB free:
      dccd-sync purge --data-path /data/crypto --remote mynas:crypto/ --until-free-gb 50

  Bring January's trades back:
      dccd-sync restore --remote mynas:crypto/ --kind trade --start 2024-01-01 --end 2024-02-01";

/// Whether anything is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Earnest,
    DryRun,
}

impl Way {
    fn of(dry_run: bool) -> Way {
        if dry_run { Way::DryRun } else { Way::Earnest }
    }
}

/// What is to be done.
pub(crate) enum Task {
    Push { data_path: PathBuf, way: Way },
    Verify { data_path: PathBuf },
    Purge { data_path: PathBuf, wanted: Room },
    Restore { data_path: PathBuf, wanted: Filter },
}

impl Task {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Task::Push { .. } => "push",
            Task::Verify { .. } => "verify",
            Task::Purge { .. } => "purge",
            Task::Restore { .. } => "restore",
        }
    }
}

/// How much room is to be made, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) free_bytes: u64,
    pub(crate) reads_back: bool,
    pub(crate) way: Way,
}

/// Which files are to come.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    datasets: DatasetFlags,
    range: Range,
    pub(crate) way: Way,
}

impl Filter {
    pub(crate) fn accepts(&self, file: &StoreFile) -> bool {
        self.datasets.accept(&file.dataset) && file.period.range().intersect(self.range).is_some()
    }
}

impl Args {
    pub(crate) fn task(&self) -> Result<Task, Error> {
        let data_path = self.store.data_path()?;
        Ok(match &self.command {
            Command::Push { dry_run } => Task::Push { data_path, way: Way::of(*dry_run) },
            Command::Verify => Task::Verify { data_path },
            Command::Purge { dry_run, until_free_gb, read_back } => {
                let free_bytes = self.free_bytes(*until_free_gb)?;
                Task::Purge { data_path, wanted: Room { free_bytes, reads_back: *read_back, way: Way::of(*dry_run) } }
            }
            Command::Restore(wanted) => Task::Restore { data_path, wanted: self.filter(wanted)? },
        })
    }

    /// The remotes that are meant; each must be there to be asked.
    pub(crate) fn remotes(&self, tool: &Tool) -> Result<Vec<Remote>, Error> {
        let names = match (self.remotes.is_empty(), self.store.config()?) {
            (false, _) => self.remotes.clone(),
            (true, Some(Config { storage, .. })) => storage.remotes,
            (true, None) => Vec::new(),
        };
        if names.is_empty() {
            return Err(Error::NoRemote);
        }
        let named = self.rclone.clone().or_else(|| env::value(env::RCLONE).map(PathBuf::from));
        let rclone = Rclone::find(named, Duration::from_secs(self.stall_secs), tool.stop.clone())?;
        let mut remotes: Vec<Remote> = Vec::new();
        for name in names {
            if name.is_empty() || name.starts_with('-') {
                return Err(Error::BadRemote(name));
            }
            if remotes.iter().all(|remote| remote.name() != name) {
                remotes.push(Remote::new(&name, rclone.clone()));
            }
        }
        Ok(remotes)
    }

    fn free_bytes(&self, flag: Option<f64>) -> Result<u64, Error> {
        let configured = || Ok::<_, Error>(self.store.config()?.map_or(0.0, |config| config.storage.min_free_gb));
        let gib = flag.map_or_else(configured, Ok)?;
        if !(0.0..=1e9).contains(&gib) {
            return Err(Error::BadRoom(gib));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        Ok((gib * GIB) as u64)
    }

    fn filter(&self, wanted: &Wanted) -> Result<Filter, Error> {
        let instant = |typed: &Option<TypedTime>, default| match typed {
            Some(typed) => self.store.instant(typed).map_err(Error::Instant),
            None => Ok(default),
        };
        let (start, end) = (instant(&wanted.start, Ts::MIN)?, instant(&wanted.end, Ts::MAX)?);
        Ok(Filter {
            datasets: wanted.datasets.clone(),
            range: Range::new(start, end).ok_or(Error::EmptyRange(start, end))?,
            way: Way::of(wanted.dry_run),
        })
    }
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
