//! Requests in, answers out.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::agent::Class;
use crate::answer::{Answer, Reply, Request, RequestId, UnderWay};
use crate::body;
use crate::compile::{Ask, Compile, Plans, Values};
use crate::counts::Counts;
use crate::distributions::Circumstances;
use crate::error::Invalid;
use crate::head::Head;
use crate::journal::{Entry, Filter, Headers, Journal, Outcome, Record, Settled, Took};
use crate::matching::Asked;
use crate::misses::Misses;
use crate::one_shot::OneShots;
use crate::operation::Operation;
use crate::options::{Options, Requests};
use crate::ordinals::Ordinals;
use crate::pending::{Opening, Pending, Unmade};
use crate::plan::{Parts, Plan};
use crate::playback::Settlement;
use crate::refusal::Refusal;
use crate::rng::Rng;
use crate::route::{Route, route, split_target};
use crate::rule::Rule;
use crate::rule_set::RuleSet;
use crate::rules::Finding;
use crate::schedule::{Dues, Schedule};
use crate::session::Sessions;
use crate::tally::Tally;
use crate::timing::Timing;
use crate::verify::{Fit, fit};

/// How much of a ticket is the ordinal.
const ORDINAL_BITS: u32 = 40;

/// How many models, and how many fixtures, are counted by name; all others are counted together.
const MAX_MODELS: usize = 100;
const MAX_FIXTURES: usize = 1000;
/// More than there are rules.
const MAX_BROKEN_RULES: usize = 100;

/// Answers Bedrock Runtime requests. Shared by all threads; no lock is held while a plan is made.
pub struct Engine {
    options: Options,
    rules: RwLock<Arc<RuleSet>>,
    /// Held while rules are replaced.
    loading: Mutex<()>,
    pub(crate) plans: Plans,
    sessions: Sessions,
    journal: Journal,
    counts: Counts,
    unmatched: AtomicU64,
    misses: Misses,
    by_model: Tally,
    by_fixture: Tally,
    by_rule: Tally,
    /// The first break of each rule, until it is written to a log.
    warnings: Misses,
    /// How many requests of other services were noted.
    foreign: AtomicU64,
    one_shots: OneShots,
    ordinals: Ordinals,
    /// The pace of fixtures that have none.
    timing: RwLock<Option<Arc<Timing>>>,
    /// How many answers are under way.
    under_way: Arc<AtomicUsize>,
    /// The next request's ordinal, and above it how often the ordinals were reset.
    ticket: AtomicU64,
}

/// What an answer is made of.
pub(crate) struct Said {
    pub(crate) plan: Arc<Plan>,
    pub(crate) fixture: Option<usize>,
    pub(crate) place: Option<Arc<str>>,
    pub(crate) schedule: Schedule,
}

impl Said {
    pub(crate) fn at_once(plan: Arc<Plan>) -> Self {
        let schedule = Schedule::at_once(&plan);
        Self { plan, fixture: None, place: None, schedule }
    }
}

/// What the schedule of an answer depends on beside its plan and its rule, as it was when the request
/// arrived.
pub(crate) struct AnswerPace {
    variant: usize,
    default: Option<Arc<Timing>>,
    /// Of the request.
    tokens: u64,
}

/// What there is to say, or what is missing for it.
enum Saying {
    Said(Said),
    Unmade(Unmade),
}

impl Engine {
    /// An engine without rules.
    pub fn new(options: Options) -> Self {
        Self {
            journal: Journal::new(options.journal_entries, options.journal_body_bytes),
            rules: RwLock::new(Arc::new(RuleSet::empty())),
            loading: Mutex::new(()),
            plans: Plans::new(options.max_plan_bytes),
            sessions: Sessions::new(options.max_sessions),
            counts: Counts::new(),
            unmatched: AtomicU64::new(0),
            misses: Misses::default(),
            by_model: Tally::new(MAX_MODELS),
            by_fixture: Tally::new(MAX_FIXTURES),
            by_rule: Tally::new(MAX_BROKEN_RULES),
            warnings: Misses::default(),
            foreign: AtomicU64::new(0),
            one_shots: OneShots::default(),
            ordinals: Ordinals::new(),
            timing: RwLock::new(options.timing.clone().map(Arc::new)),
            under_way: Arc::default(),
            ticket: AtomicU64::new(0),
            options,
        }
    }

