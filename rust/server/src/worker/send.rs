//! Answers out: sending what is due, and how a connection ends.

use std::net::Shutdown;

use replay::{Answer, Outcome};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::connection::{Phase, READING};
use super::serve::Next;
use super::thread::Worker;
use crate::listen::Socket;

/// How much is made for one send. A slow reader holds at most so much.
const PIECE_BYTES: usize = 262_144;

impl Worker {
    /// The deadline of an answer has come.
    pub(super) fn on_tick(&mut self, key: usize) {
        let Some(running) = &mut self.connections[key].running else { return };
        running.allow_next();
        if let Some(next) = running.next_tick() {
            self.wheel.set(key, next);
        }
        if self.push(key) == Next::Read {
            self.resume(key);
        }
    }

    /// A socket takes more again.
    pub(super) fn on_writable(&mut self, key: usize) {
        if self.connections.contains(key) && self.push(key) == Next::Read {
            self.resume(key);
        }
    }

    /// Send all that is due and that the socket takes.
    pub(super) fn push(&mut self, key: usize) -> Next {
        loop {
            let connection = &mut self.connections[key];
            let mut fresh = false;
            if connection.outbox.is_empty() {
                let Some(running) = &mut connection.running else { break };
                fresh = running.is_unbegun();
                self.output.clear();
                running.give(&mut self.output, PIECE_BYTES, &self.date);
                if self.output.is_empty() {
                    break;
                }
                if running.is_given() {
                    // Before it goes: who has read all of it may look into the journal at once.
                    let answer = running.answer();
                    let frames = answer.plan.frames_within(running.given());
                    let took = running.took(self.clock.now());
                    let (id, outcome) = (answer.request_id, Outcome::Delivered);
                    self.shared.engine.settle(id, outcome, frames, Some(took));
                }
            } else {
                self.output.clear();
                self.output.append(&mut std::mem::take(&mut connection.outbox));
                if let Some(running) = &mut connection.running {
                    running.excuse();
                }
            }
            let sent = match send(&connection.socket, &self.output, SendFlags::NOSIGNAL) {
                Ok(sent) => sent,
                Err(Errno::AGAIN | Errno::INTR) => 0,
                Err(_) => {
                    self.lose(key, Outcome::Interrupted);
                    return Next::Gone;
                }
            };
            if sent > 0 {
                self.measure(key, fresh);
            }
            if sent < self.output.len() {
                let connection = &mut self.connections[key];
                connection.outbox = self.output[sent..].to_vec();
                if !connection.interest.contains(EventFlags::OUT) {
                    self.meter.blocked();
                    // What was sent last may be long ago, where nothing was due since.
                    connection.since_ns = self.clock.now();
                    let interest = connection.interest | EventFlags::OUT;
                    self.watch(key, interest);
                }
                return Next::Wait;
            }
        }
        self.after_push(key)
    }

    /// Nothing is due that was not sent: see whether anything is left.
    fn after_push(&mut self, key: usize) -> Next {
        let connection = &self.connections[key];
        if connection.interest.contains(EventFlags::OUT) {
            let interest = connection.interest - EventFlags::OUT;
            self.watch(key, interest);
        }
        let connection = &mut self.connections[key];
        match &connection.running {
            None if matches!(connection.phase, Phase::Closing { .. }) => {
                shut_down(&connection.socket);
                Next::Wait
            }
            None => Next::Read,
            Some(running) if running.is_given() => {
                let close = running.close;
                self.settle(key, Outcome::Delivered);
                if close {
                    return self.close_behind(key);
                }
                let now = self.clock.now();
                self.connections[key].enter(Phase::Idle, now);
                Next::Read
            }
            Some(running) if running.is_cut() => {
                self.settle(key, Outcome::Aborted);
                self.lose(key, Outcome::Interrupted);
                Next::Gone
            }
            Some(_) => Next::Wait,
        }
    }

