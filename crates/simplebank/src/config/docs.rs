//! Keeps `app.env` and `docs/configuration.md` in step with the keys.

use super::keys::{Key, Preset, keys};
use super::{env_file, later};
use std::collections::HashSet;

const APP_ENV: &str = include_str!("../../../../app.env");
const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// The settings that stand in `app.env` behind a `#`.
fn commented_out() -> Vec<(&'static str, &'static str)> {
    let settings = APP_ENV.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    settings.filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')).collect()
}

#[test]
fn app_env_lists_every_key_once_and_no_other() {
    let (entries, bad) = env_file::parse(APP_ENV);
    assert_eq!(bad, []);
    let active = entries.iter().map(|entry| entry.name.as_str());
    let listed: Vec<&str> = active.chain(commented_out().iter().map(|(name, _)| *name)).collect();
    let known: HashSet<&str> = keys().map(|key| key.name).chain(later::names()).collect();
    assert_eq!(listed.iter().copied().collect::<HashSet<_>>(), known);
    assert_eq!(listed.len(), known.len(), "a key is listed twice: {listed:?}");
}

#[test]
fn app_env_changes_no_default() {
    let (entries, _) = env_file::parse(APP_ENV);
    for entry in &entries {
        let key = keys().find(|key| key.name == entry.name).expect("an active key has an effect");
        assert!(matches!(key.preset, Preset::Value(value) if value == entry.value), "{}", entry.name);
    }
    let with_value = keys().filter(|key| matches!(key.preset, Preset::Value(_)) && key.name != "DB_SOURCE");
    assert_eq!(entries.len(), with_value.count());
    let read = |_: &std::path::Path| Ok(APP_ENV.to_owned());
    let config = super::load(["simplebank".into()], [], read).unwrap();
    assert_eq!(config.notices, Vec::<String>::new());
}

#[test]
fn course_values_of_database_and_redis_stand_ready() {
    let commented = commented_out();
    let course = "postgresql://root:secret@localhost:5432/simple_bank?sslmode=disable";
    assert!(commented.contains(&("DB_SOURCE", course)), "{commented:?}");
    assert!(commented.contains(&("REDIS_ADDRESS", "0.0.0.0:6379")), "{commented:?}");
}

fn row(key: &Key) -> String {
    let preset = match key.preset {
        Preset::Value(value) => format!("`{value}`"),
        Preset::Words(words) => words.to_owned(),
    };
    format!(
        "| `{}` | `--{}` | {preset} | {} | {} |",
        key.name,
        key.flag(),
        key.about,
        key.refused_in_production
    )
}

#[test]
fn page_has_the_table_of_the_keys() {
    let head = "| key | flag | default | meaning | refused in production |\n|---|---|---|---|---|\n";
    let table = head.to_owned() + &keys().map(row).collect::<Vec<_>>().join("\n") + "\n";
    assert!(PAGE.contains(&table), "docs/configuration.md must contain this table:\n\n{table}");
    let rows: Vec<_> =
        later::WITHOUT_EFFECT.iter().map(|(name, about)| format!("| `{name}` | {about} |")).collect();
    let table = format!("| key | what it is for |\n|---|---|\n{}\n", rows.join("\n"));
    assert!(PAGE.contains(&table), "docs/configuration.md must contain this table:\n\n{table}");
}
