//! `predict`: texts in, one a line; answers out, one JSON object a line.

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

use complaint_model::predict::Scratch;
use complaint_model::report::round4;
use complaint_model::{Artifact, Predictor};
use serde::Serialize;

use crate::cli::PredictArgs;
use crate::compare::ChampionError;
use crate::error::TrainError;

#[derive(Serialize)]
struct Answer<'a> {
    category: &'a str,
    probability: f64,
}

/// Reads a model that a user names.
pub(super) fn open_model(path: &Path) -> Result<Predictor, TrainError> {
    let bytes = std::fs::read(path).map_err(|source| ChampionError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let artifact = Artifact::from_bytes(&bytes).map_err(|source| ChampionError::Unusable {
        path: path.to_owned(),
        source,
    })?;
    Ok(Predictor::new(artifact))
}

/// Answers every line of standard input.
pub(crate) fn execute(arguments: &PredictArgs) -> ExitCode {
    let predictor = match super::guarded(|| open_model(&arguments.model)) {
        Ok(predictor) => predictor,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            return ExitCode::from(65);
        }
    };
    match answer_all(&predictor) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "error: {error}; give UTF-8 text, one complaint a line"
            );
            ExitCode::from(65)
        }
    }
}

fn answer_all(predictor: &Predictor) -> std::io::Result<()> {
    let mut scratch = Scratch::default();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = predictor.predict(&line, &mut scratch);
        let answer = Answer {
            category: &predictor.labels()[answer.class],
            probability: round4(f64::from(answer.probability)),
        };
        serde_json::to_writer(&mut out, &answer)?;
        writeln!(out)?;
    }
    out.flush()
}
