use super::parse_day;

#[test]
fn days() {
    assert_eq!(parse_day("1970-01-02"), Ok(1));
    assert_eq!(parse_day("2024-02-29"), Ok(19_782));
    for text in ["", "2023-02-29", "2024-13-01", "2024-1-1", "24-01-01", "2024-01-01T00:00:00Z", "yesterday"] {
        assert!(parse_day(text).is_err(), "{text}");
    }
}