    /// The longest body that is read.
    pub fn max_body_bytes(&self) -> usize {
        self.options.max_body_bytes
    }

    /// Replace all rules at once.
    ///
    /// Sequences go on where rules of the same criteria were there before, and begin at 0 where
    /// there were none. Plans are forgotten; with `keep_plans` those of rules whose identity is in
    /// both sets are not, for which this compiler must make the same plans as the one before.
    pub fn load(&self, rules: Vec<Arc<Rule>>, compile: Arc<dyn Compile>, keep_plans: bool) {
        let loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.current();
        let new = Arc::new(old.followed_by(rules, compile, keep_plans));
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        self.sessions.retain(&new.sequences());
        let kept: HashSet<_> = (0..new.rules.len()).map(|at| new.identity(at)).collect();
        let gone = self.plans.retain(new.generation, &kept);
        drop(loading);
        // Not under the lock: both may hold what their host must clean up.
        drop((old, gone));
    }

    /// Whether a request is refused by its method and path alone, whatever its body is: its head is
    /// answered, for its body may never end.
    pub fn refuses(&self, method: &str, target: &[u8]) -> bool {
        matches!(route(method, split_target(target).0), Route::Refused(..))
    }

    /// Note a request that another service should have got, and that was answered with `status`.
    /// Returns the id of the answer. It takes no ordinal: what Bedrock is asked is drawn as before.
    pub fn note_foreign(&self, request: &Request<'_>, status: u16) -> RequestId {
        let number = self.foreign.fetch_add(1, Ordering::Relaxed);
        let request_id = RequestId::draw(&mut Rng::new(&[self.options.seed, u64::MAX, number]));
        let (path, query) = split_target(request.target);
        let head = Head::read(request.headers, query);
        self.counts.add(None, status);
        let entry = self.journal.entry(|| Self::record(request, request_id, path, head));
        if let Some(entry) = entry {
            self.journal.record(Entry { status, ..entry });
            self.journal.settle(request_id, Outcome::Delivered, 0, None);
        }
        request_id
    }

    /// Answer one request; `None` where its path is not one of Bedrock Runtime's. Where its plan
    /// is not there yet, it is made meanwhile.
    pub fn answer(&self, request: &Request<'_>) -> Option<Answer> {
        Some(match self.begin(request)? {
            Reply::Ready(answer) => answer,
            Reply::Pending(pending) => pending.finish(self),
        })
    }

    /// Answer one request as far as that takes no compiling; `None` where its path is not one of
    /// Bedrock Runtime's.
    pub fn begin(&self, request: &Request<'_>) -> Option<Reply> {
        let (path, query) = split_target(request.target);
        let route = route(request.method, path);
        if matches!(route, Route::Foreign) {
            return None;
        }
        let head = Head::read(request.headers, query);
        let ticket = self.ticket.fetch_add(1, Ordering::Relaxed);
        let request_id = RequestId::draw(&mut Rng::new(&[self.options.seed, ticket]));
        let ordinal = self.ordinals.next(&head.session);
        let mut broken_rules = Vec::new();
        let (operation, model, saying) = match route {
            Route::Foreign => return None,
            Route::Refused(operation, refusal) => (operation, None, Err(refusal)),
            Route::Model(operation, model) => {
                self.by_model.add(&model);
                let saying =
                    self.say(operation, &model, &head, request.body, ordinal, &mut broken_rules);
                (Some(operation), Some(model), saying)
            }
        };
        let entry = self.journal.entry(|| {
            let mut record = Self::record(request, request_id, path, head);
            (record.entry.operation, record.entry.model) = (operation, model);
            record.entry.broken_rules = broken_rules;
            record
        });
        let opening = Opening { request_id, operation, entry };
        Some(match saying {
            Ok(Saying::Said(said)) => Reply::Ready(self.close(opening, said)),
            Ok(Saying::Unmade(unmade)) => Reply::Pending(Box::new(Pending::new(opening, unmade))),
            Err(refusal) => Reply::Ready(self.close(opening, Said::at_once(refusal.plan()))),
        })
    }

