//! Categories with levels: products and their issues.

mod support;

use std::fmt::Write as _;

use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor};
use serde_json::{Value, json};
use support::{Ended, Job, trainer};

/// A name and its words.
type Named = (&'static str, &'static str);

/// Products with words of their own, and their issues with theirs.
const PRODUCTS: [(&str, &str, &[Named]); 3] = [
    (
        "Card",
        "card merchant plastic purchase",
        &[("Fees", "fee charged cost"), ("Theft", "stolen thief fraud")],
    ),
    (
        "Loan",
        "loan lender mortgage house",
        &[("Rate", "rate interest percent"), ("Denied", "denied refused score")],
    ),
    ("Travel", "flight hotel luggage trip", &[]),
];

/// 600 rows: every fourth has no issue, although its product has some, and three have an issue of their own.
fn data() -> String {
    let mut draw = support::draws(7);
    let mut text = String::from("narrative,product,issue\n");
    for number in 0..600 {
        let (product, own, issues) = PRODUCTS[draw(3)];
        let issue = (!issues.is_empty()).then(|| issues[draw(issues.len())]);
        let mut words = Vec::new();
        for _ in 0..6 {
            let own: Vec<&str> = own.split(' ').collect();
            words.push(own[draw(own.len())]);
            let (_, others, _) = PRODUCTS[draw(3)];
            words.push(others.split(' ').nth(draw(4)).unwrap());
            words.push(["bank", "called", "waited", "letter", "asked"][draw(5)]);
        }
        if let Some((_, own)) = issue {
            words.extend((0..3).map(|_| own.split(' ').nth(draw(3)).unwrap()));
        }
        let issue = match number {
            100 | 200 | 300 => "Lost",
            _ if number % 4 == 3 => "",
            _ => issue.map_or("", |(name, _)| name),
        };
        let _ = writeln!(text, "{} case {number},{product},{issue}", words.join(" "));
    }
    text
}

fn job() -> Job {
    let mut job = Job::new();
    let dataset = job.config["dataset"].as_object_mut().unwrap();
    dataset.remove("labelFields");
    dataset.insert("labelLevels".into(), json!(["product", "issue"]));
    job
}

fn stored(job: &Job, ended: &Ended, part: &str) -> Vec<u8> {
    std::fs::read(job.path("store").join(ended.message[part]["path"].as_str().unwrap())).unwrap()
}

fn trained(job: &Job) -> (Ended, Value) {
    let ended = job.run(&job.file("data.csv", data()));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let report = serde_json::from_slice(&stored(job, &ended, "report")).unwrap();
    (ended, report)
}

