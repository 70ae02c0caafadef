//! Which requests are Bedrock's.

/// What the answer to a request for any other says.
pub(crate) const NO_ROUTE: &str = "This server has no such route.";

/// How the paths of Bedrock Runtime begin. The engine knows them exactly.
pub const PREFIXES: [&str; 4] = ["/model/", "/guardrail/", "/guardrail-checks/", "/async-invoke"];

/// Whether a request target is for the engine, by its beginning.
pub(crate) fn is_bedrock(target: &[u8]) -> bool {
    PREFIXES.iter().any(|prefix| target.starts_with(prefix.as_bytes()))
}
