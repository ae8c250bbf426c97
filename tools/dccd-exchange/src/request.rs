//! What is asked of an exchange, as values.

/// Requests that an exchange counts together.
#[derive(Debug, PartialEq, Eq)]
pub struct LimitGroup {
    /// Its name in messages.
    pub name: &'static str,
    /// Its place in the budget file of its host, from 0.
    pub slot: usize,
    /// The published limit: so much weight...
    pub weight_max: u32,
    /// ...in any window of so many seconds.
    pub window_secs: u32,
    /// The header that says how much the exchange has counted in its current window.
    pub usage_header: Option<&'static str>,
}

/// One REST host of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct Api {
    /// Its name in messages.
    pub name: &'static str,
    /// Where it is reached.
    pub rest_url: &'static str,
    /// Where its bulk files lie.
    pub archive_url: &'static str,
}

/// One GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The host that is asked.
    pub api: &'static Api,
    /// Path and query, to be put behind the host's URL.
    pub path: String,
    /// What it costs.
    pub weight: u32,
    /// Who counts it.
    pub group: &'static LimitGroup,
}
