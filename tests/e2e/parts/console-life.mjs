// What a community has beside its doors, in the console: tickets, groups, activities, coaches and
// bookings, fitness tests, holidays. Each story ends at what residents are told.

import {
  assert,
  confirms,
  Desk,
  dialog,
  EVERY_SIZE,
  fills,
  gone,
  goes,
  hesitates,
  picture,
  press,
  row,
  says,
  settled,
  stands,
  story,
} from "../lib/desk.mjs";
import { day, Neighbour } from "../lib/neighbours.mjs";
import { Office } from "../lib/office.mjs";
import * as acts from "./console-acts.mjs";
import { bookings, coaches, ownHours } from "./console-bookings.mjs";
import { tickets } from "./console-tickets.mjs";

const COMMUNITY = "330482401001";
const DISTRICT = "330482";
/** Of the activity that has begun when its results are entered. */
const BEGINS_IN_MS = 15_000;
/** Residents of each size's own. */
const NEIGHBOURS = 4;

/** What of each size bears another name, as both are of one community. */
const NAMES = {
  desk: {
    group: "晨跑团",
    match: "社区羽毛球赛",
    class: "八段锦公益课",
    feast: "劳动节",
    month: "05",
  },
  phone: {
    group: "夜跑团",
    match: "社区乒乓球赛",
    class: "太极公益课",
    feast: "端午节",
    month: "06",
  },
};

export async function life(town) {
  const standard = loading(town);
  const neighbours = await Neighbour.of(town.server, COMMUNITY, NEIGHBOURS * EVERY_SIZE.length);
  for (const [n, size] of EVERY_SIZE.entries()) {
    const own = neighbours.slice(n * NEIGHBOURS, (n + 1) * NEIGHBOURS);
    await atSize(town, size, { standard, neighbours: own });
  }
}

async function atSize(town, size, known) {
  const hired = [
    ["community", COMMUNITY],
    ["venue", COMMUNITY],
    ["bureau", DISTRICT],
    ["instructor", COMMUNITY],
  ].map(([role, division]) => Desk.hired(town, role, division, size, "life-"));
  const [boss, clerk, bureau, coach] = await Promise.all(hired);
  const seeds = await seeded(boss, known);
  const page = await tickets(boss, seeds);
  await groups(boss, page, seeds);
  await looker(bureau, seeds);
  seeds.coachId = await coaches(boss, page, seeds);
  await bookings(boss, page, seeds);
  await ownHours(coach, seeds);
  await activities(boss, page, seeds);
  await fitness(clerk, seeds);
  await holidays(boss, page, seeds);
  await acts.acts({ boss, page, clerk, bureau }, seeds, town);
  await page.context().close();
}

/** The standard of fitness tests takes a while, and nobody needs it at once; gives what went wrong. */
function loading(town) {
  const words = ["bands", "weights"].flatMap((name) => {
    const file = name === "bands" ? "fitness-2023.csv" : "fitness-2023-weights.csv";
    return [`--${name}`, `${town.root}/deploy/standards/${file}`];
  });
  return town.server.command("fitness", "load", ...words).then(() => null, String);
}

/** What residents did before staff look: reports, a group, and signing up. */
async function seeded({ town, size, own }, known) {
  const names = NAMES[size];
  const office = await Office.of(town.server);
  const { items: venues } = await office.read("venues?limit=200");
  const venue = venues.find(({ name }) => name === own.venue);
  const starts = Date.now() + BEGINS_IN_MS;
  const match = await office.send(
    "activities",
    JSON.stringify({
      venue_id: venue.id,
      kind: "competition",
      title: names.match,
      about: "单打，三局两胜。",
      starts_at: new Date(starts).toISOString(),
      ends_at: new Date(starts + 3_600_000).toISOString(),
      capacity: 2,
    }),
  );
  const [anna, ben, chen] = known.neighbours;
  for (const one of [anna, ben, chen]) await one.post(`/activities/${match.id}/sign-up`, {});
  for (const [kind, text] of [
    ["safety", "二号跑步机的踏板松动，容易滑倒。"],
    ["equipment", "哑铃架少了一个螺丝。"],
    ["hygiene", "更衣室地面积水。"],
  ])
    await anna.post(`/venues/${venue.id}/reports`, { kind, text });
  const group = await ben.post("/groups", {
    name: names.group,
    sport: "running",
    about: "每周三次，沿河慢跑，欢迎新手。",
  });
  return { ...known, names, office, venue, zone: venue.zones[0], match, group };
}

