//! Tests redirects within a cluster, where the rules for addresses forbid servers of this process.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

/// A server that redirects every request to `to`.
fn redirecting(to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 2048]);
            let head =
                format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
        }
    });
    format!("http://{address}/")
}

async fn asked(http: &Http, url: &str) -> String {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.parse().unwrap();
    let error = http.send(request).await.unwrap_err();
    format!(
        "{error}: {}",
        error.source().map(ToString::to_string).unwrap_or_default()
    )
}

#[tokio::test]
async fn a_redirect_stays_at_its_host() {
    let mut http = Http::new(true, Duration::from_secs(5), Reach::Anywhere).unwrap();
    http.reach = Reach::SameHost;
    for elsewhere in ["http://example.invalid/", "http://127.0.0.1:9/", "//localhost/"] {
        let error = asked(&http, &redirecting(elsewhere.to_owned())).await;
        assert!(error.contains("another host"), "{elsewhere}: {error}");
    }
    let error = asked(&http, &redirecting("/again".into())).await;
    assert!(error.contains("more than ten times"), "{error}");
}

#[test]
fn hosts_are_compared_with_their_ports() {
    let same = |from: &str, to: &str| is_same_host(&from.parse().unwrap(), &to.parse().unwrap());
    assert!(same("http://a/x", "https://a/y") && same("http://a:80/", "http://A/"));
    assert!(
        !same("http://a/", "http://b/") && !same("http://a/", "http://a:8080/") && !same("https://a/", "https://a:80/")
    );
}
