use super::super::keys::{ROOT, Section, Shape};
use super::problems;

/// Lines of a mapping with one more key in it, indented by `indent`.
fn sections(section: &'static Section, prefix: &str, found: &mut Vec<(&'static Section, String)>) {
    found.push((section, prefix.to_owned()));
    for key in section.keys {
        match key.shape {
            Shape::Section(inner) => sections(inner, &format!("{prefix}{}: {{", key.name), found),
            Shape::Sections(inner) => sections(inner, &format!("{prefix}{}: [{{", key.name), found),
            Shape::Exchanges(inner) => sections(inner, &format!("{prefix}{}: {{binance: {{", key.name), found),
            _ => {}
        }
    }
}

/// Closes what a prefix opened.
fn closed(prefix: &str) -> String {
    prefix
        .chars()
        .rev()
        .filter_map(|c| match c {
            '{' => Some('}'),
            '[' => Some(']'),
            _ => None,
        })
        .collect()
}

#[test]
fn no_key_of_the_table_is_read_without_being_checked() {
    let mut found = Vec::new();
    sections(&ROOT, "{", &mut found);
    for (section, prefix) in found {
        for key in section.keys {
            // A list of mappings of mappings is what no key takes.
            let mut text = format!("{prefix}{}: [[{{x: [y]}}]]", key.name);
            let needed = [("exchange", "binance"), ("pairs", "[BTC/USDT]"), ("channels", "[candle]"), ("span", "60")];
            for (name, value) in needed {
                if section.key(name).is_some() && key.name != name && section.key("pairs").is_some() {
                    text.push_str(&format!(", {name}: {value}"));
                }
            }
            // Keys of dccd 3 that only streams have are read there.
            if section.name == "jobs" && ["depth", "snapshot_interval"].contains(&key.name) {
                text.push_str(", operation: stream");
            }
            text.push_str(&closed(&prefix));
            let said = problems(&text);
            let is_named = |line: &String| line.contains(key.name) && !line.contains("unknown key");
            assert!(said.iter().any(is_named), "{}.{} takes anything: {said:?}\n{text}", section.name, key.name);
        }
    }
}

#[test]
fn every_key_says_what_it_means() {
    let mut found = Vec::new();
    sections(&ROOT, "", &mut found);
    for key in found.iter().flat_map(|(section, _)| section.keys) {
        assert!(key.meaning.starts_with(char::is_uppercase) && !key.meaning.ends_with('.'), "{}", key.name);
    }
}
