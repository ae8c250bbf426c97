//! What clients send, and how it is answered.

use serde_json::{Value, json};

use crate::ws::Frame;

const METHODS: &str = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";

/// One message.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) method: String,
    params: Vec<Value>,
    id: Value,
}

impl Message {
    /// A message that is understood as far as its form goes.
    pub(super) fn parse(text: &str) -> Result<Message, Frame> {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            let error = json!({"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"});
            return Err(Frame::control(json!({"error": error}).to_string()));
        };
        let id = value.get("id").cloned().unwrap_or_default();
        let method = value.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
        let params = value.get("params").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(Message { method, params, id })
    }

    /// The streams that are named.
    pub(super) fn names(&self) -> Vec<String> {
        self.params.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Whether frames are to name their stream.
    pub(super) fn combined(&self) -> Option<bool> {
        let is_meant = self.params.first().and_then(Value::as_str) == Some("combined");
        self.params.get(1).and_then(Value::as_bool).filter(|_| is_meant)
    }

    /// It is done.
    pub(super) fn done(&self, result: Value) -> Frame {
        Frame::control(json!({"result": result, "id": self.id}).to_string())
    }

    /// It is refused.
    pub(super) fn error(&self, code: i64, message: &str) -> Frame {
        Frame::control(json!({"error": {"code": code, "msg": message}, "id": self.id}).to_string())
    }

    /// There is no such method.
    pub(super) fn unknown(&self, method: &str) -> Frame {
        self.error(2, &format!("Invalid request: unknown variant `{method}`, expected one of {METHODS}"))
    }
}
