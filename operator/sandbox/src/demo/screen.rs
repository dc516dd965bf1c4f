//! The output: one line per step and a progress bar; plain lines without a terminal.

use std::{io::IsTerminal, sync::Mutex, time::Duration};

use complaint_api::{ComplaintClassifierStatus, TrainingRunStatus};
use indicatif::{ProgressBar, ProgressStyle};
use kube::ResourceExt;

use super::{
    objects::Job,
    prediction::{Answer, shortened},
    question::Question,
};
use crate::cluster::Cluster;

/// The terminal or a log file.
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
    /// Without a terminal: the last stage, so that each stage is printed once.
    last: Mutex<String>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(100);
            if let Ok(style) =
                ProgressStyle::with_template("{spinner:.cyan} {prefix:<11} {bar:30.cyan/blue} {pos:>3} %  {wide_msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            bar,
            last: Mutex::default(),
        }
    }

    /// A finished step.
    pub(crate) fn line(&self, step: &str, text: &str) {
        let mark = if step.is_empty() { ' ' } else { '✔' };
        self.print(&format!("{mark} {step:<11} {text}"));
    }

    fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{line}")),
            None => println!("{line}"),
        }
    }

    /// Shows progress.
    pub(crate) fn progress(&self, stage: &str, percent: u8, message: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(stage.to_lowercase());
                bar.set_position(percent.into());
                bar.set_message(message.to_owned());
            }
            None => {
                let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if *last != stage {
                    println!("… {:<11} {message}", stage.to_lowercase());
                    stage.clone_into(&mut last);
                }
            }
        }
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(String::new());
            bar.reset();
            bar.suspend(|| {});
        }
    }

    /// Shows the result of the training.
    pub(crate) fn trained(&self, status: &TrainingRunStatus) {
        let mut parts = Vec::new();
        if let Some(best) = &status.current_optimal_trial {
            let c = best.parameters.c.map_or(String::new(), |c| format!(" C={c}"));
            parts.push(format!("{}{c}", best.algorithm.name()));
        }
        if let Some(metrics) = &status.metrics {
            let named = [
                ("macro-F1", metrics.macro_f1),
                ("accuracy", metrics.accuracy),
                ("log-loss", metrics.log_loss),
            ];
            parts.extend(
                named
                    .into_iter()
                    .filter_map(|(name, value)| Some(format!("{name} {:.4}", value?))),
            );
        }
        if let Some(data) = &status.dataset {
            parts.push(format!("{} rows, {} categories", data.rows, data.classes));
        }
        if let Some(trials) = &status.trials {
            parts.push(format!("{} trials", trials.total));
        }
        self.line("trained", &parts.join(" · "));
    }

    /// Shows the champion and the reason of its promotion.
    pub(crate) fn promoted(&self, status: &ComplaintClassifierStatus) {
        let name = status.champion.as_ref().map_or("", |champion| champion.name.as_str());
        let reason = status
            .promotions
            .first()
            .map_or(String::new(), |record| format!(" ({:?})", record.reason));
        self.line("promoted", &format!("ModelVersion {name} is champion{reason}"));
    }

    /// Shows one correct answer.
    pub(crate) fn prediction(&self, question: &Question, answer: &Answer) {
        self.line("prediction", &format!("“{}”", shortened(question, 90)));
        let digest = answer.model_digest.get(..19).unwrap_or(&answer.model_digest);
        self.line(
            "",
            &format!(
                "→ {} (probability {:.2}, model {digest}…)",
                answer.category, answer.probability
            ),
        );
    }

    /// Shows commands to try.
    pub(crate) fn keep(&self, cluster: &Cluster, job: &Job, address: &str) {
        self.clear();
        let (name, run) = (job.name(), job.run.name_any());
        println!(
            "\nIt goes on running; Ctrl-C ends it. Try:\n\n\
             \x20 export KUBECONFIG={}\n\
             \x20 kubectl get complaints\n\
             \x20 kubectl describe cc {name}\n\
             \x20 kubectl logs job/{run}-train\n\
             \x20 curl -s {address}/predict -H 'content-type: application/json' -d '{{\"text\": \"they charged me a late fee twice\"}}'\n\
             \x20 kubectl apply -f examples/retrain.yaml && kubectl get tr,mv -w",
            cluster.kubeconfig().display()
        );
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
