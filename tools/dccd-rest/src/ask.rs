//! One question, asked until it is answered or given up.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dccd_exchange::{AnswerError, Ask, Page, Reply, Request};
use dccd_record::Ts;

use crate::budget::{Budget, BudgetError, Priority};
use crate::http::{Body, Client, Head, HttpError};
use crate::retry::{Policy, Stopped, Waiter};

/// A ban whose length is not said.
const BAN: Duration = Duration::from_secs(120);
/// No exchange bans for longer: the published maximum is three days.
const BAN_MAX: Duration = Duration::from_secs(7 * 86_400);
/// A firewall's no.
const FIREWALL_BAN: Duration = Duration::from_secs(30);
/// Too many requests, and nothing said about when to return.
const LIMIT_BAN: Duration = Duration::from_secs(1);

/// Asks one host of an exchange.
#[derive(Debug)]
pub struct Asker {
    client: Client,
    base: String,
    budget: Arc<Budget>,
    policy: Policy,
    priority: Priority,
    body: Body,
}

impl Asker {
    /// Asks `base`, a URL without a slash at its end.
    pub fn new(client: Client, base: &str, budget: Arc<Budget>, policy: Policy, priority: Priority) -> Asker {
        Asker { client, base: base.to_owned(), budget, policy, priority, body: Body::default() }
    }

    /// The answer to `ask`; its lines are appended to `out`.
    pub fn ask(&mut self, ask: &Ask, out: &mut Vec<u8>, waiter: &dyn Waiter) -> Result<Page, AskError> {
        self.get(&ask.request, waiter, |reply| ask.read(reply, out))
    }

    /// What `read` makes of the answer to any request.
    pub fn get<T>(
        &mut self,
        request: &Request,
        waiter: &dyn Waiter,
        mut read: impl FnMut(&Reply<'_>) -> Result<T, AnswerError>,
    ) -> Result<T, AskError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            waiter.check()?;
            self.budget.wait(request.group, request.weight, self.priority, waiter)?;
            let error = match self.get_once(request, &mut read)? {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let wait = if error.is_worth_a_retry() { self.policy.wait_after(attempt) } else { None };
            let Some(wait) = wait else { return Err(error) };
            waiter.note(&format_args!("{error}; trying again ({attempt} of {})", self.policy.retries_max));
            waiter.wait(wait)?;
        }
    }

    /// The outer error is ours and final, the inner one is about this try.
    fn get_once<T>(
        &mut self,
        request: &Request,
        read: &mut impl FnMut(&Reply<'_>) -> Result<T, AnswerError>,
    ) -> Result<Result<T, AskError>, AskError> {
        let url = format!("{}{}", self.base, request.path);
        let group = request.group;
        let head = match self.client.get(&url, group.usage_header, &mut self.body) {
            Ok(head) => head,
            Err(error) => return Ok(Err(AskError::Http { url, error })),
        };
        if let Some(used) = head.usage {
            self.budget.observe(group, used)?;
        }
        let answer = if head.is_html && head.status == 200 {
            // Whatever it looks like, it is not the exchange that says it.
            Err(AnswerError::Html { status: 200 })
        } else {
            read(&self.reply(head))
        };
        if let Err(AnswerError::Limited { status, retry_after_secs }) = answer {
            self.budget.ban(ban_length(status, retry_after_secs))?;
        }
        Ok(answer.map_err(|error| AskError::Answer { url, error }))
    }

    fn reply(&self, head: Head) -> Reply<'_> {
        Reply {
            status: head.status,
            body: self.body.bytes(),
            date: head.date,
            retry_after_secs: head.retry_after_secs,
            recv_ts: recv_ts(),
        }
    }
}

/// How long an exchange wants to be left alone that answers with such a status.
///
/// A wait of no length is none that an exchange means, and one of years is remembered for too long.
pub fn ban_length(status: u16, retry_after_secs: Option<u64>) -> Duration {
    match (status, retry_after_secs) {
        (_, Some(secs @ 1..)) => Duration::from_secs(secs).min(BAN_MAX),
        (418, _) => BAN,
        (403, _) => FIREWALL_BAN,
        _ => LIMIT_BAN,
    }
}

fn recv_ts() -> Ts {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).ok().and_then(|nanos| Ts::from_nanos(nanos).ok()).unwrap_or(Ts::MIN)
}

/// Why a question stays without answer.
#[derive(Debug)]
pub enum AskError {
    /// Nothing came back.
    Http {
        /// What was asked.
        url: String,
        /// Why.
        error: HttpError,
    },
    /// Something came back, but no answer.
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        error: AnswerError,
    },
    /// The budget says no.
    Budget(BudgetError),
    /// Somebody asked us to stop.
    Stopped(Stopped),
}

impl AskError {
    fn is_worth_a_retry(&self) -> bool {
        match self {
            AskError::Answer { error, .. } => error.is_worth_a_retry(),
            other => other.is_retryable(),
        }
    }

    /// Whether asking again later may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            AskError::Http { error, .. } => error.is_retryable(),
            AskError::Answer { error, .. } => error.is_retryable(),
            AskError::Budget(_) | AskError::Stopped(_) => true,
        }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Http { url, error } => write!(f, "cannot get {url}: {error}"),
            AskError::Answer { url, error } => write!(f, "{url}: {error}"),
            AskError::Budget(error) => error.fmt(f),
            AskError::Stopped(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AskError {}

impl From<BudgetError> for AskError {
    fn from(error: BudgetError) -> AskError {
        match error {
            BudgetError::Stopped(stopped) => AskError::Stopped(stopped),
            other => AskError::Budget(other),
        }
    }
}

impl From<Stopped> for AskError {
    fn from(error: Stopped) -> AskError {
        AskError::Stopped(error)
    }
}

#[cfg(test)]
mod tests;
