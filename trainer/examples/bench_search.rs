//! Where the time of a search goes: `cargo run --release --example bench_search -p complaint-trainer -- DATA.csv.gz`.
//!
//! Takes one fold of the reference search (words 1–2-grams, minimum document frequency 2, 100,000 terms) and prints the
//! seconds of each step on one thread, with the solvers' passes over the rows.

use std::time::Instant;

use complaint_contract::{ClassWeight, EvaluationSettings, Loss};
use complaint_contract::{DatasetSettings, Reach};
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TermCounts, TokenizedCorpus};
use complaint_model::{Features, Preprocessing};
use complaint_trainer::config::format_of_name;
use complaint_trainer::dataset::{self, Location, Purpose, Source};
use complaint_trainer::solve::logistic::LogisticPath;
use complaint_trainer::solve::nb_svm::{ClassCounts, NbSvmProblem};
use complaint_trainer::solve::svm::{SvmProblem, groups};
use complaint_trainer::solve::{Effort, Problem, naive_bayes};
use complaint_trainer::split::{split, stratified_group_folds};

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{what:<40} {:>8.3} s", start.elapsed().as_secs_f64());
    result
}

const PATH: [f64; 3] = [0.1, 1.0, 10.0];

/// Prints what each step of a path took.
struct Report {
    what: String,
    rows: usize,
    visits: usize,
    start: Instant,
}

impl Report {
    fn new(what: String, rows: usize) -> Self {
        Self {
            what,
            rows,
            visits: 0,
            start: Instant::now(),
        }
    }

    fn line(&mut self, index: usize, visits: usize) {
        println!(
            "{} C={}: {:.3} s, {:.1} passes",
            self.what,
            PATH[index],
            self.start.elapsed().as_secs_f64(),
            (visits - self.visits) as f64 / self.rows as f64
        );
        (self.visits, self.start) = (visits, Instant::now());
    }
}

fn main() {
    let path = std::env::args()
        .nth(1)
        .expect("the path of a data set with the columns text, label and split");
    let config = DatasetSettings {
        format: format_of_name(&path),
        text_field: "text".into(),
        label_fields: vec!["label".into()],
        label_levels: Vec::new(),
        split_field: Some("split".into()),

        time_field: None,
        min_samples_per_class: 20,
        label_map: Default::default(),
        filter: Default::default(),
        sha256: None,
    };
    let source = timed("open", || {
        Source::open(
            &Location::parse(&path),
            None,
            Purpose::DataSet,
            Reach::Anywhere,
            |_, _| (),
        )
    })
    .unwrap();
    let dataset = timed("load", || dataset::load(&config, &source, Default::default(), |_| ())).unwrap();
    let classes = dataset.labels.len();
    let split = timed("split keys", || split(&dataset, &EvaluationSettings::by_hash(0.2, 42)));
    let pipeline = TextPipeline::new(&Preprocessing::default()).unwrap();
    let texts: Vec<&str> = dataset.rows.iter().map(|row| dataset.text(row)).collect();
    let corpus = timed("tokenise", || TokenizedCorpus::build(&pipeline, &texts));
    let features = Features::default();
    let terms = timed("count terms", || TermCounts::build(&corpus, &features));
    let labels: Vec<u32> = split
        .train
        .iter()
        .map(|&row| dataset.rows[row as usize].label)
        .collect();
    let keys: Vec<u64> = split.train.iter().map(|&row| split.keys[row as usize]).collect();
    let folds = timed("folds", || stratified_group_folds(&labels, &keys, classes, 5, 42));
    let (rows, labels): (Vec<u32>, Vec<u32>) = split
        .train
        .iter()
        .zip(&labels)
        .zip(&folds)
        .filter(|(_, fold)| **fold != 0)
        .map(|((row, label), _)| (*row, *label))
        .unzip();
    let fold = timed("vectorise one fold", || terms.fit(&rows, &features).transform(&rows));
    println!("{} rows, {} terms, {} entries", fold.rows, fold.cols, fold.entries());
    let problem = Problem {
        rows: &fold,
        dense: 0,
        labels: &labels,
        classes,
    };
    for (name, effort) in [("search", Effort::search(42)), ("fit", Effort::fit(42))] {
        let mut path = LogisticPath::new(problem, ClassWeight::None, 42);
        let mut before = 0;
        for c in PATH {
            timed(&format!("logistic regression C={c} ({name})"), || path.solve(c, effort)).unwrap();
            println!("  {} passes", path.passes() - before);
            before = path.passes();
        }
        let svm = SvmProblem::new(problem, ClassWeight::None, Loss::SquaredHinge);
        let counts = ClassCounts::of(problem);
        let nb_svm = NbSvmProblem::new(problem, &counts, ClassWeight::None, 1.0);
        for group in groups(classes) {
            let mut report = Report::new(format!("svm {group:?} ({name})"), fold.rows);
            svm.solve_path(group.clone(), &PATH, effort, |index, found| {
                report.line(index, found.visits)
            })
            .unwrap();
            let mut report = Report::new(format!("nb-svm {group:?} ({name})"), fold.rows);
            nb_svm
                .solve_path(group, &PATH, effort, |index, found| report.line(index, found.visits))
                .unwrap();
        }
    }
    timed("complement naive Bayes", || naive_bayes::complement(problem, 1.0)).unwrap();
}
