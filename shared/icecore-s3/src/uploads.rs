//! The multipart uploads that are under way. Their parts wait in memory, in the shares of whoever sends them, until they
//! become one object; a restart of the server forgets them, and a client begins anew then.

use crate::checksums::Announced;
use crate::memory::Share;
use bytes::Bytes;
use object_store::Attributes;
use object_store::path::Path;
use s3s::dto::Checksum;
use s3s::{S3Result, s3_error};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// As many as a server keeps at once.
const UPLOADS_MAX: usize = 1_000;
/// One of which nothing comes for so long is given up.
const IDLE_MAX_MS: i64 = 15 * 60 * 1_000;

/// The uploads that are under way.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_id: BTreeMap<String, Upload>,
    /// What became of those that ended, for clients that did not hear of it.
    ended: BTreeMap<String, Ended>,
}

/// One that became an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// The tag of the object.
    pub(crate) e_tag: Option<String>,
    at: i64,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) path: Path,
    pub(crate) attributes: Attributes,
    /// Of the checksum that it will have.
    pub(crate) announced: Option<Announced>,
    /// By number.
    pub(crate) parts: BTreeMap<i32, Part>,
    /// When it began, and when something came last, milliseconds since 1970.
    pub(crate) began: i64,
    touched: i64,
    /// Whether it is just becoming an object.
    is_completing: bool,
}

/// Keeps others from completing an upload too, until it is dropped.
#[derive(Debug)]
pub(crate) struct Completing<'a> {
    uploads: &'a Uploads,
    id: String,
}

impl Drop for Completing<'_> {
    fn drop(&mut self) {
        if let Some(upload) = self.uploads.open().by_id.get_mut(&self.id) {
            upload.is_completing = false;
        }
    }
}

/// A part that has come.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    /// The hex digits of its MD5, which S3 calls its tag.
    pub(crate) tag: String,
    pub(crate) came: i64,
    /// As its sender said it.
    pub(crate) checksum: Checksum,
    /// The memory that it takes.
    pub(crate) _share: Share,
}

impl Uploads {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an upload; its id.
    ///
    /// # Errors
    /// `SlowDown` when there are too many.
    pub(crate) fn begin(
        &self,
        (bucket, key, path): (String, String, Path),
        (attributes, announced): (Attributes, Option<Announced>),
        now: i64,
    ) -> S3Result<String> {
        let mut open = self.open();
        open.give_up(now);
        if open.by_id.len() >= UPLOADS_MAX {
            return Err(s3_error!(SlowDown, "too many uploads are under way"));
        }
        open.next += 1;
        let id = format!("{now:011x}{:08x}", open.next);
        let upload = Upload {
            bucket,
            key,
            path,
            attributes,
            announced,
            parts: BTreeMap::new(),
            began: now,
            touched: now,
            is_completing: false,
        };
        open.by_id.insert(id.clone(), upload);
        Ok(id)
    }

    /// Looks at an upload, or changes it.
    ///
    /// # Errors
    /// `NoSuchUpload` when there is none of this id for this object.
    pub(crate) fn with<T>(
        &self,
        (bucket, key): (&str, &str),
        id: &str,
        now: i64,
        look: impl FnOnce(&mut Upload) -> T,
    ) -> S3Result<T> {
        let mut open = self.open();
        open.give_up(now);
        let upload = open.by_id.get_mut(id);
        let upload = upload.filter(|upload| upload.bucket == bucket && upload.key == key);
        let upload = upload.ok_or_else(|| s3_error!(NoSuchUpload))?;
        upload.touched = now;
        Ok(look(upload))
    }

    /// Forgets the parts of an upload that became an object with this tag.
    pub(crate) fn complete(&self, id: &str, e_tag: Option<String>, now: i64) {
        let mut open = self.open();
        let upload = open.by_id.remove(id);
        if let Some(Upload { bucket, key, .. }) = &upload {
            if open.ended.len() >= UPLOADS_MAX {
                open.ended.pop_first();
            }
            let (bucket, key) = (bucket.clone(), key.clone());
            let ended = Ended {
                bucket,
                key,
                e_tag,
                at: now,
            };
            open.ended.insert(id.to_owned(), ended);
        }
        drop(open);
        // Behind the lock: there may be much to free.
        drop(upload);
    }

