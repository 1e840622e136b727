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
  stands,
} from "../lib/desk.mjs";
import { day, Neighbour } from "../lib/neighbours.mjs";
import { Office } from "../lib/office.mjs";
import * as acts from "./console-acts.mjs";
import { bookings, coaches } from "./console-bookings.mjs";
import { tickets } from "./console-tickets.mjs";

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
  const page = await tickets(boss, seeds);
  await groups(boss, seeds);
  await looker(bureau, seeds);
  await coaches(page, seeds);
  await bookings(page, seeds, coach);
  await activities(page, seeds);
  await fitness(clerk, seeds);
  await holidays(page);
  await acts.acts({ boss, page, clerk, bureau }, seeds, town);
  await page.context().close();
}

/** What residents did before staff look: reports, a group, and signing up. */
async function seeded(town) {
  // It takes a while, and nobody needs it at once.
  const words = ["bands", "weights"].flatMap((name) => {
    const file = name === "bands" ? "fitness-2023.csv" : "fitness-2023-weights.csv";
    return [`--${name}`, `${town.root}/deploy/standards/${file}`];
  });
  const loading = town.server.command("fitness", "load", ...words);
  const standard = loading.then(() => null, String);
  const office = await Office.of(town.server);
  const neighbours = await Neighbour.of(town.server, COMMUNITY, 4);
  const { items: venues } = await office.read("venues?limit=200");
  const venue = venues.find(({ community }) => community === COMMUNITY);
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
  return { office, neighbours, venue, match, group, standard };
}

async function groups(boss, { group, neighbours: [anna, ben] }) {
  await check(
    "console: a group waits on a phone, is read, approved, and closed only on second thoughts",
    async () => {
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
      await stands(phone, "group-phone");
      await hesitates(phone, "解散", "解散后不能恢复");
      await confirms(phone, "取消");
      await gone(dialog(phone));
      assert.equal((await ben.get(`/groups/${group.id}`)).group.state, "active");
      await phone.context().close();
    },
  );
}

async function activities(page, { match, venue, neighbours: [anna, ben, chen] }) {
  await check(
    "console: who came is noted, results are entered, and residents read the places",
    async () => {
      await goes(page, `/activities/${match.id}`);
      await page.getByText("候补", { exact: true }).first().waitFor();
      await stands(page, "activity-desk");
      await press(page, "登记到场");
      await says(page, "本人已到现场");
      await confirms(page, "已到场");
      await says(page, "人工登记");
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
    },
  );
  await check(
    "console: an activity is published, signed up for, and called off only when it is meant",
    async () => {
      await goes(page, "/activities");
      await press(page, "发布活动");
      await fills(page, {
        名称: "八段锦公益课",
        种类: "class",
        场馆: venue.id,
        开始: `${day(5)}T09:00`,
        结束: `${day(5)}T10:30`,
        名额: "20",
      });
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
    },
  );
}

async function fitness(clerk, { venue, standard, neighbours: [anna] }) {
  await check(
    "console: a desk on a phone asks for consent, enters two tests, sees the trend and plans",
    async () => {
      assert.equal(await standard, null, "the standard is loaded");
      // One in some of the demo's people agrees from the first.
      await anna.ask("DELETE", "/me/consents?purpose=health_data");
      const phone = await clerk.window(PHONE);
      clerk.page = phone;
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
      for (const [grip, at] of [
        ["31.5", `${day(-90)}T09:00`],
        ["35.5", `${day(-1)}T09:00`],
      ]) {
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
      await gone(dialog(phone));
      await says(phone, "每周两次握力球练习");
      await stands(phone, "fitness-phone");
      assert.equal((await anna.get("/me/guidance")).plan.text, "每周两次握力球练习");
      assert.equal((await anna.get("/me/fitness-tests")).items.length, 2);
      const desk = await clerk.at(`/fitness/${anna.me.id}`);
      await desk.getByRole("img", { name: /得分/ }).waitFor();
      await desk.locator("canvas").nth(1).waitFor();
      await stands(desk, "fitness-desk");
      await desk.context().close();
    },
  );
}

async function holidays(page) {
  const year = Number(day(0).slice(0, 4)) + 1;
  const upload = async (text) => {
    await press(page, "导入一年");
    const file = { name: "year.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await dialog(page).getByLabel("文件").setInputFiles(file);
    await confirms(page, "上传");
  };
  await check(
    "console: days of a holiday are one row, are shortened, taken back, and come as a file",
    async () => {
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
      await stands(page, "holidays-desk");
      await row.getByRole("button", { name: "取消" }).click();
      await says(page, "恢复为普通日");
      await confirms(page, "恢复为普通日");
      await confirms(page, "关闭");
      await gone(dialog(page));
      await gone(row);
    },
  );
}

async function looker(bureau, { group, match }) {
  await check(
    "console: the bureau reads groups and activities, changes nothing, and sees no names",
    async () => {
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
    },
  );
}
