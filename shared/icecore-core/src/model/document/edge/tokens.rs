//! The tokens of JSON text. A parser reports neither equal keys nor integers that became floats, and stops at
//! deep nesting; this sees the text itself, in one pass and without recursion.

#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    OpenObject,
    Open,
    Close,
    Colon,
    Comma,
    Text(&'a str),
    Number(&'a str),
    Word,
}

impl Token<'_> {
    /// The text without quotes and escapes; `None` where it is not Unicode.
    pub(super) fn unescaped(self) -> Option<String> {
        match self {
            Token::Text(quoted) => serde_json::from_str(quoted).ok(),
            _ => None,
        }
    }
}

/// The tokens of a text that is known to have the form of JSON (as a `RawValue` is).
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.text[self.at..].trim_start_matches([' ', '\t', '\n', '\r']);
        let start = self.text.len() - rest.len();
        let first = *rest.as_bytes().first()?;
        let (length, token): (usize, fn(&'a str) -> Token<'a>) = match first {
            b'{' => (1, |_| Token::OpenObject),
            b'[' => (1, |_| Token::Open),
            b'}' | b']' => (1, |_| Token::Close),
            b':' => (1, |_| Token::Colon),
            b',' => (1, |_| Token::Comma),
            b'"' => (text_length(rest), Token::Text),
            b'-' | b'0'..=b'9' => (number_length(rest), Token::Number),
            _ => (word_length(rest), |_| Token::Word),
        };
        self.at = start + length;
        Some(token(&self.text[start..self.at]))
    }
}

fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |end| end + 2)
}

fn number_length(rest: &str) -> usize {
    let inside = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
    rest.find(|c| !inside(c)).unwrap_or(rest.len())
}

fn word_length(rest: &str) -> usize {
    let end = rest
        .find(|c: char| !c.is_ascii_lowercase())
        .unwrap_or(rest.len());
    // Never stand still, whatever the text is.
    end.max(rest.chars().next().map_or(1, char::len_utf8))
}
