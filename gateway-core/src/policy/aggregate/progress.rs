//! The calls of one answer on their way: which one may begin, and what has come of those that have ended.

use super::{Aggregate, Asked, Fault, Filled, REQUEST, Scope, Unfilled};
use crate::call::Call;
use crate::document::{Budget, Object, Value};
use crate::policy::body_edit::Trouble;

/// The calls of one answer.
#[derive(Debug)]
pub struct Progress<'a> {
    plan: &'a Aggregate,
    call: &'a Call,
    /// The results so far, and the content of the request, by their names.
    results: Value,
    states: Vec<State>,
    /// The rank of the first required call that has failed: those from there on are not wanted. Else the number of all.
    cut: usize,
}

/// The state of a call.
#[derive(Debug)]
enum State {
    /// It waits for others.
    Waiting,
    /// It has begun.
    Running(Running),
    /// It has ended.
    Settled(End),
}

/// A call that has begun.
#[derive(Debug)]
struct Running {
    /// The values that it is made for; none if it is made once.
    items: Option<Vec<Value>>,
    /// What came of it for each of them.
    outcomes: Vec<Option<Result<Value, Fault>>>,
    /// The index of the next one.
    next: usize,
    /// The number of those under way.
    under_way: usize,
    /// The index of the first one that has failed, where that decides: those behind it are not wanted.
    first_failed: usize,
}

/// The end of a call.
#[derive(Debug)]
enum End {
    /// It has a result, though perhaps not all of it.
    Done(Option<Fault>),
    /// It was not to be made, and has no result.
    Skipped,
    /// It has no result.
    Failed(Fault),
}

/// A request that is to be made.
#[derive(Debug)]
pub struct Job {
    /// The index of the call.
    pub call: usize,
    /// The index of the value that it is made for.
    pub item: usize,
    /// The request.
    pub filled: Filled,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The answer.
    pub document: Value,
    /// The calls that lack in it, by index, in the order of the configuration, and why.
    pub lacks: Vec<(usize, Fault)>,
}

/// A reason why there is no answer.
#[derive(Debug)]
pub struct Failure {
    /// The index of the call.
    pub call: usize,
    /// The reason.
    pub fault: Fault,
}

impl<'a> Progress<'a> {
    /// The calls of `plan` for `call`, whose `content` some of them need.
    #[must_use]
    pub fn new(plan: &'a Aggregate, call: &'a Call, content: Option<Value>) -> Self {
        let mut results = Object::default();
        if let Some(content) = content {
            results.insert(REQUEST, content);
        }
        let states = plan.calls.iter().map(|_| State::Waiting).collect();
        Self { plan, call, results: Value::Object(results), states, cut: plan.ranks.len() }
    }

    /// The next request to make; none as long as nothing ends.
    pub fn next_job(&mut self) -> Option<Job> {
        let plan = self.plan;
        for (rank, index) in plan.ranks.iter().enumerate() {
            let asked = plan.calls.get(*index)?;
            // A call before this one may have failed in this very loop.
            if rank >= self.cut {
                return None;
            }
            if matches!(self.states.get(*index), Some(State::Waiting)) && self.may_begin(asked) {
                self.begin(*index, asked);
            }
            if let Some(job) = self.job_of(*index, asked) {
                return Some(job);
            }
        }
        None
    }

    fn may_begin(&self, asked: &Asked) -> bool {
        asked.needs.iter().all(|index| matches!(self.states.get(*index), Some(State::Settled(_))))
    }

    /// Begins a call, or ends it at once.
    fn begin(&mut self, index: usize, asked: &Asked) {
        let scope = self.scope(None);
        let is_made = asked.when.as_ref().map_or(Ok(true), |when| when.is_met(scope));
        let items = match (is_made, &asked.each) {
            (Err(fault), _) => Err(Some(fault)),
            (Ok(false), _) => Err(None),
            (Ok(true), None) => Ok(None),
            (Ok(true), Some(each)) => self.items(asked, each).map(Some),
        };
        match items {
            Ok(items) => {
                let count = items.as_ref().map_or(1, Vec::len);
                let outcomes = (0..count).map(|_| None).collect();
                self.set(
                    index,
                    State::Running(Running { items, outcomes, next: 0, under_way: 0, first_failed: count }),
                );
                // There may be nothing to ask for.
                self.settle(index, asked);
            }
            Err(Some(fault)) => self.end(index, asked, Err(fault), None),
            Err(None) => self.skip(index, asked),
        }
    }

    /// The values that a call is made for; an error without a fault if it is not to be made.
    fn items(&self, asked: &Asked, each: &super::Each) -> Result<Vec<Value>, Option<Fault>> {
        if let Some(lack) = self.lack(asked) {
            return Err(lack);
        }
        let mut budget = self.budget();
        let values = each.path.values(&self.results).map_err(|_| Some(Fault::TooMuch))?;
        if values.len() > each.most {
            return Err(Some(Fault::TooMany));
        }
        values.into_iter().map(|value| budget.copy(value).map_err(|_| Some(Fault::TooMuch))).collect()
    }

