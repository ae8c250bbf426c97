//! The configuration as a JSON Schema.

use dccd_cli::config::keys::{Key, ROOT, Section, Shape};
use dccd_cli::{Status, Tool};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::exchanges;

/// Prints the schema.
pub(crate) fn write(tool: &mut Tool) -> Result<Status, Error> {
    let mut schema = section(&ROOT);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("dccd configuration");
    let out = tool.out.buffer();
    out.extend_from_slice(format!("{schema:#}\n").as_bytes());
    Ok(Status::Ok)
}

fn section(section: &Section) -> Value {
    let properties: Map<String, Value> = section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = section.keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
    let mut schema = json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["type"] = json!("object");
        schema["required"] = json!(required);
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut property = shape(key.shape);
    let default = if key.default.is_empty() { String::new() } else { format!(" (default: {})", key.default) };
    property["description"] = json!(format!("{}.{default}", key.meaning));
    property
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::Path | Shape::Zone | Shape::Cron => text(),
        Shape::Exchange => json!({"enum": exchanges::supported()}),
        Shape::Url(schemes) => json!({"type": "string", "pattern": format!("^({})://[^/]", schemes.join("|"))}),
        Shape::Flag => json!({"enum": [true, false, "yes", "no", "on", "off"]}),
        Shape::Count(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Amount => json!({"type": "number", "minimum": 0}),
        Shape::Duration => either(json!({"type": "integer", "minimum": 0}), r"^([0-9]+|([0-9]+[smhdw])+)$"),
        Shape::Span => either(json!({"type": "integer", "minimum": 1, "maximum": 604_800}), "^[0-9]+[smhdw]?$"),
        Shape::Time => json!({"type": ["string", "integer"]}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::Kind => kind(),
        Shape::Pairs => list(json!({"type": "string", "pattern": "^[^/: -]+[/-][^/: -]+(:[A-Za-z0-9_]+)?$"}), 1),
        Shape::Channels => list(kind(), 1),
        Shape::Texts => list(text(), 0),
        Shape::Section(inner) => section(inner),
        Shape::Sections(inner) => {
            json!({"type": ["array", "null"], "items": section(inner)})
        }
        Shape::Exchanges(inner) => {
            json!({"type": ["object", "null"], "additionalProperties": section(inner)})
        }
    }
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn kind() -> Value {
    let words = ["candle", "trade", "book", "funding", "open_interest", "ohlc", "trades", "orderbook"];
    json!({"enum": words})
}

fn list(items: Value, least: u64) -> Value {
    json!({"type": "array", "items": items, "minItems": least})
}

fn either(number: Value, pattern: &str) -> Value {
    json!({"anyOf": [number, {"type": "string", "pattern": pattern}]})
}
