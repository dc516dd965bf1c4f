//! The dossier as a page.

use complaint_contract::Documentation;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{ClusterFacts, Dossier, ProductionFacts, PromotionFacts};
use crate::page::{STYLE, Section, counted, headline, percent, sections, show, thousands};
use crate::review::MeasuredShare;

/// For paper: every section opens, and none is torn apart.
const PRINT: &str = "
header p { max-width: none; }
.facts th { color: var(--muted); width: 14rem; vertical-align: top; } .facts td { text-align: left; white-space: pre-line; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .7rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --muted: #444; --line: #ccc; --accent: #1f5fbf; }
  nav { display: none; } body { font-size: 10.5pt; } section { break-inside: auto; } tr, figure, .tile { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } details::details-content { content-visibility: visible; block-size: auto; }
}
";

pub(super) fn page(dossier: &Dossier) -> String {
    let report = &dossier.report;
    let mut all = vec![
        Section {
            id: "purpose",
            title: "Purpose and responsibility",
            body: Some(purpose(&dossier.documentation)),
        },
        Section {
            id: "evaluation",
            title: "Evaluation",
            body: Some(headline::body(report)),
        },
    ];
    all.extend(sections(report));
    let cluster = dossier.cluster.as_ref();
    all.extend([
        Section {
            id: "approval",
            title: "Promotions and approval",
            body: cluster.map(promotions),
        },
        Section {
            id: "production",
            title: "Production",
            body: cluster.and_then(|cluster| cluster.production.as_ref()).map(production),
        },
        Section {
            id: "materials",
            title: "Software and data",
            body: Some(materials(dossier)),
        },
        Section {
            id: "reproduction",
            title: "Reproduction",
            body: Some(reproduction(dossier)),
        },
    ]);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (dossier.version.name) " – model dossier" }
                style { (PreEscaped(STYLE)) (PreEscaped(PRINT)) }
            }
            body {
                header {
                    h1 { "Model dossier: " (dossier.version.name) }
                    p {
                        "Version of the classifier " b { (dossier.version.classifier) } " in the namespace " (dossier.version.namespace)
                        " · written " (dossier.created)
                    }
                    p { "Artifact " code { "sha256:" (dossier.version.sha256) } }
                }
                (show(None, &all))
                (headline::footer(report))
            }
        }
    }
    .into_string()
}

fn facts(lines: &[(&str, Option<Markup>)]) -> Markup {
    html! {
        table.facts {
            tbody {
                @for (name, value) in lines {
                    tr {
                        th scope="row" { (name) }
                        td { @match value { Some(value) => (value), None => span.note { "not stated" } } }
                    }
                }
            }
        }
    }
}

fn purpose(documentation: &Documentation) -> Markup {
    let text = |text: &Option<String>| text.as_ref().map(|text| html! { (text) });
    html! {
        (facts(&[
            ("Purpose", text(&documentation.purpose)),
            ("Owner", text(&documentation.owner)),
            ("Contact", text(&documentation.contact)),
            ("Limitations", text(&documentation.limitations)),
        ]))
        p.note { "As written in spec.documentation of the classifier." }
    }
}

fn promotions(cluster: &ClusterFacts) -> Markup {
    let text = |text: &Option<String>| text.as_ref().map(|text| html! { (text) });
    let approval = cluster.approval.as_ref().map(|approval| {
        html! { (approval.by) @if let Some(time) = &approval.time { ", " (time) } }
    });
    html! {
        (facts(&[
            ("Recorded", text(&cluster.recorded)),
            ("Stage", text(&cluster.stage)),
            ("Approved by", approval),
        ]))
        @if let Some(rejected) = &cluster.rejected { p.verdict.worse { "Rejected: " (rejected) } }
        @if cluster.promotions.is_empty() {
            p { "The classifier's record has no promotion of this version." }
        } @else {
            div.scroll {
                table {
                    caption { "When it became champion, newest first" }
                    thead {
                        tr {
                            th.left scope="col" { "time" }
                            th.left scope="col" { "reason" }
                            th.left scope="col" { "replaced" }
                            th scope="col" { "difference" }
                        }
                    }
                    tbody { @for promotion in &cluster.promotions { (promoted(promotion)) } }
                }
            }
        }
        p.note {
            "The approval is the annotation complaints.dev/approved-by. With the chart's admission policy nobody can write another user's name \
            into it; without the policy it is a claim."
        }
    }
}

