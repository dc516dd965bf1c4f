//! The threads that connections run on.
//!
//! Each thread has its own event loop, and a connection stays on its thread. So a request is read, answered and written
//! without passing between threads. For answers that take microseconds, passing them between threads costs more than it
//! gains.
//!
//! `tokio_util::task::LocalPoolHandle` is as fast, but panics if the system can't start a thread, whereas this server
//! writes the reason to its termination log. It also does not wait for its threads, so connections that a drain cuts
//! would outlive the server.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads. Dropping them cuts the connections that still run there.
#[derive(Debug)]
pub struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    handle: Handle,
    /// One reference for each task, plus this one. The count measures the load.
    tasks: Arc<()>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads, but at least one.
    ///
    /// # Errors
    /// If the system can't create a thread or an event loop.
    pub fn start(count: usize) -> io::Result<Self> {
        (0..count.max(1))
            .map(Worker::start)
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Runs a task on the thread with the fewest tasks.
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        let load = |worker: &&Worker| Arc::strong_count(&worker.tasks);
        let worker = self.0.iter().min_by_key(load).expect("there is one thread at least");
        let running = Arc::clone(&worker.tasks);
        worker.handle.spawn(async move {
            task.await;
            drop(running);
        });
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                // An error means that the sender was dropped, which also means stop.
                let _ = runtime.block_on(stopped);
            })?;
        Ok(Self {
            handle,
            tasks: Arc::new(()),
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;

    use super::*;

    #[test]
    fn long_tasks_are_spread_over_all_threads() {
        let workers = Workers::start(3).unwrap();
        let (sender, receiver) = mpsc::channel::<ThreadId>();
        for _ in 0..6 {
            let sender = sender.clone();
            workers.spawn(async move {
                let _ = sender.send(std::thread::current().id());
                std::future::pending::<()>().await;
            });
        }
        let mut threads: Vec<ThreadId> = receiver.iter().take(6).collect();
        threads.sort_by_key(|id| format!("{id:?}"));
        let shares: Vec<usize> = threads.chunk_by(|a, b| a == b).map(<[_]>::len).collect();
        assert_eq!(shares, [2, 2, 2]);
    }

    #[test]
    fn dropping_the_threads_ends_their_tasks() {
        let (sender, receiver) = mpsc::channel::<()>();
        let workers = Workers::start(1).unwrap();
        workers.spawn(async move {
            std::future::pending::<()>().await;
            drop(sender);
        });
        drop(workers);
        assert!(receiver.recv().is_err(), "the task and what it holds are gone");
    }
}
