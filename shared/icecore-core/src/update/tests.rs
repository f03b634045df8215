use super::*;

fn author() -> Author {
    Author::from_parts(1, 2)
}

fn update(data: &str) -> Update {
    Update::new(
        0,
        "merge",
        &RawValue::from_string(data.to_owned()).unwrap(),
        None,
    )
    .unwrap()
}

#[test]
fn an_object_goes_both_ways() {
    let object = UpdateObject::new(
        author(),
        Seq::FIRST,
        vec![update("{\"a\":1}"), update("{}")],
    );
    let json = object.to_json();
    assert_eq!(UpdateObject::from_json(&json).unwrap(), object);
    assert_eq!(object.end().get(), 3);
    assert_eq!(
        object
            .entries()
            .map(|(id, _)| id.seq.get())
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn bad_objects_are_corrupt_and_newer_ones_are_held() {
    let author = author();
    let at = "1970-01-01T00:00:00.000Z";
    let bad = [
        String::new(),
        "{}".into(),
        "[1]".into(),
        "\u{0}".into(),
        format!(r#"{{"v":1,"author":"{author}","seq":1,"updates":[]}}"#),
        format!(r#"{{"v":1,"author":"{author}","seq":0,"updates":[{{}}]}}"#),
        r#"{"v":1,"author":"x","seq":1,"updates":[{}]}"#.into(),
        format!(r#"{{"v":1,"author":"{author}","seq":9007199254740991,"updates":[{{}}]}}"#),
        format!(r#"{{"v":1,"author":"{author}","seq":1,"updates":[{{"at":"{at}"#),
        format!(
            r#"{{"v":1,"author":"{author}","seq":1,"updates":[{}]}}"#,
            vec!["{}"; 501].join(",")
        ),
        format!(
            r#"{{"v":1,"author":"{author}","seq":1,"updates":["{}"]}}"#,
            "x".repeat(OBJECT_BYTES_MAX)
        ),
    ];
    for json in bad {
        assert!(
            UpdateObject::from_json(json.as_bytes())
                .unwrap_err()
                .is_corrupt(),
            "{json:.80}"
        );
    }
    let newer = UpdateObject::from_json(br#"{"v":2,"anything":true}"#).unwrap_err();
    assert_eq!(newer.kind(), crate::ErrorKind::Invalid);
    assert!(newer.hint().unwrap().contains("update this program"));
}

#[test]
fn line_breaks_between_tokens_become_blanks() {
    let json = format!(
        "{{\"v\":1,\"author\":\"{}\",\"seq\":1,\"updates\":[{{\n\"at\":\"x\"\r\n}}]}}",
        author()
    );
    let object = UpdateObject::from_json(json.as_bytes()).unwrap();
    assert_eq!(object.updates[0].as_text(), "{ \"at\":\"x\"  }");
}

#[test]
fn too_large_updates_are_refused_with_a_hint() {
    let data = RawValue::from_string(format!("\"{}\"", "x".repeat(2 * 1024 * 1024))).unwrap();
    let error = Update::new(0, "merge", &data, None).unwrap_err();
    assert!(error.to_string().contains("bytes") && error.hint().is_some());
}

#[test]
fn a_backlog_is_cut_by_count_and_by_bytes() {
    let small = vec![update("{}"); 1200];
    assert_eq!(UpdateObject::fitting(&small), 500);
    let large = vec![update(&format!("\"{}\"", "x".repeat(300_000))); 5];
    let fitting = UpdateObject::fitting(&large);
    assert_eq!(fitting, 3);
    let object = UpdateObject::new(author(), Seq::FIRST, large[..fitting].to_vec());
    assert!(object.to_json().len() <= OBJECT_BYTES_MAX);
    let largest = update(&format!("\"{}\"", "x".repeat(UPDATE_BYTES_MAX - 66)));
    assert!(
        UpdateObject::new(author(), Seq::MAX.saturating_sub(9), vec![largest])
            .to_json()
            .len()
            <= OBJECT_BYTES_MAX
    );
}
