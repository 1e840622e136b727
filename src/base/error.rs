//! The one error of requests, named by what the caller should do, and the stable codes.
//! `base::http::problem` turns it into an RFC 9457 answer; nothing here knows HTTP.

use sea_orm::DbErr;

mod store;

pub use store::{is_full, is_passing};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be read: fix its form (400).
    #[error("malformed: {0:?}")]
    Malformed(Code),
    /// The request was read, but fields of it are not acceptable: fix them (422).
    #[error("invalid: {0:?}")]
    Invalid(Vec<Fault>),
    /// Sign in, or sign the request properly (401).
    #[error("unauthenticated: {0:?}")]
    Unauthenticated(Code),
    /// This caller may not (403).
    #[error("forbidden: {0:?}")]
    Forbidden(Code),
    /// There is no such thing, or the caller may not know of it (404).
    #[error("not found: {0:?}")]
    NotFound(Code),
    /// It contradicts what is there (409).
    #[error("conflict: {0:?}")]
    Conflict(Code),
    /// Too often; come back after so many seconds (429).
    #[error("too many: {0:?}, retry after {1} s")]
    TooMany(Code, u32),
    /// We cannot now; come back after so many seconds (503).
    #[error("unavailable: {0:?}, retry after {1} s")]
    Unavailable(Code, u32),
    /// Nobody planned this (500); the cause is logged once, never shown.
    #[error("internal")]
    Internal(#[source] anyhow::Error),
}

/// One field that is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer to the field, `""` for the whole body.
    pub pointer: String,
    pub code: Code,
}

impl Error {
    /// One unacceptable field.
    pub fn invalid(pointer: impl Into<String>, code: Code) -> Self {
        Self::Invalid(vec![Fault { pointer: pointer.into(), code }])
    }

    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(cause.into())
    }

    /// The database's disk is full.
    pub fn storage_full() -> Self {
        Self::Unavailable(Code::StorageFull, ROOM_RETRY_AFTER_S)
    }
}

/// Seconds after which a caller should try again when the database was busy or away.
const RETRY_AFTER_S: u32 = 2;
/// The same while its disk is full: room is made by people, not by itself.
const ROOM_RETRY_AFTER_S: u32 = 10;

impl From<DbErr> for Error {
    /// A passing cause asks the caller to come back; anything else is internal.
    fn from(error: DbErr) -> Self {
        if is_full(&error) {
            tracing::warn!(%error, "the database's disk is full");
            return Self::storage_full();
        }
        if is_passing(&error) {
            tracing::warn!(%error, "the database is busy or away");
            return Self::Unavailable(Code::DatabaseUnavailable, RETRY_AFTER_S);
        }
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

/// Declares the codes once: variant, wire form, the sentence in Chinese and in English.
macro_rules! codes {
    ($($variant:ident $code:literal $zh:literal $en:literal;)*) => {
        /// A stable machine code; the wire form never changes once shipped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($variant),* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code),* }
            }

            /// The code with this wire form. Lets a type that is read from JSON or a query name
            /// its own code: the message of its serde error is the code, and nothing else.
            pub fn from_wire(text: &str) -> Option<Code> {
                match text { $($code => Some(Code::$variant),)* _ => None }
            }

            /// What happened and what to do next, for a person.
            pub fn sentence(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Code::$variant, Language::Chinese) => $zh,
                      (Code::$variant, Language::English) => $en,)*
                }
            }
        }
    };
}

impl std::fmt::Display for Code {
    /// The wire form, so that a type that validates itself while JSON is read can say its code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The language a person reads; Chinese unless the request asks for English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Chinese,
    English,
}

