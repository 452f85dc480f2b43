//! Every statement, by name. The text of each is a file that says at its top what transition it is.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+ $(+ $rest:literal)?;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = concat!($(include_str!(concat!("sql/", $file)),)+ $($rest)?);)+

        /// All of them, for the tests.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

statements! {
    // --- the hot path
    ENQUEUE = "enqueue.sql";

    // --- upkeep

    // --- operators

    // --- groups

    // --- the outbox

    // --- presence and news
}
