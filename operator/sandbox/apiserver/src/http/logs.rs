//! `GET pods/{name}/log`: serves the files that the runner writes, one per container and restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

use super::respond::text_response;
use crate::Api;
use crate::error::ApiError;
use crate::meta::Meta;
use crate::request::Query;

/// How often a followed file is polled.
const POLL: Duration = Duration::from_millis(100);

/// The options of a log request.
#[derive(Debug, Clone)]
struct Selection {
    tail: Option<usize>,
    since: Option<jiff::Timestamp>,
    limit: Option<usize>,
    timestamps: bool,
}

/// Serves a pod's log.
///
/// # Errors
/// 400 if the container is not named and there are several, or is unknown, or has not started.
pub(crate) async fn serve(api: Arc<Api>, pod: Value, query: &Query) -> Result<Response, ApiError> {
    let container = container_name(&pod, query.get("container"))?;
    let restarts = restart_count(&pod, &container);
    let previous = query.flag("previous");
    let run = if previous {
        restarts.checked_sub(1)
    } else {
        Some(restarts)
    };
    let name = pod.name().to_owned();
    let Some(run) = run else {
        let message = format!("previous terminated container \"{container}\" in pod \"{name}\" not found");
        return Err(ApiError::bad_request(message));
    };
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        // The pod is not scheduled.
        return Ok(text_response(204, "text/plain", Body::empty()));
    }
    let follow = query.flag("follow") && !previous;
    let file = api.pods_dir.join(pod.uid()).join(&container).join(format!("{run}.log"));
    if !file.exists() && !follow {
        let waiting = state(&pod, &container)["waiting"]["reason"]
            .as_str()
            .unwrap_or("ContainerCreating")
            .to_owned();
        let message = format!("container \"{container}\" in pod \"{name}\" is waiting to start: {waiting}");
        return Err(ApiError::bad_request(message));
    }
    let selection = Selection {
        tail: query.number("tailLines")?.and_then(|n| usize::try_from(n).ok()),
        since: since(query)?,
        limit: query.number("limitBytes")?.and_then(|n| usize::try_from(n).ok()),
        timestamps: query.flag("timestamps"),
    };
    if follow {
        let body = Body::from_stream(follow_file(api, pod, container, file, selection));
        return Ok(text_response(200, "text/plain", body));
    }
    let text = tokio::fs::read(&file)
        .await
        .map_err(|e| ApiError::internal(format!("reading the log {}: {e}", file.display())))?;
    Ok(text_response(200, "text/plain", select(&text, &selection)))
}

fn since(query: &Query) -> Result<Option<jiff::Timestamp>, ApiError> {
    if let Some(seconds) = query.number("sinceSeconds")? {
        return Ok(Some(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds)));
    }
    match query.get("sinceTime") {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|e| ApiError::bad_request(format!("sinceTime: {e}"))),
    }
}

fn names(pod: &Value, list: &str) -> Vec<String> {
    pod["spec"][list]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| c.name_of().to_owned())
        .collect()
}

trait NameOf {
    fn name_of(&self) -> &str;
}

impl NameOf for Value {
    fn name_of(&self) -> &str {
        self["name"].as_str().unwrap_or_default()
    }
}

fn container_name(pod: &Value, asked: &str) -> Result<String, ApiError> {
    let (containers, init) = (names(pod, "containers"), names(pod, "initContainers"));
    if !asked.is_empty() {
        if containers.iter().chain(&init).any(|c| c == asked) {
            return Ok(asked.to_owned());
        }
        return Err(ApiError::bad_request(format!(
            "container {asked} is not valid for pod {}",
            pod.name()
        )));
    }
    let annotated = pod
        .meta("annotations")
        .and_then(|a| a.get("kubectl.kubernetes.io/default-container"));
    if let Some(name) = annotated.and_then(Value::as_str) {
        return Ok(name.to_owned());
    }
    match containers.as_slice() {
        [one] => Ok(one.clone()),
        _ => {
            let mut message = format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                pod.name(),
                containers.join(" ")
            );
            if !init.is_empty() {
                message.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
            }
            Err(ApiError::bad_request(message))
        }
    }
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    ["containerStatuses", "initContainerStatuses"]
        .iter()
        .flat_map(|list| pod["status"][*list].as_array().into_iter().flatten())
        .find(|s| s["name"] == container)
}

fn state(pod: &Value, container: &str) -> Value {
    status(pod, container).map(|s| s["state"].clone()).unwrap_or_default()
}