codes! {
    NotFound "not_found" "没有这个地址或内容，请检查链接。" "There is nothing here; check the address.";
    MethodNotAllowed "method_not_allowed" "此地址不支持该操作。" "This address does not support that method.";
    DatabaseUnavailable "database_unavailable" "系统正忙，请稍后再试。" "The system is busy; please try again shortly.";
    StorageFull "storage_full" "存储空间已满，暂时无法保存；请稍后再试，并告知管理员腾出磁盘空间。" "There is no room left to store this; try again later, and tell whoever keeps the system to make room on the disk.";
    DatabaseBehind "database_behind" "系统正在切换数据库，本服务器暂不受理，请稍后再试。" "Another database has taken over and nothing is taken here; try again shortly.";
    Overloaded "overloaded" "访问的人较多，请稍后再试。" "The server is busy; please try again shortly.";
    Internal "internal" "系统出现问题，已记录，请稍后再试。" "Something went wrong on our side; it has been recorded. Please try again later.";
    // The form of a request: what the edge refuses before any domain sees it.
    BadRequest "bad_request" "请求格式不正确，请检查后重试。" "The request is not well-formed; correct it and try again.";
    BadHost "bad_host" "请求的主机名不正确，请检查地址。" "The host name is missing or not ours; check the address.";
    DuplicateHeader "duplicate_header" "同一请求头出现了多次，请只发送一次。" "A header was sent more than once; send it once.";
    HeadersTooLarge "headers_too_large" "请求头过大或过多，请减少后重试。" "The request's headers are too large or too many; send fewer.";
    UriTooLong "uri_too_long" "请求地址过长，请缩短后重试。" "The request's address is too long; shorten it.";
    RequestTimeout "request_timeout" "请求内容发送过慢，请检查网络后重试。" "The request arrived too slowly; check the network and try again.";
    BodyRequired "body_required" "请求缺少内容，请填写后提交。" "The request needs a body.";
    BodyTooLarge "body_too_large" "提交的内容过大，请减少后重试。" "The request's body is too large; send less at once.";
    BodyIncomplete "body_incomplete" "提交的内容不完整，请重新提交。" "The request's body ended early; send it again.";
    UnsupportedMediaType "unsupported_media_type" "内容类型不受支持，请使用 application/json。" "This content type is not supported; send application/json.";
    CharsetUnsupported "charset_unsupported" "字符编码不受支持，请使用 UTF-8。" "This character set is not supported; send UTF-8.";
    EncodingUnsupported "encoding_unsupported" "压缩方式不受支持，请使用 gzip 或不压缩。" "This content encoding is not supported; use gzip or none.";
    BadEncoding "bad_encoding" "压缩内容已损坏，请重新提交。" "The compressed body is damaged; send it again.";
    InvalidUtf8 "invalid_utf8" "内容含有无效字符，请使用 UTF-8 编码。" "The text is not valid UTF-8; encode it as UTF-8.";
    JsonSyntax "json_syntax" "内容不是有效的 JSON，请检查格式。" "The body is not valid JSON; check its syntax.";
    TooDeep "too_deep" "内容嵌套层数过多，请减少嵌套。" "The body is nested too deeply; flatten it.";
    TooManyItems "too_many_items" "一次提交的条目过多，请分批提交。" "There are too many items at once; send them in parts.";
    // Fields of a body that was read.
    DuplicateField "duplicate_field" "同一字段出现了多次，请只保留一个。" "A field appears more than once; keep one.";
    UnknownField "unknown_field" "含有不认识的字段，请删除后重试。" "There is a field that is not known here; remove it.";
    Type "type" "字段的类型不正确，请按说明填写。" "A field has the wrong type; see the documentation.";
    Required "required" "缺少必填字段，请补充后提交。" "A required field is missing; add it.";
    OutOfRange "out_of_range" "数值超出允许范围，请修改。" "A number is outside the allowed range; change it.";
    ControlCharacter "control_character" "文字中含有不可见的控制字符，请删除。" "The text contains control characters; remove them.";
    InvalidValue "invalid_value" "字段的内容不符合要求，请修改。" "A field's value is not acceptable; change it.";
    ImmutableField "immutable_field" "此字段不可修改。" "This field cannot be changed.";
    // Queries and lists.
    BadParameter "bad_parameter" "查询参数不正确，请检查后重试。" "A query parameter is not acceptable; check it.";
    DuplicateParameter "duplicate_parameter" "同一查询参数出现了多次，请只保留一个。" "A query parameter appears more than once; keep one.";
    BadCursor "bad_cursor" "翻页标记无效，请从第一页重新开始。" "The page cursor is not valid; start from the first page.";
    BadTime "bad_time" "时间或日期不正确，请检查后重试。" "A time or date is not valid; check it.";
    CalendarFormat "calendar_format" "日历须为 UTF-8 的 CSV，列为 day,kind,name,as_weekday，每天一行。" "A calendar is CSV in UTF-8 with the columns day,kind,name,as_weekday, a line a day.";
    EvacuationGoing "evacuation_going" "该场馆正在疏散，请先结束后再发起。" "An evacuation is going on there; end it first.";
    // Instructors and bookings.
    InstructorExists "instructor_exists" "该居民或该账号已登记为体育指导员。" "This resident or this account is an instructor's already.";
    NotACoach "not_a_coach" "该体育指导员不提供预约，或证书在该日已失效。" "This instructor offers no slots, or has no certificate that is good on that day.";
    CourtExists "court_exists" "该功能区已设为可预约场地。" "This zone can be booked already.";
    SlotExists "slot_exists" "该时段已发布过。" "These hours have been published already.";
    SlotQuarter "slot_quarter" "时段须在整刻钟开始和结束，时长15分钟至8小时，且在将来92天之内。" "A slot begins and ends on a quarter of an hour, lasts 15 minutes to 8 hours, and lies within the next 92 days.";
    OutsideHours "outside_hours" "该时段不在场馆开放时间内，请换一个时间。" "The venue is not open all that time; choose another.";
    SlotTaken "slot_taken" "该时段已约满，可加入候补。" "These hours are taken; you may join the waiting list.";
    SlotFree "slot_free" "该时段尚有名额，请直接预约。" "There is room; book it.";
    SlotOver "slot_over" "该时段已开始、已取消或尚未开放预约，请选择其他时段。" "This slot has begun, was cancelled, or cannot be booked yet; choose another.";
    AlreadyBooked "already_booked" "您已预约或正在候补该时段。" "You have booked these hours or wait for them already.";
    BookingQuota "booking_quota" "预约数已达上限，请先使用或取消已有的预约。" "You have as many bookings as one person may; use or cancel some first.";
    BookingOverlaps "booking_overlaps" "您在这一时段已有其他预约。" "You have another booking at that time.";
    BookingPaused "booking_paused" "您近期多次预约未到，暂时不能预约；如有疑问请到服务台。" "You missed several bookings lately and cannot book for a while; ask at the desk if that is wrong.";
    HoldEnded "hold_ended" "保留时间已过，请重新预约。" "The hold has run out; book again.";
    BookingOver "booking_over" "该预约已开始、已结束或已取消，不能再更改。" "This booking has begun, ended or been cancelled; it cannot be changed.";
    RatingNotOpen "rating_not_open" "到场运动后才能评价，每次预约只能评价一次，且须在14天之内。" "Only who attended can rate, once a booking, within 14 days.";
    WholeMonths "whole_months" "按月统计时，起止日期须为整月的首日和末日。" "By month, give the first day of a month and the last day of one.";
    RangeTooLarge "range_too_large" "查询的时间范围过大，请缩小范围。" "The range of time is too large; narrow it.";
    // Who asks, and how often.
    Unauthenticated "unauthenticated" "请先登录。" "Please sign in first.";
    Forbidden "forbidden" "您没有权限进行此操作。" "You are not allowed to do this.";
    Conflict "conflict" "与现有内容冲突，请刷新后重试。" "This contradicts what is already there; reload and try again.";
    RateLimited "rate_limited" "操作过于频繁，请稍后再试。" "Too many requests; please wait a little.";
    TimedOut "timed_out" "处理超时，请稍后再试。" "The request took too long; please try again shortly.";
    NotReady "not_ready" "服务尚未就绪，请稍后再试。" "The service is not ready; please try again shortly.";
    Unavailable "unavailable" "服务暂不可用，请稍后再试。" "The service is unavailable; please try again shortly.";
    // People and staff.
    NameLength "name_length" "姓名须为1至50个字。" "A name has 1 to 50 characters.";
    NameCharacters "name_characters" "姓名只能用汉字或拉丁字母，外文或民族姓名可用间隔号“·”。" "A name is written in Chinese characters or Latin letters, with middle dots between its parts.";
    PhoneFormat "phone_format" "请填写11位中国大陆手机号。" "Give an 11-digit mobile number of mainland China.";
    PhoneTaken "phone_already_registered" "该手机号已被他人登记，请换一个号码或核对监护人。" "This phone number is registered for somebody else; use another one, or name the guardian.";
    IdFormat "id_format" "证件号码的格式与证件类型不符，请核对。" "The number does not fit this kind of document; check both.";
    IdOldFormat "id_old_format" "15位身份证号已停用，请填写18位号码。" "Numbers of 15 digits ended in 2013; give the one of 18.";
    IdChecksum "id_checksum" "证件号码的校验位不对，请逐位核对。" "The check digit is wrong; compare the number digit by digit.";
    IdRegion "id_region" "证件号码的地区代码与证件类型不符，请核对。" "The region in the number does not fit this kind of document; check both.";
    IdBirthDate "id_birth_date" "证件号码中的出生日期不可能，请核对。" "The birth date in the number is impossible; check it.";
    IdMismatch "id_mismatch" "填写的性别或出生日期与证件不一致，请核对。" "Sex or birth date contradict the document; check them.";
    IdAlreadyRegistered "id_already_registered" "该证件已登记过。如非本人操作，请联系社区工作人员。" "This document is registered already. If it was not you, ask the community's staff.";
    BirthDateRequired "birth_date_required" "该证件不含出生日期，请另行填写。" "This document does not tell the birth date; give it too.";
    GuardianRequired "guardian_required" "未满14周岁须由监护人陪同登记，请先登记监护人。" "Under 14, a guardian is required; register the guardian first.";
    GuardianUnfit "guardian_unfit" "监护人须为已登记、年满18周岁的在册居民，且只能为未成年人指定。" "A guardian is a registered adult, and only minors have one.";
    // Places and terminals.
    UnknownDivision "unknown_division" "没有这个行政区划，请先登记。" "There is no such division; register it first.";
    DivisionExists "division_exists" "该行政区划已登记。" "This division is registered already.";
    NotACommunity "not_a_community" "请选择到社区或村（12位区划代码）。" "Choose a community or village, a code of 12 digits.";
    BadName "bad_name" "名称应为 1 至 60 个字符，且不含控制字符。" "A name has 1 to 60 characters and no control characters.";
    BadKind "bad_kind" "类别应为小写字母、数字和下划线，最多 40 位。" "A kind consists of lower-case letters, digits and underscores, at most 40.";
    BadPosition "bad_position" "经纬度无效。" "The position is not on this earth.";
    BadTimeOfDay "bad_time_of_day" "时间应为 HH:MM，最晚 24:00。" "A time of day is HH:MM, at most 24:00.";
    BadTimeZone "bad_time_zone" "没有这个时区。" "There is no such time zone.";
    BadHours "bad_hours" "请同时填写开门和关门时间，或都不填；每个星期几只能出现一次。" "Give both opening and closing time or neither, and each weekday once.";
    NotInFuture "not_in_future" "只能从以后的营业日开始生效。" "This can only take effect from a future business day.";
    WayInRequired "way_in_required" "除刷脸外，至少须提供一种其他入场方式。" "Beside faces, the doors must take at least one other way in.";
    NoItems "no_items" "没有任何条目。" "There are no items.";
    MissingHeader "missing_header" "请求缺少签名所需的头部。" "A header that the signature needs is missing or given twice.";
    UnknownKey "unknown_key" "终端或密钥不存在，请联系管理员重新配置。" "The terminal or its key is not known; ask staff to provision it again.";
    KeyRevoked "key_revoked" "该密钥已停用，请换用新密钥。" "This key is no longer valid; use the new one.";
    BadSignature "bad_signature" "签名不正确。" "The signature is not right.";
    ClockSkew "clock_skew" "终端时间与服务器相差过大，请按 Fitgate-Time 校时。" "The timestamp is too far from our time; set it by Fitgate-Time.";
    NonceRequired "nonce_required" "此请求需要一次性随机数。" "This request needs a nonce of 1 to 64 visible characters.";
    NonceReused "nonce_reused" "随机数已使用过，请换一个重新签名。" "This nonce was used already; sign again with a new one.";
    BadTerminalBody "bad_terminal_body" "请求内容无法读取，请检查格式。" "The body cannot be read; check its form.";
    SerialTaken "serial_taken" "该序列号已登记。" "This serial number is registered already.";
    BadSerial "bad_serial" "序列号应为 1 至 64 位字母、数字或 . _ -。" "A serial number has 1 to 64 letters, digits, dots, underscores or hyphens.";
    UnknownVenue "unknown_venue" "没有这个场馆。" "There is no such venue.";
    UnknownZone "unknown_zone" "该场馆没有这个功能区。" "This venue has no such zone.";
    KeyRotating "key_rotating" "已有两把有效密钥，请先停用一把。" "Two keys are valid already; revoke one first.";
    BadRecordId "bad_record_id" "记录编号无法读取：epoch 从 0 起，seq 从 1 起。" "The record id cannot be read: epoch is at least 0 and seq at least 1.";
    NoPathToken "no_path_token" "该类终端不使用路径令牌。" "Terminals of this kind have no path token.";
    TooManyCommands "too_many_commands" "该终端待执行的命令过多，请稍后再试。" "Too many commands wait for this terminal already; try again later.";
    CommandImpossible "command_impossible" "该终端的协议不支持此命令。" "This terminal's protocol knows no such command.";
    BadAddress "bad_address" "终端地址应为可访问的 IP 地址和端口，如 192.168.1.64:80。" "A terminal's address is an IP address and a port that may be called, such as 192.168.1.64:80.";
    PlaceTaken "place_taken" "该终端在这一天已有安排。" "The terminal has a place from that day already.";
    // The form of a request: what the edge refuses before any domain sees it.
    // Fields of a body that was read.
    // Queries and lists.
    // Who asks, and how often.
    // The big screen.
    ScreenTokenInvalid "screen_token_invalid" "大屏令牌无效或已停用，请联系管理员获取新的链接。" "The screen's token is unknown or revoked; ask for a new link.";
    ScreensBusy "screens_busy" "大屏服务正忙，请稍后再试。" "The screens are busy; please try again shortly.";
    ConsentOutdated "consent_outdated" "同意书已更新，请以最新版本重新签署。" "The consent's text has changed; sign the current version.";
    ConsentOrder "consent_order" "该同意的日期须晚于此前的记录且不晚于现在。" "A consent's date lies after the one before it and not in the future.";
    CredentialTaken "credential_taken" "该凭证已属于他人，请换一个。" "This credential belongs to somebody already; use another one.";
    CredentialFormat "credential_format" "凭证编号须为1至64个字母、数字或符号。" "A credential has 1 to 64 letters, digits or signs, without blanks.";
    SignInFailed "sign_in_failed" "用户名、密码或动态口令不正确。" "Name, password or one-time code is wrong.";
    SignInLocked "sign_in_locked" "尝试次数过多，请15分钟后再试。" "Too many attempts; try again in 15 minutes.";
    SignInBusy "sign_in_busy" "登录的人较多，请稍后再试。" "Many people are signing in; try again shortly.";
    CsrfRequired "csrf_required" "页面已过期，请刷新后重试。" "This page is out of date; reload it and try again.";
    SessionEnded "session_ended" "登录已失效，请重新登录。" "The session has ended; sign in again.";
    StaffNameTaken "staff_name_taken" "该用户名已被使用，请换一个。" "This name is taken; choose another one.";
    StaffNameFormat "staff_name_format" "用户名须为1至64个字，不含空格和控制字符。" "A staff name has 1 to 64 characters without blanks.";
    PasswordWeak "password_weak" "密码须为10至128个字符，且不能是常见密码或用户名。" "A password has 10 to 128 characters and is neither common nor the name.";
    IdempotencyKeyRequired "idempotency_key_required" "缺少 Idempotency-Key 请求头，请附上一个唯一值。" "The Idempotency-Key header is missing; send a unique value.";
    IdempotencyKeyFormat "idempotency_key_format" "Idempotency-Key 须为1至255个可见字符，且只出现一次。" "Idempotency-Key has 1 to 255 visible characters and is sent once.";
    IdempotencyKeyReused "idempotency_key_reused" "该 Idempotency-Key 已用于其他内容，请换一个。" "This Idempotency-Key was used for something else; use a new one.";
    IdempotencyKeyInUse "idempotency_key_in_use" "同一请求正在处理，请稍后再试。" "The same request is still being processed; try again shortly.";
    // Residents and WeChat.
    WechatCodeInvalid "wechat_code_invalid" "微信登录凭证无效或已过期，请重新打开小程序。" "The code from WeChat is invalid or has run out; open the mini-program again.";
    WechatCodeUsed "wechat_code_used" "微信登录凭证已使用过，请重新打开小程序。" "The code from WeChat was used before; open the mini-program again.";
    WechatRisk "wechat_risk" "微信提示该账号存在风险，暂时不能登录。" "WeChat blocks this account for now.";
    WechatUnavailable "wechat_unavailable" "微信服务暂不可用，请稍后再试，或到社区服务台办理。" "WeChat is not available now; try again later, or ask at the desk.";
    RealnameUnavailable "realname_unavailable" "实名核验服务暂不可用，请稍后再试，或到社区服务台核验。" "Names cannot be checked now; try again later, or ask at the desk.";
    ConsentBundled "consent_bundled" "人脸或健康数据的同意须单独签署，不能与其他内容一并提交。" "A consent about faces or health is given by itself, not together with others.";
    FaceConsentRequired "face_consent_required" "请先分别签署人脸入场和人脸传输同意书；也可使用二维码、卡或前台登记入场。" "Sign both consents about faces first, or come in by code, card or the desk.";
    ConfirmationRequired "confirmation_required" "请再次输入密码和动态口令确认身份，并在10分钟内操作。" "Give your password and one-time code again, and go on within ten minutes.";
    ConfirmationFailed "confirmation_failed" "密码或动态口令不正确。" "Password or one-time code is wrong.";
    EnrolmentFailed "enrolment_failed" "用户名或激活码不正确，或激活码已过期，请联系管理员重新获取。" "Name or code is wrong, or the code has run out; ask whoever keeps the accounts for a new one.";
    OwnAccount "own_account" "不能修改自己的账号，请由他人操作。" "Nobody changes their own account; ask somebody else.";
    RecordUnreadable "record_unreadable" "该记录无法读取，只能搁置。" "The record cannot be read; it can only be put aside.";
    RecordTaken "record_taken" "该编号的记录已有对应的入场事件，只能搁置。" "An entry event has this record's number already; it can only be put aside.";
    RequestDecided "request_decided" "该申请已处理，请刷新。" "This request has been decided already; reload.";
    DecisionRequired "decision_required" "须先由另一位工作人员批准，且批准仍在有效期内。" "Somebody else of the staff has to approve this first, and approval lasts a day.";
    ReasonLength "reason_length" "请填写1至200个字的理由。" "Give a reason of 1 to 200 characters.";
    FaceCheckConsentRequired "face_check_consent_required" "请先单独同意人脸照片核验；也可选择其他核验方式或到服务台办理。" "Agree to the comparison of your photo first, or choose another way to verify, or come to the desk.";
    CompanionCodeInvalid "companion_code_invalid" "邀请码无效、已使用或已过期，请监护人重新生成。" "This code is none, was used or has run out; ask the guardian for another one.";
    ExportLinkSpent "export_link_spent" "下载链接已使用或已失效，请在小程序内重新导出。" "This link was used or has run out; ask for another one in the mini-program.";
    LeaveRequired "leave_required" "未满14周岁儿童的资料须经他人批准后方可查看，请先提交查看申请。" "A child under 14 is shown only with leave of somebody else of the staff; ask for it first.";
    UrlForbidden "url_forbidden" "该地址不允许接收通知：须为 https 的公网域名，使用 443 端口，且在允许的名单内。" "This address may not be called: give an https one at port 443 of a public host, one of those that are allowed.";
    TooManyTrials "too_many_trials" "已有较多规则试算在进行，请等其中一些完成后再提交。" "Many trials of rules are going on; begin another when some are done.";
    TooManyWebhooks "too_many_webhooks" "通知地址已达上限，请先停用不再需要的。" "There are as many webhooks as may be; end one that is not needed.";
    ExportsRunning "exports_running" "同时导出的任务过多，请稍后再试。" "Too many exports are running; come back in a minute.";
    OwnRequest "own_request" "查看申请须由另一位工作人员批准。" "Somebody else of the staff has to approve the request.";
    FreshLoginRequired "fresh_login_required" "导出个人数据前请重新登录，并在10分钟内操作。" "Sign in again and export within ten minutes.";
    FacesUnavailable "faces_unavailable" "人脸登记暂未开通，请使用二维码、卡或前台登记入场。" "Faces cannot be enrolled here yet; come in by code, card or the desk.";
    PhotoFormat "photo_format" "请上传 JPEG 格式的照片。" "Send a photo in JPEG.";
    PhotoSize "photo_size" "照片的边长须为200至4096像素。" "A photo has 200 to 4096 pixels a side.";
    ConsentRequired "consent_required" "请先同意实名核验。" "Agree to the real-name check first.";
    DependantExists "dependant_exists" "该未成年人已由您登记。" "You have registered this child already.";
    DeskRequired "desk_required" "请携带证件到社区服务台办理。" "Please come to the community's desk with the document.";
    MemberNotVerified "member_not_verified" "请先完成本人的实名核验。" "Verify your own name first.";
    RecoveryFailed "recovery_failed" "找回码无效或已过期，请到服务台重新获取。" "The recovery code is wrong or has run out; ask the desk for a new one.";
    OutsideStay "outside_stay" "离场时间须在入场之后、本次停留结束之前，且不晚于现在。" "The time you left lies within the stay and not in the future.";
    EndIsKnown "end_is_known" "这次离场已有记录，不能自行修改；如有疑问可提出申诉。" "When you left is known already; dispute it if it is wrong.";
    DeclaredTooLate "declared_too_late" "离场时间须在48小时内补填；如有疑问可提出申诉。" "The time you left can be given within 48 hours; dispute it if it is wrong.";
    DisputeOpen "dispute_open" "该记录的申诉正在处理中。" "This session is being looked into already.";
    TextNotAllowed "text_not_allowed" "内容含有不适宜的信息，请修改后再提交。" "This text cannot be shown to others; please put it in other words.";
    TextLength "text_length" "请填写1至500个字。" "Write 1 to 500 characters.";
    AccountTaken "account_taken" "该微信账号已登记过居民。" "Somebody is registered with this WeChat account already.";
    // What a community has beside its doors.
    LeaderRequired "leader_required" "只有群主可以进行此操作。" "Only a leader of the group may do this.";
    LastLeader "last_leader" "您是唯一的群主，请先指定其他群主。" "You are the group's only leader; make somebody else one first.";
    GroupFull "group_full" "该社群人数已满。" "The group has no room for more members.";
    GroupNotActive "group_not_active" "该社群尚未通过审核或已关闭。" "The group waits for approval or is closed.";
    AgeUnsuitable "age_unsuitable" "年龄不符合要求，请选择其他项目。" "This is for another age; choose something else.";
    PartnerConsentRequired "partner_consent_required" "请先同意寻找运动伙伴。" "Agree to finding partners first.";
    ActivityClosed "activity_closed" "活动已取消、已结束或不在可操作的时间内。" "The activity was called off, is over, or this is not the time.";
    ActivityFull "activity_full" "名额和候补均已满，请选择其他活动。" "Places and waiting list are full; choose another activity.";
    AlreadySignedUp "already_signed_up" "您已报名，无需重复报名。" "You have signed up already.";
    TeamFull "team_full" "该队人数已满，请加入其他队伍或自行组队。" "The team is full; join another one or found one.";
    TeamCodeInvalid "team_code_invalid" "组队码不正确，请向队长确认。" "There is no team with this code; ask its captain.";
    OpenDataOff "open_data_off" "本平台未开放数据。" "No open data is published here.";
    CertificateUnknown "certificate_unknown" "证书链接无效或已过期，请在小程序内重新生成。" "This link is none or has run out; make another one in the mini-program.";
    RegistrationRequired "registration_required" "请先完成实名登记。" "Register with your real name first.";
    CorrectionOverlaps "correction_overlaps" "与另一条已更正的时段重叠，请核对时间。" "The times overlap with another corrected stay; check them.";
    DayTooLong "day_too_long" "一人一天的运动时长不能超过1440分钟，请核对时间。" "A person's day has at most 1440 minutes; check the times.";
    TicketStep "ticket_step" "该工单现在不能这样处理，请刷新后重试。" "The ticket cannot take this step now; reload it.";
    TooManyReports "too_many_reports" "您还有较多报修在处理中，请等待处理后再提交。" "Many of your reports are being looked into; wait for them first.";
    HealthConsentRequired "health_consent_required" "须先由本人单独同意保存体质测试数据。" "The person has to agree to health data being kept, by itself, first.";
    FitnessStandardMissing "fitness_standard_missing" "尚未载入体质测试标准，请联系管理员。" "No fitness standard is loaded; ask whoever keeps the system.";
    FitnessAge "fitness_age" "体质测试适用于18周岁及以上的居民，且须登记出生日期和性别。" "Fitness tests are for adults whose birth date and sex are registered.";
    FitnessItems "fitness_items" "测试项目须在标准之内，每项一次，数值在合理范围内。" "Give items of the standard, each once, with a value that can be.";
    PointsShort "points_short" "积分不足。" "There are not enough points.";
    MemberCodeInvalid "member_code_invalid" "居民码无效或已过期，请刷新后再扫。" "The code is none or has run out; show a fresh one.";
    MemberCodeUsed "member_code_used" "此居民码已使用过，请居民刷新后出示新码。" "This code was used before; ask for a fresh one.";
    PartnerRequired "partner_required" "该场馆不是积分合作场馆。" "This venue takes no points.";
    ImportFormat "import_format" "文件须为 UTF-8 或 GB18030 的 CSV，或 UTF-8 的 NDJSON，列名与说明一致。" "The file is CSV in UTF-8 or GB18030, or NDJSON in UTF-8, with the columns of the documentation.";
    ImportCharset "import_charset" "文件内容与声明的字符编码不符，请核对。" "The file is not in the character set that its content type names; check both.";
    ImportTooLong "import_too_long" "文件行数过多，请拆分后导入。" "The file has too many rows; split it.";
    ImportUnknownMember "import_unknown_member" "找不到该证件对应的居民，请先导入其资料。" "Nobody with this document is registered; import the person first.";
    ImportMinutes "import_minutes" "既往运动分钟须为1至1440，日期须早于今天。" "Past minutes are 1 to 1440 of a day before today.";
}
