//! `icecore serve`, and replicas that reach it through the gateway with a token and nothing else.

mod access;
mod app;
mod attacks;
mod chaos;
mod encrypted;
mod faults;
mod forgery;
mod main_line;
mod security;
mod slots;
mod transient;
mod uploads;
mod users;
