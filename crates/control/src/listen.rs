//! Takes connections and serves HTTP on them, within limits that hold before any request is known:
//! how many, and how long a request's head may take. Must not know routes.

use axum::Router;
use axum::extract::{ConnectInfo, Extension};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;
/// How long a head may take, and so how long a connection may idle between two requests.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// Rest after the kernel refused a connection, most likely for lack of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(200);

/// Serves until `stopped`, then until the answers under way are sent.
pub(crate) async fn serve(listener: TcpListener, app: Router, stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    tokio::select! {
        () = accept(&listener, &app, &graceful, HEAD_LIMIT) => {}
        _ = stopped => {}
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Takes connections for ever.
pub(crate) async fn accept(
    listener: &TcpListener,
    app: &Router,
    graceful: &GracefulShutdown,
    head_limit: Duration,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_limit);
    loop {
        let Ok(seat) = room.clone().acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection has to wait: {error}");
                sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(app.clone().layer(Extension(ConnectInfo(peer))));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _seat = seat;
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_head_that_never_ends_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            let graceful = GracefulShutdown::new();
            accept(&listener, &Router::new(), &graceful, Duration::from_millis(50)).await;
        });
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n").await.expect("sent");
        let mut rest = Vec::new();
        let cut = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
        cut.await.expect("cut off in time").expect("closed");
    }
}
