//! Sequences, retries and bounds with many threads at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use replay::{Ask, Compile, Engine, Options, Plan, Reply, Request, Rule};

use crate::support::{Echo, ask, engine};

const BODY: &str = r#"{"messages":[{"role":"user","content":[{"text":"go"}]}]}"#;
const THREADS: usize = 8;

fn sequence(steps: u32) -> Vec<Rule> {
    (0..steps).map(|step| Rule { sequence_index: Some(step), ..Rule::named("step") }).collect()
}

fn step(engine: &Engine, session: &str, invocation: Option<&str>) -> Option<usize> {
    let mut headers: Vec<(&[u8], &[u8])> = vec![(b"X-Test-Id", session.as_bytes())];
    headers.extend(invocation.map(|id| (b"amz-sdk-invocation-id".as_slice(), id.as_bytes())));
    ask(engine, "m", &headers, BODY).fixture
}

fn in_threads(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
}

#[test]
fn thousands_of_sessions_each_get_every_step_once() {
    let (sessions, steps) = (4000, THREADS);
    let engine =
        engine(sequence(steps as u32), Options { journal_entries: 0, ..Options::default() });
    let found: Mutex<HashMap<usize, Vec<Option<usize>>>> = Mutex::default();
    in_threads(|_| {
        let mine: Vec<_> =
            (0..sessions).map(|session| step(&engine, &format!("s{session}"), None)).collect();
        let mut found = found.lock().expect("no panic");
        for (session, step) in mine.into_iter().enumerate() {
            found.entry(session).or_default().push(step);
        }
    });
    let every: Vec<_> = (0..steps).map(Some).collect();
    for mut steps in found.into_inner().expect("no panic").into_values() {
        steps.sort_unstable();
        assert_eq!(steps, every);
    }
    assert_eq!((engine.sessions(), engine.evicted_sessions()), (sessions, 0));
}

#[test]
fn attempts_of_one_call_get_one_step_whichever_thread_they_meet() {
    let calls = 500;
    let engine = engine(sequence(calls), Options::default());
    let found: Mutex<HashMap<u32, Vec<Option<usize>>>> = Mutex::default();
    in_threads(|_| {
        for call in 0..calls {
            let step = step(&engine, "s", Some(&format!("call-{call}")));
            found.lock().expect("no panic").entry(call).or_default().push(step);
        }
    });
    let found = found.into_inner().expect("no panic");
    let mut first: Vec<_> = found.values().map(|steps| steps[0]).collect();
    first.sort_unstable();
    assert_eq!(first, (0..calls as usize).map(Some).collect::<Vec<_>>());
    assert!(found.values().all(|steps| steps.iter().all(|step| *step == steps[0])));
}

#[test]
fn the_bound_on_sessions_holds_under_many_threads() {
    let engine = engine(sequence(1), Options { max_sessions: 300, ..Options::default() });
    in_threads(|thread| {
        for session in 0..500 {
            assert_eq!(step(&engine, &format!("{thread}-{session}"), None), Some(0));
        }
    });
    let made = THREADS * 500;
    // A thread that finds every other shard taken may leave one session too many.
    assert!(engine.sessions() <= 300 + THREADS);
    assert_eq!(engine.sessions() + engine.evicted_sessions() as usize, made);
}

#[test]
fn rules_are_replaced_while_requests_are_answered() {
    let engine = engine(sequence(1), Options::default());
    in_threads(|thread| {
        for _ in 0..200 {
            if thread == 0 {
                let rules = sequence(2).into_iter().map(Into::into).collect();
                engine.load(rules, Arc::new(Echo), false);
            } else {
                assert!(step(&engine, "s", None).is_none_or(|step| step < 2));
            }
        }
    });
    assert_eq!(engine.fixtures(), 2);
}

#[test]
fn what_is_begun_on_one_thread_may_be_finished_by_another() {
    let engine = engine(sequence(1), Options::default());
    let begin = || {
        let request = Request {
            method: "POST",
            target: b"/model/m/converse",
            headers: &[],
            body: BODY.as_bytes(),
            arrived: 0.0,
        };
        engine.begin(&request).expect("a path of Bedrock Runtime")
    };
    let Reply::Pending(pending) = begin() else { panic!("nothing was compiled yet") };
    let id = pending.request_id();
    let answer = thread::scope(|scope| scope.spawn(|| pending.finish(&engine)).join());
    let answer = answer.expect("no panic");
    assert_eq!((answer.request_id, answer.fixture), (id, Some(0)));

    engine.reset(false, true);
    let Reply::Ready(again) = begin() else { panic!("it is remembered") };
    assert_eq!(again.plan.body(), answer.plan.body());
}

/// Counts how often it is asked, and takes its time.
#[derive(Default)]
struct Slow(AtomicUsize);

impl Compile for Slow {
    fn compile(&self, ask: &Ask<'_>) -> Result<Arc<Plan>, String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(50));
        Echo.compile(ask)
    }
}

#[test]
fn a_plan_that_many_wait_for_is_made_once() {
    let (engine, slow) = (Engine::new(Options::default()), Arc::new(Slow::default()));
    engine.load(sequence(1).into_iter().map(Arc::new).collect(), Arc::clone(&slow) as _, false);
    let all_have_begun = Barrier::new(THREADS);
    in_threads(|thread| {
        let session = thread.to_string();
        let headers: [(&[u8], &[u8]); 1] = [(b"X-Test-Id", session.as_bytes())];
        let request = Request {
            method: "POST",
            target: b"/model/m/converse",
            headers: &headers,
            body: BODY.as_bytes(),
            arrived: 0.0,
        };
        let reply = engine.begin(&request).expect("a path of Bedrock Runtime");
        let Reply::Pending(pending) = reply else { panic!("nothing was compiled yet") };
        all_have_begun.wait();
        assert_eq!(pending.finish(&engine).plan.body(), b"0");
    });
    assert_eq!(slow.0.load(Ordering::Relaxed), 1);
}
