//! The configuration: whether it can be read, and by whom.

use dccd_cli::StoreFlags;
use dccd_cli::config::Config;

use super::Finding;

const TOPIC: &str = "config";

/// The configuration, and what there is to say of it.
pub(super) fn look(store: &StoreFlags) -> (Option<Config>, Vec<Finding>) {
    match store.config() {
        Err(cause) => (None, vec![Finding::fail(TOPIC, cause.to_string(), "dccd-config validate tells all of it")]),
        Ok(None) => {
            let what = "there is none, so only what is stored is looked at";
            (None, vec![Finding::warn(TOPIC, what, "write one: see dccd-config(5)")])
        }
        Ok(Some(config)) => {
            let (history, live) = (config.history.len(), config.streams.len());
            let what = format!("{}: {history} jobs of history, {live} of streams", config.path().display());
            let mut findings = vec![Finding::ok(TOPIC, what)];
            findings.extend(
                config
                    .warnings()
                    .into_iter()
                    .map(|warning| Finding::warn(TOPIC, warning, "nobody but the collecting user needs to read it")),
            );
            (Some(config), findings)
        }
    }
}
