//! The commands, one file per group; each test runs the real program.

mod bad_input;
mod clocks;
mod conflicts;
mod damage;
mod encryption;
mod epochs;
mod full_disk;
mod history;
mod home;
mod import;
mod layers;
mod lost_replica;
mod main_line;
mod on_s3;
mod once;
mod output;
mod permissions;
mod restored;
mod unreachable;