    /// What the journal keeps of a request, but for what its route and its answer decide.
    fn record<'a>(
        request: &Request<'a>,
        request_id: RequestId,
        path: &[u8],
        head: Head<'_>,
    ) -> Record<'a> {
        let entry = Entry {
            id: 0,
            request_id,
            arrived: request.arrived,
            method: request.method.to_owned(),
            path: String::from_utf8_lossy(path).into_owned(),
            operation: None,
            model: None,
            session: head.session.into_owned(),
            attempt: head.attempt,
            headers: Headers::default(),
            body: Vec::new(),
            body_bytes: 0,
            status: 0,
            fixture: None,
            place: None,
            broken_rules: Vec::new(),
        };
        Record { entry, headers: request.headers, body: request.body }
    }

    /// Count and note an answer.
    pub(crate) fn close(&self, opening: Opening, said: Said) -> Answer {
        let Opening { request_id, operation, entry } = opening;
        let Said { plan, fixture, place, schedule } = said;
        self.counts.add(operation, plan.status());
        if let Some(place) = &place {
            self.by_fixture.add(place);
        }
        if let Some(entry) = entry {
            self.journal.record(Entry { status: plan.status(), fixture, place, ..entry });
        }
        let under_way = Some(UnderWay::new(&self.under_way));
        Answer { plan, schedule, request_id, fixture, operation, under_way }
    }

    fn say(
        &self,
        operation: Operation,
        model: &str,
        head: &Head<'_>,
        body: &[u8],
        ordinal: u64,
        broken_rules: &mut Vec<&'static str>,
    ) -> Result<Saying, Refusal> {
        let limit = self.options.max_body_bytes;
        if body.len() > limit {
            // How long it is, is not known: transports do not read on.
            let why = format!("The request body has more than the {limit} bytes allowed.");
            return Err(Refusal::validation(why));
        }
        let text = std::str::from_utf8(body).map_err(|error| {
            let at = error.valid_up_to();
            Refusal::validation(format!("The request body is not UTF-8 at byte {at}."))
        })?;
        if operation != Operation::CountTokens {
            let features = body::read(text, operation, model).map_err(Refusal::validation)?;
            self.judge(operation, model, text, broken_rules)?;
            let asked = Asked::new(operation, model, head, &features, body);
            return self.match_and_say(&asked, head, ordinal, None);
        }
        let counted = body::counted(text).map_err(Refusal::validation)?;
        let features =
            body::read(&counted.body, counted.operation, model).map_err(Refusal::validation)?;
        let asked = Asked::new(operation, model, head, &features, body);
        self.match_and_say(&asked, head, ordinal, Some(counted.tokens))
    }

    /// Judge a body by the service's rules: note what it breaks, and refuse it where that is asked
    /// for. Fixtures, and errors that were ordered, do not see what is refused.
    fn judge(
        &self,
        operation: Operation,
        model: &str,
        text: &str,
        broken_rules: &mut Vec<&'static str>,
    ) -> Result<(), Refusal> {
        let (judge, refuses) = match &self.options.requests {
            Requests::Warn(judge) if operation.is_converse() => (judge, false),
            Requests::Refuse(judge) if operation.is_converse() => (judge, true),
            _ => return Ok(()),
        };
        let findings = judge.converse(text, model, operation == Operation::ConverseStream);
        let mut refusal = None;
        for finding in findings {
            if broken_rules.contains(&finding.rule) {
                continue;
            }
            broken_rules.push(finding.rule);
            if self.by_rule.add_once(finding.rule) {
                self.warnings.note(|| {
                    let Finding { rule, place, message, .. } = &finding;
                    let place = if place.is_empty() { "the body" } else { place };
                    format!("{model:?}: a request breaks rule {rule} at {place}: {message}")
                });
            }
            if refuses && finding.refuses && refusal.is_none() {
                refusal = Some(Refusal::validation(finding.message));
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Say what the rule says that matches; where none does, `tokens` if there are any.
    fn match_and_say(
        &self,
        asked: &Asked<'_>,
        head: &Head<'_>,
        ordinal: u64,
        tokens: Option<u64>,
    ) -> Result<Saying, Refusal> {
        if let Some(plan) = self.one_shots.pop() {
            return Ok(Saying::Said(Said::at_once(plan)));
        }
        let rules = self.current();
        let fixture = match (rules.choose(asked, head, &self.sessions), tokens) {
            (Ok(fixture), _) => fixture,
            (Err(_), Some(tokens)) => {
                return Ok(Saying::Said(Said::at_once(token_count(tokens))));
            }
            (Err(miss), None) => {
                self.unmatched.fetch_add(1, Ordering::Relaxed);
                let strict = head.strict.unwrap_or(self.options.strict);
                let why = rules.explain(&miss, asked, strict);
                self.misses
                    .note(|| format!("{:?} (session {:?}): {why}", asked.model, asked.session));
                return Err(Refusal::unmatched(strict, why));
            }
        };
        let rule = &rules.rules[fixture];
        let identity = rules.identity(fixture);
        let [high, low] = [(identity >> 64) as u64, identity as u64];
        let mut rng = Rng::new(&[self.options.seed, high, low, ordinal]);
        if head.names_session {
            // Sessions have the same ordinals, and should not have the same draws. What is drawn does
            // not depend on a client's key.
            rng = rng.of(&head.session);
        }
        let variant = match rule.weights.len() {
            1 => 0,
            _ => rng.weighted(&rule.weights),
        };
        let repeats = asked.features.format.repeats();
        let agent = rule.agents.get(variant).copied().flatten();
        let class = agent.map(|agent| Class::draw(agent, asked, &mut rng));
        let mut values = (rule.dynamic || repeats || agent.is_some())
            .then(|| Values::of(asked, rule.whole || repeats || agent.is_some()));
        if let Some(values) = &mut values {
            values.drawn = class.map(|class| class.drawn);
        }
        let pace = self.pace(rule, variant, asked.body);
        let ask = Ask {
            fixture,
            kept_by: (rules.generation, identity),
            variant,
            operation: asked.operation,
            model: asked.model,
            format: asked.features.format,
            // An answer that repeats the prompt is for one request alone.
            class: class.filter(|_| !repeats),
            values,
        };
        if let Some(plan) = self.plans.find(&ask) {
            return Ok(Saying::Said(self.said(plan, rule, fixture, &pace, &mut rng)));
        }
        Ok(Saying::Unmade(Unmade::new(&ask, Arc::clone(&rules), pace, rng)))
    }

    fn pace(&self, rule: &Rule, variant: usize, body: &[u8]) -> AnswerPace {
        let default = self.timing.read().unwrap_or_else(PoisonError::into_inner).clone();
        let timing = rule.timing_of(variant).or(default.as_deref());
        let counts = rule.agents.get(variant).is_some_and(Option::is_some)
            || timing.is_some_and(Timing::counts_input);
        let tokens = if counts { body::tokens(body) } else { 0 };
        AnswerPace { variant, default, tokens }
    }

    /// A rule's answer with its schedule. An error has no stream whose time it could take: only its
    /// own rule delays or cuts it.
    pub(crate) fn said(
        &self,
        plan: Arc<Plan>,
        rule: &Rule,
        fixture: usize,
        pace: &AnswerPace,
        rng: &mut Rng,
    ) -> Said {
        let default = pace.default.as_deref().filter(|_| !plan.is_error());
        let timing = rule.timing_of(pace.variant).or(default);
        let given = Circumstances {
            input_tokens: pace.tokens,
            streams: self.under_way.load(Ordering::Relaxed),
        };
        let dues = Dues::draw(&plan, timing, given, rng);
        let told = dues.told(&plan);
        let plan = Plan::filled(plan, pace.tokens, told, rng);
        let schedule = Schedule::of(&plan, dues, rule.cut);
        Said { plan, fixture: Some(fixture), place: rule.place.clone(), schedule }
    }

    /// Change the pace of fixtures that have none. Answers that have begun keep theirs.
    pub fn set_timing(&self, timing: Option<Timing>) {
        *self.timing.write().unwrap_or_else(PoisonError::into_inner) = timing.map(Arc::new);
    }

    /// Answer the next `times` well-formed requests with this plan, before any matching.
    ///
    /// # Errors
    ///
    /// Too many would wait; then none is added.
    pub fn next_error(&self, plan: &Arc<Plan>, times: usize) -> Result<(), Invalid> {
        self.one_shots.push(plan, times)
    }

    /// Empty the journal; reset sequences, draws and one-shot errors.
    pub fn reset(&self, journal: bool, sequences: bool) {
        if journal {
            self.journal.clear();
        }
        if sequences {
            self.sessions.clear();
            self.one_shots.clear();
            self.ordinals.clear();
            let anew = |ticket: u64| Some(((ticket >> ORDINAL_BITS) + 1) << ORDINAL_BITS);
            let _ = self.ticket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, anew);
        }
    }

    /// How many entries of the journal match, and a page of them, oldest or `newest` first.
    pub fn journal(
        &self,
        filter: &Filter<'_>,
        offset: usize,
        limit: usize,
        newest: bool,
    ) -> (usize, Vec<Settled>) {
        self.journal.page(filter, offset, limit, newest)
    }

    /// Judge the requests of the journal by the criteria and the turn of a rule, oldest first.
    pub fn verify(&self, rule: &Rule) -> Vec<(Settled, Fit)> {
        let (_, requests) = self.journal.page(&Filter::default(), 0, usize::MAX, false);
        let judged = requests.into_iter().map(|settled| {
            let fit = fit(rule, &settled.entry);
            (settled, fit)
        });
        judged.collect()
    }

    /// Tell the journal how an answer ended.
    pub fn settle(&self, settlement: &Settlement) {
        let took = Took {
            duration: settlement.duration.as_secs_f64(),
            lateness: settlement.lateness.map(|lateness| lateness.as_secs_f64()),
        };
        let outcome = settlement.end.outcome();
        self.journal.settle(settlement.request_id, outcome, settlement.frames, Some(took));
    }

    /// Requests answered, by operation (none for a path of no served operation) and status.
    pub fn requests(&self) -> Vec<(Option<Operation>, u16, u64)> {
        self.counts.all()
    }

    /// Requests to models, by model id: the first hundred, and "other".
    pub fn models(&self) -> Vec<(Arc<str>, u64)> {
        self.by_model.all()
    }

    /// Requests answered by fixtures, by where they stand: the first thousand, and "other".
    pub fn answered(&self) -> Vec<(Arc<str>, u64)> {
        self.by_fixture.all()
    }

    /// Requests that could be matched, and were not.
    pub fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    /// Why requests were not matched, a line each, since this was asked last; and how many more
    /// there were than are kept.
    pub fn take_misses(&self) -> (Vec<String>, u64) {
        self.misses.take()
    }

    /// Requests that broke rules of the service, by rule.
    pub fn broken_rules(&self) -> Vec<(Arc<str>, u64)> {
        self.by_rule.all()
    }

    /// The first break of each rule, a line each, since this was asked last; and how many more
    /// there were than are kept.
    pub fn take_warnings(&self) -> (Vec<String>, u64) {
        self.warnings.take()
    }

    /// How many rules there are.
    pub fn fixtures(&self) -> usize {
        self.current().rules.len()
    }

    /// How many sessions are amid a sequence.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many sessions were given up for lack of room.
    pub fn evicted_sessions(&self) -> u64 {
        self.sessions.evicted()
    }

    /// How many requests the journal dropped for lack of room since it was emptied; none where it
    /// is off.
    pub fn evicted_requests(&self) -> Option<u64> {
        self.journal.evicted()
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
        ..Parts::default()
    });
    Arc::new(plan.expect("one frame, one step"))
}
