//! The small client script, as a resident's mini-program would run it.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{COMMUNITY, Shown, TestTown, document};

#[tokio::test]
async fn a_mini_program_of_some_lines_comes_in() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let number = document("1990-05-01".parse().unwrap(), 12);
    let mut node = tokio::process::Command::new("node");
    node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client/resident.mjs"));
    node.args([town.wire.base(), "login-zhang", &number, COMMUNITY]).stdin(Stdio::null());
    let Ok(output) = node.output().await else {
        println!("skipped: there is no node to run the client script");
        return;
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["outcome"], &said["minutes"]), (&"match".into(), &0.into()));
    let credential = said["code"].as_str().unwrap().to_owned();
    let shown = Shown { method: "qr", credential };
    assert_eq!(door.asks("in", &shown).await["decision"], "granted");
}
