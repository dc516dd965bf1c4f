//! Everything that can be wrong with configuration and data: exit code, reason, and a message with the fix.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};
use support::{Job, csv, gzip, rows, trainer};

fn set(job: &mut Job, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    job.config.pointer_mut(parent).unwrap()[key] = value;
}

#[test]
fn invalid_configurations() {
    let cases: [(&str, Value, &[&str]); 15] = [
        (
            "/search/candidates/0/algorithm",
            json!("randomForest"),
            &["search.candidates[0].algorithm", "LinearSvm"],
        ),
        (
            "/search/candidates/0/grid/alpha",
            json!([1.0]),
            &["search.candidates[0].grid.alpha", "LogisticRegression", "Remove"],
        ),
        (
            "/search/candidates/2/grid/C",
            json!([1.0]),
            &["search.candidates[2].grid.C", "ComplementNaiveBayes"],
        ),
        (
            "/search/candidates/0/grid/C",
            json!([1, -5]),
            &["search.candidates[0].grid.C", "-5"],
        ),
        (
            "/search/candidates/0/grid/C",
            json!([1e300]),
            &["search.candidates[0].grid.C", "1000000"],
        ),
        ("/search/candidates", json!([]), &["search.candidates", "at least one"]),
        ("/search/folds", json!(1), &["search.folds", "between 2 and 20"]),
        ("/search/foldz", json!(5), &["foldz", "folds"]),
        (
            "/evaluation/testFraction",
            json!(1.5),
            &["evaluation.testFraction", "1.5"],
        ),
        (
            "/features/wordNgrams",
            json!([3, 1]),
            &["features.wordNgrams", "[3, 1]"],
        ),
        ("/features/maxFeatures", json!(0), &["features.maxFeatures"]),
        (
            "/preprocessing/redactionPattern",
            json!("("),
            &["preprocessing.redactionPattern"],
        ),
        ("/dataset/labelFields", json!([]), &["dataset.labelFields"]),
        ("/dataset/sha256", json!("abc"), &["dataset.sha256", "64"]),
        ("/classifier", json!("../../etc"), &["classifier", "lower-case"]),
    ];
    for (pointer, value, parts) in cases {
        let mut job = Job::new();
        set(&mut job, pointer, value);
        job.run(&job.file("data.csv", csv(&rows())))
            .fails(64, "InvalidConfiguration", parts);
        assert!(!job.path("store").exists(), "nothing is written: {pointer}");
    }
}

#[test]
fn a_configuration_that_is_missing_or_not_json() {
    let job = Job::new();
    let log = job.path("log");
    let run = |config: &Path| {
        let output = trainer()
            .args(["run", "--dataset", "x", "--store", "y", "--termination-log"])
            .arg(&log)
            .arg("--config")
            .arg(config)
            .output()
            .unwrap();
        let message: Value = serde_json::from_slice(&std::fs::read(&log).unwrap()).unwrap();
        (output.status.code(), message["error"]["reason"].clone())
    };
    assert_eq!(run(&job.path("absent.json")), (Some(64), json!("InvalidConfiguration")));
    assert_eq!(
        run(&job.file("broken.json", "{")),
        (Some(64), json!("InvalidConfiguration"))
    );
    assert_eq!(
        trainer().args(["run", "--confg", "x"]).output().unwrap().status.code(),
        Some(64)
    );
}

