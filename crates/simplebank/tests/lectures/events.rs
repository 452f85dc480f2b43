//! What a log says happened, in order, in the few words that the lectures are about.

/// What is looked for, and what else of such a line matters.
const EVENTS: [(&str, &[&str]); 5] = [
    ("enqueued task", &["max_retry", "queue"]),
    ("process task failed", &["error"]),
    ("Retry exhausted", &[]),
    ("processed task", &[]),
    ("received an HTTP request", &["status_code"]),
];

/// The events in these lines of a log, joined by `>`.
pub(crate) fn events<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let events: Vec<String> = lines.filter_map(event).collect();
    match events.is_empty() {
        true => "log: nothing".to_owned(),
        false => format!("log: {}", events.join(" > ")),
    }
}

fn event(line: &str) -> Option<String> {
    // The time and the level come first; what is in a field is no event.
    let message = line.splitn(3, ' ').nth(2)?;
    let (words, fields) = EVENTS.iter().find(|(words, _)| message.starts_with(words))?;
    let values = fields.iter().filter_map(|name| field(message, name));
    Some(std::iter::once((*words).to_owned()).chain(values).collect::<Vec<_>>().join(" "))
}

fn field(message: &str, name: &str) -> Option<String> {
    let (_, rest) = message.split_once(&format!(" {name}="))?;
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split(' ').next()?,
    };
    Some(match name {
        "error" => format!("\"{value}\""),
        "status_code" => value.to_owned(),
        _ => format!("{name}={value}"),
    })
}

#[test]
fn events_are_told_from_what_fields_say() {
    let log = [
        "4:42PM INF start task processor",
        "4:42PM INF enqueued task max_retry=10 payload=\"{\\\"username\\\":\\\"alice\\\"}\" queue=critical type=t",
        "4:42PM ERR process task failed error=\"failed to get user: user doesn't exist\" type=t",
        "4:42PM WRN Retry exhausted for task id=17",
        "4:42PM INF something payload=\"processed task\"",
        "4:42PM INF received an HTTP request duration=1.5 status_code=200 status_text=OK",
    ];
    assert_eq!(
        events(log.into_iter()),
        "log: enqueued task max_retry=10 queue=critical > process task failed \"failed to get user: user doesn't \
         exist\" > Retry exhausted > received an HTTP request 200"
    );
}
