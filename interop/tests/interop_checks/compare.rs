//! Two dumps, key by key and field by field.

use std::collections::{BTreeMap, BTreeSet};

use aftercommit_interop::{Bytes, Dump, Key, Stored, Value, Wire};

use crate::corpus::Case;

/// How far apart two moments may lie that mean the same.
const SAME_MOMENT_S: f64 = 15.0;
/// The moments in a task's message: when it failed, when it completed.
const MOMENTS: [&str; 2] = ["11", "13"];
/// What the names of our own keys have in them.
const OURS: &str = ":x:";

/// Fails unless two dumps differ in exactly these places: `CASE: REST_OF_KEY PLACE`, the names of the queues being
/// replaced by those of their cases. Our own keys and hash fields are left out.
pub(crate) fn differ_only_in(expected: &[&str], ours: &Dump, go: &Dump, cases: &[Case]) {
    let found = differences(&without_own(ours.clone()), &without_own(go.clone()));
    let found: BTreeMap<String, String> =
        found.into_iter().map(|difference| (place(&difference, cases), difference)).collect();
    let expected: BTreeSet<String> = expected.iter().map(|place| (*place).to_owned()).collect();
    let unexpected: Vec<_> = found.iter().filter(|(place, _)| !expected.contains(*place)).collect();
    let missing: Vec<_> = expected.iter().filter(|place| !found.contains_key(*place)).collect();
    assert!(unexpected.is_empty() && missing.is_empty(), "unexpected {unexpected:#?}, missing {missing:#?}");
}

/// Fails unless our own keys in a dump are exactly these, written as for [`differ_only_in`].
pub(crate) fn own_keys_are(expected: &BTreeSet<String>, dump: &Dump, cases: &[Case]) {
    let own = dump.keys.iter().map(|key| text(&key.key)).filter(|key| key.contains(OURS));
    let own: BTreeSet<String> = own.map(|key| place(&key, cases)).collect();
    assert_eq!(own, *expected);
}

/// Our own hash fields in a dump.
pub(crate) fn own_fields(dump: &Dump) -> BTreeSet<String> {
    let hashes = dump.keys.iter().filter_map(|key| match &key.stored {
        Stored::Hash { fields } => Some(fields),
        _ => None,
    });
    hashes.flat_map(BTreeMap::keys).filter(|name| name.starts_with("x_")).cloned().collect()
}

/// `CASE: REST_OF_KEY PLACE`.
fn place(difference: &str, cases: &[Case]) -> String {
    let difference = difference.split_once(": ours").map_or(difference, |(place, _)| place);
    for case in cases {
        for queue in case.queues() {
            if let Some(rest) = difference.strip_prefix(&format!("asynq:{{{queue}}}:")) {
                // The key of a day has its date at the end of a word.
                let rest = rest.split(' ').map(dateless).collect::<Vec<_>>().join(" ");
                return format!("{}: {rest}", case.name);
            }
        }
    }
    difference.to_owned()
}

fn dateless(word: &str) -> String {
    match word.split_once(':') {
        Some((counter @ ("processed" | "failed"), rest)) if !rest.is_empty() => {
            format!("{counter}:DAY{}", if rest.ends_with(':') { ":" } else { "" })
        }
        _ => word.to_owned(),
    }
}

/// A difference, as text: `KEY PLACE: ours .., go ..`.
fn differences(ours: &Dump, go: &Dump) -> BTreeSet<String> {
    let by_name = |dump: &Dump| -> BTreeMap<String, Key> {
        dump.keys.iter().map(|key| (text(&key.key), key.clone())).collect()
    };
    let (ours, go) = (by_name(ours), by_name(go));
    let names: BTreeSet<&String> = ours.keys().chain(go.keys()).collect();
    let mut found = BTreeSet::new();
    for name in names {
        match (ours.get(name), go.get(name)) {
            (Some(_), None) => drop(found.insert(format!("{name}: only ours"))),
            (None, Some(_)) => drop(found.insert(format!("{name}: only go's"))),
            (Some(ours), Some(go)) => {
                if ours.ttl != go.ttl {
                    found.insert(format!("{name} ttl: ours {}, go {}", ours.ttl, go.ttl));
                }
                let places = stored(&ours.stored, &go.stored);
                found.extend(places.into_iter().map(|place| format!("{name} {place}")));
            }
            (None, None) => {}
        }
    }
    found
}

