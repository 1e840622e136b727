// What a community has beside its doors, in the console: tickets, groups, activities, coaches and
// bookings, fitness tests, holidays. Each story ends at what residents are told.

import { check } from "../lib/checks.mjs";
import {
  assert,
  confirms,
  Desk,
  dialog,
  fills,
  gone,
  goes,
  hesitates,
  PHONE,
  picture,
  press,
  says,
  settled,
} from "../lib/desk.mjs";
import { day, Neighbour } from "../lib/neighbours.mjs";
import { Office } from "../lib/office.mjs";
import * as acts from "./console-acts.mjs";
import { reach } from "./console-care.mjs";

const COMMUNITY = "330482401001";
const DISTRICT = "330482";
/** Of the activity that has begun when its results are entered. */
const BEGINS_IN_MS = 15_000;

export async function life(town) {
  const seeds = await seeded(town);
  const hired = [
    ["community", COMMUNITY],
    ["venue", COMMUNITY],
    ["bureau", DISTRICT],
    ["instructor", COMMUNITY],
  ].map(([role, division]) => Desk.hired(town, role, division, "life-"));
  const [boss, clerk, bureau, coach] = await Promise.all(hired);
  const page = await tickets(boss);
  await groups(boss, seeds);
  await coaches(page, seeds);
  await bookings(page, seeds, coach);
  await activities(page, seeds);
  await fitness(clerk, seeds, town);
  await holidays(page);
  await looker(bureau, seeds);
  await acts.acts({ boss, page, clerk, bureau }, seeds, town);
  await page.context().close();
}

/** What residents did before staff look: reports, a group, and signing up. */
async function seeded(town) {
  const office = await Office.of(town.server);
  const neighbours = await Neighbour.of(town.server, COMMUNITY, 4);
  const { items: venues } = await office.read(`venues?division=${COMMUNITY}`);
  const venue = venues[0];
  const starts = Date.now() + BEGINS_IN_MS;
  const match = await office.send(
    "activities",
    JSON.stringify({
      venue_id: venue.id,
      kind: "competition",
      title: "社区羽毛球赛",
      about: "单打，三局两胜。",
      starts_at: new Date(starts).toISOString(),
      ends_at: new Date(starts + 3_600_000).toISOString(),
      capacity: 2,
    }),
  );
  const [anna, ben, chen] = neighbours;
  for (const one of [anna, ben, chen]) await one.post(`/activities/${match.id}/sign-up`, {});
  for (const [kind, text] of [
    ["safety", "二号跑步机的踏板松动，容易滑倒。"],
    ["equipment", "哑铃架少了一个螺丝。"],
    ["hygiene", "更衣室地面积水。"],
  ])
    await anna.post(`/venues/${venue.id}/reports`, { kind, text });
  const group = await ben.post("/groups", {
    name: "晨跑团",
    sport: "running",
    about: "每周三次，沿河慢跑，欢迎新手。",
  });
  return { office, neighbours, venue, match, group };
}

const REFUSAL = {
  status: 503,
  contentType: "application/problem+json",
  body: JSON.stringify({
    code: "database_unavailable",
    status: 503,
    detail: "系统正忙，请稍后再试。",
    trace_id: "t",
  }),
};

