// The board of tickets, by keys, by dragging and by a finger; a zone that is closed through one; and
// the notices about what is late.

import {
  assert,
  confirms,
  dialog,
  fills,
  gone,
  goes,
  hesitates,
  picture,
  press,
  says,
  settled,
  stands,
  story,
} from "../lib/desk.mjs";
import { reach } from "./console-care.mjs";

const COMMUNITY = "330482401001";

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

/** The columns of a board, and what of them is about one venue. */
function boardOf(page, venue) {
  const column = (name) => page.getByRole("region", { name: new RegExp(`^${name}`) });
  const cards = (name) => column(name).getByRole("listitem").filter({ hasText: venue.name });
  return { column, cards };
}

/** Gives the page, signed in. */
export async function tickets(boss, seeds) {
  const page = await boss.window();
  const board = boardOf(page, seeds.venue);
  await byKeys(boss, page, board);
  await byHand(boss, page, board);
  await through(boss, page, board, seeds);
  await closing(boss, page, board, seeds);
  return page;
}

async function byKeys(boss, page, { cards }) {
  await story(
    boss,
    "a ticket goes over the board by keys, and none is moved by mistake",
    async () => {
      await boss.signsIn(page);
      await goes(page, "/tickets");
      await cards("已上报").nth(2).waitFor();
      await stands(page, `tickets-${boss.size}`);
      await reach(page, await cards("已上报").first().getByRole("link").textContent());
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
      await picture(page, `ticket-retry-${boss.size}`);
      await page.keyboard.press("Enter");
      await gone(dialog(page));
      await cards("已研判").first().waitFor();
      assert.equal(keys.length, 2);
      assert.equal(new Set(keys).size, 1, "every attempt is the same step");
      await page.unroute("**/steps");
    },
  );
}

/** By a mouse a ticket is dragged to the next column; a finger, which scrolls, takes the button. */
async function byHand(boss, page, { column, cards }) {
  if (boss.size === "phone") {
    await story(boss, "a ticket is moved by a finger, and asks first", async () => {
      await cards("已研判").getByRole("button", { name: "派单" }).tap();
      await says(page, "交给一位负责人或一家单位");
      await dialog(page).getByRole("button", { name: "取消" }).tap();
      await gone(dialog(page));
      assert.equal(await cards("已派单").count(), 0, "nothing moved");
      await cards("已研判").getByRole("button", { name: "派单" }).tap();
      await fills(page, { 负责人或单位: "社区维修队" });
      await dialog(page).getByRole("button", { name: "派单" }).tap();
      await gone(dialog(page));
      await cards("已派单").getByText(/^限 /).waitFor();
    });
    return;
  }
  await story(
    boss,
    "a ticket is dragged to the next column and nowhere else, and asks first",
    async () => {
      await cards("已研判").dragTo(column("已确认"));
      await says(page, "「已研判」的工单不能直接移到「已确认」");
      await picture(page, "ticket-not-there-desk");
      await press(page, "知道了");
      await gone(dialog(page));
      await cards("已研判").dragTo(column("已派单"));
      await says(page, "交给一位负责人或一家单位");
      await confirms(page, "取消");
      await gone(dialog(page));
      assert.equal(await cards("已派单").count(), 0, "nothing moved");
      await cards("已研判").dragTo(column("已派单"));
      await fills(page, { 负责人或单位: "社区维修队" });
      await confirms(page, "派单");
      await gone(dialog(page));
      await cards("已派单").getByText(/^限 /).waitFor();
    },
  );
}

async function through(boss, page, { cards }, { neighbours: [anna] }) {
  await story(boss, "a ticket is fixed and confirmed, and another dismissed for good", async () => {
    await cards("已派单").getByRole("link").click();
    await says(page, "社区维修队");
    await says(page, "现场看过，踏板确实松动。");
    await press(page, "修复完成");
    await confirms(page, "修复完成");
    await page.getByText("已修复", { exact: true }).first().waitFor();
    await says(page, "等上报的居民确认是否修好");
    await press(page, "退回重修");
    await says(page, "退回给原负责人重修");
    await confirms(page, "取消");
    await gone(dialog(page));
    const id = page.url().split("/").pop();
    await anna.post(`/me/reports/${id}/confirmation`, { fixed: true });
    await stands(page, `ticket-${boss.size}`);
    await goes(page, "/tickets");
    await cards("已确认").first().waitFor();
    await cards("已上报").first().getByRole("link").click();
    await settled(page);
    await hesitates(page, "不予处理", "工单结束，不能恢复");
    await fills(page, { 理由: "与另一张工单重复" });
    await confirms(page, "不予处理");
    await gone(dialog(page));
    await page.getByText("不处理", { exact: true }).first().waitFor();
    await noticesAreRead(page, boss.size);
  });
}

/** What is dangerous in one zone closes that zone, and nothing else, until it is fixed. */
async function closing(boss, page, { cards }, { venue, zone, neighbours: [, ben] }) {
  const zones = async () => {
    const { zones } = await ben.get(`/venues/${venue.id}`);
    return zones.filter(({ closed }) => closed).map(({ id }) => id);
  };
  await story(boss, "a zone is closed through a ticket, and opens when it is fixed", async () => {
    await ben.post(`/venues/${venue.id}/reports`, {
      kind: "safety",
      zone_id: zone.id,
      text: "灯管要掉下来了。",
    });
    await goes(page, "/venues");
    await goes(page, "/tickets");
    const dangerous = cards("已上报").filter({ hasText: "安全隐患" });
    await dangerous.getByRole("button", { name: "研判" }).click();
    await fills(page, { 关闭: "zone", 说明: "先拉上警戒线。" });
    await stands(page, `ticket-closes-${boss.size}`);
    await confirms(page, "研判");
    await gone(dialog(page));
    const triaged = cards("已研判").filter({ hasText: "安全隐患" });
    await triaged.waitFor();
    assert.deepEqual(await zones(), [zone.id], "residents are told");
    await goes(page, `/venues/${venue.id}`);
    await page.getByRole("tab", { name: "分区" }).click();
    await page.getByRole("listitem").filter({ hasText: zone.name }).getByText("已关闭").waitFor();
    assert.equal(await page.getByText("已关闭").count(), 1);
    await picture(page, `zone-closed-${boss.size}`);
    await goes(page, "/tickets");
    await triaged.getByRole("link").click();
    await settled(page);
    await says(page, "已关闭");
    await press(page, "派单");
    await fills(page, { 负责人或单位: "物业电工" });
    await confirms(page, "派单");
    await gone(dialog(page));
    await press(page, "修复完成");
    await says(page, "随即恢复开放");
    await confirms(page, "修复完成");
    await gone(dialog(page));
    await page.getByText("已关闭").first().waitFor({ state: "detached" });
    assert.deepEqual(await zones(), []);
  });
}

/** Notices come when deadlines pass; here the list has one of each kind. */
async function noticesAreRead(page, size) {
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
  await stands(page, `notices-${size}`);
  await press(page, "已阅");
  await says(page, "标为已阅后不再列出");
  await confirms(page, "取消");
  await gone(dialog(page));
  await page.unroute("**/ticket-notices?*");
}
