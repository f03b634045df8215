//! Guests: no account, a space of their own, and a history that joins a user's when they get one.

use crate::support::command::{Place, Replica};
use crate::support::http::{Answer, Http};
use crate::support::serving::Serving;
use serde_json::{Value, json};

/// A server that takes guests.
struct Home {
    serving: Serving,
    http: Http,
    // Its folder holds the settings.
    _place: Place,
}

impl Home {
    fn open() -> Self {
        Self::with(&json!({ "guests": {} }))
    }

    fn with(settings: &Value) -> Self {
        let place = Place::empty();
        let file = place.folder().join("settings.json");
        std::fs::write(&file, settings.to_string()).unwrap();
        let file = file.display().to_string();
        // The roll-up runs by hand only.
        let serving = Serving::start_with(&["--settings", &file, "--rollup-every", "3600"]);
        Self {
            serving,
            http: Http::new(),
            _place: place,
        }
    }

    fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.serving.url());
        self.http.call(method, &url, token, body)
    }

    fn guest(&self) -> Guest {
        let answer = self.call("POST", "/v1/users", "", &json!({}));
        assert_eq!(answer.status, 201, "{}", answer.body);
        let text = |name: &str| answer.json()[name].as_str().expect("text").to_owned();
        Guest {
            id: text("user"),
            space: text("space"),
            token: text("token"),
        }
    }

    fn link(&self, guest: &Guest, token: &str, into: &str) -> Answer {
        let path = format!("/v1/users/{}/link", guest.id);
        let body = json!({ "guest_token": guest.token, "into": into });
        self.call("POST", &path, token, &body)
    }

    fn user(&self, space: &str) -> String {
        self.serving
            .token(&["--space", space, "--right", "admin", "--subject", "ada"])
    }
}

struct Guest {
    id: String,
    space: String,
    token: String,
}

fn add(replica: &Replica, space: &str, steps: u32) {
    let update = format!(r#"{{"kind":"increment","data":{{"/steps":{steps}}}}}"#);
    replica.ok(&["update", space, &update]);
}

#[test]
fn row_14_a_guest_who_signs_in_keeps_everything_and_copies_nothing() {
    // A guest of other systems who signed in lost what was there, or the app had to copy it, twice where the network was
    // bad. Here the history joins the user's under the same author and seq: as often as the call is made, whatever two
    // devices do meanwhile, and also what a phone sends that was offline for all of it.
    let home = Home::open();
    let guest = home.guest();
    let guests = home.serving.behind(&guest.token);
    let (phone, tablet) = (guests.replica("phone"), guests.replica("tablet"));
    add(&phone, &guest.space, 1);
    add(&tablet, &guest.space, 10);
    home.serving
        .behind(&home.serving.admin())
        .replica("admin")
        .ok(&["rollup", &guest.space, "--now"]);
    add(&phone, &guest.space, 100);
    // The tablet loses its network with something in its queue.
    let offline = tablet.clone().with("ICECORE_STORE", "http://127.0.0.1:9");
    let update = r#"{"kind":"increment","data":{"/steps":1000}}"#;
    offline.fails(4, &["update", &guest.space, update]);

    let user = home.user("ada");
    let answers = std::thread::scope(|scope| {
        let link = || {
            // A client of its own each, so that they race.
            let http = Http::new();
            let url = format!("{}/v1/users/{}/link", home.serving.url(), guest.id);
            let body = json!({ "guest_token": guest.token, "into": "ada" });
            http.call("POST", &url, &user, &body)
        };
        [(); 3]
            .map(|()| scope.spawn(link))
            .map(|thread| thread.join().unwrap())
    });
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["linked_at"], answers[0].json()["linked_at"]);
    }
    let users = home.serving.behind(&user);
    let laptop = users.replica("laptop");
    assert_eq!(laptop.ok(&["state", "ada"]), "{\"steps\":111}\n");
    assert_eq!(home.link(&guest, &user, "ada").json()["updates"], 0);
    assert_eq!(laptop.ok(&["state", "ada"]), "{\"steps\":111}\n");

    // The tablet comes back, knows nothing of the user, and loses nothing.
    tablet.ok(&["sync", &guest.space]);
    add(&laptop, "ada", 10_000);
    let warnings = tablet.json(&["status", &guest.space])[0]["warnings"].to_string();
    assert!(warnings.contains("linked to ada"), "{warnings}");
    let admin = home.serving.behind(&home.serving.admin());
    let operator = admin.replica("operator");
    operator.ok(&["rollup", &guest.space, "--now"]);
    assert_eq!(laptop.ok(&["state", "ada"]), "{\"steps\":11111}\n");
    let authors = |replica: &Replica, space: &str| -> Vec<String> {
        let lines = replica.json(&["log", space]);
        let id = |line: &Value| format!("{}:{}", line["author"], line["seq"]);
        lines.iter().map(id).collect()
    };
    let (of_guest, of_user) = (authors(&tablet, &guest.space), authors(&laptop, "ada"));
    assert_eq!((of_guest.len(), of_user.len()), (4, 5));
    assert!(of_guest.iter().all(|id| of_user.contains(id)));
    operator.ok(&["verify"]);
}