#[test]
fn invalid_files() {
    let good = csv(&rows());
    let short = |lines: usize| {
        good.lines()
            .take(lines)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let one_label = good.replace(",Loan\n", ",Card\n").replace(",Account\n", ",Card\n");
    let cut_off = gzip(good.as_bytes())[..600].to_vec();
    let cases: [(&str, Vec<u8>, &str, &[&str]); 10] = [
        ("empty.csv", Vec::new(), "EmptyDataset", &["empty.csv"]),
        (
            "header.csv",
            short(1).into(),
            "EmptyDataset",
            &["header.csv", "no rows"],
        ),
        (
            "column.csv",
            good.replace("narrative", "narative").into(),
            "ColumnNotFound",
            &[
                "`narrative`",
                "id, narative, product",
                "perhaps `narative`",
                "dataset.textField",
            ],
        ),
        (
            "label.csv",
            good.replace("id,narrative,product", "id,narrative,category").into(),
            "ColumnNotFound",
            &["`product`", "dataset.labelFields"],
        ),
        (
            "one.csv",
            one_label.into(),
            "TooFewClasses",
            &["`Card` 240", "two or more"],
        ),
        (
            "few.csv",
            short(8).into(),
            "TooFewClasses",
            &["minSamplesPerClass (5)", "`Card` 3"],
        ),
        (
            "latin.csv",
            [short(3).as_bytes(), b"9,\"caf\xe9 charged my card\",Card\n"].concat(),
            "InvalidEncoding",
            &["row 3 (line 4, column `narrative`)", "iconv -f WINDOWS-1252"],
        ),
        (
            "ragged.csv",
            format!("{}7,too,many,fields\n", short(3)).into(),
            "MalformedDataset",
            &["row 3", "4 fields"],
        ),
        (
            "gaps.csv",
            "id,narrative,product\n1,,Card\n2,text,\n".into(),
            "NoUsableRows",
            &["1 without a text", "1 without a label"],
        ),
        ("cut.csv.gz", cut_off, "MalformedDataset", &["cut off"]),
    ];
    for (name, bytes, reason, parts) in cases {
        let job = Job::new();
        job.run(&job.file(name, bytes)).fails(65, reason, parts);
        assert!(!job.path("store").exists(), "nothing is written: {name}");
    }
    Job::new()
        .run(Path::new("/nowhere/data.csv"))
        .fails(65, "DatasetNotFound", &["/nowhere/data.csv", "mounted"]);
}

/// Messages go to logs, conditions and Events, which must not contain complaints.
#[test]
fn no_message_shows_a_text() {
    let secret = "my neighbour Mrs. Grey opened an account in my name";
    let headless = format!("1,{secret},Card\n2,{secret},Card\n");
    let mut job = Job::new();
    let ended = job.run(&job.file("data.csv", headless));
    ended.fails(65, "ColumnNotFound", &["3 columns", "is the header row missing?"]);
    assert!(
        !ended.stderr.contains("Grey") && !ended.stderr.contains("Card"),
        "{}",
        ended.stderr
    );

    job.config["dataset"]["format"] = json!("Json");
    let ended = job.run(&job.file("data.json", json!([secret, secret]).to_string()));
    assert_eq!(ended.code, 65);
    assert!(
        !format!("{}{}", ended.stderr, ended.stdout).contains("Grey"),
        "{}",
        ended.stderr
    );
}

#[test]
fn invalid_json() {
    let record = |text: &str, label: &str| json!({ "_source": { "narrative": text, "product": label } }).to_string();
    type Case<'c> = (&'c str, &'c str, Vec<u8>, &'c str, &'c [&'c str]);
    let cases: [Case<'_>; 7] = [
        ("Json", "a.json", b"".to_vec(), "EmptyDataset", &["a.json"]),
        ("Json", "b.json", b"[]".to_vec(), "EmptyDataset", &["b.json"]),
        (
            "Json",
            "c.json",
            format!("[{},{}", record("a", "b"), &record("a", "b")[..9]).into(),
            "MalformedDataset",
            &["row 2"],
        ),
        (
            "Json",
            "d.json",
            [b"[", record("a", "b").as_bytes(), b",{\"x\":\"caf\xe9\"}]"].concat(),
            "InvalidEncoding",
            &["not UTF-8"],
        ),
        (
            "Json",
            "e.json",
            format!("[{}]", record("a", "b")).into(),
            "ColumnNotFound",
            &["`narrative`", "_source.narrative, _source.product", "perhaps"],
        ),
        (
            "JsonLines",
            "f.jsonl",
            format!("{}\n{{\"a\":\n", record("a", "b")).into(),
            "MalformedDataset",
            &["line 2"],
        ),
        (
            "JsonLines",
            "g.jsonl",
            b"[1, 2]\n".to_vec(),
            "MalformedDataset",
            &["line 1", "dataset.format"],
        ),
    ];
    for (format, name, bytes, reason, parts) in cases {
        let mut job = Job::new();
        set(&mut job, "/dataset/format", json!(format));
        if name != "e.json" {
            set(&mut job, "/dataset/textField", json!("_source.narrative"));
            set(&mut job, "/dataset/labelFields", json!(["_source.product"]));
        } else {
            set(&mut job, "/dataset/textField", json!("narrative"));
        }
        job.run(&job.file(name, bytes)).fails(65, reason, parts);
    }
}

#[test]
fn a_digest_that_does_not_match() {
    let mut job = Job::new();
    set(&mut job, "/dataset/sha256", json!("0".repeat(64)));
    job.run(&job.file("data.csv", csv(&rows())))
        .fails(65, "DigestMismatch", &["0000", "dataset.source.sha256"]);
}

#[test]
fn an_empty_vocabulary() {
    let mut job = Job::new();
    set(&mut job, "/features/minDocumentFrequency", json!(500));
    job.run(&job.file("data.csv", csv(&rows()))).fails(
        64,
        "InvalidConfiguration",
        &["features.minDocumentFrequency", "no term"],
    );
}

#[test]
fn a_store_that_is_not_writable() {
    let job = Job::new();
    job.file("store", "a file where the directory should be");
    job.run(&job.file("data.csv", csv(&rows())))
        .fails(1, "StoreUnavailable", &["volume"]);
}

/// Answers every request with the same bytes.
fn serve(answer: Vec<u8>) -> String {
    serve_each(move |_, _| answer.clone())
}

/// Answers requests. `answer` gets the number of each request, from 0.
fn serve_each(answer: impl Fn(usize, &str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
            let _ = stream.write_all(&answer(number, &request));
        }
    });
    address
}

fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    [
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n").as_bytes(),
        body,
    ]
    .concat()
}

