//! One loop on tokio's current-thread runtime: sockets, timers, signals, and the portal's head of a request. It
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
async fn connection(mut stream: tokio::net::TcpStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut bytes = [0; 8_192];
    let read = stream.read(&mut bytes).await.unwrap_or(0);
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let whole = request.parse(&bytes[..read]).is_ok_and(|status| status.is_complete());
    let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
    let host = host.map(|host| String::from_utf8_lossy(host.value).into_owned()).unwrap_or_default();
    let chunk = httparse::parse_chunk_size(&bytes[..read]).is_ok();
    let page = format!("HTTP/1.1 302 Found\r\nlocation: http://{host}{}?{whole}{chunk}\r\n\r\n", request.path.unwrap_or_default());
    let _ = stream.write_all(page.as_bytes()).await;
}
