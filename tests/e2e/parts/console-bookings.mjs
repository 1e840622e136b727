// Coaches and the calendar of bookings: from a certificate to hours that residents book, and off again.

import {
  assert,
  confirms,
  dialog,
  fills,
  gone,
  goes,
  hesitates,
  press,
  says,
  stands,
  story,
} from "../lib/desk.mjs";
import { day } from "../lib/neighbours.mjs";

/** Within the hours of each size's venue, on every day of the week. */
const HOURS = {
  desk: { from: "10:00", until: "11:00", coach: ["15:00", "16:00"] },
  phone: { from: "18:00", until: "19:00", coach: ["19:00", "20:00"] },
};

/** Gives the coach's id, who is known by it wherever hours are published. */
export async function coaches(boss, page, { office, neighbours: [, , chen] }) {
  let id;
  await story(
    boss,
    "a community registers a coach, enters a certificate, links the account",
    async () => {
      if (chen.me.verification === "unverified")
        await office.send(`members/${chen.me.id}/verification`, "");
      await goes(page, "/coaches");
      // Those of the desk's story are there when the phone's begins.
      if (boss.size === "desk") await says(page, "还没有教练或指导员");
      const known = await page
        .locator('[role="cell"] a')
        .evaluateAll((all) => all.map((a) => a.hash));
      await press(page, "登记");
      await fills(page, { 居民编号: chen.me.id, 主要项目: "badminton" });
      await dialog(page).getByLabel("作为教练开放预约").check();
      await confirms(page, "登记");
      await gone(dialog(page));
      await page.waitForFunction(
        (count) => document.querySelectorAll('[role="cell"] a').length > count,
        known.length,
      );
      const now = await page
        .locator('[role="cell"] a')
        .evaluateAll((all) => all.map((a) => a.hash));
      const fresh = now.find((hash) => !known.includes(hash));
      id = fresh.split("/").pop();
      await goes(page, fresh.slice(1));
      await says(page, "还没有证书");
      await press(page, "录入证书");
      await fills(page, {
        发证机关: "市体育局",
        证书号码: `ZJ-${boss.own.numbers}`,
        发证日期: "2025-01-01",
      });
      await confirms(page, "录入");
      await says(page, "二级社会体育指导员");
      await press(page, "关联账号");
      await fills(page, { 账号: { label: `console-life-${boss.size}-instructor` } });
      await confirms(page, "关联");
      await says(page, "已关联，可自己发布时段");
      await hesitates(page, "撤销", "撤销后不能恢复");
      await confirms(page, "取消");
      await gone(dialog(page));
      await stands(page, `coach-${boss.size}`);
    },
  );
  return id;
}

const calendarOf = (venue) => (date) => `/bookings?venue=${venue.id}&view=week&day=${date}`;

export async function bookings(boss, page, seeds) {
  const { venue, coachId, neighbours } = seeds;
  const [anna, ben] = neighbours;
  const { from, until } = HOURS[boss.size];
  const first = day(3);
  const weekday = "一二三四五六日"[(new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7];
  const calendar = calendarOf(venue);
  const taken = async () => (await anna.get("/me/bookings")).items;
  const slot = (free) =>
    page.getByRole("button", { name: new RegExp(`${from}–${until}.*${free}`) });
  await story(boss, "hours are published every week, and booked by a resident", async () => {
    await goes(page, calendar(first));
    await says(page, "这一周没有时段");
    await press(page, "发布时段");
    await fills(page, {
      教练或场地: `coach:${coachId}`,
      日期: first,
      开始: from,
      结束: until,
      最多学员: "2",
      项目: "badminton",
    });
    await dialog(page).getByLabel(`每周${weekday}重复`).check();
    await fills(page, { 重复到: day(18) });
    await stands(page, `publish-${boss.size}`);
    await confirms(page, "发布");
    await says(page, "已发布 3 个时段");
    await confirms(page, "关闭");
    const { items: slots } = await anna.get(`/coaches/${coachId}/slots`);
    const held = await anna.post("/bookings", { slot_id: slots[0].id });
    await anna.post(`/bookings/${held.id}/confirmation`);
    await goes(page, calendar(day(10)));
    await goes(page, calendar(first));
    await slot("可约 1 / 2").click();
    await page.getByRole("region", { name: "预约名单" }).getByText("已预约").waitFor();
    await stands(page, `bookings-${boss.size}`);
  });
  await story(boss, "hours are called off with notice, one and a whole series", async () => {
    await hesitates(page, "停开这个时段", "已预约和候补的居民都会收到通知");
    await fills(page, { 理由: "教练临时有事" });
    await confirms(page, "停开");
    await says(page, "已停开：教练临时有事");
    assert.equal((await taken())[0].state, "called_off");
    await goes(page, calendar(day(10)));
    await slot("可约 2 / 2").click();
    await hesitates(page, "停开整个系列", "所有时段都停开，不能恢复");
    await fills(page, { 理由: "场地改造" });
    await confirms(page, "停开整个系列");
    await says(page, "已停开 2 个时段");
    await confirms(page, "关闭");
    await absenceIsForgiven(page, ben, slot("").first());
  });
}

export async function ownHours(coach, { venue, coachId }) {
  const [from, until] = HOURS[coach.size].coach;
  await story(coach, "an instructor publishes hours of their own and sees who booked", async () => {
    const page = await coach.window();
    await coach.signsIn(page);
    await goes(page, calendarOf(venue)(day(4)));
    await press(page, "发布时段");
    await fills(page, { 教练或场地: `coach:${coachId}`, 日期: day(4), 开始: from, 结束: until });
    await confirms(page, "发布");
    await says(page, "已发布 1 个时段");
    await confirms(page, "关闭");
    await page.getByRole("button", { name: new RegExp(`${from}–${until}`) }).click();
    await says(page, "还没有人预约");
    await stands(page, `own-hours-${coach.size}`);
    assert.equal(await page.getByRole("button", { name: "设为可预约场地" }).count(), 0);
    await goes(page, "/tickets");
    await says(page, "您的角色不能查看这一页");
    await page.context().close();
  });
}

/** Absences take days to be proven: the list is told, the pardon is real. */
async function absenceIsForgiven(page, ben, slot) {
  const absent = { id: "b", member_id: ben.me.id, name: ben.me.name, state: "no_show" };
  await page.route("**/slots/*/bookings?*", (route) =>
    route.fulfill({ json: { items: [absent], next_cursor: null } }),
  );
  await page.getByRole("button", { name: "收起" }).click();
  await slot.click();
  await press(page, "谅解缺席");
  await fills(page, { 理由: "当天因公外出" });
  await confirms(page, "谅解");
  await says(page, "已谅解");
  await gone(dialog(page));
  await page.unroute("**/slots/*/bookings?*");
}
