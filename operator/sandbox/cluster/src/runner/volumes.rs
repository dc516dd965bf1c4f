//! Volumes as directories: filled from ConfigMaps, Secrets and fields, or shared for claims.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Pod, Volume};
use kube::ResourceExt;

use super::downward;
use super::variables::{ConfigError, Holder, Sources};

/// Why a volume can't be made.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// A source of the volume is missing.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {source}")]
    Configuration {
        /// The volume.
        volume: String,
        /// What is missing.
        source: ConfigError,
    },
    /// A key is missing in the ConfigMap or Secret.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : references non-existent config key: {key}")]
    NoKey {
        /// The volume.
        volume: String,
        /// The key.
        key: String,
    },
    /// A path leads out of the volume.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : path {path} leaves the volume")]
    Path {
        /// The volume.
        volume: String,
        /// The path.
        path: String,
    },
    /// A kind of volume that the sandbox does not support.
    #[error(
        "MountVolume.SetUp failed for volume \"{volume}\" : the sandbox has no volumes of kind {kind}; it knows \
         configMap, secret, emptyDir, persistentVolumeClaim, projected and downwardAPI"
    )]
    Kind {
        /// The volume.
        volume: String,
        /// Its kind.
        kind: String,
    },
    /// The directory can't be written.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {source}")]
    Write {
        /// The volume.
        volume: String,
        /// What the system says.
        source: io::Error,
    },
}

/// A file of a volume: its content and its mode.
type Files = BTreeMap<PathBuf, (Vec<u8>, u32)>;

/// Makes all volumes of a Pod under `directory`; claims are directories under `claims`. Returns the directories by
/// volume name. Existing volumes are kept, or rewritten if they come from configuration.
pub fn make(
    pod: &Pod,
    sources: &Sources,
    directory: &Path,
    claims: &Path,
) -> Result<HashMap<String, PathBuf>, VolumeError> {
    let volumes = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.volumes.as_ref())
        .into_iter()
        .flatten();
    volumes
        .map(|volume| Ok((volume.name.clone(), make_one(pod, volume, sources, directory, claims)?)))
        .collect()
}

fn make_one(
    pod: &Pod,
    volume: &Volume,
    sources: &Sources,
    directory: &Path,
    claims: &Path,
) -> Result<PathBuf, VolumeError> {
    let place = directory.join(&volume.name);
    let failed = |source| VolumeError::Write {
        volume: volume.name.clone(),
        source,
    };
    if let Some(claim) = &volume.persistent_volume_claim {
        let place = claims.join(pod.namespace().unwrap_or_default()).join(&claim.claim_name);
        fs::create_dir_all(&place).map_err(failed)?;
        return Ok(place);
    }
    if volume.empty_dir.is_some() {
        fs::create_dir_all(&place).map_err(failed)?;
        return Ok(place);
    }
    let files = content(pod, volume, sources)?;
    write(&place, &files).map_err(failed)?;
    Ok(place)
}

fn content(pod: &Pod, volume: &Volume, sources: &Sources) -> Result<Files, VolumeError> {
    let mut maker = Maker {
        pod,
        volume,
        sources,
        files: Files::new(),
    };
    if let Some(map) = &volume.config_map {
        maker.keys(
            Holder::ConfigMap,
            &map.name,
            map.items.as_deref(),
            map.default_mode,
            map.optional,
        )?;
    } else if let Some(secret) = &volume.secret {
        let name = secret.secret_name.clone().unwrap_or_default();
        maker.keys(
            Holder::Secret,
            &name,
            secret.items.as_deref(),
            secret.default_mode,
            secret.optional,
        )?;
    } else if let Some(fields) = &volume.downward_api {
        maker.fields(fields.items.as_deref().unwrap_or_default(), fields.default_mode)?;
    } else if let Some(projected) = &volume.projected {
        for source in projected.sources.iter().flatten() {
            let mode = projected.default_mode;
            if let Some(map) = &source.config_map {
                maker.keys(Holder::ConfigMap, &map.name, map.items.as_deref(), mode, map.optional)?;
            } else if let Some(secret) = &source.secret {
                maker.keys(
                    Holder::Secret,
                    &secret.name,
                    secret.items.as_deref(),
                    mode,
                    secret.optional,
                )?;
            } else if let Some(fields) = &source.downward_api {
                maker.fields(fields.items.as_deref().unwrap_or_default(), mode)?;
            } else if !is_account_volume(volume) {
                return Err(maker.unknown(source));
            }
        }
    } else {
        return Err(maker.unknown(volume));
    }
    Ok(maker.files)
}

