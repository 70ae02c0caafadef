//! Signature Version 4, by the vectors of AWS's own suite, and by what botocore has signed.

use std::collections::HashMap;

use serde::Deserialize;

use load::sigv4::{Signed, Signer, hex_of_hash};

const KEY: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

/// 2015-08-30 12:36:00 UTC
const TIME: u64 = 1_440_938_160;

fn authorization(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let mut signer = Signer::new(KEY.0, KEY.1, None, "us-east-1", "service");
    let body_hash = &hex_of_hash(body.as_bytes());
    let what = Signed { method, path, query, headers, body_hash };
    let mut added = signer.sign(&what, TIME);
    assert_eq!(added[0], ("x-amz-date", "20150830T123600Z".to_owned()));
    added.pop().unwrap().1
}

fn expected(headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={headers}, Signature={signature}"
    )
}

const HOST: (&str, &str) = ("host", "example.amazonaws.com");

#[test]
fn get_vanilla() {
    let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    assert_eq!(authorization("GET", "/", "", &[HOST], ""), expected("host;x-amz-date", signature));
}

#[test]
fn get_vanilla_query_order_key_case() {
    let signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
    assert_eq!(
        authorization("GET", "/", "Param1=value1&Param2=value2", &[HOST], ""),
        expected("host;x-amz-date", signature)
    );
}

#[test]
fn post_vanilla() {
    let signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    assert_eq!(authorization("POST", "/", "", &[HOST], ""), expected("host;x-amz-date", signature));
}

#[test]
fn post_x_www_form_urlencoded() {
    let signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    let content_type = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(
        authorization("POST", "/", "", &[content_type, HOST], "Param1=value1"),
        expected("content-type;host;x-amz-date", signature)
    );
}

#[test]
fn the_key_changes_with_the_day() {
    let sign = |signer: &mut Signer, time| {
        let signed =
            Signed { method: "GET", path: "/", query: "", headers: &[HOST], body_hash: "" };
        signer.sign(&signed, time)
    };
    let mut kept = Signer::new(KEY.0, KEY.1, Some("token"), "us-east-1", "bedrock");
    for time in [TIME, TIME + 1, TIME + 86_400, TIME] {
        let mut fresh = Signer::new(KEY.0, KEY.1, Some("token"), "us-east-1", "bedrock");
        assert_eq!(sign(&mut kept, time), sign(&mut fresh, time));
    }
}

#[derive(Deserialize)]
struct Vector {
    path: String,
    unix: u64,
    content_type: String,
    host: String,
    body: String,
    token: Option<String>,
    keys: (String, String),
    region: String,
    authorization: String,
}

#[test]
fn requests_are_signed_as_botocore_signs_them() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors/signatures.json")).unwrap();
    assert!(vectors.len() > 50);
    // One signer for all of its days, back and forth: a key that stayed too long would be seen.
    let mut signers = HashMap::new();
    for vector in vectors {
        let (access_key, secret_key) = vector.keys.clone();
        let who = (vector.keys.clone(), vector.token.clone(), vector.region.clone());
        let signer = signers.entry(who).or_insert_with(|| {
            let token = vector.token.as_deref();
            Signer::new(&access_key, &secret_key, token, &vector.region, "bedrock")
        });
        let what = Signed {
            method: "POST",
            path: &vector.path,
            query: "",
            headers: &[("content-type", &vector.content_type), ("host", &vector.host)],
            body_hash: &hex_of_hash(vector.body.as_bytes()),
        };
        let added = signer.sign(&what, vector.unix);

        assert_eq!(
            added.last().unwrap().1,
            vector.authorization,
            "{} {}",
            vector.path,
            vector.unix
        );
    }
}
