//! Resources: their names, schema and behaviour.

mod custom;
mod kind;

use std::sync::Arc;

use serde_json::Value;

use crate::error::{ApiError, Qualified};
use crate::field::FieldError;
use crate::names::NameSyntax;
use crate::schema::SchemaRef;

pub use custom::{Column, CustomVersion};
pub(crate) use kind::Plain;
pub use kind::{BuiltIn, Strategy, Subresource, Verbs, View};

/// One resource of one API version.
#[derive(Clone)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural name, as in paths.
    pub plural: String,
    /// Kind of an object.
    pub kind: String,
    /// Kind of a list.
    pub list_kind: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Storage key of the objects: the same for all versions (and for both forms of events).
    pub storage: Arc<str>,
    /// The schema of an object of this version.
    pub schema: SchemaRef,
    /// The source of the definition.
    pub source: Source,
}

/// The source of a resource's definition.
#[derive(Clone)]
pub enum Source {
    /// Compiled in.
    BuiltIn(&'static BuiltIn),
    /// A version of a custom resource definition.
    Custom(Arc<CustomVersion>),
}

impl Resource {
    /// `group/version`, or `version` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The resource and its group, for messages.
    pub fn qualified(&self) -> Qualified {
        Qualified {
            group: self.group.clone(),
            resource: self.plural.clone(),
        }
    }

    /// `Invalid` about the object `name`.
    pub fn invalid(&self, name: &str, errors: &[FieldError]) -> ApiError {
        // Both forms of events are checked as the core one.
        let group = if &*self.storage == "/events" {
            ""
        } else {
            self.group.as_str()
        };
        ApiError::invalid(group, &self.kind, name, errors)
    }

    /// Whether this is a custom resource.
    pub fn is_custom(&self) -> bool {
        matches!(self.source, Source::Custom(_))
    }

    /// The custom version, if this is a custom resource.
    pub fn custom(&self) -> Option<&CustomVersion> {
        match &self.source {
            Source::Custom(version) => Some(version),
            Source::BuiltIn(_) => None,
        }
    }

    /// How objects of this resource are defaulted, prepared and checked.
    pub fn strategy(&self) -> &dyn Strategy {
        match &self.source {
            Source::BuiltIn(kind) => kind.strategy,
            Source::Custom(version) => &**version,
        }
    }

    /// Whether a status subresource exists.
    pub fn has_status(&self) -> bool {
        match &self.source {
            Source::BuiltIn(kind) => kind.subresources.iter().any(|s| s.name == "status"),
            Source::Custom(version) => version.has_status,
        }
    }

    /// The paths of the scale subresource, if there is one.
    pub fn scale(&self) -> Option<ScalePaths> {
        match &self.source {
            Source::BuiltIn(kind) => kind.subresources.iter().any(|s| s.name == "scale").then(|| ScalePaths {
                spec_replicas: vec!["spec".into(), "replicas".into()],
                status_replicas: vec!["status".into(), "replicas".into()],
                selector: None,
            }),
            Source::Custom(version) => version.scale.clone(),
        }
    }

    /// Whether `metadata.generation` counts changes.
    pub fn counts_generation(&self) -> bool {
        match &self.source {
            Source::BuiltIn(kind) => kind.generation,
            Source::Custom(_) => true,
        }
    }

    /// Whether a PUT may create an object.
    pub fn creates_on_update(&self) -> bool {
        match &self.source {
            Source::BuiltIn(kind) => kind.create_on_update,
            Source::Custom(_) => false,
        }
    }

    /// Whether a PUT needs a resourceVersion.
    pub fn needs_version_on_update(&self) -> bool {
        match &self.source {
            Source::BuiltIn(kind) => kind.needs_version,
            Source::Custom(_) => true,
        }
    }

    /// The syntax of names.
    pub fn name_syntax(&self) -> NameSyntax {
        match &self.source {
            Source::BuiltIn(kind) => kind.names,
            Source::Custom(_) => NameSyntax::Subdomain,
        }
    }

    /// Whether this version shows an object as it is stored, except for kind and apiVersion.
    pub fn shows_as_stored(&self) -> bool {
        matches!(&self.source, Source::BuiltIn(kind) if kind.view.is_none()) && &*self.storage != "/events"
    }

    /// A stored object in this version's form.
    pub fn present(&self, object: &Value) -> Value {
        let mut shown = match &self.source {
            Source::BuiltIn(kind) => match kind.view {
                Some(view) => (view.read)(object),
                None => object.clone(),
            },
            Source::Custom(version) => version.present(object, &self.schema),
        };
        shown["apiVersion"] = self.api_version().into();
        shown["kind"] = self.kind.clone().into();
        self.strategy().complete(&mut shown);
        shown
    }

    /// An object of this version in its stored form.
    pub fn store(&self, object: Value) -> Value {
        match &self.source {
            Source::BuiltIn(BuiltIn { view: Some(view), .. }) => (view.write)(&object),
            _ => object,
        }
    }
}

/// The paths of a scale subresource.
#[derive(Debug, Clone)]
pub struct ScalePaths {
    /// Path of the desired count.
    pub spec_replicas: Vec<String>,
    /// Path of the observed count.
    pub status_replicas: Vec<String>,
    /// Path of the selector in text form; built-in kinds use `spec.selector` instead.
    pub selector: Option<Vec<String>>,
}
