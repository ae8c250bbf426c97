//! One connection: reads what the client says, sends what the session says, and lets faults strike.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dccd_cli::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::frame::{Content, Ending, Frame, Topic};
use super::gate::Gate;
use super::session::{ControlKind, Farewell, Session, World};
use super::traffic::{ConnectionId, Traffic};
use crate::clock::Clock;
use crate::faults::{Fault, FaultKind, Faults};
use crate::market::Market;

/// How often a session is asked what happened.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
/// How often a client that nobody talks to is looked at.
const STALLED_TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Messages that are read before something is sent again.
const MESSAGES_PER_TURN: usize = 100;
/// Real clients send a few hundred bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
const READ_BUFFER_BYTES: usize = 4 << 10;
const WRITE_BUFFER_BYTES: usize = 32 << 10;
/// What waits for a client that does not read, beside what the system holds for it.
const BACKLOG_BYTES_MAX: usize = 4 << 20;
/// A close frame is answered within this.
const CLOSING_MAX: Duration = Duration::from_secs(2);
/// From the notice of a restart to the end.
const RESTART_AFTER: Duration = Duration::from_secs(10);
const GOING_AWAY: u16 = 1_001;
#[cfg(target_os = "linux")]
const HANG_UP: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const HANG_UP: PollFlags = PollFlags::HUP;

/// What all connections share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hub<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) market: &'a Market,
    pub(crate) faults: &'a Faults,
    pub(crate) traffic: &'a Traffic,
    /// No connection gets older.
    pub(crate) age_max: Option<Duration>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    hub: Hub<'a>,
    exchange: &'static str,
    path: String,
    session: Box<dyn Session>,
    gate: Gate<'a>,
    /// Subscriptions that fall silent behind what is being said, and for how long.
    muting: Vec<(Topic, Option<Duration>)>,
    socket: WebSocket<TcpStream>,
    id: ConnectionId,
    /// Up to here the session has told what happened.
    from: i64,
    opened: Instant,
    phase: Phase,
    /// The end that was announced.
    planned: Option<(Instant, Ending)>,
}

