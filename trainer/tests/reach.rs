//! What a training in a cluster may download from, and that nothing of an answer comes back in a message.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use complaint_model::Sha256Digest;
use serde_json::json;
use support::{Ended, Job, csv, gzip, rows};

/// A server that gives each request what `answer` makes of it.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let _ = stream.write_all(&answer(&String::from_utf8_lossy(&request[..read]).to_lowercase()));
        }
    });
    address
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn within(reach: &str, job: &Job, data: &str, variables: &[(&str, &str)]) -> Ended {
    let store = job.path("store").display().to_string();
    job.run_as(Path::new(data), &store, &["--reach", reach], variables)
}

#[test]
fn a_cluster_reaches_neither_itself_nor_its_cloud() {
    let address = serve(|_| answer("200 OK", "", b"AKIA0123EXAMPLE,secret\n1,2\n"));
    let job = Job::new();
    for reach in ["same-host", "any-host"] {
        for host in [
            address.as_str(),
            "169.254.169.254",
            "metadata.invalid@127.0.0.1",
            "[::ffff:127.0.0.1]:80",
        ] {
            let ended = within(reach, &job, &format!("http://{host}/latest/data.csv"), &[]);
            ended.fails(65, "DatasetForbidden", &["must not reach"]);
        }
        // A Secret can name an S3 server.
        for endpoint in [format!("http://{address}"), "http://169.254.169.254".to_owned()] {
            let variables = [
                ("AWS_ENDPOINT", endpoint.as_str()),
                ("AWS_SKIP_SIGNATURE", "true"),
                ("AWS_CONNECT_TIMEOUT", "1s"),
            ];
            let ended = within(reach, &job, "s3://latest/meta-data/iam", &variables);
            ended.fails(65, "DatasetForbidden", &["must not reach"]);
        }
    }
    // A ComplaintClassifier's Secret too.
    let data = job.file("cards.csv", csv(&rows()));
    let endpoint = format!("http://{address}");
    let variables = [
        ("STORE_AWS_ENDPOINT", endpoint.as_str()),
        ("STORE_AWS_SKIP_SIGNATURE", "true"),
    ];
    let ended = job.run_as(&data, "s3://models", &["--reach", "same-host"], &variables);
    ended.fails(64, "StoreOutOfReach", &["s3://models", "must not reach"]);
    let mut later = Job::new();
    later.config["champion"] = json!({ "name": "cards-0", "sha256": "ab".repeat(32) });
    let champion = ["--reach", "same-host", "--champion", "s3://models/cards-0"];
    let ended = later.run_as(&data, "s3://models", &champion, &variables);
    ended.fails(64, "StoreOutOfReach", &["s3://models/cards-0", "must not reach"]);

    let ended = within("anywhere", &job, &format!("http://{address}/data.csv"), &[]);
    ended.fails(65, "ColumnNotFound", &["2 columns"]);
    assert!(!ended.stderr.contains("AKIA0123"), "{}", ended.stderr);
}

#[test]
fn nothing_of_an_answer_is_quoted() {
    let address = serve(|_| {
        answer(
            "400 Bad Request",
            "",
            b"<Error><Code>token-abc</Code>the answer's own words</Error>",
        )
    });
    let job = Job::new();
    let endpoint = format!("http://{address}");
    let variables = [("AWS_ENDPOINT", endpoint.as_str()), ("AWS_SKIP_SIGNATURE", "true")];
    for data in ["s3://bucket/data.csv".to_owned(), format!("http://{address}/data.csv")] {
        let ended = within("anywhere", &job, &data, &variables);
        ended.fails(65, "DatasetForbidden", &["400"]);
        let all = format!("{}{}{}", ended.message, ended.stdout, ended.stderr);
        assert!(
            all.contains("400") && !all.contains("own words") && !all.contains("token-abc"),
            "{all}"
        );
    }
}

/// S3, Google and Apache label a compressed file so; pandas reads it too.
#[test]
fn a_file_that_is_sent_with_a_content_encoding_is_read_as_it_was_sent() {
    let body = gzip(csv(&rows()).as_bytes());
    let (sent, half) = (body.clone(), body.len() / 2);
    let address = serve(move |request| {
        let headers = "content-encoding: gzip\r\netag: \"a\"\r\n";
        if request.contains(&format!("range: bytes={half}-")) {
            let range = format!(
                "content-range: bytes {half}-{}/{}\r\n{headers}",
                sent.len() - 1,
                sent.len()
            );
            return answer("206 Partial Content", &range, &sent[half..]);
        }
        // The first transfer breaks off in the middle.
        let whole = answer("200 OK", headers, &sent);
        whole[..whole.len() - (sent.len() - half)].to_vec()
    });
    let mut job = Job::new();
    job.config["dataset"]["sha256"] = json!(Sha256Digest::of_bytes(&body));
    let ended = job.run(Path::new(&format!("http://{address}/data.csv.gz")));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["dataset"]["rows"], 240);
    job.run(Path::new(&format!("http://{address}/data.csv")))
        .fails(65, "MalformedDataset", &["a gzip file"]);
}
