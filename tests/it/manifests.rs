//! What is deployed against what there is: Kubernetes' manifests read into the types of its API,
//! and their ports, probes and variables, like compose's and systemd's, against the command line
//! and a running server.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::v1::Job,
        core::v1::{
            ConfigMap, Container, Namespace, PersistentVolumeClaim, PodSpec, Probe, Service,
        },
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::support::{Answer, TestTown};

fn deploy(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(inside)
}

fn text(inside: &str) -> String {
    std::fs::read_to_string(deploy(inside)).unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    let all = serde_norway::Deserializer::from_str(text);
    all.map(|one| Value::deserialize(one).unwrap()).filter(|one| !one.is_null()).collect()
}

/// Every manifest of the folder.
fn manifests() -> Vec<Value> {
    let folder = std::fs::read_dir(deploy("kubernetes")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    files.flat_map(|path| documents(&std::fs::read_to_string(path).unwrap())).collect()
}

/// The only manifest of this kind and name, as the API's own type.
fn named<T: DeserializeOwned>(kind: &str, name: &str) -> T {
    let mut found = manifests();
    found.retain(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    assert_eq!(found.len(), 1, "{kind} {name}");
    serde_json::from_value(found.remove(0)).unwrap()
}

/// Reads `manifest` as a `T` and writes it again: the API's types drop fields that they do not
/// know, so what is missing then is unknown.
fn unknown<T: DeserializeOwned + Serialize>(manifest: &Value) -> Vec<String> {
    match serde_json::from_value::<T>(manifest.clone()) {
        Ok(read) => {
            let mut lost = Vec::new();
            compare("", manifest, &serde_json::to_value(read).unwrap(), &mut lost);
            lost
        }
        Err(error) => vec![error.to_string()],
    }
}

fn compare(at: &str, written: &Value, read: &Value, lost: &mut Vec<String>) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (name, value) in written {
                match read.get(name) {
                    Some(read) => compare(&format!("{at}/{name}"), value, read, lost),
                    None => lost.push(format!("{at}/{name}")),
                }
            }
        }
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            for (n, (written, read)) in written.iter().zip(read).enumerate() {
                compare(&format!("{at}/{n}"), written, read, lost);
            }
        }
        _ if written == read => {}
        _ => lost.push(format!("{at}: {written} became {read}")),
    }
}

fn unknown_of(manifest: &Value) -> Vec<String> {
    match manifest["kind"].as_str().unwrap() {
        "ConfigMap" => unknown::<ConfigMap>(manifest),
        "Deployment" => unknown::<Deployment>(manifest),
        "HorizontalPodAutoscaler" => unknown::<HorizontalPodAutoscaler>(manifest),
        "Ingress" => unknown::<Ingress>(manifest),
        "Job" => unknown::<Job>(manifest),
        "Namespace" => unknown::<Namespace>(manifest),
        "NetworkPolicy" => unknown::<NetworkPolicy>(manifest),
        "PersistentVolumeClaim" => unknown::<PersistentVolumeClaim>(manifest),
        "PodDisruptionBudget" => unknown::<PodDisruptionBudget>(manifest),
        "Service" => unknown::<Service>(manifest),
        other => panic!("a manifest of a kind that this test does not know: {other}"),
    }
}

#[test]
fn every_manifest_is_one_that_the_api_knows() {
    let all = manifests();
    assert!(all.len() >= 13, "{}", all.len());
    for manifest in &all {
        let name = format!("{} {}", manifest["kind"], manifest["metadata"]["name"]);
        assert_eq!(unknown_of(manifest), Vec::<String>::new(), "{name}");
    }
    // A misspelt field is found, and so is one of another type.
    let mut wrong = all.iter().find(|one| one["kind"] == "Deployment").unwrap().clone();
    wrong["spec"]["template"]["spec"]["terminationGraceSeconds"] = Value::from(60);
    assert_eq!(unknown_of(&wrong), ["/spec/template/spec/terminationGraceSeconds"]);
    wrong["spec"]["replicas"] = Value::from("three");
    assert_ne!(unknown_of(&wrong), Vec::<String>::new());
}

/// Every variable that `fitgate COMMAND` reads, as its manual says.
fn variables(command: &str) -> BTreeSet<String> {
    let mut fitgate = Command::new(env!("CARGO_BIN_EXE_fitgate"));
    let manual = fitgate.args([command, "--help"]).output().unwrap().stdout;
    let manual = String::from_utf8(manual).unwrap();
    let pieces = manual.split("[env: ").skip(1);
    let names = pieces.map(|rest| rest.split([']', '=']).next().unwrap().to_owned());
    let names: BTreeSet<String> = names.filter(|name| name.starts_with("FITGATE_")).collect();
    assert!(names.len() >= 5, "{manual}");
    names
}

fn assert_known<'a>(place: &str, used: impl Iterator<Item = &'a str>) {
    let known = variables("serve");
    for name in used.filter(|name| name.starts_with("FITGATE_")) {
        assert!(known.contains(name), "{place} sets {name}, which no server reads");
    }
}

/// The names before `=` of a file of variables, also of those that are commented out.
fn assigned(file: &str) -> Vec<String> {
    let lines = file.lines().map(|line| line.trim_start_matches(['#', ' ']));
    let names = lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    names.filter(|name| name.starts_with("FITGATE_")).map(str::to_owned).collect()
}

