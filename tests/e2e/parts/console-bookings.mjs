// Coaches and the calendar of bookings: from a certificate to hours that residents book, and off again.

import { check } from "../lib/checks.mjs";
import {
  assert,
  confirms,
  dialog,
  fills,
  gone,
  goes,
  hesitates,
  PHONE,
  press,
  says,
  stands,
} from "../lib/desk.mjs";
import { day } from "../lib/neighbours.mjs";

const COMMUNITY = "330482401001";

export async function coaches(page, { office, neighbours: [, , chen] }) {
  await check(
    "console: a community registers a coach, enters a certificate and links the account",
    async () => {
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
      await stands(page, "coach-desk");
    },
  );
}

export async function bookings(page, { venue, neighbours: [anna, ben] }, coach) {
  const first = day(3);
  const weekday = "一二三四五六日"[(new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7];
  const calendar = (date) => `/bookings?venue=${venue.id}&view=week&day=${date}`;
  const taken = async () => (await anna.get("/me/bookings")).items;
  await check(
    "console: hours are published every week, booked by a resident, and called off with notice",
    async () => {
      await goes(page, calendar(first));
      await says(page, "这一周没有时段");
      await press(page, "发布时段");
      await fills(page, {
        日期: first,
        开始: "10:00",
        结束: "11:00",
        最多学员: "2",
        项目: "badminton",
      });
      await dialog(page).getByLabel(`每周${weekday}重复`).check();
      await fills(page, { 重复到: day(18) });
      await stands(page, "publish-desk");
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
      await stands(page, "bookings-desk");
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
    },
  );
  await check(
    "console: an instructor on a phone publishes hours of their own and sees who booked",
    async () => {
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
      await stands(phone, "bookings-phone");
      assert.equal(await phone.getByRole("button", { name: "设为可预约场地" }).count(), 0);
      await goes(phone, "/tickets");
      await says(phone, "您的角色不能查看这一页");
      await phone.context().close();
    },
  );
}

/** Absences take days to be proven: the list is told, the pardon is real. */
async function absenceIsForgiven(page, ben) {
  const absent = { id: "b", member_id: ben.me.id, name: ben.me.name, state: "no_show" };
  await page.route("**/slots/*/bookings?*", (route) =>
    route.fulfill({ json: { items: [absent], next_cursor: null } }),
  );
  await page.getByRole("button", { name: "收起" }).click();
  await page
    .getByRole("button", { name: /10:00–11:00/ })
    .first()
    .click();
  await press(page, "谅解缺席");
  await fills(page, { 理由: "当天因公外出" });
  await confirms(page, "谅解");
  await says(page, "已谅解");
  await gone(dialog(page));
  await page.unroute("**/slots/*/bookings?*");
}
