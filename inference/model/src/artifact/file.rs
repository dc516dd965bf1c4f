//! Bytes ↔ [`Artifact`].

use std::collections::HashMap;

use complaint_contract::statistics::ReferenceProfile;
use complaint_contract::{Algorithm, Parameters};
use safetensors::tensor::{Dtype, Metadata, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::check::{Terms, check};
use super::surfaces::SurfaceForms;
use super::{Artifact, ArtifactError, HeldOutRows, Provenance};
use crate::estimate::Estimate;
use crate::level_models::LevelModels;
use crate::levels::Levels;
use crate::model::{Calibration, LinearModel};
use crate::pipeline::{Features, Preprocessing};
use crate::text::PIPELINE_VERSION;
use crate::thresholds::{ClassPoints, OperatingPoints, Point};
use crate::vectorize::Vocabulary;
use crate::word_scores::WordScores;

/// Layout version; part of [`super::FORMAT`].
const FORMAT_VERSION: u32 = 2;
/// Key of the only metadata entry. (safetensors writes several entries in random order.)
const METADATA_KEY: &str = "complaintModel";

/// The metadata entry. The order of the fields is part of the format: equal models give equal bytes.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    format_version: u32,
    pipeline_version: u32,
    labels: Vec<String>,
    word_terms: usize,
    preprocessing: Preprocessing,
    features: Features,
    algorithm: Algorithm,
    #[serde(deserialize_with = "known_parameters")]
    parameters: Parameters,
    calibration: Calibration,
    provenance: Provenance,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    estimate: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reference: Option<ReferenceProfile>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    levels: Option<LevelsHeader>,
}

/// The levels of the labels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LevelsHeader {
    names: Vec<String>,
    /// One per level but the finest, whose calibration is the model's.
    calibrations: Vec<Calibration>,
}

/// Reads parameters strictly: unlike results, a file of this format has no unknown ones.
fn known_parameters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Parameters, D::Error> {
    let given = serde_json::Map::deserialize(deserializer)?;
    let read: Parameters = serde_json::from_value(given.clone().into()).map_err(D::Error::custom)?;
    let known = serde_json::to_value(read).map_err(D::Error::custom)?;
    match given.keys().find(|name| known.get(name.as_str()).is_none()) {
        Some(name) => Err(D::Error::custom(format!("unknown parameter `{name}`"))),
        None => Ok(read),
    }
}

/// The metadata that every version has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    format_version: u32,
    pipeline_version: u32,
}