    /// Count what was sent just now.
    fn measure(&mut self, key: usize, fresh: bool) {
        let now = self.clock.now();
        let connection = &mut self.connections[key];
        connection.since_ns = now;
        let Some(running) = &mut connection.running else { return };
        if let Some(lateness) = running.lateness(now) {
            self.meter.wrote(lateness);
        }
        if fresh && running.answer().plan.is_stream() {
            self.meter.first_frame(running.age(now));
        }
    }

    /// Tell how an answer ended; there is none any more.
    fn settle(&mut self, key: usize, outcome: Outcome) {
        self.wheel.unset(key);
        let connection = &mut self.connections[key];
        let Some(running) = connection.running.take() else {
            // One that was being made is settled by whoever made it.
            connection.making = None;
            self.leave(key, outcome, false, 0, 0);
            return;
        };
        let answer = running.answer();
        let bytes = running.given().saturating_sub(connection.outbox.len());
        let frames = answer.plan.frames_within(bytes);
        let streamed = answer.plan.is_stream();
        let (paced, counted) = (answer.schedule.is_paced(), if streamed { frames } else { 0 });
        self.leave(key, outcome, paced, counted, bytes);
        if streamed && outcome == Outcome::Delivered {
            self.meter.finished(running.age(self.clock.now()));
        }
        if outcome != Outcome::Delivered {
            let took = running.took(self.clock.now());
            self.shared.engine.settle(answer.request_id, outcome, frames, Some(took));
        }
    }

    /// Give up the place of a request that was let in, if there is one.
    pub(super) fn leave(
        &mut self,
        key: usize,
        outcome: Outcome,
        paced: bool,
        frames: usize,
        bytes: usize,
    ) {
        if std::mem::take(&mut self.connections[key].admitted) {
            self.shared.leave();
            self.meter.ended(outcome, paced, frames, bytes);
        }
    }

    /// Say no more than what has been said. The other side closes; or time does.
    pub(super) fn close(&mut self, key: usize) {
        let now = self.clock.now();
        let connection = &mut self.connections[key];
        connection.inbox = Vec::new();
        connection.enter(Phase::Closing { discarded: 0 }, now);
        if !connection.interest.contains(EventFlags::IN) {
            self.watch(key, READING);
        }
    }

    /// Close a connection whose last answer has gone: at once, but where more has come than was
    /// read, for that would take back what was sent.
    fn close_behind(&mut self, key: usize) -> Next {
        let socket = &self.connections[key].socket;
        if recv(socket, &mut [0; 1], RecvFlags::PEEK).is_ok_and(|(_, count)| count > 0) {
            shut_down(socket);
            self.close(key);
            return Next::Wait;
        }
        self.lose(key, Outcome::Interrupted);
        Next::Gone
    }

    /// Drop a connection; what an answer on its way came to.
    pub(super) fn lose(&mut self, key: usize, outcome: Outcome) {
        self.settle(key, outcome);
        let connection = self.connections.remove(key);
        self.poller.remove(&connection.socket);
    }

    /// Drop a connection whose state is not to be trusted.
    pub(super) fn give_up(&mut self, key: usize) {
        self.meter.panicked();
        let Some(connection) = self.connections.try_remove(key) else { return };
        self.wheel.unset(key);
        self.poller.remove(&connection.socket);
        if let Some(running) = &connection.running {
            let Answer { request_id, plan, .. } = running.answer();
            let frames = plan.frames_within(running.given());
            self.shared.engine.settle(*request_id, Outcome::Aborted, frames, None);
        }
        if connection.admitted {
            let running = connection.running;
            let paced = running.is_some_and(|running| running.answer().schedule.is_paced());
            self.shared.leave();
            self.meter.ended(Outcome::Pending, paced, 0, 0);
        }
    }

    pub(super) fn watch(&mut self, key: usize, interest: EventFlags) {
        let connection = &mut self.connections[key];
        connection.interest = interest;
        self.poller.change(&connection.socket, key, interest);
    }
}

fn shut_down(socket: &Socket) {
    // It fails where the other side has done the same.
    let _ = match socket {
        Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
        Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
    };
}
