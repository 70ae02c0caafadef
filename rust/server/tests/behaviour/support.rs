//! A plane whose fixtures are sessions, and a client that says what it is told.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use replay::{Ask, Compile, Criteria, Engine, Filter, Pace, Parts, Plan, Rule, Text, Timing};
use server::{Figures, Listener, Options, Server};

/// How many events a stream has.
pub const EVENTS: usize = 20;
const LIMIT: Duration = Duration::from_secs(20);

/// Its sessions: "stream" is paced, "slow" waits until it is let go, "panic" panics.
struct Compiler {
    begun: Mutex<Sender<()>>,
    gate: Mutex<Receiver<()>>,
}

impl Compile for Compiler {
    fn compile(&self, ask: &Ask<'_>) -> Result<Arc<Plan>, String> {
        match ask.fixture {
            0 => Ok(stream()),
            1 => {
                self.begun.lock().unwrap().send(()).unwrap();
                self.gate.lock().unwrap().recv().unwrap();
                Ok(whole("slow"))
            }
            2 => panic!("as the test wants"),
            _ => Ok(whole("quick")),
        }
    }
}

fn stream() -> Arc<Plan> {
    let frames = vec![b"frame".as_slice(); EVENTS];
    let kind = "application/vnd.amazon.eventstream".to_owned();
    let parts = Parts {
        status: 200,
        headers: vec![("content-type".to_owned(), kind)],
        frames,
        steps: (0..EVENTS as u32).collect(),
        ..Parts::default()
    };
    Arc::new(Plan::new(parts).unwrap())
}

fn whole(text: &str) -> Arc<Plan> {
    let parts =
        Parts { status: 200, frames: vec![text.as_bytes()], steps: vec![0], ..Parts::default() };
    Arc::new(Plan::new(parts).unwrap())
}

/// A plane, and what its compiler waits for.
pub struct Served {
    pub plane: Server,
    pub engine: Arc<Engine>,
    begun: Receiver<()>,
    gate: Sender<()>,
}

impl Served {
    pub fn new(options: Options) -> Self {
        let (begins, begun) = channel();
        let (gate, gated) = channel();
        let engine = Arc::new(Engine::new(replay::Options::default()));
        let compiler = Compiler { begun: Mutex::new(begins), gate: Mutex::new(gated) };
        let rule = |session: &str, dynamic: bool| {
            let session_is = Some(Text::Equals(session.into()));
            let criteria = Criteria { session: session_is, ..Criteria::default() };
            Rule { criteria, dynamic, ..Rule::named(session) }
        };
        let timing = Timing::new(Pace::Steps { ttft: 1.0, gap: 2.0 }, 1.0).unwrap();
        let rules = [
            Rule { timing: Some(timing), ..rule("stream", false) },
            rule("slow", true),
            rule("panic", true),
            rule("quick", false),
        ];
        engine.load(rules.into_iter().map(Arc::new).collect(), Arc::new(compiler), false);
        let listener = Listener::tcp("127.0.0.1", 0).unwrap();
        let plane = Server::start(Arc::clone(&engine), vec![listener], options).unwrap();
        Self { plane, engine, begun, gate }
    }

    pub fn connect(&self) -> Client {
        let socket = TcpStream::connect(self.plane.addresses()[0]).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Client { socket, read: Vec::new() }
    }

    /// Wait until a slow answer is being made.
    pub fn slow_has_begun(&self) {
        self.begun.recv_timeout(LIMIT).unwrap();
    }

    /// Let one slow answer go.
    pub fn let_go(&self) {
        self.gate.send(()).unwrap();
    }

    /// Look at the figures until they are right.
    pub fn wait_for(&self, right: impl Fn(&Figures) -> bool) -> Figures {
        loop {
            let figures = self.plane.figures();
            if right(&figures) {
                return figures;
            }
            std::thread::yield_now();
        }
    }

    /// How the answers of a session ended.
    pub fn outcomes(&self, session: &str) -> Vec<&'static str> {
        let filter = Filter { session: Some(session), ..Filter::default() };
        let (_, entries) = self.engine.journal(&filter, 0, 100, false);
        entries.iter().map(|entry| entry.outcome.name()).collect()
    }
}

/// One connection.
pub struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

/// How a request gives the length of its body: a worker answers the one, a fallback the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length,
    Chunked,
}

impl Client {
    pub fn send(&mut self, session: &str, framing: Framing) {
        let body = r#"{"messages":[]}"#;
        let length = body.len();
        let (header, body) = match framing {
            Framing::Length => (format!("content-length: {length}"), body.to_owned()),
            Framing::Chunked => (
                "transfer-encoding: chunked".to_owned(),
                format!("{length:x}\r\n{body}\r\n0\r\n\r\n"),
            ),
        };
        let head =
            format!("POST /model/m/converse HTTP/1.1\r\nhost: h\r\nx-test-id: {session}\r\n");
        self.socket.write_all(format!("{head}{header}\r\n\r\n{body}").as_bytes()).unwrap();
    }

    /// Read until the end of what is expected, and return it all; none where the connection ends.
    pub fn read_to(&mut self, end: &str) -> Option<String> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|part| part == end.as_bytes()) {
                let rest = self.read.split_off(at + end.len());
                let whole = std::mem::replace(&mut self.read, rest);
                return Some(String::from_utf8(whole).unwrap());
            }
            match self.socket.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.read.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Read a stream to its end, and return how many frames it had.
    pub fn stream(&mut self) -> usize {
        self.read_to("0\r\n\r\n").expect("a stream").matches("frame").count()
    }
}
