use super::*;
use proptest::prelude::*;

fn call(kind: &str, texts: &[String]) -> Call {
    Call {
        kind: kind.to_owned(),
        texts: texts.to_vec(),
    }
}

fn read(text: &str) -> Result<Vec<Line>, String> {
    read_lines(text.as_bytes()).map_err(|e| e.to_string())
}

#[test]
fn a_line_is_read() {
    let lines = read(
        "\u{feff}# a comment\r\n\r\n7, 2026-06-10 14:56:28.0109+02:00, a@b.c: Kind(\"x\", \"\")\r\n",
    );
    let expected = Line {
        place: 3,
        number: 7,
        at: 1_781_096_188_010,
        user: "a@b.c".to_owned(),
        call: Call {
            kind: "Kind".to_owned(),
            texts: vec!["x".to_owned(), String::new()],
        },
    };
    assert_eq!(lines, Ok(vec![expected]));
    assert_eq!(read("\n# nothing\n"), Ok(Vec::new()));
}

#[test]
fn quotes_commas_backslashes_and_newlines_come_back() {
    let texts = [
        "say \"hi\", then (go)",
        "C:\\dir\\",
        "one\ntwo\r\n3, x",
        "Grüße ☕",
    ]
    .map(str::to_owned);
    let mut file = write_line((1, 1_781_096_188_010), "a@b.c", &call("Kind", &texts));
    assert!(file.starts_with(
        r#"1, 2026-06-10 12:56:28.010000+00:00, a@b.c: Kind("say \"hi\", then (go)", "C:\\dir\\", "#
    ));
    file += &write_line((2, 0), "a@b.c", &call("Stop", &[]));
    assert!(file.ends_with("\n2, 1970-01-01 00:00:00+00:00, a@b.c: Stop(\"\", \"\")\n"));
    let lines = read(&file).unwrap();
    assert_eq!(lines[0].call.texts, texts);
    assert_eq!((lines[1].place, lines[1].call.texts.len()), (4, 2));
}

#[test]
fn what_is_not_a_line_is_refused_with_the_place_and_the_reason() {
    let good = "1, 2026-06-10 12:51:40+00:00, a@b.c: Kind(\"x\", \"y\")\n";
    for (bad, reason) in [
        ("hello", "\"hello\" stands where a number and a comma must"),
        ("x, ", "\"x\" is not the number of a line"),
        ("2,", "ends in the middle"),
        ("-2, ", "\"-2\" is not the number of a line"),
        ("2, yesterday, ", "\"yesterday\" is not a time with a zone"),
        (
            "2, 2026-06-10 12:51:40, ",
            "\"2026-06-10 12:51:40\" is not a time with a zone",
        ),
        (
            "2, 2026-06-31 12:51:40+00:00, ",
            "\"2026-06-31 12:51:40+00:00\" is not a time with a zone",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c",
            "\" a@b.c\" stands where a user and a colon must",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: Kind",
            "\" Kind\" stands where a kind and a parenthesis must",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K 1(",
            "\"K 1\" is not a kind",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(",
            "ends in the middle",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(x)",
            "\"x)\" stands where a text in quotes must",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(\"x",
            "ends in the middle of a text",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(\"x\\",
            "ends in the middle of a text",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(\"x\\n\")",
            "only a quote or a backslash can follow a backslash",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(\"x\"",
            "ends in the middle",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(\"x\"; ",
            "a comma or a parenthesis must follow each text",
        ),
        (
            "2, 2026-06-10 12:51:40+00:00, a@b.c: K(\"x\") 3",
            "\"3\" stands behind the end",
        ),
        (
            "+gAAAAABl",
            "is encrypted by Flowkeeper: export the history without encryption",
        ),
    ] {
        let refused = read(&format!("{good}{bad}")).unwrap_err();
        assert_eq!(refused, format!("line 2: {reason}"), "{bad}");
    }
}

#[test]
fn what_is_not_utf_8_is_refused_with_its_place() {
    let good = write_line((1, 0), "a@b.c", &call("Kind", &[]));
    let not_utf8 = [good.as_bytes(), b"2, \xff"].concat();
    assert_eq!(
        read_lines(&not_utf8).unwrap_err().to_string(),
        "line 2: is not UTF-8"
    );
}

#[test]
fn a_call_alone_is_read() {
    let call = read_call(" StartTimer(\"i\",\"1500\", \"300\") ").unwrap();
    assert_eq!((call.kind.as_str(), call.texts.len()), ("StartTimer", 3));
    assert_eq!(
        read_call("Stop(\"\") x").unwrap_err().to_string(),
        "\" x\" stands behind the end"
    );
    assert!(read_call("").unwrap_err().hint().is_some());
}

/// Text that is likely to get far into the reader.
fn line_like() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "1",
        "2",
        ", ",
        "2026-06-10 12:51:40+00:00",
        "a@b.c",
        ": ",
        "Kind",
        "(",
        "\"",
        "\\",
        ")",
        "\n",
        "\r\n",
        "#",
        "ü",
        "+",
    ]);
    prop::collection::vec(parts, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_text_panics_the_reader(any in ".*", like in line_like(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for bytes in [any.as_bytes(), like.as_bytes(), &bytes] {
            drop(read_lines(bytes));
        }
        drop(read_call(&like));
    }

    #[test]
    fn every_text_comes_back(number in 1_u64.., at in 0_i64..253_402_300_799_999, texts in prop::collection::vec("(?s).*", 2..4)) {
        let line = write_line((number, at), "a@b.c", &call("Kind", &texts));
        let lines = read_lines(line.as_bytes()).unwrap();
        prop_assert_eq!(lines.len(), 1);
        prop_assert_eq!((lines[0].number, lines[0].at, &lines[0].call.texts), (number, at, &texts));
        // However much of the line was written before the power went: it is not taken for a line.
        let end = line.len() - 2;
        for (cut, _) in line.char_indices().skip(1).filter(|(cut, _)| *cut <= end) {
            prop_assert!(read_lines(&line.as_bytes()[..cut]).is_err());
        }
    }
}