pub(super) fn write(artifact: &Artifact) -> Vec<u8> {
    let header = Header {
        format_version: FORMAT_VERSION,
        pipeline_version: PIPELINE_VERSION,
        labels: artifact.model.labels.clone(),
        word_terms: artifact.vocabulary.word_terms(),
        preprocessing: artifact.preprocessing.clone(),
        features: artifact.features.clone(),
        algorithm: artifact.algorithm,
        parameters: artifact.parameters,
        calibration: artifact.calibration.clone(),
        provenance: artifact.provenance.clone(),
        estimate: artifact.estimate.clone(),
        reference: artifact.reference.clone(),
        levels: artifact.levels.as_ref().map(|models| LevelsHeader {
            names: models.levels().names().to_vec(),
            calibrations: models.calibrations().to_vec(),
        }),
    };
    let header = serde_json::to_string(&header).expect("strings and finite numbers are valid JSON");
    let (terms, classes) = (artifact.vocabulary.len(), artifact.model.labels.len());
    let (vocabulary, offsets) = artifact.vocabulary.parts();
    let surfaces = &artifact.surfaces;
    let mut tensors = vec![
        (
            "weights",
            Dtype::F32,
            vec![terms, classes],
            f32_bytes(&artifact.model.weights),
        ),
        ("bias", Dtype::F32, vec![classes], f32_bytes(&artifact.model.bias)),
        ("idf", Dtype::F32, vec![terms], f32_bytes(&artifact.idf)),
        (
            "vocabulary.bytes",
            Dtype::U8,
            vec![vocabulary.len()],
            vocabulary.as_bytes().to_vec(),
        ),
        (
            "vocabulary.offsets",
            Dtype::U32,
            vec![offsets.len()],
            u32_bytes(offsets),
        ),
        (
            "surface.bytes",
            Dtype::U8,
            vec![surfaces.bytes.len()],
            surfaces.bytes.as_bytes().to_vec(),
        ),
        (
            "surface.offsets",
            Dtype::U32,
            vec![surfaces.offsets.len()],
            u32_bytes(&surfaces.offsets),
        ),
        (
            "surface.tokens",
            Dtype::U32,
            vec![surfaces.tokens.len()],
            u32_bytes(&surfaces.tokens),
        ),
        (
            "surface.tokenOffsets",
            Dtype::U32,
            vec![surfaces.token_offsets.len()],
            u32_bytes(&surfaces.token_offsets),
        ),
    ];
    if let Some(bias) = &artifact.trained_bias {
        tensors.push(("trained.bias", Dtype::F32, vec![classes], f32_bytes(bias)));
    }
    if let Some(models) = &artifact.levels {
        let model = models.model();
        tensors.extend([
            (
                "levels.weights",
                Dtype::F32,
                vec![terms, model.classes()],
                f32_bytes(&model.weights),
            ),
            ("levels.bias", Dtype::F32, vec![model.classes()], f32_bytes(&model.bias)),
        ]);
    }
    if let Some(table) = &artifact.word_scores {
        let (words, (bytes, offsets)) = (table.len(), table.word_bytes());
        tensors.extend([
            ("wordScores.bytes", Dtype::U8, vec![bytes.len()], bytes.into_bytes()),
            (
                "wordScores.offsets",
                Dtype::U32,
                vec![offsets.len()],
                u32_bytes(&offsets),
            ),
            ("wordScores.weights", Dtype::F32, vec![words], f32_bytes(&table.weights)),
            ("wordScores.steps", Dtype::F32, vec![words], f32_bytes(&table.steps)),
            (
                "wordScores.scores",
                Dtype::I16,
                vec![words, classes],
                i16_bytes(&table.scores),
            ),
        ]);
    }
    if let Some(points) = &artifact.thresholds {
        let (classes, probabilities, counts) = point_bytes(points);
        let number = probabilities.len() / 4;
        tensors.extend([
            ("thresholds.classes", Dtype::U32, vec![points.classes.len(), 2], classes),
            ("thresholds.probabilities", Dtype::F32, vec![number], probabilities),
            ("thresholds.counts", Dtype::U32, vec![number, 2], counts),
        ]);
    }
    if let Some(held_out) = &artifact.held_out {
        let rows = held_out.len();
        let (steps, unknown) = (f32_bytes(&held_out.steps), f32_bytes(&held_out.unknown_words));
        tensors.extend([
            (
                "reference.scores",
                Dtype::I16,
                vec![rows, classes],
                i16_bytes(&held_out.scores),
            ),
            ("reference.steps", Dtype::F32, vec![rows], steps),
            ("reference.labels", Dtype::U32, vec![rows], u32_bytes(&held_out.labels)),
            ("reference.unknownWords", Dtype::F32, vec![rows], unknown),
        ]);
    }
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes).expect("the shape was taken from the data");
        (*name, view)
    });
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    serialize(views, Some(metadata)).expect("labels and calibration are bounded, so the header is small enough")
}

