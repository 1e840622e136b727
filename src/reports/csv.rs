//! Reports as CSV by RFC 4180, in UTF-8 with a byte order mark, since spreadsheets take files
//! without one for GBK. No text can become a formula (ASVS 1.2.10).

use super::table::{Cell, Report};
pub use crate::base::text::safe_cell as safe;

/// What tells spreadsheets that a file is UTF-8.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// First the head, a name and a value a line, then the columns, then the rows; every line has as
/// many fields.
pub fn write(report: &Report) -> Result<Vec<u8>, ::csv::Error> {
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(MARK.to_vec());
    let columns = report.head.ask.kind.columns();
    for (name, value) in head(report) {
        let rest = std::iter::repeat_n("", columns.len() - 2);
        writer.write_record([name, &safe(&value)].into_iter().chain(rest))?;
    }
    writer.write_record(columns.iter().map(|column| format!("{} {}", column.zh, column.name)))?;
    for row in &report.rows {
        writer.write_record(row.iter().map(field))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// The head with digest and seal.
pub fn head(report: &Report) -> Vec<(&'static str, String)> {
    let mut head = report.head.fields();
    head.push(("digest", report.digest.clone()));
    head.push(("seal", report.seal.clone()));
    head
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Whole(number) => number.to_string(),
        Cell::Text(text) => safe(text),
    }
}

/// The text before [`safe`].
pub fn unsafe_again(field: &str) -> &str {
    field.strip_prefix('\'').unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_field_can_be_run_and_every_text_comes_back(text in "[=+@'|\t\r\n\0a,\"-]{0,8}") {
            let field = safe(&text);
            prop_assert!(!field.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']));
            prop_assert_eq!(unsafe_again(&field), text.as_str());
        }
    }
}
