//! `dashboard`: classifiers, versions and runs as pages, which change no object; and a page for reviews.
//!
//! The same server runs on a laptop, with the rights of the kubeconfig's user, and in a cluster, with an account of its own. It
//! watches the three kinds, so that a page is made from memory, and offers nothing that changes an object.
//!
//! | module | what is there |
//! |---|---|
//! | `feed`, `board` | what is known: watches of the three kinds, and the objects by classifier |
//! | `row` | a classifier in one line, and what of it needs somebody |
//! | `pages` | the pages: pure functions of what is known |
//! | `guard`, `access` | which requests are answered: names, methods, headers; tokens |
//! | `review` | captured answers that need a person, for those who have the right |
//! | `server`, `live` | addresses, and the news that a page should be read again |
//! | `connections` | how many there may be, and how they end |

mod access;
mod board;
mod connections;
mod feed;
mod guard;
mod live;
mod options;
mod pages;
mod review;
mod row;
mod server;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use tokio::{net::TcpListener, sync::watch};

pub(crate) use options::Options;

use self::{
    access::Access,
    board::Board,
    guard::{Hosts, Key},
    options::Authentication,
    review::Reviews,
    server::{App, Door, Shown},
};
use crate::{
    cluster::{Cluster, Scope},
    console::Console,
    error::Error,
};

/// Serves the dashboard until the program is told to end. `namespace_given`: the command line names one.
pub(crate) async fn run(
    cluster: &Cluster,
    console: &Console,
    options: &Options,
    namespace_given: bool,
) -> Result<(), Error> {
    options.check()?;
    let (scopes, notice) = scopes(cluster, options, namespace_given).await?;
    let address = SocketAddr::new(options.address, options.port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Error::Other(format!(
            "the dashboard can't listen at {address}: {error}. Choose another --port; 0 takes any that is free"
        ))
    })?;
    let address = listener.local_addr()?;
    let board = Arc::new(Board::default());
    let words = words(&scopes);
    let feeds = feed::all(cluster, &scopes, &board, *console);
    let (door, key) = match options.authentication {
        Some(Authentication::Token) => (Door::Tokens(Access::new(cluster.client(), &scopes)), String::new()),
        Some(Authentication::None) => (Door::Open, String::new()),
        None => {
            let key = Key::new(address.port());
            let query = key.query();
            (Door::Key(key), query)
        }
    };
    let (end, ended) = watch::channel(false);
    let app = App::new(
        board,
        Hosts::new(options.address, &options.hosts),
        door,
        Shown {
            words: words.clone(),
            notice: notice.clone(),
        },
        ended.clone(),
        Some(Reviews::new(cluster.clone())),
    );
    if let Some(notice) = &notice {
        console.warning(notice);
    }
    let url = format!("http://{address}/{key}");
    console.print(&format!(
        "The dashboard shows {words} at {url} and changes no object. Ctrl+C ends it.\n"
    ))?;
    let tasks: Vec<_> = feeds.into_iter().map(tokio::spawn).collect();
    tokio::spawn(async move {
        told_to_end().await;
        // Pages that wait for news would keep their connections open.
        let _ = end.send(true);
    });
    connections::serve(listener, server::router(app), ended).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

/// Ctrl+C, or what a kubelet sends.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Where to look: all namespaces if the user may, unless the command line says otherwise.
async fn scopes(
    cluster: &Cluster,
    options: &Options,
    namespace_given: bool,
) -> Result<(Vec<Scope>, Option<String>), Error> {
    if !options.watch_namespaces.is_empty() {
        let mut names = options.watch_namespaces.clone();
        names.sort();
        names.dedup();
        return Ok((names.into_iter().map(Scope::Namespace).collect(), None));
    }
    if namespace_given {
        may_list(cluster).await?;
        return Ok((vec![cluster.scope.clone()], None));
    }
    match may_list(&cluster.scoped(Scope::All)).await {
        Ok(()) => Ok((vec![Scope::All], None)),
        Err(error @ Error::Forbidden { .. }) => {
            let scope = Scope::Namespace(cluster.default_namespace.clone());
            may_list(&cluster.scoped(scope.clone())).await?;
            let Error::Forbidden { access, .. } = error else {
                return Err(error);
            };
            let notice = format!(
                "You may not {access}: only namespace {} is shown. Name another one with -n.",
                cluster.default_namespace
            );
            Ok((vec![scope], Some(notice)))
        }
        Err(error) => Err(error),
    }
}

/// Told at once, rather than on a page.
async fn may_list(cluster: &Cluster) -> Result<(), Error> {
    cluster.may_list::<ComplaintClassifier>().await?;
    cluster.may_list::<ModelVersion>().await?;
    cluster.may_list::<TrainingRun>().await
}

/// What is shown, in words.
fn words(scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes
        .iter()
        .filter_map(|scope| match scope {
            Scope::All => None,
            Scope::Namespace(name) => Some(name.as_str()),
        })
        .collect();
    match names.as_slice() {
        [] => "all namespaces".into(),
        [one] => format!("namespace {one}"),
        some => format!("namespaces {}", some.join(", ")),
    }
}