/// Rows and number of points a class; probability of each point; answers and right ones of each point.
fn point_bytes(points: &OperatingPoints) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let classes = points
        .classes
        .iter()
        .flat_map(|class| [class.rows, class.points.len() as u32]);
    let all = || points.classes.iter().flat_map(|class| &class.points);
    let probabilities: Vec<f32> = all().map(|point| point.probability).collect();
    let counts: Vec<u32> = all().flat_map(|point| [point.answers, point.right]).collect();
    (
        u32_bytes(&classes.collect::<Vec<_>>()),
        f32_bytes(&probabilities),
        u32_bytes(&counts),
    )
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn i16_bytes(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn u32_bytes(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(super) fn read(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| corrupt(error.to_string()))?;
    let header = read_header(&metadata)?;
    let tensors = Tensors(SafeTensors::deserialize(bytes).map_err(|error| corrupt(error.to_string()))?);
    let classes = header.labels.len();

    let bias = tensors.f32s("bias", &[Some(classes)])?;
    let idf = tensors.f32s("idf", &[None])?;
    let weights = tensors.f32s("weights", &[Some(idf.len()), Some(classes)])?;
    let vocabulary = Vocabulary::from_parts(
        tensors.text("vocabulary.bytes")?,
        tensors.u32s("vocabulary.offsets")?,
        header.word_terms,
    )
    .ok_or_else(|| corrupt("the vocabulary's offsets or order are wrong"))?;
    let surfaces = SurfaceForms {
        bytes: tensors.text("surface.bytes")?,
        offsets: tensors.u32s("surface.offsets")?,
        tokens: tensors.u32s("surface.tokens")?,
        token_offsets: tensors.u32s("surface.tokenOffsets")?,
    };
    let trained_bias = tensors
        .has("trained.bias")
        .then(|| tensors.f32s("trained.bias", &[Some(classes)]))
        .transpose()?;
    let levels = header
        .levels
        .map(|levels| tensors.levels(levels, &header.labels, idf.len()))
        .transpose()?;
    let word_scores = tensors
        .has("wordScores.bytes")
        .then(|| tensors.word_scores(classes))
        .transpose()?;
    let held_out = tensors
        .has("reference.scores")
        .then(|| tensors.held_out(classes))
        .transpose()?;
    let thresholds = tensors
        .has("thresholds.classes")
        .then(|| tensors.points())
        .transpose()?;
    let expected = 9
        + usize::from(trained_bias.is_some())
        + 2 * usize::from(levels.is_some())
        + 5 * usize::from(word_scores.is_some())
        + 3 * usize::from(thresholds.is_some())
        + 4 * usize::from(held_out.is_some());
    if tensors.0.len() != expected {
        return Err(corrupt(format!(
            "it has {} tensors instead of {expected}",
            tensors.0.len()
        )));
    }
    let artifact = Artifact {
        preprocessing: header.preprocessing,
        features: header.features,
        vocabulary,
        idf,
        model: LinearModel {
            labels: header.labels,
            weights,
            bias,
        },
        calibration: header.calibration,
        algorithm: header.algorithm,
        parameters: header.parameters,
        provenance: header.provenance,
        surfaces,
        word_scores,
        estimate: header.estimate,
        thresholds,
        reference: header.reference,
        held_out,
        levels,
        trained_bias,
    };
    check(&artifact, Terms::New).map_err(ArtifactError::Corrupt)?;
    Ok(artifact)
}

fn corrupt(reason: impl Into<String>) -> ArtifactError {
    ArtifactError::Corrupt(reason.into())
}

fn read_header(metadata: &Metadata) -> Result<Header, ArtifactError> {
    let json = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(METADATA_KEY))
        .ok_or_else(|| {
            corrupt(format!(
                "its header has no entry {METADATA_KEY}: another program made it"
            ))
        })?;
    let versions: Versions = serde_json::from_str(json).map_err(|error| corrupt(format!("its header: {error}")))?;
    for (what, found, supported) in [
        ("format", versions.format_version, FORMAT_VERSION),
        ("text pipeline", versions.pipeline_version, PIPELINE_VERSION),
    ] {
        if found != supported {
            return Err(ArtifactError::UnsupportedFormat { what, found, supported });
        }
    }
    serde_json::from_str(json).map_err(|error| corrupt(format!("its header: {error}")))
}

/// The file's tensors, by name and expected shape.
struct Tensors<'data>(SafeTensors<'data>);

