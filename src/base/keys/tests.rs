//! Known answers (computed with other implementations), refusals, rotation and the file.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use proptest::prelude::*;

use super::{
    file::{KeyFile, is_already_there},
    *,
};

fn keys_of_known_bytes() -> Keys {
    known(Suite::Aes)
}

fn known(suite: Suite) -> Keys {
    let file = KeyFile {
        suite,
        current: "k1".into(),
        encryption: BTreeMap::from([(
            "k1".into(),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".into(),
        )]),
        index: BASE64.encode([1; 32]),
        ledger: BASE64.encode([2; 32]),
        digest: BASE64.encode([3; 32]),
        cursor: BASE64.encode([4; 32]),
        face: None,
        current_face: None,
        faces: BTreeMap::new(),
    };
    file.into_keys().unwrap()
}

#[test]
fn the_envelope_matches_a_known_answer() {
    let (keys, place) = (keys_of_known_bytes(), aad("members", "phone_ct", "row-1"));
    let rings = keys.rings();
    let ring = &rings.identities;
    let sealed = keys.seal_with(ENVELOPE, ring, [7; NONCE_BYTES], &place, "张三".as_bytes());
    assert_eq!(sealed, "v1.k1.A256GCM.BwcHBwcHBwcHBwcH.6tYGuNeGK3p-lUB9tkeBv_6RH5kN3w");
}

#[test]
fn index_macs_and_digests_match_known_answers() {
    let keys = keys_of_known_bytes();
    assert_eq!(
        keys.blind_index("document", "value"),
        "0Z7rpGOfcreR2edQvporqzpBPCgo1pjMCDHTTfm9pMI"
    );
    let row_mac = keys.ledger_mac(b"row");
    assert_eq!(
        hex::encode(row_mac),
        "1238e69dde7a48792f849df2411ee9fa5d3e001e2ba0cf1f2994723f25f8d57f"
    );
    assert_eq!(
        keys.digest_summand(&row_mac),
        [
            311_481_709,
            2_703_806_225,
            1_781_992_693,
            392_318_091,
            2_541_414_269,
            1_370_985_733,
            2_861_161_725,
            1_829_196_011
        ]
    );
    assert_eq!(
        token_hash("token"),
        "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"
    );
}

#[test]
fn a_sealed_text_opens_only_in_its_own_place() {
    for suite in [Suite::Aes, Suite::Sm] {
        let keys = Keys::generate_for(suite);
        let sealed = keys.seal("members", "phone_ct", "a", b"13900000000");
        assert_eq!(keys.open("members", "phone_ct", "a", &sealed).unwrap(), b"13900000000");
        assert!(keys.open("members", "phone_ct", "b", &sealed).is_err());
        assert!(keys.open("members", "name_ct", "a", &sealed).is_err());
        assert!(keys.open("staff", "phone_ct", "a", &sealed).is_err());
        assert!(Keys::generate().open("members", "phone_ct", "a", &sealed).is_err());
        assert_ne!(sealed, keys.seal("members", "phone_ct", "a", b"13900000000"), "nonces repeat");
    }
}

#[test]
fn parts_of_the_place_cannot_be_shifted() {
    let keys = Keys::generate();
    let sealed = keys.seal("ab", "c", "d", b"x");
    assert!(keys.open("a", "bc", "d", &sealed).is_err());
}

#[test]
fn indexes_and_macs_differ_between_suites() {
    let (one, other) = (known(Suite::Aes), known(Suite::Sm));
    assert_ne!(one.blind_index("document", "1"), other.blind_index("document", "1"));
    assert_ne!(one.ledger_mac(b"row"), other.ledger_mac(b"row"));
    assert!(other.seal("t", "c", "r", b"x").starts_with("v1.k1.SM4GCM."));
}

