//! The progress bar, and what Ctrl-C does.

use core::ops::ControlFlow;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use indicatif::{ProgressBar, ProgressStyle};
use sealed_session::compare::Progress;

use crate::{failure::Failure, store::runtime};

/// Shows how far it is, and whether somebody has had enough.
pub(super) struct Watch {
    bar: ProgressBar,
    stopped: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn start() -> Result<Self, Failure> {
        // To stderr, and nowhere if that is not a terminal.
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{msg:10} [{bar:40}] {percent:>3} %");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        // Of its own: the thread that measures does not wait for signals.
        let runtime = runtime()?;
        thread::spawn(move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if flag.swap(true, Ordering::SeqCst) {
                        // The second time: at once, without a report.
                        std::process::exit(3);
                    }
                }
            });
        });
        Ok(Self { bar, stopped })
    }

    pub(super) fn listener(&self) -> impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static {
        let (bar, stopped) = (self.bar.clone(), Arc::clone(&self.stopped));
        move |progress| {
            if bar.message() != progress.phase {
                bar.set_message(progress.phase);
            }
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            if stopped.load(Ordering::SeqCst) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
