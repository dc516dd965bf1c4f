//! Test functions for the runner.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::tool::{Missing, Tool};

/// A test function: its arguments are [`Tool`]s, and it is synchronous or returns a future. `Signature` distinguishes
/// these forms.
pub trait Test<Signature>: Send + 'static {
    /// Why the test can't run here; `None` if it can.
    fn missing() -> Option<Missing>;

    /// Runs the test, which fails by a panic.
    ///
    /// # Errors
    /// If a tool is missing; then the test is not run.
    fn run(self) -> Result<(), Missing>;
}

macro_rules! test_functions {
    ($($tool:ident),*) => {
        impl<F: FnOnce($($tool),*) + Send + 'static, $($tool: Tool),*> Test<(($($tool,)*), ())> for F {
            fn missing() -> Option<Missing> {
                None$(.or($tool::find().err()))*
            }

            fn run(self) -> Result<(), Missing> {
                self($($tool::find()?),*);
                Ok(())
            }
        }

        impl<F, R, $($tool: Tool),*> Test<(($($tool,)*), (R,))> for F
        where
            F: FnOnce($($tool),*) -> R + Send + 'static,
            R: Future<Output = ()>,
        {
            fn missing() -> Option<Missing> {
                None$(.or($tool::find().err()))*
            }

            fn run(self) -> Result<(), Missing> {
                let test = self($($tool::find()?),*);
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
                runtime.expect("a runtime can be built").block_on(test);
                Ok(())
            }
        }
    };
}
test_functions!();
test_functions!(A);
test_functions!(A, B);
test_functions!(A, B, C);

/// A named test.
pub struct Case {
    name: String,
    missing: fn() -> Option<Missing>,
    run: Box<dyn FnOnce() -> Result<(), Missing> + Send>,
}

impl Case {
    /// A test; `path` is the function's path, whose first part, the test target, is dropped.
    pub fn new<Signature, T: Test<Signature>>(path: &str, test: T) -> Self {
        Self {
            name: path.split_once("::").map_or(path, |(_, name)| name).to_owned(),
            missing: T::missing,
            run: Box::new(|| test.run()),
        }
    }

    fn trial(self, arguments: &Arguments) -> Trial {
        // Lists must include what is ignored: other runners request a list and then start each test by name.
        let listed_as_ignored =
            (arguments.list || arguments.ignored) && !tools_are_required() && (self.missing)().is_some();
        Trial::ignorable_test(self.name, || outcome((self.run)())).with_ignored_flag(listed_as_ignored)
    }
}

fn outcome(ended: Result<(), Missing>) -> Result<Completion, Failed> {
    match ended {
        Ok(()) => Ok(Completion::Completed),
        Err(missing) if tools_are_required() => Err(missing.into()),
        Err(missing) => Ok(Completion::ignored_with(missing)),
    }
}

fn tools_are_required() -> bool {
    std::env::var_os("REQUIRE_TOOLS").is_some()
}

/// Runs tests with the command line of Rust's own runner, and returns the test target's exit code.
pub fn run(tests: impl IntoIterator<Item = Vec<Case>>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    let threads = std::env::var("RUST_TEST_THREADS").ok();
    arguments.test_threads = arguments.test_threads.or_else(|| threads?.parse().ok());
    let trials = tests.into_iter().flatten().map(|case| case.trial(&arguments)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
