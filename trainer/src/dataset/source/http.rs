//! `http` and `https` addresses.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use complaint_model::Sha256Digest;

use super::super::DatasetError;
use super::download::{Download, failed};

/// Longest time a download may take.
const DOWNLOAD_TIME: Duration = Duration::from_secs(3600);
/// Longest time until a connection stands, and until an answer begins.
const CONNECT_TIME: Duration = Duration::from_secs(30);
/// Attempts in a row that may bring nothing.
const ATTEMPTS: u32 = 5;
/// Wait before the second attempt; doubled before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Why an attempt ended early.
enum Broken {
    /// Another one would fare no better.
    Final(DatasetError),
    /// Worth another one.
    Passing(String),
}

impl From<DatasetError> for Broken {
    fn from(error: DatasetError) -> Self {
        Self::Final(error)
    }
}

/// Downloads an address. A transfer that breaks goes on where it broke off, as long as the server says that the bytes are
/// still the same.
pub(super) fn fetch(
    url: &str,
    name: &str,
    on_progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(File, Sha256Digest), DatasetError> {
    let mut download = Download::new(name, on_progress)?;
    let mut tag = None;
    let until = Instant::now() + DOWNLOAD_TIME;
    let (mut failures, mut wait) = (0, FIRST_WAIT);
    loop {
        let before = download.done();
        let problem = match attempt(url, name, &mut download, &mut tag, until) {
            Ok(()) => return download.finish(),
            Err(Broken::Final(error)) => return Err(error),
            Err(Broken::Passing(problem)) => problem,
        };
        if download.done() > before {
            (failures, wait) = (0, FIRST_WAIT);
        }
        failures += 1;
        if failures == ATTEMPTS {
            return Err(failed(name, problem));
        }
        std::thread::sleep(wait);
        wait *= 2;
    }
}

/// Asks for what is still missing. `tag` is the strong ETag of the bytes that are here.
fn attempt(
    url: &str,
    name: &str,
    download: &mut Download<'_>,
    tag: &mut Option<String>,
    until: Instant,
) -> Result<(), Broken> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT_TIME))
        .timeout_recv_response(Some(CONNECT_TIME))
        .timeout_global(Some(until.saturating_duration_since(Instant::now())))
        .user_agent(concat!("complaint-trainer/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    // The file's own compression goes by its suffix; the transfer's would change the digest.
    let mut request = agent.get(url).header("accept-encoding", "identity");
    match tag {
        Some(tag) if download.done() > 0 => {
            request = request
                .header("range", format!("bytes={}-", download.done()))
                .header("if-range", tag.as_str());
        }
        _ => download.restart()?,
    }
    let response = request.call().map_err(|error| refusal(name, &error))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    if response.status() != 206 {
        download.restart()?;
        // A weak tag does not promise the same bytes.
        *tag = header("etag").filter(|tag| tag.starts_with('"')).map(str::to_owned);
    } else if !header("content-range").is_some_and(|range| range.starts_with(&format!("bytes {}-", download.done()))) {
        download.restart()?;
        *tag = None;
        return Err(Broken::Passing(
            "the server sent another part than was asked for".into(),
        ));
    }
    let length = response.body().content_length();
    download.expect(length.map(|length| download.done() + length))?;
    copy(response.into_body().into_reader(), download)
}

fn copy(mut body: impl Read, download: &mut Download<'_>) -> Result<(), Broken> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match body.read(&mut buffer) {
            Ok(0) if download.is_complete() => return Ok(()),
            Ok(0) => return Err(broke_off(download, "the connection was closed")),
            Ok(read) => download.push(&buffer[..read])?,
            Err(error) => return Err(broke_off(download, &error.to_string())),
        }
    }
}

fn broke_off(download: &Download<'_>, why: &str) -> Broken {
    Broken::Passing(format!("the transfer broke off after {} bytes: {why}", download.done()))
}

fn refusal(name: &str, error: &ureq::Error) -> Broken {
    let ureq::Error::StatusCode(status) = error else {
        return Broken::Passing(error.to_string());
    };
    let problem = format!("the server answers {status}");
    match status {
        404 | 410 => Broken::Final(DatasetError::NotFound {
            name: name.to_owned(),
            problem,
        }),
        401 | 403 => Broken::Final(DatasetError::Forbidden {
            name: name.to_owned(),
            problem,
            fix: "Use an address that needs no login, or one that is signed",
        }),
        408 | 429 | 500.. => Broken::Passing(problem),
        _ => Broken::Final(failed(name, problem)),
    }
}
