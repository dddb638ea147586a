//! One loop on tokio's current-thread runtime: sockets, timers, signals, and the portal over hyper. It
//! answers one request, to itself, and ends.

#[cfg(not(feature = "tokio"))]
pub(crate) fn run() {}

#[cfg(feature = "tokio")]
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(tokio::task::LocalSet::new().run_until(serve()))) {
        Ok(Ok(bytes)) => println!("serve: {bytes} bytes"),
        Ok(Err(error)) | Err(error) => println!("serve: {error}"),
    }
}

#[cfg(feature = "tokio")]
async fn serve() -> std::io::Result<usize> {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
    use tokio::signal::unix::{SignalKind, signal};
    use tokio::sync::mpsc;

    let udp = UdpSocket::bind("127.0.0.1:0").await?;
    udp.send_to(b"hello", udp.local_addr()?).await?;
    let broker = UnixStream::connect("/var/run/ubus/ubus.sock").await.is_ok();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let here = listener.local_addr()?;
    let (sender, mut receiver) = mpsc::channel(8);
    tokio::task::spawn_local(async move {
        if let Ok((stream, _)) = listener.accept().await {
            connection(stream).await;
        }
    });
    tokio::task::spawn_local(async move {
        let answer = async {
            let mut stream = TcpStream::connect(here).await?;
            stream.write_all(b"GET /portal?code=A HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n").await?;
            let mut page = Vec::new();
            stream.read_to_end(&mut page).await?;
            std::io::Result::Ok(page.len())
        };
        sender.send(answer.await).await
    });
    let mut hangup = signal(SignalKind::hangup())?;
    let mut heard = [0; 64];
    let mut total = usize::from(broker);
    loop {
        tokio::select! {
            got = udp.recv_from(&mut heard) => total += got?.0,
            Some(length) = receiver.recv() => return Ok(total + length?),
            _ = hangup.recv() => return Ok(total),
            () = tokio::time::sleep(Duration::from_secs(5)) => return Err(std::io::ErrorKind::TimedOut.into()),
        }
    }
}

#[cfg(all(feature = "tokio", not(feature = "http")))]
async fn connection(mut stream: tokio::net::TcpStream) {
    use tokio::io::AsyncWriteExt;
    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
}

#[cfg(feature = "http")]
async fn connection(stream: tokio::net::TcpStream) {
    use std::convert::Infallible;
    use std::time::Duration;

    use http_body_util::{BodyExt, Full, Limited};
    use hyper::body::{Bytes, Incoming};
    use hyper::header::{COOKIE, HOST, LOCATION};
    use hyper::service::service_fn;
    use hyper::{Method, Request, Response, StatusCode};
    use hyper_util::rt::{TokioIo, TokioTimer};

    let answer = |request: Request<Incoming>| async move {
        let known = matches!(*request.method(), Method::GET | Method::HEAD | Method::POST);
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        let cookie = request.headers().contains_key(COOKIE);
        let place = format!("http://{host}{}?{:?}{cookie}", request.uri().path(), request.uri().query());
        let body = Limited::new(request.into_body(), 8_192).collect().await.map(|body| body.to_bytes());
        let status = if known && body.is_ok() { StatusCode::FOUND } else { StatusCode::BAD_REQUEST };
        let page = Full::new(Bytes::from(format!("<p>{}", body.map_or(0, |body| body.len()))));
        Ok::<_, Infallible>(Response::builder().status(status).header(LOCATION, place).body(page).unwrap_or_default())
    };
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .max_buf_size(16_384)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    if let Err(error) = served.await {
        eprintln!("{error}");
    }
}
