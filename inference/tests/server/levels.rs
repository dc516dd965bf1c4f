//! Answers of a model whose categories have levels.

use serde_json::{Value, json};

use crate::client::{post, post_as};
use crate::model::{CARDS, LOANS};
use crate::started::Started;

/// Its product is clear, and its issue less so.
const VAGUE: &str = "the bank refuses to refinance a transfer of my mortgage loan by wire";

async fn answer(server: &Started, path: &str, text: &str) -> Value {
    let response = post(server.address, path, &json!({ "text": text })).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

#[tokio::test]
async fn an_answer_names_each_level_with_the_sum_of_what_is_below() {
    let server = Started::leveled(&[]).await;
    let found = answer(&server, "/predict", LOANS).await;
    assert_eq!(found["category"], "Money > Loans");
    let levels = found["levels"].as_array().unwrap();
    let named: Vec<(&str, &str)> = levels
        .iter()
        .map(|level| (level["level"].as_str().unwrap(), level["category"].as_str().unwrap()))
        .collect();
    assert_eq!(named, [("product", "Money"), ("issue", "Money > Loans")]);
    let share = |value: &Value| value.as_f64().unwrap();
    let below = share(&found["probabilities"]["Money > Loans"]) + share(&found["probabilities"]["Money > Transfers"]);
    assert!((share(&levels[0]["probability"]) - below).abs() < 1e-6, "{found}");
    assert_eq!(levels[1]["probability"], found["probability"]);
    assert!(levels.iter().all(|level| level["needsReview"] == false), "{found}");
    let single = answer(&server, "/predict", CARDS).await;
    assert_eq!(
        (&single["category"], &single["levels"][0]["category"]),
        (&json!("Cards"), &json!("Cards"))
    );
    // A model without levels answers as ever.
    assert_eq!(
        answer(&Started::new().await, "/predict", LOANS).await.get("levels"),
        None
    );
}

#[tokio::test]
async fn a_product_may_be_sure_where_the_issue_is_not() {
    let server = Started::leveled(&["--abstain-below=0.95"]).await;
    let found = answer(&server, "/predict", VAGUE).await;
    let levels = &found["levels"];
    assert_eq!(
        (&levels[0]["needsReview"], &levels[1]["needsReview"]),
        (&json!(false), &json!(true)),
        "{found}"
    );
    assert_eq!(found["needsReview"], true);
    let body = format!("text={}", VAGUE.replace(' ', "+"));
    let page = post_as(server.address, "/", "application/x-www-form-urlencoded", body).await;
    let page = page.text();
    assert!(
        page.contains("The model is sure of the product, but not of the issue"),
        "{page}"
    );
    assert!(page.contains("<th scope=\"row\">product</th><td>Money</td>"), "{page}");

    // Where the product is not sure, nothing below it is.
    let strict = Started::leveled(&["--abstain-below=0.01", "--min-precision=Money=0.99"]).await;
    let found = answer(&strict, "/predict", LOANS).await;
    assert!(
        found["levels"]
            .as_array()
            .unwrap()
            .iter()
            .all(|level| level["needsReview"] == true),
        "{found}"
    );
    let other = answer(&strict, "/predict", CARDS).await;
    assert_eq!(other["needsReview"], false);
    let reached = Started::leveled(&["--min-precision=Money=0.4"]).await;
    assert_eq!(answer(&reached, "/predict", LOANS).await["needsReview"], false);
}

#[tokio::test]
async fn an_explanation_is_that_of_the_level_where_the_paths_part() {
    let server = Started::leveled(&[]).await;
    for (text, level, runner_up) in [(CARDS, "product", "Money"), (VAGUE, "issue", "Money > Transfers")] {
        let found = answer(&server, "/explain", text).await;
        assert_eq!(found["explainedLevel"], level, "{found}");
        assert!(found["runnerUp"].as_str().unwrap().starts_with(runner_up), "{found}");
        let terms = found["terms"].as_array().unwrap().iter();
        let sum: f64 = terms.map(|term| term["contribution"].as_f64().unwrap()).sum();
        let (bias, margin) = (found["bias"].as_f64().unwrap(), found["margin"].as_f64().unwrap());
        assert!((bias + sum - margin).abs() < 1e-4 && margin > 0.0, "{found}");
    }
}
