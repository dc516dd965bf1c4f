//! Web addresses: certificates, proxies, redirects and limits, against servers in this process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use complaint_store::{Address, Bounds, Fault, Purpose, Reach, read};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use url::Url;

const BOUNDS: Bounds = Bounds {
    bytes: 100,
    time: Duration::from_secs(20),
    silence: Duration::from_secs(1),
    retries: 1,
    larger: "Allow more bytes",
    longer: "Allow more time",
    reach: Reach::Anywhere,
};

async fn fetch(url: &str) -> Result<String, Fault> {
    let bytes = fetch_bytes(url, &BOUNDS).await?;
    Ok(String::from_utf8(bytes).unwrap())
}

async fn fetch_bytes(url: &str, bounds: &Bounds) -> Result<Vec<u8>, Fault> {
    let address = Address::of_url(&Url::parse(url).unwrap())?;
    Ok(read(&address, Purpose::Artifacts, bounds).await?.into())
}

/// A server of connections that answers each with what `answer` makes of its head.
fn serve(
    accept: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heads, seen) = mpsc::channel();
    let (accept, answer) = (Arc::new(accept), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (accept, answer, heads) = (accept.clone(), answer.clone(), heads.clone());
            std::thread::spawn(move || {
                let mut stream = accept(stream);
                let head = head(stream.as_mut());
                if head.is_empty() {
                    return;
                }
                let _ = stream.write_all(answer(&head).as_bytes());
                let _ = stream.flush();
                let _ = heads.send(head);
            });
        }
    });
    (address, seen)
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn head(stream: &mut dyn Stream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn plain(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (SocketAddr, Receiver<String>) {
    serve(|stream| Box::new(stream), answer)
}

/// An `https` server, and the authority that vouches for it.
fn encrypted(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (SocketAddr, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &Issuer::new(authority, authority_key))
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let config = Arc::new(config);
    let accept = move |stream| -> Box<dyn Stream> {
        Box::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream))
    };
    (serve(accept, answer).0, pem)
}

#[tokio::test]
async fn redirects_are_followed_and_logins_stay_where_they_belong() {
    let (elsewhere, seen_elsewhere) = plain(|_| answer("200 OK", "", "found"));
    let (address, seen) = plain(move |head| match head.lines().next().unwrap() {
        "get /from http/1.1" => answer("302 Found", "location: /to?a=b\r\n", ""),
        "get /to?a=b http/1.1" => answer(
            "307 Temporary Redirect",
            &format!("location: http://{elsewhere}/there\r\n"),
            "",
        ),
        _ => answer("301 Moved Permanently", "location: /round\r\n", ""),
    });
    let found = fetch(&format!("http://user:p%40ss@{address}/from")).await.unwrap();
    assert_eq!(found, "found");
    for _ in 0..2 {
        // user:p@ss
        let head = seen.recv().unwrap();
        assert!(head.contains("authorization: basic dxnlcjpwqhnz\r\n"), "{head}");
    }
    let head = seen_elsewhere.recv().unwrap();
    assert!(
        head.starts_with("get /there ") && !head.contains("authorization"),
        "{head}"
    );
    assert!(head.contains(&format!("host: {elsewhere}\r\n")), "{head}");

    let fault = fetch(&format!("http://{address}/round")).await.unwrap_err().to_string();
    assert!(fault.contains("more than ten times"), "{fault}");
}

#[tokio::test]
async fn in_a_cluster_nothing_leads_to_the_machine_itself_or_its_cloud() {
    let (address, seen) = plain(|_| answer("200 OK", "", "an answer that only this machine can read"));
    let port = address.port();
    for reach in [Reach::SameHost, Reach::AnyHost] {
        let bounds = Bounds { reach, ..BOUNDS };
        for host in [
            "127.0.0.1",
            "localhost",
            "[::ffff:127.0.0.1]",
            "2130706433",
            "169.254.169.254",
            "[fe80::1]",
        ] {
            let begun = Instant::now();
            let fault = fetch_bytes(&format!("http://{host}:{port}/"), &bounds)
                .await
                .unwrap_err();
            assert!(matches!(fault, Fault::OutOfReach { .. }), "{host}: {fault}");
            assert!(fault.to_string().contains("trainer.allowRedirects"), "{fault}");
            assert!(begun.elapsed() < Duration::from_secs(1), "{host} is not tried again");
        }
    }
    assert!(seen.try_recv().is_err(), "nobody was asked");
}

#[tokio::test]
async fn a_transfers_own_compression_is_not_undone() {
    let (address, seen) = plain(|_| answer("200 OK", "content-encoding: gzip\r\netag: \"a\"\r\n", "as it was sent"));
    assert_eq!(fetch(&format!("http://{address}/")).await.unwrap(), "as it was sent");
    assert!(seen.recv().unwrap().contains("accept-encoding: identity\r\n"));
}

