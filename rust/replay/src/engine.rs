//! Requests in, answers out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::answer::{Answer, Request, RequestId};
use crate::body::{self, Features};
use crate::chance::Chance;
use crate::compile::{Ask, Compile, Values};
use crate::counts::Counts;
use crate::error::Invalid;
use crate::head::Head;
use crate::journal::{Entry, Filter, Headers, Journal, Outcome, Record, Settled};
use crate::matching::Asked;
use crate::one_shot::OneShots;
use crate::operation::Operation;
use crate::options::Options;
use crate::plan::{Parts, Plan};
use crate::refusal::Refusal;
use crate::route::{Route, route, split_target};
use crate::rule::Rule;
use crate::rule_set::RuleSet;
use crate::schedule::Schedule;

/// How much of a ticket is the ordinal.
const ORDINAL_BITS: u32 = 40;

/// Answers Bedrock Runtime requests. Shared by all threads; no lock is held while a plan is made.
pub struct Engine {
    options: Options,
    rules: RwLock<Arc<RuleSet>>,
    journal: Journal,
    counts: Counts,
    unmatched: AtomicU64,
    one_shots: OneShots,
    /// The next request's ordinal, and above it how often the ordinals began anew.
    ticket: AtomicU64,
}

/// What an answer is made of.
struct Said {
    plan: Arc<Plan>,
    fixture: Option<usize>,
    schedule: Schedule,
}

impl Said {
    fn at_once(plan: Arc<Plan>) -> Self {
        let schedule = Schedule::at_once(&plan);
        Self { plan, fixture: None, schedule }
    }
}

impl Engine {
    /// An engine without rules.
    pub fn new(options: Options) -> Self {
        let rules = RuleSet::new(Vec::new(), None, options.max_sessions);
        Self {
            journal: Journal::new(options.journal_entries, options.journal_body_bytes),
            rules: RwLock::new(Arc::new(rules)),
            counts: Counts::new(),
            unmatched: AtomicU64::new(0),
            one_shots: OneShots::default(),
            ticket: AtomicU64::new(0),
            options,
        }
    }

    /// The longest body that is read.
    pub fn max_body_bytes(&self) -> usize {
        self.options.max_body_bytes
    }

