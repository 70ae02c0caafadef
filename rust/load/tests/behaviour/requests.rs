//! What is sent.

use std::rc::Rc;

use load::Options;
use load::request::{Bodies, Renderer};
use load::wire::Target;

const TIME: u64 = 1_440_938_160;

fn renderer(auth: &str) -> Renderer {
    let options = format!(
        r#"{{"url":"http://127.0.0.1:80","model":"a:b","requests":1,"auth":{auth},
            "arrivals":{{"kind":"closed","concurrency":1}},"bodies":["{{}}","[1]"]}}"#
    );
    let options = Options::from_json(&options).unwrap();
    let target = Target::new(&options.url, options.operation, &options.model).unwrap();
    let bodies = Bodies::new(&options).unwrap();
    Renderer::new(&options, target, bodies).unwrap()
}

const SIGV4: &str = r#"{"kind":"sigv4","access_key":"A","secret_key":"S","region":"r"}"#;

#[test]
fn a_request_is_kept_for_as_long_as_its_signature_holds() {
    let mut renderer = renderer(SIGV4);
    let first = renderer.kept(0, TIME);

    assert!(Rc::ptr_eq(&first, &renderer.kept(0, TIME)));
    assert_ne!(first.h1, renderer.kept(1, TIME).h1);
    let later = renderer.kept(0, TIME + 1);
    assert_ne!(first.h1, later.h1);
    assert_eq!(later.h1, renderer.once("{}".into(), None, TIME + 1).h1);
}

#[test]
fn a_request_without_a_signature_is_made_once() {
    let mut renderer = renderer(r#"{"kind":"none"}"#);
    let first = renderer.kept(0, TIME);

    assert!(Rc::ptr_eq(&first, &renderer.kept(0, TIME + 86_400)));
    assert_eq!(
        String::from_utf8(first.h1.clone()).unwrap(),
        "POST /model/a%3Ab/converse-stream HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\
         content-type: application/json\r\naccept-encoding: identity\r\n\
         content-length: 2\r\n\r\n{}"
    );
}

#[test]
fn both_protocols_send_the_same() {
    let rendered = renderer(SIGV4).kept(1, TIME);
    let h2 = rendered.h2().unwrap();
    let h1 = String::from_utf8(rendered.h1.clone()).unwrap();

    assert_eq!(h2.uri(), "http://127.0.0.1:80/model/a%3Ab/converse-stream");
    for (name, value) in h2.headers() {
        let line = format!("{name}: {}\r\n", value.to_str().unwrap());
        assert!(h1.contains(&line), "{line:?}");
    }
}
