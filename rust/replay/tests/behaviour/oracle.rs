//! The matcher against one that tries every fixture in turn and chooses by the rules as written.

use std::collections::HashMap;

use proptest::prelude::*;
use replay::{Criteria, Model, Options, Rule, Text};

use crate::support::{ask, engine};

/// A request, by what criteria ask for.
#[derive(Debug, Clone)]
struct Asked {
    user: String,
    system: String,
    tool: Option<&'static str>,
    model: &'static str,
    turns: u32,
}

impl Asked {
    fn body(&self) -> String {
        let said =
            r#"{"role":"assistant","content":[{"text":"said"}]},"#.repeat(self.turns as usize);
        let tools = self.tool.map_or(String::new(), |name| {
            format!(r#","toolConfig":{{"tools":[{{"toolSpec":{{"name":"{name}"}}}}]}}"#)
        });
        format!(
            r#"{{"system":[{{"text":"{}"}}],"messages":[{said}{{"role":"user","content":[{{"text":"{}"}}]}}]{tools}}}"#,
            self.system, self.user
        )
    }
}

fn holds(criteria: &Criteria, asked: &Asked) -> bool {
    let model = criteria.model.as_ref().is_none_or(|model| match model {
        Model::Text(text) => text.meets(asked.model),
        Model::Family(family) => [asked.model, asked.model.trim_start_matches("us.")]
            .iter()
            .filter_map(|form| form.strip_prefix(&**family))
            .any(|rest| {
                let mut rest = rest.chars();
                match (rest.next(), rest.next()) {
                    (None, _) => true,
                    (Some('-'), Some(digit)) => digit.is_ascii_digit(),
                    _ => false,
                }
            }),
    });
    model
        && criteria.user_message.as_ref().is_none_or(|text| text.meets(&asked.user))
        && criteria
            .system_message
            .iter()
            .all(|text| !asked.system.is_empty() && text.meets(&asked.system))
        && criteria
            .tool_name
            .as_ref()
            .is_none_or(|text| asked.tool.is_some_and(|name| text.meets(name)))
}

/// How often the sequenced fixtures of the same criteria and turn have answered.
type Counts = HashMap<(Criteria, Option<u32>), u32>;

#[allow(clippy::mutable_key_type, reason = "a regex is hashed by its pattern")]
fn expected(rules: &[Rule], asked: &Asked, counts: &mut Counts) -> Option<usize> {
    let kin = |rule: &Rule| (rule.criteria.clone(), rule.turn_index);
    let matching: Vec<usize> = (0..rules.len())
        .filter(|at| holds(&rules[*at].criteria, asked))
        .filter(|at| {
            let count = counts.get(&kin(&rules[*at])).copied().unwrap_or(0);
            rules[*at].sequence_index.is_none_or(|index| index == count)
        })
        .collect();
    let plain = matching.iter().copied().find(|at| rules[*at].turn_index.is_none());
    let turn = |at: usize| rules[at].turn_index.unwrap_or(0);
    let with_turn = || matching.iter().copied().filter(|at| rules[*at].turn_index.is_some());
    let behind = with_turn().filter(|at| turn(*at) <= asked.turns);
    let best = behind.max_by_key(|at| (turn(*at), std::cmp::Reverse(*at)));
    let chosen = match (best, plain) {
        (Some(best), Some(plain)) if turn(best) == asked.turns && plain < best => Some(plain),
        (Some(best), _) => Some(best),
        (None, Some(plain)) => Some(plain),
        (None, None) => with_turn().min_by_key(|at| (turn(*at), *at)),
    };
    if let Some(at) = chosen.filter(|at| rules[*at].sequence_index.is_some()) {
        *counts.entry(kin(&rules[at])).or_default() += 1;
    }
    chosen
}

fn words() -> impl Strategy<Value = String> {
    "[ab]{0,4}"
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        words().prop_map(|text| Text::Equals(text.into())),
        "[ab]{0,3}".prop_map(|text| Text::Contains(text.into())),
        prop::sample::select(vec!["^a", "b$", "ab|ba", "a.b", "(?i)AB", "", "a+b", "[ab]{3}"])
            .prop_map(|regex| Text::regex(regex).expect("a regex")),
    ]
}

fn model() -> impl Strategy<Value = Model> {
    let texts = vec!["us.claude-4", "claude-4", "claude", "us.claude", "claude-4-1", "nova"];
    prop_oneof![
        prop::sample::select(texts).prop_map(|text| Model::Family(text.into())),
        prop::sample::select(vec!["us.claude-4", "nova"])
            .prop_map(|text| Model::Text(Text::Equals(text.into()))),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    (
        prop::option::weighted(0.7, text()),
        prop::collection::vec(text(), 0..3),
        prop::option::weighted(0.2, prop::sample::select(vec!["f", "g"])),
        prop::option::weighted(0.3, model()),
        prop::option::weighted(0.3, 0_u32..3),
        prop::option::weighted(0.3, 0_u32..4),
    )
        .prop_map(|(user_message, system_message, tool, model, sequence_index, turn_index)| {
            Rule {
                criteria: Criteria {
                    user_message,
                    system_message,
                    tool_name: tool.map(|name| Text::Equals(name.into())),
                    model,
                    ..Criteria::default()
                },
                sequence_index,
                turn_index,
                ..Rule::named("rule")
            }
        })
}

fn asked() -> impl Strategy<Value = Asked> {
    let models = vec!["us.claude-4", "claude-4-1-v1", "us.claude-4-1", "nova", "claude-x"];
    (
        words(),
        words(),
        prop::sample::select(vec![None, Some("f"), Some("h")]),
        prop::sample::select(models),
        0_u32..4,
    )
        .prop_map(|(user, system, tool, model, turns)| Asked {
            user,
            system,
            tool,
            model,
            turns,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[allow(clippy::mutable_key_type, reason = "a regex is hashed by its pattern")]
    fn the_index_finds_what_trying_every_fixture_finds(
        rules in prop::collection::vec(rule(), 0..12),
        requests in prop::collection::vec(asked(), 1..12),
    ) {
        let engine = engine(rules.clone(), Options::default());
        let mut counts = Counts::new();
        for request in requests {
            let answer = ask(&engine, request.model, &[], &request.body());
            prop_assert_eq!(answer.fixture, expected(&rules, &request, &mut counts));
        }
    }
}
