//! Devices that are called, of every such family: what they hold, in the bytes in which they say it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

pub const CHALLENGE: &str = "Digest qop=\"auth\", realm=\"DS-00000000\", nonce=\"OGRj\", \
    stale=\"false\", opaque=\"\", domain=\"::\"";

/// What a device holds: persons, and the size of each one's face.
#[derive(Default)]
pub struct Mind {
    pub persons: BTreeMap<String, usize>,
    /// The name of each person.
    pub names: BTreeMap<String, String>,
    /// Persons whom it does not take.
    pub refused: Vec<String>,
}

/// A device of a family, as it speaks.
#[derive(Clone)]
pub struct FakeDevice {
    pub family: &'static str,
    pub mind: Arc<Mutex<Mind>>,
}

impl FakeDevice {
    pub fn holds(&self) -> Vec<String> {
        self.mind.lock().unwrap().persons.keys().cloned().collect()
    }

    pub fn name_of(&self, number: &str) -> String {
        self.mind.lock().unwrap().names.get(number).cloned().unwrap_or_default()
    }

    pub fn face_of(&self, number: &str) -> usize {
        self.mind.lock().unwrap().persons.get(number).copied().unwrap_or_default()
    }
}

fn said(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn lines(text: String) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

impl Respond for FakeDevice {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let proof = request.headers.get("authorization");
        let proof = proof.map_or("", |proof| proof.to_str().unwrap());
        let mind = &mut *self.mind.lock().unwrap();
        match self.family {
            "hq" if proof == "Basic YWRtaW46c2VjcmV0MQ==" => mind.as_hq(request),
            "hq" => ResponseTemplate::new(401),
            "uniubi" => mind.as_uniubi(request),
            _ if !proof.starts_with("Digest ") => {
                ResponseTemplate::new(401).insert_header("WWW-Authenticate", CHALLENGE)
            }
            "dahua" => mind.as_dahua(request),
            _ => mind.as_hikvision(request),
        }
    }
}

impl Mind {
    fn is_refused(&self, number: &str) -> bool {
        self.refused.iter().any(|refused| refused == number)
    }

    fn as_hikvision(&mut self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let well = json!({ "statusCode": 1, "statusString": "OK", "subStatusCode": "ok" });
        match request.url.path() {
            "/ISAPI/AccessControl/UserInfo/SetUp" => {
                let person = &body["UserInfo"];
                let handle = person["employeeNo"].as_str().unwrap().to_owned();
                let name = person["name"].as_str().unwrap().to_owned();
                self.names.insert(handle.clone(), name);
                if self.is_refused(&handle) {
                    let sub = "deviceUserAlreadyExistFace";
                    return said(400, &json!({ "statusCode": 6, "subStatusCode": sub }));
                }
                self.persons.entry(handle).or_default();
            }
            "/ISAPI/Intelligent/FDLib/FDSetUp" => {
                let text = String::from_utf8_lossy(&request.body);
                let handle = text.split("\"FPID\":\"").nth(1).unwrap().split('"').next().unwrap();
                let jpeg = request.body.windows(3).any(|part| part == b"\xff\xd8\xff");
                assert!(jpeg && text.contains("name=\"FaceImage\""));
                *self.persons.get_mut(handle).unwrap() = request.body.len();
            }
            "/ISAPI/AccessControl/UserInfoDetail/Delete" => {
                for one in body["UserInfoDetail"]["EmployeeNoList"].as_array().unwrap() {
                    self.persons.remove(one["employeeNo"].as_str().unwrap());
                }
            }
            "/ISAPI/AccessControl/UserInfoDetail/DeleteProcess" => {
                let done = json!({ "UserInfoDetailDeleteProcess": { "status": "success" } });
                return said(200, &done);
            }
            "/ISAPI/AccessControl/UserInfo/Search" => {
                let from = body["UserInfoSearchCond"]["searchResultPosition"].as_u64().unwrap();
                let row = |handle: &String| json!({ "employeeNo": handle, "name": "" });
                let from = usize::try_from(from).unwrap();
                let rows: Vec<Value> = self.persons.keys().skip(from).take(2).map(row).collect();
                let more = if from + rows.len() < self.persons.len() { "MORE" } else { "OK" };
                let page = json!({ "responseStatusStrg": more, "numOfMatches": rows.len(),
                    "UserInfo": rows });
                return said(200, &json!({ "UserInfoSearch": page }));
            }
            other => panic!("{other} is not what this is about"),
        }
        said(200, &well)
    }

