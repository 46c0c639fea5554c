//! Threads that take jobs from one queue and hand back what they made of them, in whichever order they are done.
//!
//! It knows nothing of the jobs; who needs them in an order keeps it, and who needs few of them under way counts them.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// What a thread made of a job, or what it panicked with.
type Outcome<M> = Result<M, Box<dyn Any + Send>>;

/// Up to some number of threads that make an `M` of each job `J`.
///
/// They are started as there is work for them, so that little work starts few. Dropped, the crew forgets the jobs that
/// wait, and is gone when those that were begun are done.
pub(super) struct Crew<J, M> {
    work: Arc<dyn Fn(J) -> M + Send + Sync>,
    /// Most threads; none if the caller is to work itself.
    most: usize,
    threads: Vec<JoinHandle<()>>,
    jobs: Arc<Jobs<J>>,
    outcomes: Receiver<Outcome<M>>,
    /// What threads to come are given.
    outbox: Sender<Outcome<M>>,
    /// What the caller made itself.
    own: VecDeque<M>,
    under_way: usize,
}

impl<J: Send + 'static, M: Send + 'static> Crew<J, M> {
    /// A crew of `threads` threads; of one, the caller is that one, and works in [`Crew::start`].
    pub(super) fn new(threads: usize, work: impl Fn(J) -> M + Send + Sync + 'static) -> Self {
        let (outbox, outcomes) = channel();
        Self {
            work: Arc::new(work),
            most: if threads > 1 { threads } else { 0 },
            threads: Vec::new(),
            jobs: Arc::new(Jobs::new()),
            outcomes,
            outbox,
            own: VecDeque::new(),
            under_way: 0,
        }
    }

    /// Gives the crew a job.
    pub(super) fn start(&mut self, job: J) {
        if self.under_way >= self.threads.len() && self.threads.len() < self.most {
            self.grow();
        }
        if self.threads.is_empty() {
            self.own.push_back(self.make(job));
        } else {
            self.jobs.give(job);
        }
        self.under_way += 1;
    }

    /// Has the caller do a job, at once.
    pub(super) fn make(&self, job: J) -> M {
        (self.work)(job)
    }

    /// Something that is done, waited for; `None` if nothing is under way. Goes on with a panic of the work.
    pub(super) fn next(&mut self) -> Option<M> {
        if self.under_way == 0 {
            return None;
        }
        let made = self.own.pop_front();
        let made = made.unwrap_or_else(|| reveal(self.outcomes.recv().expect("the crew holds the other end")));
        self.under_way -= 1;
        Some(made)
    }

    /// As [`Crew::next`], but only what is done already.
    pub(super) fn next_done(&mut self) -> Option<M> {
        let made = self.own.pop_front().or_else(|| self.outcomes.try_recv().ok().map(reveal))?;
        self.under_way -= 1;
        Some(made)
    }

    /// One thread more. If the system has none to give, those that are there do the work, or else the caller.
    fn grow(&mut self) {
        let (work, jobs, outbox) = (Arc::clone(&self.work), Arc::clone(&self.jobs), self.outbox.clone());
        let serve = move || {
            while let Some(job) = jobs.take() {
                let outcome = catch_unwind(AssertUnwindSafe(|| work(job)));
                outbox.send(outcome).expect("the crew holds the other end until its threads are gone");
            }
        };
        self.threads.extend(Builder::new().name("tidemill-sink".to_owned()).spawn(serve));
    }
}

/// Jobs that wait for a thread. One that comes wakes one thread: when they took turns to wait for a channel, each job also woke the
/// next one to wait.
struct Jobs<J> {
    /// `None` when there will be no more.
    waiting: Mutex<Option<VecDeque<J>>>,
    came: Condvar,
}

impl<J> Jobs<J> {
    fn new() -> Self {
        Self { waiting: Mutex::new(Some(VecDeque::new())), came: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<J>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, job: J) {
        self.lock().as_mut().expect("jobs are given until the crew ends").push_back(job);
        self.came.notify_one();
    }

    /// The next one, waited for; `None` at the end.
    fn take(&self) -> Option<J> {
        let nothing = |waiting: &mut Option<VecDeque<J>>| waiting.as_ref().is_some_and(VecDeque::is_empty);
        let mut waiting = self.came.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
        waiting.as_mut()?.pop_front()
    }

    /// Forgets the jobs that wait, and has the threads find that there are no more.
    fn end(&self) {
        *self.lock() = None;
        self.came.notify_all();
    }
}

fn reveal<M>(outcome: Outcome<M>) -> M {
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

impl<J, M> Drop for Crew<J, M> {
    fn drop(&mut self) {
        self.jobs.end();
        for thread in self.threads.drain(..) {
            thread.join().expect("panics of the work are caught");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[test]
    fn every_job_is_done_once() {
        for threads in [0, 1, 2, 5] {
            let mut crew = Crew::new(threads, |job: u32| job * 2);
            (0..100).for_each(|job| crew.start(job));
            let mut made: Vec<u32> = std::iter::from_fn(|| crew.next_done()).collect();
            made.extend(std::iter::from_fn(|| crew.next()));
            made.sort();
            assert_eq!(made, (0..100).map(|job| job * 2).collect::<Vec<_>>());
            assert_eq!((crew.next(), crew.next_done()), (None, None));
        }
    }

    #[test]
    fn threads_come_with_the_work() {
        let mut crew = Crew::new(3, |job: u32| job);
        for job in 0..10 {
            crew.start(job);
            crew.next();
        }
        assert_eq!(crew.threads.len(), 1);
        (0..10).for_each(|job| crew.start(job));
        assert_eq!(crew.threads.len(), 3);
        assert_eq!(Crew::new(1, |job: u32| job).most, 0);
    }

    #[test]
    fn jobs_are_done_side_by_side() {
        let meeting = Barrier::new(2);
        let mut crew = Crew::new(2, move |()| _ = meeting.wait());
        crew.start(());
        crew.start(());
        assert_eq!((crew.next(), crew.next()), (Some(()), Some(())));
    }

    #[test]
    fn a_panic_of_the_work_goes_on_in_the_caller() {
        for threads in [1, 2] {
            let panicked = catch_unwind(|| {
                let mut crew = Crew::new(threads, |job: u32| assert_ne!(job, 1, "an odd job"));
                (0..3).for_each(|job| crew.start(job));
                while crew.next().is_some() {}
            });
            assert!(panicked.unwrap_err().downcast_ref::<String>().unwrap().contains("an odd job"));
        }
    }

    #[test]
    fn jobs_that_wait_at_the_end_are_forgotten() {
        let jobs = Jobs::new();
        (0..3).for_each(|job| jobs.give(job));
        assert_eq!(jobs.take(), Some(0));
        jobs.end();
        assert_eq!((jobs.take(), jobs.take()), (None, None));
    }

    #[test]
    fn a_crew_that_is_dropped_forgets_what_waits_and_leaves_no_thread() {
        let (begun, seen) = mpsc::channel();
        let (let_go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let share = Arc::new(());
        let held = Arc::clone(&share);
        let mut crew = Crew::new(2, move |job: u32| {
            let _held = &held;
            begun.send(job).unwrap();
            _ = gate.lock().unwrap().recv();
        });
        (0..100).for_each(|job| crew.start(job));
        seen.recv().unwrap();
        let threads = crew.threads.len();
        drop(let_go);
        drop(crew);
        // Had a thread stayed, it would hold the work, and with it its share.
        assert_eq!(Arc::strong_count(&share), 1);
        assert_eq!(threads, 2);
    }
}