/// A dump without our own keys and hash fields, which are judged by themselves.
fn without_own(mut dump: Dump) -> Dump {
    dump.keys.retain(|key| !text(&key.key).contains(OURS));
    for key in &mut dump.keys {
        if let Stored::Hash { fields } = &mut key.stored {
            fields.retain(|name, _| !name.starts_with("x_"));
        }
    }
    dump
}

pub(crate) fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(&bytes.0).into_owned()
}

fn stored(ours: &Stored, go: &Stored) -> Vec<String> {
    match (ours, go) {
        (Stored::Hash { fields: ours }, Stored::Hash { fields: go }) => hash(ours, go),
        (Stored::Zset { scores: ours }, Stored::Zset { scores: go }) => {
            let by_member = |scores: &[aftercommit_interop::Scored]| -> BTreeMap<String, f64> {
                scores.iter().map(|scored| (format!("{:?}", scored.member), scored.score)).collect()
            };
            let (ours, go) = (by_member(ours), by_member(go));
            let mut found = Vec::new();
            if ours.keys().ne(go.keys()) {
                found.push(format!("members: ours {:?}, go {:?}", ours.keys(), go.keys()));
            }
            for (member, score) in &ours {
                if score.fract() != 0.0 {
                    found.push(format!("score of {member}: {score} is not whole"));
                }
                if go.get(member).is_some_and(|go| (go - score).abs() > SAME_MOMENT_S) {
                    found.push(format!("score of {member}: ours {score}, go {}", go[member]));
                }
            }
            found
        }
        (ours, go) if ours == go => Vec::new(),
        (ours, go) => vec![format!("holds: ours {ours:?}, go {go:?}")],
    }
}

fn hash(ours: &BTreeMap<String, Value>, go: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for name in ours.keys().chain(go.keys()).collect::<BTreeSet<_>>() {
        match (ours.get(name), go.get(name)) {
            (Some(Value::Wire(ours)), Some(Value::Wire(go))) => found.extend(message(ours, go)),
            // A moment in nanoseconds: that it is there is what matters.
            (Some(_), Some(_)) if name == "pending_since" => {}
            (ours, go) if ours == go => {}
            (ours, go) => found.push(format!("field {name}: ours {}, go {}", shown(ours), shown(go))),
        }
    }
    found
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"))
}

/// Two messages: the same fields, and the same bytes wherever nothing leaves a choice.
fn message(ours: &Wire, go: &Wire) -> Vec<String> {
    let (Some(our_fields), Some(go_fields)) = (&ours.fields, &go.fields) else {
        return vec![format!("msg: cannot be read: ours {ours:?}, go {go:?}")];
    };
    let mut found = Vec::new();
    let mut moments_differ = false;
    for number in our_fields.keys().chain(go_fields.keys()).collect::<BTreeSet<_>>() {
        let (ours, go) = (our_fields.get(number), go_fields.get(number));
        if ours == go {
            continue;
        }
        if MOMENTS.contains(&number.as_str()) && ours.is_some() && go.is_some() {
            moments_differ = true;
            continue;
        }
        found.push(format!("msg.{number}: ours {ours:?}, go {go:?}"));
    }
    let headers = go_fields.get("15").map_or(0, Vec::len);
    if found.is_empty() && !moments_differ && headers < 2 && ours.hex != go.hex {
        found.push(format!("msg bytes: ours {}, go {}", ours.hex, go.hex));
    }
    if ours.hex.len() != go.hex.len() && found.is_empty() {
        found.push(format!("msg length: ours {}, go {}", ours.hex, go.hex));
    }
    found
}
