//! Answers out: sending what is due, and how a connection ends.

use std::net::Shutdown;

use replay::End;
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
        let Some(active) = &mut self.connections[key].active else { return };
        active.on_tick();
        if self.push(key) == Next::Read {
            self.resume(key);
        }
    }

    /// A socket takes more again.
    pub(super) fn on_writable(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if let Some(active) = &mut connection.active {
            active.on_writable(self.clock.now());
            self.wheel.unset(key);
        }
        if self.push(key) == Next::Read {
            self.resume(key);
        }
    }

    /// Send all that is due and that the socket takes.
    pub(super) fn push(&mut self, key: usize) -> Next {
        loop {
            let connection = &mut self.connections[key];
            let (mut is_first, was_blocked) = (false, !connection.outbox.is_empty());
            self.output.clear();
            if was_blocked {
                self.output.append(&mut std::mem::take(&mut connection.outbox));
            } else {
                let Some(active) = &mut connection.active else { break };
                is_first = active.is_unbegun();
                active.write(&mut self.output, PIECE_BYTES, &self.date);
                if self.output.is_empty() {
                    break;
                }
                if active.is_complete() {
                    let settlement = active.tell(self.clock.now());
                    self.shared.engine.settle(&settlement);
                }
            }
            let sent = match send(&connection.socket, &self.output, SendFlags::NOSIGNAL) {
                Ok(sent) => sent,
                Err(Errno::AGAIN | Errno::INTR) => 0,
                Err(_) => {
                    self.close(key, End::ClientLeft);
                    return Next::Gone;
                }
            };
            let left = self.output.len() - sent;
            if sent > 0 {
                self.measure(key, is_first, left);
            }
            let connection = &mut self.connections[key];
            if left > 0 {
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
            if let Some(active) = &mut connection.active
                && was_blocked
            {
                active.excuse();
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
        match &connection.active {
            None if matches!(connection.phase, Phase::Closing { .. }) => {
                shut_down(&connection.socket);
                Next::Wait
            }
            None => Next::Read,
            Some(active) if active.is_complete() => {
                let close = active.close;
                self.settle(key, End::Delivered);
                if close {
                    return self.close_behind(key);
                }
                let now = self.clock.now();
                self.connections[key].enter(Phase::Idle, now);
                Next::Read
            }
            Some(active) if active.is_cut() => {
                self.close(key, End::Cut);
                Next::Gone
            }
            Some(_) => {
                self.set_alarm(key);
                Next::Wait
            }
        }
    }

    /// Count what was sent just now: the output, but for its last `left` bytes.
    fn measure(&mut self, key: usize, is_first: bool, left: usize) {
        let now = self.clock.now();
        let connection = &mut self.connections[key];
        connection.since_ns = now;
        let Some(active) = &mut connection.active else { return };
        active.sent(left, now, |lateness| self.meter.wrote(lateness));
        if is_first && active.answer().plan.is_stream() {
            self.meter.first_frame(active.age(now));
        }
    }

    /// Settle the answer of a connection, if it has one.
    fn settle(&mut self, key: usize, end: End) {
        self.wheel.unset(key);
        let connection = &mut self.connections[key];
        // An answer that is still being made is settled by the thread that makes it.
        connection.making = None;
        let Some(active) = connection.active.take() else {
            self.leave(key, end);
            return;
        };
        let (settlement, is_told) = active.finish(end, self.clock.now());
        if std::mem::take(&mut connection.admitted) {
            self.shared.leave();
            self.meter.settled(&settlement);
        }
        if !is_told {
            self.shared.engine.settle(&settlement);
        }
    }

    /// Give up the place of a request that was let in and has no answer, if there is one.
    pub(super) fn leave(&mut self, key: usize, end: End) {
        if std::mem::take(&mut self.connections[key].admitted) {
            self.shared.leave();
            self.meter.ended(end);
        }
    }

    /// Say no more than what has been said. The other side closes; or time does.
    pub(super) fn lingering_close(&mut self, key: usize) {
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
            self.lingering_close(key);
            return Next::Wait;
        }
        self.close(key, End::ClientLeft);
        Next::Gone
    }

    /// Drop a connection; `end` is how the answer on its way ended, if there is one.
    pub(super) fn close(&mut self, key: usize, end: End) {
        self.settle(key, end);
        let connection = self.connections.remove(key);
        self.poller.remove(&connection.socket);
    }

    /// Drop a connection whose state is not to be trusted.
    pub(super) fn abort(&mut self, key: usize) {
        let Some(mut connection) = self.connections.try_remove(key) else {
            self.meter.failed();
            return;
        };
        self.wheel.unset(key);
        self.poller.remove(&connection.socket);
        if connection.admitted {
            self.shared.leave();
        } else {
            self.meter.failed();
        }
        let Some(active) = connection.active.take() else {
            if connection.admitted {
                self.meter.ended(End::Failed);
            }
            return;
        };
        let (settlement, _) = active.finish(End::Failed, self.clock.now());
        self.shared.engine.settle(&settlement);
        if connection.admitted {
            self.meter.settled(&settlement);
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
