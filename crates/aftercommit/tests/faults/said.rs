//! What the library may say about an outage.

use crate::lines::Lines;
use crate::store::NAME;

/// The links say once that the store is gone and once that it is back, for each outage; and the worker floods nothing.
pub(crate) fn said_once_each(lines: &Lines, outages: usize) {
    let said = lines.all().join("\n");
    assert_eq!(lines.with(&["WARN", &format!("{NAME} is not reachable")]), outages, "{said}");
    assert_eq!(lines.with(&["INFO", &format!("{NAME} is reachable again")]), outages, "{said}");
    says_little(lines, outages);
}

/// Of each outage a worker says that it begins and that it is over, and nobody says anything for each call.
pub(crate) fn says_little(lines: &Lines, outages: usize) {
    let said = lines.all().join("\n");
    assert!(lines.with(&["lost its store"]) <= outages, "{said}");
    assert_eq!(lines.with(&["lost its store"]), lines.with(&["reached its store again"]), "{said}");
    assert_eq!(lines.with(&["ERROR"]), 0, "{said}");
    let about_no_task =
        lines.all().iter().filter(|line| line.starts_with("WARN") && !line.contains(" id=")).count();
    assert!(about_no_task <= 2 * outages, "{said}");
}
