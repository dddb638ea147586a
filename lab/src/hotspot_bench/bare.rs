//! `lab serve-redirect`: hyper alone, on one thread, which answers whatever it is asked with a 302 as long as the
//! portal's and closes. What the portal's redirects are held against.

use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::failure::{Failure, Outcome, io};
use crate::web::READY;

/// Serves until the process is killed. Prints `ready` when it can be asked.
pub fn serve(address: SocketAddr) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(io("a loop"))?.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(io(format!("to listen on {address}")))?;
        println!("{READY}");
        loop {
            let (stream, _) = listener.accept().await.map_err(io("a connection"))?;
            tokio::spawn(async move {
                let mut serve = http1::Builder::new();
                let served =
                    serve.keep_alive(false).serve_connection(TokioIo::new(stream), service_fn(answer));
                // A client that goes away in the middle is its own business.
                let _ = served.await;
            });
        }
    })
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    let body = Full::new(Bytes::from_static(&[b' '; BODY]));
    let response = Response::builder().status(302).header("Location", "http://192.0.2.1/");
    let response =
        response.header("Cache-Control", "no-store").header("Content-Type", "text/html; charset=utf-8");
    response.body(body).map_err(|error| Failure::new("a response", error.to_string()))
}

/// About as long as the portal's page for a redirect.
const BODY: usize = 200;