#[test]
fn nobody_takes_a_guest_that_is_not_theirs() {
    let home = Home::open();
    let (mine, theirs) = (home.guest(), home.guest());
    assert_ne!(mine.id, theirs.id);
    let user = home.user("ada");
    let stolen = Guest {
        id: theirs.id.clone(),
        space: mine.space,
        token: mine.token,
    };
    let answer = home.link(&stolen, &user, "ada");
    assert_eq!(answer.status, 403, "{}", answer.body);
    let none = home.call(
        "POST",
        &format!("/v1/users/{}/link", theirs.id),
        &user,
        &json!({ "into": "ada" }),
    );
    assert_eq!(none.status, 403, "{}", none.body);
    let forged = Guest {
        token: format!("{}x", theirs.token),
        id: theirs.id.clone(),
        space: theirs.space.clone(),
    };
    assert_eq!(home.link(&forged, &user, "ada").status, 403);
    // A guest's token is good for that guest's space alone.
    let mine = home.guest();
    let place = home.serving.behind(&mine.token);
    let phone = place.replica("phone");
    phone.fails(1, &["state", &theirs.space]);
    assert_eq!(home.link(&mine, &mine.token, "ada").status, 403);
    // Nor does linking reach into a space that the user may not write to.
    assert_eq!(home.link(&mine, &user, "bob").status, 403);
    let missing = Guest {
        id: format!("guest-{}", "f".repeat(32)),
        ..mine
    };
    let admin = home.serving.admin();
    let path = format!("/v1/users/{}/link", missing.id);
    let answer = home.call("POST", &path, &admin, &json!({ "into": "ada" }));
    assert_eq!(answer.status, 404, "{}", answer.body);
}

#[test]
fn a_guest_is_linked_to_one_space_only_and_can_erase_its_own() {
    let home = Home::open();
    let guest = home.guest();
    let place = home.serving.behind(&guest.token);
    let phone = place.replica("phone");
    add(&phone, &guest.space, 1);
    assert_eq!(home.link(&guest, &home.user("ada"), "ada").status, 200);
    let other = home.link(&guest, &home.user("bob"), "bob");
    assert_eq!(other.status, 409, "{}", other.body);
    assert!(other.json()["message"].as_str().unwrap().contains("ada"));
    // Not forwarded yet: erasing does so first.
    add(&phone, &guest.space, 10);
    let path = format!("/v1/spaces/{}", guest.space);
    let erased = home.call("DELETE", &path, &guest.token, &json!(null));
    assert_eq!(erased.status, 200, "{}", erased.body);
    let gone = home.link(&guest, &home.user("ada"), "ada");
    assert_eq!(gone.status, 404, "{}", gone.body);
    let users = home.serving.behind(&home.user("ada"));
    assert_eq!(
        users.replica("laptop").ok(&["state", "ada"]),
        "{\"steps\":11}\n"
    );
}

