//! The compose file's services without containers: train, serve, predict with their command lines.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The program of a service's image with its command and local paths.
fn service(compose: &Value, name: &str, models: &Path) -> Command {
    let service = &compose["services"][name];
    let image = service["image"].as_str().expect("an image");
    let program = image
        .rsplit('/')
        .next()
        .and_then(|image| image.split(':').next())
        .and_then(|image| image.strip_prefix("complaint-"))
        .expect("an image of the product");
    let mut command = Command::new(env!("CARGO_BIN_EXE_complaint-e2e"));
    command.args(["exec", program]);
    for argument in service["command"].as_array().expect("a command") {
        let argument = argument.as_str().expect("an argument");
        command.arg(
            argument
                .replace("/data/", &format!("{}/data/", examples().display()))
                .replace("/models", &models.display().to_string())
                .replace("0.0.0.0:8080", "127.0.0.1:0"),
        );
    }
    command
}

#[test]
fn the_compose_file_trains_and_serves() {
    let text = std::fs::read_to_string(examples().join("compose/compose.yaml")).expect("the file is readable");
    let compose: Value = serde_saphyr::from_str(&text).expect("YAML");
    for (name, service) in compose["services"].as_object().expect("services") {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        let version = concat!("${VERSION:-", env!("CARGO_PKG_VERSION"), "}");
        assert!(
            service["image"].as_str().expect("an image").ends_with(version),
            "{name}"
        );
    }

    let models = tempfile::tempdir().expect("a directory");
    let trained = service(&compose, "train", models.path())
        .output()
        .expect("the trainer runs");
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));

    let mut child = service(&compose, "server", models.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server runs");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output is piped");
    BufReader::new(output)
        .read_line(&mut line)
        .expect("it says its address");
    let _server = Server(child);
    let started: Value = serde_json::from_str(&line).expect("a line of JSON");
    let address = started["address"].as_str().expect("an address");
    let body = r#"{"text": "There is a charge on my card that I never made, somebody stole my number."}"#;
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "POST /predict HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(r#""category":"Fraud""#),
        "{answer}"
    );
}