#[test]
fn variables_are_those_that_the_command_line_reads() {
    let settings: ConfigMap = named("ConfigMap", "fitgate");
    let settings = settings.data.unwrap();
    assert_known("the ConfigMap", settings.keys().map(String::as_str));
    let compose = documents(&text("compose/compose.yaml")).remove(0);
    let server = compose["x-server"]["environment"].as_object().unwrap();
    assert_known("compose", server.keys().map(String::as_str));
    let unit = assigned(&text("systemd/fitgate.env"));
    assert_known("fitgate.env", unit.iter().map(String::as_str));
    let image = text("image/Dockerfile").replace("ENV ", "\n");
    assert_known("the image", assigned(&image).iter().map(String::as_str));
    // And the list for everybody names every one of them.
    let example = std::fs::read_to_string(deploy("../.env.example")).unwrap();
    let listed: BTreeSet<String> = assigned(&example).into_iter().collect();
    assert_eq!(listed, variables("serve"), ".env.example and the options of `serve`");
}

fn ports(container: &Container) -> BTreeMap<String, i32> {
    let ports = container.ports.clone().unwrap_or_default();
    ports.into_iter().map(|port| (port.name.unwrap(), port.container_port)).collect()
}

/// The port that a service's or probe's reference comes to.
fn resolved(ports: &BTreeMap<String, i32>, reference: &IntOrString) -> i32 {
    match reference {
        IntOrString::Int(port) => *port,
        IntOrString::String(name) => *ports.get(name).expect("a port of this name"),
    }
}

fn listened(settings: &BTreeMap<String, String>, name: &str) -> i32 {
    settings[name].rsplit(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn ports_and_probes_are_those_of_a_server() {
    let deployment: Deployment = named("Deployment", "fitgate");
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    let settings = named::<ConfigMap>("ConfigMap", "fitgate").data.unwrap();
    let container = &pod.containers[0];
    let ports = ports(container);
    let (http, ops) =
        (listened(&settings, "FITGATE_LISTEN"), listened(&settings, "FITGATE_OPS_LISTEN"));
    assert_eq!((ports["http"], ports["ops"]), (http, ops));
    for (name, wanted) in [("fitgate", http), ("fitgate-ops", ops)] {
        let service = named::<Service>("Service", name).spec.unwrap();
        let target = service.ports.unwrap().remove(0).target_port.unwrap();
        assert_eq!(resolved(&ports, &target), wanted, "{name}");
    }
    let policy = named::<NetworkPolicy>("NetworkPolicy", "servers").spec.unwrap();
    let let_in = policy.ingress.unwrap().into_iter().flat_map(|rule| rule.ports.unwrap());
    let let_in: BTreeSet<i32> = let_in.map(|port| resolved(&ports, &port.port.unwrap())).collect();
    assert_eq!(let_in, BTreeSet::from([http, ops]));

    let town = TestTown::open().await;
    let probes = [&container.startup_probe, &container.liveness_probe, &container.readiness_probe];
    for probe in probes.map(|probe| probe.as_ref().expect("three probes")) {
        let asked = probe.http_get.as_ref().unwrap();
        assert_eq!(resolved(&ports, &asked.port), ops, "operations are asked");
        let path = asked.path.as_deref().unwrap();
        assert_eq!(Answer::to(town.ops.get(path)).await.status, 200, "{path}");
    }
    assert_stops_in_time(&pod, &settings, container.readiness_probe.as_ref().unwrap());
    for path in named::<Ingress>("Ingress", "fitgate")
        .spec
        .and_then(|spec| spec.rules?.remove(0).http)
        .unwrap()
        .paths
    {
        assert!(["/api/", "/screen/"].contains(&path.path.as_deref().unwrap()), "{path:?}");
    }
}

/// Readiness must be noticed within the drain, and all of the stop fit into what a pod is given.
fn assert_stops_in_time(pod: &PodSpec, settings: &BTreeMap<String, String>, readiness: &Probe) {
    let drain: i64 = settings["FITGATE_DRAIN_S"].parse().unwrap();
    let noticed = readiness.period_seconds.unwrap() * readiness.failure_threshold.unwrap();
    assert!(i64::from(noticed) < drain, "{noticed} s until noticed, {drain} s of draining");
    // Requests have 20 s, tasks 10 s.
    assert!(drain + 30 < pod.termination_grace_period_seconds.unwrap());
}

#[test]
fn what_runs_may_do_little() {
    let deployment: Deployment = named("Deployment", "fitgate");
    let job: Job = named("Job", "fitgate-migrate");
    let pods = [
        deployment.spec.clone().unwrap().template.spec.unwrap(),
        job.spec.unwrap().template.spec.unwrap(),
    ];
    for pod in pods {
        let security = pod.security_context.unwrap();
        assert_eq!((security.run_as_non_root, security.run_as_user), (Some(true), Some(65532)));
        assert_eq!(pod.automount_service_account_token, Some(false));
        for container in pod.containers {
            let security = container.security_context.unwrap();
            assert_eq!(security.read_only_root_filesystem, Some(true));
            assert_eq!(security.allow_privilege_escalation, Some(false));
            assert_eq!(security.capabilities.unwrap().drop.unwrap(), ["ALL"]);
            assert!(container.resources.unwrap().limits.unwrap().contains_key("memory"));
        }
    }
    let replicas = deployment.spec.unwrap().replicas.unwrap();
    let budget = named::<PodDisruptionBudget>("PodDisruptionBudget", "fitgate").spec.unwrap();
    let Some(IntOrString::Int(kept)) = budget.min_available else { panic!("a number of servers") };
    assert!(kept < replicas, "a node can be emptied");
    let scaled = named::<HorizontalPodAutoscaler>("HorizontalPodAutoscaler", "fitgate");
    assert_eq!(scaled.spec.unwrap().min_replicas, Some(replicas));
}
