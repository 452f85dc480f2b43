//! Queues: their names, and the order in which a worker serves several of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand::{Rng, RngExt};

use crate::broker::Quota;
use crate::{Error, Result};

/// The name of a queue: not blank, at most 255 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// The queue that tasks go to when nothing else is said.
    pub const DEFAULT: &'static str = "default";
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a blank or overlong name, or one with control characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        if name.trim().is_empty() {
            return Err(Error::invalid("queue name", "it is blank"));
        }
        if name.len() > Self::MAX_BYTES {
            return Err(Error::invalid("queue name", format!("it is longer than {} bytes", Self::MAX_BYTES)));
        }
        if name.chars().any(char::is_control) {
            return Err(Error::invalid("queue name", "it contains a control character"));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for QueueName {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QueueName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}

/// How a worker chooses between queues that all have work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueOrder {
    /// In proportion to the weights; no queue starves.
    #[default]
    Weighted,
    /// The heaviest queue first, always; a lighter one only when the heavier are empty.
    Strict,
}

/// The queues a worker serves, with their weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSet {
    order: QueueOrder,
    /// Positive weights, heaviest first, then by name.
    queues: Vec<(QueueName, u32)>,
}

impl QueueSet {
    /// A set from names and weights. A weight of zero or less means that the queue is ignored; if none
    /// is left, the set is the default queue alone (the rules of asynq).
    pub fn new(order: QueueOrder, weights: impl IntoIterator<Item = (QueueName, i32)>) -> Self {
        let weights: BTreeMap<QueueName, i32> = weights.into_iter().collect();
        let mut queues: Vec<(QueueName, u32)> = weights
            .into_iter()
            .filter_map(|(name, weight)| u32::try_from(weight).ok().filter(|w| *w > 0).map(|w| (name, w)))
            .collect();
        if queues.is_empty() {
            queues.push((QueueName::default(), 1));
        }
        queues.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Self { order, queues }
    }

    /// The names, heaviest first.
    pub fn names(&self) -> impl Iterator<Item = &QueueName> {
        self.queues.iter().map(|(name, _)| name)
    }

    /// Names and weights, heaviest first.
    pub fn weights(&self) -> &[(QueueName, u32)] {
        &self.queues
    }

    /// The order of service.
    pub const fn order(&self) -> QueueOrder {
        self.order
    }

    /// Splits `wanted` tasks among the queues for one dequeue call: a quota per queue, in the order in
    /// which a quota that one queue cannot fill spills over to the others. Every queue appears, with a
    /// quota of zero if need be, so that a batch is full whenever any queue has work.
    ///
    /// Weighted: one weighted draw per wanted task. A large batch draws in proportion by arithmetic
    /// and leaves only the remainder to chance, so its cost depends on the number of queues.
    pub fn draw(&self, wanted: usize, rng: &mut dyn Rng) -> Vec<Quota> {
        match self.order {
            QueueOrder::Strict => self.strict(wanted),
            QueueOrder::Weighted => self.weighted(wanted, rng),
        }
    }

    fn strict(&self, wanted: usize) -> Vec<Quota> {
        let mut left = wanted;
        self.queues
            .iter()
            .map(|(queue, _)| Quota { queue: queue.clone(), count: std::mem::take(&mut left) })
            .collect()
    }

    fn weighted(&self, wanted: usize, rng: &mut dyn Rng) -> Vec<Quota> {
        let total: u64 = self.queues.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let whole_rounds = wanted as u64 / total;
        let mut quotas: Vec<Quota> = Vec::with_capacity(self.queues.len());
        let mut rest: Vec<(QueueName, u32)> = self.queues.clone();
        for _ in 0..wanted as u64 - whole_rounds * total {
            let drawn = pick(&self.queues, total, rng);
            match quotas.iter_mut().find(|quota| quota.queue == *drawn) {
                Some(quota) => quota.count += 1,
                None => quotas.push(Quota { queue: drawn.clone(), count: 1 }),
            }
        }
        // The order of spill-over is itself drawn by weight, or light queues would wait for heavy ones.
        rest.retain(|(name, _)| quotas.iter().all(|quota| quota.queue != *name));
        while !rest.is_empty() {
            let left: u64 = rest.iter().map(|(_, weight)| u64::from(*weight)).sum();
            let drawn = pick(&rest, left, rng).clone();
            rest.retain(|(name, _)| *name != drawn);
            quotas.push(Quota { queue: drawn, count: 0 });
        }
        for quota in &mut quotas {
            let weight = self.queues.iter().find(|(name, _)| *name == quota.queue).map_or(0, |(_, w)| *w);
            quota.count += usize::try_from(whole_rounds * u64::from(weight)).unwrap_or(usize::MAX);
        }
        quotas
    }
}

