//! Optional members of stored objects: one that is null counts as absent (docs/format.md, JSON).

use serde::{Deserialize, Deserializer};

/// For `deserialize_with`, beside `default`.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