#[test]
fn nobody_presses_updates_on_a_space_by_a_forged_link() {
    let home = Home::open();
    let admins = home.serving.behind(&home.serving.admin());
    let operator = admins.replica("operator");
    for space in ["ada", "mallorys"] {
        operator.ok(&["space", "create", space]);
    }
    // Mallory administers her own space: she can write its space.json, and anything else in it.
    let token = home.user("mallorys");
    let mallorys = home.serving.behind(&token);
    mallorys
        .replica("mallory")
        .merge("mallorys", r#"{"forged":true}"#);
    let file = home.serving.objects().join("spaces/mallorys/space.json");
    let mut info: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    info["linked"] = json!({ "into": "ada", "at": "2026-11-20T12:00:00.000Z" });
    std::fs::write(&file, info.to_string()).unwrap();
    operator.ok(&["rollup", "mallorys", "--now"]);
    assert_eq!(operator.ok(&["state", "ada"]), "{}\n");
    // What would take it in lies in the other space.
    for path in [
        "spaces/ada/joined/mallorys",
        "spaces/mallorys/../ada/joined/mallorys",
    ] {
        let ops = json!({ "ops": [{ "op": "put", "path": path, "content": "json", "condition": "absent",
            "body": { "bytes": 2, "sha256": "0".repeat(64) } }] });
        for space in ["mallorys", "ada"] {
            let sign = format!("/v1/spaces/{space}/sign");
            let answer = home.call("POST", &sign, &token, &ops);
            assert!((400..404).contains(&answer.status), "{}", answer.body);
        }
    }
}

#[test]
fn a_member_who_is_bound_to_an_author_cannot_link_what_names_another() {
    let home = Home::with(&json!({ "guests": {}, "tokens": { "bound_authors": true } }));
    home.serving
        .behind(&home.serving.admin())
        .replica("admin")
        .ok(&["space", "create", "shared"]);
    let guest = home.guest();
    // In its own space a guest needs no author.
    let place = home.serving.behind(&guest.token);
    add(&place.replica("phone"), &guest.space, 1);
    let author = "018bcfe5-6800-7fff-bfff-fffffffffffe";
    for arguments in [
        &["--space", "shared", "--author", author][..],
        &["--space", "shared"],
    ] {
        let member = home.serving.token(arguments);
        let answer = home.link(&guest, &member, "shared");
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
    let admin = home.user("shared");
    assert_eq!(home.link(&guest, &admin, "shared").status, 200);
}

#[test]
fn a_guest_writes_updates_and_nothing_else() {
    let home = Home::open();
    let guest = home.guest();
    let sign = format!("/v1/spaces/{}/sign", guest.space);
    for object in [
        "0001-0000000000000000/segments/0000000001",
        "0001-0000000000000000/snapshots/0000000001",
        "space.json",
    ] {
        let ops = json!({ "ops": [{ "op": "put", "path": format!("spaces/{}/{object}", guest.space),
            "content": "json", "condition": "absent", "body": { "bytes": 2, "sha256": "0".repeat(64) } }] });
        let answer = home.call("POST", &sign, &guest.token, &ops);
        assert_eq!(answer.status, 403, "{object}: {}", answer.body);
    }
    let named = home.call("GET", "/v1/spaces", &guest.token, &json!(null));
    assert_eq!(named.json()["spaces"], json!([guest.space]));
    let model = json!({ "model": { "name": "unheard-of" } });
    assert_eq!(home.call("POST", "/v1/users", "", &model).status, 400);
    // A sequenced guest cannot be linked, and leaves no space behind that was made for it.
    let sequenced = home.call("POST", "/v1/users", "", &json!({ "order": "sequence" }));
    let text = |name: &str| sequenced.json()[name].as_str().unwrap().to_owned();
    let guest = Guest {
        id: text("user"),
        space: text("space"),
        token: text("token"),
    };
    assert_eq!(home.link(&guest, &home.user("eve"), "eve").status, 400);
    let left = home.call("GET", "/v1/spaces", &home.user("eve"), &json!(null));
    assert_eq!(left.json()["spaces"], json!([]));
}

#[test]
fn guests_are_taken_only_where_the_settings_say_so_and_not_all_at_once() {
    let closed = Home::with(&json!({}));
    let answer = closed.call("POST", "/v1/users", "", &json!({}));
    assert_eq!(answer.status, 403);
    assert!(answer.json()["hint"].as_str().unwrap().contains("guests"));
    let few = Home::with(&json!({ "guests": { "per_minute": 2, "prefix": "g." } }));
    assert!(few.guest().space.starts_with("g."));
    few.guest();
    let answer = few.call("POST", "/v1/users", "", &json!({}));
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
    let wrong = few.call("POST", "/v1/users", "", &json!({ "modell": 1 }));
    assert_eq!(wrong.status, 400, "{}", wrong.body);
}
