//! Data sets in other languages than English, from rows to the model's answers.

mod support;

use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Language, Normalizer, Predictor};
use serde_json::{Value, json};
use support::{Ended, Job, Row, csv, trainer};

/// What is special to a class, and what all classes share.
struct Vocabulary {
    classes: [(&'static str, &'static [&'static str]); 3],
    common: &'static [&'static str],
    /// Between two words.
    space: &'static str,
}

const PORTUGUESE: Vocabulary = Vocabulary {
    classes: [
        (
            "Card",
            &[
                "o meu cartão",
                "a fatura",
                "uma compra",
                "a loja",
                "o limite",
                "a senha",
            ],
        ),
        (
            "Loan",
            &[
                "o empréstimo",
                "uma parcela",
                "os juros",
                "o contrato",
                "o financiamento",
            ],
        ),
        (
            "Account",
            &[
                "a conta",
                "uma transferência",
                "o depósito",
                "o saldo",
                "a agência",
                "a poupança",
            ],
        ),
    ],
    common: &[
        "não recebi uma resposta",
        "o banco disse que",
        "eu já liguei várias vezes",
        "e ainda não foi resolvido",
        "com a minha família",
        "quando eu reclamei",
        "para o atendimento",
        "porque ninguém me ajuda",
        "há mais de um mês",
        "por que isso aconteceu",
        "eu quero uma solução",
        "eles não explicam",
        "depois de tanto tempo",
        "o gerente",
    ],
    space: " ",
};

const CHINESE: Vocabulary = Vocabulary {
    classes: [
        ("Card", &["信用卡", "刷卡", "账单", "盗刷", "额度", "密码"]),
        ("Loan", &["贷款", "利息", "还款", "合同", "分期", "利率"]),
        ("Account", &["账户", "转账", "存款", "余额", "网点", "储蓄"]),
    ],
    common: &[
        "银行",
        "我的",
        "没有",
        "已经",
        "打电话",
        "客服",
        "不给",
        "解决",
        "一个月",
        "问题",
        "请尽快",
        "处理",
        "他们说",
        "还是",
        "希望",
        "投诉",
    ],
    space: "",
};

const JAPANESE: Vocabulary = Vocabulary {
    classes: [
        ("Card", &["カード", "請求書", "暗証番号", "不正利用", "限度額"]),
        ("Loan", &["ローン", "利息", "返済", "契約", "金利", "借り入れ"]),
        ("Account", &["口座", "振り込み", "預金", "残高", "支店", "引き落とし"]),
    ],
    common: &[
        "銀行が",
        "私の",
        "まだ",
        "電話しましたが",
        "返事がありません",
        "対応して",
        "ください",
        "一か月",
        "問題です",
        "困っています",
        "そして",
        "担当者は",
        "説明を",
        "してくれません",
    ],
    space: "",
};

const THAI: Vocabulary = Vocabulary {
    classes: [
        ("Card", &["บัตรเครดิต", "ใบแจ้งหนี้", "วงเงิน", "รหัส", "ร้านค้า"]),
        ("Loan", &["เงินกู้", "ดอกเบี้ย", "ผ่อนชำระ", "สัญญา", "สินเชื่อ"]),
        ("Account", &["บัญชี", "โอนเงิน", "เงินฝาก", "ยอดคงเหลือ", "สาขา"]),
    ],
    common: &[
        "ธนาคาร",
        "ของฉัน",
        "ยังไม่",
        "โทรไป",
        "หลายครั้ง",
        "แล้ว",
        "ไม่มีใคร",
        "ตอบกลับ",
        "ช่วย",
        "แก้ไข",
        "ปัญหา",
        "หนึ่งเดือน",
        "กรุณา",
        "พนักงาน",
        "บอกว่า",
    ],
    space: "",
};

/// Texts of a class: of 10 words two or three are its own, and in half of the texts one is another class's.
fn rows(vocabulary: &Vocabulary, count: usize) -> Vec<Row> {
    let mut draw = support::draws(7);
    (0..count)
        .map(|number| {
            let class = number % 3;
            let words: Vec<&str> = (0..10)
                .map(|place| {
                    let of = match place {
                        2 | 7 => Some(class),
                        4 if draw(2) == 0 => Some(class),
                        9 if draw(2) == 0 => Some(draw(3)),
                        _ => None,
                    };
                    let words = of.map_or(vocabulary.common, |class| vocabulary.classes[class].1);
                    words[draw(words.len())]
                })
                .collect();
            (words.join(vocabulary.space), vocabulary.classes[class].0)
        })
        .collect()
}

/// A job with nothing but the data set's fields, and these sections.
fn job(own: Value) -> Job {
    let mut job = Job::new();
    for section in ["preprocessing", "features", "search"] {
        job.config.as_object_mut().unwrap().remove(section);
    }
    for (section, value) in own.as_object().unwrap() {
        job.config[section] = value.clone();
    }
    job
}

fn report(job: &Job, ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = job
        .path("store")
        .join(ended.message["report"]["path"].as_str().unwrap());
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn model(job: &Job, ended: &Ended) -> Predictor {
    let path = job
        .path("store")
        .join(ended.message["artifact"]["path"].as_str().unwrap());
    Predictor::new(Artifact::from_bytes(&std::fs::read(path).unwrap()).unwrap())
}

fn choice<'r>(report: &'r Value, field: &str) -> Option<&'r str> {
    let choices = report["choices"].as_array().unwrap();
    let found = choices.iter().find(|choice| choice["field"] == field)?;
    found["value"].as_str()
}

#[test]
fn portuguese_rows_make_a_portuguese_model() {
    let job = job(json!({}));
    let ended = job.run(&job.file("data.csv", csv(&rows(&PORTUGUESE, 300))));
    let report = report(&job, &ended);
    assert_eq!(choice(&report, "preprocessing.language"), Some("pt"));
    assert_eq!(choice(&report, "preprocessing.normalizer"), Some("Stem"));
    assert_eq!(
        (
            &report["preprocessing"]["language"],
            &report["preprocessing"]["expandContractions"]
        ),
        (&json!("pt"), &json!(false))
    );
    assert_eq!(report["profile"]["languages"][0]["language"], "pt");
    assert!(report["profile"]["languages"][0]["share"].as_f64().unwrap() > 0.9);
    let suspicious = report["profile"]["suspiciousRows"].as_array().unwrap();
    assert!(
        suspicious.iter().all(|found| found["reason"] != "fewCommonWords"),
        "{suspicious:?}"
    );
    assert_eq!(report["dataset"].get("warnings"), None);
    assert!(
        report["metrics"]["accuracy"].as_f64().unwrap() > 0.9,
        "{}",
        report["metrics"]
    );

    let predictor = model(&job, &ended);
    let steps = predictor.artifact().preprocessing();
    assert_eq!((steps.language, steps.normalizer), (Language::Pt, Normalizer::Stem));
    // Forms that no row has.
    for (text, label) in [
        ("As faturas e as compras", "Card"),
        ("EMPRÉSTIMOS e contratos", "Loan"),
        ("As contas e as transferências", "Account"),
    ] {
        let (mut scratch, mut other) = (Scratch::default(), Scratch::default());
        let answer = predictor.predict(text, &mut scratch);
        assert_eq!(predictor.labels()[answer.class], label, "{text}");
        let explained = predictor.explain(text, &mut other);
        let sum: f32 = explained.contributions.iter().map(|term| term.contribution).sum();
        assert!((explained.bias + sum - explained.margin).abs() < 1e-4);
    }
}

/// The language is a setting of the model like any other: what is trained with it written is the same model.
#[test]
fn auto_gives_the_model_of_the_language_it_finds() {
    let data = csv(&rows(&PORTUGUESE, 240));
    let digest = |own: Value| {
        let job = job(own);
        let ended = job.run(&job.file("data.csv", &data));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.message["artifact"]["sha256"].as_str().unwrap().to_owned()
    };
    let auto = digest(json!({}));
    assert_eq!(auto, digest(json!({ "preprocessing": { "language": "pt" } })));
    assert_ne!(auto, digest(json!({ "preprocessing": { "language": "en" } })));
}

#[test]
fn a_hashed_model_has_the_language_of_the_rows_too() {
    let job = job(json!({ "features": { "hashingBits": 16 } }));
    let ended = job.run(&job.file("data.csv", csv(&rows(&PORTUGUESE, 240))));
    let report = report(&job, &ended);
    assert_eq!(choice(&report, "preprocessing.language"), Some("pt"));
    assert_eq!(report["profile"]["languages"][0]["language"], "pt");
    assert_eq!(model(&job, &ended).artifact().preprocessing().language, Language::Pt);
    let job = self::job(json!({ "features": { "hashingBits": 16 } }));
    let ended = job.run(&job.file("data.csv", csv(&rows(&CHINESE, 240))));
    assert_eq!(
        choice(&self::report(&job, &ended), "features.charNgrams"),
        Some("[2, 4]")
    );
    assert!(model(&job, &ended).artifact().preprocessing().character_runs);
}

#[test]
fn scripts_without_spaces_are_learned_from_runs_of_characters() {
    for (vocabulary, code) in [(CHINESE, "cmn"), (JAPANESE, "jpn"), (THAI, "tha")] {
        let data = csv(&rows(&vocabulary, 300));
        let standard = job(json!({}));
        let ended = standard.run(&standard.file("data.csv", &data));
        let report = report(&standard, &ended);
        assert_eq!(choice(&report, "features.charNgrams"), Some("[2, 4]"), "{code}");
        assert_eq!(report["profile"]["languages"][0]["language"], code);
        assert!(
            report["metrics"]["accuracy"].as_f64().unwrap() > 0.95,
            "{code}: {}",
            report["metrics"]
        );
        let predictor = model(&standard, &ended);
        let terms = predictor.artifact().vocabulary();
        let long = vocabulary.classes[0].1[0].chars().take(4).collect::<String>();
        assert!(
            terms.iter().any(|term| term == long || term == format!(" {long}")),
            "{code}: {long}"
        );

        // Words of two characters or more are none here, so nothing was left to learn from.
        let reference = job(json!({ "preset": "Reference" }));
        let ended = reference.run(&reference.file("data.csv", &data));
        let report = self::report(&reference, &ended);
        assert!(
            report["metrics"]["accuracy"].as_f64().unwrap() > 0.9,
            "{code}: {}",
            report["metrics"]
        );
    }
}

#[test]
fn english_steps_in_another_language_are_refused() {
    let cases = [
        (
            json!({ "preprocessing": { "language": "pt", "normalizer": "Lemma" } }),
            ["preprocessing.normalizer", "Use Stem or None"],
        ),
        (
            json!({ "preprocessing": { "language": "pt", "expandContractions": true } }),
            ["preprocessing.expandContractions", "leave it out"],
        ),
        (
            json!({ "preprocessing": { "language": "pt" }, "search": { "pipelineGrid": { "normalizer": ["Lemma", "None"] } } }),
            ["search.pipelineGrid.normalizer", "Use Stem or None"],
        ),
        (
            json!({ "preprocessing": { "language": "zh" } }),
            ["preprocessing.language", "write Auto or one of ar, da, de"],
        ),
    ];
    for (own, parts) in cases {
        let job = job(own);
        let ended = job.run(&job.file("data.csv", csv(&rows(&PORTUGUESE, 60))));
        ended.fails(64, "InvalidConfiguration", &parts);
    }
}

#[test]
fn the_command_line_takes_a_language() {
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows(&PORTUGUESE, 240)));
    let run = |command: &str, more: &[&str]| {
        let output = trainer()
            .args([
                command,
                "--data",
                data.to_str().unwrap(),
                "--text-field",
                "narrative",
                "--label-field",
                "product",
            ])
            .args(more)
            .output()
            .unwrap();
        let (out, error) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        assert!(output.status.success(), "{error}");
        out
    };
    let found = run("profile", &[]);
    assert!(found.contains("words are treated as Portuguese"), "{found}");
    assert!(found.contains("distinct words (stems)"), "{found}");
    let forced: Value = serde_json::from_str(&run("profile", &["--language", "en", "--format", "json"])).unwrap();
    assert_eq!(
        (&forced["language"], &forced["languages"][0]["language"]),
        (&json!("en"), &json!("pt"))
    );
    let out = job.path("model");
    let quick = [
        "--algorithm",
        "linear-svm",
        "--c",
        "1",
        "--folds",
        "2",
        "--repeats",
        "1",
    ];
    let arguments = [&["--language", "es", "--out", out.to_str().unwrap()][..], &quick[..]].concat();
    let told = run("train", &arguments);
    assert!(
        told.contains("OtherLanguage") || told.contains("set --language to pt"),
        "{told}"
    );
    let model = Artifact::from_bytes(&std::fs::read(out.join("model.safetensors")).unwrap()).unwrap();
    assert_eq!(model.preprocessing().language, Language::Es);
    let refused = trainer()
        .args([
            "profile",
            "--data",
            data.to_str().unwrap(),
            "--text-field",
            "narrative",
            "--label-field",
            "product",
        ])
        .args(["--language", "no"])
        .output()
        .unwrap();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("Norwegian is nb"));
}
