//! Startup, liveness and readiness probes.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The kind of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Startup.
    Startup,
    /// Liveness.
    Liveness,
    /// Readiness.
    Readiness,
}

impl Purpose {
    /// The name in Events.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Startup => "Startup",
            Purpose::Liveness => "Liveness",
            Purpose::Readiness => "Readiness",
        }
    }
}

/// The settings of a probe, with Kubernetes' defaults.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Initial delay.
    pub delay: Duration,
    /// Period.
    pub period: Duration,
    /// Timeout of an attempt.
    pub timeout: Duration,
    /// Success threshold.
    pub successes: u32,
    /// Failure threshold.
    pub failures: u32,
}

impl From<&Probe> for Pace {
    fn from(probe: &Probe) -> Self {
        let number =
            |value: Option<i32>, default: u32| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(default);
        let seconds = |value: Option<i32>, default: u32| Duration::from_secs(u64::from(number(value, default)));
        Self {
            delay: seconds(probe.initial_delay_seconds, 0),
            period: seconds(probe.period_seconds.filter(|period| *period > 0), 10),
            timeout: seconds(probe.timeout_seconds.filter(|timeout| *timeout > 0), 1),
            successes: number(probe.success_threshold, 1).max(1),
            failures: number(probe.failure_threshold, 3).max(1),
        }
    }
}

/// Counts consecutive results.
#[derive(Debug, Default)]
pub struct Streak {
    successes: u32,
    failures: u32,
}

impl Streak {
    /// Adds a result; `Some` if a threshold is reached.
    pub fn take(&mut self, success: bool, pace: &Pace) -> Option<bool> {
        if success {
            self.failures = 0;
            self.successes = self.successes.saturating_add(1);
            (self.successes >= pace.successes).then_some(true)
        } else {
            self.successes = 0;
            self.failures = self.failures.saturating_add(1);
            (self.failures >= pace.failures).then_some(false)
        }
    }
}

/// The number of a port that is given by number or name.
pub fn port(container: &Container, port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let declared = container
                .ports
                .iter()
                .flatten()
                .find(|declared| declared.name.as_ref() == Some(name));
            declared
                .map(|declared| declared.container_port)
                .or_else(|| name.parse().ok())
        }
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| format!("couldn't find port: {port:?}"))
}

/// A TCP probe.
pub async fn tcp(host: &str, port: u16) -> Result<(), String> {
    let connected = TcpStream::connect((host, port)).await;
    connected
        .map(drop)
        .map_err(|error| format!("dial tcp {host}:{port}: {error}"))
}

/// An HTTP probe; a status from 200 to 399 is a success.
pub async fn http(action: &HTTPGetAction, address: &str, port: u16) -> Result<(), String> {
    let host = action.host.as_deref().unwrap_or(address);
    let path = action.path.as_deref().unwrap_or("/");
    let path = if path.starts_with('/') {
        path.to_string()
    } else {
        format!("/{path}")
    };
    if action.scheme.as_deref() == Some("HTTPS") {
        return Err("the sandbox probes over HTTP only".into());
    }
    let code = status_code(action, host, port, &path)
        .await
        .map_err(|error| format!("Get \"http://{host}:{port}{path}\": {error}"))?;
    if (200..400).contains(&code) {
        Ok(())
    } else {
        Err(format!("HTTP probe failed with statuscode: {code}"))
    }
}

async fn status_code(action: &HTTPGetAction, host: &str, port: u16, path: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect((host, port)).await?;
    let headers = action.http_headers.as_deref().unwrap_or_default();
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in [
        ("Host", format!("{host}:{port}")),
        ("User-Agent", "kube-probe/1.36".into()),
        ("Accept", "*/*".into()),
    ] {
        if !headers.iter().any(|header| header.name.eq_ignore_ascii_case(name)) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    for header in headers {
        request.push_str(&format!("{}: {}\r\n", header.name, header.value));
    }
    request.push_str("Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut part = [0_u8; 512];
    while !answer.contains(&b'\n') && answer.len() < 4096 {
        match stream.read(&mut part).await? {
            0 => break,
            read => answer.extend_from_slice(&part[..read]),
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let code = line.split_whitespace().nth(1).and_then(|code| code.parse().ok());
    code.filter(|_| line.starts_with("HTTP/1."))
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not HTTP/1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn thresholds_count_results_in_a_row() {
        let pace = Pace::from(&Probe {
            success_threshold: Some(2),
            failure_threshold: Some(3),
            ..Probe::default()
        });
        let mut streak = Streak::default();
        let results = [true, true, false, false, true, false, false, false, true, true];
        let verdicts: Vec<Option<bool>> = results.into_iter().map(|result| streak.take(result, &pace)).collect();
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(verdicts, [None, yes, None, None, None, None, None, no, None, yes]);
        assert_eq!((pace.period.as_secs(), pace.timeout.as_secs()), (10, 1));
    }

    #[tokio::test]
    async fn an_http_probe_judges_by_the_status() {
        for (code, expected) in [
            (200, Ok(())),
            (302, Ok(())),
            (503, Err("HTTP probe failed with statuscode: 503".to_string())),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let port = listener.local_addr().expect("an address").port();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut request = vec![0; 1024];
                let read = stream.read(&mut request).await.expect("a request");
                stream
                    .write_all(format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n").as_bytes())
                    .await
                    .expect("sent");
                String::from_utf8_lossy(&request[..read]).into_owned()
            });
            let action = HTTPGetAction {
                path: Some("/ready?x=1".into()),
                ..HTTPGetAction::default()
            };
            assert_eq!(http(&action, "127.0.0.1", port).await, expected);
            assert!(
                server
                    .await
                    .expect("a request")
                    .starts_with("GET /ready?x=1 HTTP/1.1\r\n")
            );
        }
    }
}
