//! Programs of images and commands.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Container;

use super::options::ProgramSpec;

/// Why a container has no program.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoProgram {
    /// There is no program for the image.
    #[error(
        "the sandbox runs programs, not images, and has none for image \"{image}\"; repositories it knows end in: {known}"
    )]
    Image {
        /// The requested image.
        image: String,
        /// The names that would do.
        known: String,
    },
    /// The command is not a known program.
    #[error(
        "exec: \"{command}\": the sandbox's containers have no file system of their own, so only these programs can be \
         started: {known}"
    )]
    Command {
        /// The first word of the command.
        command: String,
        /// The names that would do.
        known: String,
    },
}

/// The program of an image, and its arguments before the container's own.
pub fn of_image<'a>(programs: &'a HashMap<String, ProgramSpec>, image: &str) -> Result<&'a ProgramSpec, NoProgram> {
    programs.get(repository_name(image)).ok_or_else(|| NoProgram::Image {
        image: image.into(),
        known: known(programs),
    })
}

/// The program and arguments of a command, whose first word is the name or path of a program.
pub fn of_command(
    programs: &HashMap<String, ProgramSpec>,
    command: &[String],
) -> Result<(ProgramSpec, Vec<String>), NoProgram> {
    let (first, rest) = command
        .split_first()
        .map_or(("", command), |(first, rest)| (first.as_str(), rest));
    let name = first.rsplit('/').next().unwrap_or(first);
    let program = programs.get(name).ok_or_else(|| NoProgram::Command {
        command: first.into(),
        known: known(programs),
    })?;
    Ok((program.clone(), rest.to_vec()))
}

/// The program of a container, from its image or its command, and all arguments.
pub fn of_container(
    programs: &HashMap<String, ProgramSpec>,
    container: &Container,
) -> Result<(ProgramSpec, Vec<String>), NoProgram> {
    let image = of_image(programs, container.image.as_deref().unwrap_or_default())?;
    let args = container.args.clone().unwrap_or_default();
    match container.command.as_deref() {
        Some(command) if !command.is_empty() => {
            let (program, mut words) = of_command(programs, command)?;
            words.extend(args);
            Ok((program, words))
        }
        _ => Ok((image.clone(), args)),
    }
}

/// The last path segment of an image's repository, without registry, tag and digest.
fn repository_name(image: &str) -> &str {
    let without_digest = image.split('@').next().unwrap_or(image);
    let last = without_digest.rsplit('/').next().unwrap_or(without_digest);
    last.split(':').next().unwrap_or(last)
}

fn known(programs: &HashMap<String, ProgramSpec>) -> String {
    let mut names: Vec<&str> = programs.keys().map(String::as_str).collect();
    names.sort_unstable();
    if names.is_empty() {
        "(none)".into()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> HashMap<String, ProgramSpec> {
        let spec = |sub: &str| ProgramSpec {
            program: "/bin/sandbox".into(),
            args: vec![sub.into()],
        };
        HashMap::from([
            ("worker".to_string(), spec("worker")),
            ("server".to_string(), spec("server")),
        ])
    }

    #[test]
    fn an_image_is_known_by_its_last_segment() {
        for image in [
            "worker",
            "worker:1",
            "ghcr.io/a/worker@sha256:00",
            "localhost:5000/worker:v1@sha256:00",
        ] {
            assert_eq!(
                of_image(&programs(), image).map(|spec| spec.args[0].as_str()),
                Ok("worker"),
                "{image}"
            );
        }
        let error = of_image(&programs(), "docker.io/library/nginx:1.29").expect_err("no such program");
        assert!(error.to_string().ends_with("known: server, worker") || error.to_string().contains("server, worker"));
    }

    #[test]
    fn a_command_must_name_a_program() {
        let container = |command: &[&str]| Container {
            image: Some("x/worker:1".into()),
            command: Some(command.iter().map(ToString::to_string).collect()),
            args: Some(vec!["--last".into()]),
            ..Container::default()
        };
        let (program, args) =
            of_container(&programs(), &container(&["/usr/bin/server", "--first"])).expect("a program");
        assert_eq!(
            (program.args[0].as_str(), args),
            ("server", vec!["--first".to_string(), "--last".into()])
        );
        let (program, args) = of_container(&programs(), &container(&[])).expect("a program");
        assert_eq!((program.args[0].as_str(), args), ("worker", vec!["--last".to_string()]));
        let error = of_container(&programs(), &container(&["sh", "-c", "true"])).expect_err("no shell");
        assert!(error.to_string().starts_with("exec: \"sh\""), "{error}");
    }
}
