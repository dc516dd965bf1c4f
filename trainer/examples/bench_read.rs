//! What reading a data set takes: `cargo run --release --example bench_read -p complaint-trainer -- DATA.csv.gz`, a file with
//! the columns `text` and `label`. Prints seconds, the bytes of all texts, and the most memory the process had (Linux).

use std::time::Instant;

use complaint_contract::{DatasetSettings, Reach};
use complaint_trainer::config::format_of_name;
use complaint_trainer::dataset::{self, Location, Purpose, Source};

fn main() {
    let path = std::env::args()
        .nth(1)
        .expect("the path of a data set with the columns text and label");
    let config = DatasetSettings {
        format: format_of_name(&path),
        text_field: "text".into(),
        label_fields: vec!["label".into()],
        label_levels: Vec::new(),
        split_field: None,

        time_field: None,
        min_samples_per_class: 1,
        label_map: Default::default(),
        filter: Default::default(),
        sha256: None,
    };
    let start = Instant::now();
    let source = Source::open(
        &Location::parse(&path),
        None,
        Purpose::DataSet,
        Reach::Anywhere,
        |_, _| (),
    )
    .expect("the file can be read");
    let dataset = dataset::load(&config, &source, Default::default(), |_| ()).expect("the rows can be read");
    let seconds = start.elapsed().as_secs_f64();
    let texts: usize = dataset.rows.iter().map(|row| dataset.text(row).len()).sum();
    println!(
        "{} rows in {seconds:.2} s; texts {} MiB, most memory {}",
        dataset.rows.len(),
        texts >> 20,
        most_memory().unwrap_or_else(|| "unknown here".into())
    );
}

/// `VmHWM` of `/proc/self/status`.
fn most_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} MiB", kibibytes >> 10))
}
