//! Spaces as a table: each column as wide as its longest value.

use super::order_name;
use icecore_core::SpaceInfo;

/// The table, without a line break at its end.
pub(super) fn text(infos: &[SpaceInfo]) -> String {
    let head = ["SPACE", "MODEL", "ORDER", "EPOCH", "CREATED", "ERASED"];
    let rows: Vec<[String; 6]> = std::iter::once(head.map(str::to_owned))
        .chain(infos.iter().map(row))
        .collect();
    let is_any_erased = infos.iter().any(|info| info.erased_at.is_some());
    let columns = if is_any_erased {
        head.len()
    } else {
        head.len() - 1
    };
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

fn row(info: &SpaceInfo) -> [String; 6] {
    [
        info.space.to_string(),
        info.model.name.clone(),
        order_name(info.order).to_owned(),
        info.epoch.to_string(),
        info.created_at.clone(),
        info.erased_at.clone().unwrap_or_default(),
    ]
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row
        .iter()
        .zip(widths)
        .map(|(value, &width)| format!("{value:<width$}"))
        .collect();
    cells.join("  ").trim_end().to_owned()
}
