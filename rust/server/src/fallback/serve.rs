//! The thread of a fallback, and the connections that it is handed.

use std::error::Error;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Handed;
use super::activity::{Connections, End, Place};
use super::alarms::Alarms;
use super::service::Service;
use super::stream::{Stream, duplex};
use super::task::Local;
use crate::clock::Timer;
use crate::head::LATE;
use crate::making::Makers;
use crate::meter::Meter;
use crate::options::{DRAIN_FACTOR, LAST_WORD, MAX_HEAD_BYTES, MAX_HEADERS};
use crate::shared::{Shared, Shutdown};
use crate::tls::Identity;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection is still read at the end: what lies there was asked before.
const TURN: Duration = Duration::from_millis(1);

/// One thread for all that workers do not take.
pub(crate) struct Fallback {
    serving: Serving,
    runtime: Runtime,
    timer: Timer,
}

/// What its thread does.
struct Serving {
    shared: Arc<Shared>,
    meter: Arc<Meter>,
    makers: Makers,
    handed: UnboundedReceiver<Handed>,
    stage: watch::Receiver<Shutdown>,
}

impl Fallback {
    /// Have all that a thread needs.
    ///
    /// # Errors
    ///
    /// The system does not give it.
    pub(crate) fn new(
        shared: Arc<Shared>,
        meter: Arc<Meter>,
        makers: Makers,
        handed: UnboundedReceiver<Handed>,
        stage: watch::Receiver<Shutdown>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = Serving { shared, meter, makers, handed, stage };
        Ok(Self { serving, runtime, timer: Timer::new()? })
    }

    /// Serve until it is over.
    ///
    /// # Errors
    ///
    /// The runtime keeps no time.
    pub(crate) fn run(self) -> io::Result<()> {
        let Self { mut serving, runtime, timer } = self;
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, async {
            let connections = Connections::default();
            let (watched, shared) = (connections.clone(), Arc::clone(&serving.shared));
            tokio::task::spawn_local(async move { watched.watch(&shared.options).await });
            let alarms = Alarms::new(timer)?;
            tokio::select! {
                rung = alarms.ring() => rung,
                () = serving.serve_all(&connections, &alarms) => Ok(()),
            }
        })
    }
}

impl Serving {
    async fn serve_all(&mut self, connections: &Connections, alarms: &Alarms) {
        self.take_all(connections, alarms).await;
        tokio::select! {
            () = connections.wait() => {}
            _ = self.stage.wait_for(|stage| *stage == Shutdown::Stopped) => {}
        }
    }

    /// Take connections until all senders are gone.
    async fn take_all(&mut self, connections: &Connections, alarms: &Alarms) {
        let service = Service {
            shared: Arc::clone(&self.shared),
            meter: Arc::clone(&self.meter),
            makers: self.makers.clone(),
            alarms: alarms.clone(),
        };
        let tls = self.shared.options.tls.as_ref().map(Identity::acceptor);
        let builder = Rc::new(self.builder());
        loop {
            let handed = tokio::select! {
                handed = self.handed.recv() => handed,
                _ = self.stage.wait_for(|stage| *stage == Shutdown::Stopped) => None,
            };
            let Some(handed) = handed else { return };
            if handed.read.is_empty() && *self.stage.borrow() > Shutdown::Serving {
                // Nothing was asked; dropped, it is closed.
                continue;
            }
            let (builder, service) = (Rc::clone(&builder), service.clone());
            let (stage, tls) = (self.stage.clone(), tls.clone());
            let place = connections.place();
            tokio::task::spawn_local(async move {
                serve(handed, tls, &builder, service, &place, stage).await;
            });
        }
    }

    fn builder(&self) -> Builder<Local> {
        let options = &self.shared.options;
        let mut builder = Builder::new(Local);
        builder
            .http1()
            // Its limit for heads is one for connections that wait in a pool, too.
            .header_read_timeout(None)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(options.max_streams)
            // Of one above that, which is ours to refuse, a client hears the status alone.
            .max_header_list_size((MAX_HEAD_BYTES * DRAIN_FACTOR) as u32)
            .keep_alive_interval(options.stall_timeout)
            .keep_alive_timeout(options.stall_timeout);
        builder
    }
}

/// Wait until shutdown begins, and what had come by then was read.
async fn is_ending(stage: &mut watch::Receiver<Shutdown>) {
    if stage.wait_for(|stage| *stage > Shutdown::Serving).await.is_ok() {
        sleep(TURN).await;
    }
}

/// Whether a connection ended because of what hyper could not read, and has answered.
fn is_malformed(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
}

/// Serve one connection to its end.
async fn serve(
    handed: Handed,
    tls: Option<TlsAcceptor>,
    builder: &Builder<Local>,
    service: Service,
    place: &Place,
    mut stage: watch::Receiver<Shutdown>,
) {
    let Handed { socket, guard: _guard, read, secure } = handed;
    let Ok(mut inner) = duplex(socket) else { return };
    let tls = tls.filter(|_| secure);
    let buffers = tls.is_some();
    if read.is_empty() {
        // No worker has seen it.
        service.meter.accepted();
    }
    if let Some(tls) = tls {
        let session = tokio::select! {
            // First what has come: behind it may be a request.
            biased;
            session = timeout(HANDSHAKE, tls.accept(inner)) => session,
            () = is_ending(&mut stage) => return,
        };
        // Handshakes fail whenever a client does not trust us: that is its own affair to report.
        let Ok(Ok(session)) = session else { return };
        inner = Box::new(session);
    }
    let activity = &place.activity;
    let meter = Arc::clone(&service.meter);
    let most = service.shared.options.stall_timeout;
    let stream = Stream::new(read, inner, buffers, activity, &meter);
    let serving = {
        let activity = Rc::clone(activity);
        service_fn(move |request| service.clone().call(request, Rc::clone(&activity)))
    };
    let mut failed = false;
    let late = {
        let io = TokioIo::new(stream.clone());
        let mut connection = std::pin::pin!(builder.serve_connection(io, serving));
        let mut closing = false;
        loop {
            let end = tokio::select! {
                // First what is under way: whether it is decides on the end.
                biased;
                served = connection.as_mut() => {
                    failed = served.is_err();
                    if served.is_err_and(|error| is_malformed(&*error)) {
                        meter.refused();
                    }
                    break false;
                }
                end = activity.end() => Some(end),
                () = is_ending(&mut stage), if !closing => None,
            };
            match end {
                None | Some(End::Idle) if !closing => {
                    closing = true;
                    activity.closing();
                    if !activity.awaits_head() {
                        connection.as_mut().graceful_shutdown();
                    }
                    // Else it was about to ask something: that is answered, and said to be the last.
                }
                None | Some(End::Idle) => return,
                Some(End::Reader) => {
                    // Over HTTP/2, the client may still receive the GOAWAY.
                    connection.as_mut().graceful_shutdown();
                    let _ = timeout(LAST_WORD, connection.as_mut()).await;
                    return;
                }
                Some(End::Late) => break true,
            }
        }
    };
    if late {
        meter.refused();
        let _ = timeout(LAST_WORD, stream.refuse(LATE)).await;
    } else if failed || activity.awaits_body() {
        // The client may still be sending what nothing reads.
        let _ = timeout(LAST_WORD, stream.lingering_close()).await;
    } else {
        let _ = timeout(most, stream.close()).await;
    }
}