#[test]
fn addresses() {
    let body = gzip(csv(&rows()).as_bytes());
    let job = Job::new();
    let good = format!(
        "{}/data.csv.gz?token=secret",
        serve(answer("200 OK", body.len(), &body))
    );
    let ended = job.run(Path::new(&good));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stdout.contains("secret"), "a query may hold secrets");
    let missing = format!("{}/gone.csv?token=secret", serve(answer("404 Not Found", 0, b"")));
    let ended = job.run(Path::new(&missing));
    ended.fails(65, "DatasetNotFound", &["gone.csv", "404"]);
    assert!(!ended.stderr.contains("secret"));
    let refused = format!("{}/data.csv", serve(answer("503 Service Unavailable", 0, b"")));
    job.run(Path::new(&refused)).fails(1, "DownloadFailed", &["503"]);
    let broken = format!("{}/data.csv.gz", serve(answer("200 OK", body.len(), &body[..100])));
    job.run(Path::new(&broken)).fails(1, "DownloadFailed", &["data.csv.gz"]);
    job.run(Path::new("http://127.0.0.1:9/data.csv"))
        .fails(1, "DownloadFailed", &["127.0.0.1:9"]);
}

#[test]
fn a_login_that_is_missing_is_named() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let closed = format!("{}/data.csv", serve(answer(status, 0, b"")));
        Job::new()
            .run(Path::new(&closed))
            .fails(65, "DatasetForbidden", &[&status[..3], "signed"]);
    }
}

#[test]
fn an_answer_that_will_not_change_is_final() {
    for (status, code, reason) in [
        ("400 Bad Request", 65, "DatasetForbidden"),
        ("405 Method Not Allowed", 65, "DatasetForbidden"),
        ("410 Gone", 65, "DatasetNotFound"),
        ("416 Range Not Satisfiable", 65, "DatasetForbidden"),
        ("425 Too Early", 1, "DownloadFailed"),
        ("429 Too Many Requests", 1, "DownloadFailed"),
    ] {
        let address = format!("{}/data.csv", serve(answer(status, 0, b"")));
        Job::new()
            .run(Path::new(&address))
            .fails(code, reason, &[&status[..3], "data.csv"]);
    }
    for address in ["http://[::1/data.csv", "s3://bucket/a/../data.csv"] {
        let ended = Job::new().run_in(Path::new(address), &[("AWS_SKIP_SIGNATURE", "true")]);
        assert_eq!(ended.code, 65, "{address}: {}", ended.stderr);
    }
}

#[test]
fn a_broken_transfer_resumes() {
    let body = csv(&rows()).into_bytes();
    let part = |status: &str, headers: &str, bytes: &[u8], length: usize| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n");
        [head.as_bytes(), bytes].concat()
    };
    // A server error first, then two answers that end early; the second answer is the rest after the first.
    let all = body.clone();
    let resumed = serve_each(move |number, request| match number {
        0 => part("503 Service Unavailable", "", b"", 0),
        1 => part("200 OK", "etag: \"a\"\r\n", &all[..5000], all.len()),
        2 if request.contains("range: bytes=5000-") && request.contains("if-range: \"a\"") => {
            let range = format!("content-range: bytes 5000-{}/{}\r\n", all.len() - 1, all.len());
            part("206 Partial Content", &range, &all[5000..9000], all.len() - 5000)
        }
        3 if request.contains("range: bytes=9000-") => {
            let range = format!("content-range: bytes 9000-{}/{}\r\n", all.len() - 1, all.len());
            part("206 Partial Content", &range, &all[9000..], all.len() - 9000)
        }
        _ => part("400 Bad Request", "", b"", 0),
    });
    let mut job = Job::new();
    set(
        &mut job,
        "/dataset/sha256",
        json!(complaint_model::Sha256Digest::of_bytes(&body).to_string()),
    );
    let ended = job.run(Path::new(&format!("{resumed}/data.csv")));
    assert_eq!(ended.code, 0, "{}", ended.stderr);

    // The file has changed in the meantime: the server sends all of the new file, and nothing of the old one remains.
    let all = body.clone();
    let changed = serve_each(move |number, _| match number {
        0 => part("200 OK", "etag: \"old\"\r\n", &vec![b'x'; 5000], 30_000),
        _ => part("200 OK", "etag: \"new\"\r\n", &all, all.len()),
    });
    let ended = job.run(Path::new(&format!("{changed}/data.csv")));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_record_without_an_end_is_refused_before_it_fills_the_memory() {
    let endless = "a".repeat(70 << 20);
    let cases = [
        (
            "Csv",
            "data.csv",
            format!("id,narrative,product\n1,\"{endless}"),
            "quotation mark",
        ),
        (
            "JsonLines",
            "data.jsonl",
            format!("{{\"narrative\": \"{endless}"),
            "64 MiB",
        ),
        ("Json", "data.json", format!("[{{\"narrative\": \"{endless}"), "64 MiB"),
    ];
    for (format, name, text, words) in cases {
        let mut job = Job::new();
        set(&mut job, "/dataset/format", json!(format));
        job.run(&job.file(name, text))
            .fails(65, "MalformedDataset", &["1", words]);
    }
}
