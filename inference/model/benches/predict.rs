//! Measures text → prediction and the vectoriser on real texts:
//!
//! ```text
//! COMPLAINT_BENCH_DATA=/path/to/complaints.csv.gz cargo bench -p complaint-model
//! ```
//!
//! The file is CSV, compressed with gzip if its name says so, with the columns `text` and `label`. Without the variable
//! nothing is measured. The model is a nearest-centroid model: the cost of a prediction depends on the number of terms
//! and classes, not on weights.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::Read;

use complaint_contract::{Algorithm, Parameters};
use complaint_model::artifact::ArtifactBuilder;
use complaint_model::predict::Scratch;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TermCounts, TokenizedCorpus};
use complaint_model::{Artifact, Features, LinearModel, Predictor, Preprocessing};
use criterion::{Criterion, Throughput};

const VARIABLE: &str = "COMPLAINT_BENCH_DATA";

struct Data {
    texts: Vec<String>,
    classes: Vec<usize>,
    labels: Vec<String>,
}

fn read(path: &str) -> Result<Data, Box<dyn Error>> {
    let file = File::open(path)?;
    let reader: Box<dyn Read> = if path.ends_with(".gz") {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut csv = csv::Reader::from_reader(reader);
    let headers = csv.headers()?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header == name)
            .ok_or(format!("no column {name}"))
    };
    let (text, label) = (column("text")?, column("label")?);
    let mut rows: Vec<(String, String)> = Vec::new();
    for record in csv.records() {
        let record = record?;
        rows.push((record[text].to_owned(), record[label].to_owned()));
    }
    let numbers: BTreeMap<&str, usize> = rows.iter().map(|(_, label)| (label.as_str(), 0)).collect();
    let labels: Vec<String> = numbers.keys().map(|label| (*label).to_owned()).collect();
    let classes = rows
        .iter()
        .map(|(_, label)| labels.binary_search(label).unwrap_or(0))
        .collect();
    Ok(Data {
        texts: rows.into_iter().map(|(text, _)| text).collect(),
        classes,
        labels,
    })
}

fn centroids(data: &Data, features: &Features) -> Result<Artifact, Box<dyn Error>> {
    let preprocessing = Preprocessing::default();
    let corpus = TokenizedCorpus::build(&TextPipeline::new(&preprocessing)?, &data.texts);
    let rows: Vec<u32> = (0..corpus.len() as u32).collect();
    let counts = TermCounts::build(&corpus, features);
    let fold = counts.fit(&rows, features);
    let matrix = fold.transform(&rows);
    let classes = data.labels.len();
    let mut sizes = vec![0.0f32; classes];
    data.classes.iter().for_each(|&class| sizes[class] += 1.0);
    let mut weights = vec![0.0; matrix.cols * classes];
    for (row, &class) in data.classes.iter().enumerate() {
        let (indices, values) = matrix.row(row);
        for (&term, value) in indices.iter().zip(values) {
            weights[term as usize * classes + class] += value / sizes[class];
        }
    }
    let model = LinearModel {
        labels: data.labels.clone(),
        weights,
        bias: vec![0.0; classes],
    };
    Ok(ArtifactBuilder::new(
        &preprocessing,
        &fold.vectorizer(),
        model,
        Algorithm::LinearSvm,
        Parameters::default(),
    )
    .surface_forms(&corpus, &rows, features.min_document_frequency)
    .build()?)
}

fn measure(criterion: &mut Criterion, data: &Data) -> Result<(), Box<dyn Error>> {
    let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let pipeline = TextPipeline::new(&Preprocessing::default())?;
    let bytes: usize = data.texts.iter().map(String::len).sum();

    let mut group = criterion.benchmark_group("one core");
    group.sample_size(10).throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("tokenise", |bencher| {
        one_core.install(|| bencher.iter(|| TokenizedCorpus::build(&pipeline, black_box(&data.texts))));
    });
    let corpus = TokenizedCorpus::build(&pipeline, &data.texts);
    let rows: Vec<u32> = (0..corpus.len() as u32).collect();
    let fold: Vec<u32> = rows.iter().copied().filter(|row| row % 5 != 0).collect();
    let (words, characters) = (
        Features::default(),
        Features {
            char_ngrams: Some([3, 5]),
            ..Features::default()
        },
    );
    for (name, features) in [("words", &words), ("words and characters", &characters)] {
        group.bench_function(format!("count, {name}"), |bencher| {
            one_core.install(|| bencher.iter(|| TermCounts::build(black_box(&corpus), features)));
        });
        let counts = TermCounts::build(&corpus, features);
        group.bench_function(format!("fold: fit and transform, {name}"), |bencher| {
            one_core.install(|| bencher.iter(|| counts.fit(black_box(&fold), features).transform(&rows)));
        });
        let features = Features {
            min_document_frequency: 5,
            ..features.clone()
        };
        let bytes = centroids(data, &features)?.to_bytes();
        println!("artifact, {name}: {} bytes", bytes.len());
        group.bench_function(format!("open, {name}"), |bencher| {
            bencher.iter(|| Artifact::from_bytes(black_box(&bytes)).map(Predictor::new));
        });
        let predictor = Predictor::new(Artifact::from_bytes(&bytes)?);
        let mut scratch = Scratch::default();
        group.bench_function(format!("predict, {name}"), |bencher| {
            bencher.iter(|| {
                data.texts
                    .iter()
                    .map(|text| predictor.predict(black_box(text), &mut scratch).class)
                    .sum::<usize>()
            });
        });
    }
    group.finish();
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let Ok(path) = std::env::var(VARIABLE) else {
        println!("nothing to measure: set {VARIABLE} to a CSV file with the columns text and label");
        return Ok(());
    };
    let data = read(&path)?;
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion, &data)?;
    criterion.final_summary();
    Ok(())
}