async function groups(boss, page, { names, group, neighbours: [anna, ben] }) {
  await story(boss, "a group is read, approved, and closed only on second thoughts", async () => {
    await goes(page, "/groups");
    await press(page, "去审核");
    await page.getByRole("link", { name: names.group }).click();
    await says(page, "每周三次，沿河慢跑");
    await assert.rejects(anna.get(`/groups/${group.id}`), "nobody reads it yet");
    await press(page, "批准");
    await fills(page, { 理由: "符合社群公约" });
    await confirms(page, "批准");
    await page.getByText("活跃", { exact: true }).first().waitFor();
    assert.equal((await anna.get(`/groups/${group.id}`)).group.state, "active");
    await says(page, "这个月没有聚会");
    await stands(page, `group-${boss.size}`);
    await hesitates(page, "解散", "解散后不能恢复");
    await confirms(page, "取消");
    await gone(dialog(page));
    assert.equal((await ben.get(`/groups/${group.id}`)).group.state, "active");
  });
}

async function activities(boss, page, { names, match, venue, neighbours: [anna, ben, chen] }) {
  await story(boss, "who came is noted, by hand and by the code on their telephone", async () => {
    await goes(page, `/activities/${match.id}`);
    await page.getByText("候补", { exact: true }).first().waitFor();
    await stands(page, `activity-${boss.size}`);
    const line = ({ me }) =>
      page.getByRole("row").filter({ has: page.locator(`a[href$="/members/${me.id}"]`) });
    await line(anna).getByRole("button", { name: "登记到场" }).click();
    await says(page, "本人已到现场");
    await confirms(page, "已到场");
    await gone(dialog(page));
    await line(anna).getByText("人工登记").waitFor();
    await press(page, "按二维码登记到场");
    const { code } = await ben.get("/me/code");
    // A code that somebody made up is nobody's; what was scanned next is.
    await fills(page, { 入场码: `${code.slice(0, -4)}0000` });
    await confirms(page, "登记");
    await says(page, "请按提示修改后重试");
    await fills(page, { 入场码: code });
    await stands(page, `attendance-${boss.size}`);
    await confirms(page, "登记");
    await gone(dialog(page));
    await line(ben).getByText("出示二维码").waitFor();
    assert.equal((await ben.get(`/activities/${match.id}`)).own.attended_by, "qr", "he is told");
  });
  await story(boss, "results are entered, and residents read the places", async () => {
    const wait = Date.parse(match.starts_at) + 500 - Date.now();
    if (wait > 0) await page.waitForTimeout(wait);
    await page.getByRole("tab", { name: "成绩与名次" }).click();
    await page
      .getByLabel(/的名次$/)
      .first()
      .fill("1");
    await page
      .getByLabel(/的成绩$/)
      .first()
      .fill("2:0");
    await press(page, "保存成绩");
    await says(page, "已保存 1 条成绩");
    const { items } = await anna.get(`/activities/${match.id}/results`);
    assert.deepEqual(
      items.map(({ place, result }) => [place, result]),
      [[1, "2:0"]],
    );
    assert.equal((await chen.get(`/activities/${match.id}`)).own.state, "waiting");
  });
  await story(boss, "an activity is published, and called off only when it is meant", async () => {
    await goes(page, "/activities");
    await press(page, "发布活动");
    await fills(page, {
      名称: names.class,
      种类: "class",
      场馆: venue.id,
      开始: `${day(5)}T18:00`,
      结束: `${day(5)}T19:30`,
      名额: "20",
    });
    await confirms(page, "发布");
    await page.getByRole("link", { name: names.class }).click();
    await settled(page);
    const id = page.url().split("/").pop();
    await ben.post(`/activities/${id}/sign-up`, {});
    await hesitates(page, "取消活动", "取消后不能恢复");
    await fills(page, { 理由: "老师生病" });
    await confirms(page, "取消活动");
    await says(page, "已取消：老师生病");
    assert.ok((await ben.get(`/activities/${id}`)).activity.cancelled_at);
    await goes(page, "/activities");
    await picture(page, `activities-${boss.size}`);
  });
}

