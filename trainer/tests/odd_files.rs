//! Files that are not what their name or configuration says: each is named with its fix, and never read as something else.

mod support;

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Job, csv, gzip, rows, trainer};

/// A person's data, which no message may hold.
const PERSONAL: [&str; 4] = ["Jane", "jane@example.org", "4111111111111111", "DE89 3704"];

fn json_rows() -> Vec<Value> {
    let record = |(narrative, product): &(String, &'static str)| json!({ "narrative": narrative, "product": product });
    rows().iter().map(record).collect()
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn utf16(text: &str, mark: bool, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    format!("{mark}{text}").encode_utf16().flat_map(order).collect()
}

#[test]
fn no_row_is_shown_where_a_header_is_missing() {
    let row = |number: usize| {
        format!("{number},Jane Example,jane@example.org,4111111111111111,DE89 3704 0044,Lost card,my card was lost\n")
    };
    let headless: String = (0..40).map(row).collect();
    let name_only: String = (0..40)
        .map(|number| format!("c{number},Jane Example,Lost card,Card\n"))
        .collect();
    let array = json!([{ "name": "Jane Example", "card": "4111111111111111", "narrative": "lost", "product": "Card" }])
        .to_string();
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        (
            "headless.csv",
            headless.clone().into(),
            &["7 columns", "is the header row missing?"],
        ),
        (
            "names.csv",
            name_only.into(),
            &["4 columns", "is the header row missing?"],
        ),
        ("headless.csv.gz", gzip(headless.as_bytes()), &["7 columns"]),
        ("headless.zip", zip(&[("a.csv", headless.as_bytes())]), &["7 columns"]),
        ("tabs.csv", headless.replace(',', "\t").into(), &["separated by tabs"]),
        (
            "array.csv",
            array.clone().into(),
            &["looks like a JSON array", "set dataset.format to Json"],
        ),
        (
            "array.txt.zip",
            zip(&[("a.txt", array.as_bytes())]),
            &["looks like a JSON array"],
        ),
        (
            "lines.csv",
            format!("{}\n", &array[1..array.len() - 1]).into(),
            &["set dataset.format to JsonLines"],
        ),
    ];
    for (name, bytes, parts) in cases {
        let job = Job::new();
        let ended = job.run(&job.file(name, bytes));
        assert_eq!(ended.code, 65, "{name}: {}", ended.stderr);
        let all = format!("{}{}{}", ended.message, ended.stdout, ended.stderr);
        for part in parts {
            assert!(all.contains(part), "{name}: `{part}` is missing in {all}");
        }
        for value in PERSONAL {
            assert!(!all.contains(value), "{name}: {all}");
        }
    }
}

#[test]
fn the_values_of_json_are_not_shown() {
    for (format, text) in [
        ("Json", "{\"hits\": 4111111111111111}"),
        ("Json", "{\"hits\": \"jane@example.org\"}"),
        ("Json", "[\"Jane\", 4111111111111111]"),
        ("Json", "[{\"Jane\": jane@example.org}]"),
        ("JsonLines", "{\"narrative\": \"Jane\" \"jane@example.org\"}\n"),
        ("JsonLines", "{\"jane@example.org\": 1, \"Jane\": 2}\n"),
    ] {
        let mut job = Job::new();
        job.config["dataset"]["format"] = json!(format);
        let ended = job.run(&job.file("data.json", text));
        assert_eq!(ended.code, 65, "{text}: {}", ended.stderr);
        let all = format!("{}{}{}", ended.message, ended.stdout, ended.stderr);
        assert!(PERSONAL.iter().all(|value| !all.contains(value)), "{text}: {all}");
    }
}

#[test]
fn files_of_other_kinds_are_named_with_the_fix() {
    let good = csv(&rows());
    let xlsx = zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", b"<workbook/>"),
    ]);
    let cases: [(&str, Vec<u8>, &[&str]); 13] = [
        ("data.xlsx", xlsx.clone(), &["an Excel workbook", "CSV UTF-8"]),
        ("data.zip", xlsx.clone(), &["an Excel workbook"]),
        ("data.csv", xlsx, &["an Excel workbook"]),
        (
            "data.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".to_vec(),
            &["an Excel workbook of before 2007"],
        ),
        (
            "data.parquet",
            b"PAR1\x15\x04".to_vec(),
            &["a Parquet file", "Export it as CSV"],
        ),
        (
            "data.csv.xz",
            b"\xfd7zXZ\0\0\x04".to_vec(),
            &["an xz file", "pack it with gzip"],
        ),
        ("data.csv.bz2", b"BZh91AY&SY\0".to_vec(), &["a bzip2 file"]),
        ("data.7z", b"7z\xbc\xaf\x27\x1c\0".to_vec(), &["a 7z archive"]),
        ("data.csv", gzip(good.as_bytes()), &["a gzip file", "suffix .gz"]),
        (
            "data.json",
            b"\x28\xb5\x2f\xfd\0".to_vec(),
            &["a Zstandard file", "suffix .zst"],
        ),
        ("data.csv.gz", good.clone().into(), &["not those of a gzip file"]),
        ("data.csv.gz", gzip(&gzip(good.as_bytes())), &["a gzip file"]),
        ("data.csv.zst", gzip(good.as_bytes()), &["a gzip file"]),
    ];
    for (name, bytes, parts) in cases {
        let job = Job::new();
        job.run(&job.file(name, bytes)).fails(65, "MalformedDataset", parts);
    }
}

