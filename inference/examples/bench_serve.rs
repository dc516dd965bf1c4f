//! What serving costs: starts a server for a model, asks it with `wrk` (Debian's package of that name) on the same
//! machine, and prints a table:
//!
//! ```text
//! cargo run --release --example bench_serve -p complaint-inference -- MODEL.safetensors [SECONDS [CONNECTIONS]]
//! ```
//!
//! The server is this same program, started again with the server's own arguments, so memory and start are those of the
//! real one.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use complaint_harness::collector::Collector;
use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor, Sha256Digest};
use serde_json::{Value, json};

/// A complaint of the length that people write on average, about 900 characters.
const TEXT: &str = "On March 3rd I noticed a charge of {$250.00} on my credit card statement from a merchant that I have \
    never heard of. I called the bank the same day and told them that I did not authorize this transaction, that the \
    card was still in my possession, and that I wanted to open a dispute. The representative told me that a new card \
    would be sent and that the amount would be credited to my account within ten business days. Since then I have \
    received two letters: the first one says that the investigation is still going on, and the second one that my \
    claim was denied because the purchase was made with the chip. That is not possible. I asked for copies of the \
    documents which they relied on, but nobody has sent me anything, and every time I call I am transferred to another \
    department. In the meantime they charge interest and a late fee on the disputed amount, and they have reported me \
    to the credit bureaus.";

/// Set in the environment of the copy that is the server.
const SERVER: &str = "BENCH_SERVE_SERVER";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    if std::env::var_os(SERVER).is_some() {
        return complaint_inference::main_from(std::env::args_os());
    }
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let model = PathBuf::from(arguments.next().ok_or("give the path of a model.safetensors")?);
    let seconds: u32 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let connections: u32 = arguments.next().map_or(Ok(32), |text| text.parse())?;
    let bytes = fs::read(&model)?;
    let digest = Sha256Digest::of_bytes(&bytes).prefixed();
    let expected = library(&bytes)?;

    starts(&model, &digest, &expected)?;
    let server = Server::start(&model, &digest)?;
    println!("resident after the start: {:.1} MB", server.resident()?);
    if Command::new("wrk").arg("-v").output().is_err() {
        println!("wrk is not installed (apt-get install wrk): no requests are measured");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let wrk = Wrk {
        seconds,
        server: &server,
        directory: directory.path(),
    };
    println!("| what | connections | requests/s | p50 ms | p99 ms | failed |\n|---|---|---|---|---|---|");
    wrk.run("GET /version", connections, "")?;
    let rate = wrk.run("POST /predict", connections, "predict")?;
    println!("resident under that load, at most: {:.1} MB", server.peak()?);
    let plain = wrk.run("GET /version", connections, "")?;
    println!("predictions per plain answer: {:.0} %", 100.0 * rate / plain);
    wrk.run("POST /predict", 1, "predict")?;
    statistics(&model, &digest, &wrk, connections)?;
    captures(&model, &digest, &wrk, connections)?;
    traces(&model, &digest, &wrk, connections)
}

/// What the statistics cost: a server that counts nothing, and one `with` them, in turns.
fn statistics(model: &Path, digest: &str, with: &Wrk<'_>, connections: u32) -> Outcome<()> {
    let server = Server::start_in(model, digest, &[], &["--without-statistics"])?;
    let without = Wrk {
        server: &server,
        ..*with
    };
    let turn = || -> Outcome<f64> {
        let plain = without.run("POST /predict, no statistics", connections, "predict")?;
        Ok(with.run("POST /predict", connections, "predict")? / plain)
    };
    println!("requests/s with statistics per request/s without: {}", in_turns(turn)?);
    println!("resident with statistics, at most: {:.1} MB", with.server.peak()?);
    Ok(())
}

/// What capturing every answer costs: a server that does so and one `without`, in turns.
fn captures(model: &Path, digest: &str, without: &Wrk<'_>, connections: u32) -> Outcome<()> {
    let store = without.directory.join("store");
    let store = store.to_str().ok_or("the temporary directory's name is not Unicode")?;
    let server = Server::start_in(model, digest, &[], &["--store", store, "--capture", "all"])?;
    let with = Wrk {
        server: &server,
        ..*without
    };
    let turn = || -> Outcome<f64> {
        let plain = without.run("POST /predict", connections, "predict")?;
        Ok(with.run("POST /predict, all captured", connections, "predict")? / plain)
    };
    println!("requests/s with capture per request/s without: {}", in_turns(turn)?);
    println!("resident with capture, at most: {:.1} MB", server.peak()?);
    for line in server
        .get("/metrics")?
        .lines()
        .filter(|line| line.contains("captur") && !line.starts_with('#'))
    {
        println!("{line}");
    }
    Ok(())
}

/// The median and the range of five ratios.
fn in_turns(turn: impl FnMut() -> Outcome<f64>) -> Outcome<String> {
    let mut ratios: Vec<f64> = std::iter::repeat_with(turn).take(5).collect::<Outcome<_>>()?;
    ratios.sort_by(f64::total_cmp);
    Ok(format!(
        "median {:.3} ({:.3} to {:.3})",
        ratios[2], ratios[0], ratios[4]
    ))
}