impl Default for QueueSet {
    fn default() -> Self {
        Self::new(QueueOrder::Weighted, [])
    }
}

/// One draw in proportion to the weights, which add up to `total`.
fn pick<'a>(queues: &'a [(QueueName, u32)], total: u64, rng: &mut dyn Rng) -> &'a QueueName {
    let mut point = rng.random_range(0..total);
    for (name, weight) in queues {
        match point.checked_sub(u64::from(*weight)) {
            Some(beyond) => point = beyond,
            None => return name,
        }
    }
    &queues[queues.len() - 1].0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn set(order: QueueOrder, weights: &[(&str, i32)]) -> QueueSet {
        QueueSet::new(order, weights.iter().map(|(name, weight)| (QueueName::new(name).unwrap(), *weight)))
    }

    #[test]
    fn weights_of_zero_or_less_are_ignored_and_none_left_means_the_default_queue() {
        let some = set(QueueOrder::Weighted, &[("low", 0), ("high", 3), ("never", -2)]);
        assert_eq!(some.names().map(QueueName::as_str).collect::<Vec<_>>(), ["high"]);
        let none = set(QueueOrder::Weighted, &[("low", 0)]);
        assert_eq!(none.names().map(QueueName::as_str).collect::<Vec<_>>(), [QueueName::DEFAULT]);
    }

    #[test]
    fn strict_order_gives_everything_to_the_heaviest_and_lets_the_rest_spill() {
        let quotas = set(QueueOrder::Strict, &[("a", 1), ("b", 9)]).draw(7, &mut StdRng::seed_from_u64(1));
        let got: Vec<_> = quotas.iter().map(|q| (q.queue.as_str(), q.count)).collect();
        assert_eq!(got, [("b", 7), ("a", 0)]);
    }

    #[test]
    fn single_draws_follow_the_weights() {
        let queues = set(QueueOrder::Weighted, &[("six", 6), ("three", 3), ("one", 1)]);
        let mut rng = StdRng::seed_from_u64(7);
        let mut first: HashMap<String, u32> = HashMap::new();
        for _ in 0..10_000 {
            let quotas = queues.draw(1, &mut rng);
            let drawn = quotas.iter().find(|quota| quota.count == 1).unwrap();
            *first.entry(drawn.queue.to_string()).or_default() += 1;
        }
        assert!((5_700..6_300).contains(&first["six"]), "{first:?}");
        assert!((2_700..3_300).contains(&first["three"]), "{first:?}");
        assert!((850..1_150).contains(&first["one"]), "{first:?}");
    }

    proptest! {
        #[test]
        fn a_draw_hands_out_exactly_what_was_wanted_and_names_every_queue(
            wanted in 0usize..500, weights in proptest::collection::vec(1i32..50, 1..6), seed: u64, strict: bool,
        ) {
            let order = if strict { QueueOrder::Strict } else { QueueOrder::Weighted };
            let queues = QueueSet::new(
                order,
                weights.iter().enumerate().map(|(i, w)| (QueueName::new(format!("q{i}")).unwrap(), *w)),
            );
            let quotas = queues.draw(wanted, &mut StdRng::seed_from_u64(seed));
            prop_assert_eq!(quotas.iter().map(|q| q.count).sum::<usize>(), wanted);
            let mut names: Vec<_> = quotas.iter().map(|q| q.queue.clone()).collect();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), weights.len());
        }
    }
}
