// What the server does by itself and staff wait for: messages to other systems, which a city
// subscribes and sends once more by hand, and trials of other rules, whose progress is shown.

import {
  assert,
  confirms,
  dialog,
  fills,
  gone,
  goes,
  hesitates,
  picks,
  picture,
  press,
  row,
  says,
  stands,
  story,
} from "../lib/desk.mjs";
import { Receiver } from "../lib/receiver.mjs";

/** The process that founded the town has the job that sends for a minute after its end. */
const DELIVERY_MAX_MS = 75_000;
/** Of a check that may wait so long. */
const SENDING_MAX_MS = 240_000;

export async function webhooks(city, admin) {
  const receiver = await Receiver.opened();
  let page;
  try {
    await story(city, "a city subscribes an address, which an admin approves", async () => {
      page = await city.window();
      await city.signsIn(page);
      await goes(page, "/webhooks");
      await says(page, "还没有订阅");
      await stands(page, `webhooks-none-${city.size}`);
      await subscribes(page, city, receiver);
      const line = row(page, receiver.url);
      await line.getByText("等待审批").waitFor();
      await stands(page, `webhooks-${city.size}`);
      await approves(admin, receiver.url);
      await picks(page, receiver.url);
      await says(page, "推送中");
      await says(page, "还没有发送过消息");
    });
    await story(
      city,
      "a message is sent once more, until it arrives",
      () => sends(page, city, receiver),
      SENDING_MAX_MS,
    );
    await story(city, "a subscription is ended only on second thoughts", async () => {
      await hesitates(page, "结束订阅", "不能恢复，要再用须重新订阅并审批");
      await confirms(page, "结束订阅");
      await gone(dialog(page));
      await says(page, "已结束");
      await gone(page.getByRole("button", { name: "发送测试消息" }));
      await goes(page, "/webhooks");
      await says(page, "还没有订阅");
      await page.getByLabel("显示").selectOption("past");
      await row(page, receiver.url).getByText("已结束").waitFor();
      await page.context().close();
    });
  } finally {
    receiver.close();
  }
}

async function subscribes(page, city, receiver) {
  await press(page, "订阅");
  await fills(page, { 接收地址: receiver.url, 用途: "应急指挥平台" });
  await confirms(page, "提交审批");
  // Nothing was chosen yet, and what was typed is still there.
  await says(page, "请至少选择一件要推送的事");
  await dialog(page).getByLabel("疏散开始").check();
  await dialog(page).getByLabel("营业日定稿").check();
  await stands(page, `webhook-form-${city.size}`);
  await confirms(page, "提交审批");
  await says(page, "只显示这一次，请现在保存");
  receiver.secret = await dialog(page).locator(".secret code").textContent();
  await picture(page, `webhook-secret-${city.size}`);
  await confirms(page, "关闭");
  await gone(dialog(page));
}

async function approves(admin, url) {
  const page = await admin.at("/work");
  await page.getByRole("tab", { name: "审批" }).click();
  const asked = row(page, url);
  await asked.getByText("订阅推送").waitFor();
  await asked.getByText("营业日定稿、疏散开始").waitFor();
  await asked.getByRole("button", { name: "批准" }).click();
  await says(page, "批准后立即开始向这个地址推送");
  await picture(page, `webhook-approval-${admin.size}`);
  await confirms(page, "批准");
  await gone(dialog(page));
  await gone(asked);
  await page.context().close();
}

async function sends(page, city, receiver) {
  await press(page, "发送测试消息");
  await says(page, "发一条不含内容的消息");
  await confirms(page, "发送");
  await gone(dialog(page));
  const line = row(page, "测试消息");
  const shows = async (text) => {
    const isShown = line.getByText(text).waitFor({ timeout: DELIVERY_MAX_MS });
    const came = () => JSON.stringify(receiver.messages);
    await isShown.catch(async () => assert.fail(`${text}: ${await line.innerText()} ${came()}`));
  };
  await shows("已送达");
  const again = async () => {
    await line.getByRole("button", { name: "重发" }).click();
    await says(page, "都与原来一样");
    await confirms(page, "重发");
    await gone(dialog(page));
  };
  receiver.status = 503;
  await again();
  await shows("HTTP 503");
  await shows("等待再次发送");
  await stands(page, `webhook-${city.size}`);
  receiver.status = 204;
  await again();
  await shows("已送达");
  await shows("HTTP 204");
  assert.ok(receiver.messages.length >= 3, `${receiver.messages.length} attempts`);
  assert.equal(new Set(receiver.messages.map(({ id }) => id)).size, 1, "one and the same message");
  assert.ok(receiver.messages.every(({ type, isSigned }) => type === "ping" && isSigned));
}

export async function trials(boss) {
  await story(
    boss,
    "a community tries other rules in the background, and adopts them",
    async () => {
      const page = await boss.at("/venues");
      await picks(page, boss.own.venue);
      await page.getByRole("tab", { name: "容量与规则" }).click();
      await page.getByRole("link", { name: "试算更长时间" }).click();
      const scope = dialog(page).getByLabel("哪些场馆");
      assert.equal(await scope.locator("option:checked").textContent(), boss.own.venue);
      await confirms(page, "开始试算");
      // Without a number there is nothing to try, and the form stays.
      await says(page, "请至少填一个要试算的数字");
      await fills(page, { 没刷出时按多少分钟估算: "40" });
      await stands(page, `trial-form-${boss.size}`);
      const slow = await slowed(page);
      await confirms(page, "开始试算");
      await page.getByRole("heading", { level: 1, name: "试算详情" }).waitFor();
      const progress = page.getByRole("progressbar", { name: "试算进度" });
      await progress.waitFor();
      await says(page, "已算 20 / 100 人");
      slow.people_done = 60;
      await says(page, "已算 60 / 100 人");
      await stands(page, `trial-going-${boss.size}`);
      await slow.end();
      await says(page, "如果这段时间用的是这些数字");
      await gone(progress);
      await page.locator("canvas").first().waitFor();
      await stands(page, `trial-done-${boss.size}`);
      await adopts(page, boss);
      await page.context().close();
    },
  );
}

async function adopts(page, boss) {
  await press(page, "采用这些规则");
  await says(page, "1 个场馆改用：估算 40 分钟");
  await confirms(page, "取消");
  await gone(dialog(page));
  await press(page, "采用这些规则");
  await confirms(page, "采用");
  await says(page, "已采用：1 个场馆从");
  await confirms(page, "关闭");
  await gone(dialog(page));
  await goes(page, "/trials");
  const line = row(page, boss.own.venue);
  await line.getByText("已完成").waitFor();
  await line.getByText("估算 40 分钟").waitFor();
  await stands(page, `trials-${boss.size}`);
}

/** Answers that the work is on its way, as it is in a city, until it may come to its end. */
async function slowed(page) {
  const slow = { people_done: 20, end: () => page.unroute("**/rules/trials/*") };
  await page.route("**/rules/trials/*", async (route) => {
    const response = await route.fetch();
    const { people_done } = slow;
    const going = { state: "going", people: 100, people_done, answer: null, ended_at: null };
    await route.fulfill({ response, json: { ...(await response.json()), ...going } });
  });
  return slow;
}
