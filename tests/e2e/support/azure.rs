//! Azure's emulator, which `cargo xtask test` starts beside the tests.

use super::command::Place;
use super::tools;

/// Where `object_store` looks for the emulator.
const ADDRESS: &str = "AZURITE_BLOB_STORAGE_URL";

/// A place for a store that no other test uses. `None` when there is no emulator and the test is to be skipped.
pub(crate) fn place() -> Option<Place> {
    let address = tools::named_by(ADDRESS)?;
    let environment = [
        (ADDRESS, address.as_str()),
        ("AZURE_STORAGE_USE_EMULATOR", "true"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // The name of a temporary folder is unique on this machine.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = folder.path().file_name().expect("a name").to_string_lossy();
    let url = format!("az://icecore/{}", name.replace('.', "a"));
    Some(Place::at(url, environment.to_vec()))
}
