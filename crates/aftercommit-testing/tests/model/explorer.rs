//! Visits every state that a model can reach, breadth first, so that the first way found to a fault is a
//! shortest one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::Hash;

use crate::report::{Finding, Report};

/// A model with more states is too large to be looked through while one waits.
const MAX_STATES: usize = 200_000;

/// A concern of the queue, small enough to be looked at in every state it can be in.
pub(crate) trait Model {
    /// Everything that matters, and what an auditor would have written down.
    type State: Clone + Eq + Hash + Debug;

    fn start(&self) -> Self::State;

    /// What can happen next.
    fn moves(&self, moves: &mut Moves<'_, Self::State>);

    /// What is wrong with a state, if anything is. Nothing is looked at beyond such a state.
    fn judge(&self, state: &Self::State) -> Option<Finding>;

    /// Whether everything that was committed has come to its end.
    fn is_drained(&self, state: &Self::State) -> bool;
}

/// Who makes a move, and so whether one may count on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Something that happens in the end if it stays possible: a loop of ours, or a time that runs out.
    System,
    /// Something that may happen or not: the host's choice, a fault.
    World,
}

/// Collects what can happen in a state.
pub(crate) struct Moves<'a, S> {
    /// The state in which it happens.
    pub(crate) at: &'a S,
    found: Vec<(By, String, S)>,
}

impl<S: Clone> Moves<'_, S> {
    /// A move that happens in the end if it stays possible.
    pub(crate) fn system(&mut self, what: impl Into<String>, change: impl FnOnce(&mut S)) {
        self.add(By::System, what.into(), change);
    }

    /// A move on which nobody may count.
    pub(crate) fn world(&mut self, what: impl Into<String>, change: impl FnOnce(&mut S)) {
        self.add(By::World, what.into(), change);
    }

    fn add(&mut self, by: By, what: String, change: impl FnOnce(&mut S)) {
        let mut next = self.at.clone();
        change(&mut next);
        self.found.push((by, what, next));
    }
}

/// What has been visited. A state's number is the order in which it was found.
struct Visit<'a, M: Model> {
    model: &'a M,
    numbers: HashMap<M::State, usize>,
    states: Vec<M::State>,
    /// From which state, and by which of its moves, a state was first reached.
    origins: Vec<Option<(usize, usize)>>,
    /// Moves of the system, by where they lead: the states they come from.
    before: Vec<Vec<usize>>,
    moves: usize,
    findings: BTreeMap<Finding, usize>,
}

/// Visits all states of a model.
pub(crate) fn explore<M: Model>(name: &str, model: &M) -> Report {
    let mut visit = Visit {
        model,
        numbers: HashMap::new(),
        states: Vec::new(),
        origins: Vec::new(),
        before: Vec::new(),
        moves: 0,
        findings: BTreeMap::new(),
    };
    visit.reach(model.start(), None);
    let mut at = 0;
    while at < visit.states.len() {
        visit.look_at(at);
        at += 1;
    }
    if let Some(doomed) = visit.first_doomed() {
        visit.found(Finding::Lost, doomed);
    }
    let stories = visit.findings.iter().map(|(finding, state)| (*finding, visit.way_to(*state)));
    Report::new(name, visit.states.len(), visit.moves, stories.collect())
}

impl<M: Model> Visit<'_, M> {
    fn look_at(&mut self, at: usize) {
        if let Some(finding) = self.model.judge(&self.states[at]) {
            self.found(finding, at);
            return;
        }
        for (nth, (by, _, next)) in self.moves_of(at).into_iter().enumerate() {
            let next = self.reach(next, Some((at, nth)));
            self.moves += 1;
            if by == By::System {
                self.before[next].push(at);
            }
        }
    }

    fn moves_of(&self, at: usize) -> Vec<(By, String, M::State)> {
        let mut moves = Moves { at: &self.states[at], found: Vec::new() };
        self.model.moves(&mut moves);
        moves.found
    }

    /// The number of a state, which may be a new one.
    fn reach(&mut self, state: M::State, origin: Option<(usize, usize)>) -> usize {
        let number = self.states.len();
        match self.numbers.entry(state) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                assert!(number < MAX_STATES, "the model has more than {MAX_STATES} states");
                self.states.push(new.key().clone());
                new.insert(number);
                self.origins.push(origin);
                self.before.push(Vec::new());
                number
            }
        }
    }

    /// Keeps the nearest state with a finding.
    fn found(&mut self, finding: Finding, state: usize) {
        let nearest = self.findings.entry(finding).or_insert(state);
        *nearest = state.min(*nearest);
    }

    /// The nearest state from which no moves of the system alone lead to the end. Since this holds for every state
    /// on the way too, and there are finitely many, moves that stay possible and so happen do lead there.
    fn first_doomed(&self) -> Option<usize> {
        let is_end = |state: &M::State| self.model.is_drained(state) || self.model.judge(state).is_some();
        let mut saved: Vec<bool> = self.states.iter().map(is_end).collect();
        let mut next: Vec<usize> = (0..saved.len()).filter(|at| saved[*at]).collect();
        while let Some(at) = next.pop() {
            for before in &self.before[at] {
                if !saved[*before] {
                    saved[*before] = true;
                    next.push(*before);
                }
            }
        }
        saved.iter().position(|saved| !saved)
    }

    /// The moves that lead to a state, by the shortest way.
    fn way_to(&self, mut at: usize) -> Vec<String> {
        let mut story = Vec::new();
        while let Some((from, nth)) = self.origins[at] {
            story.push(self.moves_of(from).swap_remove(nth).1);
            at = from;
        }
        story.reverse();
        story
    }
}