    /// Replace all rules at once. Sequences begin anew, and plans are forgotten.
    pub fn load(&self, rules: Vec<Arc<Rule>>, compile: Arc<dyn Compile>) {
        let new = Arc::new(RuleSet::new(rules, Some(compile), self.options.max_sessions));
        let mut current = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, new);
        drop(current);
        drop(old);
    }

    /// Answer one request; `None` where its path is not one of Bedrock Runtime's.
    pub fn answer(&self, request: &Request<'_>) -> Option<Answer> {
        let (path, query) = split_target(request.target);
        let route = route(request.method, path);
        if matches!(route, Route::Foreign) {
            return None;
        }
        let head = Head::read(request.headers, query);
        let ticket = self.ticket.fetch_add(1, Ordering::Relaxed);
        let request_id = RequestId::draw(&mut Chance::new(&[self.options.seed, ticket]));
        let ordinal = ticket & ((1 << ORDINAL_BITS) - 1);
        let (operation, model, said) = match route {
            Route::Foreign => return None,
            Route::Refused(operation, refusal) => (operation, None, Err(refusal)),
            Route::Model(operation, model) => {
                let said = self.say(operation, &model, &head, request.body, ordinal);
                (Some(operation), Some(model), said)
            }
        };
        let Said { plan, fixture, schedule } =
            said.unwrap_or_else(|refusal| Said::at_once(refusal.plan()));
        self.counts.add(operation, plan.status());
        self.journal.record(|| Record {
            entry: Entry {
                id: 0,
                request_id,
                arrived: request.arrived,
                method: request.method.to_owned(),
                path: String::from_utf8_lossy(path).into_owned(),
                operation,
                model,
                session: head.session.into_owned(),
                attempt: head.attempt,
                headers: Headers::default(),
                body: Vec::new(),
                body_bytes: 0,
                status: plan.status(),
                fixture,
            },
            headers: request.headers,
            body: request.body,
        });
        Some(Answer { plan, schedule, request_id, fixture, operation })
    }

    fn say(
        &self,
        operation: Operation,
        model: &str,
        head: &Head<'_>,
        body: &[u8],
        ordinal: u64,
    ) -> Result<Said, Refusal> {
        let (found, limit) = (body.len(), self.options.max_body_bytes);
        if found > limit {
            return Err(Refusal::validation(format!(
                "The request body has {found} bytes, more than the {limit} allowed."
            )));
        }
        let text = std::str::from_utf8(body).map_err(|error| {
            let at = error.valid_up_to();
            Refusal::validation(format!("The request body is not UTF-8 at byte {at}."))
        })?;
        if operation != Operation::CountTokens {
            let features = body::read(text, operation, model).map_err(Refusal::validation)?;
            return self.match_and_say(operation, model, head, &features, ordinal, None);
        }
        let counted = body::counted(text).map_err(Refusal::validation)?;
        let features =
            body::read(&counted.body, counted.operation, model).map_err(Refusal::validation)?;
        let tokens = Some(counted.tokens);
        self.match_and_say(operation, model, head, &features, ordinal, tokens)
    }

    /// Say what the rule says that matches; where none does, `tokens` if there are any.
    fn match_and_say(
        &self,
        operation: Operation,
        model: &str,
        head: &Head<'_>,
        features: &Features<'_>,
        ordinal: u64,
        tokens: Option<u64>,
    ) -> Result<Said, Refusal> {
        if let Some(plan) = self.one_shots.pop() {
            return Ok(Said::at_once(plan));
        }
        let rules = Arc::clone(&*self.rules.read().unwrap_or_else(PoisonError::into_inner));
        let asked = Asked::new(operation, model, &head.session, head.context.as_deref(), features);
        let fixture = match (rules.choose(&asked, head), tokens) {
            (Ok(fixture), _) => fixture,
            (Err(_), Some(tokens)) => return Ok(Said::at_once(token_count(tokens))),
            (Err(miss), None) => {
                self.unmatched.fetch_add(1, Ordering::Relaxed);
                let strict = head.strict.unwrap_or(self.options.strict);
                return Err(Refusal::unmatched(strict, rules.explain(&miss, &asked, strict)));
            }
        };
        let rule = &rules.rules[fixture];
        let mut chance = Chance::new(&[self.options.seed, fixture as u64, ordinal]);
        let values = rule.dynamic.then(|| Values {
            user_message: features.user_message.as_deref(),
            system_message: features.system_message.as_deref(),
            tool_result: features.tool_results.first().map(|result| result.text.as_str()),
            turn: features.assistant_messages,
            session: &head.session,
        });
        let variant = match rule.weights.len() {
            1 => 0,
            _ => chance.weighted(&rule.weights),
        };
        let ask = Ask { fixture, variant, operation, model, format: features.format, values };
        let compile =
            rules.compile.as_deref().ok_or_else(|| Refusal::validation("No compiler."))?;
        let plan = rules.plans.get(&ask, compile).map_err(|why| {
            Refusal::validation(format!("Fixture {fixture} ({:?}): {why}", rule.name))
        })?;
        let schedule = self.schedule(&plan, rule, &mut chance);
        Ok(Said { plan, fixture: Some(fixture), schedule })
    }

    /// An error has no stream whose time it could take: only its own rule delays or cuts it.
    fn schedule(&self, plan: &Plan, rule: &Rule, chance: &mut Chance) -> Schedule {
        let default = self.options.timing.as_ref().filter(|_| !plan.is_error());
        Schedule::new(plan, rule.timing.as_ref().or(default), rule.cut, chance)
    }

    /// Answer the next well-formed request with this plan, before any matching.
    ///
    /// # Errors
    ///
    /// Too many wait already.
    pub fn next_error(&self, plan: Arc<Plan>) -> Result<(), Invalid> {
        self.one_shots.push(plan)
    }

    /// Empty the journal; begin sequences, draws and one-shot errors anew.
    pub fn reset(&self, journal: bool, sequences: bool) {
        if journal {
            self.journal.clear();
        }
        if sequences {
            self.current().sessions.clear();
            self.one_shots.clear();
            let anew = |ticket: u64| Some(((ticket >> ORDINAL_BITS) + 1) << ORDINAL_BITS);
            let _ = self.ticket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, anew);
        }
    }

    /// How many entries of the journal match, and a page of them, oldest first.
    pub fn journal(
        &self,
        filter: &Filter<'_>,
        offset: usize,
        limit: usize,
    ) -> (usize, Vec<Settled>) {
        self.journal.page(filter, offset, limit)
    }

    /// Tell the journal how an answer ended.
    pub fn settle(&self, request_id: RequestId, outcome: Outcome, sent_frames: usize) {
        self.journal.settle(request_id, outcome, sent_frames);
    }

    /// Requests answered, by operation (none for a path of no served operation) and status.
    pub fn requests(&self) -> Vec<(Option<Operation>, u16, u64)> {
        self.counts.all()
    }

    /// Requests that could be matched, and were not.
    pub fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    /// How many rules there are.
    pub fn fixtures(&self) -> usize {
        self.current().rules.len()
    }

    /// How many sessions are amid a sequence.
    pub fn sessions(&self) -> usize {
        self.current().sessions.len()
    }

    /// How many sessions were given up for lack of room, since the rules were loaded.
    pub fn evicted_sessions(&self) -> u64 {
        self.current().sessions.evicted()
    }

    fn current(&self) -> Arc<RuleSet> {
        Arc::clone(&*self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn token_count(tokens: u64) -> Arc<Plan> {
    let body = format!("{{\"inputTokens\":{tokens}}}");
    let plan = Plan::new(Parts {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        frames: vec![body.as_bytes()],
        steps: vec![0],
        stream_frames: None,
    });
    Arc::new(plan.expect("one frame, one step"))
}
