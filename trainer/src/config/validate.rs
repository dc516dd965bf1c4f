//! Checks of a configuration's values. Each refusal names the field, what is wrong and what to write instead.

use complaint_contract::{Algorithm, Candidate, Parameter, Strategy, limits};

use super::pipelines::first_step_before_counting;
use super::{ConfigError, RunConfig};

fn invalid(field: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        field: field.into(),
        problem: problem.into(),
        fix: fix.into(),
    }
}

fn require(holds: bool, field: &str, problem: impl FnOnce() -> String, fix: &str) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        Err(invalid(field, problem(), fix))
    }
}

impl RunConfig {
    /// Checks every value, for configurations that were not parsed.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        self.validate_names()?;
        self.validate_dataset()?;
        self.validate_evaluation()?;
        self.validate_features()?;
        self.validate_search()
    }

    /// The names become directories of the store, so they must be plain DNS labels and subdomains.
    fn validate_names(&self) -> Result<(), ConfigError> {
        for (field, value) in [
            ("name", &self.name),
            ("namespace", &self.namespace),
            ("classifier", &self.classifier),
        ] {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
            let edges = value.bytes().next().zip(value.bytes().last());
            let holds = (1..=253).contains(&value.len())
                && value.bytes().all(plain)
                && edges.is_some_and(|(first, last)| first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
                && !value.contains("..");
            require(
                holds,
                field,
                || format!("is `{value}`, which is no Kubernetes name"),
                "Use lower-case letters, digits and `-`, beginning and ending with a letter or digit",
            )?;
        }
        if let Some(champion) = &self.champion {
            require(
                !champion.name.is_empty(),
                "champion.name",
                || "is empty".into(),
                "Name the champion's ModelVersion",
            )?;
        }
        Ok(())
    }

    fn validate_dataset(&self) -> Result<(), ConfigError> {
        let dataset = &self.dataset;
        require(
            !dataset.text_field.trim().is_empty(),
            "dataset.textField",
            || "is empty".into(),
            "Name the column with the text",
        )?;
        require(
            !dataset.label_fields.is_empty() && dataset.label_fields.iter().all(|field| !field.trim().is_empty()),
            "dataset.labelFields",
            || "is empty or holds an empty name".into(),
            "Name one or more columns with the label",
        )?;
        require(
            !dataset.label_fields.contains(&dataset.text_field),
            "dataset.labelFields",
            || {
                format!(
                    "contains dataset.textField `{}`, so the text would be its own label",
                    dataset.text_field
                )
            },
            "Name another column for the label",
        )?;
        require(
            dataset.min_samples_per_class >= 1,
            "dataset.minSamplesPerClass",
            || "is 0".into(),
            "Set it to 1 or more; 20 is a good start",
        )?;
        require(
            dataset.label_map.values().all(|label| !label.trim().is_empty()),
            "dataset.labelMap",
            || "maps a label to an empty one".into(),
            "Give each old label a new name",
        )
    }

    fn validate_evaluation(&self) -> Result<(), ConfigError> {
        let fraction = self.evaluation.test_fraction;
        require(
            fraction > 0.0 && fraction < 0.9,
            "evaluation.testFraction",
            || format!("is {fraction}"),
            "Set it to more than 0 and less than 0.9; 0.2 is a good start",
        )
    }

    /// The ranges of text and vectoriser steps belong to the crate that runs them.
    fn validate_features(&self) -> Result<(), ConfigError> {
        self.preprocessing
            .validate()
            .and_then(|()| self.features.validate())
            .map_err(ConfigError::from)
    }

    fn validate_search(&self) -> Result<(), ConfigError> {
        let search = &self.search;
        require(
            limits::FOLDS.contains(&search.folds),
            "search.folds",
            || format!("is {}", search.folds),
            "Set it between 2 and 20; 5 is a good start",
        )?;
        require(
            limits::TRIALS.contains(&search.max_trial_count),
            "search.maxTrialCount",
            || format!("is {}", search.max_trial_count),
            "Set it between 1 and 10,000",
        )?;
        require(
            !search.candidates.is_empty(),
            "search.candidates",
            || "is empty".into(),
            "Name at least one algorithm",
        )?;
        search
            .candidates
            .iter()
            .enumerate()
            .try_for_each(|(index, candidate)| validate_candidate(index, candidate))?;
        self.validate_pipelines()?;
        if let Some(ensemble) = search.ensemble {
            require(
                limits::ENSEMBLE_MEMBERS.contains(&ensemble.max_members),
                "search.ensemble.maxMembers",
                || format!("is {}", ensemble.max_members),
                "Set it between 1, which averages nothing, and 10",
            )?;
        }
        let (points, most) = (self.grid_points(), search.max_trial_count);
        require(
            search.strategy == Strategy::Random || points <= most,
            "search.maxTrialCount",
            || format!("allows {most} trials, and the grid has {points}"),
            "Raise it, take values out of the grids, or set search.strategy to Random, which draws that many",
        )
    }

    /// Every pipeline of the search has steps within their ranges, and with hashing all count the same buckets: these are
    /// counted once, while the texts pass by.
    fn validate_pipelines(&self) -> Result<(), ConfigError> {
        if self.features.hashing_bits.is_some()
            && let Some(step) = first_step_before_counting(&self.search.pipeline_grid)
        {
            return Err(invalid(
                format!("search.pipelineGrid.{step}"),
                "varies what is counted, and with features.hashingBits texts are counted once",
                "Set the one value in preprocessing or features, or leave features.hashingBits out; sublinearTf can be varied",
            ));
        }
        let pipelines = self.pipelines();
        require(
            pipelines.len() <= limits::PIPELINES,
            "search.pipelineGrid",
            || format!("makes {} text pipelines", pipelines.len()),
            "Take values out: up to 64 are possible",
        )?;
        pipelines.iter().try_for_each(|pipeline| {
            pipeline
                .preprocessing
                .validate()
                .and_then(|()| pipeline.features.validate())
                .map_err(ConfigError::from)
        })
    }
}

fn validate_candidate(index: usize, candidate: &Candidate) -> Result<(), ConfigError> {
    let grid = &candidate.grid;
    let field = |parameter: &str| format!("search.candidates[{index}].grid.{parameter}");
    if candidate.algorithm == Algorithm::Ensemble {
        return Err(invalid(
            format!("search.candidates[{index}].algorithm"),
            "is Ensemble, which is made of other algorithms",
            "Name those, and set search.ensemble to average the best of them",
        ));
    }
    let own = candidate.algorithm.parameters();
    let given = [
        (Parameter::C, "C", grid.c.is_empty()),
        (Parameter::Alpha, "alpha", grid.alpha.is_empty()),
        (Parameter::ClassWeight, "classWeight", grid.class_weight.is_empty()),
        (Parameter::Loss, "loss", grid.loss.is_empty()),
    ];
    if let Some((_, name, _)) = given
        .iter()
        .find(|(parameter, _, absent)| !absent && !own.contains(parameter))
    {
        return Err(invalid(
            field(name),
            format!("is no parameter of {}", candidate.algorithm),
            "Remove it",
        ));
    }
    for (parameter, values) in [("C", &grid.c), ("alpha", &grid.alpha)] {
        if let Some(value) = values.iter().find(|value| !limits::PENALTY.contains(value)) {
            return Err(invalid(
                field(parameter),
                format!("contains {value}"),
                "Use values between 0.000001 and 1,000,000",
            ));
        }
    }
    Ok(())
}
