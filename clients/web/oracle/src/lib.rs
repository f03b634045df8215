//! The Rust core as a judge: the tests of the TypeScript client give both the same questions, and compare the answers.
//!
//! One call takes a JSON list of questions and gives the list of answers. A question that makes no sense is answered with
//! `{"fault": …}`: the tests are wrong then, not the client.
//!
//! # Calling it
//! `reserve(n)` gives the address of `n` bytes for the questions; `answer()` answers them and says how long the answers are;
//! `answers()` gives their address. There is one caller at a time.
//!
//! # Layout
//! - `story`: a whole history: roll-ups, snapshots, the tail and the state that is shown
//! - `read`: the bytes of one object, good or hostile
//! - `sealed`: keyrings, sealed updates, sealed snapshots
//! - `typed`: typed JSON in a state
//! - `plan`: keys, catching up, when a snapshot is due

mod plan;
mod read;
mod sealed;
mod story;
mod typed;

use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// What is asked.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Question {
    Story(story::Story),
    Read(read::Read),
    Sealing(sealed::Sealing),
    Opening(sealed::Opening),
    Restoring(sealed::Restoring),
    Keys(plan::Keys),
    CatchUp(plan::CatchUp),
    Due(plan::Due),
}

/// Answers a JSON list of questions with the list of answers.
pub fn answer_all(questions: &[u8]) -> Vec<u8> {
    let answers: Value = match serde_json::from_slice::<Vec<Value>>(questions) {
        Ok(questions) => questions.into_iter().map(answer_one).collect(),
        Err(error) => fault(&error.to_string()),
    };
    answers.to_string().into_bytes()
}

fn answer_one(question: Value) -> Value {
    match serde_json::from_value(question) {
        Ok(Question::Story(story)) => story.told().unwrap_or_else(|why| fault(&why)),
        Ok(Question::Read(read)) => read.answer(),
        Ok(Question::Sealing(sealing)) => sealing.answer(),
        Ok(Question::Opening(opening)) => opening.answer(),
        Ok(Question::Restoring(restoring)) => restoring.answer(),
        Ok(Question::Keys(keys)) => keys.answer(),
        Ok(Question::CatchUp(way)) => way.answer(),
        Ok(Question::Due(due)) => due.answer(),
        Err(error) => fault(&error.to_string()),
    }
}

fn fault(why: &str) -> Value {
    json!({ "fault": why })
}

static QUESTIONS: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ANSWERS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Where `bytes` bytes of questions go.
#[allow(unsafe_code, reason = "a module exports by name")]
#[unsafe(no_mangle)]
pub extern "C" fn reserve(bytes: usize) -> *mut u8 {
    let mut questions = QUESTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    questions.clear();
    questions.resize(bytes, 0);
    questions.as_mut_ptr()
}

/// Answers what was written there; how many bytes the answers have.
#[allow(unsafe_code, reason = "a module exports by name")]
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> usize {
    let questions = QUESTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    *answers = answer_all(&questions);
    answers.len()
}

/// Where the answers are, until the next call.
#[allow(unsafe_code, reason = "a module exports by name")]
#[unsafe(no_mangle)]
pub extern "C" fn answers() -> *const u8 {
    ANSWERS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ptr()
}
