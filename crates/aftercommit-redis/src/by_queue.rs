//! A batch split by queue: a script stays within one queue, as a cluster wants it.

use aftercommit_core::QueueName;

/// The items of one queue, each with its place in the batch.
#[derive(Debug)]
pub(crate) struct Group<'a, T> {
    pub(crate) queue: &'a QueueName,
    pub(crate) items: Vec<(usize, &'a T)>,
}

/// Splits a batch into groups of one queue and of at most `limit` items. Items of a queue keep their order.
pub(crate) fn by_queue<'a, T>(
    batch: &'a [T],
    queue: impl Fn(&'a T) -> &'a QueueName,
    limit: usize,
) -> Vec<Group<'a, T>> {
    let mut groups: Vec<Group<'a, T>> = Vec::new();
    for (index, item) in batch.iter().enumerate() {
        let name = queue(item);
        // From the end: the last group of a queue is the one that is not full.
        match groups.iter_mut().rev().find(|group| group.queue == name) {
            Some(group) if group.items.len() < limit => group.items.push((index, item)),
            _ => groups.push(Group { queue: name, items: vec![(index, item)] }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_one_queue_bounded_and_in_order() {
        let name = |text: &str| QueueName::new(text).unwrap();
        let batch = [name("a"), name("b"), name("a"), name("a"), name("b")];
        let groups = by_queue(&batch, |queue| queue, 2);
        let got: Vec<(&str, Vec<usize>)> = groups
            .iter()
            .map(|group| (group.queue.as_str(), group.items.iter().map(|(index, _)| *index).collect()))
            .collect();
        assert_eq!(got, [("a", vec![0, 2]), ("b", vec![1, 4]), ("a", vec![3])]);
    }
}