fn promoted(promotion: &PromotionFacts) -> Markup {
    html! {
        tr {
            th.left scope="row" { (promotion.time) }
            td.left { (promotion.reason) }
            td.left { (promotion.replaced.as_deref().unwrap_or("")) }
            td {
                @if let Some(comparison) = promotion.comparison {
                    @let [low, high] = comparison.confidence_interval;
                    (format!("{} {:+.4} ({low:+.4} to {high:+.4})", comparison.metric, comparison.difference))
                }
            }
        }
    }
}

fn production(production: &ProductionFacts) -> Markup {
    let share = |share: &Option<MeasuredShare>| {
        share.as_ref().map(|share| {
            let [low, high] = share.confidence_interval;
            html! { (percent(share.value)) " (" (percent(low)) " to " (percent(high)) ")" }
        })
    };
    html! {
        (facts(&[
            ("Estimated accuracy", share(&production.estimated_accuracy)),
            ("Measured accuracy", share(&production.measured_accuracy)),
            ("Drift", production.drift.as_ref().map(|drift| html! { (drift) })),
        ]))
        @if !production.windows.is_empty() {
            div.scroll {
                table {
                    caption { "The last windows of " (production.window) ", newest first" }
                    thead {
                        tr {
                            th.left scope="col" { "end" }
                            th scope="col" { "answers" }
                            th.left scope="col" { "verdict" }
                        }
                    }
                    tbody {
                        @for window in &production.windows {
                            tr {
                                th.left scope="row" { (window.end) }
                                td { (thousands(window.answers as usize)) }
                                td.left {
                                    @if !window.judged { "too few answers" }
                                    @else if window.reasons.is_empty() { "as in training" }
                                    @else { (window.reasons.join(", ")) }
                                }
                            }
                        }
                    }
                }
            }
        }
        p.note { "Accuracy is estimated without labels, and blind to a change of what complaints of a category look like." }
    }
}

fn materials(dossier: &Dossier) -> Markup {
    let components = dossier.bill_of_materials["components"].as_array();
    let of_type = |kind: &str| {
        let components = components.into_iter().flatten();
        components
            .filter(|component| component["type"] == kind)
            .collect::<Vec<_>>()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    html! {
        table.facts {
            tbody {
                @for data in of_type("data") { tr { th scope="row" { (text(&data["name"])) } td { code { "sha256:" (text(&data["version"])) } } } }
                @for program in of_type("application") { tr { th scope="row" { "trained by" } td { (text(&program["name"])) " " (text(&program["version"])) } } }
            }
        }
        @let packages = of_type("library");
        @if !packages.is_empty() {
            details {
                summary { (counted(packages.len(), "package", "packages")) " that the trainer's source is locked to" }
                p { @for (place, package) in packages.iter().enumerate() { @if place > 0 { ", " } (text(&package["name"])) " " (text(&package["version"])) } }
            }
        }
        p.note { "The dossier's JSON has the same as a CycloneDX document (billOfMaterials), with digests and a model card." }
    }
}

fn reproduction(dossier: &Dossier) -> Markup {
    html! {
        @match dossier.command() {
            Some(command) => {
                p {
                    "The same bytes of data and the same configuration give the same bytes of the model, on the same architecture and with the same \
                    release, whatever the number of threads. This command trains again and compares:"
                }
                pre { code { (command) } }
            }
            None => p { "The report does not have its configuration: it comes from an earlier release." },
        }
        @if let Some(run) = &dossier.report.run {
            details {
                summary { "Configuration" }
                pre { code { (run.to_json()) } }
            }
        }
    }
}
