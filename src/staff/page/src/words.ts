// The Chinese words for what the API says in codes, and how times and numbers are written.

export const table =
  (words: Record<string, string>) =>
  (code: string | null | undefined): string =>
    code ? (words[code] ?? code) : "—";

export const role = table({
  venue: "场馆前台",
  community: "社区",
  district: "区县",
  city: "市级",
  bureau: "体育局",
  admin: "系统管理员",
  instructor: "社会体育指导员",
});
export const memberStatus = table({ active: "正常", suspended: "已停用", erased: "已注销" });
export const verification = table({
  unverified: "未核验",
  desk: "前台核验",
  registry: "实名比对",
  registry_photo: "实名人像比对",
  wechat_face: "微信人脸核验",
  carried_over: "历史导入",
});
export const documentKind = table({
  resident_id: "居民身份证",
  residence_permit: "港澳台居民居住证",
  foreign_permanent_resident: "外国人永久居留身份证",
  hk_mo_pass: "港澳居民来往内地通行证",
  taiwan_pass: "台湾居民来往大陆通行证",
  passport: "护照",
});
export const purpose = table({
  door_face: "人脸用于门禁",
  off_device_face_transfer: "人脸传出设备",
  minutes_statistics: "运动时长统计",
  bureau_sharing: "向体育局提供",
  realname_check: "实名核验",
  face_check: "人脸核验",
  partner_search: "寻找球友",
  health_data: "保存体质测试结果",
});
export const PURPOSES = [
  "door_face",
  "off_device_face_transfer",
  "minutes_statistics",
  "bureau_sharing",
  "realname_check",
  "face_check",
  "partner_search",
  "health_data",
];
export const provenance = table({
  measured: "实测",
  self_declared: "自报",
  estimated: "估算",
  corrected: "更正",
  total: "合计",
});
export const workKind = table({
  conflict: "记录冲突",
  undated_record: "时间不明的记录",
  unknown_face: "陌生人脸",
  quarantined_record: "隔离的记录",
  quarantined_device: "未认领终端",
  face_deletion_overdue: "人脸删除逾期",
  lost_terminal: "失联终端",
  silent_terminal: "静默终端",
  gap: "记录缺号",
  roster_mismatch: "名册不一致",
  long_stay: "超长停留",
  orphan_exit: "只出未进",
  low_score: "识别分过低",
  absurd_clock: "时钟异常",
  ticket: "工单",
});
export const workDetail = table({
  unknown_credential: "认不出是谁",
  quarantined: "被隔离",
  wrong_time: "时间不可信",
  clock_absurd: "时钟不可信",
  face: "刷脸",
  qr: "扫码",
  card: "刷卡",
  code: "口令",
  manual: "人工",
});
export const WORK_KINDS = [
  "conflict",
  "undated_record",
  "unknown_face",
  "quarantined_record",
  "quarantined_device",
  "face_deletion_overdue",
  "lost_terminal",
  "silent_terminal",
  "gap",
  "roster_mismatch",
  "long_stay",
  "orphan_exit",
  "low_score",
  "absurd_clock",
  "ticket",
];
export const venueKind = table({
  gym: "健身房",
  court: "球场",
  pool: "泳池",
  park: "体育公园",
  trail: "健身步道",
  school_ground: "学校场地",
  hall: "体育馆",
  indoor_hall: "室内体育馆",
  multi_sport_court: "多功能运动场",
  school_grounds: "学校操场",
  stadium: "体育场",
  track: "跑道",
  community_centre: "社区中心",
  outdoor: "室外场地",
  dance: "舞蹈室",
  yoga: "瑜伽室",
  weights: "力量区",
  cardio: "有氧区",
  swimming: "游泳",
  badminton: "羽毛球",
  basketball: "篮球",
  table_tennis: "乒乓球",
  fitness: "健身区",
  track_field: "田径场",
  running_track: "跑道",
  strength: "力量区",
  dance_room: "舞蹈室",
  fitness_test: "体测区",
  football: "足球场",
  tennis: "网球",
});
export const protocol = table({
  native: "原生协议",
  zkteco_acc: "中控门禁",
  zkteco_att: "中控考勤",
  hikvision: "海康威视",
  fcard: "FCARD",
  dahua: "大华",
  uniubi: "宇泛",
  hq: "华强 HQ",
});
export const direction = table({ in: "进", out: "出", both: "进出" });
export const trouble = table({
  missing_records: "记录缺号",
  waiting_records: "记录积压",
  clock: "时钟偏差",
  clock_off: "时钟偏差",
  roster: "名册不一致",
  roster_mismatch: "名册不一致",
  silent: "静默",
  lost: "失联",
  backlog: "记录积压",
  gap: "记录缺号",
  catching_up: "正在补传",
});
export const order = table({
  open_door: "开门",
  restart: "重启",
  query_records: "补传记录",
  sync_time: "校时",
  refill_roster: "重发名册",
});
export const orderStatus = table({
  queued: "待取",
  waiting: "待取",
  pending: "待取",
  sent: "已下发",
  done: "已完成",
  failed: "失败",
  expired: "已过期",
  refused: "设备拒绝",
});
export const dayState = table({
  provisional: "暂定",
  final: "已定",
  restated: "已重述",
  open: "进行中",
});
export const reportKind = table({
  activity: "运动总表",
  venues: "场馆使用",
  visits: "入场人次",
  ages: "年龄与性别",
  coverage: "覆盖率",
  demand: "时段需求",
  "ways-in": "入场方式",
  "day-types": "工作日与节假日",
});
export const REPORT_KINDS = [
  "activity",
  "venues",
  "visits",
  "ages",
  "coverage",
  "demand",
  "ways-in",
  "day-types",
];
export const wayIn = table({
  face: "人脸",
  qr: "二维码",
  card: "刷卡",
  code: "口令",
  manual: "人工",
});
export const sure = table({ seen: "刚刚见到", likely: "很可能在场", doubtful: "不确定" });
export const faceAt = table({
  pending: "等待下发",
  present: "已在终端",
  refused: "终端拒收",
  deleting: "等待删除",
  deleted: "已删除",
});
export const matter = table({
  unmask: "查看完整信息",
  correction: "更正时长",
  export: "导出居民",
  webhook: "订阅推送",
});
export const WEBHOOK_KINDS = [
  "day.final",
  "day.restated",
  "terminal.lost",
  "evacuation.begun",
  "evacuation.ended",
  "faces.alarm",
];
export const webhookKind = table({
  "day.final": "营业日定稿",
  "day.restated": "营业日重述",
  "terminal.lost": "终端失联",
  "evacuation.begun": "疏散开始",
  "evacuation.ended": "疏散结束",
  "faces.alarm": "人脸数量告警",
  ping: "测试消息",
});
export const webhookStatus = table({
  waiting: "等待审批",
  active: "推送中",
  disabled: "已停推",
  ended: "已结束",
});
export const deliveryState = table({
  pending: "等待发送",
  delivered: "已送达",
  given_up: "已放弃",
});
export const webhookOutcome = table({
  timeout: "超时",
  unreachable: "连接不上",
  forbidden_address: "地址不允许",
});
export const trialState = table({ going: "正在试算", done: "已完成", failed: "没能算完" });
export const unmaskable = table({ name: "姓名", phone: "手机号", document: "证件号码" });
export const accountStatus = table({ invited: "已邀请", active: "使用中", disabled: "已停用" });
export const level = table({
  province: "省",
  city: "市",
  district: "区县",
  county: "区县",
  street: "街道",
  town: "街道",
  subdistrict: "街道",
  community: "社区",
});
export const dayKind = table({ holiday: "放假", workday: "调休上班", ordinary: "普通日" });
export const watchReason = table({ alone: "独自一人", long_stay: "停留过长" });
export const pairing = table({
  in_and_out: "进出分别识别",
  toggle: "同一终端进出",
  entry_only: "只识别进场",
});
export const passback = table({ allowed: "允许", forbidden: "不允许" });
export const weekday = (n: number) => "周" + ("一二三四五六日"[n - 1] ?? "？");
export const sex = table({ male: "男", female: "女" });
export const terminalState = table({
  added: "已下发",
  removed: "已移除",
  failed: "失败",
  no_face: "未识别到人脸",
  similar: "与他人过于相似",
  full: "设备已满",
  waiting: "等待下发",
  present: "在终端",
  pending: "等待下发",
  removing: "等待移除",
});