/// The volume that the API server adds to every Pod with a service account. The sandbox provides a kubeconfig instead.
pub fn is_account_volume(volume: &Volume) -> bool {
    volume.name.starts_with("kube-api-access-")
}

struct Maker<'a> {
    pod: &'a Pod,
    volume: &'a Volume,
    sources: &'a Sources,
    files: Files,
}

impl Maker<'_> {
    fn keys(
        &mut self,
        holder: Holder,
        name: &str,
        items: Option<&[KeyToPath]>,
        mode: Option<i32>,
        optional: Option<bool>,
    ) -> Result<(), VolumeError> {
        let optional = optional == Some(true) || is_account_volume(self.volume);
        let Some(data) = self.sources.get(&(holder, name.to_string())).and_then(Option::as_ref) else {
            let source = ConfigError::NotFound {
                holder,
                name: name.into(),
            };
            let missing = VolumeError::Configuration {
                volume: self.volume.name.clone(),
                source,
            };
            return if optional { Ok(()) } else { Err(missing) };
        };
        let Some(items) = items.filter(|items| !items.is_empty()) else {
            for (key, value) in data {
                self.file(key, value.clone(), None, mode)?;
            }
            return Ok(());
        };
        for item in items {
            match data.get(&item.key) {
                Some(value) => self.file(&item.path, value.clone(), item.mode, mode)?,
                None if optional => {}
                None => {
                    return Err(VolumeError::NoKey {
                        volume: self.volume.name.clone(),
                        key: item.key.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    fn fields(&mut self, items: &[DownwardAPIVolumeFile], mode: Option<i32>) -> Result<(), VolumeError> {
        for item in items {
            let value = match (&item.field_ref, &item.resource_field_ref) {
                (Some(at), _) => downward::field(self.pod, &at.field_path),
                (None, Some(at)) => downward::resource(self.pod, None, at),
                (None, None) => continue,
            };
            let value = value.map_err(|error| VolumeError::Configuration {
                volume: self.volume.name.clone(),
                source: ConfigError::Field(error),
            })?;
            self.file(&item.path, value.into_bytes(), item.mode, mode)?;
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        content: Vec<u8>,
        own: Option<i32>,
        default: Option<i32>,
    ) -> Result<(), VolumeError> {
        let relative = Path::new(path);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(VolumeError::Path {
                volume: self.volume.name.clone(),
                path: path.into(),
            });
        }
        let mode = own
            .or(default)
            .and_then(|mode| u32::try_from(mode).ok())
            .unwrap_or(0o644);
        self.files.insert(relative.to_path_buf(), (content, mode));
        Ok(())
    }

    /// The error for an unknown source, by the field that is set.
    fn unknown(&self, source: &impl serde::Serialize) -> VolumeError {
        let value = serde_json::to_value(source).unwrap_or_default();
        let kind = value
            .as_object()
            .and_then(|object| object.keys().find(|key| *key != "name").cloned());
        VolumeError::Kind {
            volume: self.volume.name.clone(),
            kind: kind.unwrap_or_else(|| "(none)".into()),
        }
    }
}

/// Writes a volume's files, read-only as in a cluster.
fn write(place: &Path, files: &Files) -> io::Result<()> {
    make_writable(place);
    fs::create_dir_all(place)?;
    for (path, (content, mode)) in files {
        let target = place.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        if target.exists() {
            fs::remove_file(&target)?;
        }
        fs::write(&target, content)?;
        fs::set_permissions(&target, fs::Permissions::from_mode(mode & !0o222))?;
    }
    fs::set_permissions(place, fs::Permissions::from_mode(0o555))
}

/// Removes a Pod's directory, including its read-only parts.
pub fn remove(directory: &Path) -> io::Result<()> {
    make_writable(directory);
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn make_writable(directory: &Path) {
    let Ok(metadata) = fs::symlink_metadata(directory) else {
        return;
    };
    if !metadata.is_dir() {
        return;
    }
    // A failure here shows as a failure to remove the directory.
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o755));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        make_writable(&entry.path());
    }
}

#[cfg(test)]
mod tests;
