//! Instants in the files of counts: seconds since 1970 as dccd 2 wrote them, to be used with serde.

use dccd_record::Ts;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Writes whole seconds as a number with a point, which is what Python makes of them.
#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(crate) fn serialize<S: Serializer>(ts: &Option<Ts>, serializer: S) -> Result<S::Ok, S::Error> {
    // Seconds of any year to come are exact as floats.
    ts.map(|ts| ts.secs() as f64).serialize(serializer)
}

/// Reads seconds, or RFC 3339. What is no instant of ours, such as 0, is none.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ts>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Number(number) => {
            let text = number.to_string();
            let seconds = text.split('.').next().unwrap_or_default();
            Ok(Ts::from_secs(seconds.parse().map_err(D::Error::custom)?).ok())
        }
        Value::String(text) => text.parse().map(Some).map_err(D::Error::custom),
        _ => Err(D::Error::custom("no instant")),
    }
}
