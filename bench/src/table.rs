//! Rows as tables for people.

use std::collections::BTreeSet;

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::goal::Goal;
use crate::measure::Samples;
use crate::row::Row;

/// Ours beside the bare loop and the best peer.
pub(crate) fn table(rows: &[Row], peer: Option<&str>, style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style);
    let mut header = vec!["measurement", "unit", "ours (median)", "min – max", "bare loop", "ratio"];
    if let Some(peer) = peer {
        header.extend([peer, "its min – max", "ratio", "must / aim", "verdict"]);
    }
    header.push("limited by");
    table.set_header(header);
    for row in rows.iter().filter(|row| !row.ours.is_empty() || row.bare.is_some()) {
        table.add_row(cells(row, peer));
    }
    for column in 2..if peer.is_some() { 9 } else { 6 } {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn cells(row: &Row, peer: Option<&str>) -> Vec<String> {
    let none = || "–".to_owned();
    let median = |samples: &Option<Samples>| samples.as_ref().map_or_else(none, |it| number(it.median()));
    let range = |samples: &Samples| match samples.is_empty() {
        true => none(),
        false => format!("{} – {}", number(samples.min()), number(samples.max())),
    };
    let (best, several) = (row.best_peer(), row.peers.len() > 1);
    let named = |(name, samples): &(&'static str, Samples)| match several {
        true => format!("{} ({name})", number(samples.median())),
        false => number(samples.median()),
    };
    let ratio = |ratio: Option<f64>| ratio.map_or_else(none, |ratio| format!("{ratio:.2}"));
    let mut cells = vec![
        row.name.clone(),
        row.unit.to_owned(),
        if row.ours.is_empty() { none() } else { number(row.ours.median()) },
        range(&row.ours),
        median(&row.bare),
        ratio(row.ratio()),
    ];
    if peer.is_some() {
        cells.extend([
            best.map_or_else(none, named),
            best.map_or_else(none, |(_, samples)| range(samples)),
            ratio(row.peer_ratio()),
            joined(row.goals.iter().map(Goal::to_string)).unwrap_or_else(none),
            joined(row.verdicts().into_iter().map(|it| it.as_str().to_owned())).unwrap_or_else(none),
        ]);
    }
    cells.push(row.limit.to_owned());
    cells
}

/// The medians of all peers, where there are several: the other table has the best.
pub(crate) fn each_peer(rows: &[Row], style: TableStyle) -> Option<Table> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.peers.len() > 1).collect();
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| row.peers.iter().map(|(name, _)| *name)).collect();
    if names.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_style(style);
    table.set_header(["measurement", "unit", "ours"].into_iter().chain(names.iter().copied()));
    for row in rows {
        let of = |name: &str| row.peers.iter().find(|(known, _)| *known == name);
        let mut cells = vec![row.name.clone(), row.unit.to_owned(), number(row.ours.median())];
        cells.extend(names.iter().map(|name| of(name).map_or("–".to_owned(), |(_, it)| number(it.median()))));
        table.add_row(cells);
    }
    Some(table)
}

/// Three significant digits are more than a noisy machine can vouch for.
fn number(value: f64) -> String {
    if value >= 1_000.0 {
        let whole = format!("{value:.0}");
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Several goals, or verdicts, in one cell.
pub(crate) fn joined(parts: impl Iterator<Item = String>) -> Option<String> {
    parts.reduce(|all, part| format!("{all}; {part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_easily() {
        assert_eq!([1_234_567.0, 1_000.0, 12.34, 0.456].map(number), ["1,234,567", "1,000", "12.3", "0.46"]);
    }
}