/// What traces of one request in a hundred cost: a server with them and `without`, in turns.
fn traces(model: &Path, digest: &str, without: &Wrk<'_>, connections: u32) -> Outcome<()> {
    let collector = Collector::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
    ];
    let server = Server::start_in(model, digest, &variables, &[])?;
    let with = Wrk {
        server: &server,
        ..*without
    };
    let turn = || -> Outcome<f64> {
        let plain = without.run("POST /predict", connections, "predict")?;
        Ok(with.run("POST /predict, traces at 1 %", connections, "predict")? / plain)
    };
    println!(
        "requests/s with traces at 1 % per request/s without: {}; {} spans arrived",
        in_turns(turn)?,
        collector.spans().len()
    );
    Ok(())
}

/// Speed of the library alone; gives the category.
fn library(bytes: &[u8]) -> Outcome<String> {
    let begun = Instant::now();
    let predictor = Predictor::new(Artifact::from_bytes(bytes)?);
    println!("opening the model: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    let mut scratch = Scratch::default();
    let category = predictor.labels()[predictor.predict(TEXT, &mut scratch).class].clone();
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(1) {
        for _ in 0..100 {
            black_box(predictor.predict(black_box(TEXT), &mut scratch));
        }
        count += 100;
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(count);
    println!(
        "library, one core: {:.1} µs a text of {} bytes, {:.0} MB/s → {category}",
        each * 1e6,
        TEXT.len(),
        TEXT.len() as f64 / each / 1e6
    );
    if let Some(estimator) = predictor.artifact().estimator() {
        let scores = vec![0.5; predictor.labels().len()];
        let mut probabilities = scores.clone();
        let (begun, count) = (Instant::now(), 1_000_000);
        for _ in 0..count {
            estimator.probabilities(black_box(&scores), black_box(&mut probabilities));
        }
        let each = begun.elapsed().as_secs_f64() / f64::from(count);
        println!("of that, estimating probabilities: {:.3} µs", each * 1e6);
    }
    Ok(category)
}

/// From the start of the process to the first right answer.
fn starts(model: &Path, digest: &str, expected: &str) -> Outcome<()> {
    let mut times = Vec::new();
    for _ in 0..11 {
        let begun = Instant::now();
        let server = Server::start(model, digest)?;
        let answer = server.ask()?;
        times.push(begun.elapsed());
        if answer["category"] != expected {
            return Err(format!("the server says {}, the library {expected}", answer["category"]).into());
        }
    }
    times.sort();
    println!(
        "process start to first right answer: median {:.1} ms, worst of {} {:.1} ms",
        times[times.len() / 2].as_secs_f64() * 1e3,
        times.len(),
        times[times.len() - 1].as_secs_f64() * 1e3
    );
    Ok(())
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(model: &Path, digest: &str) -> Outcome<Self> {
        Self::start_in(model, digest, &[], &[])
    }

    fn start_in(model: &Path, digest: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(SERVER, "1")
            .envs(variables.iter().copied())
            .args(["--digest", digest, "--bind", "127.0.0.1:0", "--model"])
            .arg(model)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().ok_or("no standard output")?).read_line(&mut line)?;
        let line: Value = serde_json::from_str(&line)?;
        let address = line["address"].as_str().ok_or("no address")?.to_owned();
        Ok(Self { child, address })
    }

    fn ask(&self) -> Outcome<Value> {
        let body = json!({ "text": TEXT }).to_string();
        Ok(serde_json::from_str(&self.request("POST /predict", &body)?)?)
    }

    fn get(&self, path: &str) -> Outcome<String> {
        self.request(&format!("GET {path}"), "")
    }

    /// The answer's body.
    fn request(&self, what: &str, body: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "{what} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        Ok(body.to_owned())
    }

    fn resident(&self) -> Outcome<f64> {
        self.status("VmRSS:")
    }

    fn peak(&self) -> Outcome<f64> {
        self.status("VmHWM:")
    }

    /// A size from the kernel's process table, in MB.
    fn status(&self, name: &str) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or(name)?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Wrk<'a> {
    seconds: u32,
    server: &'a Server,
    directory: &'a Path,
}

impl Wrk<'_> {
    /// Runs wrk, prints a line of the table, and gives the requests a second.
    fn run(&self, what: &str, connections: u32, body: &str) -> Outcome<f64> {
        let script = self.directory.join("wrk.lua");
        let path = if body.is_empty() { "/version" } else { "/predict" };
        fs::write(&script, lua(!body.is_empty())?)?;
        let output = Command::new("wrk")
            .args([
                "-t1",
                &format!("-c{connections}"),
                &format!("-d{}s", self.seconds),
                "-s",
            ])
            .arg(&script)
            .arg(format!("http://{}{path}", self.server.address))
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers = text
            .lines()
            .find_map(|line| line.strip_prefix("result "))
            .ok_or_else(|| format!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
        let numbers: Vec<f64> = numbers.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [rate, p50, p99, failed] = numbers[..] else {
            return Err("wrk printed something else".into());
        };
        println!("| {what} | {connections} | {rate:.0} | {p50:.2} | {p99:.2} | {failed:.0} |");
        Ok(rate)
    }
}

fn lua(post: bool) -> Outcome<String> {
    let mut script = String::new();
    if post {
        let body = json!({ "text": TEXT }).to_string();
        write!(
            script,
            "wrk.method = 'POST'\nwrk.headers['content-type'] = 'application/json'\nwrk.body = [==[{body}]==]\n"
        )?;
    }
    script.push_str(
        "function done(s, l)\n  local e = s.errors\n  print(string.format('result %f %f %f %d', s.requests / s.duration * 1e6,\n    \
         l:percentile(50) / 1e3, l:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))\nend\n",
    );
    Ok(script)
}
