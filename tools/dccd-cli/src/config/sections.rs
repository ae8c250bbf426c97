//! Reading what is not a job.

use std::path::Path;

use super::fields::Fields;
use super::jobs::{self, Jobs};
use super::keys::{ROOT, Section, Shape};
use super::locate::Place;
use super::model::{Absences, Addresses, Alerts, Exchanges, Mention, Origin, Purpose, Settings, Storage, Ui};
use super::problem::Problems;
use super::secret::Secret;
use super::tree::Node;
use super::value;
use crate::zone::Zone;

/// Everything of the file.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) storage: Storage,
    pub(crate) alerts: Alerts,
    pub(crate) exchanges: Exchanges,
    pub(crate) jobs: Jobs,
}

/// Reads the file; what is wrong goes to `problems`. Secrets' files count from `dir`.
pub(crate) fn read(dir: &Path, root: &Node, absences: Absences, problems: &Problems) -> Option<Parts> {
    let fields = Fields::open(&ROOT, root, Place::default(), problems)?;
    let mut settings = settings(&section(&fields, "settings", problems), dir);
    let storage = storage(&section(&fields, "storage", problems), &mut settings, problems);
    let alerts = alerts(&section(&fields, "alerts", problems), dir);
    let (exchanges, mentions) = exchanges(&fields, problems);
    let mut jobs = jobs::read(&fields, &settings.zone, absences, problems);
    jobs.mentions.extend(mentions);
    Some(Parts { settings, storage, alerts, exchanges, jobs })
}

static NOTHING: Node = Node::Null;

/// The mapping at `key`; one that is not there, or is none, has no values.
fn section<'a>(root: &Fields<'a>, key: &str, problems: &'a Problems) -> Fields<'a> {
    let table = table(key);
    let (node, place) = root.value(key).unwrap_or((&NOTHING, Place::default()));
    Fields::open(table, node, place, problems).unwrap_or_else(|| Fields::empty(table, problems))
}

fn table(key: &str) -> &'static Section {
    match ROOT.key(key).map(|key| key.shape) {
        Some(Shape::Section(section) | Shape::Sections(section) | Shape::Exchanges(section)) => section,
        _ => &ROOT,
    }
}

fn settings(fields: &Fields<'_>, dir: &Path) -> Settings {
    const PORT: u16 = 8080;
    let zone = fields.read("timezone", |node| {
        let name = value::text(node)?;
        Zone::named(&name).map_err(|cause| cause.to_string())
    });
    let count = |key: &str, max: u64| fields.read(key, |node| value::count(node, 0, max));
    let flag = |key: &str| fields.read(key, value::flag).unwrap_or(false);
    let port = count("ui_port", u16::MAX.into()).and_then(|port| u16::try_from(port).ok());
    Settings {
        data_path: fields.read("data_path", value::path),
        zone: zone.unwrap_or_else(Zone::utc),
        ui: Ui {
            host: fields.read("ui_host", value::text).unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: port.unwrap_or(PORT),
            auth_token: Secret::read(fields, "ui_auth_token", dir, value::secret_text),
            allow_origins: fields.list("ui_allow_origins", value::text).into_iter().map(|(text, _)| text).collect(),
            is_readonly: flag("ui_readonly"),
            rate_limit: count("ui_rate_limit", 1_000_000).unwrap_or(0),
            is_proxy_trusted: flag("ui_trusted_proxy"),
        },
        runs_retention_days: count("runs_retention_days", 36_500).unwrap_or(90),
    }
}

fn storage(fields: &Fields<'_>, settings: &mut Settings, problems: &Problems) -> Storage {
    let local = fields.read("local_path", value::path);
    match (&settings.data_path, local) {
        (Some(data_path), Some(local)) if *data_path != local => {
            fields.refuse("local_path", "local_path: settings.data_path names another folder; keep one");
        }
        (None, local) => settings.data_path = local,
        _ => {}
    }
    let mut remotes = Vec::new();
    for (node, place) in fields.elements("remotes") {
        let Some(remote) = Fields::open(remote_table(), node, place, problems) else { continue };
        remote.read("provider", |node| value::word(node, &["rclone"]));
        remotes.extend(remote.read("remote", |node| {
            let name = value::text(node)?;
            if name.contains(':') {
                Ok(name)
            } else {
                Err(format!("{} is no rclone remote such as mynas:crypto/", node.noun()))
            }
        }));
    }
    Storage {
        remotes,
        sync_interval_secs: fields.read("sync_interval", value::seconds).unwrap_or(3600),
        min_free_gb: fields.read("min_free_gb", |node| value::amount(node, 1e6)).unwrap_or(0.0),
    }
}

fn remote_table() -> &'static Section {
    match table("storage").key("remotes").map(|key| key.shape) {
        Some(Shape::Sections(section)) => section,
        _ => &ROOT,
    }
}

fn alerts(fields: &Fields<'_>, dir: &Path) -> Alerts {
    let errors = fields.read("max_consecutive_errors", |node| value::count(node, 1, 1_000_000));
    Alerts {
        webhook_url: Secret::read(fields, "webhook_url", dir, value::url),
        max_consecutive_errors: errors.unwrap_or(3),
        heartbeat_url: Secret::read(fields, "heartbeat_url", dir, value::url),
    }
}

const HTTP: [&str; 2] = ["https", "http"];

fn exchanges(root: &Fields<'_>, problems: &Problems) -> (Exchanges, Vec<Mention>) {
    let (mut exchanges, mut mentions) = (Exchanges::new(), Vec::new());
    let (entries, place) = match root.value("exchanges") {
        Some((Node::Map(entries), place)) => (entries, place),
        Some((other, place)) => {
            let noun = other.noun();
            problems.add(place, format!("exchanges: expected exchanges and their addresses, not {noun}"));
            return (exchanges, mentions);
        }
        None => return (exchanges, mentions),
    };
    for entry in entries {
        let place = place.inside(entry.at);
        let exchange = entry.key.to_lowercase();
        let origin = Origin { entry: place.clone(), place: place.key() };
        mentions.push(Mention { exchange: exchange.clone(), purpose: Purpose::Addresses, origin });
        let Some(fields) = Fields::open(table("exchanges"), &entry.value, place.clone(), problems) else { continue };
        let addresses = Addresses {
            rest_url: fields.read("rest_url", |node| value::base_url(node, &HTTP)),
            ws_url: fields.read("ws_url", |node| value::base_url(node, &["wss", "ws"])),
            archive_url: fields.read("archive_url", |node| value::base_url(node, &HTTP)),
        };
        if exchanges.insert(exchange, addresses).is_some() {
            problems.add(place.key(), format!("{} stands here a second time", entry.key));
        }
    }
    (exchanges, mentions)
}
