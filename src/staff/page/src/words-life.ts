// The Chinese words for what a community has beside its doors: coaches, groups, activities, fitness
// and tickets.

import { table } from "./words";

export const sport = table({
  running: "跑步",
  badminton: "羽毛球",
  basketball: "篮球",
  football: "足球",
  table_tennis: "乒乓球",
  tennis: "网球",
  swimming: "游泳",
  yoga: "瑜伽",
  dance: "广场舞",
  tai_chi: "太极拳",
  fitness: "健身",
  hiking: "健走",
  cycling: "骑行",
});
export const SPORTS = [
  "badminton",
  "basketball",
  "table_tennis",
  "tennis",
  "football",
  "running",
  "swimming",
  "fitness",
  "yoga",
  "dance",
  "tai_chi",
  "hiking",
  "cycling",
];
export const bookingState = table({
  held: "暂留",
  confirmed: "已预约",
  cancelled: "已取消",
  cancelled_late: "临近取消",
  called_off: "场馆取消",
  expired: "过期未确认",
  attended: "已到场",
  no_show: "缺席",
  unproven: "无法证实",
});
export const instructorStatus = table({ active: "在岗", suspended: "暂停", retired: "已退出" });
export const instructorLevel = table({
  national: "国家级社会体育指导员",
  first: "一级社会体育指导员",
  second: "二级社会体育指导员",
  third: "三级社会体育指导员",
  professional: "职业社会体育指导员",
});
export const LEVELS = ["national", "first", "second", "third", "professional"];
export const groupState = table({
  proposed: "等待审核",
  active: "活跃",
  refused: "未通过",
  closed: "已解散",
});
export const activityKind = table({
  competition: "比赛",
  class: "课程",
  lecture: "讲座",
  outing: "户外活动",
});
export const place = table({ in: "已报名", waiting: "候补", withdrawn: "已退出" });
export const attendedBy = table({ door: "门上识别", qr: "出示二维码", staff: "人工登记" });
export const move = table({ better: "进步", same: "持平", worse: "退步", unknown: "首次" });
export const need = table({ first: "优先改善", improve: "可以提高", keep: "保持" });
export const ticketKind = table({ equipment: "器材损坏", hygiene: "卫生", safety: "安全隐患" });
export const ticketState = table({
  reported: "已上报",
  triaged: "已研判",
  assigned: "已派单",
  fixed: "已修复",
  confirmed: "已确认",
  dismissed: "不处理",
});
export const TICKET_STATES = ["reported", "triaged", "assigned", "fixed", "confirmed"];
export const ticketAct = table({
  report: "上报",
  triage: "研判",
  assign: "派单",
  progress: "记录进度",
  fix: "修复完成",
  confirm: "确认修复",
  reopen: "退回重修",
  dismiss: "不予处理",
});
