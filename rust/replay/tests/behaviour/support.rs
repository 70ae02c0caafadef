//! Engines that say which fixture they were asked for.

use std::sync::Arc;

use replay::{Answer, Ask, Compile, Engine, Options, Parts, Plan, Request, Rule};

/// Says the fixture's index.
pub struct Echo;

impl Compile for Echo {
    fn compile(&self, ask: &Ask<'_>) -> Result<Arc<Plan>, String> {
        let body = ask.fixture.to_string();
        let parts = Parts {
            status: 200,
            frames: vec![body.as_bytes()],
            steps: vec![0],
            ..Parts::default()
        };
        Plan::new(parts).map(Arc::new).map_err(|error| error.to_string())
    }
}

pub fn engine(rules: Vec<Rule>, options: Options) -> Engine {
    let engine = Engine::new(options);
    engine.load(rules.into_iter().map(Arc::new).collect(), Arc::new(Echo), false);
    engine
}

pub fn ask(engine: &Engine, model: &str, headers: &[(&[u8], &[u8])], body: &str) -> Answer {
    let target = format!("/model/{model}/converse");
    let request = Request {
        method: "POST",
        target: target.as_bytes(),
        headers,
        body: body.as_bytes(),
        arrived: 0.0,
    };
    engine.answer(&request).expect("a path of Bedrock Runtime")
}
