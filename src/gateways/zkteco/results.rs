//! What devices say of the commands they were told, in each of the forms that occur. Pure.

use crate::gateways::text::{Pairs, lines, readable};

/// Results of one body that are looked at.
const RESULTS_MAX: usize = 500;

/// What became of one line that a device was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineResult {
    pub id: String,
    pub code: i64,
}

/// The results of a body, or of the query where the body is empty.
pub fn results(query: &Pairs, body: &[u8]) -> Vec<LineResult> {
    let mut rows = lines(body).map(readable).take(RESULTS_MAX);
    let Some(first) = rows.next() else { return one(query).into_iter().collect() };
    if first.contains('&') {
        // Each line with an id is a result; others belong to the one before.
        let all = std::iter::once(first).chain(rows);
        return all.filter_map(|row| one(&Pairs::split(&row, '&'))).collect();
    }
    // One result over several lines, up to its free text.
    let fields: Vec<String> =
        std::iter::once(first).chain(rows).take_while(|row| !row.starts_with("Content=")).collect();
    one(&Pairs::split(&fields.join("\n"), '\n')).into_iter().collect()
}

fn one(fields: &Pairs) -> Option<LineResult> {
    let id = fields.get("id").filter(|id| (1..=32).contains(&id.len()))?;
    Some(LineResult { id: id.to_owned(), code: fields.number("return")? })
}
