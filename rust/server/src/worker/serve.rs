//! Requests in: reading, and what follows from what was read.

use replay::{Answer, End, Engine, Reply};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::active_response::ActiveResponse;
use super::connection::{Connection, Making, Phase, READING};
use super::request::{Read, Request, read};
use super::thread::{Command, Worker};
use crate::fallback::Handed;
use crate::head::{Rejection, may_end};
use crate::making::{LARGE_BYTES, Made, Makers, Then};
use crate::meter::ConnectionGuard;
use crate::options::MAX_DISCARDED_BYTES;
use crate::route::NO_ROUTE;
use crate::shared::Shutdown;
use crate::wire;

/// How much may wait behind a request that is being answered.
const MAX_PIPELINED_BYTES: usize = 65_536;

/// What becomes of the bytes behind a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// They are the next request.
    Read,
    /// They wait.
    Wait,
    /// There is no connection any more.
    Gone,
}

impl Worker {
    /// Read once, and do what is asked.
    pub(super) fn on_readable(&mut self, key: usize, flags: EventFlags) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let left = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if connection.is_busy() && flags.intersects(left) {
            self.close(key, End::ClientLeft);
            return;
        }
        let count = match recv(&connection.socket, &mut *self.input, RecvFlags::empty()) {
            Ok((_, count)) if count > 0 => count,
            Err(Errno::AGAIN | Errno::INTR) => return,
            Ok(_) | Err(_) => {
                self.close(key, End::ClientLeft);
                return;
            }
        };
        if let Phase::Closing { discarded } = &mut connection.phase {
            *discarded += count;
            if *discarded > MAX_DISCARDED_BYTES {
                self.close(key, End::ClientLeft);
            }
            return;
        }
        let input = std::mem::take(&mut self.input);
        if connection.inbox.is_empty() {
            if let Some(done) = self.serve(key, &input[..count]) {
                self.keep(key, input[done..count].to_vec());
            }
        } else {
            let mut inbox = std::mem::take(&mut connection.inbox);
            inbox.extend_from_slice(&input[..count]);
            self.serve_inbox(key, inbox);
        }
        self.input = input;
    }

    /// Serve what waits in the inbox, once an answer has ended.
    pub(super) fn resume(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        let inbox = std::mem::take(&mut connection.inbox);
        if !connection.interest.contains(EventFlags::IN) {
            self.watch(key, READING);
        }
        self.serve_inbox(key, inbox);
    }

    pub(super) fn serve_inbox(&mut self, key: usize, mut inbox: Vec<u8>) {
        let wanted = self.connections[key].wanted;
        if (LARGE_BYTES..=inbox.len()).contains(&wanted) {
            if self.pass_on(key, &inbox) {
                return;
            }
            let rest = inbox.split_off(wanted);
            self.connections[key].wanted = 0;
            if self.answer_large(key, inbox) == Next::Wait {
                self.keep(key, rest);
            }
            return;
        }
        if let Some(done) = self.serve(key, &inbox) {
            // What is left stays where it is: a long body comes in many pieces.
            inbox.drain(..done);
            self.keep(key, if inbox.is_empty() { Vec::new() } else { inbox });
        }
    }

    /// Serve the requests in `bytes`, one after the other. Returns how much of it they were; none
    /// where there is nothing more to serve on this connection.
    fn serve(&mut self, key: usize, bytes: &[u8]) -> Option<usize> {
        let mut done = 0;
        while done < bytes.len() {
            let bytes = &bytes[done..];
            let connection = &mut self.connections[key];
            if connection.is_busy() {
                break;
            }
            if matches!(bytes[0], b'\r' | b'\n') {
                // An empty line before a request is nothing: RFC 9112, 2.2.
                done += 1;
                continue;
            }
            if bytes.len() < connection.wanted {
                connection.since_ns = self.clock.now();
                break;
            }
            if connection.phase == Phase::Head && !may_end(bytes, connection.wanted - 1) {
                connection.wanted = bytes.len() + 1;
                break;
            }
            connection.wanted = 0;
            match read(bytes, self.shared.engine.max_body_bytes()) {
                Read::Request(request) => {
                    if self.pass_on(key, bytes) {
                        return None;
                    }
                    done += request.length;
                    let next = if request.length < LARGE_BYTES {
                        self.answer(key, &request)
                    } else {
                        self.answer_large(key, bytes[..request.length].to_vec())
                    };
                    match next {
                        Next::Read => {}
                        Next::Wait => break,
                        Next::Gone => return None,
                    }
                }
                Read::Partial { in_body: Some(target), .. }
                    if self.shared.engine.refuses("POST", target) =>
                {
                    // Refused by its head alone, while its body goes on.
                    self.hand_over(key, bytes);
                    return None;
                }
                Read::Partial { wanted, in_body } => {
                    self.wait_for(key, wanted, in_body.is_some());
                    break;
                }
                Read::Foreign => {
                    self.hand_over(key, bytes);
                    return None;
                }
                Read::Rejected(Rejection(status, why)) => {
                    self.refuse(key, status, why);
                    return None;
                }
            }
        }
        Some(done)
    }

    /// Keep what was read and not served. Of what waits behind an answer no more is read than that.
    fn keep(&mut self, key: usize, rest: Vec<u8>) {
        let connection = &mut self.connections[key];
        connection.inbox = rest;
        if connection.is_busy() && connection.inbox.len() > MAX_PIPELINED_BYTES {
            let interest = connection.interest - EventFlags::IN;
            self.watch(key, interest);
        }
    }

    fn wait_for(&mut self, key: usize, wanted: usize, in_body: bool) {
        let now = self.clock.now();
        let connection = &mut self.connections[key];
        connection.wanted = wanted;
        let phase = if in_body { Phase::Body } else { Phase::Head };
        // A head has one time limit from its first byte on; a body must make progress.
        if connection.phase != phase || in_body {
            connection.enter(phase, now);
        }
    }

    fn answer(&mut self, key: usize, request: &Request<'_>) -> Next {
        let began_ns = match self.let_in(key) {
            Ok(now) => now,
            Err(next) => return next,
        };
        match self.shared.engine.begin(&request.asked()) {
            Some(Reply::Ready(answer)) => self.begin(key, answer, began_ns, request.close),
            Some(Reply::Pending(pending)) => {
                self.have_made(key, began_ns, request.close, |makers, then| {
                    makers.make(pending, then)
                })
            }
            None => {
                self.refuse(key, 404, NO_ROUTE);
                Next::Gone
            }
        }
    }

    /// Answer a large request, which is all of `bytes`: no stream of this thread waits for that.
    fn answer_large(&mut self, key: usize, bytes: Vec<u8>) -> Next {
        let max_body = self.shared.engine.max_body_bytes();
        let Read::Request(Request { close, .. }) = read(&bytes, max_body) else {
            self.refuse(key, 400, "The request changed while it was read.");
            return Next::Gone;
        };
        let began_ns = match self.let_in(key) {
            Ok(now) => now,
            Err(next) => return next,
        };
        let ask = move |engine: &Engine| match read(&bytes, max_body) {
            Read::Request(request) => engine.begin(&request.asked()),
            _ => None,
        };
        self.have_made(key, began_ns, close, |makers, then| makers.begin(Box::new(ask), then))
    }

    /// Let a request in, if there is room: when that was.
    fn let_in(&mut self, key: usize) -> Result<u64, Next> {
        if let Err(why) = self.shared.enter() {
            self.refuse(key, 503, &why);
            return Err(Next::Gone);
        }
        self.meter.began();
        self.connections[key].admitted = true;
        Ok(self.clock.now())
    }

    /// Have an answer made by another thread, which tells of it.
    fn have_made(
        &mut self,
        key: usize,
        began_ns: u64,
        close: bool,
        make: impl FnOnce(&Makers, Then) -> Result<(), String>,
    ) -> Next {
        self.tickets += 1;
        let ticket = self.tickets;
        let (commands, waker) = (self.commands.clone(), self.poller.waker());
        let then = move |made| {
            // If the worker has ended, the receiver is gone.
            let _ = commands.send(Command::Made { key, ticket, made });
            waker.wake();
        };
        if let Err(why) = make(&self.makers, Box::new(then)) {
            self.refuse(key, 503, &why);
            return Next::Gone;
        }
        let connection = &mut self.connections[key];
        connection.enter(Phase::Making, began_ns);
        connection.making = Some(Making { ticket, began_ns, close });
        Next::Wait
    }

    /// Go on with what came of making an answer.
    pub(super) fn on_made(&mut self, key: usize, ticket: u64, made: Made) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let making = connection.making.take_if(|making| making.ticket == ticket);
        let Some(Making { began_ns, close, .. }) = making else { return };
        let next = match made {
            Made::Answer(guard) => self.begin(key, guard.take(), began_ns, close),
            Made::Pending(pending) => {
                self.have_made(key, began_ns, close, |makers, then| makers.make(pending, then))
            }
            Made::NoRoute => {
                self.refuse(key, 404, NO_ROUTE);
                Next::Gone
            }
            Made::Panicked => {
                self.abort(key);
                Next::Gone
            }
        };
        if next == Next::Read {
            self.resume(key);
        }
    }

    /// Begin with an answer to a request that was there at `began_ns`.
    fn begin(&mut self, key: usize, answer: Answer, began_ns: u64, close: bool) -> Next {
        let close = close || self.shared.stage() > Shutdown::Serving;
        let active = ActiveResponse::new(answer, began_ns, close);
        self.meter.answers(active.answer().schedule.is_paced());
        let now = self.clock.now();
        let connection = &mut self.connections[key];
        connection.enter(Phase::Answering, now);
        connection.active = Some(Box::new(active));
        self.push(key)
    }

    /// Say what is wrong, and close.
    pub(super) fn refuse(&mut self, key: usize, status: u16, why: &str) {
        let bytes = wire::refusal(status, why, &self.date);
        self.meter.refused();
        self.leave(key, End::Delivered);
        self.connections[key].outbox = bytes;
        self.lingering_close(key);
        self.push(key);
    }

    /// Give a connection that asks for something to a worker that has less to do, if there is one.
    /// The acceptor balances new connections only, not requests on established ones.
    fn pass_on(&mut self, key: usize, bytes: &[u8]) -> bool {
        let found = self.dispatcher.less_busy(&self.meter);
        let Some(handle) = found.filter(|_| self.shared.stage() == Shutdown::Serving) else {
            return false;
        };
        let Connection { socket, .. } = self.connections.remove(key);
        self.poller.remove(&socket);
        handle.meter.comes();
        let guard = ConnectionGuard::new(&handle.meter);
        handle.send(Command::Arrived { socket, guard, read: bytes.to_vec() });
        true
    }

    /// Give a connection to the fallback, with what was read of it.
    fn hand_over(&mut self, key: usize, bytes: &[u8]) {
        let Connection { socket, guard, .. } = self.connections.remove(key);
        self.poller.remove(&socket);
        self.fallback.hand(Handed { socket, guard, read: bytes.to_vec(), secure: false });
    }
}
