//! What a signature covers: the files of a version with their digests.

use std::cmp::Ordering;

use complaint_contract::{Sha256Digest, layout};
use serde::{Deserialize, Serialize};

use crate::bundle::{Opened, SignatureError, open};
use crate::key::PublicKey;
use crate::statement::{self, SHA256, Subject};

const PREDICATE_TYPE: &str = "https://model_signing/signature/v1.0";
/// The name of the file where a single file was signed, not a folder.
const ALONE: &str = ".";
/// Each file is listed as a whole.
const METHOD: &str = "files";

/// Files of a folder that come and go after it was signed: signatures, and the results of later trainings.
const AFTERWARDS: [&str; 3] = [layout::SIGNATURE, layout::PROVENANCE, layout::RESULTS];

/// The files of a folder that a signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The folder's name, for people.
    name: String,
    files: Vec<(String, Sha256Digest)>,
    ignored: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Predicate {
    serialization: Serialization,
    resources: Vec<Resource>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    #[serde(default)]
    allow_symlinks: bool,
    #[serde(default)]
    ignore_paths: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Resource {
    name: String,
    algorithm: String,
    digest: String,
}

impl Manifest {
    /// The manifest of the folder `name` with these files: paths in it, separated by `/`. Files that come and go afterwards
    /// are named as ignored, and so are those in `ignored`: a client does not count them as foreign.
    #[must_use]
    pub fn new(
        name: &str,
        files: impl IntoIterator<Item = (String, Sha256Digest)>,
        ignored: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut files: Vec<_> = files.into_iter().filter(|(file, _)| !comes_afterwards(file)).collect();
        files.sort_by(|(one, _), (other, _)| by_parts(one, other));
        files.dedup();
        let mut ignored: Vec<String> = ignored.into_iter().collect();
        ignored.extend(AFTERWARDS.map(str::to_owned));
        ignored.sort();
        ignored.dedup();
        Self {
            name: name.to_owned(),
            files,
            ignored,
        }
    }

    /// The covered files, by path.
    #[must_use]
    pub fn files(&self) -> &[(String, Sha256Digest)] {
        &self.files
    }

    /// The paths that the signature says nothing about.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Checks that the file with this name and digest is covered.
    ///
    /// # Errors
    /// [`SignatureError::NotCovered`] and [`SignatureError::OtherDigest`].
    pub fn check(&self, file: &str, actual: Sha256Digest) -> Result<(), SignatureError> {
        let signed = match self.files.as_slice() {
            [(name, digest)] if name == ALONE => Some(digest),
            files => files.iter().find(|(name, _)| name == file).map(|(_, digest)| digest),
        };
        match signed.copied() {
            None => Err(SignatureError::NotCovered { file: file.to_owned() }),
            Some(signed) if signed != actual => Err(SignatureError::OtherDigest {
                file: file.to_owned(),
                signed,
                actual,
            }),
            Some(_) => Ok(()),
        }
    }

    /// The statement to sign.
    #[must_use]
    pub fn to_statement(&self) -> Vec<u8> {
        let resources = self.files.iter().map(|(name, digest)| Resource {
            name: name.clone(),
            algorithm: SHA256.to_owned(),
            digest: digest.to_string(),
        });
        let predicate = Predicate {
            serialization: Serialization {
                method: METHOD.to_owned(),
                hash_type: SHA256.to_owned(),
                allow_symlinks: false,
                ignore_paths: self.ignored.clone(),
            },
            resources: resources.collect(),
        };
        let subject = Subject::new(&self.name, digest_of(&self.files));
        statement::write(PREDICATE_TYPE, subject, predicate)
    }

    /// Reads a signed statement.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn of_statement(json: &[u8]) -> Result<Self, SignatureError> {
        let (subject, predicate): (_, Predicate) = statement::read(PREDICATE_TYPE, json)?;
        let serialization = predicate.serialization;
        if serialization.method != METHOD || serialization.hash_type != SHA256 {
            return Err(SignatureError::OtherDigests);
        }
        let mut files: Vec<(String, Sha256Digest)> = Vec::with_capacity(predicate.resources.len());
        for resource in predicate.resources {
            let digest = resource.digest.parse();
            let (SHA256, Ok(digest)) = (resource.algorithm.as_str(), digest) else {
                return Err(SignatureError::OtherDigests);
            };
            files.push((resource.name, digest));
        }
        let mut names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let is_once = names.windows(2).all(|pair| pair[0] != pair[1]);
        if !is_once || subject.digest.get(SHA256) != Some(&digest_of(&files).to_string()) {
            return Err(SignatureError::Inconsistent);
        }
        Ok(Self {
            name: subject.name,
            files,
            ignored: serialization.ignore_paths,
        })
    }
}

/// The digest of all digests, in order.
fn digest_of(files: &[(String, Sha256Digest)]) -> Sha256Digest {
    let all: Vec<u8> = files.iter().flat_map(|(_, digest)| *digest.as_bytes()).collect();
    Sha256Digest::of_bytes(&all)
}

/// Whether the file of a folder comes after its signature, so that it can't be covered: signatures, and the results of later
/// trainings.
#[must_use]
pub fn comes_afterwards(file: &str) -> bool {
    let first = file.split('/').next().unwrap_or_default();
    AFTERWARDS.contains(&first)
}

/// The order of the format: by the parts of the path.
fn by_parts(one: &str, other: &str) -> Ordering {
    one.split('/').cmp(other.split('/'))
}

/// Verifies the signature of the model `file` with this digest.
///
/// # Errors
/// [`SignatureError`].
pub fn verify_model(
    signature: &[u8],
    keys: &[PublicKey],
    file: &str,
    digest: Sha256Digest,
) -> Result<Opened, SignatureError> {
    let opened = open(signature, keys)?;
    Manifest::of_statement(&opened.statement)?.check(file, digest)?;
    Ok(opened)
}
