//! Spaces as a table: each column as wide as its longest value.

use super::order_name;
use icecore_core::SpaceInfo;

/// The table, without a line break at its end.
pub(super) fn text(infos: &[SpaceInfo]) -> String {
    let head = [
        "SPACE",
        "MODEL",
        "ORDER",
        "EPOCH",
        "CREATED",
        "ENCRYPTED",
        "ERASED",
    ];
    let rows: Vec<[String; 7]> = std::iter::once(head.map(str::to_owned))
        .chain(infos.iter().map(row))
        .collect();
    // What is the same for all is left out.
    let is_any_encrypted = infos.iter().any(|info| info.keyring.is_some());
    let is_any_erased = infos.iter().any(|info| info.erased_at.is_some());
    let columns: Vec<usize> = (0..head.len())
        .filter(|&column| match head[column] {
            "ENCRYPTED" => is_any_encrypted,
            "ERASED" => is_any_erased,
            _ => true,
        })
        .collect();
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<(usize, usize)> = columns.iter().map(|&c| (c, width(c))).collect();
    let lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

fn row(info: &SpaceInfo) -> [String; 7] {
    let encrypted = if info.keyring.is_some() { "yes" } else { "no" };
    [
        info.space.to_string(),
        info.model.name.clone(),
        order_name(info.order).to_owned(),
        info.epoch.number().to_string(),
        info.created_at.clone(),
        encrypted.to_owned(),
        info.erased_at.clone().unwrap_or_default(),
    ]
}

fn line(row: &[String], widths: &[(usize, usize)]) -> String {
    let cells: Vec<String> = widths
        .iter()
        .map(|&(column, width)| format!("{:<width$}", row[column]))
        .collect();
    cells.join("  ").trim_end().to_owned()
}