#[test]
fn one_model_answers_all_levels() {
    let job = job();
    let (ended, report) = trained(&job);
    let model = Artifact::from_bytes(&stored(&job, &ended, "artifact")).unwrap();
    assert_eq!(
        model.labels(),
        ["Card > Fees", "Card > Theft", "Loan > Denied", "Loan > Rate", "Travel"]
    );
    let levels = model.levels().unwrap().levels().clone();
    let predictor = Predictor::new(model);
    let mut scratch = Scratch::default();
    let (_, product) = levels.coarser().next().unwrap();
    let mut ask = |text: &str| {
        let answer = predictor.predict(text, &mut scratch);
        let of = product.of_class()[answer.class] as usize;
        let sums: Vec<f32> = (0..3)
            .map(|category| product.probability(category, answer.probabilities))
            .collect();
        assert!((sums.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(
            sums.iter().all(|sum| *sum <= sums[of]),
            "the product is the most probable one: {sums:?}"
        );
        (predictor.labels()[answer.class].clone(), answer.probability, sums[of])
    };
    let (clear, ..) = ask("the merchant took my card, a fee was charged, the fee is a cost");
    assert_eq!(clear, "Card > Fees");
    let (vague, issue, product) = ask("my lender and the mortgage of my house");
    assert!(
        vague.starts_with("Loan > ") && product > 0.9 && issue < 0.8,
        "{vague} {product} {issue}"
    );

    // All levels stand in the report, and in the result for the status.
    let levels = &report["levels"];
    assert_eq!(levels["names"], json!(["product", "issue"]));
    let partial = |part: &str| levels[part].as_u64().unwrap();
    let rows = |part: &str| report["dataset"][part].as_u64().unwrap();
    assert!(partial("partialTrainRows") > 50 && partial("partialTestRows") > 10);
    let all = partial("partialTrainRows") + partial("partialTestRows") + rows("trainRows") + rows("testRows");
    assert_eq!(all, rows("rows"));
    let coarser = &levels["coarser"][0];
    assert_eq!(
        coarser["rows"].as_u64().unwrap(),
        partial("partialTestRows") + rows("testRows")
    );
    let of_status = &ended.message["levels"];
    assert_eq!(
        (&of_status[0]["level"], &of_status[1]["level"]),
        (&json!("product"), &json!("issue"))
    );
    assert_eq!(of_status[0]["metrics"]["accuracy"], coarser["metrics"]["accuracy"]);
    assert_eq!(of_status[1]["metrics"]["accuracy"], report["metrics"]["accuracy"]);
    let accuracy = |level: &Value| level["metrics"]["accuracy"].as_f64().unwrap();
    assert!(
        accuracy(&of_status[0]) > 0.8 && accuracy(&of_status[1]) > 0.7,
        "{of_status}"
    );
    let wrong = coarser["wrongInside"].as_u64().unwrap() + coarser["wrongAcross"].as_u64().unwrap();
    let right = (accuracy(&of_status[1]) * rows("testRows") as f64).round() as u64;
    assert_eq!(wrong, rows("testRows") - right);
    // What is too rare for a class is told, and counts for its product.
    let warnings = report["dataset"]["warnings"].as_array().unwrap();
    let rolled_up = warnings
        .iter()
        .find(|warning| warning["reason"] == "LabelsRolledUp")
        .unwrap();
    assert!(
        rolled_up["message"].as_str().unwrap().contains("Card > Lost (3 rows)"),
        "{rolled_up}"
    );
}

/// Thresholds of categories of both levels, and what they leave to people.
#[test]
fn a_threshold_may_be_about_a_product() {
    let mut job = job();
    let threshold = |category: &str, share: f64| json!({ "category": category, "minPrecision": share });
    job.config["review"] =
        json!({ "thresholds": [threshold("Card", 0.999), threshold("Loan > Rate", 0.5), threshold("Loans", 0.5)] });
    let (_, report) = trained(&job);
    let review = &report["review"];
    assert_eq!(review["unknownCategories"], json!(["Loans"]));
    let of = |category: &str| {
        let all = review["thresholds"].as_array().unwrap().iter();
        let found: Vec<&Value> = all.filter(|threshold| threshold["category"] == category).collect();
        assert_eq!(found.len(), 1, "{review}");
        (
            found[0]["answers"].as_u64().unwrap(),
            found[0]["answered"].as_u64().unwrap(),
        )
    };
    // So few rows show no such precision, so no card complaint is answered without a person.
    let (cards, answered) = of("Card");
    assert!(cards > 20 && answered == 0, "{review}");
    let (rates, answered) = of("Loan > Rate");
    assert!(rates > 5 && answered > 5, "{review}");
    assert!(review["answered"].as_f64().unwrap() < 0.75, "{review}");
}

/// The same data gives the same model on any number of threads, and a comparison later finds the same numbers.
#[test]
fn bytes_and_numbers_are_reproducible() {
    let job = job();
    let (ended, _) = trained(&job);
    let again = job.run_with(&job.path("data.csv"), &[], "3");
    assert_eq!(again.message["artifact"]["sha256"], ended.message["artifact"]["sha256"]);

    let dataset = &ended.message["dataset"];
    let request = json!({
        "sha256": ended.message["artifact"]["sha256"],
        "evaluation": job.config["evaluation"],
        "dataset": {
            "format": "Csv", "textField": "narrative", "labelLevels": ["product", "issue"], "minSamplesPerClass": 5,
            "sha256": dataset["sha256"],
        },
    });
    let request = job.file("compare.json", request.to_string());
    let model = job
        .path("store")
        .join(ended.message["artifact"]["path"].as_str().unwrap());
    let (request, model) = (request.to_str().unwrap(), model.to_str().unwrap());
    let data = job.path("data.csv");
    let data = data.to_str().unwrap();
    let compared = job.short(&[
        "compare",
        "--request-file",
        request,
        "--model",
        model,
        "--dataset",
        data,
    ]);
    assert_eq!(compared.code, 0, "{}", compared.stderr);
    assert_eq!(compared.message["evaluation"]["levels"], ended.message["levels"]);
    assert_eq!(compared.message["evaluation"]["metrics"], ended.message["metrics"]);
}

#[test]
fn hashed_terms_and_repeated_folds_have_levels_too() {
    let mut job = job();
    job.config["features"]["hashingBits"] = json!(16);
    job.config["preprocessing"]["normalizer"] = json!("Stem");
    job.config["search"]["repeats"] = json!(2);
    let (ended, report) = trained(&job);
    let accuracy = |level: usize| ended.message["levels"][level]["metrics"]["accuracy"].as_f64().unwrap();
    assert!(
        accuracy(0) > 0.85 && accuracy(1) > 0.7,
        "{} {}",
        accuracy(0),
        accuracy(1)
    );
    assert_eq!(
        report["levels"]["coarser"][0]["model"]["trials"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
}

#[test]
fn what_levels_can_not_be_is_said() {
    let data = data();
    type Change<'c> = &'c dyn Fn(&mut Job);
    let cases: [(Change<'_>, &str, i32, &[&str]); 6] = [
        (
            &|job| job.config["dataset"]["labelFields"] = json!(["product"]),
            &data,
            64,
            &["dataset.labelLevels", "labelFields"],
        ),
        (
            &|job| job.config["dataset"]["labelLevels"] = json!(["product"]),
            &data,
            64,
            &["2 to 5 names", "dataset.labelFields"],
        ),
        (
            &|job| job.config["dataset"]["labelLevels"] = json!(["product", "narrative"]),
            &data,
            64,
            &["dataset.labelLevels", "its own label"],
        ),
        (
            &|job| job.config["dataset"]["labelLevels"] = json!(["product", "isue"]),
            &data,
            65,
            &["`isue`", "dataset.labelLevels", "`issue`"],
        ),
        (
            &|job| job.config["dataset"]["labelMap"] = json!({ "Card > Fees": "Card > Fees > Late" }),
            &data,
            64,
            &["dataset.labelMap", "levels"],
        ),
        (
            &|_| (),
            "narrative,product,issue\nmy card,Card,a > b\n",
            65,
            &["row 1", "` > `", "`issue`"],
        ),
    ];
    for (change, text, code, parts) in cases {
        let mut job = job();
        change(&mut job);
        let reason = match code {
            64 => "InvalidConfiguration",
            _ if parts.contains(&"`isue`") => "ColumnNotFound",
            _ => "MalformedDataset",
        };
        let ended = job.run(&job.file("data.csv", text));
        ended.fails(code, reason, parts);
        assert!(!ended.stderr.contains("a > b"), "a value of a row: {}", ended.stderr);
    }
}

/// The command line: train, evaluate and explain.
#[test]
fn the_commands_know_levels() {
    let job = Job::new();
    let file = job.file("data.csv", data());
    let (file, out) = (file.to_str().unwrap(), job.path("out"));
    let run = |arguments: &[&str]| {
        let output = trainer().args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let columns = [
        "--text-field",
        "narrative",
        "--label-level",
        "product",
        "--label-level",
        "issue",
    ];
    let mut train = vec![
        "train",
        "--data",
        file,
        "--out",
        out.to_str().unwrap(),
        "--preset",
        "reference",
    ];
    train.extend(columns);
    run(&train);
    let model = out.join("model.safetensors");
    let mut evaluate = vec![
        "evaluate",
        "--model",
        model.to_str().unwrap(),
        "--data",
        file,
        "--format",
        "json",
    ];
    evaluate.extend(columns);
    let found: Value = serde_json::from_str(&run(&evaluate)).unwrap();
    let (whole, partial) = (
        found["rows"].as_u64().unwrap(),
        found["partialLabelRows"].as_u64().unwrap(),
    );
    // The issue of three rows is too rare to be known.
    assert_eq!((whole + partial, found["unknownLabelRows"].as_u64().unwrap()), (597, 3));
    assert_eq!(found["levels"][0]["rows"], 600);
    let only_products = evaluate.iter().copied().take(evaluate.len() - 2);
    let only_products: Vec<&str> = only_products.chain(["--where", "product=Card"]).collect();
    let refused = trainer().args(only_products).output().unwrap();
    assert_eq!(refused.status.code(), Some(65));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        told.contains("above the model's finest level") && told.contains("--label-level"),
        "{told}"
    );
    *evaluate.iter_mut().find(|argument| **argument == "json").unwrap() = "table";
    let table = run(&evaluate);
    assert!(table.lines().any(|line| line.starts_with("product ")), "{table}");
    let explained = run(&[
        "explain",
        "--model",
        model.to_str().unwrap(),
        "the merchant says my card was stolen",
    ]);
    assert!(
        explained.contains("Card > Theft") && explained.contains("at the level `"),
        "{explained}"
    );
}
