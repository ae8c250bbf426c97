//! Single values: each reader gives the value or says what was expected.

use std::path::PathBuf;

use dccd_record::{Kind, Pair, Span};

use super::problem::did_you_mean;
use super::tree::{Node, excerpt};
use crate::env;

pub(crate) type Read<T> = Result<T, String>;

/// The longest duration: a hundred years.
const SECONDS_MAX: u64 = 100 * 366 * 86_400;

pub(crate) fn text(node: &Node) -> Read<String> {
    match node {
        Node::Text(text) if text.trim().is_empty() => Err("expected text, not an empty one".to_owned()),
        Node::Text(text) if text.contains(|c: char| c.is_control()) => {
            Err(format!("expected text of one line, not {}", node.noun()))
        }
        Node::Text(text) => Ok(text.clone()),
        Node::Bool(_) | Node::Int(_) | Node::Float(_) => {
            Err(format!("expected text, not {}; quote it if it is meant so", node.noun()))
        }
        other => Err(format!("expected text, not {}", other.noun())),
    }
}

/// Text that is nobody's business: what is wrong with it is said without it.
pub(crate) fn secret_text(node: &Node) -> Read<String> {
    text(node).map_err(|message| match node {
        Node::Text(text) if text.trim().is_empty() => message,
        Node::Text(_) => "expected text of one line".to_owned(),
        Node::Bool(_) | Node::Int(_) | Node::Float(_) => {
            format!("expected text, not {}; quote it if it is meant so", node.sort())
        }
        other => format!("expected text, not {}", other.sort()),
    })
}

pub(crate) fn flag(node: &Node) -> Read<bool> {
    match node {
        Node::Bool(value) => Ok(*value),
        // YAML 1.1, which dccd read, has more words.
        Node::Text(word) if ["yes", "on"].contains(&word.to_lowercase().as_str()) => Ok(true),
        Node::Text(word) if ["no", "off"].contains(&word.to_lowercase().as_str()) => Ok(false),
        other => Err(format!("expected true or false, not {}", other.noun())),
    }
}

pub(crate) fn count(node: &Node, min: u64, max: u64) -> Read<u64> {
    let value = match node {
        Node::Int(value) => u64::try_from(*value).ok(),
        _ => None,
    };
    value
        .filter(|value| (min..=max).contains(value))
        .ok_or_else(|| format!("expected a whole number from {min} to {max}, not {}", node.noun()))
}

pub(crate) fn amount(node: &Node, max: f64) -> Read<f64> {
    let value = match node {
        Node::Int(value) => u32::try_from(*value).ok().map(f64::from),
        Node::Float(value) => Some(*value),
        _ => None,
    };
    value
        .filter(|value| (0.0..=max).contains(value))
        .ok_or_else(|| format!("expected a number from 0 to {max}, not {}", node.noun()))
}

/// Seconds, or numbers with units: `15m`, `1h30m`.
pub(crate) fn seconds(node: &Node) -> Read<u64> {
    let value = match node {
        Node::Int(value) => u64::try_from(*value).ok(),
        Node::Text(text) => parse_duration(text),
        _ => None,
    };
    value
        .filter(|value| *value <= SECONDS_MAX)
        .ok_or_else(|| format!("expected seconds, or a time such as 15m, 1h or 1d, not {}", node.noun()))
}

fn parse_duration(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut number: Option<u64> = None;
    for c in text.trim().chars() {
        let unit = match c {
            '0'..='9' => {
                let digit = u64::from(c.to_digit(10)?);
                number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    match number {
        // A bare number is seconds, but `1h30` is a slip.
        Some(seconds) if total == 0 => Some(seconds),
        Some(_) => None,
        None => (!text.trim().is_empty()).then_some(total),
    }
}

pub(crate) fn span(node: &Node) -> Read<Span> {
    match node {
        Node::Int(value) => {
            let seconds = u32::try_from(*value).map_err(|_| format!("{value} s is no span"))?;
            Span::from_secs(seconds).map_err(|cause| cause.to_string())
        }
        Node::Text(text) => text.trim().parse().map_err(|cause: dccd_record::SpanError| cause.to_string()),
        other => Err(format!("expected a span such as 60, 1m or 1h, not {}", other.noun())),
    }
}

pub(crate) fn kind(node: &Node) -> Read<Kind> {
    const WORDS: [&str; 8] = ["candle", "trade", "book", "funding", "open_interest", "ohlc", "trades", "orderbook"];
    let word = text(node)?;
    Kind::from_user(&word.to_lowercase()).map_err(|cause| format!("{cause}{}", did_you_mean(&word, WORDS)))
}

pub(crate) fn pair(node: &Node) -> Read<Pair> {
    match node {
        Node::Text(text) => read_pair(text.trim()),
        other => Err(format!("expected a pair such as BTC/USDT, not {}", other.noun())),
    }
}

/// A pair that can be configured: ids of jobs, which name units and files, are ASCII.
pub fn read_pair(text: &str) -> Result<Pair, String> {
    let pair = Pair::from_user(text).map_err(|cause| cause.to_string())?;
    if !(pair.base().is_ascii() && pair.quote().is_ascii()) {
        let typed = excerpt(text);
        return Err(format!(
            "{typed:?} cannot be collected: names of assets are letters A to Z, digits and inner dots"
        ));
    }
    Ok(pair)
}

pub(crate) fn word(node: &Node, words: &[&'static str]) -> Read<&'static str> {
    let typed = text(node)?;
    words.iter().copied().find(|word| *word == typed).ok_or_else(|| {
        let known = words.join(", ");
        format!("{} is none of: {known}{}", node.noun(), did_you_mean(&typed, words.iter().copied()))
    })
}

pub(crate) fn path(node: &Node) -> Read<PathBuf> {
    let text = text(node)?;
    let Some(rest) = text.strip_prefix('~') else { return Ok(PathBuf::from(text)) };
    match (rest.strip_prefix('/'), env::value(env::HOME)) {
        (Some(rest), Some(home)) => Ok(PathBuf::from(home).join(rest)),
        (None, Some(home)) if rest.is_empty() => Ok(PathBuf::from(home)),
        (_, None) => Err(format!("{text:?} needs the variable HOME")),
        _ => Err(format!("{text:?}: only ~/ is understood; name the folder in full")),
    }
}

/// An address that is asked as it is, and that may be a secret.
pub(crate) fn url(node: &Node) -> Read<String> {
    let text = secret_text(node)?;
    let refused = || "expected a URL such as https://example.org/path".to_owned();
    has_scheme(&text, &["https", "http"]).then_some(text).ok_or_else(refused)
}

/// An address that paths are put behind.
pub(crate) fn base_url(node: &Node, schemes: &[&str]) -> Read<String> {
    let text = text(node)?;
    let first = schemes.first().copied().unwrap_or_default();
    let refused = || format!("expected a URL such as {first}://example.org, not {}", node.noun());
    (has_scheme(&text, schemes) && !text.contains(['?', '#'])).then_some(text).ok_or_else(refused)
}

fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or("");
        schemes.contains(&scheme) && !host.is_empty() && !text.contains(char::is_whitespace)
    })
}