#[test]
fn wide_encodings_are_named_with_the_command_that_converts_them() {
    let table = csv(&rows());
    let array = json!(json_rows()).to_string();
    for (format, text) in [("Csv", &table), ("Json", &array)] {
        for bytes in [
            utf16(text, true, u16::to_le_bytes),
            utf16(text, true, u16::to_be_bytes),
            utf16(text, false, u16::to_le_bytes),
            utf16(text, false, u16::to_be_bytes),
        ] {
            let mut job = Job::new();
            job.config["dataset"]["format"] = json!(format);
            for (name, bytes) in [("data", bytes.clone()), ("data.gz", gzip(&bytes))] {
                let ended = job.run(&job.file(name, bytes));
                ended.fails(65, "InvalidEncoding", &["UTF-16", "iconv -f UTF-16 -t UTF-8"]);
            }
        }
    }
}

#[test]
fn a_header_that_other_marks_separate_is_named() {
    let good = csv(&rows());
    let semicolons = good
        .replace(",product\n", ";product\n")
        .replace("id,narrative", "id;narrative");
    for (text, mark) in [
        (semicolons, "semicolons"),
        (good.replace(',', "\t"), "tabs"),
        (
            format!(
                "\"id\";\"narrative\";\"product\"\n{}",
                "\"1\";\"a text\";\"Card\"\n".repeat(40)
            ),
            "semicolons",
        ),
        (
            format!("id\tnarrative\tproduct\n{}", "\"1\"\t\"a text\"\t\"Card\"\n".repeat(40)),
            "tabs",
        ),
        (good.replace(',', "|"), "vertical bars"),
        (format!("sep=;\n{}", good.replace(',', ";")), "`sep=`"),
        (format!("sep=,\r\n{good}"), "`sep=`"),
    ] {
        let job = Job::new();
        job.run(&job.file("data.csv", text))
            .fails(65, "MalformedDataset", &[mark, "commas between the fields"]);
    }
    let twice = good.replacen("id,narrative,product", "product,narrative,product", 1);
    let job = Job::new();
    job.run(&job.file("data.csv", twice))
        .fails(65, "MalformedDataset", &["the header", "`product` more than once"]);
}

#[test]
fn a_quotation_mark_that_is_missing_swallows_no_row() {
    let good = csv(&rows());
    let row = |number: usize| good.lines().nth(number).unwrap().to_owned();
    // The closing mark of one row is missing; an even number of marks is left if another row lacks one too.
    let open = |number: usize| good.replacen(&row(number), &row(number).replacen("\",", ",", 1), 1);
    let cut = good[..good.len() - 12].to_owned();
    let cases: [(String, &[&str]); 4] = [
        (cut, &["row 240 (line 241)", "never closed", "cut off"]),
        (open(240), &["row 240 (line 241)", "never closed"]),
        (open(5), &["row 5 (line 6)", "closing quotation mark"]),
        (
            good.replacen("case \"\"7\"\"", "case \"7\"", 1),
            &["row 8 (line 9)", "not doubled"],
        ),
    ];
    for (text, parts) in cases {
        let job = Job::new();
        for (name, bytes) in [
            ("data.csv", text.clone().into_bytes()),
            ("data.csv.gz", gzip(text.as_bytes())),
        ] {
            job.run(&job.file(name, bytes)).fails(65, "MalformedDataset", parts);
        }
    }
    // Where a packed file ends early, the row is the one that could not be read.
    let whole = gzip(good.as_bytes());
    let job = Job::new();
    let ended = job.run(&job.file("data.csv.gz", &whole[..whole.len() / 2]));
    ended.fails(65, "MalformedDataset", &["cut off"]);
    let message = ended.message["error"]["message"].as_str().unwrap();
    assert!(message.contains("(line ") && !message.contains("line 0"), "{message}");
}

