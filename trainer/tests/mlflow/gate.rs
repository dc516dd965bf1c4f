//! A server before the tracking server: it passes requests on, answers them itself, or drops them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What becomes of a request.
pub enum Verdict {
    /// The tracking server answers.
    Pass,
    /// The gate answers with this status, these headers and this body.
    Answer(&'static str, String, String),
    /// The connection is closed before the tracking server hears of it.
    Drop,
    /// The tracking server answers, and the connection is closed before the answer.
    DropAnswer,
}

/// The gate.
pub struct Gate {
    pub address: SocketAddr,
    /// Requests so far.
    pub requests: Arc<AtomicUsize>,
}

/// `content` as the JSON body of an answer.
pub fn json(status: &'static str, content: impl Into<String>) -> Verdict {
    Verdict::Answer(status, "content-type: application/json\r\n".into(), content.into())
}

impl Gate {
    /// Starts it. `judge` gets each request's number, counted from 0, and its head in lower case.
    pub fn start(upstream: SocketAddr, judge: impl Fn(usize, &str) -> Verdict + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // One after the other: the trainer sends no two requests at once.
                let _ = serve(client, upstream, &counted, &judge);
            }
        });
        Self { address, requests }
    }

    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    counted: &AtomicUsize,
    judge: &impl Fn(usize, &str) -> Verdict,
) -> std::io::Result<()> {
    let (head, body) = request(&mut client)?;
    let lower = head.to_lowercase();
    let number = counted.fetch_add(1, Ordering::SeqCst);
    let pass = || -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(upstream)?;
        let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
        write!(server, "{line}\r\nconnection: close\r\n{headers}")?;
        server.write_all(&body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        Ok(answer)
    };
    match judge(number, &lower) {
        Verdict::Pass => client.write_all(&pass()?),
        Verdict::Drop => Ok(()),
        Verdict::DropAnswer => pass().map(drop),
        Verdict::Answer(status, headers, body) => write!(
            client,
            "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
    }
}

/// The head of a request with its empty line, and its body.
fn request(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65_536];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let lower = head.to_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = bytes.split_off(end);
    while body.len() < length.unwrap_or(0) {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        body.extend_from_slice(&buffer[..read]);
    }
    Ok((head, body))
}
