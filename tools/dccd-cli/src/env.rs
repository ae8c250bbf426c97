//! Every environment variable that dccd reads.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder of the store.
pub const DATA_PATH: &str = "DCCD_DATA_PATH";
/// The folder of the request budgets that all processes of a host share.
pub const BUDGET_DIR: &str = "DCCD_BUDGET_DIR";
/// The program rclone.
pub const RCLONE: &str = "DCCD_RCLONE";
/// Set by systemd when stderr goes to the journal.
pub const JOURNAL_STREAM: &str = "JOURNAL_STREAM";
/// Set by systemd: the socket that is told of readiness and life.
pub const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
/// Set by systemd where a sign of life is wanted, and how often, in microseconds.
pub const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
/// Set by systemd for what runs in a unit: which of its runs it is.
pub const INVOCATION_ID: &str = "INVOCATION_ID";
/// Set by systemd for `ExecStopPost=`: how the unit ended, by which code and status, in which of its runs.
pub const SERVICE_RESULT: [&str; 4] = ["SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS", INVOCATION_ID];
/// The same for what `OnFailure=` starts.
pub const MONITOR_RESULT: [&str; 4] =
    ["MONITOR_SERVICE_RESULT", "MONITOR_EXIT_CODE", "MONITOR_EXIT_STATUS", "MONITOR_INVOCATION_ID"];
/// Where a user's state lies.
pub const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
/// Where a user's configuration lies.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Where what lasts as long as a user's sessions lies.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// Set by systemd for its generators: `system` or `user`.
pub const SYSTEMD_SCOPE: &str = "SYSTEMD_SCOPE";
/// Where systemd puts a service's credentials.
pub const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// Certificates that are believed, where they are not those of the system: a file, and folders.
pub const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
/// The user's home.
pub const HOME: &str = "HOME";

/// Where packages put the shared folder of budgets.
const SYSTEM_BUDGET_DIR: &str = "/var/lib/dccd/budget";

/// The variable that points an exchange's REST elsewhere: `DCCD_BINANCE_REST_URL`.
pub fn rest_url(exchange: &str) -> String {
    format!("DCCD_{}_REST_URL", exchange.to_uppercase())
}

/// The variable that points an exchange's archive elsewhere: `DCCD_BINANCE_ARCHIVE_URL`.
pub fn archive_url(exchange: &str) -> String {
    format!("DCCD_{}_ARCHIVE_URL", exchange.to_uppercase())
}

/// The variable that points an exchange's WebSocket elsewhere: `DCCD_BINANCE_WS_URL`.
pub fn ws_url(exchange: &str) -> String {
    format!("DCCD_{}_WS_URL", exchange.to_uppercase())
}

/// A variable's value, if it is set and not empty.
pub fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// `$XDG_STATE_HOME/dccd`, by default `~/.local/state/dccd`.
pub fn state_dir() -> Option<PathBuf> {
    let base = match value(XDG_STATE_HOME) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(value(HOME)?).join(".local/state"),
    };
    Some(base.join("dccd"))
}

/// `$XDG_CONFIG_HOME/dccd`, by default `~/.config/dccd`.
pub fn config_dir() -> Option<PathBuf> {
    let base = match value(XDG_CONFIG_HOME) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(value(HOME)?).join(".config"),
    };
    Some(base.join("dccd"))
}

/// Where budgets are kept if nobody says: the folder that all users share, if there is one, else the user's own.
pub fn budget_dirs() -> Vec<PathBuf> {
    let system = Path::new(SYSTEM_BUDGET_DIR);
    let shared = system.is_dir().then(|| system.to_owned());
    let own = state_dir().map(|dir| dir.join("budget"));
    shared.into_iter().chain(own).collect()
}
