//! Which stories are told, and when: they mostly wait, so that many are told at once.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use super::*;

/// Stories of each exchange, unless `DCCD_SEEDS` says otherwise.
const STORIES: u64 = 2;
/// Stories of an exchange that are told at once.
const AT_ONCE: usize = 6;

/// Seeds of stories that failed, and why.
type Failures = Vec<(u64, String)>;

/// The stories of an exchange, as they are told.
type Begun = (&'static str, JoinHandle<Failures>);

/// The stories of all exchanges, where all tests are run: the first test begins to tell all of them.
static BEGUN: OnceLock<Mutex<Vec<Begun>>> = OnceLock::new();

/// Fails if one of an exchange's stories does.
pub(super) fn hear(venue: &'static Venue) {
    let is_one_of_few =
        std::env::args().skip(1).any(|arg| arg.contains("live")) || std::env::var_os("DCCD_SEEDS").is_some();
    let failed = if is_one_of_few { tell_all(venue) } else { await_all(venue) };
    let Some((seed, _)) = failed.first() else { return };
    let name = venue.exchange;
    panic!("run one again: DCCD_SEED={seed} cargo test -p dccd-tests --test it live::{name}; {failed:#?}");
}

fn await_all(venue: &Venue) -> Failures {
    let begin = |venue: &&'static Venue| {
        let venue = *venue;
        (venue.exchange, thread::spawn(move || tell_all(venue)))
    };
    let begun = BEGUN.get_or_init(|| Mutex::new(VENUES.iter().map(begin).collect()));
    let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
    let at = begun.iter().position(|(name, _)| *name == venue.exchange).expect("each exchange has one test");
    let (_, stories) = begun.swap_remove(at);
    drop(begun);
    stories.join().expect("stories that panic are caught")
}

/// Tells the stories of an exchange, some at once.
fn tell_all(venue: &Venue) -> Failures {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match (given("DCCD_SEED"), given("DCCD_SEEDS")) {
        (Some(seed), _) => (seed, 1),
        (None, count) => (Random::new(venue.exchange).next_u64() % 1_000_000_000, count.unwrap_or(STORIES)),
    };
    let next = AtomicU64::new(0);
    let failed: Mutex<Failures> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let take = || Some(next.fetch_add(1, Ordering::SeqCst)).filter(|at| *at < count);
                while let Some(at) = take() {
                    if let Err(panic) = std::panic::catch_unwind(|| tell(venue, first + at)) {
                        failed.lock().expect("nobody panics here").push((first + at, words_of(&*panic)));
                    }
                }
            });
        }
    });
    failed.into_inner().expect("nobody panics here")
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