#[derive(Debug)]
enum Phase {
    Talking,
    /// Nothing is read or sent until then, or ever; and what would have been sent.
    Stalled(Option<Instant>, Vec<Frame>),
    /// The client has until then to answer the close frame.
    Closing(Instant, &'static str),
}

/// Why a connection is over, in one word.
#[derive(Debug)]
struct Over(&'static str);

impl<'a> Connection<'a> {
    /// A connection whose handshake is done; `early` are bytes that came behind it.
    pub(crate) fn new(
        hub: Hub<'a>,
        place: (&'static str, &str),
        session: Box<dyn Session>,
        stream: TcpStream,
        early: Vec<u8>,
    ) -> io::Result<Connection<'a>> {
        stream.set_nonblocking(true)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(BACKLOG_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX));
        let (exchange, path) = place;
        let from = hub.clock.now();
        Ok(Connection {
            hub,
            exchange,
            path: path.to_owned(),
            session,
            gate: Gate::new(hub.faults, path),
            muting: Vec::new(),
            socket: WebSocket::from_partially_read(stream, early, Role::Server, Some(config)),
            id: hub.traffic.open(exchange, path, from),
            from,
            opened: Instant::now(),
            phase: Phase::Talking,
            planned: None,
        })
    }

    /// Talks until one side ends it, or the program stops.
    pub(crate) fn run(mut self, stop: &Stop) {
        let over = self.ask(|session, world| session.hello(world)).err();
        let mut turns =
            std::iter::from_fn(|| if stop.is_set() { Some(Err(Over("stopped"))) } else { Some(self.turn()) });
        let Over(why) = over.or_else(|| turns.find_map(Result::err)).unwrap_or(Over("stopped"));
        let place = (self.exchange, self.path.as_str());
        self.hub.traffic.close(self.id, place, self.hub.clock.now(), why);
    }

    /// Everything that is due right now, and then a short wait.
    fn turn(&mut self) -> Result<(), Over> {
        if let Phase::Stalled(until, held) = &mut self.phase {
            if until.is_none_or(|until| Instant::now() < until) {
                return self.wait(HANG_UP, &STALLED_TICK);
            }
            let held = std::mem::take(held);
            self.phase = Phase::Talking;
            self.deliver(held)?;
        }
        self.read()?;
        self.advance()?;
        self.end_if_due()?;
        self.flush()?;
        self.wait(PollFlags::IN, &TICK)
    }

    fn read(&mut self) -> Result<(), Over> {
        for _ in 0..MESSAGES_PER_TURN {
            let message = match self.socket.read() {
                Ok(message) => message,
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(self.over(&error)),
            };
            if matches!(message, Message::Close(_)) {
                if matches!(self.phase, Phase::Talking) {
                    self.phase = Phase::Closing(Instant::now() + CLOSING_MAX, "client");
                }
                continue;
            }
            if !matches!(self.phase, Phase::Talking) {
                continue;
            }
            self.hub.traffic.heard(self.id, (self.exchange, &self.path));
            match message {
                Message::Text(text) => self.ask(|session, world| session.text(text.as_str(), world))?,
                Message::Ping(_) => self.ask(|session, world| session.control(ControlKind::Ping, world))?,
                Message::Pong(_) => self.ask(|session, world| session.control(ControlKind::Pong, world))?,
                Message::Binary(_) | Message::Close(_) | Message::Frame(_) => {}
            }
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), Over> {
        if !matches!(self.phase, Phase::Talking) {
            return Ok(());
        }
        let now = self.hub.clock.now();
        let frames = self.session.advance(&self.hub.world(self.from, now, &self.gate));
        self.from = now;
        self.deliver(frames)
    }

    /// Ends the connection if that was announced, or if it is too old, or if the client does not answer a close frame.
    fn end_if_due(&mut self) -> Result<(), Over> {
        let now = Instant::now();
        match &self.phase {
            Phase::Closing(until, why) if now >= *until => return Err(Over(why)),
            Phase::Closing(..) | Phase::Stalled(..) => return Ok(()),
            Phase::Talking => {}
        }
        if let Some((_, Ending { code, text, why })) = self.planned.take_if(|(at, _)| now >= *at) {
            return self.send(Frame::close(code, text, why));
        }
        if self.hub.age_max.is_some_and(|age_max| self.opened.elapsed() >= age_max) {
            self.ask(|session, world| session.farewell(Farewell::Age, world))?;
            return self.send(Frame::close(GOING_AWAY, "", "age"));
        }
        Ok(())
    }

    /// Asks the session something and sends what it says.
    fn ask(&mut self, question: impl FnOnce(&mut dyn Session, &World<'_>) -> Vec<Frame>) -> Result<(), Over> {
        let world = self.hub.world(self.from, self.hub.clock.now(), &self.gate);
        let frames = question(self.session.as_mut(), &world);
        self.deliver(frames)
    }

    fn deliver(&mut self, frames: Vec<Frame>) -> Result<(), Over> {
        let delivered = frames.into_iter().try_for_each(|frame| match &mut self.phase {
            Phase::Stalled(Some(_), held) => {
                held.push(frame);
                Ok(())
            }
            Phase::Stalled(None, _) | Phase::Closing(..) => Ok(()),
            Phase::Talking if self.gate.is_muted(&frame) => Ok(()),
            Phase::Talking => match self.gate.fault(&frame) {
                Some(fault) => self.spoil(&fault, frame),
                None => self.send(frame),
            },
        });
        // Not before: what was said at once with the last frame has its number in the connection's sequence.
        self.muting.drain(..).for_each(|(topic, length)| self.gate.mute(&topic, length));
        delivered
    }

    /// What a fault makes of a frame.
    fn spoil(&mut self, fault: &Fault, frame: Frame) -> Result<(), Over> {
        match fault.kind {
            FaultKind::WsDrop => Ok(()),
            FaultKind::WsRepeat => self.send(frame.clone()).and_then(|()| self.send(frame)),
            FaultKind::WsChecksum => self.send(frame.broken()),
            FaultKind::WsGarbage => self.send(frame.with_text(|text| text.chars().take(text.len() / 2).collect())),
            FaultKind::WsHuge => self.send_huge(fault.bytes, frame),
            FaultKind::WsMute => {
                self.muting.extend(frame.topic.clone().map(|topic| (topic, fault.length)));
                self.send(frame)
            }
            FaultKind::WsStall => {
                let until = fault.length.map(|length| Instant::now() + length);
                self.flush()?;
                self.phase = Phase::Stalled(until, vec![frame]);
                Ok(())
            }
            FaultKind::WsClose => {
                let code = fault.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(GOING_AWAY);
                self.send(Frame::close(code, "", "fault"))
            }
            FaultKind::WsReset => self.reset(&frame),
            FaultKind::WsRestart => {
                self.send(frame)?;
                if self.planned.is_none() {
                    let at = Instant::now() + fault.length.unwrap_or(RESTART_AFTER);
                    self.planned = Some((at, Ending { code: GOING_AWAY, text: "", why: "restart" }));
                    self.ask(|session, world| session.farewell(Farewell::Restart, world))?;
                }
                Ok(())
            }
            _ => self.send(frame),
        }
    }

    fn send(&mut self, frame: Frame) -> Result<(), Over> {
        let load = frame.load;
        let sent = match frame.content {
            Content::Text(text) => self.socket.write(Message::text(text)),
            Content::Ping(payload) => self.socket.write(Message::Ping(payload.into())),
            Content::Close(Ending { code, text, why }) => {
                self.phase = Phase::Closing(Instant::now() + CLOSING_MAX, why);
                self.socket.close(Some(CloseFrame { code: code.into(), reason: text.into() }))
            }
        };
        self.hub.traffic.sent(self.id, (self.exchange, &self.path), load);
        self.settle(sent)
    }

    /// Sends so many bytes in place of a frame; they may wait beside the usual backlog.
    fn send_huge(&mut self, bytes: usize, frame: Frame) -> Result<(), Over> {
        self.socket.set_config(|config| config.max_write_buffer_size = bytes + 2 * BACKLOG_BYTES_MAX);
        self.send(frame.with_text(|_| format!("\"{}\"", "x".repeat(bytes.saturating_sub(2)))))
    }

    /// Half of a frame, then a reset.
    fn reset(&mut self, frame: &Frame) -> Result<(), Over> {
        self.flush()?;
        let stream = self.socket.get_mut();
        let half = frame.bytes();
        let half = half.get(..half.len() / 2).unwrap_or_default();
        // A client that is gone already needs no reset.
        let _ = stream.write(half).and_then(|_| {
            rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO)).map_err(io::Error::from)
        });
        Err(Over("fault"))
    }

    fn flush(&mut self) -> Result<(), Over> {
        let flushed = self.socket.flush();
        self.settle(flushed)
    }

    /// What cannot be sent yet waits in the buffer; what does not fit there ends the connection.
    fn settle(&self, sent: Result<(), tungstenite::Error>) -> Result<(), Over> {
        match sent {
            Ok(()) => Ok(()),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(self.over(&error)),
        }
    }

    fn over(&self, error: &tungstenite::Error) -> Over {
        match (&self.phase, error) {
            (_, tungstenite::Error::WriteBufferFull(_)) => Over("slow"),
            (Phase::Closing(_, why), _) => Over(why),
            (_, tungstenite::Error::Protocol(_) | tungstenite::Error::Capacity(_) | tungstenite::Error::Utf8(_)) => {
                Over("protocol")
            }
            _ => Over("gone"),
        }
    }

    /// Until the client says something, but not longer than a tick.
    fn wait(&self, events: PollFlags, tick: &Timespec) -> Result<(), Over> {
        let mut client = [PollFd::new(self.socket.get_ref(), events)];
        match poll(&mut client, Some(tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(Over("gone")),
        }
        let is_gone = client.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP));
        let is_gone = is_gone || client.iter().any(|fd| events == HANG_UP && fd.revents().contains(HANG_UP));
        if is_gone { Err(self.over(&tungstenite::Error::ConnectionClosed)) } else { Ok(()) }
    }
}

impl<'a> Hub<'a> {
    fn world(self, from: i64, now: i64, gate: &'a Gate<'_>) -> World<'a> {
        World { market: self.market, from, now, limits_now: self.clock.limits_now(), gate }
    }
}
