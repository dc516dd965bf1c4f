//! The server as other people's programs use it: a browser, clients in Python, curl, an S3 server.

use std::process::ExitCode;

mod clients;
mod documentation;
mod page_in_browser;
mod s3;

#[allow(dead_code, reason = "each target uses a part of it")]
#[path = "../server/client.rs"]
mod client;
#[allow(dead_code, reason = "each target uses a part of it")]
#[path = "../server/collected.rs"]
mod collected;
#[allow(dead_code, reason = "each target uses a part of it")]
#[path = "../server/model.rs"]
mod model;
#[allow(dead_code, reason = "each target uses a part of it")]
#[path = "../server/running.rs"]
mod running;
#[allow(dead_code, reason = "each target uses a part of it")]
#[path = "../server/started.rs"]
mod started;

fn main() -> ExitCode {
    complaint_harness::run([
        clients::tests(),
        documentation::tests(),
        page_in_browser::tests(),
        s3::tests(),
    ])
}
