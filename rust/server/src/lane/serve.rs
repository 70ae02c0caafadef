//! The thread of a lane, and the connections that it is handed.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

use super::Handed;
use super::service::Service;
use super::stream::Stream;
use crate::making::Makers;
use crate::meter::Meter;
use crate::options::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::shared::{Shared, Stage};
use crate::tls::Identity;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// One thread for all that workers do not take.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    meter: Arc<Meter>,
    makers: Makers,
    handed: UnboundedReceiver<Handed>,
    stage: watch::Receiver<Stage>,
}

/// Runs the tasks of hyper on the thread that it is on.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

impl Lane {
    pub(crate) fn new(
        shared: Arc<Shared>,
        meter: Arc<Meter>,
        makers: Makers,
        handed: UnboundedReceiver<Handed>,
        stage: watch::Receiver<Stage>,
    ) -> Self {
        Self { shared, meter, makers, handed, stage }
    }

    /// Serve until it is over.
    ///
    /// # Errors
    ///
    /// The runtime cannot be made.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, async {
            let connections = self.take_all().await;
            let mut stage = self.stage.clone();
            tokio::select! {
                () = connections.wait() => {}
                _ = stage.wait_for(|stage| *stage == Stage::Over) => {}
            }
        });
        Ok(())
    }

    /// Take connections until the end comes nearer; return those that are still served.
    async fn take_all(&mut self) -> Connections {
        let service = Service {
            shared: Arc::clone(&self.shared),
            meter: Arc::clone(&self.meter),
            makers: self.makers.clone(),
        };
        let tls = self.shared.options.tls.as_ref().map(Identity::acceptor);
        let builder = Rc::new(self.builder());
        let connections = Connections::default();
        loop {
            let handed = tokio::select! {
                handed = self.handed.recv() => handed,
                _ = self.stage.wait_for(|stage| *stage > Stage::Serving) => None,
            };
            let Some(handed) = handed else { return connections };
            let (builder, service) = (Rc::clone(&builder), service.clone());
            let (stage, tls) = (self.stage.clone(), tls.clone());
            let place = connections.place();
            tokio::task::spawn_local(async move {
                serve(handed, tls, &builder, service, stage).await;
                drop(place);
            });
        }
    }

    fn builder(&self) -> Builder<Local> {
        let options = &self.shared.options;
        let mut builder = Builder::new(Local);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.head_timeout)
            .max_buf_size(MAX_HEAD_BYTES * 2)
            .max_headers(MAX_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(options.max_streams)
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .keep_alive_interval(options.stall_timeout)
            .keep_alive_timeout(options.stall_timeout);
        builder
    }
}

/// Serve one connection to its end.
async fn serve(
    handed: Handed,
    tls: Option<TlsAcceptor>,
    builder: &Builder<Local>,
    service: Service,
    mut stage: watch::Receiver<Stage>,
) {
    let Handed { socket, seat, read, secure } = handed;
    let Ok(mut stream) = Stream::of(socket, read) else { return };
    if let Some(tls) = tls.filter(|_| secure) {
        service.meter.accepted();
        // Handshakes fail whenever a client does not trust us: that is its own affair to report.
        let Ok(Ok(session)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await else {
            return;
        };
        stream = Stream::new(Vec::new(), Box::new(session));
    }
    let service = service_fn(move |request| service.clone().call(request));
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        _ = stage.wait_for(|stage| *stage > Stage::Serving) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
    drop(seat);
}

/// Counts the connections that are still served.
#[derive(Debug)]
struct Connections(watch::Sender<usize>);

#[derive(Debug)]
struct Place(watch::Sender<usize>);

impl Default for Connections {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Connections {
    fn place(&self) -> Place {
        self.0.send_modify(|count| *count += 1);
        Place(self.0.clone())
    }

    async fn wait(&self) {
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
