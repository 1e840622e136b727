//! Reports as XLSX: a sheet of figures and a sheet of what they are.

use chrono::Datelike as _;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use super::{
    csv,
    table::{Cell, Report},
};

/// The sheet of the head; the figures come first.
pub const HEAD: &str = "说明";

/// Texts are texts there, never formulas.
pub fn write(report: &Report) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let day = report.head.as_of.date_naive();
    let (year, month) = (u16::try_from(day.year()).unwrap_or(1900), narrow(day.month()));
    let made = ExcelDateTime::from_ymd(year, month, narrow(day.day()))?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let bold = Format::new().set_bold();
    let kind = report.head.ask.kind;
    let sheet = book.add_worksheet();
    sheet.set_name(kind.zh())?;
    for (at, column) in (0_u16..).zip(kind.columns()) {
        let title = format!("{} {}", column.zh, column.name);
        sheet.write_string_with_format(0, at, title, &bold)?;
    }
    for (line, row) in (1_u32..).zip(&report.rows) {
        for (at, cell) in (0_u16..).zip(row) {
            match cell {
                Cell::Nothing => {}
                Cell::Text(text) => {
                    sheet.write_string(line, at, text)?;
                }
                #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
                Cell::Whole(number) => {
                    sheet.write_number(line, at, *number as f64)?;
                }
            }
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    let sheet = book.add_worksheet();
    sheet.set_name(HEAD)?;
    for (line, (name, value)) in (0_u32..).zip(csv::head(report)) {
        sheet.write_string_with_format(line, 0, name, &bold)?;
        sheet.write_string(line, 1, value)?;
    }
    book.save_to_buffer()
}

fn narrow(part: u32) -> u8 {
    u8::try_from(part).unwrap_or(1)
}