#[tokio::test]
async fn only_answers_that_may_change_are_asked_for_again() {
    let statuses = [300, 304, 400, 402, 405, 406, 409, 411, 414, 416, 422, 451];
    let (address, seen) = plain(|head| answer(&format!("{} Refused", &head[5..8]), "", ""));
    for status in statuses {
        let fault = fetch(&format!("http://{address}/{status}")).await.unwrap_err();
        assert!(matches!(fault, Fault::Refused { .. }), "{status}: {fault}");
        let text = fault.to_string();
        assert!(text.contains(&status.to_string()) && text.contains("GET"), "{text}");
        seen.recv().unwrap();
        assert!(seen.try_recv().is_err(), "{status} is asked for once");
    }
    for status in [408, 425, 429, 500, 503] {
        let fault = fetch(&format!("http://{address}/{status}")).await.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable { .. }), "{status}: {fault}");
        for _ in 0..=BOUNDS.retries {
            seen.recv().unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_became_shorter_is_read_anew() {
    let asked = AtomicUsize::new(0);
    let (address, seen) = plain(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        // It breaks off after eight bytes.
        0 => "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 20\r\nconnection: close\r\n\r\n12345678".into(),
        1 => answer("416 Range Not Satisfiable", "", ""),
        _ => answer("200 OK", "etag: \"b\"\r\n", "short"),
    });
    let bounds = Bounds { retries: 2, ..BOUNDS };
    let bytes = fetch_bytes(&format!("http://{address}/"), &bounds).await.unwrap();
    assert_eq!(bytes, b"short");
    let heads: Vec<String> = (0..3).map(|_| seen.recv().unwrap()).collect();
    assert!(
        heads[1].contains("range: bytes=8-") && !heads[2].contains("range:"),
        "{heads:?}"
    );
}

#[tokio::test]
async fn bounds_are_kept_whatever_the_server_announces() {
    let long = "x".repeat(101);
    let unannounced = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{long}");
    let (address, _seen) = plain(move |head| match head.lines().next().unwrap() {
        "get /announced http/1.1" => answer("200 OK", "", &long),
        "get /unannounced http/1.1" => unannounced.clone(),
        _ => answer("200 OK", "", &long[..100]),
    });
    for path in ["announced", "unannounced"] {
        let fault = fetch(&format!("http://{address}/{path}")).await.unwrap_err();
        assert_eq!(fault.to_string(), "it has more than 100 bytes. Allow more bytes");
    }
    assert_eq!(fetch(&format!("http://{address}/")).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_silent_connection_is_given_up() {
    let asked = AtomicUsize::new(0);
    let (address, _seen) = plain(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            std::thread::sleep(BOUNDS.silence * 5);
        }
        answer("200 OK", "", "at last")
    });
    let begun = Instant::now();
    assert_eq!(fetch(&format!("http://{address}/")).await.unwrap(), "at last");
    assert!(begun.elapsed() < BOUNDS.silence * 4, "{:?}", begun.elapsed());
}

/// Runs one of the tests below in a process of its own: what it tests is in the environment.
fn alone(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = command
        .args(["--exact", test, "--nocapture"])
        .env("ALONE", test)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The address that the parent process gives to a test that runs alone; nothing in the parent itself.
fn given(test: &str) -> Option<String> {
    (std::env::var("ALONE").as_deref() == Ok(test)).then(|| std::env::var("URL").unwrap())
}

#[test]
fn certificates_are_checked_against_the_systems_authorities() {
    let (address, authority) = encrypted(|_| answer("200 OK", "", "secret"));
    let url = format!("https://localhost:{}/", address.port());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    alone(
        "trusted",
        &[("URL", &url), ("SSL_CERT_FILE", file.path().to_str().unwrap())],
    );
    alone("not_trusted", &[("URL", &url)]);
    // A machine without any authorities uses Mozilla's, which do not know this one either.
    alone("not_trusted", &[("URL", &url), ("SSL_CERT_FILE", "/nowhere")]);
}

#[tokio::test]
async fn trusted() {
    let Some(url) = given("trusted") else { return };
    assert_eq!(fetch(&url).await.unwrap(), "secret");
}

#[tokio::test]
async fn not_trusted() {
    let Some(url) = given("not_trusted") else { return };
    let fault = fetch(&url).await.unwrap_err().to_string();
    assert!(fault.contains("certificate"), "{fault}");
}

#[test]
fn proxies_relay_http_and_tunnel_https() {
    let (proxy, seen) = plain(|head| {
        if head.starts_with("connect ") {
            return answer("407 Proxy Authentication Required", "", "");
        }
        answer("200 OK", "", "relayed")
    });
    let proxy = format!("http://user:pass@{proxy}");
    alone("relayed", &[("URL", "http://data.invalid/a"), ("HTTP_PROXY", &proxy)]);
    let head = seen.recv().unwrap();
    assert!(head.starts_with("get http://data.invalid/a http/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{head}");

    alone(
        "refused_tunnel",
        &[("URL", "https://data.invalid/a"), ("HTTPS_PROXY", &proxy)],
    );
    let head = seen.recv().unwrap();
    assert!(head.starts_with("connect data.invalid:443 http/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{head}");

    let (address, _seen) = plain(|_| answer("200 OK", "", "relayed"));
    let url = format!("http://{address}/");
    let nobody = "http://127.0.0.1:9";
    alone(
        "relayed",
        &[("URL", &url), ("HTTP_PROXY", nobody), ("NO_PROXY", "127.0.0.1")],
    );
}

#[tokio::test]
async fn relayed() {
    let Some(url) = given("relayed") else { return };
    assert_eq!(fetch(&url).await.unwrap(), "relayed");
}

#[tokio::test]
async fn refused_tunnel() {
    let Some(url) = given("refused_tunnel") else { return };
    let fault = fetch(&url).await.unwrap_err().to_string();
    assert!(fault.contains("proxy"), "{fault}");
}

#[test]
fn https_goes_through_a_tunnel() {
    let (address, authority) = encrypted(|_| answer("200 OK", "", "secret"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        assert!(head(&mut client).starts_with("connect localhost:443 "));
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let server = TcpStream::connect(address).unwrap();
        let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut up, &mut down));
        let (mut from, mut to) = (server, client);
        let _ = std::io::copy(&mut from, &mut to);
    });
    let certificates = file.path().to_str().unwrap();
    let variables = [
        ("URL", "https://localhost/"),
        ("HTTPS_PROXY", &proxy),
        ("SSL_CERT_FILE", certificates),
    ];
    alone("trusted", &variables);
}
