//! `funding-rate` and `open-interest`.

use std::sync::Arc;

use super::Place;
use crate::clock::{HOUR, MILLI, SECOND};
use crate::market::Series;
use crate::market::statistics::RATE_SCALE;
use crate::okx::instrument::{name, short};
use crate::okx::statistics::{open_interest_now, payments, realized_rate};
use crate::ws::{Frame, Load, World};

/// Payments are never farther apart.
const FUNDING_STEP_MAX: i64 = 8 * HOUR;

/// What is told of one contract.
#[derive(Debug)]
pub(super) struct ContractStream {
    series: Arc<Series>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Funding,
    OpenInterest,
}

impl ContractStream {
    pub(super) fn funding(series: &Arc<Series>) -> ContractStream {
        ContractStream { series: Arc::clone(series), what: What::Funding }
    }

    pub(super) fn open_interest(series: &Arc<Series>) -> ContractStream {
        ContractStream { series: Arc::clone(series), what: What::OpenInterest }
    }

    /// What is so now, again and again.
    pub(super) fn updates(&self, place: &Place, world: &World<'_>) -> Vec<Frame> {
        let period = match self.what {
            What::Funding => 30 * SECOND,
            What::OpenInterest => 3 * SECOND,
        };
        if world.is_due(period) { vec![self.frame(place, world.now)] } else { Vec::new() }
    }

    /// What is so now.
    pub(super) fn frame(&self, place: &Place, now: i64) -> Frame {
        match self.what {
            What::Funding => place.frame(Load::Funding, "", &self.funding_row(now)),
            What::OpenInterest => place.frame(Load::Control, "", &open_interest_now(&self.series, now)),
        }
    }

    /// What is predicted for the next payment, and what was settled last; where there is none, nothing.
    fn funding_row(&self, now: i64) -> String {
        let (series, name) = (&self.series, name(&self.series.listing().pair));
        let settled = payments(series, now - FUNDING_STEP_MAX, now + 1).next_back();
        let mut coming = payments(series, now + 1, now + 2 * FUNDING_STEP_MAX + 1);
        let (next, second) = (coming.next(), coming.next());
        let rate = next.map(|funding| short(i128::from(funding.rate), RATE_SCALE)).unwrap_or_default();
        let settled = settled.map(|funding| realized_rate(series, &funding)).unwrap_or_default();
        let [time, next_time] =
            [next, second].map(|due| due.map(|due| (due.micros / MILLI).to_string()).unwrap_or_default());
        let ts = now / MILLI;
        format!(
            "{{\"formulaType\":\"noRate\",\"fundingRate\":\"{rate}\",\"fundingTime\":\"{time}\",\
             \"instId\":\"{name}\",\"instType\":\"SWAP\",\"method\":\"current_period\",\
             \"maxFundingRate\":\"0.00375\",\"minFundingRate\":\"-0.00375\",\"nextFundingRate\":\"\",\
             \"nextFundingTime\":\"{next_time}\",\"premium\":\"0\",\"settFundingRate\":\"{settled}\",\
             \"settState\":\"settled\",\"ts\":\"{ts}\"}}"
        )
    }
}
