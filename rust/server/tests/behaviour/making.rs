//! Answers that take long to make, or cannot be made, and who does not mind.

use std::time::Duration;

use server::Options;

use crate::support::{Client, EVENTS, Framing, Served};

const BOTH: [Framing; 2] = [Framing::Length, Framing::Chunked];

fn one_thread() -> Options {
    Options { threads: 1, ..Options::default() }
}

fn asked(served: &Served, session: &str, framing: Framing) -> Client {
    let mut client = served.connect();
    client.send(session, framing);
    client
}

#[test]
fn a_stream_keeps_going_while_another_answer_is_made() {
    for framing in BOTH {
        let served = Served::new(one_thread());
        let mut slow = asked(&served, "slow", framing);
        served.slow_has_begun();

        let mut stream = asked(&served, "stream", framing);
        assert_eq!(stream.stream(), EVENTS, "{framing:?}");
        served.wait_for(|figures| figures.in_flight == 1);

        served.let_go();
        assert!(slow.read_to("slow").is_some());
        served.wait_for(|figures| figures.in_flight == 0);
        assert_eq!(served.outcomes("slow"), ["delivered"]);
    }
}

#[test]
fn requests_behind_one_whose_answer_is_made_wait_for_their_turn() {
    for framing in BOTH {
        let served = Served::new(one_thread());
        let mut client = asked(&served, "slow", framing);
        client.send("quick", framing);
        client.send("stream", framing);
        served.slow_has_begun();
        served.let_go();

        let first = client.read_to("slow").expect("an answer");
        assert!(!first.contains("quick"), "{first}");
        assert!(client.read_to("quick").is_some());
        assert_eq!(client.stream(), EVENTS);
    }
}

#[test]
fn several_answers_are_made_at_a_time() {
    let served = Served::new(one_thread());
    let slow: Vec<_> = (0..5).map(|_| asked(&served, "slow", Framing::Length)).collect();
    served.slow_has_begun();
    // The others wait for the same gate, and not for the first of them.
    assert!(asked(&served, "quick", Framing::Length).read_to("quick").is_some());
    for _ in &slow {
        served.let_go();
    }
    for mut client in slow {
        assert!(client.read_to("slow").is_some());
    }
}

#[test]
fn a_client_that_leaves_while_its_answer_is_made_has_left() {
    for framing in BOTH {
        let served = Served::new(one_thread());
        let slow = asked(&served, "slow", framing);
        served.slow_has_begun();
        drop(slow);
        let left = |figures: &server::Figures| figures.in_flight == 0 && figures.connections == 0;
        assert_eq!(served.wait_for(left).client_left, 1, "{framing:?}");

        // The next request has the place of the one that left, and not its answer.
        let mut stream = asked(&served, "stream", framing);
        served.let_go();
        assert_eq!(stream.stream(), EVENTS);
        while served.outcomes("slow") != ["client_left"] {
            std::thread::yield_now();
        }
    }
}

#[test]
fn more_answers_than_may_be_made_at_a_time_are_refused() {
    for framing in BOTH {
        let served = Served::new(Options { max_making: 1, ..one_thread() });
        let mut slow = asked(&served, "slow", framing);
        served.slow_has_begun();
        let mut refused = asked(&served, "slow", framing);
        let answer = refused.read_to("at a time.").expect("a typed answer");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("x-amzn-errortype: ServiceUnavailableException"), "{answer}");
        served.let_go();
        assert!(slow.read_to("slow").is_some());
        assert!(asked(&served, "quick", framing).read_to("quick").is_some());
    }
}

#[test]
fn a_plane_that_stops_waits_for_answers_that_are_made() {
    let served = Served::new(one_thread());
    let mut slow = asked(&served, "slow", Framing::Length);
    served.slow_has_begun();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| served.plane.stop(Duration::from_secs(20)));
        while std::net::TcpStream::connect(served.plane.addresses()[0]).is_ok() {
            std::thread::yield_now();
        }
        served.let_go();
        let answer = slow.read_to("slow").expect("an answer");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(stopping.join().unwrap());
    });
}

#[test]
fn a_fault_of_the_compiler_ends_one_connection_and_no_other() {
    for framing in BOTH {
        let served = Served::new(one_thread());
        let mut before = asked(&served, "stream", framing);
        assert!(before.read_to("frame").is_some());

        assert_eq!(asked(&served, "panic", framing).read_to("\r\n"), None, "{framing:?}");
        assert_eq!(before.stream(), EVENTS - 1);
        assert!(asked(&served, "quick", framing).read_to("quick").is_some());
        let figures = served.wait_for(|figures| figures.in_flight == 0);
        assert_eq!((figures.failed, figures.client_left, figures.cut), (1, 0, 0));
    }
}
