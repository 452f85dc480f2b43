//! How many tasks go with one call: half as many after each failure, down to one, and twice as many after each
//! success. So the one task that a back-end cannot take is found in a few calls, a back-end that is away is
//! asked with single tasks, and one that is slow gets what it can take.

#[derive(Debug)]
pub(super) struct Pace {
    size: usize,
    most: usize,
}

impl Pace {
    pub(super) const fn new(most: usize) -> Self {
        Self { size: most, most }
    }

    /// How many of `waiting` tasks go with the next call.
    pub(super) fn size(&self, waiting: usize) -> usize {
        self.size.min(waiting)
    }

    /// A call went well.
    pub(super) fn went(&mut self) {
        self.size = self.size.saturating_mul(2).min(self.most);
    }

    /// A call with so many tasks failed.
    pub(super) fn failed(&mut self, size: usize) {
        self.size = (size / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls it takes to get all but one task through.
    fn calls(rows: usize, poison: usize) -> usize {
        let (mut pace, mut at, mut calls) = (Pace::new(500), 0, 0);
        while at < rows {
            let size = pace.size(rows - at);
            calls += 1;
            if !(at..at + size).contains(&poison) {
                pace.went();
                at += size;
            } else if size == 1 {
                at += 1;
            } else {
                pace.failed(size);
            }
        }
        calls
    }

    #[test]
    fn one_task_that_cannot_be_taken_is_found_in_a_few_calls_wherever_it_is() {
        for poison in 0..500 {
            assert!(calls(500, poison) <= 60, "{} calls for {poison}", calls(500, poison));
        }
    }
}