#[test]
fn rotation_keeps_old_texts_readable_and_seals_with_the_new_keys() {
    for suite in [Suite::Aes, Suite::Sm] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let old = Keys::create(&path, suite).unwrap();
        let (sealed, face) = (old.seal("t", "c", "a", b"x"), old.seal_face("h", b"x").unwrap());
        let before = old.current_prefixes();
        let id = Keys::rotate(&path).unwrap();
        let new = Keys::load(&path).unwrap();
        let (identities, faces) = new.current_prefixes();
        assert_eq!((new.suite, &identities), (suite, &format!("v1.{id}.")));
        assert!(before.0 != identities && before.1 != faces);
        assert_eq!(new.open("t", "c", "a", &sealed).unwrap(), b"x");
        assert_eq!(new.open_face("h", &face).unwrap(), b"x");
        assert!(new.seal("t", "c", "a", b"x").starts_with(&identities));
        assert!(new.seal_face("h", b"x").unwrap().starts_with(&faces.unwrap()));
        assert_eq!(old.blind_index("document", "1"), new.blind_index("document", "1"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left behind");
    }
}

#[test]
fn a_running_server_opens_what_a_new_key_sealed_and_then_seals_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let running = Keys::create(&path, Suite::Aes).unwrap();
    assert!(!running.refresh().unwrap(), "nothing was added yet");
    Keys::rotate(&path).unwrap();
    let rotated = Keys::load(&path).unwrap();
    let sealed = rotated.seal("t", "c", "a", b"x");
    assert_eq!(running.open("t", "c", "a", &sealed).unwrap(), b"x");
    assert_eq!(running.current_prefixes(), rotated.current_prefixes());
    Keys::rotate(&path).unwrap();
    let face = Keys::load(&path).unwrap().seal_face("h", b"x").unwrap();
    assert_eq!(running.open_face("h", &face).unwrap(), b"x");
}

#[test]
fn a_face_from_before_its_keys_had_ids_opens_and_is_sealed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    Keys::create(&path, Suite::Aes).unwrap();
    let mut file: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let fields = file.as_object_mut().unwrap();
    fields.remove("faces");
    fields.remove("current_face");
    fields.insert("face".into(), BASE64.encode([5; 32]).into());
    fs::write(&path, file.to_string()).unwrap();
    let sealed = faces::seal_as_before(&Keys::load(&path).unwrap(), "h", b"photo");
    Keys::rotate(&path).unwrap();
    let keys = Keys::load(&path).unwrap();
    assert_eq!(keys.open_face("h", &sealed).unwrap(), b"photo");
    assert!(keys.open_face("i", &sealed).is_err());
    assert!(!sealed.starts_with(&keys.current_prefixes().1.unwrap()));
}

#[test]
fn the_file_is_private_and_made_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let made = Keys::load_or_create(&path, Suite::Aes).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let read = Keys::load_or_create(&path, Suite::Aes).unwrap();
    assert_eq!(made.ledger_mac(b"x"), read.ledger_mac(b"x"));
    assert!(is_already_there(&Keys::create(&path, Suite::Aes).unwrap_err()));
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(Keys::load(&path).is_err(), "a file that all may read was taken");
}

#[test]
fn a_damaged_file_is_refused_without_quoting_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    for text in ["", "{", r#"{"current":"secret-text"}"#, "[\"secret-text\"]"] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = format!("{:#}", Keys::load(&path).unwrap_err());
        assert!(!error.contains("secret-text"), "{error}");
    }
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", keys_of_known_bytes());
    assert_eq!(shown, r#"Keys { suite: Aes, current: "k1", .. }"#);
}

#[test]
fn tokens_are_long_and_differ() {
    assert_eq!(new_token().len(), 43);
    assert_ne!(new_token(), new_token());
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_again(plain: Vec<u8>, row: String) {
        for keys in [known(Suite::Aes), known(Suite::Sm)] {
            let sealed = keys.seal("t", "c", &row, &plain);
            prop_assert_eq!(&keys.open("t", "c", &row, &sealed).unwrap(), &plain);
        }
    }

    #[test]
    fn no_text_makes_opening_panic(text: String) {
        prop_assert!(keys_of_known_bytes().open("t", "c", "r", &text).is_err());
    }
}
