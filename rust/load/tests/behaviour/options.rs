//! Options that make no sense are refused by name.

use load::Options;

const LEAST: &str = r#""url":"http://127.0.0.1:1","model":"m","duration_s":1"#;
const CLOSED: &str = r#""arrivals":{"kind":"closed","concurrency":1}"#;

#[test]
fn the_least_that_is_needed_is_enough() {
    let options = Options::from_json(&format!("{{{LEAST},{CLOSED}}}")).unwrap();
    assert_eq!((options.threads, options.share), (1, (0, 1)));
}

#[test]
fn what_is_wrong_is_named() {
    for (rest, named) in [
        (r#""arrivals":{"kind":"closed","concurrency":0}"#, "arrivals.concurrency: must be"),
        (r#""arrivals":{"kind":"poisson","rate":-1}"#, "arrivals.rate: must be above 0"),
        (r#""arrivals":{"kind":"gamma","rate":1,"burstiness":0}"#, "arrivals.burstiness: must"),
        (r#""arrivals":{"kind":"stages","stages":[]}"#, "arrivals.stages: needs"),
        (r#""arrivals":{"kind":"burst"}"#, "unknown variant `burst`, expected one of `closed`"),
        (&format!(r#"{CLOSED},"share":[2,2]"#), "share: must be [i, n] with i < n, got [2, 2]"),
        (&format!(r#"{CLOSED},"threads":0"#), "threads: must be 1 to 1024"),
        (&format!(r#"{CLOSED},"timeout_s":0"#), "timeout_s: must be above 0"),
        (&format!(r#"{CLOSED},"grace_s":1e300"#), "grace_s: must be"),
        (&format!(r#"{CLOSED},"requests":0"#), "requests: must be at least 1"),
        (&format!(r#"{CLOSED},"sesions":{{}}"#), "unknown field `sesions`"),
        (&format!(r#"{CLOSED},"operation":"invoke","sessions":{{}}"#), "sessions: only operation"),
        (&format!(r#"{CLOSED},"operation":"invoke","expect_text":"x""#), "expect_text: only"),
        (&format!(r#"{CLOSED},"bodies":["{{}}"],"body_file":"x""#), "bodies, body_file: only one"),
    ] {
        let error = Options::from_json(&format!("{{{LEAST},{rest}}}")).unwrap_err();
        assert!(error.contains(named), "{rest}: {error}");
    }
}

#[test]
fn a_run_needs_an_end() {
    let endless = format!(r#"{{"url":"http://127.0.0.1:1","model":"m",{CLOSED}}}"#);
    assert_eq!(
        Options::from_json(&endless).unwrap_err(),
        "duration_s, requests: one of them is needed"
    );
}

#[test]
fn a_url_must_be_one() {
    for wrong in [
        "127.0.0.1:80",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:99999",
        "http://127.0.0.1/?x",
    ] {
        let options = format!(r#"{{"url":"{wrong}","model":"m","duration_s":1,{CLOSED}}}"#);
        assert!(load::Run::new(&options).unwrap_err().starts_with("url: "), "{wrong}");
    }
}
