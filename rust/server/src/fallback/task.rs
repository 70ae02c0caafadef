//! The tasks of hyper, each a stream of HTTP/2, on the thread that they are on.

use std::cell::OnceCell;
use std::rc::Rc;

use tokio::task::AbortHandle;

tokio::task_local! {
    static TASK: Rc<OnceCell<AbortHandle>>;
}

/// Runs them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        let cell = Rc::new(OnceCell::new());
        let task = tokio::task::spawn_local(TASK.scope(Rc::clone(&cell), future));
        // It has not begun: that is done when this thread has nothing else to do.
        let _ = cell.set(task.abort_handle());
    }
}

/// What ends the task that this is called in; none where it is a connection's own.
pub(super) fn current() -> Option<AbortHandle> {
    TASK.try_with(|cell| cell.get().cloned()).ok().flatten()
}
