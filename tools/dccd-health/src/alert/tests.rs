#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dccd_cli::Zone;
use dccd_record::Ts;

use super::text::message;
use super::{CLAIM_SECS_MAX, Claim, Incident, News};
use crate::metrics::Counts;

fn at(second: i64) -> Ts {
    Ts::from_secs(1_704_067_200 + second).unwrap()
}

/// The incident after a count of `errors` in a row, of which three are too many.
fn follow(held: Option<Incident>, errors: u64, second: i64) -> Option<Incident> {
    let counts = Counts { errors_count: errors, ..Counts::default() };
    let error = (errors > 0).then_some("no");
    Incident::follow(held, &counts, Some(3), error, at(second))
}

/// The incident, claimed by a and told.
fn told(incident: Incident, second: i64) -> Option<Incident> {
    let news = incident.news(at(second)).unwrap();
    claimed(incident, second).settled("a", news, true)
}

fn claimed(incident: Incident, second: i64) -> Incident {
    Incident { claim: Some(Claim { by: "a".to_owned(), at: Some(at(second)) }), ..incident }
}

#[test]
fn an_incident_begins_at_the_threshold_and_ends_with_a_success() {
    assert_eq!(follow(None, 0, 1), None);
    assert_eq!(follow(None, 2, 2), None);
    let opened = follow(None, 3, 3).unwrap();
    assert_eq!(opened.news(at(3)), Some(News::Failing));
    let known = told(opened.clone(), 4).unwrap();
    assert_eq!(known.news(at(4)), None);
    let known = follow(Some(known), 4, 5).unwrap();
    assert_eq!((known.news(at(5)), known.errors), (None, 4));
    let over = follow(Some(known), 0, 6).unwrap();
    assert_eq!((over.news(at(6)), over.over_at), (Some(News::Works), Some(at(6))));
    assert_eq!(told(over, 7), None);
    // Nobody heard of it, so nobody needs to hear that it is over.
    assert_eq!(follow(Some(opened), 0, 4), None);
}

#[test]
fn one_that_begins_to_tell_is_left_to_it() {
    let incident = claimed(follow(None, 3, 0).unwrap(), 0);
    assert_eq!(incident.news(at(CLAIM_SECS_MAX - 1)), None);
    assert_eq!(incident.news(at(CLAIM_SECS_MAX)), Some(News::Failing));
    // The clock was set back.
    assert_eq!(incident.news(at(-CLAIM_SECS_MAX)), Some(News::Failing));
    // What is over meanwhile is told by whoever tells now.
    let over = follow(Some(incident), 0, 5).unwrap();
    assert_eq!(over.news(at(6)), None);
    let known = over.settled("a", News::Failing, true).unwrap();
    assert_eq!(known.news(at(6)), Some(News::Works));
}

#[test]
fn a_claim_of_somebody_else_is_not_settled() {
    let incident = claimed(follow(None, 3, 0).unwrap(), 0);
    assert_eq!(incident.clone().settled("b", News::Failing, true), Some(incident.clone()));
    let tried = incident.settled("a", News::Failing, false).unwrap();
    assert_eq!((tried.news(at(0)), tried.is_tried), (Some(News::Failing), true));
    // It may have been heard all the same, so its end is told too.
    let over = follow(Some(tried), 0, 1).unwrap();
    assert_eq!(over.news(at(1)), Some(News::Failing));
    assert_eq!(told(over, 1).unwrap().news(at(1)), Some(News::Works));
}

#[test]
fn an_end_that_nobody_heard_of_was_none() {
    let over = follow(told(follow(None, 3, 0).unwrap(), 0), 0, 1);
    let again = follow(over.clone(), 2, 2).unwrap();
    assert_eq!(again.news(at(2)), Some(News::Works), "two failures are not too many");
    let again = follow(over.clone(), 3, 3).unwrap();
    assert_eq!(again.news(at(3)), None, "it was told, and still holds");
    // It failed again while its end was told.
    let telling = claimed(over.unwrap(), 3);
    let again = follow(Some(telling), 3, 4).unwrap().settled("a", News::Works, true).unwrap();
    assert_eq!(again.news(at(5)), Some(News::Failing));
}

#[test]
fn who_does_not_know_the_maximum_forgets_nothing() {
    let count = |held, errors| {
        let counts = Counts { errors_count: errors, ..Counts::default() };
        Incident::follow(held, &counts, None, None, at(9))
    };
    assert_eq!(count(None, 9), None);
    let known = told(follow(None, 3, 0).unwrap(), 0);
    assert_eq!(count(known.clone(), 4), known);
    assert_eq!(count(known, 0).unwrap().news(at(9)), Some(News::Works));
}

#[test]
fn it_outlives_the_process() {
    let incident = claimed(follow(told(follow(None, 3, 0).unwrap(), 0), 0, 1).unwrap(), 2);
    let text = serde_json::to_string(&incident).unwrap();
    assert_eq!(serde_json::from_str::<Incident>(&text).unwrap(), incident, "{text}");
}

#[test]
fn texts_say_what_where_when_and_why() {
    let failing = follow(None, 3, 0).unwrap();
    let works = follow(told(failing.clone(), 0), 0, 90).unwrap();
    let text = message(&[("a", &failing)], &Zone::utc());
    assert!(text.ends_with(": a failed 3 times in a row, too often since 2024-01-01T00:00:00Z: no"), "{text}");
    let text = message(&[("a", &failing), ("b", &works)], &Zone::named("Europe/Paris").unwrap());
    let expected = ":\n- a failed 3 times in a row, too often since 2024-01-01T01:00:00+01:00: no\n\
                    - b works again since 2024-01-01T01:01:30+01:00, after it failed 3 times in a row";
    assert!(text.starts_with("dccd on ") && text.ends_with(expected), "{text}");
}
