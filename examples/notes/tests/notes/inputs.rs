//! The notebook as a function of a sequence of inputs.

use crate::{Site, add, rename};
use icecore::Inputs;
use icecore_example_notes::{Call, Replay, Update, inputs};

async fn store(site: &Site, device: &str) -> Inputs<Update> {
    Inputs::create(&site.place(device), "inputs").await.unwrap()
}

#[tokio::test]
async fn what_is_added_late_stands_where_it_belongs() {
    let site = Site::new();
    let (phone, laptop) = (store(&site, "phone").await, store(&site, "laptop").await);
    laptop
        .append(2_000, &rename("n1", "Go").into())
        .await
        .unwrap();
    laptop
        .append(4_000, &Call::Remove("n2".into()).into())
        .await
        .unwrap();
    let early = inputs::notes(laptop.all());
    assert!(early.state.notebook.notes.is_empty());
    let why: Vec<String> = early
        .left_out
        .iter()
        .map(|(_, why)| why.to_string())
        .collect();
    assert_eq!(why, ["there is no note n1", "there is no note n2"]);
    laptop.replica().sync().await.unwrap();

    // Another device, later, with what happened before, between and after.
    let replay = Update::Replay(Replay {
        id: "01a1f94a-adf5-7162-b238-06dc7b14e4b5:1".parse().unwrap(),
        call: add("n2", "Sleep"),
    });
    for (at, input) in [
        (5_000, rename("n1", "Come back").into()),
        (3_000, replay.clone()),
        (1_000, add("n1", "Pack").into()),
        (6_000, replay),
    ] {
        phone.append(at, &input).await.unwrap();
    }
    phone.replica().sync().await.unwrap();
    phone.replica().roll_up().await.unwrap();
    laptop.replica().sync().await.unwrap();
    let late = inputs::notes(laptop.all());
    assert_eq!(late.left_out, []);
    let titles: Vec<&str> = late
        .state
        .notebook
        .notes
        .values()
        .map(|note| note.title.as_str())
        .collect();
    assert_eq!(
        titles,
        ["Come back"],
        "the second note counts once, and was removed"
    );
    phone.replica().sync().await.unwrap();
    assert_eq!(inputs::notes(phone.all()), late);

    // The sequence is kept on the device: it is read without the store.
    drop(laptop);
    let offline = Inputs::<Update>::open(&site.place("laptop"), "inputs")
        .await
        .unwrap();
    assert_eq!(inputs::notes(offline.all()), late);
}
