//! Downloads a data set into an unnamed temporary file, so nothing is left behind however the process ends.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use complaint_model::Sha256Digest;
use complaint_store::{Address, Bounds, Fault, Purpose, Reach, Sink};

use super::super::DatasetError;
use crate::waiting::wait;

/// The limits of a download.
const BOUNDS: Bounds = Bounds {
    bytes: 64 << 30,
    time: Duration::from_secs(3600),
    silence: Duration::from_secs(60),
    retries: 5,
    larger: "Put it on a volume",
    longer: "Put it on a volume",
    reach: Reach::SameHost,
};

/// Downloads an address within `reach`, with the credentials for `purpose`. Messages call the data set `name`.
pub(super) fn fetch(
    address: &Address,
    name: &str,
    purpose: Purpose,
    reach: Reach,
    on_progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
) -> Result<(File, Sha256Digest), DatasetError> {
    let file = tempfile::tempfile().map_err(|error| failed(name, format!("no temporary file can be made: {error}")))?;
    let mut download = Download {
        file,
        done: 0,
        total: None,
        on_progress,
    };
    wait(complaint_store::fetch(
        address,
        purpose,
        &Bounds { reach, ..BOUNDS },
        &mut download,
    ))
    .map_err(|error| failed(name, error.to_string()))?
    .map_err(|fault| of_fault(name, fault))?;
    let mut file = download.file;
    let digest = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| Sha256Digest::of_reader(&mut file))
        .map_err(|error| failed(name, error.to_string()))?;
    Ok((file, digest))
}

struct Download<'d> {
    file: File,
    done: u64,
    total: Option<u64>,
    on_progress: &'d mut (dyn FnMut(u64, Option<u64>) + Send),
}

impl Sink for Download<'_> {
    fn expect(&mut self, total: Option<u64>) {
        self.total = total;
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all(bytes).map_err(|error| unwritable(&error))?;
        self.done += bytes.len() as u64;
        (self.on_progress)(self.done, self.total);
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Fault> {
        self.done = 0;
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map(|_| ())
            .map_err(|error| unwritable(&error))
    }
}

fn unwritable(error: &std::io::Error) -> Fault {
    Fault::Sink(format!("the temporary file can't be written: {error}"))
}

/// The error for a failed transfer.
pub(super) fn failed(name: &str, problem: String) -> DatasetError {
    DatasetError::Download {
        name: name.to_owned(),
        problem,
    }
}

fn of_fault(name: &str, fault: Fault) -> DatasetError {
    let name = name.to_owned();
    match fault {
        Fault::NotFound { problem } => DatasetError::NotFound { name, problem },
        Fault::Denied { problem, fix }
        | Fault::Settings { problem, fix }
        | Fault::Refused { problem, fix }
        | Fault::OutOfReach { problem, fix } => DatasetError::Forbidden { name, problem, fix },
        // It will be too large again.
        Fault::TooLarge { limit, fix } => DatasetError::Forbidden {
            name,
            problem: format!("it has more than {} GiB", limit >> 30),
            fix,
        },
        other => DatasetError::Download {
            name,
            problem: other.problem(),
        },
    }
}