impl<'data> Tensors<'data> {
    /// The bytes of a tensor of this type and shape (`None`: any size).
    fn bytes(&self, name: &str, dtype: Dtype, shape: &[Option<usize>]) -> Result<&'data [u8], ArtifactError> {
        let tensor = self.0.tensor(name).map_err(|error| corrupt(error.to_string()))?;
        let fits = tensor.shape().len() == shape.len()
            && tensor
                .shape()
                .iter()
                .zip(shape)
                .all(|(size, expected)| expected.is_none_or(|e| e == *size));
        if tensor.dtype() != dtype || !fits {
            return Err(corrupt(format!(
                "tensor `{name}` has type {} and shape {:?}",
                tensor.dtype(),
                tensor.shape()
            )));
        }
        Ok(tensor.data())
    }

    fn f32s(&self, name: &str, shape: &[Option<usize>]) -> Result<Vec<f32>, ArtifactError> {
        let bytes = self.bytes(name, Dtype::F32, shape)?;
        Ok(bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    fn i16s(&self, name: &str, shape: &[Option<usize>]) -> Result<Vec<i16>, ArtifactError> {
        let bytes = self.bytes(name, Dtype::I16, shape)?;
        Ok(bytes
            .chunks_exact(2)
            .map(|b| i16::from_le_bytes([b[0], b[1]]))
            .collect())
    }

    fn word_scores(&self, classes: usize) -> Result<WordScores, ArtifactError> {
        let weights = self.f32s("wordScores.weights", &[None])?;
        let words = Some(weights.len());
        WordScores::from_parts(
            &self.text("wordScores.bytes")?,
            &self.u32s("wordScores.offsets")?,
            weights,
            self.f32s("wordScores.steps", &[words])?,
            self.i16s("wordScores.scores", &[words, Some(classes)])?,
        )
        .map_err(corrupt)
    }

    fn levels(&self, header: LevelsHeader, labels: &[String], terms: usize) -> Result<LevelModels, ArtifactError> {
        let levels = Levels::new(&header.names, labels).map_err(corrupt)?;
        let categories = levels.coarser_categories();
        Ok(LevelModels::from_parts(
            levels,
            self.f32s("levels.weights", &[Some(terms), Some(categories)])?,
            self.f32s("levels.bias", &[Some(categories)])?,
            header.calibrations,
        ))
    }

    fn held_out(&self, classes: usize) -> Result<HeldOutRows, ArtifactError> {
        let labels = self.u32s("reference.labels")?;
        let rows = [Some(labels.len())];
        Ok(HeldOutRows {
            scores: self.i16s("reference.scores", &[rows[0], Some(classes)])?,
            steps: self.f32s("reference.steps", &rows)?,
            unknown_words: self.f32s("reference.unknownWords", &rows)?,
            labels,
        })
    }

    fn points(&self) -> Result<OperatingPoints, ArtifactError> {
        let numbers = self.pairs("thresholds.classes", None)?;
        let probabilities = self.f32s("thresholds.probabilities", &[None])?;
        let counts = self.pairs("thresholds.counts", Some(probabilities.len()))?;
        let mut points = probabilities
            .into_iter()
            .zip(counts)
            .map(|(probability, [answers, right])| Point {
                probability,
                answers,
                right,
            });
        let class = |[rows, number]: [u32; 2]| ClassPoints {
            rows,
            points: points.by_ref().take(number as usize).collect(),
        };
        let classes = numbers.into_iter().map(class).collect();
        match points.next() {
            None => Ok(OperatingPoints { classes }),
            Some(_) => Err(corrupt("its operating points are more than its classes have")),
        }
    }

    fn u32s(&self, name: &str) -> Result<Vec<u32>, ArtifactError> {
        let bytes = self.bytes(name, Dtype::U32, &[None])?;
        Ok(bytes
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect())
    }

    fn pairs(&self, name: &str, rows: Option<usize>) -> Result<Vec<[u32; 2]>, ArtifactError> {
        let bytes = self.bytes(name, Dtype::U32, &[rows, Some(2)])?;
        let number = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        Ok(bytes
            .chunks_exact(8)
            .map(|b| [number(&b[..4]), number(&b[4..])])
            .collect())
    }

    fn text(&self, name: &str) -> Result<String, ArtifactError> {
        let bytes = self.bytes(name, Dtype::U8, &[None])?;
        String::from_utf8(bytes.to_vec()).map_err(|_| corrupt(format!("tensor `{name}` is not UTF-8")))
    }
}