    /// Lets one call at a time complete an upload: a second one, whose client did not hear of the first, would write again over
    /// what others wrote meanwhile.
    ///
    /// # Errors
    /// `NoSuchUpload` when there is none; `SlowDown`, which clients repeat, while another call is at it.
    pub(crate) fn completing(
        &self,
        object: (&str, &str),
        id: &str,
        now: i64,
    ) -> S3Result<Completing<'_>> {
        let claim = |upload: &mut Upload| !std::mem::replace(&mut upload.is_completing, true);
        if !self.with(object, id, now, claim)? {
            return Err(s3_error!(SlowDown, "the upload is just being completed"));
        }
        Ok(Completing {
            uploads: self,
            id: id.to_owned(),
        })
    }

    /// What became of an upload of this object that was completed a while ago.
    pub(crate) fn completed(&self, (bucket, key): (&str, &str), id: &str) -> Option<Ended> {
        let ended = self.open().ended.get(id).cloned();
        ended.filter(|ended| ended.bucket == bucket && ended.key == key)
    }

    /// Forgets an upload, and frees its memory.
    pub(crate) fn end(&self, id: &str) {
        let ended = self.open().by_id.remove(id);
        // Behind the lock: there may be much to free.
        drop(ended);
    }

    /// Those of a bucket: key, id, and when each began.
    pub(crate) fn of_bucket(&self, bucket: &str, now: i64) -> Vec<(String, String, i64)> {
        let mut open = self.open();
        open.give_up(now);
        let here = open
            .by_id
            .iter()
            .filter(|(_, upload)| upload.bucket == bucket);
        let mut here: Vec<_> = here
            .map(|(id, upload)| (upload.key.clone(), id.clone(), upload.began))
            .collect();
        here.sort();
        here
    }
}

impl Open {
    fn give_up(&mut self, now: i64) {
        self.by_id
            .retain(|_, upload| now.saturating_sub(upload.touched) < IDLE_MAX_MS);
        self.ended
            .retain(|_, ended| now.saturating_sub(ended.at) < IDLE_MAX_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(uploads: &Uploads, now: i64) -> S3Result<String> {
        let key = ("b".to_owned(), "k".to_owned(), Path::from("k"));
        uploads.begin(key, (Attributes::new(), None), now)
    }

    #[test]
    fn one_of_which_nothing_comes_is_given_up() {
        let uploads = Uploads::default();
        let (idle, busy) = (begin(&uploads, 0).unwrap(), begin(&uploads, 0).unwrap());
        let is_there = |id: &str, now| uploads.with(("b", "k"), id, now, |_| ()).is_ok();
        assert!(is_there(&busy, IDLE_MAX_MS - 1));
        assert!(!is_there(&idle, IDLE_MAX_MS));
        assert!(is_there(&busy, IDLE_MAX_MS));
        assert_eq!(uploads.of_bucket("b", IDLE_MAX_MS).len(), 1);
    }

    #[test]
    fn one_call_at_a_time_completes_an_upload() {
        let uploads = Uploads::default();
        let id = begin(&uploads, 0).unwrap();
        let claim = || uploads.completing(("b", "k"), &id, 0);
        let first = claim().unwrap();
        assert!(claim().is_err());
        drop(first);
        let second = claim().unwrap();
        uploads.complete(&id, Some("tag".to_owned()), 0);
        drop(second);
        let ended = uploads.completed(("b", "k"), &id).unwrap();
        assert_eq!(ended.e_tag.as_deref(), Some("tag"));
        assert_eq!(uploads.completed(("b", "other"), &id), None);
        assert!(claim().is_err());
    }

    #[test]
    fn there_are_only_so_many_and_each_is_of_one_object() {
        let uploads = Uploads::default();
        let ids: Vec<_> = (0..UPLOADS_MAX)
            .map(|_| begin(&uploads, 0).unwrap())
            .collect();
        assert!(begin(&uploads, 0).is_err());
        assert!(uploads.with(("b", "other"), &ids[0], 0, |_| ()).is_err());
        assert!(uploads.with(("other", "k"), &ids[0], 0, |_| ()).is_err());
        uploads.end(&ids[0]);
        begin(&uploads, 0).unwrap();
    }
}