#[test]
fn archives_are_read_by_their_one_member() {
    let good = csv(&rows());
    let array = json!(json_rows()).to_string();
    let (table, array, lines) = (good.as_bytes(), array.as_bytes(), lines(&json_rows()));
    let read: [&[(&str, &[u8])]; 5] = [
        &[("complaints.json", array)],
        &[("complaints.jsonl", lines.as_bytes())],
        &[
            ("__MACOSX/._a.csv", b"\0"),
            ("folder/", b""),
            ("folder/a.csv", table),
            (".DS_Store", b"x"),
        ],
        &[("README.txt", b"how to read it"), ("a.csv", table)],
        &[("complaints", table)],
    ];
    for members in read {
        let job = Job::new();
        let ended = job.run(&job.file("complaints.zip", zip(members)));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.message["dataset"]["rows"], 240);
    }
    type Members<'a> = &'a [(&'a str, &'a [u8])];
    let refused: [(Members<'_>, &[&str]); 3] = [
        (
            &[("a.csv", table), ("b.csv", table)],
            &["2 files with data: a.csv, b.csv"],
        ),
        (&[("a.csv", table), ("x/b.json", array)], &["2 files with data"]),
        (&[("a.txt", b"x"), ("b.txt", b"y")], &["no .csv, .json or .jsonl"]),
    ];
    for (members, parts) in refused {
        let job = Job::new();
        job.run(&job.file("complaints.zip", zip(members)))
            .fails(65, "MalformedDataset", parts);
    }
}

/// A member's method is a number in both of its headers.
#[test]
fn a_method_of_zip_that_is_not_read_is_final() {
    let mut archive = zip(&[("a.csv", csv(&rows()).as_bytes())]);
    let central = archive.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    for (method, name) in [(14_u8, "LZMA"), (93, "Zstandard"), (12, "bzip2"), (77, "unknown")] {
        archive[8] = method;
        archive[central + 10] = method;
        let job = Job::new();
        job.run(&job.file("data.zip", &archive)).fails(
            65,
            "MalformedDataset",
            &[&format!("zip method {method} ({name}) is not supported"), "deflate"],
        );
    }
}

#[test]
fn json_under_another_format_is_named() {
    let records = json_rows();
    let pretty = serde_json::to_string_pretty(&json!(records)).unwrap();
    let hits = serde_json::to_string_pretty(&json!({ "hits": { "hits": records } })).unwrap();
    let cases: [(&str, String, &str); 7] = [
        ("Json", lines(&records), "set dataset.format to JsonLines"),
        ("Json", csv(&rows()), "set dataset.format to Csv"),
        ("JsonLines", json!(records).to_string(), "set dataset.format to Json"),
        ("JsonLines", pretty, "set dataset.format to Json"),
        ("JsonLines", hits.clone(), "set dataset.format to Json"),
        ("JsonLines", csv(&rows()), "set dataset.format to Csv"),
        ("Csv", hits, "set dataset.format to Json"),
    ];
    for (format, text, fix) in cases {
        let mut job = Job::new();
        job.config["dataset"]["format"] = json!(format);
        job.run(&job.file("data", text)).fails(65, "MalformedDataset", &[fix]);
    }
}

#[test]
fn what_python_and_javascript_write_is_read() {
    let mut records: Vec<String> = json_rows().iter().map(Value::to_string).collect();
    for (number, record) in records.iter_mut().enumerate() {
        let score = ["NaN", "Infinity", "-Infinity", "1e5"][number % 4];
        let half = ["\\ud83d", "\\ude00", "\\ud83d\\ude00", "\\uD83D x"][number % 4];
        record.truncate(record.len() - 1);
        record.push_str(&format!(", \"score\": {score}, \"note {half}\": \"{half}\"}}"));
    }
    records[0] = records[0].replace("case", "case \\ud83d");
    for (format, text) in [
        ("JsonLines", records.join("\n")),
        ("Json", format!("[{}]", records.join(",\n"))),
    ] {
        let mut job = Job::new();
        job.config["dataset"]["format"] = json!(format);
        let ended = job.run(&job.file("data", text));
        assert_eq!(ended.code, 0, "{format}: {}", ended.stderr);
        assert_eq!(ended.message["dataset"]["rows"], 240);
    }
}

#[test]
fn a_pipe_is_read() {
    let mut child = trainer()
        .args([
            "profile",
            "--data",
            "/dev/stdin",
            "--text-field",
            "narrative",
            "--label-field",
            "product",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(csv(&rows()).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("240 records"), "{said}");
}
