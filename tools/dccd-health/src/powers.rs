//! What each command may do, and nothing else.

use std::path::{Path, PathBuf};

use dccd_cli::{Powers, StoreFlags};
use dccd_store::{Layout, folders};

use crate::args::Command;

impl Command {
    /// What it needs. A configuration that is wrong gives no powers; the command itself says what is wrong with it.
    pub(crate) fn powers(&self) -> Powers {
        match self {
            Command::Status(args) => reader(&args.store),
            Command::Runs(args) => reader(&args.store),
            Command::Report(args) => reader(&args.store),
            Command::Metrics(args) => reader(&args.store).write(args.textfile.as_deref().map(folder)),
            Command::Log(args) => Powers::none().read(args.store.config_file()).write(args.folder().ok().map(made)),
            Command::Record(args) => {
                // What is not there cannot be among its powers.
                let _ = args.store.data_path().map(|root| Layout::new(&root).make_meta_dir());
                keeper(&args.store).read(&args.jobs)
            }
            Command::Check(args) => keeper(&args.store),
            Command::Alert(args) => keeper(&args.store),
            // It asks systemd and rclone.
            Command::Doctor(_) => Powers::of_programs(),
        }
    }
}

/// Reads the store and the configuration.
fn reader(flags: &StoreFlags) -> Powers {
    let store = flags.data_path().ok().into_iter().flat_map(|root| folders(&root));
    Powers::none().read(store).read(flags.config_file())
}

/// Reads the store, counts in it, and tells whom the configuration names.
fn keeper(flags: &StoreFlags) -> Powers {
    let counts = flags.data_path().ok().into_iter().flat_map(|root| folders(&Layout::new(&root).meta_dir()));
    let powers = reader(flags).write(counts);
    let Ok(Some(config)) = flags.config() else { return powers };
    let addresses: Vec<_> = [&config.alerts.webhook_url, &config.alerts.heartbeat_url].into_iter().flatten().collect();
    if addresses.is_empty() {
        return powers;
    }
    // With the folder, since a secret may be replaced while we run.
    let secrets = addresses.iter().filter_map(|secret| secret.file());
    powers.connect().read(secrets.flat_map(|path| [path, folder(path)]))
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A folder that is made if need be; that it cannot be is found out by whoever writes there.
fn made(dir: PathBuf) -> PathBuf {
    let _ = std::fs::create_dir_all(&dir);
    dir
}
