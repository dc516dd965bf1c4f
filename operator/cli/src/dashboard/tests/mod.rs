//! The dashboard's pages and addresses, without a cluster.

mod addresses;
mod feeds;
mod html;
mod pages;

use std::{collections::HashSet, sync::Arc};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use kube::core::DeserializeGuard;

use super::board::{Board, Key, Shown};
use crate::{cluster::Scope, info::Objects};

/// A feed of all three kinds, which has listed these objects.
fn board(objects: Objects) -> Arc<Board> {
    let board = Arc::new(Board::default());
    for feed in ["classifiers", "versions", "runs"] {
        board.expect(feed);
    }
    fill(&board, objects);
    board
}

fn fill(board: &Board, objects: Objects) {
    list::<ComplaintClassifier>(board, "classifiers", objects.classifiers);
    list::<ModelVersion>(board, "versions", objects.versions);
    list::<TrainingRun>(board, "runs", objects.runs);
}

fn list<K: Shown>(board: &Board, feed: &str, objects: Vec<K>) {
    let there: HashSet<Key> = objects
        .into_iter()
        .map(|object| board.put(DeserializeGuard(Ok(object))))
        .collect();
    board.listed::<K>(feed, &Scope::All, &there);
}
