//! The page for people, as a person meets it in a browser.

use complaint_harness::{Browser, Case, Chromium, tests};
use serde_json::{Value, json};

use crate::model::CARDS;
use crate::started::Started;

/// What is in focus, for people: the element's id, or else what it says.
const FOCUS: &str = "document.activeElement.id || document.activeElement.innerText.trim()";

pub fn tests() -> Vec<Case> {
    tests![
        a_person_with_a_keyboard_asks_and_sees_why,
        nothing_is_kept_before_the_box_is_ticked,
        recent_texts_stay_in_the_browser,
        the_page_works_without_javascript,
        mistakes_are_told_and_the_text_stays,
        light_and_dark_can_be_read,
        a_screen_reader_finds_names_for_everything,
        a_narrow_screen_shows_everything,
        the_documentation_page_shows_every_path_without_help_from_elsewhere,
    ]
}

async fn opened(chromium: &Chromium) -> (Browser, Started, String) {
    let mut browser = Browser::start(chromium).await;
    let server = Started::new().await;
    let url = format!("http://{}/", server.address);
    browser.open(&url).await;
    (browser, server, url)
}

async fn ask(browser: &mut Browser, text: &str) {
    browser.click("#text").await;
    browser.write(text).await;
    browser.press("Enter", 2).await;
    browser.until("!!document.querySelector('#answer .category')").await;
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

async fn a_person_with_a_keyboard_asks_and_sees_why(chromium: Chromium) {
    let (mut browser, _server, url) = opened(&chromium).await;
    browser.press("Tab", 0).await;
    assert_eq!(browser.value(FOCUS).await, "text", "the field comes first");
    browser.write(CARDS).await;
    browser.press("Tab", 0).await;
    assert_eq!(browser.value(FOCUS).await, "Classify");
    browser.press("Enter", 0).await;
    browser.until("!!document.querySelector('#answer .category')").await;
    assert_eq!(browser.value(FOCUS).await, "answer", "what is new gets the focus");
    assert_eq!(
        browser.value("document.querySelector('.category').innerText").await,
        "Cards"
    );
    assert_eq!(browser.value("document.getElementById('text').value").await, CARDS);

    let rows = browser
        .value("[...document.querySelectorAll('.bars th')].map(e => e.innerText)")
        .await;
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    assert_eq!(rows[0], "Cards");
    let widths = browser
        .value("[...document.querySelectorAll('.bars rect')].map(e => e.getBoundingClientRect().width)")
        .await;
    let widths: Vec<f64> = widths.as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
    assert!(
        widths.len() == 3 && widths[0] > 50.0 && widths.is_sorted_by(|a, b| a >= b),
        "{widths:?}"
    );

    let marked = browser
        .value("[...document.querySelectorAll('mark.for')].map(e => e.innerText)")
        .await;
    assert!(texts(&marked).contains(&"card"), "{marked}");
    let seen = browser
        .value("getComputedStyle(document.querySelector('mark.s3')).backgroundColor")
        .await;
    assert_ne!(seen, "rgba(0, 0, 0, 0)", "the strongest word is coloured");
    assert_eq!(
        browser.value("document.querySelector('.text').innerText").await,
        CARDS,
        "the text is shown whole"
    );
    assert!(
        browser
            .requests
            .iter()
            .all(|request| request.starts_with(&url) || request.starts_with("data:")),
        "nothing from elsewhere: {:?}",
        browser.requests
    );
}

async fn recent_texts_stay_in_the_browser(chromium: Chromium) {
    let (mut browser, _server, url) = opened(&chromium).await;
    let recent = "[...document.querySelectorAll('#recent-list li')].map(e => e.innerText)";
    assert_eq!(browser.value("document.getElementById('recent').hidden").await, true);
    browser.click("#keep").await;
    ask(&mut browser, CARDS).await;
    let list = browser.value(recent).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert!(
        texts(&list)[0].contains("Cards") && texts(&list)[0].contains("charged twice"),
        "{list}"
    );

    browser.open(&url).await;
    assert_eq!(browser.value(recent).await, list, "after opening the page again");
    assert_eq!(browser.value(KEEP).await, true);
    browser.click("#recent-list button").await;
    browser.until("!!document.querySelector('#answer .category')").await;
    assert_eq!(browser.value("document.getElementById('text').value").await, CARDS);
    assert_eq!(browser.value(recent).await.as_array().unwrap().len(), 1, "not twice");

    browser.click("#forget").await;
    assert_eq!(browser.value("document.getElementById('recent').hidden").await, true);
    assert_eq!(browser.value("localStorage.getItem('complaint-texts')").await, "[]");
    assert_eq!(browser.value("document.cookie").await, "");

    ask(&mut browser, CARDS).await;
    // The answer before is still on the page.
    browser
        .until("document.querySelectorAll('#recent-list li').length === 1")
        .await;
    browser.click("#keep").await;
    assert_eq!(
        browser.value(recent).await,
        json!([]),
        "without the tick nothing is left"
    );
    assert_eq!(browser.value(STORED).await, 0);
}

/// Whether the box is ticked.
const KEEP: &str = "document.getElementById('keep').checked";
/// How many things the page has stored.
const STORED: &str = "localStorage.length + sessionStorage.length";

async fn nothing_is_kept_before_the_box_is_ticked(chromium: Chromium) {
    let (mut browser, _server, url) = opened(&chromium).await;
    assert_eq!(browser.value(KEEP).await, false);
    ask(&mut browser, CARDS).await;
    assert_eq!(browser.value(STORED).await, 0);
    assert_eq!(browser.value("document.getElementById('recent').hidden").await, true);
    browser.open(&url).await;
    assert_eq!(browser.value(KEEP).await, false);
    assert_eq!(browser.value(STORED).await, 0);
}

async fn the_page_works_without_javascript(chromium: Chromium) {
    let (mut browser, _server, url) = opened(&chromium).await;
    browser
        .call("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
        .await;
    browser.open(&url).await;
    let hint = browser.value("document.getElementById('hint').innerText").await;
    assert!(
        !hint.as_str().unwrap().contains("Ctrl+Enter"),
        "the script did not run: {hint}"
    );
    browser.press("Tab", 0).await;
    browser.write(CARDS).await;
    browser.press("Tab", 0).await;
    browser.press("Enter", 0).await;
    browser.until("!!document.querySelector('#answer .category')").await;
    assert_eq!(
        browser.value("document.querySelector('.category').innerText").await,
        "Cards"
    );
    assert_eq!(browser.value("document.querySelectorAll('.bars tr').length").await, 3);
    assert_eq!(browser.value("document.getElementById('recent').hidden").await, true);
    assert_eq!(browser.value("document.getElementById('keep-row').hidden").await, true);
}

async fn mistakes_are_told_and_the_text_stays(chromium: Chromium) {
    let (mut browser, _server, _) = opened(&chromium).await;
    browser.click("#text").await;
    browser.write(" ").await;
    browser.press("Enter", 2).await;
    browser.until("!!document.querySelector('#answer [role=alert]')").await;
    let words = browser.value("document.getElementById('answer').innerText").await;
    assert!(words.as_str().unwrap().contains("blank"), "{words}");
    browser.write("x".repeat(70_000).as_str()).await;
    browser.click("#text").await;
    browser.write("x".repeat(70_000).as_str()).await;
    browser.press("Enter", 2).await;
    browser
        .until("document.getElementById('answer').innerText.includes('at most 65536')")
        .await;
    assert!(
        browser
            .value("document.getElementById('text').value.length")
            .await
            .as_u64()
            >= Some(70_000)
    );
}

async fn light_and_dark_can_be_read(chromium: Chromium) {
    let (mut browser, _server, _) = opened(&chromium).await;
    browser.click("#keep").await;
    ask(&mut browser, CARDS).await;
    let mut papers = Vec::new();
    for scheme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.call("Emulation.setEmulatedMedia", media).await;
        papers.push(browser.value("getComputedStyle(document.body).backgroundColor").await);
        for selector in [
            "h1",
            "label",
            "#text",
            "form button",
            ".hint",
            ".category",
            ".bars th",
            ".bars td:last-child",
            "mark.for.s3",
            "mark",
            "#forget",
            "#recent-list button",
            "footer",
        ] {
            let contrast = browser.contrast(selector).await;
            assert!(contrast >= 4.5, "{scheme}: {selector} has contrast {contrast}");
        }
    }
    assert_ne!(papers[0], papers[1]);
}

async fn a_screen_reader_finds_names_for_everything(chromium: Chromium) {
    let (mut browser, _server, _) = opened(&chromium).await;
    browser.click("#keep").await;
    ask(&mut browser, CARDS).await;
    let heard = browser.heard().await;
    let nodes: Vec<(&str, &str)> = heard
        .iter()
        .map(|(role, name)| (role.as_str(), name.as_str()))
        .collect();
    for expected in [
        ("textbox", "Paste a customer complaint"),
        ("button", "Classify"),
        ("button", "Forget them"),
        ("checkbox", "Keep the last eight texts in this browser"),
        ("heading", "Category"),
        ("heading", "Recent texts"),
        ("rowheader", "Cards"),
    ] {
        assert!(nodes.contains(&expected), "no {expected:?} in {nodes:?}");
    }
    for (role, name) in nodes {
        assert!(
            !(matches!(role, "button" | "checkbox" | "textbox" | "link") && name.is_empty()),
            "{role} without a name"
        );
    }
    let live = browser
        .value("document.getElementById('answer').getAttribute('aria-live')")
        .await;
    assert_eq!(live, "polite", "new answers are read out");
    assert_eq!(browser.value("document.documentElement.lang").await, "en");
}

async fn a_narrow_screen_shows_everything(chromium: Chromium) {
    let (mut browser, _server, _) = opened(&chromium).await;
    let phone = json!({ "width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": true });
    browser.call("Emulation.setDeviceMetricsOverride", phone).await;
    ask(&mut browser, CARDS).await;
    let width = browser.value("document.documentElement.scrollWidth").await;
    assert!(width.as_u64() <= Some(320), "no scrolling sideways: {width}");
}

async fn the_documentation_page_shows_every_path_without_help_from_elsewhere(chromium: Chromium) {
    let (mut browser, _server, url) = opened(&chromium).await;
    browser.requests.clear();
    browser.open(&format!("{url}docs/")).await;
    browser.until("document.querySelectorAll('.opblock').length > 15").await;
    let shown = browser.value("document.body.innerText").await;
    for path in ["/predict", "/invocations", "/v2/models/{model}/infer"] {
        assert!(shown.as_str().unwrap().replace('\u{200b}', "").contains(path), "{path}");
    }
    assert!(
        browser
            .requests
            .iter()
            .all(|request| request.starts_with(&url) || request.starts_with("data:")),
        "{:?}",
        browser.requests
    );
}