/** Gives the page, signed in. */
async function tickets(boss) {
  const page = await boss.window();
  const column = (name) => page.getByRole("region", { name: new RegExp(`^${name}`) });
  const cards = (name) => column(name).getByRole("listitem");
  await check("console: a ticket goes over the board by keys alone, and none is moved by mistake", async () => {
    await boss.signsIn(page);
    await goes(page, "/tickets");
    await cards("已上报").nth(2).waitFor();
    await picture(page, "tickets-desk");
    const place = await column("已上报").getByRole("link").first().textContent();
    await reach(page, place);
    await page.keyboard.press("Alt+ArrowRight");
    await says(page, "确认这是什么问题");
    await page.keyboard.press("Escape");
    await gone(dialog(page));
    assert.equal(await cards("已研判").count(), 0, "nothing moved");
    await page.keyboard.press("Alt+ArrowRight");
    await says(page, "确认这是什么问题");
    // Keys reach every field, and a step that fails keeps what was typed.
    const keys = [];
    await page.route("**/steps", (route) => {
      keys.push(route.request().headers()["idempotency-key"]);
      return keys.length === 1 ? route.fulfill(REFUSAL) : route.continue();
    });
    await reach(page, "note");
    await page.keyboard.type("现场看过，踏板确实松动。");
    await reach(page, "研判");
    await page.keyboard.press("Enter");
    await says(page, "系统正忙，请稍后再试。 您填写的内容还在");
    await picture(page, "ticket-retry-desk");
    await page.keyboard.press("Enter");
    await gone(dialog(page));
    await cards("已研判").first().waitFor();
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1, "every attempt is the same step");
    await page.unroute("**/steps");
  });
  await check("console: a ticket is assigned, fixed and confirmed, and the board tells of its deadline", async () => {
    await column("已研判").getByRole("button", { name: "派单" }).click();
    await fills(page, { 负责人或单位: "社区维修队" });
    await confirms(page, "派单");
    await column("已派单").getByText(/^限 /).waitFor();
    await column("已派单").getByRole("link").click();
    await says(page, "社区维修队");
    await says(page, "现场看过，踏板确实松动。");
    await press(page, "修复完成");
    await confirms(page, "修复完成");
    await page.getByText("已修复", { exact: true }).first().waitFor();
    await press(page, "确认修复");
    await confirms(page, "确认修复");
    await page.getByRole("listitem").filter({ hasText: "确认修复" }).first().waitFor();
    await picture(page, "ticket-desk");
    await goes(page, "/tickets");
    await cards("已确认").first().waitFor();
    await column("已上报").getByRole("link").first().click();
    await settled(page);
    await hesitates(page, "不予处理", "工单结束，不能恢复");
    await fills(page, { 理由: "与另一张工单重复" });
    await confirms(page, "不予处理");
    await gone(dialog(page));
    await page.getByText("不处理", { exact: true }).first().waitFor();
    await noticesAreRead(page);
  });
  return page;
}

/** Notices come when deadlines pass; here the list has one of each kind. */
async function noticesAreRead(page) {
  const kinds = ["warning", "supervision", "progress"].map((kind, n) => ({
    id: `00000000-0000-7000-8000-00000000000${n}`,
    ticket_id: `00000000-0000-7000-8000-00000000000${n}`,
    kind,
    title: ["预警单", "督办单", "进度单"][n],
    division: COMMUNITY,
    state: "assigned",
    at: "2026-11-01T00:00:00Z",
  }));
  await page.route("**/ticket-notices?*", (route) =>
    route.fulfill({ json: { items: kinds, next_cursor: null } }),
  );
  await goes(page, "/tickets");
  await page.getByRole("tab", { name: "通知单" }).click();
  await says(page, "督办单");
  await picture(page, "notices-desk");
  await press(page, "已阅");
  await says(page, "标为已阅后不再列出");
  await confirms(page, "取消");
  await gone(dialog(page));
  await page.unroute("**/ticket-notices?*");
}

async function groups(boss, { group, neighbours: [anna, ben] }) {
  await check("console: a group waits on a phone, is read, approved, and closed only on second thoughts", async () => {
    const phone = await boss.at("/groups", PHONE);
    await press(phone, "去审核");
    await phone.getByRole("link", { name: "晨跑团" }).click();
    await says(phone, "每周三次，沿河慢跑");
    await assert.rejects(anna.get(`/groups/${group.id}`), "nobody reads it yet");
    await press(phone, "批准");
    await fills(phone, { 理由: "符合社群公约" });
    await confirms(phone, "批准");
    await phone.getByText("活跃", { exact: true }).first().waitFor();
    assert.equal((await anna.get(`/groups/${group.id}`)).group.state, "active");
    await says(phone, "这个月没有聚会");
    await picture(phone, "group-phone");
    await hesitates(phone, "解散", "解散后不能恢复");
    await confirms(phone, "取消");
    await gone(dialog(phone));
    assert.equal((await ben.get(`/groups/${group.id}`)).group.state, "active");
    await phone.context().close();
  });
}