const ZONE = "Asia/Shanghai";
const stamp = new Intl.DateTimeFormat("zh-CN", {
  timeZone: ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const clock = new Intl.DateTimeFormat("zh-CN", {
  timeZone: ZONE,
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const isoDay = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE });

export const time = (text: string | null | undefined) =>
  text ? stamp.format(new Date(text)).replaceAll("/", "-") : "—";
export const hour = (text: string | null | undefined) =>
  text ? clock.format(new Date(text)) : "—";
/** The local day, some days from now. */
export const day = (shift = 0) => isoDay.format(Date.now() + shift * 86_400_000);
/** What `<input type="datetime-local">` holds, as an instant. */
export const instant = (local: string) =>
  new Date(`${local.length === 16 ? `${local}:00` : local}+08:00`).toISOString();
export const local = (text: string) =>
  new Date(new Date(text).getTime() + 8 * 3_600_000).toISOString().slice(0, 16);
export const number = (n: number | null | undefined) =>
  n === null || n === undefined ? "—" : n.toLocaleString("zh-CN");

export function ago(text: string | null | undefined): string {
  if (!text) return "从未";
  const seconds = Math.max(0, (Date.now() - new Date(text).getTime()) / 1000);
  if (seconds < 60) return "刚刚";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} 分钟前`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} 小时前`;
  return `${Math.floor(seconds / 86_400)} 天前`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "—";
  if (seconds < 60) return `${Math.round(seconds)} 秒`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} 分钟`;
  if (seconds < 86_400) return `${(seconds / 3600).toFixed(1)} 小时`;
  return `${(seconds / 86_400).toFixed(1)} 天`;
}

/** The local day of an instant. */
export const localDay = (text: string) => isoDay.format(new Date(text));
export const shifted = (day: string, days: number) =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
/** 1 is Monday. */
export const weekdayOf = (day: string) => ((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7) + 1;
export const monday = (day: string) => shifted(day, 1 - weekdayOf(day));
