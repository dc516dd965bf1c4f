//! Headless Chromium, told what to do over its DevTools protocol.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::Chromium;

const PATIENCE: Duration = Duration::from_secs(30);

/// The contrast of an element's text with what lies behind it, as WCAG 2 defines it.
const CONTRAST: &str = "(selector) => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const light = (rgb) => {
        const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const element = document.querySelector(selector);
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.unshift(parse(getComputedStyle(e).backgroundColor));
    const behind = layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
    const ink = over(parse(getComputedStyle(element).color), behind);
    const [a, b] = [light(ink), light(behind)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}";

/// One browser with one page.
pub struct Browser {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    last_id: u64,
    /// Addresses of all requests that the page made.
    pub requests: Vec<String>,
    /// What the console would show in red: exceptions, errors, refused content, requests that failed.
    pub errors: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// A browser with an empty page.
    ///
    /// # Panics
    /// When it does not start, as all methods do when it does not do what it is told.
    pub async fn start(chromium: &Chromium) -> Self {
        let profile = TempDir::new().unwrap();
        let mut command = Command::new(chromium);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-sync",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-quic",
            ])
            .args([
                "--remote-debugging-port=0",
                "--hide-scrollbars",
                "--lang=en",
                "about:blank",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let address = address(child.stderr.take().unwrap()).await;
        let (socket, _) = connect_async(address).await.unwrap();
        let mut browser = Self {
            child,
            socket,
            session: None,
            last_id: 0,
            requests: Vec::new(),
            errors: Vec::new(),
            _profile: profile,
        };
        let target = browser
            .call("Target.createTarget", json!({ "url": "about:blank" }))
            .await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page.enable", "Network.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({})).await;
        }
        browser
    }

    /// Calls a method of the protocol and gives its result.
    pub async fn call(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.try_call(method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    async fn try_call(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .unwrap_or_else(|_| panic!("{method}: the browser hangs"))
                .expect("the browser is gone")
                .unwrap();
            let Ok(text) = message.into_text() else { continue };
            let mut message: Value = serde_json::from_str(&text).unwrap();
            if message["method"] == "Network.requestWillBeSent" {
                let url = message["params"]["request"]["url"].as_str().unwrap();
                self.requests.push(url.to_owned());
            }
            self.errors.extend(error(&message));
            if message["id"] == self.last_id {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].take()),
                };
            }
        }
    }

    /// Opens an address and waits until the page is complete.
    pub async fn open(&mut self, url: &str) {
        // So that the page before, which may have the same address, is not taken for the new one.
        self.value("window.before = true").await;
        self.call("Page.navigate", json!({ "url": url })).await;
        self.until("!window.before && document.readyState === 'complete'").await;
    }

    /// The value of a JavaScript expression in the page.
    pub async fn value(&mut self, expression: &str) -> Value {
        self.try_value(expression)
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    async fn try_value(&mut self, expression: &str) -> Result<Value, Value> {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut result = self.try_call("Runtime.evaluate", parameters).await?;
        match result.get("exceptionDetails") {
            Some(error) => Err(error.clone()),
            None => Ok(result["result"]["value"].take()),
        }
    }

    /// Waits until an expression is true; a page that is just being replaced is asked again.
    pub async fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.try_value(expression).await != Ok(Value::Bool(true)) {
            assert!(begun.elapsed() < PATIENCE, "never: {expression}");
            tokio::task::yield_now().await;
        }
    }

    /// The contrast of an element's text with what lies behind it, as WCAG 2 defines it: 1 to 21.
    pub async fn contrast(&mut self, selector: &str) -> f64 {
        let contrast = self.value(&format!("({CONTRAST})({selector:?})")).await;
        contrast.as_f64().unwrap_or_else(|| panic!("{selector}: {contrast}"))
    }

    /// The roles and names of what a screen reader meets.
    pub async fn heard(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().expect("a tree").iter();
        let word = |node: &Value, name: &str| node[name]["value"].as_str().unwrap_or_default().to_owned();
        nodes
            .filter(|node| node["ignored"] == false)
            .map(|node| (word(node, "role"), word(node, "name")))
            .collect()
    }

    /// Types text where the focus is.
    pub async fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses and releases a key: `Tab`, `Enter`, or `Enter` with Ctrl (`modifiers` 2).
    pub async fn press(&mut self, key: &str, modifiers: u8) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            other => panic!("unknown key {other}"),
        };
        let mut event = json!({ "key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers });
        for kind in ["keyDown", "keyUp"] {
            event["type"] = json!(kind);
            if kind == "keyDown" && !text.is_empty() && modifiers == 0 {
                event["text"] = json!(text);
            } else {
                event.as_object_mut().unwrap().remove("text");
            }
            self.call("Input.dispatchKeyEvent", event.clone()).await;
        }
    }

    /// Clicks in the middle of an element.
    pub async fn click(&mut self, selector: &str) {
        let place = self
            .value(&format!(
                "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{ block: 'center' }}); \
                 const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
            ))
            .await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }
}

/// What of an event the console would show in red.
fn error(event: &Value) -> Option<String> {
    let said = &event["params"];
    let red = match event["method"].as_str()? {
        "Runtime.exceptionThrown" => &said["exceptionDetails"],
        "Runtime.consoleAPICalled" if said["type"] == "error" || said["type"] == "assert" => &said["args"],
        "Log.entryAdded" if said["entry"]["level"] == "error" => &said["entry"],
        _ => return None,
    };
    Some(red.to_string())
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the browser listens, which it says on standard error.
async fn address(errors: ChildStderr) -> String {
    let (found, listening) = oneshot::channel();
    std::thread::spawn(move || {
        let mut found = Some(found);
        // Read to the end, so that the browser never waits for a full pipe.
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            match (line.strip_prefix("DevTools listening on "), found.take()) {
                (Some(address), Some(found)) => drop(found.send(address.trim().to_owned())),
                (_, waiting) => found = waiting,
            }
        }
    });
    timeout(PATIENCE, listening)
        .await
        .expect("the browser does not start in time")
        .expect("the browser ended before it listened")
}