    fn as_hq(&mut self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let (operator, info) = (body["operator"].as_str().unwrap(), &body["info"]);
        assert_eq!(request.url.path(), format!("/action/{operator}"));
        assert_eq!(info["DeviceID"], 1_434_281);
        let answer = |code: u32, info: Value| {
            said(200, &json!({ "operator": operator, "code": code, "info": info }))
        };
        match operator {
            "EditPersonNew" => {
                let handle = info["PersonUUID"].as_str().unwrap().to_owned();
                self.names.insert(handle.clone(), info["Name"].as_str().unwrap().to_owned());
                if self.is_refused(&handle) {
                    return answer(471, json!({ "Result": "Fail" }));
                }
                let face = body["picinfo"].as_str().map_or(0, |picture| {
                    let text = picture.strip_prefix("data:image/jpeg;base64,").unwrap();
                    BASE64_STANDARD.decode(text).unwrap().len()
                });
                self.persons.insert(handle, face);
            }
            "DeletePerson" => {
                for handle in info["PersonUUID"].as_array().unwrap() {
                    self.persons.remove(handle.as_str().unwrap());
                }
            }
            "SearchPersonList" => {
                let row = |handle: &String| json!({ "CustomizeID": 0, "PersonUUID": handle });
                let rows: Vec<Value> = self.persons.keys().map(row).collect();
                return answer(200, json!({ "Listnum": rows.len(), "List": rows }));
            }
            other => panic!("{other} is not what this is about"),
        }
        answer(200, json!({ "Result": "Ok" }))
    }

    fn as_uniubi(&mut self, request: &Request) -> ResponseTemplate {
        let form = format!("http://form/?{}", String::from_utf8_lossy(&request.body));
        let form = reqwest::Url::parse(&form).unwrap();
        let fields: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
        let code = |code: &str, data: Value| {
            let is_well = code.starts_with("LAN_SUS");
            let result = u8::from(is_well);
            said(200, &json!({ "result": result, "success": is_well, "code": code, "data": data }))
        };
        if fields["pass"] != "secret1" {
            return code("LAN_EXP-1001", Value::Null);
        }
        let well = code("LAN_SUS-0", Value::Null);
        match request.url.path() {
            "/person/create" => {
                let person: Value = serde_json::from_str(&fields["person"]).unwrap();
                let handle = person["id"].as_str().unwrap().to_owned();
                let name = person["name"].as_str().unwrap().to_owned();
                self.names.entry(handle.clone()).or_insert(name);
                if self.persons.contains_key(&handle) {
                    return code("LAN_EXP-3005", Value::Null);
                }
                if self.is_refused(&handle) {
                    return code("LAN_EXP-4043", Value::Null);
                }
                self.persons.insert(handle, 0);
            }
            "/person/update" => {
                let person: Value = serde_json::from_str(&fields["person"]).unwrap();
                let text = |name: &str| person[name].as_str().unwrap().to_owned();
                self.names.insert(text("id"), text("name"));
            }
            "/face/create" => {
                let size = BASE64_STANDARD.decode(&fields["imgBase64"]).unwrap().len();
                *self.persons.get_mut(&fields["personId"]).unwrap() = size;
            }
            "/person/delete" => {
                if self.persons.remove(&fields["id"]).is_none() {
                    return code("LAN_EXP-3009", Value::Null);
                }
            }
            "/person/findByPage" => {
                let rows: Vec<Value> =
                    self.persons.keys().map(|handle| json!({ "id": handle })).collect();
                return code("LAN_SUS-0", json!(rows));
            }
            other => panic!("{other} is not what this is about"),
        }
        well
    }

    fn as_dahua(&mut self, request: &Request) -> ResponseTemplate {
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let field = |name: &str| query.get(name).cloned().unwrap_or_default();
        let number = field("UserID");
        let of = |action: &str| (request.url.path().to_owned(), action.to_owned());
        let rows = |persons: &[&String]| {
            let row = |(n, number): (usize, &&String)| {
                format!("records[{n}].RecNo={number}\r\nrecords[{n}].UserID={number}\r\n")
            };
            let rows: String = persons.iter().enumerate().map(row).collect();
            lines(format!("found={}\r\n{rows}", persons.len()))
        };
        let (path, action) = of(&field("action"));
        match (path.trim_start_matches("/cgi-bin/"), action.as_str()) {
            ("recordFinder.cgi", "find") => {
                let wanted = field("condition.UserID");
                return rows(
                    &self.persons.keys().filter(|one| **one == wanted).collect::<Vec<_>>(),
                );
            }
            ("recordFinder.cgi", "doSeekFind") => {
                return rows(&self.persons.keys().collect::<Vec<_>>());
            }
            ("recordUpdater.cgi", "insert") => {
                self.names.insert(number.clone(), field("CardName"));
                if self.is_refused(&number) {
                    return lines("Error\r\nRepeated face".to_owned());
                }
                self.persons.insert(number, 0);
                return lines("RecNo=1\r\n".to_owned());
            }
            ("recordUpdater.cgi", "update") => {
                self.names.insert(field("recno"), field("CardName"));
            }
            ("recordUpdater.cgi", "remove") => {
                self.persons.remove(&field("recno"));
            }
            ("FaceInfoManager.cgi", "add") => {
                let face: Value = serde_json::from_slice(&request.body).unwrap();
                let picture = face["Info"]["PhotoData"][0].as_str().unwrap();
                let size = BASE64_STANDARD.decode(picture).unwrap().len();
                *self.persons.get_mut(face["UserID"].as_str().unwrap()).unwrap() = size;
            }
            ("FaceInfoManager.cgi", "remove") => {
                if let Some(size) = self.persons.get_mut(&number) {
                    *size = 0;
                }
            }
            other => panic!("{other:?} is not what this is about"),
        }
        lines("OK\r\n".to_owned())
    }
}
