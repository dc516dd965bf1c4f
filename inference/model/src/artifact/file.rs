//! Bytes ↔ [`Artifact`].

use std::collections::{HashMap, HashSet};

use complaint_contract::{Algorithm, Parameters, limits};
use safetensors::tensor::{Dtype, Metadata, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::surfaces::SurfaceForms;
use super::{Artifact, ArtifactError, Provenance};
use crate::model::{Calibration, LinearModel};
use crate::pipeline::{Features, Preprocessing};
use crate::text::PIPELINE_VERSION;
use crate::vectorize::{NgramLookup, TermLookup, Vocabulary, first_other_than_bucket};

/// Layout version; part of [`super::FORMAT`].
const FORMAT_VERSION: u32 = 2;
/// Key of the only metadata entry. (safetensors writes several entries in random order.)
const METADATA_KEY: &str = "complaintModel";

const MAX_LABELS: usize = 10_000;

/// Largest weight, bias and idf, so that no score overflows. Trained values are far smaller.
const MAX_NUMBER: f32 = 1e9;

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
    };
    let header = serde_json::to_string(&header).expect("strings and finite numbers are valid JSON");
    let (terms, classes) = (artifact.vocabulary.len(), artifact.model.labels.len());
    let (vocabulary, offsets) = artifact.vocabulary.parts();
    let surfaces = &artifact.surfaces;
    let tensors = [
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
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes).expect("the shape was taken from the data");
        (*name, view)
    });
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    serialize(views, Some(metadata)).expect("labels and calibration are bounded, so the header is small enough")
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
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
    if tensors.0.len() != 9 {
        return Err(corrupt(format!("it has {} tensors instead of 9", tensors.0.len())));
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
    };
    check(&artifact).map_err(ArtifactError::Corrupt)?;
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

    fn u32s(&self, name: &str) -> Result<Vec<u32>, ArtifactError> {
        let bytes = self.bytes(name, Dtype::U32, &[None])?;
        Ok(bytes
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect())
    }

    fn text(&self, name: &str) -> Result<String, ArtifactError> {
        let bytes = self.bytes(name, Dtype::U8, &[None])?;
        String::from_utf8(bytes.to_vec()).map_err(|_| corrupt(format!("tensor `{name}` is not UTF-8")))
    }
}

/// Checks that the parts fit together, for models that are built and for files that are read.
///
/// # Errors
/// The first problem.
pub(super) fn check(artifact: &Artifact) -> Result<(), String> {
    artifact.preprocessing.validate().map_err(|error| error.to_string())?;
    artifact.features.validate().map_err(|error| error.to_string())?;
    artifact.calibration.validate().map_err(|error| error.to_string())?;
    check_model(&artifact.model, &artifact.idf, artifact.vocabulary.len())?;
    let Parameters { c, alpha, .. } = artifact.parameters;
    if [c, alpha].into_iter().flatten().any(|parameter| !parameter.is_finite()) {
        return Err("a parameter is not a finite number".to_owned());
    }
    if let Some(bits) = artifact.features.hashing_bits {
        return check_buckets(artifact, bits);
    }
    check_terms(&artifact.vocabulary, &artifact.features)?;
    let lookup = TermLookup::new(&artifact.vocabulary, &artifact.features);
    let tokens = lookup.ngrams().map_or(0, NgramLookup::distinct_tokens);
    artifact.surfaces.check(tokens).map_err(str::to_owned)
}

fn check_model(model: &LinearModel, idf: &[f32], terms: usize) -> Result<(), String> {
    let classes = model.labels.len();
    if !(2..=MAX_LABELS).contains(&classes) {
        return Err(format!("it has {classes} classes; 2 to {MAX_LABELS} are possible"));
    }
    if model
        .labels
        .iter()
        .any(|label| label.is_empty() || label.len() > limits::LABEL_BYTES)
    {
        return Err(format!(
            "a class name is empty or has more than {} bytes",
            limits::LABEL_BYTES
        ));
    }
    if model.labels.iter().collect::<HashSet<_>>().len() != classes {
        return Err("two classes have the same name".to_owned());
    }
    if terms == 0 {
        return Err("it has no terms: no word occurs in enough texts (features.minDocumentFrequency)".to_owned());
    }
    if model.bias.len() != classes || idf.len() != terms || terms.checked_mul(classes) != Some(model.weights.len()) {
        return Err(format!(
            "{terms} terms and {classes} classes don't fit {} weights, {} biases and {} idf values",
            model.weights.len(),
            model.bias.len(),
            idf.len()
        ));
    }
    // NaN is in no range.
    if !model
        .weights
        .iter()
        .chain(&model.bias)
        .chain(idf)
        .all(|number| number.abs() <= MAX_NUMBER)
    {
        return Err(format!(
            "a weight, bias or idf value is not a number within -{MAX_NUMBER:e} to {MAX_NUMBER:e}"
        ));
    }
    Ok(())
}

/// Checks the terms and surface forms of a model with [`Features::hashing_bits`].
fn check_buckets(artifact: &Artifact, bits: u8) -> Result<(), String> {
    let vocabulary = &artifact.vocabulary;
    if let Some(term) = first_other_than_bucket(vocabulary, bits) {
        return Err(format!("term {term} is not a bucket of {bits} bits, such as #00002a"));
    }
    if vocabulary.word_terms() < vocabulary.len() && artifact.features.char_ngrams.is_none() {
        return Err(NO_CHARACTERS.to_owned());
    }
    if artifact.surfaces != SurfaceForms::default() {
        return Err("it has surface forms although its terms are buckets".to_owned());
    }
    Ok(())
}

const NO_CHARACTERS: &str = "it has character n-grams although features.charNgrams is absent";

fn check_terms(vocabulary: &Vocabulary, features: &Features) -> Result<(), String> {
    let [low, high] = features.word_ngrams;
    for term in 0..vocabulary.word_terms() as u32 {
        let text = vocabulary.term(term);
        let tokens = text.split(' ').count();
        if !(low..=high).contains(&tokens) || text.split(' ').any(str::is_empty) {
            return Err(format!("term {term} is not an n-gram of {low} to {high} words"));
        }
    }
    if vocabulary.word_terms() < vocabulary.len() {
        let Some([_, high]) = features.char_ngrams else {
            return Err(NO_CHARACTERS.to_owned());
        };
        let longest = |term: u32| vocabulary.term(term).chars().count();
        if (vocabulary.word_terms() as u32..vocabulary.len() as u32).any(|term| !(1..=high).contains(&longest(term))) {
            return Err(format!("a character n-gram is empty or longer than {high}"));
        }
    }
    Ok(())
}
