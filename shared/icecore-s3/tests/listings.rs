//! Listings: pages, prefixes and groups, in both versions of the request.

use crate::support::{Answer, Draft, in_folder, in_memory, send};
use icecore_s3::Endpoint;

const KEYS: [&str; 9] = [
    "a-b", "a/1", "a/2", "a/b/3", "a0", "b/1", "c d&<e", "z", "\u{e9}/1",
];

/// The texts of all elements of this name inside elements of the other.
fn elements(answer: &Answer, outer: &str, inner: &str) -> Vec<String> {
    let text = answer.text();
    let (outer, start) = (format!("<{outer}>"), format!("<{inner}>"));
    let parts = text.split(&outer).skip(1);
    let found = parts.filter_map(|part| part.split_once(&start)?.1.split('<').next());
    found
        .map(|text| text.replace("&lt;", "<").replace("&amp;", "&"))
        .collect()
}

async fn list(endpoint: &Endpoint, query: &str) -> Answer {
    let answer = send(
        endpoint,
        Draft::new("GET", &format!("/bucket?{query}")).signed(),
    )
    .await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer
}

async fn filled(endpoint: &Endpoint) {
    for key in KEYS {
        let key = key
            .replace('%', "%25")
            .replace(' ', "%20")
            .replace('<', "%3C");
        let key = key.replace('\u{e9}', "%C3%A9");
        let answer = send(endpoint, Draft::put(&key, "x").signed()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn prefixes_and_groups() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        filled(&endpoint).await;
        let cases: [(&str, &[&str], &[&str]); 10] = [
            ("", &KEYS, &[]),
            ("prefix=a", &["a-b", "a/1", "a/2", "a/b/3", "a0"], &[]),
            ("prefix=a%2F", &["a/1", "a/2", "a/b/3"], &[]),
            ("prefix=a%2F&delimiter=%2F", &["a/1", "a/2"], &["a/b/"]),
            (
                "delimiter=%2F",
                &["a-b", "a0", "c d&<e", "z"],
                &["a/", "b/", "\u{e9}/"],
            ),
            (
                "delimiter=-&prefix=a",
                &["a/1", "a/2", "a/b/3", "a0"],
                &["a-"],
            ),
            ("start-after=a%2F2", &KEYS[3..], &[]),
            ("start-after=a%2F%2F", &KEYS[1..], &[]),
            ("prefix=none%2F", &[], &[]),
            ("prefix=..%2F", &[], &[]),
        ];
        for (query, keys, groups) in cases {
            let answer = list(&endpoint, &format!("list-type=2&{query}")).await;
            assert_eq!(elements(&answer, "Contents", "Key"), keys, "{query}");
            let found = elements(&answer, "CommonPrefixes", "Prefix");
            assert_eq!(found, groups, "{query}");
            let count = (keys.len() + groups.len()).to_string();
            assert_eq!(answer.element("KeyCount"), count, "{query}");
            if !query.starts_with("start-after") {
                let answer = list(&endpoint, query).await;
                assert_eq!(elements(&answer, "Contents", "Key"), keys, "{query}");
            }
        }
        let answer = list(&endpoint, "list-type=2&encoding-type=url&prefix=c").await;
        assert_eq!(elements(&answer, "Contents", "Key"), ["c%20d%26%3Ce"]);
    }
}

#[tokio::test]
async fn pages() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        filled(&endpoint).await;
        for delimiter in ["", "&delimiter=%2F"] {
            let whole = list(&endpoint, &format!("list-type=2{delimiter}")).await;
            for size in 1..=9 {
                let (mut keys, mut groups) = (Vec::new(), Vec::new());
                let mut next = String::new();
                loop {
                    let query = format!("list-type=2&max-keys={size}{delimiter}{next}");
                    let answer = list(&endpoint, &query).await;
                    keys.extend(elements(&answer, "Contents", "Key"));
                    groups.extend(elements(&answer, "CommonPrefixes", "Prefix"));
                    let token = answer.element("NextContinuationToken");
                    assert_eq!(
                        answer.element("IsTruncated"),
                        (!token.is_empty()).to_string()
                    );
                    if token.is_empty() {
                        break;
                    }
                    next = format!("&continuation-token={token}");
                }
                assert_eq!(keys, elements(&whole, "Contents", "Key"));
                assert_eq!(groups, elements(&whole, "CommonPrefixes", "Prefix"));
            }
        }
        let first = list(&endpoint, "max-keys=2&delimiter=%2F").await;
        assert_eq!(first.element("NextMarker"), "a/");
        let second = list(&endpoint, "marker=a%2F&delimiter=%2F").await;
        assert_eq!(elements(&second, "Contents", "Key")[0], "a0");
        let none = list(&endpoint, "list-type=2&max-keys=0").await;
        assert_eq!(none.element("IsTruncated"), "false");
    }
}

#[tokio::test]
async fn a_large_group_is_passed_over() {
    let endpoint = in_memory();
    for n in 0..2500 {
        send(&endpoint, Draft::put(&format!("b/{n:04}"), "x").signed()).await;
    }
    for key in ["a", "b/%F4%8F%BF%BF", "c/1", "d"] {
        let answer = send(&endpoint, Draft::put(key, "x").signed()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = list(&endpoint, "list-type=2&delimiter=%2F").await;
    assert_eq!(elements(&answer, "Contents", "Key"), ["a", "d"]);
    assert_eq!(elements(&answer, "CommonPrefixes", "Prefix"), ["b/", "c/"]);
    let answer = list(&endpoint, "list-type=2").await;
    assert_eq!(answer.element("KeyCount"), "1000");
    let answer = list(&endpoint, "list-type=2&max-keys=5000").await;
    assert_eq!(answer.element("KeyCount"), "1000");
}

#[tokio::test]
async fn odd_requests_are_refused() {
    let endpoint = in_memory();
    for query in [
        "continuation-token=xyz",
        "continuation-token=ff",
        "max-keys=-1",
    ] {
        let request = Draft::new("GET", &format!("/bucket?list-type=2&{query}")).signed();
        let answer = send(&endpoint, request).await;
        assert_eq!(
            answer.error(),
            (400, "InvalidArgument".to_owned()),
            "{query}"
        );
    }
}