async function coaches(page, { office, neighbours: [, , chen] }) {
  await check("console: a community registers a coach, enters a certificate and links the account", async () => {
    if (chen.me.verification === "unverified")
      await office.send(`members/${chen.me.id}/verification`, "");
    await goes(page, "/coaches");
    await says(page, "还没有教练或指导员");
    await press(page, "登记");
    await fills(page, { 居民编号: chen.me.id, 主要项目: "badminton" });
    await dialog(page).getByLabel("作为教练开放预约").check();
    await confirms(page, "登记");
    await page.locator('[role="cell"] a[href*="#/coaches/"]').first().click();
    await says(page, "还没有证书");
    await press(page, "录入证书");
    await fills(page, { 发证机关: "市体育局", 证书号码: "ZJ-7001", 发证日期: "2025-01-01" });
    await confirms(page, "录入");
    await says(page, "二级社会体育指导员");
    await press(page, "关联账号");
    await fills(page, { 账号: { label: "console-life-instructor" } });
    await confirms(page, "关联");
    await says(page, "已关联，可自己发布时段");
    await hesitates(page, "撤销", "撤销后不能恢复");
    await confirms(page, "取消");
    await gone(dialog(page));
    await picture(page, "coach-desk");
  });
}

async function bookings(page, { venue, neighbours: [anna, ben] }, coach) {
  const first = day(3);
  const weekday = "一二三四五六日"[(new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7];
  const calendar = (date) => `/bookings?venue=${venue.id}&view=week&day=${date}`;
  const taken = async () => (await anna.get("/me/bookings")).items;
  await check("console: hours are published every week, booked by a resident, and called off with notice", async () => {
    await goes(page, calendar(first));
    await says(page, "这一周没有时段");
    await press(page, "发布时段");
    await fills(page, { 日期: first, 开始: "10:00", 结束: "11:00", 最多学员: "2", 项目: "badminton" });
    await dialog(page).getByLabel(`每周${weekday}重复`).check();
    await fills(page, { 重复到: day(18) });
    await picture(page, "publish-desk");
    await confirms(page, "发布");
    await says(page, "已发布 3 个时段");
    await confirms(page, "关闭");
    const { items: known } = await anna.get(`/coaches?division=${COMMUNITY}`);
    const { items: slots } = await anna.get(`/coaches/${known[0].id}/slots`);
    const held = await anna.post("/bookings", { slot_id: slots[0].id });
    await anna.post(`/bookings/${held.id}/confirmation`);
    await goes(page, calendar(day(10)));
    await goes(page, calendar(first));
    await page.getByRole("button", { name: /10:00–11:00.*可约 1 \/ 2/ }).click();
    await page.getByRole("region", { name: "预约名单" }).getByText("已预约").waitFor();
    await picture(page, "bookings-desk");
    await hesitates(page, "停开这个时段", "已预约和候补的居民都会收到通知");
    await fills(page, { 理由: "教练临时有事" });
    await confirms(page, "停开");
    await says(page, "已停开：教练临时有事");
    assert.equal((await taken())[0].state, "called_off");
    await goes(page, calendar(day(10)));
    await page.getByRole("button", { name: /10:00–11:00.*可约 2 \/ 2/ }).click();
    await hesitates(page, "停开整个系列", "所有时段都停开，不能恢复");
    await fills(page, { 理由: "场地改造" });
    await confirms(page, "停开整个系列");
    await says(page, "已停开 2 个时段");
    await confirms(page, "关闭");
    await absenceIsForgiven(page, ben);
  });
  await check("console: an instructor on a phone publishes hours of their own and sees who booked", async () => {
    const phone = await coach.window(PHONE);
    await coach.signsIn(phone);
    await goes(phone, calendar(day(4)));
    await press(phone, "发布时段");
    await fills(phone, { 日期: day(4), 开始: "15:00", 结束: "16:00" });
    await confirms(phone, "发布");
    await says(phone, "已发布 1 个时段");
    await confirms(phone, "关闭");
    await phone.getByRole("button", { name: /15:00–16:00/ }).click();
    await says(phone, "还没有人预约");
    await picture(phone, "bookings-phone");
    assert.equal(await phone.getByRole("button", { name: "设为可预约场地" }).count(), 0);
    await goes(phone, "/tickets");
    await says(phone, "您的角色不能查看这一页");
    await phone.context().close();
  });
}

/** Absences take days to be proven: the list is told, the pardon is real. */
async function absenceIsForgiven(page, ben) {
  const absent = { id: "b", member_id: ben.me.id, name: ben.me.name, state: "no_show" };
  await page.route("**/slots/*/bookings?*", (route) =>
    route.fulfill({ json: { items: [absent], next_cursor: null } }),
  );
  await page.getByRole("button", { name: "收起" }).click();
  await page.getByRole("button", { name: /10:00–11:00/ }).first().click();
  await press(page, "谅解缺席");
  await fills(page, { 理由: "当天因公外出" });
  await confirms(page, "谅解");
  await says(page, "已谅解");
  await gone(dialog(page));
  await page.unroute("**/slots/*/bookings?*");
}

async function activities(page, { match, venue, neighbours: [anna, ben, chen] }) {
  await check("console: who came is noted, results are entered, and residents read the places", async () => {
    await goes(page, `/activities/${match.id}`);
    await page.getByText("候补", { exact: true }).first().waitFor();
    await picture(page, "activity-desk");
    await press(page, "登记到场");
    await says(page, "本人已到现场");
    await confirms(page, "已到场");
    await says(page, "人工登记");
    const wait = Date.parse(match.starts_at) + 500 - Date.now();
    if (wait > 0) await page.waitForTimeout(wait);
    await page.getByRole("tab", { name: "成绩与名次" }).click();
    await page.getByLabel(/的名次$/).first().fill("1");
    await page.getByLabel(/的成绩$/).first().fill("2:0");
    await press(page, "保存成绩");
    await says(page, "已保存 1 条成绩");
    const { items } = await anna.get(`/activities/${match.id}/results`);
    assert.deepEqual(items.map(({ place, result }) => [place, result]), [[1, "2:0"]]);
    assert.equal((await chen.get(`/activities/${match.id}`)).sign_up.state, "waiting");
  });
  await check("console: an activity is published, signed up for, and called off only when it is meant", async () => {
    await goes(page, "/activities");
    await press(page, "发布活动");
    await fills(page, { 名称: "八段锦公益课", 种类: "class", 场馆: venue.id, 开始: `${day(5)}T09:00`, 结束: `${day(5)}T10:30`, 名额: "20" });
    await confirms(page, "发布");
    await page.getByRole("link", { name: "八段锦公益课" }).click();
    await settled(page);
    const id = page.url().split("/").pop();
    await ben.post(`/activities/${id}/sign-up`, {});
    await hesitates(page, "取消活动", "取消后不能恢复");
    await fills(page, { 理由: "老师生病" });
    await confirms(page, "取消活动");
    await says(page, "已取消：老师生病");
    assert.ok((await ben.get(`/activities/${id}`)).activity.cancelled_at);
    await goes(page, "/activities");
    await picture(page, "activities-desk");
  });
}

async function fitness(clerk, { venue, neighbours: [anna] }, town) {
  await check("console: a desk on a phone asks for consent, enters two tests, sees the trend and plans", async () => {
    const standards = `${town.root}/deploy/standards`;
    const files = ["--bands", `${standards}/fitness-2023.csv`, "--weights", `${standards}/fitness-2023-weights.csv`];
    await town.server.command("fitness", "load", ...files);
    const phone = await clerk.window(PHONE);
    await clerk.signsIn(phone);
    await goes(phone, "/fitness");
    await says(phone, "先查找要测试的居民");
    await phone.getByLabel("内容").fill(anna.me.name);
    await press(phone, "查找");
    await phone.locator('[role="cell"] a[href*="#/fitness/"]').first().waitFor();
    await goes(phone, `/fitness/${anna.me.id}`);
    await says(phone, "没有同意保存体质测试结果");
    await picture(phone, "fitness-consent-phone");
    await phone.getByRole("link", { name: "去记录同意" }).click();
    await settled(phone);
    await phone.getByRole("tab", { name: "同意与准入" }).click();
    await press(phone, "记录同意或撤回");
    await fills(phone, { 事项: "health_data" });
    await confirms(phone, "记录");
    await gone(dialog(phone));
    await goes(phone, `/fitness/${anna.me.id}`);
    await says(phone, "还没有测试记录");
    for (const [grip, at] of [["31.5", `${day(-90)}T09:00`], ["35.5", `${day(-1)}T09:00`]]) {
      await press(phone, "录入测试");
      await fills(phone, { 测试地点: venue.id, 测试时间: at, 握力: grip, 坐位体前屈: "8.5" });
      await confirms(phone, "录入");
      await gone(dialog(phone));
    }
    await phone.getByRole("img", { name: /得分，按测试当天本人的年龄与性别/ }).waitFor();
    await says(phone, "与上次相比");
    await press(phone, "制定计划");
    await fills(phone, { 建议: "每周两次握力球练习" });
    await confirms(phone, "保存计划");
    await says(phone, "每周两次握力球练习");
    await picture(phone, "fitness-phone");
    assert.equal((await anna.get("/me/guidance")).plan.text, "每周两次握力球练习");
    assert.equal((await anna.get("/me/fitness-tests")).items.length, 2);
    const desk = await clerk.at(`/fitness/${anna.me.id}`);
    await desk.getByRole("img", { name: /得分/ }).waitFor();
    await desk.locator("canvas").nth(1).waitFor();
    await picture(desk, "fitness-desk");
    await desk.context().close();
    clerk.page = phone;
  });
}

async function holidays(page) {
  const year = Number(day(0).slice(0, 4)) + 1;
  const upload = async (text) => {
    await press(page, "导入一年");
    const file = { name: "year.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await dialog(page).getByLabel("文件").setInputFiles(file);
    await confirms(page, "上传");
  };
  await check("console: days of a holiday are one row, are shortened, taken back, and come as a file", async () => {
    await goes(page, "/holidays");
    await press(page, "新增");
    await fills(page, { 第一天: `${year}-05-01`, 最后一天: `${year}-05-05`, 名称: "劳动节" });
    await says(page, "✓ 共 5 天");
    await confirms(page, "保存");
    await says(page, "已更新 5 天");
    await confirms(page, "关闭");
    await page.getByLabel("年份").selectOption(String(year));
    const row = page.getByRole("row").filter({ hasText: "劳动节" });
    await row.getByText(`${year}-05-01 至 05-05`).waitFor();
    await row.getByRole("button", { name: "修改" }).click();
    await fills(page, { 最后一天: `${year}-05-03` });
    await confirms(page, "保存");
    await confirms(page, "关闭");
    await row.getByText(`${year}-05-01 至 05-03`).waitFor();
    const header = "day,kind,name,as_weekday\n";
    await upload(`${header}${year}-10-01,feast,国庆节,\n`);
    await says(page, "第 1 行 kind 列");
    await picture(page, "import-faults-desk");
    await confirms(page, "取消");
    const days = [1, 2, 3].map((n) => `${year}-10-0${n},holiday,国庆节,\n`).join("");
    await upload(`${header}${days}${year}-10-09,workday,国庆节,5\n`);
    await says(page, "已更新 4 天");
    await confirms(page, "关闭");
    await says(page, "按周五");
    await picture(page, "holidays-desk");
    await row.getByRole("button", { name: "取消" }).click();
    await says(page, "恢复为普通日");
    await confirms(page, "恢复为普通日");
    await confirms(page, "关闭");
    await gone(row);
  });
}

async function looker(bureau, { group, match }) {
  await check("console: the bureau reads groups and activities, changes nothing, and sees no names", async () => {
    const page = await bureau.window(PHONE);
    await bureau.signsIn(page);
    await goes(page, `/groups/${group.id}`);
    await says(page, "晨跑团");
    assert.equal(await page.getByRole("button", { name: "解散" }).count(), 0);
    await goes(page, `/activities/${match.id}`);
    await says(page, "您的角色不能查看报名名单");
    await goes(page, "/holidays");
    assert.equal(await page.getByRole("button", { name: "新增" }).count(), 0);
    for (const path of ["/tickets", "/fitness"]) {
      await goes(page, path);
      await says(page, "您的角色不能查看这一页");
    }
    await picture(page, "no-right-phone");
    bureau.page = page;
  });
}
