//! `GET /api/v1/staff/reports/{kind}`: a report as JSON, CSV or XLSX; and what came of fitness
//! tests, `GET /api/v1/staff/fitness-outcomes`.

mod outcomes;

use axum::{
    extract::State as Part,
    http::{HeaderName, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    By, Kind, Report, csv, note_taken, produce,
    table::{Ask, Cell, State as ReportState},
    xlsx,
};
use crate::{
    base::{
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::DivisionCode,
        state::State,
    },
    staff::{Function, StaffCaller},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(make_report)).routes(routes!(outcomes::show))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportFormat)]
enum Format {
    #[default]
    Json,
    Csv,
    Xlsx,
}

/// What the report covers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportQuery {
    /// The caller's own when absent.
    division: Option<DivisionCode>,
    /// First business day.
    from: NaiveDate,
    /// Last business day; at most 366 days from the first. By month, both are those of whole
    /// months.
    to: NaiveDate,
    #[param(inline)]
    by: By,
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReportColumn)]
struct ColumnJson {
    name: &'static str,
    title: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Report)]
struct ReportJson {
    report: Kind,
    /// The version of what the figures mean.
    definition: u32,
    division: DivisionCode,
    from: NaiveDate,
    to: NaiveDate,
    by: By,
    as_of: DateTime<Utc>,
    state: ReportState,
    /// Everything that terminals recorded up to here is in the figures; null while some terminal
    /// has never said anything.
    watermark: Option<DateTime<Utc>>,
    /// Serials of terminals that are marked lost: what they hold is not waited for.
    lost_terminals: Vec<String>,
    columns: Vec<ColumnJson>,
    /// A value a column; null is unknown, or hidden because fewer than ten people stand behind it.
    rows: Vec<Vec<Cell>>,
    /// SHA-256 over scope and rows; `fitgate report verify` recomputes it from the ledger.
    digest: String,
    /// A keyed code over all the rest.
    seal: String,
}

impl From<Report> for ReportJson {
    fn from(report: Report) -> Self {
        let Report { head, rows, digest, seal } = report;
        let columns = head.ask.kind.columns();
        let column =
            |column: super::table::Column| ColumnJson { name: column.name, title: column.zh };
        Self {
            report: head.ask.kind,
            definition: head.definition,
            division: head.ask.division,
            from: head.ask.from,
            to: head.ask.to,
            by: head.ask.by,
            as_of: head.as_of,
            state: head.state,
            watermark: head.watermark,
            lost_terminals: head.lost,
            columns: columns.into_iter().map(column).collect(),
            rows,
            digest,
            seal,
        }
    }
}

/// Makes a report of business days from the roll-ups. As CSV it is UTF-8 with a byte order mark,
/// by RFC 4180, and holds no formulas.
#[utoipa::path(get, path = "/api/v1/staff/reports/{kind}", tag = "staff: reports",
    params(("kind" = Kind, Path), ReportQuery), responses(
        (status = 200, content(
            (ReportJson = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 422, description = "The period is too long or not whole months, or the kind is not to be had by day or by month"),
    ))]
async fn make_report(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(kind): Path<Kind>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    by.require(Function::SeePlaces, &division)?;
    let ask = Ask { kind, division, from: query.from, to: query.to, by: query.by };
    let now = state.clock.now();
    let report = produce(&state.db, &state.keys, ask, now).await?;
    answer(&state, &by, report, query.format, now).await
}

async fn answer(
    state: &State,
    by: &StaffCaller,
    report: Report,
    format: Format,
    now: DateTime<Utc>,
) -> Result<Response, Error> {
    if format == Format::Json {
        return Ok(Json(ReportJson::from(report)).into_response());
    }
    note_taken(&state.db, &report, &by.actor(), now).await?;
    let name = file_name(&report, format);
    // A year of a city is written for a second; others must not wait behind it.
    let written = tokio::task::spawn_blocking(move || match format {
        Format::Xlsx => xlsx::write(&report).map_err(Error::internal),
        Format::Json | Format::Csv => csv::write(&report).map_err(Error::internal),
    });
    let bytes = written.await.map_err(Error::internal)??;
    Ok((headers(&name, format), bytes).into_response())
}

fn file_name(report: &Report, format: Format) -> String {
    let Ask { kind, division, from, to, .. } = &report.head.ask;
    let ending = match format {
        Format::Json => "json",
        Format::Csv => "csv",
        Format::Xlsx => "xlsx",
    };
    format!("fitgate-{}-{division}-{from}-{to}.{ending}", kind.as_str())
}

fn headers(name: &str, format: Format) -> [(HeaderName, String); 2] {
    let kind = match format {
        Format::Json => "application/json",
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)]
}