    /// The reason why a value may be missing that comes from another call: no fault if that was not to be made. None if there is no such reason.
    fn lack(&self, asked: &Asked) -> Option<Option<Fault>> {
        let end = |index: &usize| match self.states.get(*index) {
            Some(State::Settled(end)) => Some((*index, end)),
            _ => None,
        };
        let mut ends = asked.needs.iter().filter_map(end).collect::<Vec<_>>().into_iter();
        let failed = ends.clone().find(|(_, end)| matches!(end, End::Failed(_)));
        if let Some((index, _)) = failed {
            return Some(Some(Fault::Needs(index)));
        }
        ends.any(|(_, end)| matches!(end, End::Skipped)).then_some(None)
    }

    /// The next request of a call that has begun.
    fn job_of(&mut self, index: usize, asked: &Asked) -> Option<Job> {
        loop {
            let State::Running(running) = self.states.get_mut(index)? else { return None };
            let most = asked.each.as_ref().map_or(1, |each| each.at_once);
            if running.under_way >= most || running.next >= running.first_failed {
                return None;
            }
            let item = running.next;
            running.next = item.saturating_add(1);
            running.under_way = running.under_way.saturating_add(1);
            let State::Running(running) = self.states.get(index)? else { return None };
            let value = running.items.as_ref().and_then(|items| items.get(item));
            match asked.sent.fill(self.scope(value), &mut self.budget()) {
                Ok(filled) => return Some(Job { call: index, item, filled }),
                Err(Unfilled::TooMuch) => self.ended(index, item, Err(Fault::TooMuch)),
                Err(Unfilled::Missing) => match self.lack(asked) {
                    Some(None) => {
                        self.skip(index, asked);
                        return None;
                    }
                    Some(Some(fault)) => self.ended(index, item, Err(fault)),
                    None => self.ended(index, item, Err(Fault::Missing)),
                },
            }
        }
    }

    /// Notes what has come of a request.
    pub fn ended(&mut self, index: usize, item: usize, outcome: Result<Value, Fault>) {
        let plan = self.plan;
        let (Some(State::Running(running)), Some(asked)) = (self.states.get_mut(index), plan.calls.get(index)) else {
            return;
        };
        running.under_way = running.under_way.saturating_sub(1);
        if outcome.is_err() && asked.is_required && asked.fallback.is_none() {
            running.first_failed = running.first_failed.min(item);
        }
        if let Some(place) = running.outcomes.get_mut(item) {
            *place = Some(outcome);
        }
        self.settle(index, asked);
    }

    /// Ends a call if nothing of it is left to do.
    fn settle(&mut self, index: usize, asked: &Asked) {
        let Some(State::Running(running)) = self.states.get_mut(index) else { return };
        if running.under_way > 0 || running.next < running.first_failed {
            return;
        }
        let outcomes = core::mem::take(&mut running.outcomes);
        if running.items.is_none() {
            let outcome = outcomes.into_iter().next().flatten().unwrap_or(Err(Fault::Timeout));
            self.end(index, asked, outcome, None);
            return;
        }
        let mut values = Vec::with_capacity(outcomes.len());
        let mut lacks = None;
        for outcome in outcomes.into_iter().flatten() {
            match outcome {
                Ok(value) => values.push(value),
                Err(fault) => match &asked.fallback {
                    Some(value) => values.push(value.clone()),
                    None if asked.is_required => return self.end(index, asked, Err(fault), None),
                    None => {
                        values.push(Value::Null);
                        lacks.get_or_insert(fault);
                    }
                },
            }
        }
        self.end(index, asked, Ok(Value::Array(values)), lacks);
    }

    /// Ends a call.
    fn end(&mut self, index: usize, asked: &Asked, outcome: Result<Value, Fault>, lacks: Option<Fault>) {
        let end = match (outcome, &asked.fallback) {
            (Ok(value), _) => {
                self.insert(asked, value);
                End::Done(lacks)
            }
            (Err(_), Some(value)) => {
                self.insert(asked, value.clone());
                End::Done(None)
            }
            (Err(fault), None) => {
                if asked.is_required
                    && let Some(rank) = self.plan.ranks.iter().position(|one| *one == index)
                {
                    self.cut = self.cut.min(rank);
                }
                End::Failed(fault)
            }
        };
        self.set(index, State::Settled(end));
    }

    /// Ends a call that is not to be made.
    fn skip(&mut self, index: usize, asked: &Asked) {
        let end = match &asked.fallback {
            Some(value) => {
                self.insert(asked, value.clone());
                End::Done(None)
            }
            None => End::Skipped,
        };
        self.set(index, State::Settled(end));
    }