async function fitness(clerk, { venue, standard, neighbours: [anna] }) {
  await story(
    clerk,
    "a desk asks for consent, enters two tests, sees the trend and plans",
    async () => {
      assert.equal(await standard, null, "the standard is loaded");
      // One in some of the demo's people agrees from the first.
      await anna.ask("DELETE", "/me/consents?purpose=health_data");
      const page = await clerk.window();
      clerk.page = page;
      await clerk.signsIn(page);
      await goes(page, "/fitness");
      await says(page, "先查找要测试的居民");
      await page.getByLabel("内容").fill(anna.me.name);
      await press(page, "查找");
      await page.locator('[role="cell"] a[href*="#/fitness/"]').first().waitFor();
      await goes(page, `/fitness/${anna.me.id}`);
      await says(page, "没有同意保存体质测试结果");
      await picture(page, `fitness-consent-${clerk.size}`);
      await page.getByRole("link", { name: "去记录同意" }).click();
      await settled(page);
      await page.getByRole("tab", { name: "同意与准入" }).click();
      await press(page, "记录同意或撤回");
      await fills(page, { 事项: "health_data" });
      await confirms(page, "记录");
      await gone(dialog(page));
      await goes(page, `/fitness/${anna.me.id}`);
      await says(page, "还没有测试记录");
      for (const [grip, at] of [
        ["31.5", `${day(-90)}T09:00`],
        ["35.5", `${day(-1)}T09:00`],
      ]) {
        await press(page, "录入测试");
        await fills(page, { 测试地点: venue.id, 测试时间: at, 握力: grip, 坐位体前屈: "8.5" });
        await confirms(page, "录入");
        await gone(dialog(page));
      }
      await page.getByRole("img", { name: /得分，按测试当天本人的年龄与性别/ }).waitFor();
      await says(page, "与上次相比");
      await press(page, "制定计划");
      await fills(page, { 建议: "每周两次握力球练习" });
      await confirms(page, "保存计划");
      await gone(dialog(page));
      await says(page, "每周两次握力球练习");
      await stands(page, `fitness-${clerk.size}`);
      assert.equal((await anna.get("/me/guidance")).plan.text, "每周两次握力球练习");
      assert.equal((await anna.get("/me/fitness-tests")).items.length, 2);
      await page.locator("canvas").nth(1).waitFor();
    },
  );
}

async function holidays(boss, page, { names: { feast, month } }) {
  const year = Number(day(0).slice(0, 4)) + 1;
  const date = (n) => `${year}-${month}-${String(n).padStart(2, "0")}`;
  const upload = async (text) => {
    await press(page, "导入一年");
    const file = { name: "year.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await dialog(page).getByLabel("文件").setInputFiles(file);
    await confirms(page, "上传");
  };
  const line = row(page, feast);
  await story(boss, "days of a holiday are one row, are shortened and taken back", async () => {
    await goes(page, "/holidays");
    await press(page, "新增");
    await fills(page, { 第一天: date(1), 最后一天: date(5), 名称: feast });
    await says(page, "✓ 共 5 天");
    await confirms(page, "保存");
    await says(page, "已更新 5 天");
    await confirms(page, "关闭");
    await page.getByLabel("年份").selectOption(String(year));
    await line.getByText(`${date(1)} 至 ${month}-05`).waitFor();
    await line.getByRole("button", { name: "修改" }).click();
    await fills(page, { 最后一天: date(3) });
    await stands(page, `holiday-form-${boss.size}`);
    await confirms(page, "保存");
    await confirms(page, "关闭");
    await line.getByText(`${date(1)} 至 ${month}-03`).waitFor();
    await line.getByRole("button", { name: "取消" }).click();
    await says(page, "恢复为普通日");
    await confirms(page, "恢复为普通日");
    await confirms(page, "关闭");
    await gone(dialog(page));
    await gone(line);
  });
  await story(boss, "a year of holidays comes as a file, whole or not at all", async () => {
    const header = "day,kind,name,as_weekday\n";
    await upload(`${header}${date(21)},feast,${feast},\n`);
    await says(page, "第 1 行 kind 列");
    await picture(page, `holiday-faults-${boss.size}`);
    await confirms(page, "取消");
    await gone(dialog(page));
    assert.equal(await line.count(), 0, "nothing was taken");
    const days = [21, 22, 23].map((n) => `${date(n)},holiday,${feast},\n`).join("");
    await upload(`${header}${days}${date(28)},workday,${feast},5\n`);
    await says(page, "已更新 4 天");
    await confirms(page, "关闭");
    await line.filter({ hasText: "按周五" }).waitFor();
    await stands(page, `holidays-${boss.size}`);
  });
}

async function looker(bureau, { names, group, match }) {
  await story(bureau, "the bureau reads groups and activities, and sees no names", async () => {
    const page = await bureau.window();
    await bureau.signsIn(page);
    await goes(page, `/groups/${group.id}`);
    await says(page, names.group);
    assert.equal(await page.getByRole("button", { name: "解散" }).count(), 0);
    await goes(page, `/activities/${match.id}`);
    await says(page, "您的角色不能查看报名名单");
    await goes(page, "/holidays");
    assert.equal(await page.getByRole("button", { name: "新增" }).count(), 0);
    for (const path of ["/tickets", "/fitness"]) {
      await goes(page, path);
      await says(page, "您的角色不能查看这一页");
    }
    await picture(page, `no-right-life-${bureau.size}`);
    bureau.page = page;
  });
}