fn restart_count(pod: &Value, container: &str) -> u64 {
    status(pod, container)
        .and_then(|s| s["restartCount"].as_u64())
        .unwrap_or(0)
}

/// The requested lines in the requested form.
fn select(text: &[u8], selection: &Selection) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text
        .split_inclusive(|b| *b == b'\n')
        .filter(|l| is_wanted(l, selection))
        .collect();
    if let Some(tail) = selection.tail {
        lines = lines.split_off(lines.len().saturating_sub(tail));
    }
    let mut out: Vec<u8> = lines.into_iter().flat_map(|l| shown(l, selection).to_vec()).collect();
    if let Some(limit) = selection.limit {
        out.truncate(limit);
    }
    out
}

fn parts(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|b| *b == b' ') {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (&[], line),
    }
}

fn is_wanted(line: &[u8], selection: &Selection) -> bool {
    let Some(since) = selection.since else { return true };
    let stamp = std::str::from_utf8(parts(line).0)
        .ok()
        .and_then(|t| t.parse::<jiff::Timestamp>().ok());
    stamp.is_none_or(|t| t >= since)
}

fn shown<'a>(line: &'a [u8], selection: &Selection) -> &'a [u8] {
    if selection.timestamps { line } else { parts(line).1 }
}

struct Follow {
    api: Arc<Api>,
    pod: Value,
    container: String,
    file: PathBuf,
    selection: Selection,
    offset: u64,
    pending: Vec<u8>,
    started: bool,
}

/// Streams the log until the container has ended.
fn follow_file(
    api: Arc<Api>,
    pod: Value,
    container: String,
    file: PathBuf,
    selection: Selection,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    let follow = Follow {
        api,
        pod,
        container,
        file,
        selection,
        offset: 0,
        pending: Vec::new(),
        started: false,
    };
    futures::stream::unfold(follow, |mut follow| async move {
        loop {
            let ended = follow.has_ended();
            match follow.read_more().await {
                Ok(chunk) if !chunk.is_empty() => return Some((Ok(chunk), follow)),
                Ok(_) if ended => return None,
                Ok(_) => {}
                Err(error) => return Some((Err(error), follow)),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = follow.api.stopping.cancelled() => return None,
            }
        }
    })
}

impl Follow {
    /// Whether the followed run of the container has ended: it terminated or restarted, or the pod is gone.
    fn has_ended(&self) -> bool {
        let Some(item) = self.api.store.get("/pods", self.pod.namespace(), self.pod.name()) else {
            return true;
        };
        if item.object.uid() != self.pod.uid() {
            return true;
        }
        let restarted = restart_count(&item.object, &self.container) > restart_count(&self.pod, &self.container);
        restarted || state(&item.object, &self.container)["terminated"].is_object()
    }

    async fn read_more(&mut self) -> Result<Bytes, std::io::Error> {
        let mut file = match tokio::fs::File::open(&self.file).await {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Bytes::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.offset)).await?;
        let mut added = Vec::new();
        file.read_to_end(&mut added).await?;
        self.offset += added.len() as u64;
        self.pending.extend_from_slice(&added);
        let Some(end) = self.pending.iter().rposition(|b| *b == b'\n') else {
            return Ok(Bytes::new());
        };
        let lines: Vec<u8> = self.pending.drain(..=end).collect();
        if !self.started {
            self.started = true;
            let first = select(&lines, &self.selection);
            self.selection.tail = None;
            return Ok(first.into());
        }
        Ok(select(
            &lines,
            &Selection {
                tail: None,
                limit: None,
                ..self.selection.clone()
            },
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = b"2024-01-01T00:00:00Z one\n2024-01-02T00:00:00Z two\n2024-01-03T00:00:00Z three\n";

    fn all() -> Selection {
        Selection {
            tail: None,
            since: None,
            limit: None,
            timestamps: false,
        }
    }

    #[test]
    fn lines_are_selected() {
        assert_eq!(select(LOG, &all()), b"one\ntwo\nthree\n");
        assert_eq!(select(LOG, &Selection { tail: Some(1), ..all() }), b"three\n");
        assert_eq!(
            select(
                LOG,
                &Selection {
                    limit: Some(5),
                    ..all()
                }
            ),
            b"one\nt"
        );
        let since = Some("2024-01-02T00:00:00Z".parse().unwrap());
        assert_eq!(select(LOG, &Selection { since, ..all() }), b"two\nthree\n");
        assert!(
            select(
                LOG,
                &Selection {
                    timestamps: true,
                    ..all()
                }
            )
            .starts_with(b"2024-01-01T00:00:00Z one")
        );
    }
}
