//! What is to be fetched: from flags, or from lines on standard input.

use std::collections::VecDeque;

use dccd_cli::{Input, TypedTime};
use dccd_exchange::capability;
use dccd_record::{Dataset, Exchange, Kind, Order, Retry, Ts};

use crate::args::Args;
use crate::error::FetchError;
use crate::input::OrderLines;
use crate::progress::Ahead;

/// One thing to fetch.
#[derive(Debug)]
pub(crate) enum Wish {
    /// From flags: what is left open is found out by asking.
    Flags {
        /// The series.
        dataset: Dataset,
        /// From when.
        start: Option<Ts>,
        /// Until when.
        end: Option<Ts>,
    },
    /// An order that somebody wrote.
    Order(Box<Order>),
}

impl Wish {
    /// What the order says of retries.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Wish::Flags { .. } => Retry::default(),
            Wish::Order(order) => order.retry,
        }
    }

    pub(crate) fn dataset(&self) -> &Dataset {
        match self {
            Wish::Flags { dataset, .. } => dataset,
            Wish::Order(order) => &order.dataset,
        }
    }
}

/// Everything to fetch.
#[derive(Debug)]
pub(crate) enum Orders {
    Flags(VecDeque<Wish>),
    Lines(Box<OrderLines>),
}

impl Orders {
    pub(crate) fn new(args: &Args) -> Result<Orders, FetchError> {
        let exchange =
            args.exchange.as_deref().map(|name| Exchange::new(name).map_err(FetchError::Dataset)).transpose()?;
        let Some(exchange) = exchange.filter(|_| !args.pair.is_empty()) else {
            return Orders::from_lines(args);
        };
        let instant = |typed: &Option<TypedTime>| typed.as_ref().map(|typed| args.config.instant(typed)).transpose();
        let (start, end) = (instant(&args.start)?, instant(&args.end)?);
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(FetchError::Usage(format!("--end {end} is not after --start {start}")));
        }
        if args.kind == Kind::Book && (start.is_some() || end.is_some()) {
            return Err(FetchError::Usage("a book has no past: leave out --start and --end".to_owned()));
        }
        if args.kind.has_span() && args.span.is_none() {
            return Err(FetchError::Usage(format!("--kind {} needs --span, such as --span 1h", args.kind)));
        }
        let mut wishes = VecDeque::new();
        for pair in &args.pair {
            let span = args.span.filter(|_| args.kind.has_span());
            let dataset = Dataset::new(exchange.clone(), args.kind, pair.clone(), span).map_err(FetchError::Dataset)?;
            capability(&dataset)?;
            wishes.push_back(Wish::Flags { dataset, start, end });
        }
        Ok(Orders::Flags(wishes))
    }

    /// What is known of orders to come; other lines on the way go to `out`.
    pub(crate) fn look_ahead(&mut self, records_only: bool, out: &mut Vec<u8>) -> Result<Ahead, FetchError> {
        match self {
            Orders::Flags(wishes) => Ok(Ahead { orders: wishes.len(), rows: None }),
            Orders::Lines(lines) => lines.look_ahead(records_only, out),
        }
    }

    fn from_lines(args: &Args) -> Result<Orders, FetchError> {
        let input = Input::stdin().map_err(FetchError::Input)?;
        if input.is_terminal() {
            let missing = if args.exchange.is_some() { "a pair, such as BTC/USDT" } else { "an exchange and a pair" };
            return Err(FetchError::Usage(format!("name {missing}, or pipe range lines in; see --help")));
        }
        if args.start.is_some() || args.end.is_some() || args.span.is_some() {
            return Err(FetchError::Usage(
                "--start, --end and --span need an exchange and a pair; lines on standard input say their own"
                    .to_owned(),
            ));
        }
        Ok(Orders::Lines(Box::new(OrderLines::new(input))))
    }
}