    /// Ends all calls that have not ended: there is no more time.
    pub fn expire(&mut self) {
        let plan = self.plan;
        for index in &plan.ranks {
            let Some(asked) = plan.calls.get(*index) else { continue };
            match self.states.get_mut(*index) {
                Some(State::Waiting) => self.end(*index, asked, Err(Fault::Timeout), None),
                Some(State::Running(running)) => {
                    for outcome in &mut running.outcomes {
                        outcome.get_or_insert(Err(Fault::Timeout));
                    }
                    (running.under_way, running.next) = (0, usize::MAX);
                    self.settle(*index, asked);
                }
                Some(State::Settled(_)) | None => {}
            }
        }
    }

    /// Returns whether the end of the call with this index may still change the answer.
    #[must_use]
    pub fn is_wanted(&self, index: usize, item: usize) -> bool {
        let is_before = self.plan.ranks.iter().take(self.cut).any(|one| *one == index);
        is_before
            && match self.states.get(index) {
                Some(State::Running(running)) => item <= running.first_failed,
                _ => false,
            }
    }

    /// The answer, once nothing is under way that is wanted.
    ///
    /// # Errors
    /// A required call has failed.
    pub fn answer(&mut self) -> Result<Answer, Failure> {
        let mut members = Vec::new();
        let mut lacks = Vec::new();
        let is_undone = self.plan.calls.iter().any(|asked| asked.undo.is_some());
        if let Some(index) = self.plan.ranks.get(self.cut) {
            let fault = match self.states.get(*index) {
                Some(State::Settled(End::Failed(fault))) => fault.clone(),
                _ => Fault::Timeout,
            };
            return Err(Failure { call: *index, fault });
        }
        let Value::Object(results) = &mut self.results else { return Ok(Answer { document: Value::Null, lacks }) };
        for (index, (asked, state)) in self.plan.calls.iter().zip(&self.states).enumerate() {
            if let State::Settled(End::Failed(fault) | End::Done(Some(fault))) = state {
                lacks.push((index, fault.clone()));
            }
            // What undoes a call takes its result, should the answer come to nothing.
            let value = if is_undone { results.get(&asked.name).cloned() } else { results.remove(&asked.name) };
            members.extend(value.map(|value| (asked.name.clone(), value)));
        }
        Ok(Answer { document: Value::Object(Object::of_distinct(members)), lacks })
    }

    /// The calls that have succeeded and can be undone, by index, the last one first, with the requests that undo them; none where a value for one is missing.
    #[must_use]
    pub fn to_undo(&self) -> Vec<(usize, Option<Filled>)> {
        // An answer that can't be read says that it was done, all the same.
        let done = |index: &&usize| {
            let state = self.states.get(**index);
            matches!(state, Some(State::Settled(End::Done(None) | End::Failed(Fault::Content(_)))))
        };
        let undo = |index: &usize| {
            let undo = self.plan.calls.get(*index)?.undo.as_ref()?;
            Some((*index, undo.fill(self.scope(None), &mut self.budget()).ok()))
        };
        self.plan.ranks.iter().rev().filter(done).filter_map(undo).collect()
    }

    fn insert(&mut self, asked: &Asked, value: Value) {
        if let Value::Object(results) = &mut self.results {
            results.insert(&asked.name, value);
        }
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(place) = self.states.get_mut(index) {
            *place = state;
        }
    }

    const fn scope<'s>(&'s self, item: Option<&'s Value>) -> Scope<'s> {
        Scope { call: self.call, results: &self.results, item }
    }

    /// The room for what is made of results.
    fn budget(&self) -> Budget {
        Budget::new(usize::try_from(self.plan.most_bytes.saturating_mul(4)).unwrap_or(usize::MAX))
    }
}

impl Aggregate {
    /// Makes the content of `answer`: its steps are done, and what lacks is listed.
    ///
    /// # Errors
    /// A step can't be done.
    pub fn finish(&self, answer: Answer, texts: &[Option<Box<str>>]) -> Result<String, Trouble> {
        let Answer { mut document, lacks } = answer;
        if let Some(edit) = &self.edit {
            edit.run(&mut document, texts)?;
        }
        if let (Some(member), false, Value::Object(object)) = (&self.partial_member, lacks.is_empty(), &mut document)
            && object.get(member).is_none()
        {
            object.insert(member, self.listed(&lacks));
        }
        let mut content = String::new();
        document.write(&mut content);
        Ok(content)
    }

    /// The list of the calls that lack.
    fn listed(&self, lacks: &[(usize, Fault)]) -> Value {
        let one = |(index, fault): &(usize, Fault)| {
            let name = self.calls.get(*index).map_or("", |asked| &*asked.name);
            Value::Object(Object::of_distinct(vec![
                ("call".into(), name.into()),
                ("code".into(), fault.code().into()),
                ("detail".into(), fault.to_string().into()),
            ]))
        };
        Value::Array(lacks.iter().map(one).collect())
    }
}
